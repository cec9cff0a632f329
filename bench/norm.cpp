// The suite norm: normalisation of the rows of a matrix. A case is softmax:ROWSxCOLUMNS or
// layernorm:ROWSxCOLUMNS (without scale and shift).

#include <fmt/core.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

Case norm_case(Session& session, std::string_view name) {
  const auto [kind, size] = at_colon(name);
  const bool is_softmax = kind == "softmax";
  const std::vector<std::int64_t> sizes = parse_sizes(size, 2);
  if (sizes.empty() || (!is_softmax && kind != "layernorm")) {
    fail("norm: case {}: write softmax:ROWSxCOLUMNS or layernorm:ROWSxCOLUMNS", name);
  }
  constexpr float epsilon = 1e-5F;
  const std::int64_t rows = sizes[0], columns = sizes[1];
  const std::string text = fmt::format("x = input {}\ny = {}\noutput y\n", f32_of(sizes),
                                       is_softmax ? "softmax(x)" : "layernorm(x, epsilon=1e-5)");
  const auto peers = [=](Device& device, std::span<const float* const> of) {
    const auto which = is_softmax ? onednn::NormKind::softmax : onednn::NormKind::layernorm;
    return onednn::norm(device, {which, rows, columns, of[0], epsilon});
  };
  return text_case(session, name, text, (is_softmax ? 5 : 7) * product(sizes), peers,
                   {.low = -4, .high = 4});
}

Suite norm_suite() {
  return {
      "norm",
      {"softmax:4096x1024", "softmax:512x32000", "softmax:4096x3001", "softmax:64x1024",
       "layernorm:4096x1024", "layernorm:512x32000", "layernorm:4096x3001", "layernorm:64x1024"},
      norm_case};
}

}  // namespace tenon::bench
