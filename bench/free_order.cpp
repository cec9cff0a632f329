#include "bench/free_order.h"

#include <algorithm>
#include <cstring>

namespace tenon::bench::free_order {

namespace {

constexpr int lanes = 16;
using Vector [[gnu::vector_size(4 * lanes)]] = float;

Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
void store(float* to, const Vector& value) { std::memcpy(to, &value, sizeof value); }

// Without this, GCC loads a value again for each use, and the loads become the bottleneck.
Vector load_once(const float* from) {
  Vector value = load(from);
#ifdef __AVX512F__
  asm("" : "+v"(value));
#endif
  return value;
}

// Adds up by halves, because each step then takes one shuffle and one addition.
float fold(const Vector& partial) {
  Vector all = partial;
  all += __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  all += __builtin_shufflevector(all, all, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
  all += __builtin_shufflevector(all, all, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
  return all[0] + all[1];
}
template <int count>
float fold(const Vector (&partial)[count]) {
  Vector all = partial[0];
  for (int i = 1; i < count; ++i) all += partial[i];
  return fold(all);
}

// ---- y[n] += x[k] * b[k,n] ----

// Takes `width` vectors of y at a time, which stay in registers for all of k.
template <int width>
void gemv_nn_columns(const float* x, const float* b, float* y, std::int64_t n, std::int64_t k) {
  std::int64_t j = 0;
  for (; j + width * lanes <= n; j += width * lanes) {
    Vector sums[width] = {};
    for (std::int64_t p = 0; p < k; ++p) {
#pragma GCC unroll 32
      for (int v = 0; v < width; ++v) sums[v] += x[p] * load(b + p * n + j + v * lanes);
    }
    for (int v = 0; v < width; ++v) store(y + j + v * lanes, sums[v]);
  }
  for (; j < n; ++j) {
    y[j] = 0;
    for (std::int64_t p = 0; p < k; ++p) y[j] += x[p] * b[p * n + j];
  }
}

// Takes `depth` rows of b at a time, and adds them to all of y, which stays in the first cache.
template <int depth>
void gemv_nn_rows(const float* x, const float* b, float* y, std::int64_t n, std::int64_t k) {
  std::fill(y, y + n, 0.0F);
  std::int64_t p = 0;
  for (; p + depth <= k; p += depth) {
    std::int64_t j = 0;
    for (; j + lanes <= n; j += lanes) {
      Vector one = load(y + j), two = {};
#pragma GCC unroll 16
      for (int d = 0; d < depth; d += 2) {
        one += x[p + d] * load(b + (p + d) * n + j);
        two += x[p + d + 1] * load(b + (p + d + 1) * n + j);
      }
      store(y + j, one + two);
    }
    for (; j < n; ++j) {
      for (int d = 0; d < depth; ++d) y[j] += x[p + d] * b[(p + d) * n + j];
    }
  }
  for (; p < k; ++p) {
    for (std::int64_t j = 0; j < n; ++j) y[j] += x[p] * b[p * n + j];
  }
}

// ---- y[n] = sum of x[k] * b[n,k] ----

// `rows` rows of b at a time, `partials` vectors of partial sums each.
template <int rows, int partials>
void gemv_nt_rows(const float* x, const float* b, float* y, std::int64_t n, std::int64_t k) {
  constexpr int step = partials * lanes;
  std::int64_t j = 0;
  for (; j + rows <= n; j += rows) {
    Vector sums[rows][partials] = {};
    const float* at[rows];
    for (int r = 0; r < rows; ++r) at[r] = b + (j + r) * k;
    std::int64_t p = 0;
    for (; p + step <= k; p += step) {
#pragma GCC unroll 8
      for (int u = 0; u < partials; ++u) {
        const Vector factor = load_once(x + p + u * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) sums[r][u] += factor * load(at[r] + p + u * lanes);
      }
    }
    for (int r = 0; r < rows; ++r) {
      float total = fold(sums[r]);
      for (std::int64_t q = p; q < k; ++q) total += x[q] * at[r][q];
      y[j + r] = total;
    }
  }
  for (; j < n; ++j) {
    y[j] = 0;
    for (std::int64_t p = 0; p < k; ++p) y[j] += x[p] * b[j * k + p];
  }
}

// ---- c[8,n] = a[8,k] · b[n,k] transposed ----

// `columns` rows of b at a time. The rows of a are put side by side first, so that the inner loop
// reads one stream of it.
template <int columns>
void eight_rows(const float* a, const float* b, float* c, std::int64_t n, std::int64_t k) {
  constexpr int rows = 8;
  const std::int64_t whole = k / lanes * lanes;
  std::vector<float> packed(rows * whole);  // [k/16, 8, 16]
  for (std::int64_t p = 0; p < whole; p += lanes) {
    for (int r = 0; r < rows; ++r) {
      store(packed.data() + p * rows + r * lanes, load(a + r * k + p));
    }
  }
  std::int64_t j = 0;
  for (; j + columns <= n; j += columns) {
    Vector sums[rows][columns] = {};
    const float* left = packed.data();
    for (std::int64_t p = 0; p < whole; p += lanes, left += rows * lanes) {
      Vector factors[columns];
#pragma GCC unroll 8
      for (int v = 0; v < columns; ++v) factors[v] = load_once(b + (j + v) * k + p);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const Vector row = load_once(left + r * lanes);
#pragma GCC unroll 8
        for (int v = 0; v < columns; ++v) sums[r][v] += row * factors[v];
      }
    }
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < columns; ++v) {
        float total = fold(sums[r][v]);
        for (std::int64_t q = whole; q < k; ++q) total += a[r * k + q] * b[(j + v) * k + q];
        c[r * n + j + v] = total;
      }
    }
  }
  for (; j < n; ++j) {
    for (int r = 0; r < rows; ++r) {
      c[r * n + j] = 0;
      for (std::int64_t p = 0; p < k; ++p) c[r * n + j] += a[r * k + p] * b[j * k + p];
    }
  }
}

// ---- sum of x[count] ----

// `streams` equal parts of x side by side, `partials` vectors of partial sums each.
template <int streams, int partials>
void sum_streams(const float* x, float* y, std::int64_t count) {
  constexpr int block = partials * lanes;
  const std::int64_t part = count / streams / block * block;
  Vector sums[streams * partials] = {};
  for (std::int64_t i = 0; i < part; i += block) {
#pragma GCC unroll 8
    for (int s = 0; s < streams; ++s) {
#pragma GCC unroll 16
      for (int u = 0; u < partials; ++u) {
        sums[s * partials + u] += load(x + s * part + i + u * lanes);
      }
    }
  }
  float total = fold(sums);
  for (std::int64_t i = part * streams; i < count; ++i) total += x[i];
  *y = total;
}

}  // namespace

std::vector<Gemv> gemv_nn() {
  return {gemv_nn_columns<4>, gemv_nn_columns<8>, gemv_nn_rows<4>, gemv_nn_rows<8>};
}
std::vector<Gemv> gemv_nt() {
  return {gemv_nt_rows<1, 8>, gemv_nt_rows<2, 4>, gemv_nt_rows<4, 2>, gemv_nt_rows<8, 2>};
}
std::vector<EightRows> eight_rows_nt() { return {eight_rows<2>, eight_rows<3>}; }
std::vector<Sum> sum() { return {sum_streams<1, 8>, sum_streams<1, 16>, sum_streams<4, 4>}; }

void column_sum(const float* x, float* y, std::int64_t rows) {
  constexpr int columns = 3, partials = 4;  // 3 vectors hold 16 whole rows
  constexpr int block = columns * partials * lanes;
  const std::int64_t count = rows * columns;
  Vector sums[partials][columns] = {};
  std::int64_t i = 0;
  for (; i + block <= count; i += block) {
#pragma GCC unroll 4
    for (int u = 0; u < partials; ++u) {
#pragma GCC unroll 3
      for (int v = 0; v < columns; ++v) sums[u][v] += load(x + i + (u * columns + v) * lanes);
    }
  }
  float totals[columns] = {};
  for (int u = 0; u < partials; ++u) {
    for (int v = 0; v < columns; ++v) {
      for (int lane = 0; lane < lanes; ++lane) {
        totals[(v * lanes + lane) % columns] += sums[u][v][lane];
      }
    }
  }
  for (; i < count; ++i) totals[i % columns] += x[i];
  std::copy(totals, totals + columns, y);
}

// ---- the gradient of a convolution's weights ----
//
// A product of 9·in rows (shifted images) by `out` columns, over all pixels. Six rows (two inputs,
// three shifts) by four vectors of outputs stay in registers; image rows are taken in blocks, so
// that the block of dy stays in the second cache.

constexpr std::int64_t out_block = 64;

WeightGradient::WeightGradient(std::int64_t in, std::int64_t out, std::int64_t size)
    : in_(in),
      out_(out),
      size_(size),
      padded_(in * (size + 2) * (size + 2)),
      transposed_(size * size * out),
      sums_(in * out * 9) {}

void WeightGradient::run(const float* x, const float* dy, float* dw) {
  constexpr std::int64_t rows_at_once = 14;
  pad(x);
  transpose(dy);
  std::fill(sums_.begin(), sums_.end(), 0.0F);
  for (std::int64_t row = 0; row < size_; row += rows_at_once) {
    accumulate(row, std::min(row + rows_at_once, size_));
  }
  const std::int64_t taps = in_ * 9;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t o = 0; o < out_; ++o) {
      dw[o * taps + tap] = sums_[(o / out_block * taps + tap) * out_block + o % out_block];
    }
  }
}

void WeightGradient::pad(const float* x) {
  const std::int64_t wide = size_ + 2;
  for (std::int64_t row = 0; row < in_ * size_; ++row) {
    float* to = padded_.data() + (row / size_ * wide + row % size_ + 1) * wide + 1;
    std::copy(x + row * size_, x + (row + 1) * size_, to);
  }
}

void WeightGradient::transpose(const float* dy) {
  const std::int64_t pixels = size_ * size_;
  for (std::int64_t first = 0; first < pixels; first += lanes) {
    const std::int64_t last = std::min(first + lanes, pixels);
    for (std::int64_t o = 0; o < out_; ++o) {
      for (std::int64_t t = first; t < last; ++t) transposed_[t * out_ + o] = dy[o * pixels + t];
    }
  }
}

void WeightGradient::accumulate(std::int64_t first_row, std::int64_t last_row) {
  constexpr int inputs = 2, shifts = 3, width = out_block / lanes;
  const std::int64_t wide = size_ + 2;
  for (std::int64_t o = 0; o < out_; o += out_block) {
    for (std::int64_t i = 0; i < in_; i += inputs) {
      for (int r = 0; r < 3; ++r) {
        float* at[inputs];
        Vector sums[inputs][shifts][width];
        for (int c = 0; c < inputs; ++c) {
          at[c] = sums_.data() + ((o / out_block * in_ + i + c) * 9 + r * 3) * out_block;
          for (int s = 0; s < shifts; ++s) {
            for (int v = 0; v < width; ++v) sums[c][s][v] = load(at[c] + s * out_block + v * lanes);
          }
        }
        for (std::int64_t y = first_row; y < last_row; ++y) {
          const float* image = padded_.data() + (i * wide + y + r) * wide;
          const float* gradient = transposed_.data() + y * size_ * out_ + o;
          for (std::int64_t x = 0; x < size_; ++x, gradient += out_) {
            Vector factors[width];
#pragma GCC unroll 4
            for (int v = 0; v < width; ++v) factors[v] = load_once(gradient + v * lanes);
#pragma GCC unroll 2
            for (int c = 0; c < inputs; ++c) {
#pragma GCC unroll 3
              for (int s = 0; s < shifts; ++s) {
#pragma GCC unroll 4
                for (int v = 0; v < width; ++v) {
                  sums[c][s][v] += image[c * wide * wide + x + s] * factors[v];
                }
              }
            }
          }
        }
        for (int c = 0; c < inputs; ++c) {
          for (int s = 0; s < shifts; ++s) {
            for (int v = 0; v < width; ++v) store(at[c] + s * out_block + v * lanes, sums[c][s][v]);
          }
        }
      }
    }
  }
}

}  // namespace tenon::bench::free_order
