#include "cli/graph_file.h"

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/npy.h"
#include "core/error.h"
#include "ops/catalogue.h"

namespace tenon::cli {

namespace {

Tensor empty_input(const InputLine& input, Executor& executor) {
  const std::size_t bytes = elements(input.shape) * info(input.type).bytes;
  BufferLeaf leaf{executor.device().allocate(bytes), 0, input.name};
  return Tensor(executor, executor.nodes().make(std::move(leaf), input.type, input.shape, {}));
}

std::string names_of(const std::vector<InputLine>& inputs) {
  std::vector<std::string> names;
  for (const InputLine& input : inputs) names.push_back(input.name);
  return inputs.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
}

}  // namespace

GraphText load_structure(const std::string& path, Executor& executor) {
  return parse_graph(
      read_file(path), path, executor,
      [&](const InputLine& input) { return empty_input(input, executor); }, compose,
      operation_names());
}

GraphText load_graph(const std::string& path, const std::map<std::string, std::string>& inputs,
                     Executor& executor) {
  std::map<std::string, Tensor> leaves;
  GraphText graph = parse_graph(
      read_file(path), path, executor,
      [&](const InputLine& input) { return leaves[input.name] = empty_input(input, executor); },
      compose, operation_names());
  for (const auto& [name, file] : inputs)
    if (!leaves.contains(name))
      fail("--input {}={}: {} has no input {}; {}", name, file, path, name, names_of(graph.inputs));
  for (const InputLine& input : graph.inputs) {
    const auto file = inputs.find(input.name);
    if (file == inputs.end())
      fail("{}: input {} {}{} has no values; give --input {}=FILE.npy", path, input.name,
           info(input.type).name, text(input.shape), input.name);
    const std::string bytes =
        values_for(input, parse_npy(read_file(file->second), file->second), file->second);
    executor.device().write(*current_buffer(*leaves.at(input.name).node()), bytes.data());
  }
  return graph;
}

}  // namespace tenon::cli
