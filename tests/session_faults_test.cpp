// Each graph of tests/faults/ once showed a fault. Compiled, it must give the interpreter's values.
// The first line of a file may say what the fault was.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "folder.h"
#include "ops/catalogue.h"
#include "oracle/interpret_executor.h"
#include "text/parse_graph.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

// Values between -1 and 1, or integers from -8 to 8; the same for the same line.
Tensor input(Executor& executor, const InputLine& line) {
  std::vector<float> floats;
  std::vector<std::int32_t> integers;
  for (std::uint32_t i = 0; i < elements(line.shape); i++) {
    const std::uint32_t random = (i * 2654435761u + 12345u) >> 16;
    floats.push_back(static_cast<float>(random % 4001) / 2000 - 1);
    integers.push_back(static_cast<std::int32_t>(random % 17) - 8);
  }
  const void* values = floats.data();
  if (line.type == Type::i32) values = integers.data();
  return from_bytes(executor, line.type, line.shape, values, line.name);
}

std::vector<std::vector<double>> values(const std::string& text, Executor& executor) {
  const auto source = [&](const InputLine& line) { return input(executor, line); };
  const GraphText graph = parse_graph(text, "graph", executor, source, compose);
  std::vector<std::vector<double>> results;
  for (const Tensor& output : graph.outputs) {
    std::vector<double>& result = results.emplace_back();
    if (output.type() == Type::f32)
      for (const float value : output.to_vector<float>()) result.push_back(value);
    else
      for (const std::int32_t value : output.to_vector<std::int32_t>()) result.push_back(value);
  }
  return results;
}

}  // namespace

TEST_CASE("graphs with which something was wrong give the interpreter's values") {
  std::set<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(TENON_TESTS "/faults"))
    files.insert(file.path());
  REQUIRE(!files.empty());
  for (const std::filesystem::path& file : files) {
    CAPTURE(file.stem().string());
    const std::string text = contents(file);
    SessionOptions options;
    options.threads = 2;
    options.cache = "";
    Session session(options);
    InterpretExecutor oracle;
    const auto got = values(text, session), expected = values(text, oracle);
    REQUIRE(got.size() == expected.size());
    for (std::size_t output = 0; output < got.size(); output++) {
      REQUIRE(got[output].size() == expected[output].size());
      double largest = 1, error = 0;
      for (std::size_t i = 0; i < got[output].size(); i++) {
        largest = std::max(largest, std::abs(expected[output][i]));
        error = std::max(error, std::abs(got[output][i] - expected[output][i]));
      }
      CHECK(error <= 1e-5 * largest);
    }
  }
}
