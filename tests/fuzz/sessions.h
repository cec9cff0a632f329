// Programs of whole sessions: tensors that are built, realized together, overwritten, dropped and
// differentiated, beside the interpreter. What one kernel at a time cannot show: plans, the cache,
// memory that is shared and given back. main.cpp runs them; README.md of the tests says how.
//
// A program is one line, `session THREADS ISA | STATEMENT; ..`, with the statements
//
//   v3 = input f32[4,5]                a leaf with values of its own
//   v4 = pad(v3, before=[0,2])         any expression of a graph file
//   gradients v5, v6 = v4 by v2, v3    v4: rank 0
//   realize v4, v5                     together
//   read v4
//   launch v4, v5                      bound, twice; they stay as they are
//   assign v3 = v6                     in place
//   drop v4
//
// Statements that cannot be, such as those of names unknown, are left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "random.h"

namespace tenon::fuzz {

struct Statement {
  std::string verb =
      {};  // realize, read, launch, assign, gradients, drop; or "=" for an expression
  std::vector<std::string> results = {}, operands = {};  // what gets a value, what is looked at
  std::string text = {};

  bool is_expression() const { return verb == "=" || verb == "gradients"; }
  // Whose values it makes known.
  const std::vector<std::string>& known() const { return verb == "assign" ? results : operands; }
};
std::vector<Statement> parse_statements(const std::string& program);
std::string print(const std::vector<Statement>& program);  // "A; B; .."

// The named tensors of one executor.
struct World {
  Executor& executor;
  std::map<std::string, Tensor> tensors = {};

  bool knows(const std::vector<std::string>& names) const;
  // Verbs = and gradients. Error: it cannot be built.
  void build(const Statement& statement);
};

std::string random_session(Random& random);  // a program
// An expression that views the tensor of this name; new extents are some of these.
std::string random_view(Random& random, const std::vector<std::int64_t>& extents,
                        const std::string& name, const Tensor& tensor);

// What is wrong with the program's sessions, or nothing: one beside the interpreter, one on the
// cache that it left, which must compile nothing, and one of other threads and instructions, all of
// the same bits. `cache`: a folder, empty at first.
struct SessionCounts {
  std::int64_t values = 0, unbounded = 0, refused = 0, skipped = 0, kernels = 0;
};
std::string check_session(const std::string& program, const std::string& cache,
                          SessionCounts& counts);

// The same in a process of its own, where it may crash.
std::string check_isolated_session(const std::string& program, SessionCounts& counts);
std::string shrink_session(const std::string& program);
// Returns how many seeds failed. Prints them, and appends them to the file `keep`, if any.
int fuzz_sessions(std::uint64_t first, std::uint64_t seeds, const std::string& keep,
                  bool until_failure);

}  // namespace tenon::fuzz
