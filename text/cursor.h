// Cursor: a position in a line of text, and the tokens that follow it. Blanks are skipped before
// every token. Used by parse_graph.cpp and named_primitives.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tenon {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done();                          // nothing but blanks is left
  bool starts(std::string_view token);  // the token is next; it is not taken
  bool take(std::string_view token);    // takes the token if it is next
  // Takes the token. Error: it is not next. The message has `where`, such as "in a list", after the
  // token.
  void expect(std::string_view token, std::string_view where);
  // A name: a letter, _ or %, then letters, digits, _, % and points. Empty if none is next. Error:
  // it has more than `longest` letters, so that messages stay short.
  std::string_view name();
  bool at_number();  // a digit, point, inf or nan is next, perhaps after a sign
  // A number as C's strtod reads it, without hexadecimal. Error if there is none.
  double number();
  std::string_view upto(std::size_t end) const { return text_.substr(at_, end - at_); }
  std::size_t at() const { return at_; }
  void move_to(std::size_t at) { at_ = at; }
  std::string_view text() const { return text_; }
  std::string next();  // the next token, for messages: "')'", or "the end of the line"

  static constexpr std::size_t longest = 200;  // letters of a name or a number

 private:
  void skip_blanks();
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace tenon
