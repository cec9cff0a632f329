#include "check.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "error_bounds.h"
#include "lower/finish.h"
#include "lower/input_parts.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "lower/tree.h"
#include "ops/catalogue.h"
#include "oracle/interpret.h"
#include "random.h"
#include "text/parse_graph.h"

namespace tenon::fuzz {
namespace {

// Schedules beyond these limits are declined: padding can multiply both without bound.
constexpr std::size_t most_scratch = 64 << 20;  // bytes
constexpr double most_runs = 4e9;               // of statements; so many take seconds

constexpr std::uint32_t one_nan = 0x7fc00000;  // replaces every NaN in a hash

constexpr std::int64_t most_interpreted = 400'000;  // elements of all nodes; more takes seconds

// How often statements run, if no limit cuts a loop short.
double runs(const Kernel& kernel) {
  double sum = 0;
  visit_stores(kernel.body, [&](const Store&, const Path& path) {
    double product = 1;
    for (const Var v : path) product *= static_cast<double>(kernel.extent(v));
    sum += product;
  });
  return sum;
}

double element(const Bytes& bytes, Type type, std::size_t i) {
  if (type == Type::boolean) return static_cast<double>(bytes[i]);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &bytes[4 * i], 4);
  if (type == Type::i32) return static_cast<std::int32_t>(bits);
  float value = 0;
  std::memcpy(&value, &bits, 4);
  return value;
}

}  // namespace

Bytes input_values(const InputLine& line, std::uint64_t seed) {
  Random random(seed);
  Bytes bytes(static_cast<std::size_t>(elements(line.shape)) * info(line.type).bytes);
  for (std::size_t at = 0; at < bytes.size(); at += info(line.type).bytes) {
    if (line.type == Type::f32) {
      const float value = static_cast<float>(random.between(-(1 << 23), 1 << 23)) * 0x1p-22F;
      std::memcpy(&bytes[at], &value, sizeof value);
    } else if (line.type == Type::i32) {
      const auto value = static_cast<std::int32_t>(random.between(-2, 14));
      std::memcpy(&bytes[at], &value, sizeof value);
    } else {
      bytes[at] = static_cast<std::byte>(random.below(2));
    }
  }
  return bytes;
}

std::string difference(const Bytes& a, const Bytes& b, Type type) {
  if (a == b) return "";
  for (std::size_t i = 0; i < a.size() / info(type).bytes; ++i) {
    const double x = element(a, type, i), y = element(b, type, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x != y || std::signbit(x) != std::signbit(y))
      return fmt::format("element {} is {}, not {}", i, x, y);
  }
  return "";
}

std::string beyond(const Bytes& bytes, Type type, const std::vector<double>& expected,
                   const std::vector<double>& bounds, std::int64_t& compared,
                   std::int64_t& unbounded) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double is = element(bytes, type, i), should = expected[i];
    ++compared;
    if (!std::isfinite(bounds[i]))
      ++unbounded;
    else if (!(is == should || std::abs(is - should) <= bounds[i] * 1.01) &&
             !(std::isnan(is) && std::isnan(should)))
      return fmt::format("element {} is {}, and {} within {} for the interpreter", i, is, should,
                         bounds[i]);
  }
  return "";
}

std::string print(const Case& c) {
  if (c.kernel < 0) return c.graph;
  std::string moves = c.moves;
  std::replace(moves.begin(), moves.end(), '\n', ' ');
  return fmt::format("{} | kernel {} {} threads {} | {}", c.graph, c.kernel, name(c.isa), c.threads,
                     moves);
}

Case parse_case(const std::string& line) {
  Case c;
  const std::size_t bar = line.find(" | ");
  c.graph = line.substr(0, bar);
  if (bar == std::string::npos) return c;
  const std::size_t second = line.find(" | ", bar + 3);
  if (second == std::string::npos) fail("expected: GRAPH | kernel K ISA threads T | MOVES");
  char isa[16] = {};
  if (std::sscanf(line.c_str() + bar, " | kernel %d %15s threads %d", &c.kernel, isa, &c.threads) !=
      3)
    fail("expected: kernel K ISA threads T");
  for (const Isa candidate : {Isa::avx512, Isa::avx2, Isa::fma128})
    if (name(candidate) == isa) c.isa = candidate;
  c.moves = line.substr(second + 3);
  return c;
}

Subject::Subject(const std::string& graph) {
  std::string lines = graph;
  std::replace(lines.begin(), lines.end(), ';', '\n');
  std::uint64_t seed = 0;
  const GraphText text = parse_graph(
      lines, "graph", executor_,
      [&](const InputLine& line) {
        const Bytes bytes = input_values(line, ++seed);
        const Tensor leaf = from_bytes(executor_, line.type, line.shape, bytes.data(), line.name);
        values_[leaf.node().get()] = bytes;
        return leaf;
      },
      compose);
  wanted_ = text.outputs;
  std::vector<NodeRef> nodes;
  for (const Tensor& tensor : wanted_) nodes.push_back(tensor.node());
  ruled_ = apply_rules(nodes, executor_.nodes());
  graphs_ = fusion(ruled_);
  const auto name = [](const Node& node) {
    const auto* leaf = node.as<BufferLeaf>();
    return leaf ? leaf->name : "";
  };
  for (const KernelGraph& kernel : graphs_) {
    const Kernel nest = naive(kernel);
    naive_.push_back(renamed(nest, names_of(kernel, nest, name)));
  }
}

std::string Subject::execute(int kernel, const Kernel& scheduled, Isa isa, int threads,
                             std::vector<Bytes>& outputs) {
  const KernelGraph& graph = graphs_[static_cast<std::size_t>(kernel)];
  try {
    const FinishedKernel finished = finish(scheduled, target(isa));
    if (finished.launch_scratch + finished.thread_scratch > most_scratch ||
        runs(finished.kernel) > most_runs) {
      ++declined;
      outputs.clear();
      return "";
    }
    if (const auto broken = verify_finished(finished.kernel))
      return *broken + " after finish\n" + tenon::print(finished.kernel);
    const Compiled compiled = compile(finished, isa);
    if (std::get_if<Refusal>(&compiled)) {
      ++declined;
      outputs.clear();
      return "";
    }
    std::vector<Bytes> read;  // the parts of the inputs that the kernel reads
    const auto parts = parts_of(graph);
    for (const NodeRef& input : graph.inputs) {
      const InputPart& part = parts.at(input.get());
      const Bytes& whole = values_.at(input.get());
      const std::size_t begin = part.offset * info(input->type).bytes;
      const std::size_t end = std::min(whole.size(), begin + bytes(input->type, part.shape));
      read.emplace_back(whole.begin() + begin, whole.begin() + end);
    }
    std::vector<const Bytes*> inputs;
    for (const Bytes& part : read) inputs.push_back(&part);
    outputs.clear();
    for (const NodeRef& output : graph.outputs)
      outputs.emplace_back(static_cast<std::size_t>(elements(output->shape)) *
                           info(output->type).bytes);
    return launch(std::get<Artifact>(compiled), inputs, outputs, threads);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

std::string Subject::run_naive(Isa isa) {
  for (std::size_t k = 0; k < naive_.size(); ++k) {
    std::vector<Bytes> outputs;
    if (auto wrong = execute(static_cast<int>(k), naive_[k], isa, 1, outputs); !wrong.empty())
      return wrong;
    if (outputs.empty()) return "the naive nest does not compile";
    for (std::size_t i = 0; i < outputs.size(); ++i)
      values_[graphs_[k].outputs[i].get()] = std::move(outputs[i]);
  }
  return compare_with_interpreter();
}

std::uint64_t Subject::bits() const {
  std::uint64_t hash = 0;
  for (std::size_t output = 0; output < wanted_.size(); ++output) {
    Bytes bytes = values_.at(ruled_[output].get());
    if (wanted_[output].type() == Type::f32)
      for (std::size_t at = 0; at < bytes.size(); at += sizeof(float))
        if (std::isnan(element(bytes, Type::f32, at / sizeof(float))))
          std::memcpy(&bytes[at], &one_nan, sizeof one_nan);
    hash = XXH3_64bits_withSeed(bytes.data(), bytes.size(), hash);
  }
  return hash;
}

std::string Subject::compare_with_interpreter() {
  std::vector<NodeRef> nodes;
  for (const Tensor& tensor : wanted_) nodes.push_back(tensor.node());
  std::int64_t work = 0;
  for (const NodeRef& node : in_order(nodes).nodes) work += elements(node->shape);
  if (work > most_interpreted) return "";
  for (const Tensor& bound : error_bounds(wanted_)) nodes.push_back(bound.node());
  const auto expected = interpret(nodes, executor_.device());
  for (std::size_t output = 0; output < wanted_.size(); ++output) {
    const std::string wrong =
        beyond(values_.at(ruled_[output].get()), wanted_[output].type(), expected[output],
               expected[wanted_.size() + output], compared, unbounded);
    if (!wrong.empty()) return fmt::format("{}, in output {}", wrong, output);
  }
  return "";
}

std::string Subject::run(int kernel, const Schedule& schedule, Isa isa, int threads) {
  const auto k = static_cast<std::size_t>(kernel);
  if (k >= naive_.size()) return "";
  Kernel scheduled = naive_[k];
  for (const Move& move : schedule) {
    try {
      Moved moved = apply_all(scheduled, {move});
      if (auto* next = std::get_if<Kernel>(&moved)) scheduled = std::move(*next);
    } catch (const std::exception& thrown) {
      return fmt::format("{}: {}", tenon::print(move), thrown.what());
    }
  }
  std::vector<Bytes> outputs;
  if (auto wrong = execute(kernel, scheduled, isa, threads, outputs); !wrong.empty()) return wrong;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const NodeRef& output = graphs_[k].outputs[i];
    const std::string wrong = difference(outputs[i], values_.at(output.get()), output->type);
    if (!wrong.empty())
      return fmt::format("output {}: {}, as in the naive nest\n{}", i, wrong,
                         tenon::print(scheduled));
  }
  return "";
}

std::string check_case(const Case& c) {
  if (c.isa < widest_isa()) return "";  // a machine that lacks the instructions
  Subject subject(c.graph);
  const std::string wrong = subject.run_naive(c.kernel < 0 ? Isa::fma128 : c.isa);
  if (c.kernel < 0) return wrong;
  const std::string naive_wrong = wrong.starts_with("element") ? "" : wrong;
  if (!naive_wrong.empty()) return naive_wrong;
  return subject.run(c.kernel, parse_schedule(c.moves, "moves"), c.isa, c.threads);
}

}  // namespace tenon::fuzz
