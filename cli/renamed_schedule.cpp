#include "cli/renamed_schedule.h"

namespace tenon::cli {

namespace {

struct Renaming {
  const Names& names;

  void tensor(std::string& name) const { rename_tensor(name, names); }
  void axis(std::string& name) const { rename_axis(name, names); }
  void axes(std::vector<std::string>& all) const {
    for (std::string& name : all) axis(name);
  }

  void operator()(Split& move) const { axis(move.axis); }
  void operator()(Order& move) const { axes(move.axes); }
  void operator()(Fuse& move) const {
    axis(move.outer);
    axis(move.inner);
  }
  void operator()(Bind& move) const { axis(move.axis); }
  void operator()(Stage& move) const {
    tensor(move.tensor);
    axis(move.at);
    axes(move.order);
  }
  void operator()(At& move) const {
    tensor(move.producer);
    axis(move.loop);
  }
  void operator()(SplitReduce& move) const { axis(move.axis); }
};

}  // namespace

Schedule renamed(Schedule schedule, const Names& names) {
  for (Move& move : schedule) std::visit(Renaming{names}, move.what);
  return schedule;
}

}  // namespace tenon::cli
