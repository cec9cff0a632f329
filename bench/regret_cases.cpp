#include "bench/regret_cases.h"

#include <map>
#include <random>

#include "bench/cases.h"
#include "core/error.h"

namespace tenon::bench {
namespace {

// Cases take 0.05 to 5 ms. In a pattern, $c stands for a number of the list c, the same wherever it
// stands in the pattern.
struct Group {
  Suite (*suite)();
  std::vector<std::string> fixed;
  std::vector<std::string> patterns;  // one is drawn; a suite without patterns draws its own cases
};

const std::vector<Group>& groups() {
  static const std::vector<Group> all{
      {ansor_suite, {"C1D:1,128,128,256,1,2,0", "CBR:1,256,14,14,256,3,3,1,1,1,1"}, {}},
      {attention_suite,
       {"1,12,128,128,64", "1,12,197,197,64"},
       {"1,$h,$s,$s,64", "1,$h,$s,$t,32", "1,$h,1,$k,128"}},
      {conv_suite,
       {"1,64,56,56,64,3,3,1,1,1,1", "1,144,56,56,144,3,3,1,1,1,144"},
       {"1,$c,$s,$s,$d,3,3,1,1,1,1", "1,$c,$s,$s,$d,1,1,1,0,1,1", "1,$c,$s,$s,$c,3,3,2,1,1,$c",
        "1,$c,$s,$s,$d,5,5,2,2,1,1"}},
      {gemm_suite, {"512", "333x1024x35:nt"}, {"$mx$nx$k:nn", "$mx$nx$k:nt", "$mx$nx$k:tn"}},
      {map_suite, {"add:1048576", "gelu:1048576"}, {"affine_relu:$b", "add:$b", "gelu:$b"}},
      {move_suite,
       {"transpose:1024x1024", "permute:1x128x12x64:0,2,1,3"},
       {"transpose:$kx$m", "permute:$cx$sx$t:0,2,1", "concat:1:$mx$n+$mx$k", "pad:$cx$sx$s:0,1,1",
        "gather:$bx8:$k"}},
      {norm_suite, {"softmax:4096x50", "layernorm:512x768"}, {"softmax:$mx$k", "layernorm:$mx$k"}},
      {[] { return Suite{"order", {}, order_case}; },
       {"gemv_nt:1024x1024", "rows8_nt:1024x1024"},
       {"gemv_nn:$mx$k", "gemv_nt:$mx$k", "column_sum:$b", "sum:$b"}},
      {pool_suite,
       {"max:1,64,112,112,3,2,1", "mean:1,192,28,28,3,1,1"},
       {"max:1,$c,$s,$s,3,2,1", "max:1,$c,$s,$s,2,2,0", "mean:1,$c,$s,$s,3,1,1"}},
      {reduce_suite,
       {"sum:4096x1024:1", "max:64x100x256:1"},
       {"sum:$mx$k:1", "sum:$kx$m:0", "max:$cx$sx$d:1", "mean:4x$cx$sx$s:0,2,3"}}};
  return all;
}

const std::map<char, std::vector<std::int64_t>>& lists() {
  static const std::vector<std::int64_t> channels{16, 24, 32, 48, 64, 96, 100, 128, 192, 256},
      extents{35, 64, 100, 128, 200, 256, 333, 384, 512, 577, 768, 1000, 1024, 1536, 2048},
      sizes{14, 17, 28, 33, 56, 64, 97, 112, 128, 197};
  static const std::map<char, std::vector<std::int64_t>> all{
      {'b', {200'000, 300'000, 500'000, 1'000'000, 1'500'000, 2'000'000}},
      {'c', channels},
      {'d', channels},
      {'h', {4, 8, 12, 16, 20}},
      {'k', extents},
      {'m', extents},
      {'n', extents},
      {'s', sizes},
      {'t', sizes}};
  return all;
}

template <typename List>
const auto& one_of(const List& list, std::mt19937_64& random) {
  return list[random() % list.size()];
}

std::string filled(const std::string& pattern, std::mt19937_64& random) {
  std::map<char, std::int64_t> numbers;
  std::string result;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '$') {
      result += pattern[i];
      continue;
    }
    const char letter = pattern[++i];
    if (!numbers.contains(letter)) numbers[letter] = one_of(lists().at(letter), random);
    result += std::to_string(numbers[letter]);
  }
  return result;
}

// About how long the case takes at rates that most machines reach, so that the same cases are drawn
// everywhere.
bool takes_about_a_millisecond(Session& session, const Suite& suite, const std::string& name) {
  const Case work = suite.make(session, name);
  double moved = 0;
  const std::vector<Tensor> outputs = work.graph();
  for (const NodeRef& node : in_order(mapped(outputs, std::mem_fn(&Tensor::node))).nodes)
    if (node->as<BufferLeaf>()) moved += static_cast<double>(bytes(node->type, node->shape));
  for (const Tensor& output : outputs)
    moved += static_cast<double>(bytes(output.type(), output.shape()));
  const double ms = 1e3 * std::max(work.flops / 100e9, moved / 20e9);
  return ms > 0.05 && ms < 3;
}

}  // namespace

std::vector<RegretCase> regret_cases(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Session session({.threads = 1, .cache = ""});
  std::vector<RegretCase> cases;
  for (const Group& group : groups()) {
    const Suite suite = group.suite();
    for (const std::string& name : group.fixed)
      cases.push_back({std::string(suite.name), name, name == group.fixed.front()});
    for (int drawn = 0; drawn < 2;) {
      const std::string name = group.patterns.empty()
                                   ? one_of(suite.cases, random)
                                   : filled(one_of(group.patterns, random), random);
      if (!takes_about_a_millisecond(session, suite, name)) continue;
      cases.push_back({std::string(suite.name), name});
      ++drawn;
    }
  }
  return cases;
}

Suite suite_of(std::string_view name) {
  for (const Group& group : groups())
    if (Suite suite = group.suite(); suite.name == name) return suite;
  fail(
      "regret: no suite {}; write SUITE/CASE with a suite that compares with peers, as in "
      "--case gemm/512",
      name);
}

}  // namespace tenon::bench
