#include "cli/verify.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "cli/files.h"
#include "ops/catalogue.h"
#include "oracle/expected.h"
#include "text/parse_graph.h"

namespace tenon::cli {

namespace {

constexpr std::int64_t samples = 16;  // of each output

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

}  // namespace

std::string verify(const std::string& text, const std::string& path, Session& session) {
  std::mt19937 random(1);
  const GraphText graph = parse_graph(
      text, path, session, [&](const InputLine& line) { return drawn(session, line, random); },
      compose, operation_names());
  const auto expected = expected_of(graph.outputs, samples);  // of the graph, before it is realized
  if (!expected) return "not verified: computing single elements would take too long";
  realize(graph.outputs);
  std::size_t count = 0;
  for (std::size_t output = 0; output < expected->size(); ++output) {
    const auto& [type, right, largest_tolerance] = (*expected)[output];
    const void* values = current_buffer(*graph.outputs[output].node())->host;
    for (const Sample& sample : right) {
      const double is = element_of(type, values, sample.element);
      const bool are_nan = std::isnan(is) && std::isnan(sample.value);
      if (is == sample.value || std::abs(is - sample.value) <= sample.tolerance || are_nan)
        continue;
      throw Failure(fmt::format("element {} of output {} is {}, and the interpreter finds {}",
                                sample.element, graph.output_names[output], is, sample.value));
    }
    count += right.size();
  }
  return fmt::format("verified: {} elements agree with the interpreter", count);
}

}  // namespace tenon::cli
