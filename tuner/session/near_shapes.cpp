#include "tuner/session/near_shapes.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <vector>

namespace tenon {
namespace {

constexpr double farthest = 1;  // log2 of the ratio of two lengths

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_letter(char letter) {
  return letter == '%' || std::isalpha(static_cast<unsigned char>(letter)) != 0;
}

// The lengths of the inputs: the numbers in brackets in the text's first lines, which are those of
// its inputs.
std::vector<double> lengths_of_inputs(std::string_view canonical) {
  std::vector<double> lengths;
  bool is_in_brackets = false;
  for (std::size_t at = 0; at < canonical.size() && canonical[at] != '='; ++at) {
    const char letter = canonical[at];
    if (letter == '[' || letter == ']') is_in_brackets = letter == '[';
    if (!is_in_brackets || !is_digit(letter)) continue;
    if (!is_digit(canonical[at - 1])) lengths.push_back(0);
    lengths.back() = lengths.back() * 10 + (letter - '0');
  }
  return lengths;
}

}  // namespace

std::string without_lengths(std::string_view canonical) {
  // The size of the word that the text begins with and that keeps its digits: a name such as f32,
  // %12 or a0, or the numbers of axes.
  const auto kept = [](std::string_view text) -> std::size_t {
    if (text.starts_with("axes=[")) return std::min(text.find(']'), text.size());
    if (text.starts_with("axis=")) return std::min(text.find_first_of(",)"), text.size());
    const auto belongs = [](char letter) { return is_letter(letter) || is_digit(letter); };
    if (!is_letter(text.front())) return 0;
    return std::ranges::find_if_not(text, belongs) - text.begin();
  };
  std::string result;
  while (!canonical.empty()) {
    const std::size_t word = kept(canonical);
    const std::size_t digits =
        std::min(canonical.find_first_not_of("0123456789"), canonical.size());
    const std::size_t size = std::max({word, digits, std::size_t{1}});
    result += digits > 0 ? "#" : canonical.substr(0, size);
    canonical.remove_prefix(size);
  }
  return result;
}

double distance(std::string_view canonical, std::string_view other) {
  const std::vector<double> here = lengths_of_inputs(canonical), there = lengths_of_inputs(other);
  double sum = 0;
  for (std::size_t i = 0; i < here.size(); ++i) {
    const double apart = i < there.size() ? std::abs(std::log2(here[i] / there[i])) : farthest * 2;
    if (!(apart <= farthest)) return std::numeric_limits<double>::infinity();
    sum += apart;
  }
  return sum;
}

}  // namespace tenon
