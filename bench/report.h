// The output: a table for people, or with --json one object a line for programs, with a summary of
// the suite at the end. Used by suite.cpp, regret.cpp, start.cpp, size.cpp and lower.cpp. Read
// next: plot.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/contest.h"
#include "bench/suites.h"

namespace tenon::bench {

struct SearchCost {
  int candidates;  // measured
  double seconds;
};

// What was measured of a case.
struct Row {
  Row(std::string of_case, const Limit& limit, Outcome outcome);

  double gflops(double ms) const { return flops / ms * 1e-6; }
  double gigabytes(double ms) const { return bytes / ms * 1e-6; }  // a second
  // The fastest peer that keeps to the plain layouts; null if there is none.
  const Timing* best_peer() const;

  std::string name;  // of the case
  double flops, bytes;
  double limit_ms;
  bool is_compute;  // does the limit come from the flops?
  Rates rates;
  Timing untuned, realize;
  std::optional<Timing> tuned;
  std::optional<Timing> kept;  // untuned, from weights in blocks, if the case has weights
  std::vector<Timing> peers;
  std::optional<SearchCost> search = {};
};

// Is this a peer whose weights were packed beforehand, so that it does not do the same work?
bool is_packed(const Timing& peer);

// A geometric mean, with the worst case.
class Mean {
 public:
  void add(double ratio, const std::string& name);
  bool is_empty() const { return count_ == 0; }
  double value() const;
  double worst() const { return worst_; }
  const std::string& worst_case() const { return worst_case_; }
  std::string text() const;  // "geomean 1.02, worst 0.85 (333x8x35)"

 private:
  double logarithms_ = 0, worst_ = 0;
  int count_ = 0;
  std::string worst_case_;
};

class Report {
 public:
  // Keeps a reference to the options. Error: the plot cannot be written.
  Report(std::string_view suite, const Options& options, int threads);
  void add(const Row& row);
  void finish();  // prints the summary, and draws the plot if one was asked for

 private:
  void print_head() const;
  void print_row(const Row& row) const;
  void print_json(const Row& row) const;

  std::string_view suite_;
  const Options& options_;
  int threads_;
  std::vector<Row> rows_;
};

// One line: the processor and the peers' versions.
std::string machine_line();
// Warns on stderr if other programs use the machine (busy_processors). Takes a quarter of a second.
void warn_of_load();
// A line on stderr for each of OpenBLAS and oneDNN that this program was built without, with the
// reason.
void warn_of_missing_peers();
void warn_of_missing_peer(std::string_view name, std::string_view reason);
void print_json_line(const nlohmann::ordered_json& object);

// A note on stderr that the next one replaces; nothing where stderr is no terminal.
void note(std::string_view text);
void end_notes();

}  // namespace tenon::bench
