#include "shrink.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "isolated.h"
#include "lower/schedule.h"

namespace tenon::fuzz {
namespace {

constexpr int most_attempts = 400;
constexpr unsigned most_seconds = 20;  // for an attempt

class Shrinker {
 public:
  explicit Shrinker(Case failing) : best_(std::move(failing)) {}

  Case run() {
    for (bool smaller = true; smaller && attempts_ < most_attempts;)
      smaller = drop_moves() || drop_statements() || shrink_extents();
    return best_;
  }

 private:
  // Takes the case if it still fails. A smaller graph may number its kernels differently, so lower
  // numbers are tried too.
  bool accept(Case smaller) {
    for (int kernel = 0; kernel <= std::max(best_.kernel, 0); ++kernel) {
      if (++attempts_ > most_attempts) return false;
      if (best_.kernel >= 0) smaller.kernel = best_.kernel - kernel;
      if (!fails(smaller)) continue;
      best_ = std::move(smaller);
      return true;
    }
    return false;
  }

  static bool fails(const Case& c) {
    const Ending ending = isolated(
        [&](std::FILE* out) {
          try {
            std::fputs(check_case(c).c_str(), out);
          } catch (const Error&) {  // no graph any more
          } catch (const std::exception& broken) {
            std::fputs(broken.what(), out);
          }
        },
        most_seconds);
    return !ending.output.empty() || !ending.crash.empty();
  }

  bool drop_moves() {
    bool any = false;
    for (std::size_t count = parse_schedule(best_.moves, "moves").size(); count-- > 0;) {
      Schedule moves = parse_schedule(best_.moves, "moves");
      moves.erase(moves.begin() + static_cast<std::ptrdiff_t>(count));
      Case smaller = best_;
      smaller.moves = print(moves);
      any |= accept(std::move(smaller));
    }
    return any;
  }

  static std::vector<std::string> statements(const std::string& graph) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at < graph.size();) {
      const std::size_t end = std::min(graph.find("; ", at), graph.size());
      result.push_back(graph.substr(at, end - at));
      at = end + 2;
    }
    return result;
  }
  static std::string joined(const std::vector<std::string>& statements) {
    std::string result;
    for (const std::string& statement : statements)
      result += (result.empty() ? "" : "; ") + statement;
    return result;
  }

  static std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> result(1);
    for (const char c : text) {
      const bool in_word = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
      const bool was_word =
          !result.back().empty() &&
          (std::isalnum(static_cast<unsigned char>(result.back()[0])) || result.back()[0] == '_');
      if (in_word != was_word) result.emplace_back();
      result.back() += c;
    }
    return result;
  }
  static std::string with(const std::string& text, const std::string& word, const std::string& by) {
    std::string result;
    for (const std::string& part : words(text)) result += part == word ? by : part;
    return result;
  }

  // Leaves a statement out; what read it reads one of its operands instead.
  bool drop_statements() {
    for (std::size_t count = statements(best_.graph).size(); count-- > 0;) {
      std::vector<std::string> all = statements(best_.graph);
      const std::vector<std::string> parts = words(all[count]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(count));
      Case smaller = best_;
      smaller.graph = joined(all);
      if (accept(smaller)) return true;
      std::set<std::string> operands(parts.begin() + 1, parts.end());
      for (const std::string& operand : operands) {
        if (parts[0] == "output" || !std::isalpha(static_cast<unsigned char>(operand[0]))) continue;
        smaller.graph = with(joined(all), parts[0], operand);
        if (accept(smaller)) return true;
      }
    }
    return false;
  }

  bool shrink_extents() {
    std::set<std::string> numbers;
    for (const std::string& word : words(best_.graph))
      if (std::isdigit(static_cast<unsigned char>(word[0])) && word.size() < 9 &&
          std::stol(word) > 1)
        numbers.insert(word);
    for (const std::string& number : numbers) {
      const long value = std::stol(number);
      for (const long less : std::set<long>{1, 2, value / 2, value - 1}) {
        if (less < 1 || less >= value) continue;
        Case smaller = best_;
        smaller.graph = with(best_.graph, number, std::to_string(less));
        if (accept(smaller)) return true;
      }
    }
    return false;
  }

  Case best_;
  int attempts_ = 0;
};

}  // namespace

Case shrink(Case failing) { return Shrinker(std::move(failing)).run(); }

}  // namespace tenon::fuzz
