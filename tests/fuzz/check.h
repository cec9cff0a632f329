// A graph under test, and the checks of one schedule of one of its kernels.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "codegen/cpu_backend.h"
#include "core/tensor.h"
#include "launch.h"
#include "lower/fusion.h"
#include "lower/nest.h"
#include "lower/schedule.h"
#include "oracle/interpret_executor.h"
#include "text/parse_graph.h"

namespace tenon::fuzz {

// A check that can be written as one line: GRAPH | kernel K ISA threads T | MOVES. A line with the
// graph alone compares the graph's naive nests with the interpreter.
struct Case {
  std::string graph;
  int kernel = -1;
  Isa isa = Isa::fma128;
  int threads = 1;
  std::string moves;
};
std::string print(const Case& c);
Case parse_case(const std::string& line);  // Error

class Subject {
 public:
  // Error: the text is no graph.
  explicit Subject(const std::string& graph);

  const std::vector<Kernel>& kernels() const { return naive_; }
  // Runs the naive nests, keeps their values for run(), and compares them with the interpreter.
  // Returns what is wrong, or nothing.
  std::string run_naive(Isa isa);
  // Runs one schedule of a kernel, after run_naive(), and compares with the naive nest, bit for
  // bit. Returns what is wrong, or nothing. Moves that are refused are left out. That
  // the result does not compile is not wrong, and counts in `declined`.
  std::string run(int kernel, const Schedule& schedule, Isa isa, int threads);

  // A hash over the values of the graph's outputs, after run_naive. All NaNs count as one.
  std::uint64_t bits() const;

  int declined = 0;
  std::int64_t compared = 0, unbounded = 0;  // elements beside the interpreter; those with no bound

 private:
  std::string execute(int kernel, const Kernel& scheduled, Isa isa, int threads,
                      std::vector<Bytes>& outputs);
  std::string compare_with_interpreter();

  InterpretExecutor executor_;
  std::vector<Tensor> wanted_;
  std::vector<NodeRef> ruled_;
  std::vector<KernelGraph> graphs_;
  std::vector<Kernel> naive_;
  std::map<const Node*, Bytes> values_;
};

// An input's values, from a seed.
Bytes input_values(const InputLine& line, std::uint64_t seed);
// Where the two differ, or nothing. NaNs are all equal.
std::string difference(const Bytes& a, const Bytes& b, Type type);
// The first element that is further than its bound from what it should be, or nothing. Counts the
// elements compared, and those without a finite bound.
std::string beyond(const Bytes& bytes, Type type, const std::vector<double>& expected,
                   const std::vector<double>& bounds, std::int64_t& compared,
                   std::int64_t& unbounded);

// Checks one case by itself. Returns what is wrong, or nothing. Error: the text is no case.
std::string check_case(const Case& c);

}  // namespace tenon::fuzz
