#include "cli/graph_file.h"

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/npy.h"
#include "core/error.h"
#include "ops/catalogue.h"

namespace tenon::cli {

namespace {

Tensor input_in(BufferRef buffer, const InputLine& input, Executor& executor) {
  BufferLeaf leaf{std::move(buffer), 0, input.name};
  return Tensor(executor, executor.nodes().make(std::move(leaf), input.type, input.shape, {}));
}

std::string names_of(const std::vector<InputLine>& inputs) {
  std::vector<std::string> names;
  for (const InputLine& input : inputs) names.push_back(input.name);
  return inputs.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
}

}  // namespace

GraphText load_structure(std::string_view text, const std::string& path, Executor& executor) {
  return parse_graph(
      text, path, executor,
      [&](const InputLine& input) {  // without memory, so it may be larger than this machine's
        auto nowhere = std::make_shared<Buffer>(Buffer{nullptr, bytes(input.type, input.shape)});
        return input_in(std::move(nowhere), input, executor);
      },
      compose, operation_names());
}

GraphText load_graph(const std::string& path, const std::map<std::string, std::string>& inputs,
                     Executor& executor) {
  std::map<std::string, Tensor> leaves;
  GraphText graph = parse_graph(
      read_file(path), path, executor,
      [&](const InputLine& input) {
        BufferRef buffer = executor.device().allocate(bytes(input.type, input.shape));
        return leaves[input.name] = input_in(std::move(buffer), input, executor);
      },
      compose, operation_names());
  for (const auto& [name, file] : inputs)
    if (!leaves.contains(name))
      fail("--input {}={}: {} has no input {}; {}", name, file, path, name, names_of(graph.inputs));
  for (const InputLine& input : graph.inputs) {
    const auto file = inputs.find(input.name);
    if (file == inputs.end())
      fail("{}: input {} {}{} has no values; give --input {}=FILE.npy", path, input.name,
           info(input.type).name, text(input.shape), input.name);
    // Eight bytes an element at most, and a header.
    const std::size_t most = static_cast<std::size_t>(elements(input.shape)) * 8 + most_text;
    const std::string bytes =
        values_for(input, parse_npy(read_file(file->second, most), file->second), file->second);
    executor.device().write(*current_buffer(*leaves.at(input.name).node()), bytes.data());
  }
  return graph;
}

}  // namespace tenon::cli
