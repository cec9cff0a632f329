#include "tuner/space/turns.h"

#include <map>

#include "lower/moves.h"
#include "tuner/space/flatten.h"

namespace tenon {

Turns::Turns(const Space& space) : space_(&space), kernel_(space.naive) {
  // With an empty axis nothing runs, and no move is legal.
  if (contains(mapped(kernel_.axes, std::mem_fn(&Axis::extent)), 0)) return;
  candidate_.moves = flatten(kernel_);
  std::map<int, int> count;  // of the statements that store to a tensor
  std::vector<std::pair<int, int>> products;
  visit_stores(kernel_.body, [&](const Store& store, const Path&) {
    (store.factor ? products : waiting_).emplace_back(store.tensor, count[store.tensor]++);
  });
  waiting_.insert(waiting_.begin(), products.begin(), products.end());
  std::ranges::reverse(waiting_);
}

const Sketch* Turns::next() {
  if (sketch_) add_point("none");  // every point was refused
  sketch_.reset();
  facts_ = std::make_shared<Facts>(facts_of(kernel_));
  while (!sketch_ && !waiting_.empty()) {
    auto [tensor, skipped] = waiting_.back();
    waiting_.pop_back();
    for (const StatementFacts& statement : facts_->statements)
      if (statement.store.tensor == tensor && skipped-- == 0)
        sketch_ = space_->sketch_of(statement, *facts_, space_->target, space_->machine);
  }
  return sketch_ ? &*sketch_ : nullptr;
}

std::optional<Cost> Turns::cost(const Point& point) const {
  const auto skeleton = sketch_->skeleton(point);
  if (!skeleton) return {};
  return tenon::cost(*skeleton, space_->target, space_->machine);
}

bool Turns::take(const Point& point) {
  const auto skeleton = sketch_->skeleton(point);
  if (!skeleton) return false;
  const Schedule moves = moves_of(*skeleton);
  Moved moved = apply_all(kernel_, moves, {}, Check::once);
  if (std::holds_alternative<Refusal>(moved)) return false;
  kernel_ = std::get<Kernel>(std::move(moved));
  append(candidate_.moves, moves);
  const Cost cost = tenon::cost(*skeleton, space_->target, space_->machine);
  add_point(text(*sketch_, point));
  sketch_.reset();
  candidate_.predicted_ns += cost.ns;
  if (cost.ns > longest_ns_) candidate_.limit = cost.limit;
  longest_ns_ = std::max(longest_ns_, cost.ns);
  return true;
}

void Turns::add_point(const std::string& text) {
  candidate_.point += (candidate_.point.empty() ? "" : "; ") + text;
}

}  // namespace tenon
