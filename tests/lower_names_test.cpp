// Renaming: a nest and the moves for it get the names of a graph in place of the nest's own.
#include "lower/names.h"

#include <doctest/doctest.h>

#include "cli/renamed_schedule.h"
#include "golden.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower_support.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

const char* const product =
    "x = input f32[8,16]\nsum = input f32[16,8]\nc = matmul(x, sum)\noutput c\n";

const char* const moves =
    "split sum.k -> ko k0(4)\n"
    "order sum.ko sum.i sum.j sum.k0\n"
    "stage in1 at sum.ko\n"
    "bind in1.ko.j vector\n"
    "bind k0 unroll\n";

Names names_in(const KernelGraph& graph, const Kernel& nest, Inputs& inputs) {
  return names_of(graph, nest,
                  [&](const Node& node) { return inputs.executor.nodes().name(node); });
}

}  // namespace

TEST_CASE("a name of the graph is kept, also if it is the canonical name of another tensor") {
  Inputs inputs;
  const KernelGraph graph = tenon_test::kernel_of_graph(product, inputs);
  const Kernel nest = naive(graph);
  const Names names = names_in(graph, nest, inputs);
  CHECK(names.at("in0") == "x");
  CHECK(names.at("in1") == "sum");
  CHECK(names.at("sum") == "c");
  const Kernel shown = renamed(nest, names);
  CHECK(shown.name == "c");
  CHECK(print(shown).find("c[i,j] += x[i,k] * sum[k,j] over k") != std::string::npos);
  const Names spaced = names_of(graph, nest, [](const Node&) { return "layer 1"; });
  CHECK(spaced.at("in0") == "layer_1");
  CHECK(spaced.at("in1") == "layer_12");
}

TEST_CASE("a schedule and its nest are renamed before the moves or after, to the same nest") {
  Inputs inputs;
  const KernelGraph graph = tenon_test::kernel_of_graph(product, inputs);
  const Kernel nest = naive(graph);
  const Names names = names_in(graph, nest, inputs);
  const Schedule canonical = parse_schedule(moves, "moves");
  const Schedule given = cli::renamed(canonical, names);
  CHECK(print(given) ==
        "split c.k -> ko k0(4)\n"
        "order c.ko c.i c.j c.k0\n"
        "stage sum at c.ko\n"
        "bind sum.ko.j vector\n"
        "bind k0 unroll\n");
  const Moved after = apply_all(nest, canonical), before = apply_all(renamed(nest, names), given);
  REQUIRE(std::holds_alternative<Kernel>(after));
  REQUIRE(std::holds_alternative<Kernel>(before));
  CHECK(print(renamed(std::get<Kernel>(after), names)) == print(std::get<Kernel>(before)));
}
