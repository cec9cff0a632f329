#include "ops/convolution.h"

#include "ops/arithmetic.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace tenon {
namespace {

void need_images(std::string_view name, const Tensor& x) {
  if (x.rank() != 4)
    fail("{}: needs images [N,C,H,W], got {}; reshape it to four axes", name, text(x.shape()));
}

// [N, C, H, W] -> [N, C, Ho, Wo, R, S]: the windows of x, padded with `fill`.
Tensor windows(std::string_view name, const Tensor& x, Pair size, const Convolution& options,
               double fill) {
  const auto [stride, padding, dilation, groups] = options;
  if (size.down < 1 || size.across < 1 || stride.down < 1 || stride.across < 1 ||
      dilation.down < 1 || dilation.across < 1 || padding.down < 0 || padding.across < 0)
    fail(
        "{}: window {}x{}, stride {}x{}, dilation {}x{}, padding {}x{}; the first three must be "
        "positive and padding not negative",
        name, size.down, size.across, stride.down, stride.across, dilation.down, dilation.across,
        padding.down, padding.across);
  const std::int64_t reach_down = dilation.down * (size.down - 1) + 1;
  const std::int64_t reach_across = dilation.across * (size.across - 1) + 1;
  if (reach_down > x.extent(2) + 2 * padding.down ||
      reach_across > x.extent(3) + 2 * padding.across)
    fail(
        "{}: a window of {}x{} pixels does not fit into {} with padding {}x{}; pad more, or take a "
        "smaller one",
        name, reach_down, reach_across, text(x.shape()), padding.down, padding.across);
  const bool padded = padding.down != 0 || padding.across != 0;
  const Tensor image =
      padded
          ? pad(x, {{}, {}, {padding.down, padding.down}, {padding.across, padding.across}}, fill)
          : x;
  const Tensor rows = window(image, 2, size.down, stride.down, dilation.down);  // [N,C,Ho,W,R]
  return window(rows, 3, size.across, stride.across, dilation.across);
}

// [N, C, Ho, Wo, R, S], the windows that pooling reduces over their last two axes.
Tensor pooled_windows(std::string_view name, const Tensor& x, Pair size, const Pooling& options,
                      double fill) {
  need_images(name, x);
  const Convolution moved{.stride = options.stride.value_or(size), .padding = options.padding};
  if (options.padding.down >= size.down || options.padding.across >= size.across)
    fail(
        "{}: padding {}x{} is no smaller than the window {}x{}, so that some windows would hold "
        "nothing else; pad less",
        name, options.padding.down, options.padding.across, size.down, size.across);
  return windows(name, x, size, moved, fill);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weights, const Convolution& options) {
  need_images("conv2d", x);
  if (weights.rank() != 4)
    fail("conv2d: needs weights [Co,Ci,R,S], got {}; reshape them to four axes",
         text(weights.shape()));
  if (x.type() != weights.type() || x.type() == Type::boolean)
    fail("conv2d: types do not fit: x {}, weights {}; both must be f32, or both i32",
         info(x.type()).name, info(weights.type()).name);
  const std::int64_t groups = options.groups;
  if (groups < 1 || weights.extent(0) % groups != 0)
    fail("conv2d: {} output channels (weights {}) do not fall into {} groups; take a divisor",
         weights.extent(0), text(weights.shape()), groups);
  if (x.extent(1) != weights.extent(1) * groups)
    fail("conv2d: input channels differ: x {} has {}, weights {} with groups {} take {}",
         text(x.shape()), x.extent(1), text(weights.shape()), groups, weights.extent(1) * groups);

  const Tensor seen = windows("conv2d", x, {weights.extent(2), weights.extent(3)}, options, 0);
  const std::int64_t batch = x.extent(0), inputs = weights.extent(1), outputs = weights.extent(0);
  const std::int64_t down = seen.extent(2), across = seen.extent(3);
  const std::int64_t rows = weights.extent(2), columns = weights.extent(3);
  if (groups == 1) {
    const Shape space{batch, outputs, down, across, inputs, rows, columns};
    const Tensor product =
        spread(seen, {0, 4, 2, 3, 5, 6}, space) * spread(weights, {1, 4, 5, 6}, space);
    return reduce(Combine::sum, product, {4, 5, 6});
  }
  // The same with an axis for the group: [n, group, co, ho, wo, ci, r, s].
  const std::int64_t each = outputs / groups;
  const Shape space{batch, groups, each, down, across, inputs, rows, columns};
  const Tensor parts = reshape(seen, {batch, groups, inputs, down, across, rows, columns});
  const Tensor filters = reshape(weights, {groups, each, inputs, rows, columns});
  const Tensor product =
      spread(parts, {0, 1, 5, 3, 4, 6, 7}, space) * spread(filters, {1, 2, 5, 6, 7}, space);
  return reshape(reduce(Combine::sum, product, {5, 6, 7}), {batch, outputs, down, across});
}

Tensor max_pool2d(const Tensor& x, Pair size, const Pooling& options) {
  const double least = identity(Combine::max, x.type());
  return reduce(Combine::max, pooled_windows("max_pool2d", x, size, options, least), {4, 5});
}

Tensor avg_pool2d(const Tensor& x, Pair size, const Pooling& options) {
  need_float("avg_pool2d", x);
  const Tensor total =
      reduce(Combine::sum, pooled_windows("avg_pool2d", x, size, options, 0), {4, 5});
  return total / static_cast<double>(size.down * size.across);
}

}  // namespace tenon
