// Golden files of schedules: tests/golden/NAME.txt holds a graph, moves, and what they make, so
// that each reads as a story from the graph to the loops. tests/README.md says how to write one.
#pragma once

#include <string>

#include "lower/fusion.h"
#include "lower/nest.h"
#include "lower_support.h"

namespace tenon_test {

// The single kernel of a graph file, after the rules. Its inputs hold reproducible values.
tenon::KernelGraph kernel_of_graph(const std::string& text, Inputs& inputs);

// Runs the scheduled nest before and after finish(), with independent loops in both directions, and
// compares the bits with those of the naive nest. Returns what is wrong, or "".
std::string other_bits(const tenon::KernelGraph& graph, const tenon::Kernel& scheduled,
                       Inputs& inputs);

// Makes the loops of a golden file again from its graph and moves, and runs its small graph, or
// the graph itself where there is none. Returns what is wrong, or "". With TENON_GOLDEN=write in
// the environment, differences in the loops are written to the file instead.
std::string check_golden(const std::string& name);

// Applies the moves to the only kernel of a graph, whose inputs have the names of the text, and
// checks that the bits stay the same. Returns the nest as text, or why a move was refused.
std::string moved(const std::string& graph, const std::string& moves);
// The same, but returns the nest after finish().
std::string finished(const std::string& graph, const std::string& moves);

}  // namespace tenon_test
