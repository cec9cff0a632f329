// Parses the text form of a graph, for the program `tenon` and the tests. core/print_graph.h prints
// that form.
//
// The grammar, a line each; `#` begins a comment; docs/graph-text.md has it in full:
//
//   NAME = input TYPE[EXTENT,..]                 a value that the caller gives
//   NAME = OP(ARG, .., ATTRIBUTE=VALUE, ..)      primitives, composed operations; calls may nest
//   output NAME, ..
//
// ARG is a name, a number or a call. A number is a constant. It is i32 if all numbers of the call
// have neither point nor exponent and, among the other operands, one is i32 and none is f32.
// Otherwise it is f32. VALUE is a number, a word, or a list [1,2]. The parser knows the primitives.
// A Resolver builds composed operations, and ops/catalogue.h has one.
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

// Makes a leaf for an input line. The leaf has the caller's values, or an empty buffer if only the
// structure matters, as for explain.
using InputSource = std::function<Tensor(const InputLine&)>;

// Error: "FILE:LINE: what is wrong and how to mend it". If the operands of a call are exactly what
// the primitive of that name takes, the call makes the primitive. Otherwise the resolver builds the
// call. `composed` are the names that the resolver knows, for suggestions.
GraphText parse_graph(std::string_view text, std::string_view file, Executor& executor,
                      const InputSource& input, const Resolver& resolver,
                      std::span<const std::string> composed = {});

}  // namespace tenon
