// The suite pool: windows over images. A case is KIND:n,c,h,w,size,stride,padding, such as
// max:1,64,112,112,3,2,1. KIND is max or mean; a mean counts the padding as zeros.

#include <fmt/core.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

Case make_case(Session& session, std::string_view name) {
  const auto [kind, numbers] = at_colon(name);
  const std::vector<std::int64_t> sizes = parse_list(numbers, 7);
  const bool is_max = kind == "max";
  if (sizes.empty() || (!is_max && kind != "mean"))
    fail(
        "pool: case {}: write max or mean with n,c,h,w,size,stride,padding, as in "
        "max:1,64,112,112,3,2,1",
        name);
  const std::vector<std::int64_t> input(sizes.begin(), sizes.begin() + 4);
  const std::int64_t size = sizes[4], stride = sizes[5], padding = sizes[6];
  const std::string text =
      fmt::format("x = input {}\ny = {}_pool2d(x, size={}, stride={}, padding={})\noutput y\n",
                  f32_of(input), is_max ? "max" : "avg", size, stride, padding);
  const std::vector<std::int64_t> output = output_shape(session, name, text);
  return text_case(
      session, name, text, product(output) * static_cast<double>(size * size),
      [=](Device& device, std::span<const float* const> of) {
        const auto combining = is_max ? onednn::Combining::max : onednn::Combining::mean;
        return onednn::pool(device, {combining, input, output, size, stride, padding}, of[0]);
      });
}

}  // namespace

// Of ResNet, with one image and with eight; of GoogLeNet, VGG and DenseNet; over whole images.
Suite pool_suite() {
  return {"pool",
          {"max:1,64,112,112,3,2,1", "max:8,64,112,112,3,2,1", "max:1,192,28,28,3,1,1",
           "max:1,480,14,14,3,1,1", "max:1,64,224,224,2,2,0", "max:1,512,28,28,2,2,0",
           "mean:1,256,56,56,2,2,0", "mean:8,512,28,28,2,2,0", "mean:1,192,28,28,3,1,1",
           "mean:8,2048,7,7,7,7,0"},
          make_case};
}

}  // namespace tenon::bench
