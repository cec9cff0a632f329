#include "tuner/session_debug.h"

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

namespace tenon {

namespace {

constexpr std::string_view stage_names[] = {"graph",  "fuse",   "loops", "moves",
                                            "source", "search", "cache"};

// Takes the part before `separator` off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

}  // namespace

DebugStages::DebugStages(const char* names) {
  std::string_view rest = names ? names : "";
  while (!rest.empty()) {
    const std::string_view word = take(rest, ',');
    const auto* found = std::find(std::begin(stage_names), std::end(stage_names), word);
    if (found != std::end(stage_names)) {
      set_ |= 1u << (found - std::begin(stage_names));
    } else if (!word.empty()) {
      fmt::print(stderr,
                 "DEBUG: there is no stage '{}'; the stages are graph, fuse, loops, moves, "
                 "source, search, cache\n",
                 word);
    }
  }
}

void DebugStages::write(DebugStage stage, std::string_view text) {
  fmt::print(stderr, "[{}] {}\n", stage_names[static_cast<int>(stage)], take(text, '\n'));
  while (!text.empty()) fmt::print(stderr, "  {}\n", take(text, '\n'));
}

}  // namespace tenon
