// DebugStages: DEBUG=graph,fuse,.. prints the stages of a graph to stderr, by name. Used by the
// session and the kernel store; `tenon explain` shows the same texts in one piece.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

namespace tenon {

enum class DebugStage : std::uint8_t { graph, fuse, loops, moves, source, search, cache };

class DebugStages {
 public:
  // `names`: as in the environment variable DEBUG, separated by commas; null is none. A name that
  // is no stage is told on stderr.
  explicit DebugStages(const char* names);

  bool on(DebugStage stage) const { return (set_ >> static_cast<int>(stage)) & 1; }

  // If the stage is asked for, prints `subject: title`, and the parts below it, indented. A part is
  // a text, a function that makes one, or a nest, move or schedule.
  template <typename Title, typename... Parts>
  void show(DebugStage stage, const std::string& subject, const Title& title,
            const Parts&... parts) const {
    if (on(stage)) write(stage, ((subject + ": " + text(title)) + ... + ("\n" + text(parts))));
  }

 private:
  template <typename Part>
  static std::string text(const Part& part) {
    if constexpr (std::convertible_to<Part, std::string>)
      return part;
    else if constexpr (std::invocable<Part>)
      return part();
    else
      return print(part);
  }
  void write(DebugStage stage, const std::string& text) const;

  unsigned set_ = 0;
};

}  // namespace tenon
