// DebugStages: DEBUG=graph,fuse,.. prints the stages of a graph to stderr, by name. Used by the
// session and the kernel store; `tenon explain` shows the same texts in one piece.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tenon {

enum class DebugStage : std::uint8_t { graph, fuse, loops, moves, source, search, cache };

class DebugStages {
 public:
  // `names`: the value of the environment variable DEBUG, names with commas between; null: none. A
  // name that is no stage is reported on stderr.
  explicit DebugStages(const char* names);

  bool on(DebugStage stage) const { return (set_ >> static_cast<int>(stage)) & 1; }

  // If the stage is asked for, prints `subject: ` and the text, whose further lines are indented.
  void show(DebugStage stage, const std::string& subject,
            const std::function<std::string()>& text) const;

 private:
  unsigned set_ = 0;
};

}  // namespace tenon
