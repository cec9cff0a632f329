// The suite attention: softmax(q · kᵀ / sqrt(d)) · v for every head. A case is b,h,q,kv,d: batch,
// heads, queries, keys, and the length of a head.

#include <cmath>

#include <fmt/core.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

Case make_case(Session& session, std::string_view name) {
  const std::vector<std::int64_t> sizes = parse_sizes(name, 5, ',');
  if (sizes.empty())
    fail(
        "attention: case {}: write b,h,q,kv,d (batch, heads, queries, keys, length of a head), as "
        "in 1,12,128,128,64",
        name);
  const std::int64_t b = sizes[0], h = sizes[1], q = sizes[2], kv = sizes[3], d = sizes[4];
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(d)));
  const std::string text = fmt::format(
      "q = input f32[{0},{1},{2},{4}]\nk = input f32[{0},{1},{3},{4}]\n"
      "v = input f32[{0},{1},{3},{4}]\n"
      "y = matmul(softmax(mul(matmul(q, transpose(k)), {5})), v)\noutput y\n",
      b, h, q, kv, d, scale);
  // Two products, and for each score a softmax and a multiplication.
  const double scores = product(std::vector{b, h, q, kv});
  const double flops = scores * (4 * static_cast<double>(d) + 6);
  return text_case(session, name, text, flops,
                   [=](Device& device, std::span<const float* const> of) {
                     return onednn::attention(device, {b, h, q, kv, d, scale}, of[0], of[1], of[2]);
                   });
}

}  // namespace

// Of BERT with 128 and 512 tokens, of ViT, of one new token of Llama-2-7B, and a ragged one.
Suite attention_suite() {
  return {"attention",
          {"1,12,128,128,64", "1,12,512,512,64", "1,16,384,384,64", "1,12,197,197,64",
           "1,32,1,1024,128", "1,32,64,64,128", "8,8,50,77,40"},
          make_case};
}

}  // namespace tenon::bench
