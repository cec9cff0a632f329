// Makes programs of sessions from seeds, runs each in a child process, and shrinks those that fail.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>

#include "../folder.h"
#include "guard_pages.h"
#include "isolated.h"
#include "sessions.h"

namespace tenon::fuzz {
namespace {

constexpr unsigned most_seconds = 60;  // for a program
constexpr int most_attempts = 400;     // to shrink one

}  // namespace

std::string check_isolated_session(const std::string& program, SessionCounts& counts) {
  const Folder folder;
  const Ending ending = isolated(
      [&](std::FILE* out) {
        dup2(fileno(out), STDERR_FILENO);  // a warning is wrong too
        begin_guarding();
        SessionCounts own;
        std::string wrong;
        try {
          wrong = check_session(program, folder.path(), own);
        } catch (const std::exception& thrown) {
          wrong = thrown.what();
        }
        if (wrong.empty())
          fmt::print(out, "counts {} {} {} {} {}\n", own.values, own.unbounded, own.refused,
                     own.skipped, own.kernels);
        else
          fmt::print(out, "{}", wrong);
      },
      most_seconds);
  if (!ending.crash.empty()) return ending.output + ending.crash;
  std::istringstream words(ending.output);
  std::string word;
  SessionCounts own;
  if (!(words >> word >> own.values >> own.unbounded >> own.refused >> own.skipped >>
        own.kernels) ||
      word != "counts")
    return ending.output;
  counts.values += own.values;
  counts.unbounded += own.unbounded;
  counts.refused += own.refused;
  counts.skipped += own.skipped;
  counts.kernels += own.kernels;
  return "";
}

std::string shrink_session(const std::string& program) {
  const std::string head = program.substr(0, program.find(" | ") + 3);
  std::vector<Statement> best = parse_statements(program.substr(head.size()));
  int attempts = 0;
  SessionCounts ignored;
  const auto accept = [&](const std::vector<Statement>& smaller) {
    if (++attempts > most_attempts) return false;
    const bool fails = !check_isolated_session(head + print(smaller), ignored).empty();
    if (fails) best = smaller;
    return fails;
  };
  for (std::size_t before = best.size() + 1; best.size() < before;) {
    before = best.size();
    for (std::size_t size = (best.size() + 1) / 2; size > 0; size /= 2)
      for (std::size_t end = best.size(); end >= size; end = std::min(end - size, best.size())) {
        std::vector<Statement> smaller = best;
        const auto last = smaller.begin() + static_cast<std::ptrdiff_t>(end);
        smaller.erase(last - static_cast<std::ptrdiff_t>(size), last);
        accept(smaller);
      }
    for (std::size_t at = best.size(); at-- > 0;) {  // replaces an expression by its operand
      const Statement gone = best[at];
      if (gone.verb != "=") continue;
      std::vector<Statement> rest = best;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
      const std::regex name("\\b" + gone.results[0] + "\\b");
      for (const std::string& operand : gone.operands)
        if (accept(parse_statements(std::regex_replace(print(rest), name, operand)))) break;
    }
  }
  return head + print(best);
}

int fuzz_sessions(std::uint64_t first, std::uint64_t seeds, const std::string& keep,
                  bool until_failure) {
  int failures = 0;
  SessionCounts counts;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Random random(seed);
    const std::string program = random_session(random);
    const std::string wrong = check_isolated_session(program, counts);
    if (wrong.empty()) continue;
    ++failures;
    fmt::print("session seed {}: {}\nfound: {}\n", seed, wrong, program);
    std::fflush(stdout);
    if (until_failure) break;
    const std::string small = shrink_session(program);
    fmt::print("shrunk: {}\n", small);
    std::fflush(stdout);
    if (!keep.empty()) std::ofstream(keep, std::ios::app) << small << '\n';
  }
  fmt::print(
      "{} sessions; {} kernels; {} elements beside the interpreter, {} without a bound; {} uses of "
      "overwritten memory refused; {} statements left out\n",
      seeds, counts.kernels, counts.values, counts.unbounded, counts.refused, counts.skipped);
  return failures;
}

}  // namespace tenon::fuzz
