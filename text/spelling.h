// Suggestions for words that nobody knows: "unknown operation 'sofmax'; did you mean softmax?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tenon {

// The candidate that differs from `word` by the fewest letters put in, left out or changed; the
// first of several. Empty where all differ by more than a third of the word.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "; did you mean NAME?", or nothing.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

}  // namespace tenon
