// The opponents of the suite `order`: five kinds of reduction that the canonical order
// (lower/canonical.h) could make slow. They are written by hand and keep no order: each has the
// partial sums, vectors and passes that are fastest, runs on one thread, and is compiled with -O3
// for this processor. (-ffast-math would not help: the order is free already, and GCC 12 makes a
// worse one.) If several ways could be the fastest, all are here, and the fastest counts.
//
// All matrices are row-major and dense, all addresses multiples of 64.
#pragma once

#include <cstdint>
#include <vector>

namespace tenon::bench::free_order {

// y[n] from x[k] and a matrix b: gemv_nn has b[k,n], gemv_nt b[n,k].
using Gemv = void (*)(const float* x, const float* b, float* y, std::int64_t n, std::int64_t k);
std::vector<Gemv> gemv_nn();
std::vector<Gemv> gemv_nt();

// c[8,n] = a[8,k] · b[n,k] transposed.
using EightRows = void (*)(const float* a, const float* b, float* c, std::int64_t n,
                           std::int64_t k);
std::vector<EightRows> eight_rows_nt();

// y[3] = the sum of the rows of x[rows,3].
void column_sum(const float* x, float* y, std::int64_t rows);

// y[0] = the sum of x[count].
using Sum = void (*)(const float* x, float* y, std::int64_t count);
std::vector<Sum> sum();

// The gradient of a 3x3 convolution's weights, padding 1, stride 1, one image:
// dw[out,in,3,3] from x[in,size,size] and dy[out,size,size]. Keeps its own memory between runs.
class WeightGradient {
 public:
  WeightGradient(std::int64_t in, std::int64_t out, std::int64_t size);  // in even, out 64 · n
  void run(const float* x, const float* dy, float* dw);

 private:
  void pad(const float* x);
  void transpose(const float* dy);
  void accumulate(std::int64_t first_row, std::int64_t last_row);

  std::int64_t in_, out_, size_;
  std::vector<float> padded_;      // [in, size+2, size+2]
  std::vector<float> transposed_;  // [size, size, out]
  std::vector<float> sums_;        // [out/64, in, 3, 3, 64]
};

}  // namespace tenon::bench::free_order
