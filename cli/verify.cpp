#include "cli/verify.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "cli/files.h"
#include "ops/catalogue.h"
#include "oracle/interpret_elements.h"
#include "text/parse_graph.h"

namespace tenon::cli {

namespace {

constexpr int samples = 16;                           // of each output
constexpr std::int64_t most_interpreted = 5'000'000;  // elements of nodes
// f32 sums in the canonical order differ from sums in double by less than this share of the largest
// sampled value.
constexpr double tolerance = 1e-4;

// Random values: f32 in [-1, 1), i32 in [0, 100), bool.
Tensor drawn(Session& session, const InputLine& input, std::mt19937& random) {
  const auto count = static_cast<std::size_t>(elements(input.shape));
  const auto fill = [&](auto values, auto draw) {
    std::ranges::generate(values, draw);
    return session.tensor(std::span(std::as_const(values)), input.shape, input.name);
  };
  if (input.type == Type::f32)
    return fill(std::vector<float>(count),
                [&] { return static_cast<float>(random()) * 0x1p-31F - 1; });
  if (input.type == Type::i32)
    return fill(std::vector<std::int32_t>(count),
                [&] { return static_cast<std::int32_t>(random() % 100); });
  return fill(std::vector<std::uint8_t>(count),
              [&] { return static_cast<std::uint8_t>(random() % 2); });
}

std::vector<double> values_of(const Tensor& tensor) {
  const auto doubles = [](const auto& values) {
    return std::vector<double>(values.begin(), values.end());
  };
  if (tensor.type() == Type::f32) return doubles(tensor.to_vector<float>());
  if (tensor.type() == Type::i32) return doubles(tensor.to_vector<std::int32_t>());
  return doubles(tensor.to_vector<std::uint8_t>());
}

struct Sample {
  std::int64_t place;
  double is, should_be;
};

}  // namespace

std::string verify(const std::string& text, const std::string& path, Session& session) {
  std::mt19937 random(1);
  const GraphText graph = parse_graph(
      text, path, session, [&](const InputLine& line) { return drawn(session, line, random); },
      compose, operation_names());
  std::vector<NodeRef> nodes;  // before realizing makes leaves of them
  for (const Tensor& output : graph.outputs) nodes.push_back(output.node());
  int agreeing = 0, skipped = 0;
  for (std::size_t output = 0; output < nodes.size(); ++output) {
    const std::vector<double> values = values_of(graph.outputs[output]);
    if (values.empty()) continue;
    ElementInterpreter oracle(session.device(), most_interpreted);
    std::vector<Sample> seen;
    double largest = 0;
    for (int i = 0; i < samples; ++i) {
      const auto place = static_cast<std::int64_t>(random() % values.size());
      const auto should_be = oracle.element(nodes[output], place);
      if (!should_be) {
        ++skipped;
        continue;
      }
      seen.push_back({place, values[place], *should_be});
      if (std::isfinite(*should_be)) largest = std::max(largest, std::abs(*should_be));
    }
    const bool is_float = graph.outputs[output].type() == Type::f32;
    for (const auto& [place, is, should_be] : seen) {
      const bool is_close = is_float && std::abs(is - should_be) <= tolerance * largest;
      if (is != should_be && !is_close && !(std::isnan(is) && std::isnan(should_be)))
        throw Failure(fmt::format("element {} of output {} is {}, and the interpreter finds {}",
                                  place, graph.output_names[output], is, should_be));
    }
    agreeing += static_cast<int>(seen.size());
  }
  return fmt::format(
      "verified: {} elements agree with the interpreter{}", agreeing,
      skipped == 0 ? "" : fmt::format("; {} depend on too many others to be computed", skipped));
}

}  // namespace tenon::cli
