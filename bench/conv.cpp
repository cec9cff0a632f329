// The suite conv: convolutions of images, NCHW in and out. A case is
// n,c,h,w,k,r,s,stride,pad,dilation,groups: batch, channels, height, width, filters, the height and
// the width of a filter. The suite's own cases are the distinct layers of three networks at batch
// 1, and the five of convnet-benchmarks with a smaller batch.

#include "bench/cases.h"

#include <fmt/core.h>

#include "bench/onednn.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

// Stride, padding and groups follow; the kernel and the image are square.
struct Layer {
  std::int64_t channels, size, filters, kernel, stride = 1;
};

constexpr Layer resnet_50[] = {
    {3, 224, 64, 7, 2},     {64, 56, 64, 1},    {64, 56, 64, 3},       {64, 56, 256, 1},
    {256, 56, 64, 1},       {256, 56, 128, 1},  {128, 56, 128, 3, 2},  {128, 28, 512, 1},
    {256, 56, 512, 1, 2},   {512, 28, 128, 1},  {128, 28, 128, 3},     {512, 28, 256, 1},
    {256, 28, 256, 3, 2},   {256, 14, 1024, 1}, {512, 28, 1024, 1, 2}, {1024, 14, 256, 1},
    {256, 14, 256, 3},      {1024, 14, 512, 1}, {512, 14, 512, 3, 2},  {512, 7, 2048, 1},
    {1024, 14, 2048, 1, 2}, {2048, 7, 512, 1},  {512, 7, 512, 3},
};
// Pointwise layers, and the first one.
constexpr Layer mobilenet[] = {
    // version 1
    {3, 224, 32, 3, 2},
    {32, 112, 64, 1},
    {64, 56, 128, 1},
    {128, 56, 128, 1},
    {128, 28, 256, 1},
    {256, 28, 256, 1},
    {256, 14, 512, 1},
    {512, 14, 512, 1},
    {512, 7, 1024, 1},
    {1024, 7, 1024, 1},
    // version 2
    {32, 112, 16, 1},
    {16, 112, 96, 1},
    {96, 56, 24, 1},
    {24, 56, 144, 1},
    {144, 56, 24, 1},
    {144, 28, 32, 1},
    {32, 28, 192, 1},
    {192, 28, 32, 1},
    {192, 14, 64, 1},
    {64, 14, 384, 1},
    {384, 14, 64, 1},
    {384, 14, 96, 1},
    {96, 14, 576, 1},
    {576, 14, 96, 1},
    {576, 7, 160, 1},
    {160, 7, 960, 1},
    {960, 7, 160, 1},
    {960, 7, 320, 1},
    {320, 7, 1280, 1},
};
// Of both versions: 3x3, as many filters as channels, a filter a channel.
constexpr Layer depthwise[] = {
    {32, 112, 32, 3},     {64, 112, 64, 3, 2},  {128, 56, 128, 3}, {128, 56, 128, 3, 2},
    {256, 28, 256, 3},    {256, 28, 256, 3, 2}, {512, 14, 512, 3}, {512, 14, 512, 3, 2},
    {1024, 7, 1024, 3},   {96, 112, 96, 3, 2},  {144, 56, 144, 3}, {144, 56, 144, 3, 2},
    {192, 28, 192, 3},    {192, 28, 192, 3, 2}, {384, 14, 384, 3}, {576, 14, 576, 3},
    {576, 14, 576, 3, 2}, {960, 7, 960, 3},
};
// L1 to L5; the first four without padding.
constexpr const char* convnet_benchmarks[] = {
    "4,3,128,128,96,11,11,1,0,1,1", "2,64,64,64,128,9,9,1,0,1,1", "8,128,32,32,128,9,9,1,0,1,1",
    "8,128,16,16,128,7,7,1,0,1,1", "8,384,13,13,384,3,3,1,1,1,1"};

std::string name_of(const Layer& layer, std::int64_t groups) {
  const auto [channels, size, filters, kernel, stride] = layer;
  return fmt::format("1,{0},{1},{1},{2},{3},{3},{4},{5},1,{6}", channels, size, filters, kernel,
                     stride, kernel / 2, groups);
}

std::vector<std::string> own_cases() {
  std::vector<std::string> cases;
  for (const Layer& layer : resnet_50) cases.push_back(name_of(layer, 1));
  for (const Layer& layer : mobilenet) cases.push_back(name_of(layer, 1));
  for (const Layer& layer : depthwise) cases.push_back(name_of(layer, layer.channels));
  cases.insert(cases.end(), std::begin(convnet_benchmarks), std::end(convnet_benchmarks));
  return cases;
}

Case make_case(Session& session, std::string_view name) {
  return conv_case(session, name, parse_list(name, 11));
}

}  // namespace

Case conv_case(Session& session, std::string_view name, std::span<const std::int64_t> numbers,
               bool has_bias_and_relu) {
  if (numbers.size() != 11 || numbers[10] == 0 || numbers[1] % numbers[10] != 0)
    fail(
        "conv: case {}: write n,c,h,w,k,r,s,stride,pad,dilation,groups, where groups divides c and "
        "k, as in 1,64,56,56,64,3,3,1,1,1,1",
        name);
  const std::int64_t channels = numbers[1], filters = numbers[4], stride = numbers[7],
                     padding = numbers[8], dilation = numbers[9], groups = numbers[10];
  onednn::Conv peer{.input = {numbers.begin(), numbers.begin() + 4},
                    .weights = {filters, channels / groups, numbers[5], numbers[6]},
                    .output = {},
                    .stride = {stride, stride},
                    .padding = {padding, padding},
                    .dilation = {dilation, dilation},
                    .groups = groups,
                    .has_bias_and_relu = has_bias_and_relu};
  std::string text = fmt::format(
      "x = input {}\nw = input {}\n"
      "y = conv2d(x, w, stride={}, padding={}, dilation={}, groups={})\n",
      f32_of(peer.input), f32_of(peer.weights), stride, padding, dilation, groups);
  text += has_bias_and_relu
              ? fmt::format("b = input f32[{0},1,1]\nz = relu(add(y, b))\noutput z\n", filters)
              : "output y\n";
  peer.output = output_shape(session, name, text);
  const double flops = 2 * product(peer.output) * product(std::span(peer.weights).subspan(1));
  return text_case(
      session, name, text, flops, [peer](Device& device, std::span<const float* const> of) {
        return onednn::conv(device, peer, of[0], of[1], peer.has_bias_and_relu ? of[2] : nullptr);
      });
}

Suite conv_suite() { return {"conv", own_cases(), make_case}; }

}  // namespace tenon::bench
