#include "bench/frameworks.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/process.h"
#include "bench/report.h"
#include "cli/npy.h"
#include "core/error.h"

namespace tenon::bench {
namespace {

constexpr const char* script = "bench/peers/graph_frameworks.py";
constexpr const char* frameworks[] = {"pytorch", "onnxruntime"};
// Of the largest value: the frameworks add up in other orders, through a dozen operations.
constexpr double tolerance = 1e-3;

void write_npy(const std::filesystem::path& path, const Node& leaf) {
  const Buffer& buffer = *leaf.as<BufferLeaf>()->buffer;
  std::ofstream file(path, std::ios::binary);
  file << cli::npy_header(leaf.type, values(leaf.shape));
  file.write(static_cast<const char*>(buffer.host), static_cast<std::streamsize>(buffer.bytes));
}

// The elements of an .npy file of f32: whatever stands before them has the rest of its size.
std::vector<float> read_npy(const std::filesystem::path& path, std::size_t count) {
  std::vector<float> elements(count);
  std::ifstream file(path, std::ios::binary);
  file.seekg(-static_cast<std::streamoff>(count * sizeof(float)), std::ios::end);
  file.read(reinterpret_cast<char*>(elements.data()),
            static_cast<std::streamsize>(count * sizeof(float)));
  if (!file) fail("graph: {} has too few elements", path.string());
  return elements;
}

std::optional<std::string> wrong_result(const char* framework, const std::vector<float>& theirs,
                                        const Buffer& ours) {
  const auto* values = static_cast<const float*>(ours.host);
  double largest = 0;
  for (std::size_t i = 0; i < theirs.size(); ++i)
    largest = std::max<double>(largest, std::abs(values[i]));
  for (std::size_t i = 0; i < theirs.size(); ++i)
    if (!(std::abs(theirs[i] - values[i]) <= tolerance * largest))
      return fmt::format("tenon and {}: element {} is {} and {}", framework, i, values[i],
                         theirs[i]);
  return {};
}

}  // namespace

MeasureOutside frameworks_of(const std::string& path, const std::vector<NodeRef>& inputs) {
  const std::filesystem::path file(path);
  const std::string name = file.stem().string();
  const bool is_known = std::filesystem::exists("bench/graphs") &&
                        std::filesystem::equivalent(
                            file.parent_path().empty() ? "." : file.parent_path(), "bench/graphs");
  if (!is_known) return {};
  return [=](const Buffer& result, int threads) {
    Outside outside;
    const TemporaryFolder folder;
    for (const NodeRef& input : inputs)
      write_npy(folder.path() / (input->as<BufferLeaf>()->name + ".npy"), *input);
    for (const char* framework : frameworks) {
      if (run_process({"python3", script, "--has", framework}, {}, true).status != 0) {
        end_notes();
        warn_of_missing_peer(framework, "python3 lacks it, or what it needs (numpy, onnx)");
        continue;
      }
      note(fmt::format("graph {}: {}", name, framework));
      const Finished finished = run_process(
          {"python3", script, framework, name, std::to_string(threads), folder.path().string()});
      const auto figures = nlohmann::json::parse(finished.output, nullptr, false);
      if (finished.status != 0 || !figures.is_object())
        fail("graph: {} failed in {} with status {}", framework, script, finished.status);
      const auto theirs =
          read_npy(folder.path() / fmt::format("{}.npy", framework), result.bytes / sizeof(float));
      outside.wrong = wrong_result(framework, theirs, result);
      if (outside.wrong) return outside;
      outside.timings.push_back({framework, figures.at("ms"), figures.at("median_ms")});
    }
    return outside;
  };
}

}  // namespace tenon::bench
