#include "lower/names.h"

#include <cctype>

#include "core/ranges.h"

namespace tenon {
namespace {

// A name as a word that schedules can contain.
std::string word(std::string name) {
  std::ranges::replace_if(name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0]))) name = "_" + name;
  return name;
}

}  // namespace

Names names_of(const KernelGraph& graph, const Kernel& naive, const NodeNames& given) {
  std::vector<NodeRef> nodes = graph.inputs;  // in the order of the nest's tensors
  append(nodes, graph.outputs);
  append(nodes, graph.locals);
  std::vector<std::string> chosen(naive.tensors.size());
  const auto is_taken = [&](const std::string& name) { return contains(chosen, name); };
  for (std::size_t t = 0; t < nodes.size(); ++t)
    if (const std::string name = word(given(*nodes[t])); !name.empty())
      chosen[t] = unused(name, is_taken);
  Names names;
  for (std::size_t t = 0; t < chosen.size(); ++t) {
    if (chosen[t].empty()) chosen[t] = unused(naive.tensors[t].name, is_taken);
    names[naive.tensors[t].name] = chosen[t];
  }
  return names;
}

void rename_tensor(std::string& name, const Names& names) {
  const std::size_t end = std::min(name.find('.'), name.size());
  const auto known = names.find(name.substr(0, end));
  if (known != names.end()) name.replace(0, end, known->second);
}

void rename_axis(std::string& name, const Names& names) {
  if (name.find('.') != std::string::npos) rename_tensor(name, names);
}

Kernel renamed(Kernel kernel, const Names& names) {
  for (KernelTensor& tensor : kernel.tensors) rename_tensor(tensor.name, names);
  for (Axis& axis : kernel.axes) rename_axis(axis.name, names);
  kernel.name.clear();
  for (const KernelTensor& tensor : kernel.tensors)
    if (tensor.is_output) kernel.name += (kernel.name.empty() ? "" : "_") + tensor.name;
  return kernel;
}

}  // namespace tenon
