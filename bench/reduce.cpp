// The suite reduce: sums, maxima and means over some axes. A case is KIND:SHAPE:AXES, such as
// sum:4096x1024:1 for the sums of rows, or max:16x64x56x56:0,2,3. KIND is sum, max or mean.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

using onednn::Combining;

Case make_case(Session& session, std::string_view name) {
  const auto [kind, rest] = at_colon(name);
  const auto [shape, axes_text] = at_colon(rest);
  const std::vector<std::int64_t> input = parse_sizes(shape, 0), axes = parse_list(axes_text, 0);
  const auto is_axis = [&](std::int64_t axis) { return axis < std::ssize(input); };
  if ((kind != "sum" && kind != "max" && kind != "mean") || input.empty() || axes.empty() ||
      !std::ranges::all_of(axes, is_axis))
    fail("reduce: case {}: write KIND:SHAPE:AXES with sum, max or mean, as in sum:4096x1024:1",
         name);
  std::vector<std::int64_t> output = input;
  for (const std::int64_t axis : axes) output[static_cast<std::size_t>(axis)] = 1;
  const std::string text = fmt::format("x = input {}\ny = {}(x, axes=[{}])\noutput y\n",
                                       f32_of(input), kind, fmt::join(axes, ","));
  const Combining combining = kind == "sum"   ? Combining::sum
                              : kind == "max" ? Combining::max
                                              : Combining::mean;
  return text_case(session, name, text, product(input),
                   [=](Device& device, std::span<const float* const> of) {
                     return onednn::reduce(device, combining, input, output, of[0]);
                   });
}

}  // namespace

Suite reduce_suite() {
  return {"reduce",
          {"sum:4096x1024:1", "sum:4096x1024:0", "sum:4096x4096:0,1", "sum:64x1024x256:1",
           "sum:16x64x56x56:0,2,3", "sum:256x50257:1", "sum:100000x63:1", "sum:1000000x3:0",
           "sum:32x32:1", "max:4096x1024:1", "max:4096x1024:0", "max:4096x4096:0,1",
           "max:64x1024x256:1", "max:100000x63:1", "mean:8x2048x7x7:2,3"},
          make_case};
}

}  // namespace tenon::bench
