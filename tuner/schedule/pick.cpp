#include "tuner/schedule/pick.h"

#include <bit>
#include <functional>

#include "tuner/schedule/picker.h"

namespace tenon {

Picker::Picker(const Kernel& kernel, const Target& target, const Machine& machine)
    : kernel_(kernel), target_(target), machine_(machine) {}

bool Picker::attempt(Move move) {
  Moved moved = apply(kernel_, move);
  if (std::holds_alternative<Refusal>(moved)) return false;
  kernel_ = std::get<Kernel>(std::move(moved));
  schedule_.push_back(std::move(move));
  return true;
}

bool Picker::attempt(const std::vector<Move>& moves) {
  const Kernel before = kernel_;
  const std::size_t count = schedule_.size();
  for (const Move& move : moves) {
    if (attempt(move)) continue;
    kernel_ = before;
    schedule_.resize(count);
    return false;
  }
  return true;
}

void Picker::vectorize_copy(const std::string& loop) {
  const auto axis = kernel_.find_axis(loop);
  if (!axis || extent(*axis) < lanes()) return;
  attempt({{cut(loop, 'v', lanes(), Tail::mask)}, {Bind{loop + "v", Tag::vector}}});
}

std::optional<std::int64_t> Picker::stride(int number, const std::vector<Index>& at, Var v) const {
  const Index address = flat(tensor(number), at);
  const std::int64_t coefficient = address.coefficient(v);
  if ((address - Index::var(v) * coefficient).uses(v)) return {};
  return coefficient;
}

std::vector<Statement> Picker::plain_statements() const {
  std::vector<Statement> found;
  visit_stores(kernel_.body, [&](const Store& store, const Path& path) {
    const bool is_plain = std::ranges::all_of(
        path, [&](Var v) { return axis(v).tag == Tag::serial || axis(v).tag == Tag::parallel; });
    if (is_plain && !path.empty()) found.push_back({store, path});
  });
  return found;
}

bool Picker::has_loop(const std::vector<Item>& items, Tag tag, std::optional<Var> inside) const {
  bool found = false;
  visit(items, [&](const Item& item, const Way& way) {
    found = found || (item.loop() && axis(item.loop()->axis).tag == tag &&
                      (!inside || contains(way.path, *inside)));
  });
  return found;
}

std::int64_t vectors_together(const Store& store, std::int64_t most) {
  constexpr std::int64_t sensible = 768;  // instructions
  std::int64_t instructions = 1;
  visit_values(store, [&](const Value& value) {
    if (const auto* apply = std::get_if<Apply>(&value.detail))
      instructions += info(apply->op).instructions;
  });
  const std::int64_t vectors = std::clamp<std::int64_t>(sensible / instructions, 1, most);
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(vectors)));
}

Split cut(const std::string& loop, char letter, std::int64_t extent, Tail tail) {
  return {loop, {{stem(loop) + "o"}, {stem(loop) + letter, extent}}, tail};
}

Order order_of(std::initializer_list<std::vector<std::string>> parts) {
  Order order;
  for (const auto& names : parts) append(order.axes, names);
  return order;
}

namespace {

// The rules for everything but products.
Schedule pick_rest(Picker& picker) {
  pick_lanes(picker);
  pick_flat(picker);
  pick_vectors(picker);
  pick_streams(picker);
  pick_ahead(picker);
  pick_threads(picker);
  return picker.schedule();
}

}  // namespace

Schedule pick(const Kernel& naive, const Target& target, const Machine& machine) {
  // With an empty axis nothing runs, and no move is legal.
  if (contains(mapped(naive.axes, std::mem_fn(&Axis::extent)), 0)) return {};
  Picker picker(naive, target, machine);
  pick_products(picker);
  return pick_rest(picker);
}

std::optional<Schedule> pick_after(const Schedule& product, const Kernel& naive,
                                   const Target& target, const Machine& machine) {
  Picker picker(naive, target, machine);
  if (!picker.attempt(product)) return {};
  return pick_rest(picker);
}

}  // namespace tenon
