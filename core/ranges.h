// What C++20's algorithms take many words for, said once. Used by every folder; for the rest there
// is <algorithm>: std::ranges::any_of(limits, ...) needs no begin() and end().
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

// Where the first such element stands, from 0; nothing where there is none.
template <typename List, typename Value>
std::optional<int> position(const List& range, const Value& value) {
  const auto found = std::ranges::find(range, value);
  if (found == std::ranges::end(range)) return std::nullopt;
  return static_cast<int>(std::ranges::distance(std::ranges::begin(range), found));
}

// Puts all of `more` behind the elements of `to`. They must be two objects.
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

// The name, or the first of name2, name3, .. that is not taken.
template <typename IsTaken>
std::string unused(const std::string& name, const IsTaken& is_taken) {
  std::string result = name;
  for (int copy = 2; is_taken(result); ++copy) result = name + std::to_string(copy);
  return result;
}

// The elements as text, `between` standing between them; `text_of` gives a string for each.
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
