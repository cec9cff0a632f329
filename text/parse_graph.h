// The text form of a graph, parsed: how the program `tenon` and the tests read graphs.
// core/print_graph.h prints it.
//
// The grammar, a line each; `#` begins a comment; docs/graph-text.md has it in full:
//
//   NAME = input TYPE[EXTENT,..]                 a value that the caller gives
//   NAME = OP(ARG, .., ATTRIBUTE=VALUE, ..)      primitives, composed operations; calls may nest
//   output NAME, ..
//
// ARG is a name, a number (an f32 constant, or i32 where it has no point and the other side is i32)
// or a call. VALUE is a number, a word, or a list [1,2]. The parser knows the primitives; composed
// operations come through the Resolver, which ops/catalogue.h fills.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/call.h"

namespace tenon {

// Builds a composed operation, or returns an empty Tensor for a name that it does not know.
using Resolver = std::function<Tensor(const Call&)>;

struct InputLine {
  std::string name;
  Type type;
  Shape shape;
};
struct GraphText {
  std::vector<InputLine> inputs;
  std::vector<std::string> output_names;
  std::vector<Tensor> outputs;
};

// Makes a leaf for an input line: with the caller's values, or an empty buffer where only the
// structure matters (explain).
using InputSource = std::function<Tensor(const InputLine&)>;

// Error: "FILE:LINE: what is wrong and how to mend it". A call means the primitive where its
// operands are what the primitive takes, else what the resolver makes of it. `composed` are the
// names that the resolver knows, for suggestions.
GraphText parse_graph(std::string_view text, std::string_view file, Executor& executor,
                      const InputSource& input, const Resolver& resolver,
                      std::span<const std::string> composed = {});

}  // namespace tenon
