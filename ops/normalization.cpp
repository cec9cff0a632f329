#include "ops/normalization.h"

#include "ops/arithmetic.h"
#include "ops/functions.h"
#include "ops/indexing.h"
#include "ops/reductions.h"

namespace tenon {
namespace {

// x less its maximum along the axis. The result of a softmax does not depend on what is taken away,
// so no gradient needs to flow through the maximum.
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

Tensor layernorm(const Tensor& x, const Axes& axes, double epsilon) {
  const Tensor distance = x - mean(x, axes, true);
  return distance * (1 / sqrt(mean(distance * distance, axes, true) + epsilon));
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  Shape rows = logits.shape();
  if (!rows.empty()) rows.pop_back();
  if (logits.rank() == 0 || labels.type() != Type::i32 || labels.shape() != rows)
    fail("cross_entropy: labels {} do not fit logits {}; one i32 label is needed for each row",
         describe(labels), text(logits.shape()));
  if (elements(rows) == 0)
    fail("cross_entropy: no rows in logits {}; the mean needs one", text(logits.shape()));
  const Tensor likelihood = log_softmax(logits);
  const Tensor chosen = where(is_class(labels, logits.extent(-1)), likelihood, 0);
  return sum(chosen) / -static_cast<double>(elements(rows));
}

}  // namespace tenon
