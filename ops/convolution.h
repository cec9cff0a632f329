// Convolution and pooling over images [N, C, H, W]: batch, channels, rows, columns. Padding,
// sliding and dilating are views (see window() in views.h). So each operation here is one reduction
// and one kernel, and its gradients are sums over views again.
//
// The height of the result is as follows, where R is the height of the window and the division
// rounds down; the width follows in the same way from W:
//   (H + 2 padding - dilation (R - 1) - 1) / stride + 1
// Paper: Dumoulin and Visin, https://arxiv.org/abs/1603.07285.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace tenon {

// Down and across; one number means both.
struct Pair {
  Pair(std::int64_t both) : down(both), across(both) {}  // NOLINT: a number is a pair
  Pair(std::int64_t down, std::int64_t across) : down(down), across(across) {}
  std::int64_t down, across;  // pixels
};

struct Convolution {
  Pair stride = 1;
  Pair padding = 0;  // zeros on every side
  Pair dilation = 1;
  std::int64_t groups = 1;  // parts of the channels, each convolved by itself
};
// x [N, Ci, H, W] and weights [Co, Ci/groups, R, S] -> [N, Co, Ho, Wo]; f32 or i32. The weights are
// not flipped (this is a correlation, as in all frameworks).
// One sum over [n, co, ho, wo, ci, r, s], which keeps the first four axes.
Tensor conv2d(const Tensor& x, const Tensor& weights, const Convolution& options = {});

struct Pooling {
  std::optional<Pair> stride = {};  // default: the window's size
  Pair padding = 0;
};
// The greatest element of every window, [N, C, H, W] -> [N, C, Ho, Wo]; any type. Padding is minus
// infinity, or the least value of an integer type, so it is never the greatest.
Tensor max_pool2d(const Tensor& x, Pair size, const Pooling& options = {});
// The mean of every window; f32. Padding counts as zeros.
Tensor avg_pool2d(const Tensor& x, Pair size, const Pooling& options = {});

}  // namespace tenon
