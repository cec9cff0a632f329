#include "tuner/space/skeleton.h"

#include <bit>

namespace tenon {
namespace {

class MovePrinter {
 public:
  explicit MovePrinter(const Skeleton& skeleton)
      : skeleton_(skeleton), statement_(*skeleton.statement), facts_(*skeleton.facts) {}

  Schedule print() {
    std::vector<std::string> loops;  // in the order after the splits
    for (const Var axis : statement_.path) append(loops, split(axis));
    order(std::move(loops));
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.tag == Tag::vector || loop.tag == Tag::unroll) bind(loop);
    for (const SkeletonStage& stage : skeleton_.stages) this->stage(stage);
    if (skeleton_.streams)
      moves_.push_back({Stage{.tensor = tensor_of(0), .at = loop(0), .stream = true}});
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.tag == Tag::parallel) bind(loop);
    return std::move(moves_);
  }

 private:
  const std::string& loop(std::size_t place) const { return skeleton_.loops[place].name; }
  const std::string& tensor_of(int access) const {
    return facts_.nest.tensors[statement_.accesses[access].tensor].name;
  }

  void bind(const std::string& loop, Tag tag) { moves_.push_back({Bind{loop, tag}}); }
  void bind(const SkeletonLoop& loop) {
    if (loop.name != facts_.name(loop.axis) || loop.tag != facts_.tag(loop.axis))
      bind(loop.name, loop.tag);
  }

  // Returns the names of the loops that the axis becomes.
  std::vector<std::string> split(Var axis) {
    std::vector<Part> parts;
    std::vector<std::string> names;
    for (const SkeletonLoop& loop : skeleton_.loops) {
      if (loop.axis != axis) continue;
      parts.push_back({stem(loop.name), parts.empty() ? 0 : loop.trips});
      names.push_back(loop.name);
    }
    if (parts.size() > 1) moves_.push_back({Split{facts_.name(axis), parts, Tail::peel}});
    return names;
  }

  // Names the loops between the first and the last one whose place changes.
  void order(std::vector<std::string> before) {
    auto after = mapped(skeleton_.loops, [](const SkeletonLoop& loop) { return loop.name; });
    const auto first = std::ranges::mismatch(before, after).in2;
    if (first == after.end()) return;
    const auto last = std::mismatch(before.rbegin(), before.rend(), after.rbegin()).second.base();
    moves_.push_back({Order{{first, last}}});
  }

  void stage(const SkeletonStage& stage) {
    const AccessFacts& access = statement_.accesses[stage.access];
    const std::string &tensor = tensor_of(stage.access), &at = loop(stage.at);
    moves_.push_back({Stage{tensor, at, stage.where, stage.depth, stage.layout}});
    const std::string tile = tensor + "." + stem(at) + ".";
    if (stage.layout == Layout::box)
      cut_vectors(loop_of_copy(
                      tile + std::to_string(facts_.nest.tensors[access.tensor].extents.size() - 1)),
                  box_width(access, stage));
    else if (stage.where == Where::reg)
      bind_tile(access, stage, tile);
    else
      bind_packing(access, stage, tile);
  }

  // The name of a loop that copies. A copy of an earlier statement may have the wanted one.
  std::string loop_of_copy(const std::string& wanted) const {
    return unused(wanted,
                  [&](const std::string& name) { return facts_.nest.find_axis(name).has_value(); });
  }
  std::string copy_of(const SkeletonLoop& loop, const std::string& tile) const {
    return loop_of_copy(tile + stem(loop.name));
  }

  // The copy of a tile in registers has the tags of the loops that compute it. If the tensor is
  // contiguous along another loop than the vectors, vectors run along both: that is a transpose.
  void bind_tile(const AccessFacts& access, const SkeletonStage& stage, const std::string& tile) {
    for (const SkeletonLoop& loop : skeleton_.inside(stage))
      if (access.uses(loop.axis) && loop.tag != Tag::serial)
        bind(copy_of(loop, tile), is_turned(access, loop) ? Tag::vector : loop.tag);
  }

  // The innermost loop of a packing copy runs over vectors. If the operand is contiguous along
  // another loop, vectors run along that one too, and the copy transposes them. A tile that all
  // threads read is copied by all of them.
  void bind_packing(const AccessFacts& access, const SkeletonStage& stage,
                    const std::string& tile) {
    std::vector<const SkeletonLoop*> copied;
    const SkeletonLoop* contiguous = nullptr;
    bool is_shared = false;
    for (const SkeletonLoop& loop : skeleton_.inside(stage)) {
      is_shared |= loop.tag == Tag::parallel;
      if (!access.uses(loop.axis)) continue;
      copied.push_back(&loop);
      if (access.step(loop.axis) * loop.step == 1) contiguous = &loop;
    }
    if (copied.empty()) return;
    order_copy(access, copied, tile);
    if (contiguous && contiguous != copied.back())
      cut_vectors(copy_of(*contiguous, tile), contiguous->trips);
    bind(copy_of(*copied.back(), tile), Tag::vector);
    for (const SkeletonLoop* loop : copied)
      if (loop->tag == Tag::unroll && loop != contiguous && loop != copied.back())
        bind(copy_of(*loop, tile), Tag::unroll);
    const SkeletonLoop& outer = *copied.front();
    if (is_shared && outer.trips > 1 && &outer != contiguous && &outer != copied.back())
      bind(copy_of(outer, tile), Tag::parallel);
  }

  // A copy reads long runs of the operand: of the loops over tiles, the one that moves farthest is
  // the outermost.
  void order_copy(const AccessFacts& access, std::vector<const SkeletonLoop*>& copied,
                  const std::string& tile) {
    const auto is_tile = [](const SkeletonLoop* loop) {
      return loop->tag == Tag::unroll || loop->tag == Tag::vector;
    };
    const auto end = std::ranges::find_if(copied, is_tile);
    const std::vector before(copied.begin(), end);
    std::ranges::sort(copied.begin(), end, {}, [&](const SkeletonLoop* loop) {
      return std::pair(-access.step(loop->axis) * loop->step, loop);  // of equals, the outer first
    });
    const std::vector after(copied.begin(), end);
    const auto name = [&](const SkeletonLoop* loop) { return copy_of(*loop, tile); };
    if (before != after) moves_.push_back({Order{mapped(after, name)}});
  }

  // Makes the loop of a copy a loop over vectors, if it has that many iterations.
  void cut_vectors(const std::string& loop, std::int64_t trips) {
    if (trips < skeleton_.lanes) return;
    const std::string name = stem(loop);
    moves_.push_back({Split{loop, {{name + "o"}, {name + "v", skeleton_.lanes}}, Tail::peel}});
    bind(loop + "v", Tag::vector);
  }

  std::int64_t box_width(const AccessFacts& access, const SkeletonStage& stage) const {
    std::int64_t width = 1;
    for (const auto& [axis, coefficient] : access.subscripts.back().terms)
      width += std::abs(coefficient) * (skeleton_.span(axis, stage.at + 1) - 1);
    return width;
  }

  const Skeleton& skeleton_;
  const StatementFacts& statement_;
  const Facts& facts_;
  Schedule moves_;
};

}  // namespace

std::int64_t Skeleton::span(Var axis, std::size_t from) const {
  for (std::size_t i = from; i < loops.size(); ++i)
    if (loops[i].axis == axis) return std::min(loops[i].step * loops[i].trips, facts->extent(axis));
  return 1;
}

const SkeletonStage* Skeleton::stage_of(const AccessFacts& access) const {
  const auto place = &access - statement->accesses.data();
  const auto found = std::ranges::find(stages, place, &SkeletonStage::access);
  return found == stages.end() ? nullptr : &*found;
}

void Skeleton::add(Var axis, const char* letter, std::int64_t step, std::int64_t trips, Tag tag) {
  loops.push_back({facts->name(axis) + letter, axis, step, trips, tag});
}

void Skeleton::stage(int access, std::size_t loops, Where where, Layout layout, int depth) {
  stages.push_back({access, static_cast<int>(loops) - 1, where, layout, depth});
}

bool Skeleton::share(int threads, const std::function<bool(Var)>& is_one) {
  for (SkeletonLoop& loop : loops) {
    if (loop.tag != Tag::serial || loop.trips < threads || !is_one(loop.axis)) continue;
    loop.tag = Tag::parallel;
    return true;
  }
  return false;
}

bool is_turned(const AccessFacts& access, const SkeletonLoop& loop) {
  return loop.tag == Tag::unroll && access.step(loop.axis) * loop.step == 1 &&
         std::has_single_bit(static_cast<std::uint64_t>(loop.trips));
}

Schedule moves_of(const Skeleton& skeleton) { return MovePrinter(skeleton).print(); }

}  // namespace tenon
