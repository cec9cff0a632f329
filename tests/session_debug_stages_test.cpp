// The names of the stages in DEBUG.
#include <doctest/doctest.h>

#include "tuner/session/debug_stages.h"

using namespace tenon;

TEST_CASE("stages are named with commas between") {
  const DebugStages none(nullptr), two("graph,cache"), sloppy(",moves,");
  CHECK_FALSE(none.on(DebugStage::graph));
  CHECK(two.on(DebugStage::graph));
  CHECK(two.on(DebugStage::cache));
  CHECK_FALSE(two.on(DebugStage::fuse));
  CHECK(sloppy.on(DebugStage::moves));
}

TEST_CASE("what is not asked for is not made") {
  const DebugStages none("");
  int made = 0;
  none.show(DebugStage::loops, "nest", [&] {
    ++made;
    return "text";
  });
  CHECK(made == 0);
}
