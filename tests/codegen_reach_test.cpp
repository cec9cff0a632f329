// The schedules of tests/reach apply to their graphs, and give the bits of the naive nest.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/moves_file.h"
#include "codegen/cpu_device.h"
#include "compiled.h"
#include "lower/finish.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

const std::filesystem::path folder = std::filesystem::path(TENON_TESTS) / "reach";

// `r50_14_3x3_px.moves` schedules `r50_14_3x3.tenon`: a variant's name begins with its graph's.
std::string graph_of(std::string name) {
  while (!std::filesystem::exists(folder / (name + ".tenon"))) {
    REQUIRE(name.find('_') != std::string::npos);
    name.erase(name.rfind('_'));
  }
  return name;
}

struct Pair {
  Kernel naive, scheduled;
};

// The kernels of the graph, as they are and with the schedules of the file.
std::vector<Pair> kernels(const std::string& graph_name, const std::string& moves_name) {
  const std::string path = (folder / (graph_name + ".tenon")).string();
  const std::string moves = (folder / (moves_name + ".moves")).string();
  Session session({.threads = 1, .cache = ""});
  const GraphText graph = cli::load_structure(cli::read_file(path), path, session);
  std::vector<NodeRef> wanted;
  for (const Tensor& output : graph.outputs) wanted.push_back(output.node());
  const auto name_of = [&](const Node& node) { return session.nodes().name(node); };
  std::vector<Kernel> nests;
  for (const KernelGraph& kernel : fusion(apply_rules(wanted, session.nodes()))) {
    const Kernel nest = naive(kernel);
    nests.push_back(renamed(nest, names_of(kernel, nest, name_of)));
  }
  const auto schedules = cli::by_hand(cli::parse_moves(cli::read_file(moves), moves))(nests);
  std::vector<Pair> result;
  for (std::size_t k = 0; k < schedules.size(); ++k) {
    if (!schedules[k]) continue;
    for (const Check check : {Check::each, Check::once}) {
      const Moved moved = apply_all(nests[k], *schedules[k], {}, check);
      if (const auto* refused = std::get_if<Refusal>(&moved))
        FAIL(refused->place << ": " << refused->reason);
      else if (check == Check::each)
        result.push_back({nests[k], std::get<Kernel>(moved)});
      else
        CHECK(print(std::get<Kernel>(moved)) == print(result.back().scheduled));
    }
  }
  REQUIRE(!result.empty());
  return result;
}

using Memory = std::vector<std::vector<float>>;  // the values of each argument

Memory run(const Kernel& kernel, Memory memory) {
  const auto device = cpu_device(2);
  std::vector<BufferRef> buffers;  // from the device, because kernels rely on their alignment
  std::vector<void*> arguments;
  for (const std::vector<float>& values : memory) {
    buffers.push_back(device->allocate(values.size() * sizeof(float)));
    device->write(*buffers.back(), values.data());
    arguments.push_back(buffers.back()->data);
  }
  const FinishedKernel finished = finish(kernel, target(widest_isa()));
  device->launch(*device->load(compiled(finished, widest_isa())), arguments, {});
  for (std::size_t i = 0; i < memory.size(); ++i) device->read(*buffers[i], memory[i].data());
  return memory;
}

void compare(const Pair& pair) {
  std::mt19937 random(7);
  Memory start;
  for (const KernelTensor& tensor : pair.naive.tensors) {
    if (tensor.where != Where::argument) continue;
    REQUIRE(tensor.type == Type::f32);
    std::vector<float>& values = start.emplace_back(tensor.elements(), NAN);
    if (!tensor.is_output)
      for (float& value : values) value = static_cast<float>(random() % 2000) / 1000 - 1;
  }
  const Memory wanted = run(pair.naive, start), got = run(pair.scheduled, start);
  for (std::size_t t = 0; t < wanted.size(); ++t)
    CHECK(std::memcmp(wanted[t].data(), got[t].data(), 4 * wanted[t].size()) == 0);
}

}  // namespace

TEST_CASE("schedules that reach the peers apply, and give the bits of the naive nest") {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".moves") continue;
    const std::string name = entry.path().stem().string(), graph = graph_of(name);
    CAPTURE(name);
    kernels(graph, name);
    const bool has_small = std::filesystem::exists(folder / (graph + ".small.tenon"));
    for (const Pair& pair : kernels(has_small ? graph + ".small" : graph, name)) compare(pair);
  }
}
