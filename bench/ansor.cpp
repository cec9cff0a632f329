// The suite ansor: the operators by which TVM's tuner Ansor was judged (OSDI 2020), batch 1, four
// shapes each, in Tenon's layouts. A case is an operator's name, a colon and its numbers:
//
//   C1D n,c,l,k,kernel,stride,pad       C3D n,c,d,h,w,k,kernel,stride,pad
//   C2D, GRP, DIL, DEP, CBR             the numbers of the suite conv: plain, in groups, dilated,
//                                       depthwise, with a bias and relu
//   T2D n,c,h,w,k,kernel,stride,pad     a transposed convolution
//   CAP n,h,w,c,k,kernel,stride,pad     a convolution of capsules, which are 4x4 matrices
//   GMM m,n,k   SFM rows,columns        NRM b,n,m: the root of the sum of squares of each matrix
//   TBG b,tokens,heads,d                Q Kᵀ of attention, from [b,tokens,heads,d]

#include <cmath>

#include <fmt/core.h>

#include "bench/cases.h"
#include "bench/onednn.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

using Numbers = std::vector<std::int64_t>;
using Values = std::span<const float* const>;

// The number of positions of a window.
std::int64_t positions(std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding) {
  return (extent + 2 * padding - kernel) / stride + 1;
}

Case conv_1d(Session& session, std::string_view name, const Numbers& of) {
  const std::int64_t n = of[0], c = of[1], length = of[2], k = of[3], kernel = of[4],
                     stride = of[5], padding = of[6];
  const onednn::Conv peer{.input = {n, c, length},
                          .weights = {k, c, kernel},
                          .output = {n, k, positions(length, kernel, stride, padding)},
                          .stride = {stride},
                          .padding = {padding},
                          .dilation = {1}};
  const std::string text = fmt::format(
      "x = input {}\nw = input {}\n"
      "y = conv2d(reshape(x, shape=[{},{},1,{}]), reshape(w, shape=[{},{},1,{}]), stride=[1,{}], "
      "padding=[0,{}])\nz = reshape(y, shape=[{},{},-1])\noutput z\n",
      f32_of(peer.input), f32_of(peer.weights), n, c, length, k, c, kernel, stride, padding, n, k);
  return text_case(session, name, text, 2 * product(peer.output) * static_cast<double>(c * kernel),
                   [peer](Device& device, Values values) {
                     return onednn::conv(device, peer, values[0], values[1]);
                   });
}

Case conv_3d(Session& session, std::string_view name, const Numbers& of) {
  const std::int64_t n = of[0], c = of[1], k = of[5], kernel = of[6], stride = of[7],
                     padding = of[8];
  onednn::Conv peer{.input = {n, c, of[2], of[3], of[4]},
                    .weights = {k, c, kernel, kernel, kernel},
                    .output = {n, k},
                    .stride = Numbers(3, stride),
                    .padding = Numbers(3, padding),
                    .dilation = Numbers(3, 1)};
  for (int axis = 2; axis < 5; ++axis)
    peer.output.push_back(positions(of[axis], kernel, stride, padding));
  const std::string text = fmt::format(
      "x = input {}\nw = input {}\n"
      "padded = pad(x, before=[0,0,{p},{p},{p}], after=[0,0,{p},{p},{p}])\n"
      "one = window(padded, axis=2, size={s}, stride={t})\n"
      "two = window(one, axis=3, size={s}, stride={t})\n"
      "three = window(two, axis=4, size={s}, stride={t})\n"
      "left = reshape(three, shape=[{n},1,{c},{d},{h},{v},{s},{s},{s}])\n"
      "right = reshape(w, shape=[1,{k},{c},1,1,1,{s},{s},{s}])\n"
      "y = sum(mul(left, right), axes=[2,6,7,8])\noutput y\n",
      f32_of(peer.input), f32_of(peer.weights), fmt::arg("p", padding), fmt::arg("s", kernel),
      fmt::arg("t", stride), fmt::arg("n", n), fmt::arg("c", c), fmt::arg("k", k),
      fmt::arg("d", peer.output[2]), fmt::arg("h", peer.output[3]), fmt::arg("v", peer.output[4]));
  return text_case(session, name, text,
                   2 * product(peer.output) * product(std::span(peer.weights).subspan(1)),
                   [peer](Device& device, Values values) {
                     return onednn::conv(device, peer, values[0], values[1]);
                   });
}

// The input with zeros between its elements, under the flipped kernel.
Case conv_transposed(Session& session, std::string_view name, const Numbers& of) {
  const std::int64_t n = of[0], c = of[1], h = of[2], w = of[3], k = of[4], kernel = of[5],
                     stride = of[6], padding = of[7];
  const onednn::Conv peer{.input = {n, c, h, w},
                          .weights = {c, k, kernel, kernel},
                          .output = {n, k, (h - 1) * stride - 2 * padding + kernel,
                                     (w - 1) * stride - 2 * padding + kernel},
                          .stride = {stride, stride},
                          .padding = {padding, padding},
                          .dilation = {1, 1},
                          .is_transposed = true};
  const std::int64_t before = kernel - 1 - padding, after = before - (stride - 1);
  if (padding >= kernel || after < 0)
    fail("ansor: case {}: a kernel of {} is too small for stride {} and padding {}", name, kernel,
         stride, padding);
  const std::string text = fmt::format(
      "x = input {}\nw = input {}\n"
      "apart = pad(reshape(x, shape=[{n},{c},{h},1,{w},1]), before=[0,0,0,0,0,0], "
      "after=[0,0,0,{z},0,{z}])\n"
      "spread = reshape(apart, shape=[{n},{c},{height},{width}])\n"
      "padded = pad(spread, before=[0,0,{b},{b}], after=[0,0,{a},{a}])\n"
      "y = conv2d(padded, permute(flip(w, axes=[2,3]), order=[1,0,2,3]))\noutput y\n",
      f32_of(peer.input), f32_of(peer.weights), fmt::arg("n", n), fmt::arg("c", c),
      fmt::arg("h", h), fmt::arg("w", w), fmt::arg("z", stride - 1), fmt::arg("height", h * stride),
      fmt::arg("width", w * stride), fmt::arg("b", before), fmt::arg("a", after));
  return text_case(session, name, text,
                   2 * product(peer.input) * static_cast<double>(k * kernel * kernel),
                   [peer](Device& device, Values values) {
                     return onednn::conv(device, peer, values[0], values[1]);
                   });
}

Case capsules(Session& session, std::string_view name, const Numbers& of) {
  const std::int64_t n = of[0], c = of[3], k = of[4], kernel = of[5], stride = of[6],
                     padding = of[7];
  const std::int64_t h = positions(of[1], kernel, stride, padding),
                     w = positions(of[2], kernel, stride, padding);
  const std::string text = fmt::format(
      "x = input f32[{n},{in_h},{in_w},{c},4,4]\nweights = input f32[{s},{s},{c},{k},4,4]\n"
      "padded = pad(x, before=[0,{p},{p},0,0,0], after=[0,{p},{p},0,0,0])\n"
      "windows = window(window(padded, axis=1, size={s}, stride={t}), axis=2, size={s}, "
      "stride={t})\n"
      "ordered = permute(windows, order=[0,1,2,4,3,5,6,7])\n"
      "left = reshape(ordered, shape=[{n},{h},{w},1,4,1,{c},4,{s},{s}])\n"
      "right = reshape(permute(weights, order=[3,5,2,4,0,1]), "
      "shape=[1,1,1,{k},1,4,{c},4,{s},{s}])\n"
      "y = sum(mul(left, right), axes=[6,7,8,9])\noutput y\n",
      fmt::arg("n", n), fmt::arg("in_h", of[1]), fmt::arg("in_w", of[2]), fmt::arg("c", c),
      fmt::arg("k", k), fmt::arg("s", kernel), fmt::arg("t", stride), fmt::arg("p", padding),
      fmt::arg("h", h), fmt::arg("w", w));
  return text_case(session, name, text,
                   2 * product(std::vector{n, h, w, k, std::int64_t{64}, c, kernel, kernel}));
}

Case matrix_norm(Session& session, std::string_view name, const Numbers& of) {
  const std::string text =
      fmt::format("x = input {}\ny = sqrt(sum(square(x), axes=[1,2]))\noutput y\n", f32_of(of));
  Case work = text_case(session, name, text, 2 * product(of), [of](Device& device, Values values) {
    return onednn::reduce(device, onednn::Combining::root_of_squares, of, {of[0], 1, 1}, values[0]);
  });
  // oneDNN adds up all squares in one f32, whose roundings all go the same way once the sum is
  // large. A square is 1/3 on average.
  work.least_tolerance = 1e-3 * std::sqrt(product(of) / static_cast<double>(of[0]) / 3);
  return work;
}

Case scores(Session& session, std::string_view name, const Numbers& of) {
  const std::int64_t b = of[0], tokens = of[1], heads = of[2], d = of[3];
  const std::string text = fmt::format(
      "q = input {0}\nk = input {0}\n"
      "y = matmul(permute(q, order=[0,2,1,3]), permute(k, order=[0,2,3,1]))\noutput y\n",
      f32_of(of));
  const onednn::Products peer{.a = {b, heads, tokens, d},
                              .a_strides = {tokens * heads * d, d, heads * d, 1},
                              .b = {b, heads, d, tokens},
                              .b_strides = {tokens * heads * d, d, 1, heads * d}};
  return text_case(session, name, text, 2 * product(of) * static_cast<double>(tokens),
                   [peer](Device& device, Values values) {
                     return onednn::products(device, peer, values[0], values[1]);
                   });
}

Case convolution(Session& session, std::string_view name, const Numbers& of) {
  return conv_case(session, name, of, name.starts_with("CBR"));
}
Case gemm(Session& session, std::string_view, const Numbers& of) {
  return gemm_case(session, fmt::format("{}x{}x{}", of[0], of[1], of[2]));
}
Case softmax(Session& session, std::string_view, const Numbers& of) {
  return norm_case(session, fmt::format("softmax:{}x{}", of[0], of[1]));
}

struct Operator {
  std::string_view name;
  std::size_t numbers;
  Case (*make)(Session& session, std::string_view name, const Numbers& numbers);
  std::vector<const char*> own;
};

const std::vector<Operator>& operators() {
  static const std::vector<Operator> all{
      {"C1D",
       7,
       conv_1d,
       {"1,64,256,128,3,2,1", "1,128,128,256,1,2,0", "1,256,64,256,5,1,2", "1,512,32,512,3,1,1"}},
      {"C2D",
       11,
       convolution,
       {"1,3,224,224,64,7,7,2,3,1,1", "1,64,56,56,64,1,1,1,0,1,1", "1,256,14,14,256,3,3,1,1,1,1",
        "1,512,7,7,512,3,3,1,1,1,1"}},
      {"C3D",
       9,
       conv_3d,
       {"1,3,16,224,224,64,7,2,3", "1,64,16,56,56,64,1,1,0", "1,256,16,14,14,256,3,1,1",
        "1,512,16,7,7,512,3,1,1"}},
      {"GMM", 3, gemm, {"128,128,128", "512,32,512", "512,512,512", "1024,1024,1024"}},
      {"GRP",
       11,
       convolution,
       {"1,64,56,56,64,1,1,1,0,1,4", "1,64,56,56,128,3,3,2,1,1,4", "1,256,14,14,256,3,3,1,1,1,4",
        "1,512,7,7,512,3,3,1,1,1,4"}},
      {"DIL",
       11,
       convolution,
       {"1,3,224,224,64,7,7,2,3,2,1", "1,64,56,56,64,1,1,1,0,2,1", "1,256,14,14,256,3,3,1,1,2,1",
        "1,512,7,7,512,3,3,1,1,2,1"}},
      {"DEP",
       11,
       convolution,
       {"1,32,112,112,32,3,3,1,1,1,32", "1,64,112,112,64,3,3,2,1,1,64",
        "1,512,14,14,512,3,3,2,1,1,512", "1,1024,7,7,1024,3,3,1,1,1,1024"}},
      {"T2D",
       8,
       conv_transposed,
       {"1,512,4,4,256,4,2,1", "1,256,8,8,128,4,2,1", "1,128,16,16,64,4,2,1",
        "1,64,32,32,3,4,2,1"}},
      {"CAP",
       8,
       capsules,
       {"1,16,16,32,32,3,2,1", "1,8,8,32,32,3,1,1", "1,16,16,8,16,3,2,1", "1,8,8,16,16,3,1,1"}},
      {"NRM", 3, matrix_norm, {"1,256,256", "1,512,512", "1,1024,1024", "1,4096,1024"}},
      {"SFM", 2, softmax, {"256,256", "512,512", "1024,1024", "4096,1024"}},
      {"CBR",
       11,
       convolution,
       {"1,3,224,224,64,7,7,2,3,1,1", "1,64,56,56,128,3,3,2,1,1,1", "1,256,14,14,256,3,3,1,1,1,1",
        "1,512,7,7,512,3,3,1,1,1,1"}},
      {"TBG", 4, scores, {"1,128,12,64", "1,128,16,64", "1,64,12,128", "1,128,12,128"}}};
  return all;
}

Case make_case(Session& session, std::string_view name) {
  const auto [kind, text] = at_colon(name);
  for (const Operator& one : operators()) {
    if (one.name != kind) continue;
    const Numbers numbers = parse_list(text, one.numbers);
    if (numbers.empty())
      fail("ansor: case {}: {} takes {} numbers, as in {}:{}", name, kind, one.numbers, kind,
           one.own[0]);
    return one.make(session, name, numbers);
  }
  fail(
      "ansor: case {}: write one of C1D, C2D, C3D, GMM, GRP, DIL, DEP, T2D, CAP, NRM, SFM, CBR and "
      "TBG with numbers, as in GMM:128,128,128",
      name);
}

}  // namespace

Suite ansor_suite() {
  std::vector<std::string> cases;
  for (const Operator& one : operators())
    for (const char* numbers : one.own) cases.push_back(fmt::format("{}:{}", one.name, numbers));
  return {"ansor", cases, make_case};
}

}  // namespace tenon::bench
