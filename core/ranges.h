// Short forms of common loops over containers. Used by every folder. Everything else is in
// <algorithm>, which this header brings: std::ranges::any_of(limits, ...) takes a container too.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tenon {

template <typename List, typename Value>
bool contains(const List& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

// The position of the first element that equals `value`, from 0, or nullopt.
template <typename List, typename Value>
std::optional<int> position(const List& range, const Value& value) {
  const auto found = std::ranges::find(range, value);
  if (found == std::ranges::end(range)) return std::nullopt;
  return static_cast<int>(std::ranges::distance(std::ranges::begin(range), found));
}

// Appends all elements of `more` to `to`. Requires: `more` is not `to`.
template <typename Element, typename List>
void append(std::vector<Element>& to, const List& more) {
  to.insert(to.end(), std::ranges::begin(more), std::ranges::end(more));
}

template <typename Element, typename Value>
void append_once(std::vector<Element>& to, const Value& value) {
  if (!contains(to, value)) to.emplace_back(value);
}

// The results of `of` for every element, in order.
template <typename List, typename Of>
auto mapped(const List& range, Of&& of) {
  std::vector<std::decay_t<decltype(of(*std::ranges::begin(range)))>> results;
  results.reserve(std::ranges::size(range));
  for (const auto& element : range) results.push_back(of(element));
  return results;
}

// The elements of the lists that `of` gives for every element, in order.
template <typename List, typename Of>
auto flat_mapped(const List& range, Of&& of) {
  std::decay_t<decltype(of(*std::ranges::begin(range)))> results;
  for (const auto& element : range) append(results, of(element));
  return results;
}

// The name if it is free, else the first free one of name2, name3, ..
template <typename IsTaken>
std::string unused(const std::string& name, const IsTaken& is_taken) {
  std::string result = name;
  for (int copy = 2; is_taken(result); ++copy) result = name + std::to_string(copy);
  return result;
}

// The text of each element, by `text_of`, with `between` between any two.
template <typename List, typename TextOf>
std::string joined(const List& range, std::string_view between, TextOf&& text_of) {
  std::string result;
  bool first = true;
  for (const auto& element : range) {
    if (!std::exchange(first, false)) result += between;
    result += text_of(element);
  }
  return result;
}

}  // namespace tenon
