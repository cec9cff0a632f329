// Suggestions for unknown words: "unknown operation sofmax; did you mean softmax?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tenon {

// The first candidate that differs from `word` by the fewest letters put in, left out or changed.
// Empty if every candidate differs by more than a third of the word's letters; one letter is always
// allowed.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "; did you mean NAME?", or nothing.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace tenon
