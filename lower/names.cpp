#include "lower/names.h"

#include <algorithm>
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

// Tiles and loops are called after a tensor: `in1.pc` and `in1.pc.k0` after `in1`.
struct Renaming {
  const Names& names;

  void tensor(std::string& name) const {
    const std::size_t end = std::min(name.find('.'), name.size());
    const auto known = names.find(name.substr(0, end));
    if (known != names.end()) name.replace(0, end, known->second);
  }
  // The short form of a loop's name, `k` for `sum.k`, names no tensor.
  void axis(std::string& name) const {
    if (name.find('.') != std::string::npos) tensor(name);
  }
  void axes(std::vector<std::string>& all) const {
    for (std::string& name : all) axis(name);
  }

  void operator()(Split& move) const { axis(move.axis); }
  void operator()(Order& move) const { axes(move.axes); }
  void operator()(Fuse& move) const {
    axis(move.outer);
    axis(move.inner);
  }
  void operator()(Bind& move) const { axis(move.axis); }
  void operator()(Stage& move) const {
    tensor(move.tensor);
    axis(move.at);
    axes(move.order);
  }
  void operator()(At& move) const {
    tensor(move.producer);
    axis(move.loop);
  }
  void operator()(SplitReduce& move) const { axis(move.axis); }
};

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

Kernel renamed(Kernel kernel, const Names& names) {
  const Renaming rename{names};
  for (KernelTensor& tensor : kernel.tensors) rename.tensor(tensor.name);
  for (Axis& axis : kernel.axes) rename.axis(axis.name);
  kernel.name.clear();
  for (const KernelTensor& tensor : kernel.tensors)
    if (tensor.is_output) kernel.name += (kernel.name.empty() ? "" : "_") + tensor.name;
  return kernel;
}

Schedule renamed(Schedule schedule, const Names& names) {
  for (Move& move : schedule) std::visit(Renaming{names}, move.what);
  return schedule;
}

}  // namespace tenon
