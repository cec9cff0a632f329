#include "tuner/space/facts.h"

#include <algorithm>

namespace tenon {
namespace {

// The facts of an access, or nothing if a subscript is not affine or is computed.
std::optional<AccessFacts> access_facts(const Kernel& kernel, const Access& access, bool guarded) {
  if (access.computed_axis >= 0) return {};
  const KernelTensor& tensor = kernel.tensors[access.tensor];
  AccessFacts facts{.tensor = access.tensor,
                    .element_bytes = info(tensor.type).bytes,
                    .subscripts = {},
                    .steps = std::vector<std::int64_t>(kernel.axes.size()),
                    .is_local = tensor.where != Where::argument,
                    .guarded = guarded};
  std::int64_t stride = tensor.elements();  // of the subscript at hand
  for (std::size_t i = 0; i < access.at.size(); ++i) {
    if (!access.at[i].is_affine()) return {};
    stride /= std::max<std::int64_t>(tensor.extents[i], 1);
    Subscript subscript{{}, tensor.extents[i]};
    for (const Index::Term& term : access.at[i].terms()) {
      subscript.terms.emplace_back(term.var, term.coefficient);
      facts.steps[term.var] += stride * term.coefficient;
    }
    facts.subscripts.push_back(std::move(subscript));
  }
  return facts;
}

std::optional<StatementFacts> statement_facts(const Kernel& kernel, const Store& store,
                                              const Path& path) {
  StatementFacts facts{store, path, {}};
  bool is_affine = true;
  const auto add = [&](const Access& access, bool guarded) {
    auto found = access_facts(kernel, access, guarded);
    if (found)
      facts.accesses.push_back(std::move(*found));
    else
      is_affine = false;
  };
  add(store, false);
  visit_values(store, [&](const Value& value) {
    const auto* ranges = ranges_in(value.detail);
    if (const Access* read = access_in(value.detail)) add(*read, ranges && !ranges->empty());
  });
  if (!is_affine) return {};
  return facts;
}

}  // namespace

bool AccessFacts::uses(Var axis) const {
  return std::ranges::any_of(subscripts, [&](const Subscript& subscript) {
    return std::ranges::any_of(subscript.terms,
                               [&](const auto& term) { return term.first == axis; });
  });
}

Facts facts_of(const Kernel& naive) {
  Facts facts{.naive = naive, .statements = {}};
  visit_stores(naive.body, [&](const Store& store, const Path& path) {
    double iterations = 1;
    for (const Var axis : path) iterations *= static_cast<double>(naive.extent(axis));
    if (store.factor) facts.flops += 2 * iterations;
    if (auto found = statement_facts(naive, store, path))
      facts.statements.push_back(std::move(*found));
  });
  for (const KernelTensor& tensor : naive.tensors)
    if (tensor.where == Where::argument)
      facts.bytes += static_cast<double>(tensor.elements() * info(tensor.type).bytes);
  return facts;
}

}  // namespace tenon
