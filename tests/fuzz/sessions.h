// Programs of whole sessions: tensors are built, realized together, overwritten, dropped and
// differentiated, and compared with the interpreter. They test what one kernel alone cannot: plans,
// the cache, memory that is shared and given back. main.cpp runs them; tests/README.md says how.
//
// A program is one line, `session THREADS ISA | STATEMENT; ..`, with the statements
//
//   v3 = input f32[4,5]                a leaf with values of its own
//   v4 = pad(v3, before=[0,2])         any expression of a graph file
//   gradients v5, v6 = v4 by v2, v3    v4: rank 0
//   realize v4, v5                     together
//   read v4
//   launch v4, v5                      bound and launched twice; they stay unrealized
//   assign v3 = v6                     in place
//   drop v4
//
// A statement that cannot run is left out, for example if it uses an unknown name.
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
  std::vector<std::string> results = {}, operands = {};  // the names it defines, and those it reads
  std::string text = {};

  bool is_expression() const { return verb == "=" || verb == "gradients"; }
  // The tensors whose values the statement computes.
  const std::vector<std::string>& known() const { return verb == "assign" ? results : operands; }
};
std::vector<Statement> parse_statements(const std::string& program);
std::string print(const std::vector<Statement>& program);  // "A; B; .."

// The named tensors of one executor.
struct World {
  Executor& executor;
  std::map<std::string, Tensor> tensors = {};

  bool knows(const std::vector<std::string>& names) const;
  // Builds the results of a statement with the verb = or gradients. Error: they cannot be built.
  void build(const Statement& statement);
};

std::string random_session(Random& random);  // a program
// An expression that views the tensor of this name; new extents are some of these.
std::string random_view(Random& random, const std::vector<std::int64_t>& extents,
                        const std::string& name, const Tensor& tensor);

// Runs the program in three sessions, and returns what is wrong, or nothing. The first is compared
// with the interpreter. The second has the cache that the first left, and must compile nothing. The
// third has another number of threads and another Isa. All must give the same bits. `cache`: an
// empty folder.
struct SessionCounts {
  std::int64_t values = 0, unbounded = 0, refused = 0, skipped = 0, kernels = 0;
};
std::string check_session(const std::string& program, const std::string& cache,
                          SessionCounts& counts);

// The same in a child process, which may crash.
std::string check_isolated_session(const std::string& program, SessionCounts& counts);
std::string shrink_session(const std::string& program);
// Runs the programs of these seeds. Returns how many failed. Prints these, and appends them to the
// file `keep`, if that is not "".
int fuzz_sessions(std::uint64_t first, std::uint64_t seeds, const std::string& keep,
                  bool until_failure);

}  // namespace tenon::fuzz
