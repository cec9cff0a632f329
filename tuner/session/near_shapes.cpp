#include "tuner/session/near_shapes.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <vector>

namespace tenon {
namespace {

constexpr double farthest = 1;  // log2 of the ratio of two lengths

struct Parts {
  std::string others;  // the text with # in place of each length
  // The lengths of the inputs, which are those in the text's first lines, before the first =.
  std::vector<double> lengths;
};

Parts parts_of(std::string_view canonical) {
  // The size of the word that the text begins with and that keeps its digits: a name such as f32,
  // %12 or a0, or the numbers of axes. npos, as for the digits below: all of the text.
  const auto kept = [](std::string_view text) -> std::size_t {
    if (text.starts_with("axes=[")) return text.find(']');
    if (text.starts_with("axis=")) return text.find_first_of(",)");
    const auto belongs = [](unsigned char letter) { return letter == '%' || std::isalnum(letter); };
    if (std::isdigit(static_cast<unsigned char>(text.front()))) return 0;
    return std::ranges::find_if_not(text, belongs) - text.begin();
  };
  Parts parts;
  for (bool is_input = true; !canonical.empty();) {
    const std::size_t digits = canonical.find_first_not_of("0123456789");
    const std::string word(
        canonical.substr(0, std::max({kept(canonical), digits, std::size_t{1}})));
    is_input = is_input && word != "=";
    parts.others += digits > 0 ? "#" : word;
    if (digits > 0 && is_input) parts.lengths.push_back(std::stod(word));
    canonical.remove_prefix(word.size());
  }
  return parts;
}

}  // namespace

std::string without_lengths(std::string_view canonical) { return parts_of(canonical).others; }

double distance(std::string_view canonical, std::string_view other) {
  const std::vector<double> here = parts_of(canonical).lengths, there = parts_of(other).lengths;
  double sum = 0;
  for (std::size_t i = 0; i < here.size(); ++i) {
    const double apart = i < there.size() ? std::abs(std::log2(here[i] / there[i])) : farthest * 2;
    if (!(apart <= farthest)) return std::numeric_limits<double>::infinity();
    sum += apart;
  }
  return sum;
}

}  // namespace tenon
