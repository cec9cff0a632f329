#include "ops/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace tenon {
namespace {

bool is_required(std::string_view fallback) {
  return !fallback.empty() && fallback[0] >= 'A' && fallback[0] <= 'Z';
}

Attribute parse_default(std::string_view text) {
  if (text == "[]") return std::vector<double>{};
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc{} && end == text.data() + text.size()) return number;
  return std::string(text);
}

bool is_whole(double value) { return value == std::floor(value) && std::isfinite(value); }

}  // namespace

Signature::Signature(std::string_view whole) : text(whole) {
  const std::size_t open = whole.find('(');
  check(open != std::string_view::npos && whole.back() == ')', "a signature is NAME(..)");
  name = whole.substr(0, open);
  std::string_view rest = whole.substr(open + 1, whole.size() - open - 2);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 2, rest.size()));
    if (const std::size_t equals = part.find('='); equals != std::string_view::npos) {
      attributes.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    } else if (part == "...") {
      most = SIZE_MAX;
    } else {
      ++most;
      if (part.back() != '?') ++least;
    }
  }
}

Arguments::Arguments(const Signature& signature, const Call& call)
    : signature_(signature), call_(call) {
  const std::size_t given = call.operands.size();
  if (given < signature.least || given > signature.most)
    fail("{}: got {} operand{}; it is {}", signature.name, given, given == 1 ? "" : "s",
         signature.text);
  for (const auto& [name, ignored] : call.attributes) {
    const bool known = std::any_of(signature.attributes.begin(), signature.attributes.end(),
                                   [&](const auto& attribute) { return attribute.first == name; });
    if (!known) fail("{}: no attribute '{}'; it is {}", signature.name, name, signature.text);
  }
}

Attribute Arguments::value(std::string_view attribute) const {
  if (const auto given = call_.attributes.find(std::string(attribute));
      given != call_.attributes.end())
    return given->second;
  for (const auto& [name, fallback] : signature_.attributes) {
    if (name != attribute) continue;
    if (is_required(fallback))
      fail("{}: needs {}; it is {}", signature_.name, attribute, signature_.text);
    return parse_default(fallback);
  }
  check(false, "an attribute is asked for that the signature does not have");
  return 0.0;
}

void Arguments::refuse(std::string_view attribute, std::string_view wanted) const {
  fail("{}: {} must be {}; it is {}", signature_.name, attribute, wanted, signature_.text);
}

// Below 2^31, which fits every integer type of the library's interface.
std::int64_t Arguments::whole(std::string_view attribute, double number,
                              std::string_view wanted) const {
  if (!is_whole(number)) refuse(attribute, wanted);
  if (std::fabs(number) >= 0x1p31)
    fail("{}: {} is {:.17g}; it must be below 2^31", signature_.name, attribute, number);
  return static_cast<std::int64_t>(number);
}

double Arguments::number(std::string_view attribute) const {
  const Attribute given = value(attribute);
  const auto* number = std::get_if<double>(&given);
  if (number == nullptr) refuse(attribute, "a number");
  return *number;
}

std::int64_t Arguments::integer(std::string_view attribute) const {
  const Attribute given = value(attribute);
  const auto* number = std::get_if<double>(&given);
  if (number == nullptr) refuse(attribute, "a whole number");
  return whole(attribute, *number, "a whole number");
}

std::vector<double> Arguments::numbers(std::string_view attribute, std::string_view kind) const {
  const Attribute given = value(attribute);
  if (const auto* one = std::get_if<double>(&given)) return {*one};
  if (const auto* list = std::get_if<std::vector<double>>(&given)) return *list;
  refuse(attribute, fmt::format("a {} or a list of them", kind));
}

std::vector<std::int64_t> Arguments::integers(std::string_view attribute) const {
  std::vector<std::int64_t> integers;
  for (const double number : numbers(attribute, "whole number"))
    integers.push_back(whole(attribute, number, "a whole number or a list of them"));
  return integers;
}

std::string Arguments::word(std::string_view attribute) const {
  const Attribute given = value(attribute);
  const auto* word = std::get_if<std::string>(&given);
  if (word == nullptr) refuse(attribute, "a word");
  return *word;
}

bool Arguments::flag(std::string_view attribute) const {
  const Attribute given = value(attribute);
  const auto* word = std::get_if<std::string>(&given);
  if (word == nullptr || (*word != "true" && *word != "false")) refuse(attribute, "true or false");
  return *word == "true";
}

}  // namespace tenon
