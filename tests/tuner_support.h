// What the tests of the tuner share: a machine that is the same everywhere, the nests of a
// graph, and random points.
#pragma once

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "codegen/backend.h"
#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "tuner/space/sketch.h"

namespace tuner_test {

// With three usual caches, so that no test depends on the processor.
inline tenon::Machine machine_of(int threads) {
  return {.kind = "cpu",
          .model = "made by hand",
          .isas = {"avx2"},
          .caches = {{32 << 10, 64, 8}, {512 << 10, 64, 8}, {32 << 20, 64, 16}},
          .threads = threads,
          .memory = 0};
}

// The kernels that the graph becomes, and their naive nests.
inline std::vector<tenon::KernelGraph> kernels_of(const std::vector<tenon::Tensor>& wanted,
                                                  tenon_test::Inputs& in) {
  const auto nodes = tenon::mapped(wanted, [](const tenon::Tensor& x) { return x.node(); });
  return tenon::fusion(tenon::apply_rules(nodes, in.executor.nodes()));
}
inline std::vector<tenon::Kernel> nests_of(const std::vector<tenon::Tensor>& wanted,
                                           tenon_test::Inputs& in) {
  return tenon::mapped(kernels_of(wanted, in), tenon::naive);
}

// The same for a graph that is one kernel.
inline tenon::Kernel nest_of(const tenon::Tensor& wanted, tenon_test::Inputs& in) {
  const std::vector<tenon::Kernel> nests = nests_of({wanted}, in);
  REQUIRE(nests.size() == 1);
  return nests[0];
}

// Draws until the values of the knobs do not contradict each other.
inline tenon::Point draw(const tenon::Sketch& sketch, std::mt19937& random) {
  for (;;) {
    const tenon::Point point = tenon::mapped(sketch.knobs, [&](const tenon::Knob& knob) {
      return knob.values[random() % knob.values.size()];
    });
    if (sketch.skeleton(point)) return point;
  }
}

}  // namespace tuner_test
