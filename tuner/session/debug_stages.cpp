#include "tuner/session/debug_stages.h"

#include <sstream>

#include "core/error.h"
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
      report(fmt::format("DEBUG: there is no stage '{}'; the stages are {}", word,
                         fmt::join(stage_names, ", ")));
  }
}

void DebugStages::show(DebugStage stage, const std::string& subject,
                       const std::function<std::string()>& text) const {
  if (!on(stage)) return;
  std::istringstream lines(text());
  std::string before = fmt::format("[{}] {}: ", stage_names[static_cast<int>(stage)], subject);
  for (std::string line; std::getline(lines, line); before = "  ") report(before + line);
}

}  // namespace tenon
