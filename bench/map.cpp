// The suite map: element-wise chains over one axis, in the caches and out of them. A case is
// affine_relu:N for relu(x*a + b) with numbers a and b, add:N for x + y, or gelu:N with tanh.

#include <fmt/core.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

using onednn::MapKind;

struct Chain {
  std::string_view name;
  MapKind kind;
  double flops;  // an element
  const char* other_inputs;
  const char* call;
};
constexpr Chain chains[] = {
    {"affine_relu", MapKind::affine_relu, 3, "a = input f32[]\nb = input f32[]\n",
     "relu(add(mul(x, a), b))"},
    {"add", MapKind::add, 1, "a = input f32[{}]\n", "add(x, a)"},
    {"gelu", MapKind::gelu, 12, "", "gelu(x, form=tanh)"},
};

Case make_case(Session& session, std::string_view name) {
  const auto [kind, size] = at_colon(name);
  const Chain* chain = std::ranges::find(chains, kind, &Chain::name);
  const std::vector<std::int64_t> sizes = parse_sizes(size, 1);
  if (chain == std::end(chains) || sizes.empty())
    fail("map: case {}: write affine_relu:N, add:N or gelu:N, where N is a number of elements",
         name);
  const std::int64_t count = sizes[0];
  const std::string text = fmt::format("x = input f32[{}]\n", count) +
                           fmt::format(fmt::runtime(chain->other_inputs), count) +
                           fmt::format("y = {}\noutput y\n", chain->call);
  const auto peers = [=](Device& device, std::span<const float* const> of) {
    return onednn::map(device, {chain->kind, count, of[0], of.size() > 1 ? of[1] : nullptr,
                                of.size() > 2 ? of[2] : nullptr});
  };
  Case work = text_case(session, name, text, chain->flops * static_cast<double>(count), peers,
                        {.low = -4, .high = 4});
  // oneDNN adds 1 to a tanh that is close to -1.
  if (chain->kind == MapKind::gelu) work.least_tolerance = 1e-5;
  return work;
}

}  // namespace

Suite map_suite() {
  return {"map",
          {"affine_relu:16384", "affine_relu:1048576", "affine_relu:33554432", "add:16384",
           "add:1048576", "add:33554432", "gelu:16384", "gelu:1048576", "gelu:33554432"},
          make_case};
}

}  // namespace tenon::bench
