#include "lower/schedule.h"

#include <fmt/ranges.h>

#include <charconv>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

constexpr std::string_view verbs[] = {"split", "order", "fuse",       "bind",
                                      "stage", "at",    "splitreduce"};

// Reads the moves of one line.
class LineParser {
 public:
  LineParser(std::string_view line, std::string place)
      : rest_(line.substr(0, line.find('#'))), place_(std::move(place)) {
    skip(0);
  }

  void parse(Schedule& schedule) {
    while (!peek().empty()) schedule.push_back({move(), place_});
  }

 private:
  template <typename... Args>
  [[noreturn]] void wrong(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}", place_, fmt::format(format, std::forward<Args>(args)...));
  }

  // The next word: a name (which may hold dots), a number, `->`, `(` or `)`. Empty at the end.
  std::string_view peek() const {
    std::size_t length = std::min(rest_.find_first_of(" \t\r,()"), rest_.find("->"));
    if (length == 0) length = rest_[0] == '-' ? 2 : 1;
    return rest_.substr(0, length);
  }
  // Goes on by so many characters, and then to the next word.
  void skip(std::size_t length) {
    rest_.remove_prefix(length);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r,"), rest_.size()));
  }
  bool at_end() const { return peek().empty() || contains(verbs, peek()); }  // of a move
  bool take(std::string_view word) {
    if (peek() != word) return false;
    skip(word.size());
    return true;
  }

  std::string word(std::string_view what) {
    const std::string_view next = peek();
    if (next.empty()) wrong("expected {} before the end of the line", what);
    if (next == "(" || next == ")" || next == "->") wrong("expected {}, not '{}'", what, next);
    skip(next.size());
    return std::string(next);
  }

  static constexpr std::int64_t most = 1 << 30;
  std::int64_t number(std::string_view what) {
    const std::string digits = word(what);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 1 || value > most)
      wrong("expected {}, a whole number from 1 to {}, not '{}'", what, most, digits);
    return value;
  }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    while (!at_end()) found.push_back(word("an axis"));
    return found;
  }

  // The value from `first` to `last` that has this name.
  template <typename Enum>
  Enum choice(std::string_view verb, std::string_view kind, Enum first, Enum last) {
    const std::string wanted = word(fmt::format("a {}", kind));
    std::vector<std::string_view> all;
    for (int value = static_cast<int>(first); value <= static_cast<int>(last); ++value) {
      all.push_back(name(static_cast<Enum>(value)));
      if (all.back() == wanted) return static_cast<Enum>(value);
    }
    wrong("{}: unknown {} '{}'; the {}s are {}", verb, kind, wanted, kind, fmt::join(all, ", "));
  }

  decltype(Move::what) move() {
    const std::string verb = word("a move");
    if (verb == "split") return split();
    if (verb == "order") return Order{names()};
    if (verb == "fuse") return fuse();
    if (verb == "bind") return Bind{word("an axis"), choice("bind", "tag", Tag::serial, Tag::mma)};
    if (verb == "stage") return stage();
    if (verb == "at") return At{word("a producer"), word("a loop")};
    if (verb == "splitreduce") return SplitReduce{word("an axis")};
    wrong("unknown move '{}'; the moves are {}", verb, fmt::join(verbs, ", "));
  }

  Fuse fuse() {
    Fuse fuse{word("an axis"), word("an axis"), ""};
    if (!take("->")) wrong("fuse: expected '-> NAME' after the two axes");
    fuse.name = word("the new axis's name");
    return fuse;
  }

  Split split() {
    Split split{word("an axis"), {}};
    if (!take("->")) wrong("split {}: expected '->'", split.axis);
    while (!at_end() && !take("mask")) {
      if (take("peel")) {
        split.tail = Tail::peel;
        break;
      }
      const bool is_first = split.parts.empty();
      Part part{word("a part")};
      if (take("(")) {
        part.extent = number("an extent");
        if (!take(")")) wrong("split {}: expected ')' after {}", split.axis, part.extent);
      }
      if (is_first && part.extent != 0)
        wrong("split {}: the first part, {}, takes what is left: leave out its extent", split.axis,
              part.name);
      if (!is_first && part.extent == 0)
        wrong("split {0}: part {1} needs an extent: {1}(16), say", split.axis, part.name);
      split.parts.push_back(std::move(part));
    }
    if (split.parts.size() < 2)
      wrong("split {0}: give at least two parts: split {0} -> outer inner(8)", split.axis);
    return split;
  }

  Stage stage() {
    Stage stage{word("a tensor"), ""};
    if (!take("at")) wrong("stage {}: expected 'at LOOP'", stage.tensor);
    stage.at = word("a loop, or root");
    while (!at_end()) {
      if (take("in")) {
        stage.where = choice("stage", "place", Where::reg, Where::heap);
      } else if (take("depth")) {
        stage.depth = static_cast<int>(number("a depth"));
      } else if (take("box")) {
        stage.layout = Layout::box;
      } else if (take("stream")) {
        stage.stream = true;
      } else if (take("layout")) {
        if (!take("(")) wrong("stage {}: expected layout(AXIS ..)", stage.tensor);
        while (!take(")")) stage.order.push_back(word("an axis, or ')'"));
      } else {
        wrong("stage {}: expected in, depth, box, layout or stream, not '{}'", stage.tensor,
              peek());
      }
    }
    return stage;
  }

  std::string_view rest_;  // of the line, from the next word on
  std::string place_;      // of the line
};

std::string text(const Split& m) {
  std::string text = fmt::format("split {} ->", m.axis);
  for (const Part& part : m.parts)
    text += part.extent ? fmt::format(" {}({})", part.name, part.extent) : " " + part.name;
  if (m.tail == Tail::peel) text += " peel";
  return text;
}
std::string text(const Order& m) {
  return "order" + joined(m.axes, "", [](const std::string& axis) { return " " + axis; });
}
std::string text(const Fuse& m) {
  return fmt::format("fuse {} {} -> {}", m.outer, m.inner, m.name);
}
std::string text(const Bind& m) { return fmt::format("bind {} {}", m.axis, name(m.tag)); }
std::string text(const Stage& m) {
  std::string text = fmt::format("stage {} at {}", m.tensor, m.at);
  if (m.where != Where::heap) text += fmt::format(" in {}", name(m.where));
  if (m.depth > 1) text += fmt::format(" depth {}", m.depth);
  if (m.layout == Layout::box) text += " box";
  if (m.stream) text += " stream";
  if (!m.order.empty()) text += fmt::format(" layout({})", fmt::join(m.order, " "));
  return text;
}
std::string text(const At& m) { return fmt::format("at {} {}", m.producer, m.loop); }
std::string text(const SplitReduce& m) { return fmt::format("splitreduce {}", m.axis); }

}  // namespace

Schedule parse_schedule(std::string_view text, std::string_view file) {
  Schedule schedule;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    LineParser(line, fmt::format("{}:{}", file, number)).parse(schedule);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return schedule;
}

std::string print(const Move& move) {
  return std::visit([](const auto& what) { return text(what); }, move.what);
}

std::string print(const Schedule& schedule) {
  return joined(schedule, "", [](const Move& move) { return print(move) + '\n'; });
}

}  // namespace tenon
