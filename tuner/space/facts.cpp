#include "tuner/space/facts.h"

#include <set>

namespace tenon {
namespace {

AccessFacts access_facts(const Kernel& kernel, const Access& access) {
  const KernelTensor& tensor = kernel.tensors[access.tensor];
  AccessFacts facts{.tensor = access.tensor,
                    .element_bytes = info(tensor.type).bytes,
                    .steps = std::vector<std::int64_t>(kernel.axes.size()),
                    .is_local = tensor.where != Where::argument};
  const Index address = flat(tensor, access.at);
  for (const Var axis : address.vars()) {
    const std::int64_t step = address.coefficient(axis);
    facts.steps[axis] = (address - Index::var(axis) * step).uses(axis) ? irregular : step;
  }
  const int count = static_cast<int>(access.at.size());
  for (int i = 0, joined = 1; i < count; i += joined) {
    // Divided subscripts that make one address, as k / 8 and k mod 8 do, are one subscript.
    joined = 1;
    while (i + joined <= count && !flat(tensor, access.at, i, joined).is_affine()) ++joined;
    if (i + joined > count) joined = 1;
    const Index index = flat(tensor, access.at, i, joined);
    Subscript subscript{{}, 1, index.is_affine()};
    for (int axis = i; axis < i + joined; ++axis) subscript.extent *= tensor.extents[axis];
    for (const Var axis : index.vars())
      subscript.terms.emplace_back(axis, subscript.is_affine ? index.coefficient(axis) : 1);
    facts.subscripts.push_back(std::move(subscript));
  }
  if (access.computed) {
    std::vector<Var> axes;
    visit_values(access.computed, [&](const Value& value) {
      for_each_index(value, [&](const Index& index) { index.collect(axes); });
    });
    facts.subscripts.push_back({{}, tensor.extents[access.computed_axis], false});
    for (const Var axis : axes) {
      facts.subscripts.back().terms.emplace_back(axis, 1);
      facts.steps[axis] = irregular;
    }
  }
  return facts;
}

StatementFacts statement_facts(const Kernel& kernel, const Store& store, const Path& path) {
  StatementFacts facts{store, path, {access_facts(kernel, store)}};
  std::vector<Access> reads;  // an element that is read twice is loaded once
  visit_values(store, [&](const Value& value) {
    const auto* ranges = ranges_in(value.detail);
    if (const Access* read = access_in(value.detail); read && !contains(reads, *read)) {
      reads.push_back(*read);
      facts.accesses.push_back(access_facts(kernel, *read));
      for (const Range& range : ranges ? *ranges : std::vector<Range>())
        range.index.collect(facts.accesses.back().tested);
    }
    if (const auto* apply = std::get_if<Apply>(&value.detail))
      facts.operations += info(apply->op).instructions;
  });
  if (store.combine) ++facts.operations;
  return facts;
}

}  // namespace

bool AccessFacts::uses(Var axis) const {
  return std::ranges::any_of(subscripts, [&](const Subscript& subscript) {
    return std::ranges::any_of(subscript.terms,
                               [&](const auto& term) { return term.first == axis; });
  });
}

double Facts::iterations(const std::vector<Var>& axes) const {
  double product = 1;
  for (const Var axis : axes) product *= static_cast<double>(extent(axis));
  return product;
}

Facts facts_of(const Kernel& nest) {
  Facts facts{.nest = nest, .statements = {}, .around_vectors = {}};
  std::set<int> seen;  // arguments that were read
  visit_stores(nest.body, [&](const Store& store, const Path& path) {
    const auto is_vector = [&](Var axis) { return nest.axes[axis].tag == Tag::vector; };
    for (auto axis = path.begin(); axis != path.end(); ++axis)
      if (std::any_of(axis + 1, path.end(), is_vector)) append_once(facts.around_vectors, *axis);
    if (store.factor) facts.flops += 2 * facts.iterations(path);
    auto& statement = facts.statements.emplace_back(statement_facts(nest, store, path));
    for (AccessFacts& access : statement.accesses) {
      access.again = seen.contains(access.tensor);
      access.shared =
          std::ranges::count(statement.accesses, access.tensor, &AccessFacts::tensor) > 1;
    }
    for (const AccessFacts& access : statement.accesses)
      if (!access.is_local && &access != &statement.accesses.front()) seen.insert(access.tensor);
  });
  for (StatementFacts& statement : facts.statements)
    statement.is_final = !statement.target().is_local && !seen.contains(statement.target().tensor);
  for (const KernelTensor& tensor : nest.tensors)
    if (tensor.where == Where::argument)
      facts.bytes += static_cast<double>(tensor.elements() * info(tensor.type).bytes);
  return facts;
}

}  // namespace tenon
