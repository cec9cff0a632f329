#include "ops/normalization.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/arithmetic.h"
#include "ops/functions.h"
#include "ops/indexing.h"
#include "ops/reductions.h"

namespace tenon {
namespace {

// x minus its maximum along the axis. A softmax does not depend on the number that is subtracted
// from all of x, so no gradient needs to flow through the maximum.
Tensor shifted(std::string_view name, const Tensor& x, int axis) {
  need_float(name, x);
  const int along = axis_from_front(name, x.shape(), axis);
  if (x.extent(along) == 0)
    fail("{}: axis {} of {} has no elements; there is nothing to normalize", name, along,
         text(x.shape()));
  return x - stop_gradient(max(x, along, true));
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) {
  const Tensor powers = exp(shifted("softmax", x, axis));
  return powers * (1 / sum(powers, axis, true));  // one division a row, not one an element
}

Tensor log_softmax(const Tensor& x, int axis) {
  const Tensor below = shifted("log_softmax", x, axis);
  return below - log(sum(exp(below), axis, true));
}

// The square of a distance from the mean overflows above 2^64. So the distances are scaled by a
// power of two, which changes no bit of the result. It brings epsilon, the least value of the
// variance, near 2^-110. Squares that the scaling makes too small for f32 are negligible beside
// that.
Tensor layernorm(const Tensor& x, const Axes& axes, double epsilon) {
  constexpr double least = -110;  // log2 of the scaled epsilon
  const double scale =
      epsilon > 0 ? std::min(1.0, std::exp2(std::floor((least - std::log2(epsilon)) / 2))) : 1;
  const Tensor distance = (x - mean(x, axes, true)) * scale;
  const Tensor variance = mean(distance * distance, axes, true) + epsilon * scale * scale;
  return distance * (1 / sqrt(variance));
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  Shape rows = logits.shape();
  if (!rows.empty()) rows.pop_back();
  if (logits.rank() == 0 || labels.type() != Type::i32 || labels.shape() != rows)
    fail("cross_entropy: labels {} do not fit logits {}; one i32 label is needed for each row",
         describe(labels), text(logits.shape()));
  if (elements(rows) == 0)
    fail("cross_entropy: no rows in logits {}; the mean needs one", text(logits.shape()));
  const double classes = static_cast<double>(logits.extent(-1));
  std::vector<int> kept(labels.rank());
  std::iota(kept.begin(), kept.end(), 0);
  const Tensor label = spread(labels, kept, logits.shape());
  const Tensor otherwise = where((label >= 0) & (label < classes), number_like(logits, 0), NAN);
  const Tensor chosen = where(is_class(labels, logits.extent(-1)), log_softmax(logits), otherwise);
  return sum(chosen) / -static_cast<double>(elements(rows));
}

}  // namespace tenon
