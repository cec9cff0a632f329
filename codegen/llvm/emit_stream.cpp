// Loops of non-temporal stores. Such a store must be aligned to its vector, so a loop over pieces
// of a row, `for j { for lane vector { y[j * W + lane] = .. stream } }`, is emitted over single
// elements t = j * W + lane instead: a masked head up to the first aligned element, whole vectors,
// a masked tail.
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// Does every index in the value satisfy `holds`? Of a load, it is the place in memory that counts.
bool all_indices(const Kernel& kernel, const ValueRef& value,
                 const std::function<bool(const Index&)>& holds) {
  bool all = true;
  visit_values(value, [&](const Value& v) {
    Value place = v;
    if (Access* access = access_in(place.detail)) {
      all = all && !access->computed;
      access->at = {flat(kernel.tensors[access->tensor], access->at)};
    }
    for_each_index(place, [&](const Index& index) { all = all && holds(index); });
  });
  return all;
}

}  // namespace

std::optional<Emission::Stream> Emission::streamed(const Loop& loop) const {
  if (loop.body.size() != 1 || !loop.body[0].when.empty() || !vector_axes_.empty()) return {};
  const Loop* inner = loop.body[0].loop();
  if (!inner || kernel_.axes[inner->axis].tag != Tag::vector || inner->body.size() != 1 ||
      !inner->body[0].when.empty())
    return {};
  const Store* store = inner->body[0].store();
  if (!store || !store->stream || store->combine || store->computed) return {};
  const KernelTensor& tensor = kernel_.tensors[store->tensor];
  const std::int64_t width = kernel_.axes[inner->axis].extent;
  const int bytes = info(tensor.type).bytes;
  if (tensor.where != Where::argument || bytes != 4 || width * bytes % vector_bytes(isa_) != 0)
    return {};
  // Both axes must come as t everywhere.
  const Index element = Index::var(loop.axis) * width + Index::var(inner->axis);
  const auto is_run = [&](const Index& index) {
    const Index rest = index - element * index.coefficient(inner->axis);
    return !rest.uses(inner->axis) && !rest.uses(loop.axis);
  };
  Stream stream{element, width, flat(tensor, store->at) - element, store->tensor, {}};
  if (stream.row.uses(inner->axis) || stream.row.uses(loop.axis) ||
      !all_indices(kernel_, store->value, is_run))
    return {};
  for (const Limit& limit : kernel_.limits) {
    if (!limit.index.uses(inner->axis)) continue;
    if (!is_run(limit.index) || limit.index.coefficient(inner->axis) != 1 ||
        !indices_.is_present(limit.index - element))
      return {};
    stream.limits.push_back({limit.index, -unknown, limit.bound});
  }
  return stream;
}

void Emission::emit_streamed(const Loop& loop, const Span& span, const Stream& stream) {
  const auto number = [&](std::int64_t value) { return builder_.getInt64(value); };
  llvm::Value* begin = builder_.CreateMul(span.begin, number(stream.width));
  llvm::Value* end = builder_.CreateMul(span.end, number(stream.width));
  for (const Range& limit : stream.limits) {
    const Index room = Index(limit.high) - (limit.index - stream.element);
    end = least(end, indices_.uniform(indices_.linear(room)));
  }

  // The first element at or after `begin` that is aligned.
  const int vector = vector_bytes(isa_);
  llvm::Value* start = builder_.CreateGEP(
      builder_.getInt32Ty(), address({stream.tensor, indices_.linear(stream.row)}), begin);
  llvm::Value* past = builder_.CreateNeg(builder_.CreatePtrToInt(start, builder_.getInt64Ty()));
  llvm::Value* head = builder_.CreateLShr(builder_.CreateAnd(past, number(vector - 1)), 2);
  llvm::Value* aligned = least(builder_.CreateAdd(begin, head), end);
  // After whole vectors.
  llvm::Value* rest = builder_.CreateSRem(builder_.CreateSub(end, aligned), number(stream.width));
  llvm::Value* tail = builder_.CreateSub(end, rest);

  const auto part = [&](llvm::Value* from, llvm::Value* to, bool is_aligned) {
    body_.is_aligned = is_aligned;
    if (!is_aligned) body_.edge = {stream.element, to};
    emit_part(loop, {.begin = from, .end = to, .step = stream.width}, {});
    body_.edge = {};
    body_.is_aligned = false;
  };
  knowing(stream.limits, [&] {
    part(begin, aligned, false);
    part(aligned, tail, true);
    part(tail, end, false);
  });
}

}  // namespace tenon
