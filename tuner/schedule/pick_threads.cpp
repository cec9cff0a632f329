// The pick of parallel loops: those whose iterations the threads share out.
#include "tuner/schedule/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t worth_a_thread = 1 << 15;  // operations

std::int64_t work_below(const Picker& picker, const Loop& loop) {
  std::int64_t work = 0;
  visit_stores(loop.body, [&](const Store&, const Path& path) {
    std::int64_t iterations = picker.extent(loop.axis);
    for (Var v : path) iterations *= picker.extent(v);
    work += iterations;
  });
  return work;
}

// Makes the outermost loops parallel that have enough work, and an iteration for every thread.
void threads_in(Picker& picker, const std::vector<Item>& items) {
  for (const Item& item : items) {
    const Loop* loop = item.loop();
    if (!loop || work_below(picker, *loop) < worth_a_thread) continue;
    const Axis& axis = picker.axis(loop->axis);
    if (axis.tag == Tag::parallel || picker.has_loop(loop->body, Tag::parallel)) continue;
    const bool is_enough = axis.extent >= picker.threads() && axis.tag == Tag::serial;
    if (is_enough && picker.bind(axis.name, Tag::parallel)) continue;
    threads_in(picker, loop->body);
  }
}

}  // namespace

void pick_threads(Picker& picker) {
  if (picker.threads() < 2) return;
  threads_in(picker, std::vector(picker.kernel().body));  // a copy: moves make new ones
}

}  // namespace tenon
