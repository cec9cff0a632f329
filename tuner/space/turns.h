// Turns: the statements of a kernel are scheduled one after another, each by its sketch, the sums
// of products first. Statements share loops: a statement sees the loops as those before it have
// left them. So a schedule of the kernel is a list of points, one for each turn. Used by
// candidates.cpp; the kernel store makes the Space.
//
//   Turns turns(space);
//   while (const Sketch* sketch = turns.next()) turns.take(sketch->seeds.front());
//   run(turns.candidate().moves);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tuner/space/model.h"
#include "tuner/space/sketch.h"

namespace tenon {

// All schedules of a kernel.
struct Space {
  Kernel naive;
  Target target;
  Machine machine;
  std::function<decltype(tenon::sketch_of)> sketch_of = tenon::sketch_of;
};

struct Candidate {
  std::string point = {};  // text() of the sketch and the point of each turn, with "; " between
  Schedule moves = {};
  double predicted_ns = 0;  // 0: unknown
  std::string limit = {};   // what the model says limits the statement that takes longest
};

class Turns {
 public:
  // Keeps a reference to the space. The moves begin with those of flatten.h.
  explicit Turns(const Space& space);

  // The sketch of the next statement, or null: all statements have had their turn. It stays until
  // the statement is scheduled.
  const Sketch* next();
  // The time of a point of the sketch; nothing if its values contradict each other.
  std::optional<Cost> cost(const Point& point) const;
  // Schedules the statement, and ends its turn. Returns false, and changes nothing, if a move is
  // refused.
  bool take(const Point& point);
  const Candidate& candidate() const { return candidate_; }

 private:
  void add_point(const std::string& text);

  const Space* space_;
  Kernel kernel_;
  // The tensor that a statement stores to, and its number among those that store to it; the next
  // turn's is last.
  std::vector<std::pair<int, int>> waiting_;
  std::shared_ptr<const Facts> facts_;  // before this turn
  std::optional<Sketch> sketch_;
  Candidate candidate_;
  double longest_ns_ = 0;
};

}  // namespace tenon
