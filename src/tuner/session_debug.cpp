#include "tuner/session_debug.h"

#include <cstdio>
#include <sstream>

#include <fmt/format.h>

#include "core/ranges.h"

namespace tenon {

constexpr std::string_view stage_names[] = {"graph",  "fuse",   "loops", "moves",
                                            "source", "search", "cache"};

DebugStages::DebugStages(const char* names) {
  std::istringstream words(names ? names : "");
  for (std::string word; std::getline(words, word, ',');) {
    if (const auto stage = position(stage_names, word))
      set_ |= 1u << *stage;
    else if (!word.empty())
      fmt::print(stderr, "DEBUG: there is no stage '{}'; the stages are {}\n", word,
                 fmt::join(stage_names, ", "));
  }
}

void DebugStages::write(DebugStage stage, const std::string& text) {
  std::istringstream lines(text);
  std::string before = fmt::format("[{}] ", stage_names[static_cast<int>(stage)]);
  for (std::string line; std::getline(lines, line); before = "  ")
    fmt::print(stderr, "{}{}\n", before, line);
}

}  // namespace tenon
