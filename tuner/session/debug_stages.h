// DEBUG=graph,fuse,..: prints the stages of a graph's way to stderr, by name. Used by the session;
// `tenon explain` shows the same texts in one piece.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tenon {

enum class DebugStage : std::uint8_t { graph, fuse, loops, moves, source, search, cache };

class DebugStages {
 public:
  // `names`: as in the environment variable DEBUG, separated by commas; null is none. A name that
  // is no stage is told on stderr.
  explicit DebugStages(const char* names);

  bool on(DebugStage stage) const { return (set_ >> static_cast<int>(stage)) & 1; }
  // What `describe` returns, where the stage is asked for: its first line, then the others
  // indented.
  void print(DebugStage stage, const std::function<std::string()>& describe) const;

 private:
  unsigned set_ = 0;
};

}  // namespace tenon
