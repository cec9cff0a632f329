#include "schedules.h"

#include <fmt/format.h>

#include <algorithm>

#include "lower/uses.h"

namespace tenon::fuzz {
namespace {

constexpr int most_proposals = 30;
constexpr std::int64_t most_unrolled = 64;           // product of the extents of unrolled axes
constexpr std::int64_t most_lanes = 64;              // product of the extents of vector axes
constexpr std::int64_t most_in_registers = 1 << 12;  // elements of a staged tensor

class Proposals {
 public:
  Proposals(const Kernel& kernel, Random& random) : kernel_(kernel), random_(random) {
    visit_stores(kernel.body, [&](const Store& store, const Path& path) {
      paths_.push_back(path);
      all_.push_back(path);
      stores_.push_back(store);
      const auto* partial = std::get_if<Load>(&store.value->detail);
      if (partial && contains(sums_, partial->tensor)) append(blocks_, store.over);
      if (store.combine && kernel.tensors[store.tensor].where != Where::argument)
        append_once(sums_, store.tensor);
    });
    std::erase_if(paths_, [](const Path& path) { return path.empty(); });
  }

  // Proposes no move, one, or several that make sense together.
  std::vector<Move> propose(int number) {
    if (paths_.empty()) return {};
    if (!blocks_.empty() && random_.chance(number == 0 ? 80 : 15)) return split_reduce(number);
    if (number == 0 && random_.chance(50))
      if (const std::vector<Move> moves = at(number); !moves.empty()) return moves;
    const std::int64_t kind = random_.below(100);
    if (kind < 30) return {split(number)};
    if (kind < 45) return {order()};
    if (kind < 50) return fuse(number);
    if (kind < 72) return bind();
    if (kind < 75) return hold();
    if (kind < 89) return stage();
    if (kind < 93) return turn(number);
    if (kind < 95) return stream(number);
    if (kind < 98) return at(number);
    return {{SplitReduce{loop()}}};
  }

 private:
  const Axis& axis_of(Var v) const { return kernel_.axes[static_cast<std::size_t>(v)]; }
  Var axis() { return random_.of(random_.of(paths_)); }
  std::string loop() { return axis_of(axis()).name; }
  // Splits off the partial sums of all blocks, or of a few blocks at a time.
  std::vector<Move> split_reduce(int number) {
    std::string block = axis_of(random_.of(blocks_)).name;
    std::vector<Move> moves;
    if (random_.chance(60)) {
      const std::string few = fmt::format("b{}", number);
      const auto count = random_.of<std::int64_t>({2, 2, 3, 4, 5});
      moves.push_back({Split{block, {{"o" + few, 0}, {few, count}}, Tail::mask}});
      block = few;
    }
    moves.push_back({SplitReduce{block}});
    return moves;
  }

  // Moves a producer into a loop of one of its consumers. The loop is not one that both share,
  // because there the producer is computed already. To reach a loop that is further in, the
  // producer's loop is first split into the same parts as the loops of the consumer.
  std::vector<Move> at(int number) {
    std::vector<std::vector<Move>> ways;
    for (std::size_t reader = 0; reader < stores_.size(); ++reader)
      visit_reads(stores_[reader], [&](const Access& load) {
        for (std::size_t writer = 0; writer < reader; ++writer) {
          if (stores_[writer].tensor != load.tensor || load.tensor == stores_[reader].tensor)
            continue;
          const Path &from = all_[writer], &to = all_[reader];
          const auto shared =
              static_cast<std::size_t>(std::ranges::mismatch(from, to).in1 - from.begin());
          for (std::size_t d = shared; d < to.size(); ++d) {
            const At move{kernel_.tensors[load.tensor].name, axis_of(to[d]).name};
            ways.push_back({{move}});
            if (d == shared || shared >= from.size()) continue;
            Split split{axis_of(from[shared]).name, {{fmt::format("a{}", number), 0}}, Tail::peel};
            for (std::size_t part = shared + 1; part <= d; ++part)
              split.parts.push_back(
                  {fmt::format("a{}_{}", number, part), axis_of(to[part]).extent});
            ways.push_back({{split}, {move}});
            ways.push_back(ways.back());
          }
        }
      });
    return ways.empty() ? std::vector<Move>{} : random_.of(ways);
  }

  Move split(int number) {
    const Axis& axis = axis_of(this->axis());
    Split split{axis.name, {{fmt::format("o{}", number), 0}}, Tail::mask};
    const int inner = random_.chance(30) ? 2 : 1;
    for (int part = 0; part < inner; ++part)
      split.parts.push_back({fmt::format("{}{}", part ? "p" : "q", number),
                             random_.of<std::int64_t>({1, 2, 3, 4, 5, 8, 15, 16, 17, 32})});
    split.tail = random_.of<Tail>({Tail::mask, Tail::peel});
    return {split};
  }

  Move order() {
    Path path = random_.of(paths_);
    random_.shuffle(path);
    if (random_.chance(40))
      path.resize(static_cast<std::size_t>(random_.between(1, std::ssize(path))));
    Order order;
    for (Var v : path) order.axes.push_back(axis_of(v).name);
    return {order};
  }

  std::vector<Move> fuse(int number) {
    const Path& path = random_.of(paths_);
    if (path.size() < 2) return {};
    const auto at = static_cast<std::size_t>(random_.below(std::ssize(path) - 1));
    return {{Fuse{axis_of(path[at]).name, axis_of(path[at + 1]).name, fmt::format("f{}", number)}}};
  }

  std::vector<Move> bind() {
    const Var v = axis();
    const Tag tag =
        random_.of<Tag>({Tag::parallel, Tag::vector, Tag::vector, Tag::unroll, Tag::serial});
    if (tag == Tag::vector && product(Tag::vector) * axis_of(v).extent > most_lanes) return {};
    if (tag == Tag::unroll && product(Tag::unroll) * axis_of(v).extent > most_unrolled) return {};
    return {{Bind{axis_of(v).name, tag}}};
  }

  // Vectors along both axes of a copy that transposes: it reads contiguously along one axis, and
  // stores contiguously along the other.
  std::vector<Move> turn(int number) {
    std::vector<std::pair<Var, Var>> turned;
    for (std::size_t copy = 0; copy < stores_.size(); ++copy) {
      const Store& store = stores_[copy];
      const auto* load = std::get_if<Load>(&store.value->detail);
      if (!load || store.combine) continue;
      const Index source = flat(kernel_.tensors[load->tensor], load->at);
      const Index target = flat(kernel_.tensors[store.tensor], store.at);
      for (Var column : all_[copy])
        for (Var row : all_[copy])
          if (column != row && source.coefficient(column) == 1 && target.coefficient(row) == 1)
            turned.emplace_back(column, row);
    }
    if (turned.empty()) return {};
    const auto [column, row] = random_.of(turned);
    std::vector<Move> moves;
    for (Var v : {column, row}) {
      const std::string lanes = fmt::format("{}{}", v == column ? "c" : "r", number);
      const auto count = random_.of<std::int64_t>({2, 4, 8, 16});
      const auto tail = random_.of<Tail>({Tail::mask, Tail::peel});
      moves.push_back({Split{axis_of(v).name, {{"o" + lanes, 0}, {lanes, count}}, tail}});
      moves.push_back({Bind{lanes, Tag::vector}});
    }
    return moves;
  }

  std::int64_t product(Tag tag) const {
    std::int64_t result = 1;
    for (const Axis& axis : kernel_.axes)
      if (axis.tag == tag) result *= std::max<std::int64_t>(axis.extent, 1);
    return result;
  }

  // Vectors along the rows of an output, written past the caches.
  std::vector<Move> stream(int number) {
    const auto i = static_cast<std::size_t>(random_.below(std::ssize(stores_)));
    const KernelTensor& target = kernel_.tensors[static_cast<std::size_t>(stores_[i].tensor)];
    if (!target.is_output || stores_[i].combine || all_[i].empty()) return {};
    const std::string lanes = fmt::format("s{}", number);
    Stage stage;
    stage.tensor = target.name;
    stage.at = "root";
    stage.stream = true;
    const Split split{axis_of(all_[i].back()).name, {{"o" + lanes, 0}, {lanes, 16}}, Tail::mask};
    return {{split}, {Bind{lanes, Tag::vector}}, {stage}};
  }

  std::vector<Move> stage() {
    const auto tensor = random_.below(std::ssize(kernel_.tensors));
    const KernelTensor& staged = kernel_.tensors[static_cast<std::size_t>(tensor)];
    Stage stage;
    stage.tensor = staged.name;
    stage.at = random_.chance(10) ? "root" : loop();
    enum class Kind { heap, registers, stream };
    const auto kind = random_.of<Kind>({Kind::heap, Kind::heap, Kind::registers, Kind::stream});
    if (kind == Kind::registers) stage.where = Where::reg;
    stage.stream = kind == Kind::stream;
    if (stage.where == Where::reg && staged.elements() > most_in_registers) return {};
    if (random_.chance(15)) stage.depth = 2;
    std::vector<std::vector<Index>> places;
    const Uses uses(kernel_.body);
    for (const Use& use : uses.of(static_cast<int>(tensor))) append_once(places, use.access.at);
    if (random_.chance(places.size() > 1 ? 80 : 20))
      stage.layout = Layout::box;
    else if (random_.chance(30))
      stage.order = tile(static_cast<int>(tensor), stage.at);
    return {{stage}};
  }

  // Orders the loops of a result with two summed axes so that the other axes lie between the two,
  // and stages the result inside the second.
  std::vector<Move> hold() {
    const auto i = static_cast<std::size_t>(random_.below(std::ssize(stores_)));
    const std::vector<Var>& over = stores_[i].over;
    if (over.size() < 2 || all_[i].size() == over.size()) return {};
    Path path{over[0]};
    for (Var v : all_[i])
      if (!contains(over, v)) path.push_back(v);
    path.insert(path.end(), over.begin() + 1, over.end());
    const std::string& sum = kernel_.tensors[static_cast<std::size_t>(stores_[i].tensor)].name;
    return {{Order{mapped(path, [&](Var v) { return axis_of(v).name; })}},
            {Stage{sum, axis_of(over[1]).name}}};
  }

  // The loops inside `at` that index the tensor, in any order.
  std::vector<std::string> tile(int tensor, const std::string& at) {
    std::vector<Var> axes;
    const Uses uses(kernel_.body);
    for (const Use& use : uses.of(tensor)) {
      bool is_inside = at == "root";
      for (Var v : use.way.path) {
        const bool is_used =
            std::ranges::any_of(use.access.at, [v](const Index& index) { return index.uses(v); });
        if (is_inside && is_used) append_once(axes, v);
        is_inside = is_inside || axis_of(v).name == at;
      }
    }
    random_.shuffle(axes);
    return mapped(axes, [&](Var v) { return axis_of(v).name; });
  }

  const Kernel& kernel_;
  Random& random_;
  std::vector<Path> paths_;  // those with loops
  std::vector<Path> all_;    // one for each of the stores
  std::vector<Store> stores_;
  std::vector<int> sums_;    // the locals that are partial sums
  std::vector<Var> blocks_;  // the axes over which partial sums are added up further
};

std::string kind_of(const Move& move) {
  const std::string text = print(move);
  std::string kind = text.substr(0, text.find(' '));
  for (const char* word : {" peel", " parallel", " vector", " unroll", " serial", " register",
                           " stream", " depth 2", " box", " layout", " root"})
    if (text.find(word) != std::string::npos) kind += word;
  return kind;
}

}  // namespace

void random_schedule(const Kernel& kernel, Random& random, Coverage& coverage, Schedule& schedule) {
  Kernel current = kernel;
  const std::int64_t proposals = random.between(1, most_proposals);
  for (int number = 0; number < proposals; ++number) {
    for (const Move& move : Proposals(current, random).propose(number)) {
      Tally& tally = coverage[kind_of(move)];
      ++tally.proposed;
      schedule.push_back(move);  // and stays there if the move throws
      Moved moved = apply_all(current, {move});
      if (auto* next = std::get_if<Kernel>(&moved)) {
        ++tally.legal;
        current = std::move(*next);
      } else {
        schedule.pop_back();
      }
    }
  }
}

}  // namespace tenon::fuzz
