// The two exceptions: Error for a mistake of the user, InternalError for a mistake of Tenon.
//
// Used by every folder. Brings fmt, which writes the messages. The message of an Error names the
// operation, the shapes and the remedy in one line:
//   matmul: inner dimensions differ: lhs [8,64], rhs [32,16]
// An illegal move, a failed compile and a time-out are values, not exceptions; the headers of the
// functions that return them name the types.
#pragma once

#include <concepts>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace tenon {

// The caller asked for something impossible. The message is written for the caller.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An invariant of Tenon does not hold. The message is written for Tenon's developers, and begins
// with file and line.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// Throws Error with the formatted message: fail("{}: rank {} is too small", name, rank).
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// Writes the line to stderr. A closed stderr is no error.
void report(const std::string& line);

// Prints `message` and the place to stderr, then throws InternalError with the same text.
[[noreturn]] void broken_invariant(std::string_view message, std::source_location where);

// Throws InternalError if `condition`, an invariant of Tenon, does not hold.
inline void check(bool condition, std::string_view message,
                  std::source_location where = std::source_location::current()) {
  if (!condition) broken_invariant(message, where);
}

// The same, for a message that is costly to make, such as a printed IR. `describe` makes it on
// failure only:
// check(legal, [&] { return "loop k has no parent\n" + print(kernel); }).
template <std::invocable Describe>
void check(bool condition, Describe&& describe,
           std::source_location where = std::source_location::current()) {
  if (!condition) broken_invariant(std::string(describe()), where);
}

}  // namespace tenon
