#include "tuner/space/skeleton.h"

#include <algorithm>

namespace tenon {
namespace {

class MovePrinter {
 public:
  MovePrinter(const Skeleton& skeleton, const Facts& facts)
      : skeleton_(skeleton), statement_(*skeleton.statement), facts_(facts) {}

  Schedule print() {
    for (const Var axis : statement_.path) split(axis);
    moves_.push_back(
        {Order{mapped(skeleton_.loops, [](const SkeletonLoop& l) { return l.name; })}});
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.tag == Tag::vector || loop.tag == Tag::unroll) bind(loop.name, loop.tag);
    for (const SkeletonStage& stage : skeleton_.stages) this->stage(stage);
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.tag == Tag::parallel) bind(loop.name, loop.tag);
    return std::move(moves_);
  }

 private:
  void bind(const std::string& loop, Tag tag) { moves_.push_back({Bind{loop, tag}}); }

  void split(Var axis) {
    std::vector<Part> parts;
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.axis == axis) parts.push_back({stem(loop.name), parts.empty() ? 0 : loop.trips});
    if (parts.size() > 1) moves_.push_back({Split{facts_.name(axis), parts, Tail::peel}});
  }

  void stage(const SkeletonStage& stage) {
    const AccessFacts& access = statement_.accesses[stage.access];
    const std::string& tensor = facts_.naive.tensors[access.tensor].name;
    const std::string& at = skeleton_.loops[stage.at].name;
    moves_.push_back(
        {Stage{.tensor = tensor, .at = at, .where = stage.where, .layout = stage.layout}});
    const std::string tile = tensor + "." + stem(at) + ".";
    if (stage.layout == Layout::box)
      cut_vectors(tile + std::to_string(access.subscripts.size() - 1), box_width(access, stage));
    else if (stage.where == Where::reg)
      bind_tile(access, stage, tile);
    else
      bind_packing(access, stage, tile);
  }

  // The copy of a tile in registers has the tags of the loops that compute it.
  void bind_tile(const AccessFacts& access, const SkeletonStage& stage, const std::string& tile) {
    for (std::size_t i = stage.at + 1; i < skeleton_.loops.size(); ++i) {
      const SkeletonLoop& loop = skeleton_.loops[i];
      if (access.uses(loop.axis) && loop.tag != Tag::serial) bind(tile + stem(loop.name), loop.tag);
    }
  }

  // The innermost loop of a packing copy runs over vectors. If the operand is contiguous along
  // another loop, vectors run along that one too, and the copy transposes them. A tile that all
  // threads read is copied by all of them.
  void bind_packing(const AccessFacts& access, const SkeletonStage& stage,
                    const std::string& tile) {
    std::vector<const SkeletonLoop*> copied;
    const SkeletonLoop* contiguous = nullptr;
    bool is_shared = false;
    for (std::size_t i = stage.at + 1; i < skeleton_.loops.size(); ++i) {
      const SkeletonLoop& loop = skeleton_.loops[i];
      is_shared |= loop.tag == Tag::parallel;
      if (!access.uses(loop.axis)) continue;
      copied.push_back(&loop);
      if (access.step(loop.axis) * loop.step == 1) contiguous = &loop;
    }
    if (copied.empty()) return;
    if (contiguous && contiguous != copied.back())
      cut_vectors(tile + stem(contiguous->name), contiguous->trips);
    bind(tile + stem(copied.back()->name), Tag::vector);
    const SkeletonLoop& outer = *copied.front();
    if (is_shared && outer.trips > 1 && &outer != contiguous && &outer != copied.back())
      bind(tile + stem(outer.name), Tag::parallel);
  }

  // Makes the loop of a copy a loop over vectors, if it has that many iterations.
  void cut_vectors(const std::string& loop, std::int64_t trips) {
    if (trips < skeleton_.lanes) return;
    const std::string name = stem(loop);
    moves_.push_back({Split{loop, {{name + "o"}, {name + "v", skeleton_.lanes}}, Tail::mask}});
    bind(loop + "v", Tag::vector);
  }

  std::int64_t box_width(const AccessFacts& access, const SkeletonStage& stage) const {
    std::int64_t width = 1;
    for (const auto& [axis, coefficient] : access.subscripts.back().terms)
      width += std::abs(coefficient) * (skeleton_.span(axis, stage.at + 1, facts_) - 1);
    return width;
  }

  const Skeleton& skeleton_;
  const StatementFacts& statement_;
  const Facts& facts_;
  Schedule moves_;
};

}  // namespace

std::int64_t Skeleton::span(Var axis, std::size_t from, const Facts& facts) const {
  for (std::size_t i = from; i < loops.size(); ++i)
    if (loops[i].axis == axis) return std::min(loops[i].step * loops[i].trips, facts.extent(axis));
  return 1;
}

const SkeletonStage* Skeleton::stage_of(int access) const {
  const auto found = std::ranges::find(stages, access, &SkeletonStage::access);
  return found == stages.end() ? nullptr : &*found;
}

Schedule moves_of(const Skeleton& skeleton, const Facts& facts) {
  return MovePrinter(skeleton, facts).print();
}

}  // namespace tenon
