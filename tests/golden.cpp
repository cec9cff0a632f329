#include "golden.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "ops/catalogue.h"
#include "oracle/interpret.h"
#include "oracle/interpret_nest.h"
#include "text/parse_graph.h"

namespace tenon_test {

using namespace tenon;

namespace {

// A golden file: the text before the first heading, and the parts by heading.
struct Golden {
  std::string introduction;
  std::map<std::string, std::string> parts;
};

constexpr std::string_view headings[] = {"graph", "small graph", "moves", "loops", "finished"};

Golden read_golden(const std::string& path) {
  std::ifstream file(path);
  Golden golden;
  std::string* part = &golden.introduction;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== "))
      part = &golden.parts[line.substr(3)];
    else if (!line.empty() || !part->empty())
      *part += line + '\n';
  }
  for (auto& [heading, text] : golden.parts)
    while (text.ends_with("\n\n")) text.pop_back();
  return golden;
}

std::string print_golden(const Golden& golden) {
  std::string text = golden.introduction;
  for (std::string_view heading : headings) {
    const auto part = golden.parts.find(std::string(heading));
    if (part == golden.parts.end()) continue;
    if (heading != headings[0]) text += '\n';
    text += fmt::format("== {}\n{}", heading, part->second);
  }
  return text;
}

}  // namespace

KernelGraph kernel_of_graph(const std::string& text, Inputs& inputs) {
  const auto input = [&](const InputLine& line) {
    return line.type == Type::f32 ? inputs.floats(line.shape, line.name)
                                  : inputs.integers(line.shape, 4, line.name);
  };
  const GraphText graph = parse_graph(text, "graph", inputs.executor, input, compose);
  std::vector<NodeRef> wanted;
  for (const Tensor& output : graph.outputs) wanted.push_back(output.node());
  std::vector<KernelGraph> kernels = fusion(apply_rules(wanted, inputs.executor.nodes()));
  if (kernels.size() != 1) fail("the graph makes {} kernels, not one", kernels.size());
  return kernels.front();
}

std::string other_bits(const KernelGraph& graph, const Kernel& scheduled, Inputs& inputs) {
  const auto values = values_read(graph, inputs);
  const NestRun expected = evaluate_nest(naive(graph), values);
  if (!expected.error.empty()) return expected.error;
  for (const bool is_finished : {false, true}) {
    const Kernel nest = is_finished ? finish(scheduled, target(Isa::avx512)).kernel : scheduled;
    if (const auto broken = is_finished ? verify_finished(nest) : verify(nest))
      return *broken + "\n" + print(nest);
    for (const bool backwards : {false, true}) {
      const NestRun run = evaluate_nest(nest, values, backwards);
      if (!run.error.empty()) return run.error + "\n" + print(nest);
      for (std::size_t output = 0; output < run.outputs.size(); output++)
        if (!same_bits(run.outputs[output], expected.outputs[output]))
          return "other bits than the naive nest's\n" + print(nest);
    }
  }
  return "";
}

std::string check_golden(const std::string& name) {
  const std::string path = std::string(TENON_TESTS) + "/golden/" + name + ".txt";
  Golden golden = read_golden(path);
  const Schedule moves = parse_schedule(golden.parts["moves"], name);
  std::string problem;
  const auto scheduled = [&](const KernelGraph& graph, Inputs& inputs) -> std::optional<Kernel> {
    const auto name = [&](const Node& node) { return inputs.executor.nodes().name(node); };
    const Kernel nest = naive(graph);
    const Moved moved = apply_all(renamed(nest, names_of(graph, nest, name)), moves);
    if (const auto* kernel = std::get_if<Kernel>(&moved)) return *kernel;
    problem = std::get<Refusal>(moved).reason;
    return {};
  };
  Inputs inputs;
  const KernelGraph graph = kernel_of_graph(golden.parts["graph"], inputs);
  const auto kernel = scheduled(graph, inputs);
  if (!kernel) return problem;
  const Golden before = golden;
  golden.parts["loops"] = print(*kernel);
  golden.parts["finished"] = print(finish(*kernel, target(Isa::avx512)).kernel);
  if (const char* asked = std::getenv("TENON_GOLDEN"); asked && std::string(asked) == "write")
    std::ofstream(path) << print_golden(golden);
  else if (print_golden(golden) != print_golden(before))
    return fmt::format("{} differs; TENON_GOLDEN=write writes this:\n{}", path,
                       print_golden(golden));

  const auto small = golden.parts.find("small graph");
  if (small == golden.parts.end()) return other_bits(graph, *kernel, inputs);
  Inputs small_inputs;
  const KernelGraph small_graph = kernel_of_graph(small->second, small_inputs);
  const auto small_kernel = scheduled(small_graph, small_inputs);
  return small_kernel ? other_bits(small_graph, *small_kernel, small_inputs) : problem;
}

namespace {

std::string moved(const std::string& graph, const std::string& moves, bool is_finished) {
  Inputs inputs;
  const KernelGraph kernel = kernel_of_graph(graph, inputs);
  const Moved result = apply_all(named_naive(kernel), parse_schedule(moves, "moves"));
  if (const auto* refused = std::get_if<Refusal>(&result)) return refused->reason;
  const Kernel& scheduled = std::get<Kernel>(result);
  const std::string problem = other_bits(kernel, scheduled, inputs);
  if (!problem.empty()) return problem;
  return print(is_finished ? finish(scheduled, target(Isa::avx512)).kernel : scheduled);
}

}  // namespace

std::string moved(const std::string& graph, const std::string& moves) {
  return moved(graph, moves, false);
}
std::string finished(const std::string& graph, const std::string& moves) {
  return moved(graph, moves, true);
}

}  // namespace tenon_test
