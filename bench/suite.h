// The common part of the suites gemm, map, norm and order. A Case is a graph for Tenon, with the
// peers that compute the same, the right result, and the limit of the machine. Each suite makes its
// cases from their names, and run_cases measures them. Read next: gemm.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/contest.h"
#include "bench/suites.h"
#include "core/tensor.h"
#include "tuner/session/session.h"

namespace tenon::bench {

enum class LimitedBy : std::uint8_t { fma, copy };

struct Case {
  double flops;  // an FMA counts as two
  double bytes;  // operands and results, each once
  LimitedBy limit;
  std::function<Tensor()> graph;   // builds the graph anew; keeps the operands
  std::vector<Contestant> others;  // peers or opponents
  Expected expected;
};
// Makes a case from its name. Error: there is no such case; the message lists those there are.
using MakeCase = std::function<Case(Session& session, std::string_view name)>;

// Measures the cases, those asked for or the default ones, and reports each as it is done. Returns
// false where a result was wrong.
bool run_cases(std::string_view suite, const Options& options,
               const std::vector<std::string>& default_cases, const MakeCase& make);

// "1000x777" -> {1000, 777}. Empty if the text is not `count` numbers above 0.
std::vector<std::int64_t> parse_sizes(std::string_view text, std::size_t count);
// Splits a case's name: "softmax:4096x1024" -> "softmax", "4096x1024".
std::pair<std::string_view, std::string_view> at_colon(std::string_view name);

// Random operands, uniform in [low, high); the same in every run.
class Operands {
 public:
  explicit Operands(Session& session) : session_(session) {}
  Tensor uniform(Shape shape, float low = -1, float high = 1);

 private:
  Session& session_;
  char next_name_ = 'a';
  std::mt19937 random_;
};
const float* data(const Tensor& leaf);  // the values of a realized tensor, where they lie

// How far apart a dot product of `terms` f32 terms may be from its exact value, given the lengths
// of both vectors: twice the spread of rounding errors that add up at random, with a margin.
double dot_tolerance(std::int64_t terms, double length, double other_length);
double length(const float* first, std::int64_t count, std::int64_t stride = 1);

}  // namespace tenon::bench
