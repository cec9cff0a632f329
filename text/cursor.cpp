#include "text/cursor.h"

#include <cstdlib>

#include "core/error.h"

namespace tenon {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '%';
}
bool continues_name(char c) { return begins_name(c) || is_digit(c) || c == '.'; }

}  // namespace

void Cursor::skip_blanks() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r'))
    at_++;
}

bool Cursor::done() {
  skip_blanks();
  return at_ == text_.size();
}

bool Cursor::starts(std::string_view token) {
  skip_blanks();
  return text_.substr(at_).starts_with(token);
}

bool Cursor::take(std::string_view token) {
  if (!starts(token)) return false;
  at_ += token.size();
  return true;
}

void Cursor::expect(std::string_view token, std::string_view where) {
  if (!take(token)) fail("expected '{}' {}, not {}", token, where, next());
}

std::string_view Cursor::name() {
  skip_blanks();
  const std::size_t begin = at_;
  if (at_ < text_.size() && begins_name(text_[at_]))
    while (at_ < text_.size() && continues_name(text_[at_])) at_++;
  if (at_ - begin > longest)
    fail("the name {}.. has {} letters; {} are the most", text_.substr(begin, 20), at_ - begin,
         longest);
  return text_.substr(begin, at_ - begin);
}

bool Cursor::at_number() {
  skip_blanks();
  const std::size_t begin = at_;
  if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) at_++;
  const std::string_view word = name();
  const bool number = word.empty()
                          ? at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')
                          : word == "inf" || word == "nan";
  at_ = begin;
  return number;
}

double Cursor::number() {
  skip_blanks();
  std::size_t end = at_;
  const auto skip_sign = [&] {
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) end++;
  };
  skip_sign();
  while (end < text_.size() && continues_name(text_[end])) {
    const bool exponent = text_[end] == 'e' || text_[end] == 'E';
    end++;
    if (exponent) skip_sign();
  }
  if (end - at_ > longest)
    fail("the number {}.. has {} digits; {} are the most", text_.substr(at_, 20), end - at_,
         longest);
  const std::string token(upto(end));
  char* stop = nullptr;
  const double value = std::strtod(token.c_str(), &stop);
  const bool hexadecimal = token.find_first_of("xX") != std::string::npos;
  if (token.empty() || *stop != '\0' || hexadecimal)
    fail("expected a number, not {}", token.empty() ? next() : fmt::format("'{}'", token));
  at_ = end;
  return value;
}

std::string Cursor::next() {
  if (done()) return "the end of the line";
  const std::size_t begin = at_;
  if (name().empty()) do
      at_++;
    while (at_ < text_.size() && (text_[at_] & 0xC0) == 0x80);  // a whole character of UTF-8
  const std::string token(text_.substr(begin, at_ - begin));
  at_ = begin;
  return fmt::format("'{}'", token);
}

}  // namespace tenon
