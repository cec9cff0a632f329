#include "schedules.h"

#include <fmt/format.h>

#include <algorithm>

#include "lower/tree.h"

namespace tenon::fuzz {
namespace {

constexpr int most_proposals = 30;
constexpr std::int64_t most_unrolled = 64;           // statements in all
constexpr std::int64_t most_lanes = 64;              // side by side
constexpr std::int64_t most_in_registers = 1 << 12;  // elements of a staged tensor

class Proposals {
 public:
  Proposals(const Kernel& kernel, Random& random) : kernel_(kernel), random_(random) {
    visit_stores(kernel.body, [&](const Store& store, const Path& path) {
      paths_.push_back(path);
      all_.push_back(path);
      stores_.push_back(store);
      const auto* partial = std::get_if<Load>(&store.value->detail);
      if (partial && kernel.tensors[partial->tensor].where != Where::argument)
        append(blocks_, store.over);
    });
    std::erase_if(paths_, [](const Path& path) { return path.empty(); });
  }

  std::optional<Move> propose(int number) {
    if (paths_.empty()) return {};
    const std::int64_t kind = random_.below(100);
    if (kind < 30) return split(number);
    if (kind < 45) return order();
    if (kind < 50) return fuse(number);
    if (kind < 75) return bind();
    if (kind < 92) return stage();
    if (kind < 96) return at();
    return Move{SplitReduce{blocks_.empty() ? loop() : axis_of(random_.of(blocks_)).name}};
  }

 private:
  const Axis& axis_of(Var v) const { return kernel_.axes[static_cast<std::size_t>(v)]; }
  Var axis() { return random_.of(random_.of(paths_)); }
  std::string loop() { return axis_of(axis()).name; }
  // A producer, and a loop of one of its consumers.
  std::optional<Move> at() {
    std::vector<Move> moves;
    for (std::size_t reader = 0; reader < stores_.size(); ++reader)
      visit_loads(stores_[reader], [&](const Load& load) {
        for (const Store& producer : stores_)
          if (producer.tensor == load.tensor && producer.tensor != stores_[reader].tensor)
            for (Var v : all_[reader])
              moves.push_back({At{kernel_.tensors[load.tensor].name, axis_of(v).name}});
      });
    if (moves.empty()) return {};
    return random_.of(moves);
  }

  Move split(int number) {
    const Axis& axis = axis_of(this->axis());
    Split split{axis.name, {{fmt::format("o{}", number), 0}}, Tail::mask};
    const int inner = random_.chance(30) ? 2 : 1;
    for (int part = 0; part < inner; ++part)
      split.parts.push_back({fmt::format("{}{}", part ? "p" : "q", number),
                             random_.of<std::int64_t>({1, 2, 3, 4, 5, 8, 15, 16, 17, 32})});
    split.tail = random_.of<Tail>({Tail::mask, Tail::peel, Tail::peel, Tail::pad});
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

  std::optional<Move> fuse(int number) {
    const Path& path = random_.of(paths_);
    if (path.size() < 2) return {};
    const auto at = static_cast<std::size_t>(random_.below(std::ssize(path) - 1));
    return Move{
        Fuse{axis_of(path[at]).name, axis_of(path[at + 1]).name, fmt::format("f{}", number)}};
  }

  std::optional<Move> bind() {
    const Var v = axis();
    const Tag tag =
        random_.of<Tag>({Tag::parallel, Tag::vector, Tag::vector, Tag::unroll, Tag::serial});
    if (tag == Tag::vector && product(Tag::vector) * axis_of(v).extent > most_lanes) return {};
    if (tag == Tag::unroll && product(Tag::unroll) * axis_of(v).extent > most_unrolled) return {};
    return Move{Bind{axis_of(v).name, tag}};
  }

  std::int64_t product(Tag tag) const {
    std::int64_t result = 1;
    for (const Axis& axis : kernel_.axes)
      if (axis.tag == tag) result *= std::max<std::int64_t>(axis.extent, 1);
    return result;
  }

  std::optional<Move> stage() {
    const KernelTensor& staged = random_.of(kernel_.tensors);
    Stage stage;
    stage.tensor = staged.name;
    stage.at = random_.chance(10) ? "root" : loop();
    stage.where = random_.of<Where>({Where::heap, Where::heap, Where::reg, Where::stream});
    if (stage.where == Where::reg && staged.elements() > most_in_registers) return {};
    if (random_.chance(15)) stage.depth = 2;
    if (random_.chance(25)) stage.layout = Layout::box;
    return Move{stage};
  }

  const Kernel& kernel_;
  Random& random_;
  std::vector<Path> paths_;  // those with loops
  std::vector<Path> all_;    // one for each of the stores
  std::vector<Store> stores_;
  std::vector<Var> blocks_;
};

std::string kind_of(const Move& move) {
  const std::string text = print(move);
  std::string kind = text.substr(0, text.find(' '));
  for (const char* word : {" peel", " pad", " parallel", " vector", " unroll", " serial",
                           " register", " stream", " depth 2", " box", " root"})
    if (text.find(word) != std::string::npos) kind += word;
  return kind;
}

}  // namespace

void random_schedule(const Kernel& kernel, Random& random, Coverage& coverage, Schedule& schedule) {
  Kernel current = kernel;
  const std::int64_t proposals = random.between(1, most_proposals);
  for (int number = 0; number < proposals; ++number) {
    const auto move = Proposals(current, random).propose(number);
    if (!move) continue;
    Tally& tally = coverage[kind_of(*move)];
    ++tally.proposed;
    schedule.push_back(*move);  // and stays there if the move throws
    Moved moved = apply(current, *move);
    auto* next = std::get_if<Kernel>(&moved);
    if (!next) {
      schedule.pop_back();
      continue;
    }
    ++tally.legal;
    current = std::move(*next);
  }
}

}  // namespace tenon::fuzz
