#include "lower/uses.h"

#include "core/error.h"

namespace tenon {
namespace {

// Finds the axes along which two accesses to one element always have the same loop value. If two
// accesses touch one element, then each of their subscripts is equal, and so is the position in
// every run of subscripts, taken as one number. Each of these pairs of equal indices is examined.
// An axis is in an index as it is, or in a quotient or a remainder: these are the parts of the
// axis. A part has the same value in both accesses if both indices have it with the same
// coefficient, and if everything else that varies in them adds up to less than that coefficient. An
// axis has the same value if the parts that make it up have. For example, 8*io + ii with ii < 8 on
// both sides shows that io is the same, and then ii too.
class Comparison {
 public:
  Comparison(const Kernel& kernel, const Use& a, const Use& b, std::size_t outside)
      : kernel_(kernel), a_(a), b_(b), outside_(outside) {}

  bool is_same(std::span<const Var> axes) {
    const int rank = static_cast<int>(a_.access.at.size());
    const auto is_known = [&](Var v) { return contains(same_, v); };
    const auto is_found = [&](Var v) { return !is_known(v) && find_same(v); };
    for (int length = 1; length <= rank && !std::ranges::all_of(axes, is_known); ++length) {
      for (int first = 0; first + length <= rank; ++first) add_run(first, length);
      // An axis that is not asked for may have to be known first.
      while (std::ranges::any_of(axes, is_found) || std::ranges::any_of(a_.way.path, is_found))
        continue;
    }
    return std::ranges::all_of(axes, is_known);
  }

 private:
  struct Pair {
    Index a, b;
  };

  // Adds the position in a run of subscripts, unless one of them is computed and may be anything.
  void add_run(int first, int length) {
    for (const int computed : {a_.access.computed_axis, b_.access.computed_axis})
      if (first <= computed && computed < first + length) return;
    const KernelTensor& tensor = kernel_.tensors[a_.access.tensor];
    pairs_.push_back(
        {flat(tensor, a_.access.at, first, length), flat(tensor, b_.access.at, first, length)});
  }

  bool find_same(Var v) {
    for (const Pair& pair : pairs_)
      for (Index::Term term : pair.a.terms()) {
        if (!Index::of(term).uses(v) || !is_part_same(pair, term)) continue;
        term.coefficient = 1;
        append_once(parts_, Index::of(term));
      }
    if (!is_made_of_parts(Index::var(v))) return false;
    same_.push_back(v);
    return true;
  }

  bool is_part_same(const Pair& pair, const Index::Term& term) const {
    if (pair.b.coefficient(term) != term.coefficient) return false;
    const auto rest = [&](const Index& index, const Use& use) {
      const auto moving = std::span(use.way.path).subspan(outside_);
      return take_apart(index - Index::of(term),
                        [&](Var v) { return contains(moving, v) && !contains(same_, v); });
    };
    const Parts left = rest(pair.a, a_), right = rest(pair.b, b_);
    const Bounds still = bounds(left.still - right.still, bounds_);
    const Bounds first = bounds(left.moving, bounds_, limits_);
    const Bounds second = bounds(right.moving, bounds_, limits_);
    return still.low + first.low - second.high > -std::abs(term.coefficient) &&
           still.high + first.high - second.low < std::abs(term.coefficient);
  }

  bool is_made_of_parts(const Index& index) const {
    return index.is_constant() || contains(parts_, index) ||
           std::ranges::any_of(parts_, [&](const Index& part) {
             const Index::Term& term = part.terms().front();
             return term.kind != Index::Kind::var && *term.inner == index &&
                    is_made_of_parts(floordiv(index, term.divisor, bounds_)) &&
                    is_made_of_parts(mod(index, term.divisor, bounds_));
           });
  }

  const Kernel& kernel_;
  const VarBounds bounds_ = kernel_.bounds();
  const std::vector<Range> limits_ = mapped(kernel_.limits, [](const Limit& limit) {
    return Range{limit.index, -anything, limit.bound};
  });
  const Use &a_, &b_;
  const std::size_t outside_;
  std::vector<Pair> pairs_;
  std::vector<Index> parts_;  // those that are the same in both
  std::vector<Var> same_;
};

// Does one iteration of a loop over the axis need what another one has stored? It does if it adds
// to the tensor, if it reads the tensor before it stores to it, or if it stores under a condition.
bool outlives(std::span<const Use> all, Var axis) {
  if (!all.front().writes && !uses(all.front().access.at, axis)) return true;
  return std::ranges::any_of(all, [&](const Use& use) {
    const bool is_conditional = std::ranges::any_of(
        use.way.when, [&](const Range& range) { return range.index.uses(axis); });
    const auto moves = [&](const Index& index) { return index.coefficient(axis) != 0; };
    return use.writes && (contains(use.store.over, axis) ||
                          (is_conditional && std::ranges::none_of(use.access.at, moves)));
  });
}

// Do all subscripts move by the same distance along the axis?
bool move_alike(std::span<const Use> all, Var axis) {
  const auto is_alike = [axis](const Index& a, const Index& b) {
    return a.coefficient(axis) == b.coefficient(axis) && a.uses(axis) == b.uses(axis);
  };
  return std::ranges::all_of(all, [&](const Use& use) {
    return std::ranges::equal(all.front().access.at, use.access.at, is_alike);
  });
}

}  // namespace

Uses::Uses(Items items) {
  visit(items, [&](const Item& item, const Way& here) {
    const Store* store = item.store();
    if (!store) return;
    const Way& way = ways_.emplace_back(here);
    const auto add = [&](const Access& access, const Load* load, bool writes) {
      const auto tensor = static_cast<std::size_t>(access.tensor);
      if (tensor >= of_.size()) of_.resize(tensor + 1);
      all_.push_back({way, *store, access, load, writes});
      of_[tensor].push_back(all_.back());
    };
    visit_values(*store, [&](const Value& v) {
      if (const Access* read = access_in(v.detail)) add(*read, std::get_if<Load>(&v.detail), false);
    });
    add(*store, nullptr, true);
  });
}

const std::vector<Use>& Uses::of(int tensor) const& {
  static const std::vector<Use> none;
  return tensor < std::ssize(of_) ? of_[static_cast<std::size_t>(tensor)] : none;
}

std::size_t common_loops(const Use& a, const Use& b) {
  const auto differ = std::ranges::mismatch(a.way.loops, b.way.loops).in1;
  return static_cast<std::size_t>(differ - a.way.loops.begin());
}

bool uses_tensor(Items items, int tensor) {
  const Uses uses(items);
  return !uses.of(tensor).empty();
}

bool stores_to(Items items, int tensor) {
  const Uses uses(items);
  return std::ranges::any_of(uses.of(tensor), &Use::writes);
}

void join_divided_axes(Kernel& kernel, Left divisions) {
  bool has_prefetch = false;  // replace_accesses() does not change its subscripts
  visit(kernel.body, [&](const Item& item, const Way&) {
    has_prefetch = has_prefetch || std::holds_alternative<Prefetch>(item.what);
  });
  if (has_prefetch) return;
  Uses uses(kernel.body);
  const auto is_simpler = [&](int tensor, int axis) {
    int before = 0, after = 0;
    for (const Use& use : uses.of(tensor)) {
      const std::vector<Index>& at = use.access.at;
      const int apart = at[axis].divisions() + at[axis + 1].divisions();
      const int together = flat(kernel.tensors[tensor], at, axis, 2).divisions();
      const std::int64_t most = divisions == Left::none ? 0 : apart;
      if (use.access.computed_axis >= 0 || together > most) return false;
      before += apart;
      after += together;
    }
    return after < before;
  };
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    KernelTensor& tensor = kernel.tensors[t];
    for (int axis = 0; axis + 1 < std::ssize(tensor.extents);) {
      if (!is_simpler(t, axis)) {
        ++axis;
        continue;
      }
      replace_accesses(kernel.body, t, [&](Access& access) {
        access.at[axis] = flat(tensor, access.at, axis, 2);
        access.at.erase(access.at.begin() + axis + 1);
      });
      tensor.extents[axis] *= tensor.extents[axis + 1];
      tensor.extents.erase(tensor.extents.begin() + axis + 1);
      uses = Uses(kernel.body);
    }
  }
}

bool conflict(const Kernel& kernel, const Use& a, const Use& b, std::span<const Var> axes,
              std::size_t outside) {
  return !Comparison(kernel, a, b, outside).is_same(axes);
}

Reason dependence(const Kernel& kernel, const Use& writer, const Use& other,
                  std::span<const Var> axes, std::size_t outside) {
  const std::string& name = kernel.tensors[writer.access.tensor].name;
  std::vector<Var> moving;
  for (Var v : axes)
    if (contains(writer.way.path, v) && contains(other.way.path, v) &&
        (uses(writer.access.at, v) || uses(other.access.at, v)))
      moving.push_back(v);
  if (conflict(kernel, writer, other, moving, outside))
    return fmt::format("{} is stored in one iteration and used in another", name);
  // A computed subscript may hit any element. So the order counts along every axis that is in no
  // other subscript.
  if (writer.access.computed_axis >= 0 && std::ranges::any_of(axes, [&](Var v) {
        return contains(writer.way.path, v) && !uses(writer.access.at, v);
      }))
    return fmt::format("{} is stored at computed places in an order that counts", name);
  return {};
}

std::optional<Reach> reach(const Kernel& kernel, std::span<const Index> subscripts,
                           const Path& outside) {
  std::optional<Index> still;
  Bounds moving{anything, -anything};
  for (const Index& subscript : subscripts) {
    const Parts parts = take_apart(subscript, [&](Var v) { return !contains(outside, v); });
    if (parts.is_mixed || (still && !(*still == parts.still))) return {};
    const Bounds here = bounds(parts.moving, kernel.bounds());
    moving = {std::min(moving.low, here.low), std::max(moving.high, here.high)};
    still = parts.still;
  }
  return Reach{*still + Index(moving.low), std::max<std::int64_t>(moving.high - moving.low + 1, 0)};
}

Path private_loops(const KernelTensor& local, std::span<const Use> uses) {
  const Path& path = uses.front().way.path;
  if (local.scope) {
    const auto home = std::ranges::find(path, *local.scope);
    check(home != path.end() || *local.scope < 0, "a staged tile is used outside its loop");
    return home == path.end() ? Path() : Path(path.begin(), home + 1);
  }
  std::size_t common = path.size();
  for (const Use& use : uses) common = std::min(common, common_loops(uses.front(), use));
  const std::span loops = std::span(path).first(common);
  const auto is_shared = [&](Var v) { return outlives(uses, v) || !move_alike(uses, v); };
  return Path(loops.begin(), std::ranges::find_if(loops, is_shared));
}

}  // namespace tenon
