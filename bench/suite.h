// The common part of the suites that compare with peers. A Case is a graph for Tenon with the peers
// that compute the same. Each suite makes its cases from their names, most of them from the text of
// a graph, and run_cases measures them. The right results, the bytes and the limit of the machine
// follow from the graph. Read next: gemm.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/contest.h"
#include "bench/frameworks.h"
#include "bench/suites.h"
#include "core/tensor.h"
#include "tuner/session/session.h"

namespace tenon::bench {

struct Case {
  // Builds the graph anew, and returns its outputs; keeps the inputs.
  std::function<std::vector<Tensor>()> graph;
  double flops = 0;  // an FMA counts as two
  std::function<std::vector<Contestant>()> peers = {};
  double bytes_read = 0;        // 0: every input is read once
  MeasureOutside outside = {};  // peers in processes of their own
  // Of all elements, if peers compute the same by a formula that rounds in another way.
  double least_tolerance = 0;
};
// Makes a case from its name; the same in every session. Error: there is no such case; the message
// says what is wrong and how a case is written.
using MakeCase = std::function<Case(Session& session, std::string_view name)>;

struct Suite {
  std::string_view name;
  std::vector<std::string> cases;  // its own
  MakeCase make;
};
// Measures the cases, those asked for or the suite's own, and reports each as it is done. Returns
// false where a result was wrong.
bool run_cases(const Suite& suite, const Options& options);

// A session as the options say, which keeps no weights. `cache` as in SessionOptions.
SessionOptions session_options(const Options& options, const std::string& cache);

// What an input holds: f32 from low to high, i32 from 0 to indices - 1; bool 0 or 1.
struct Draw {
  float low = -1, high = 1;
  std::int64_t indices = 100;
};
// Makes the peers from the values of the inputs, which are in the order of their lines.
using MakePeers =
    std::function<std::vector<Contestant>(Device& device, std::span<const float* const> inputs)>;
// The case of a graph that is given as text. Its inputs are drawn at random, the same in every run.
// `name` stands in messages. Error: the text is no graph.
Case text_case(Session& session, std::string_view name, const std::string& text, double flops,
               const MakePeers& peers = {}, const Draw& draw = {});

// The shape of the only output of the graph, for which no values are drawn.
std::vector<std::int64_t> output_shape(Session& session, std::string_view name,
                                       const std::string& text);

// "1000x777" -> {1000, 777}; another letter may stand between the numbers. Empty if the text is not
// `count` numbers above 0; a count of 0 stands for any number of them.
std::vector<std::int64_t> parse_sizes(std::string_view text, std::size_t count, char between = 'x');
// The same for numbers of 0 or more with commas between them.
std::vector<std::int64_t> parse_list(std::string_view text, std::size_t count);
// Splits a case's name: "softmax:4096x1024" -> "softmax", "4096x1024".
std::pair<std::string_view, std::string_view> at_colon(std::string_view name);
// "f32[4,5]".
std::string f32_of(std::span<const std::int64_t> extents);
double product(std::span<const std::int64_t> extents);

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

}  // namespace tenon::bench
