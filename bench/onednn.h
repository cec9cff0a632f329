// oneDNN (2.6 or 3) as a peer. A function returns a contestant for each way in which oneDNN can
// compute the result; none where it cannot, or if the build did not find the library. Used by the
// suites. Read next: peers.h, onednn_work.h.
#pragma once

#include "bench/peers.h"

namespace tenon::bench::onednn {

using Dims = std::vector<std::int64_t>;

std::string version();  // "2.6.3"
void set_threads(int threads);

std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b);

enum class MapKind : std::uint8_t { affine_relu, add, gelu };
// affine_relu: relu(x*a[0] + b[0]); add: x + a; gelu of x, with tanh.
struct Map {
  MapKind kind;
  std::int64_t elements;  // of x and of the result
  const float *x, *a, *b;
};
std::vector<Contestant> map(Device& device, const Map& operands);

enum class NormKind : std::uint8_t { softmax, layernorm };
struct Norm {
  NormKind kind;
  std::int64_t rows, columns;  // of x; normalised over the columns
  const float* x;
  float epsilon;  // layernorm
};
std::vector<Contestant> norm(Device& device, const Norm& operands);

// A convolution of images with one to three spatial axes. Its contestants are `onednn`, whose
// operands and result have the plain layouts (NCHW), and `onednn_packed`, whose layouts are
// oneDNN's own: its weights and its input are packed beforehand, and its result stays packed.
struct Conv {
  Dims input, weights, output;     // [N,C,spatial..], [K,C/groups,kernel..], [N,K,spatial..]
  Dims stride, padding, dilation;  // one an axis
  std::int64_t groups = 1;
  bool is_transposed = false;  // then the weights are [C,K,kernel..], and there are no groups
  bool has_bias_and_relu = false;
};
std::vector<Contestant> conv(Device& device, const Conv& conv, const float* x, const float* weights,
                             const float* bias = nullptr);

enum class Combining : std::uint8_t { sum, max, mean, root_of_squares };
// Windows of `size` x `size` over x[N,C,H,W]. The mean counts the padding as zeros.
struct Pool {
  Combining combining;  // max or mean
  Dims input, output;
  std::int64_t size, stride, padding;
};
std::vector<Contestant> pool(Device& device, const Pool& pool, const float* x);

// The axes of x that have the extent 1 in `output` are combined.
std::vector<Contestant> reduce(Device& device, Combining combining, const Dims& input,
                               const Dims& output, const float* x);

// Axis a of the result is axis order[a] of x.
std::vector<Contestant> permute(Device& device, const Dims& input, const Dims& order,
                                const float* x);
std::vector<Contestant> concat(Device& device, const std::vector<Dims>& inputs, std::int64_t axis,
                               const std::vector<const float*>& operands);

// Products side by side: C[b,m,n] = A[b,m,k] · B[b,k,n]. Strides are in elements, so that operands
// may be stored in any order of their axes.
struct Products {
  Dims a, a_strides, b, b_strides;  // with any number of batch axes
};
std::vector<Contestant> products(Device& device, const Products& products, const float* a,
                                 const float* b);

// softmax(q · kᵀ * scale) · v for q[B,H,Q,D], k and v [B,H,KV,D].
struct Attention {
  std::int64_t b, h, q, kv, d;
  float scale;
};
std::vector<Contestant> attention(Device& device, const Attention& attention, const float* q,
                                  const float* k, const float* v);

}  // namespace tenon::bench::onednn
