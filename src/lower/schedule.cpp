#include "lower/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "core/error.h"

namespace tenon {
namespace {

constexpr std::string_view verbs[] = {"split", "order", "fuse",       "bind",
                                      "stage", "at",    "splitreduce"};

bool is_verb(std::string_view word) {
  for (std::string_view verb : verbs)
    if (verb == word) return true;
  return false;
}

// The words of one line: names (which may hold dots), numbers, `->`, `(` and `)`.
std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  std::size_t i = 0;
  while (i < line.size() && line[i] != '#') {
    const char c = line[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == ',') {
      ++i;
    } else if (c == '(' || c == ')') {
      found.push_back(line.substr(i++, 1));
    } else if (line.substr(i, 2) == "->") {
      found.push_back(line.substr(i, 2));
      i += 2;
    } else {
      std::size_t end = i;
      while (end < line.size() &&
             std::string_view(" \t\r,()#").find(line[end]) == std::string_view::npos &&
             line.substr(end, 2) != "->")
        ++end;
      found.push_back(line.substr(i, end - i));
      i = end;
    }
  }
  return found;
}

// Reads the moves of one line.
class LineParser {
 public:
  LineParser(std::vector<std::string_view> words, std::string place, int line)
      : words_(std::move(words)), place_(std::move(place)), line_(line) {}

  void parse(Schedule& schedule) {
    while (position_ < words_.size()) {
      Move move = one();
      move.line = line_;
      schedule.push_back(std::move(move));
    }
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const { fail("{}: {}", place_, what); }

  std::string_view peek() const { return position_ < words_.size() ? words_[position_] : ""; }
  bool take(std::string_view word) {
    if (peek() != word) return false;
    ++position_;
    return true;
  }
  std::string word(std::string_view what) {
    const std::string_view next = peek();
    if (next.empty() || next == "(" || next == ")" || next == "->")
      wrong(fmt::format(
          "expected {}{}", what,
          next.empty() ? " before the end of the line" : fmt::format(", not '{}'", next)));
    ++position_;
    return std::string(next);
  }
  std::int64_t number(std::string_view what) {
    const std::string digits = word(what);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 1)
      wrong(fmt::format("expected {}, a whole number from 1, not '{}'", what, digits));
    return value;
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    while (!peek().empty() && !is_verb(peek())) found.push_back(word("an axis"));
    return found;
  }

  Move one() {
    const std::string verb = word("a move");
    if (verb == "split") return {split()};
    if (verb == "order") return {Order{names()}};
    if (verb == "fuse") {
      Fuse fuse;
      fuse.outer = word("an axis");
      fuse.inner = word("an axis");
      if (!take("->")) wrong("fuse: expected '-> NAME' after the two axes");
      fuse.name = word("the new axis's name");
      return {fuse};
    }
    if (verb == "bind") {
      Bind bind{word("an axis"), Tag::serial};
      bind.tag = tag(word("a tag"));
      return {bind};
    }
    if (verb == "stage") return {stage()};
    if (verb == "at") {
      At at;
      at.producer = word("a producer");
      at.loop = word("a loop");
      return {at};
    }
    if (verb == "splitreduce") return {SplitReduce{word("an axis")}};
    wrong(fmt::format("unknown move '{}'; the moves are {}", verb, fmt::join(verbs, ", ")));
  }

  Tag tag(const std::string& word) const {
    for (int t = 0; t <= static_cast<int>(Tag::mma); ++t)
      if (name(static_cast<Tag>(t)) == word) return static_cast<Tag>(t);
    wrong(
        fmt::format("bind: unknown tag '{}'; the tags are serial, parallel, grid, warp, lane, "
                    "vector, unroll, mma",
                    word));
  }

  Split split() {
    Split split;
    split.axis = word("an axis");
    if (!take("->")) wrong(fmt::format("split {}: expected '->'", split.axis));
    while (!peek().empty() && !is_verb(peek())) {
      if (take("mask") || take("peel") || take("pad")) {
        const std::string_view tail = words_[position_ - 1];
        split.tail = tail == "mask" ? Tail::mask : tail == "peel" ? Tail::peel : Tail::pad;
        break;
      }
      Part part{word("a part")};
      if (take("(")) {
        part.extent = number("an extent");
        if (!take(")"))
          wrong(fmt::format("split {}: expected ')' after {}", split.axis, part.extent));
      }
      if (split.parts.empty() && part.extent != 0)
        wrong(fmt::format("split {}: the first part, {}, takes what is left: leave out its extent",
                          split.axis, part.name));
      if (!split.parts.empty() && part.extent == 0)
        wrong(fmt::format("split {}: part {} needs an extent: {}(16), say", split.axis, part.name,
                          part.name));
      split.parts.push_back(std::move(part));
    }
    if (split.parts.size() < 2)
      wrong(fmt::format("split {}: give at least two parts: split {} -> outer inner(8)", split.axis,
                        split.axis));
    return split;
  }

  Stage stage() {
    Stage stage;
    stage.tensor = word("a tensor");
    if (!take("at")) wrong(fmt::format("stage {}: expected 'at LOOP'", stage.tensor));
    stage.at = word("a loop, or root");
    while (!peek().empty() && !is_verb(peek())) {
      if (take("in"))
        stage.where = where(word("a place"));
      else if (take("depth"))
        stage.depth = static_cast<int>(number("a depth"));
      else if (take("box"))
        stage.layout = Layout::box;
      else if (take("layout"))
        stage.order = layout(stage.tensor);
      else
        wrong(fmt::format("stage {}: expected in, depth, box or layout, not '{}'", stage.tensor,
                          peek()));
    }
    return stage;
  }

  std::vector<std::string> layout(const std::string& tensor) {
    std::vector<std::string> axes;
    if (!take("(")) wrong(fmt::format("stage {}: expected layout(AXIS ..)", tensor));
    while (!take(")")) axes.push_back(word("an axis, or ')'"));
    return axes;
  }

  Where where(const std::string& word) const {
    if (word == "register") return Where::reg;
    if (word == "heap") return Where::heap;
    if (word == "shared") return Where::shared;
    if (word == "stream") return Where::stream;
    wrong(fmt::format("stage: unknown place '{}'; the places are register, heap, shared, stream",
                      word));
  }

  std::vector<std::string_view> words_;
  std::string place_;
  int line_;
  std::size_t position_ = 0;
};

struct MovePrinter {
  std::string operator()(const Split& m) const {
    std::string text = fmt::format("split {} ->", m.axis);
    for (const Part& part : m.parts)
      text += part.extent ? fmt::format(" {}({})", part.name, part.extent) : " " + part.name;
    if (m.tail != Tail::mask) text += m.tail == Tail::peel ? " peel" : " pad";
    return text;
  }
  std::string operator()(const Order& m) const {
    return fmt::format("order{}{}", m.axes.empty() ? "" : " ", fmt::join(m.axes, " "));
  }
  std::string operator()(const Fuse& m) const {
    return fmt::format("fuse {} {} -> {}", m.outer, m.inner, m.name);
  }
  std::string operator()(const Bind& m) const {
    return fmt::format("bind {} {}", m.axis, name(m.tag));
  }
  std::string operator()(const Stage& m) const {
    std::string text = fmt::format("stage {} at {}", m.tensor, m.at);
    if (m.where != Where::heap) text += fmt::format(" in {}", name(m.where));
    if (m.depth > 1) text += fmt::format(" depth {}", m.depth);
    if (m.layout == Layout::box) text += " box";
    if (!m.order.empty()) text += fmt::format(" layout({})", fmt::join(m.order, " "));
    return text;
  }
  std::string operator()(const At& m) const { return fmt::format("at {} {}", m.producer, m.loop); }
  std::string operator()(const SplitReduce& m) const {
    return fmt::format("splitreduce {}", m.axis);
  }
};

}  // namespace

Schedule parse_schedule(std::string_view text, std::string_view file) {
  Schedule schedule;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    LineParser(words(line), fmt::format("{}:{}", file, number), number).parse(schedule);
  }
  return schedule;
}

std::string print(const Move& move) { return std::visit(MovePrinter(), move.what); }

std::string print(const Schedule& schedule) {
  std::string text;
  for (const Move& move : schedule) text += print(move) + '\n';
  return text;
}

}  // namespace tenon
