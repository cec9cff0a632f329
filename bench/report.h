// The output: a table for people, or with --json one object a line for programs. Used by suite.cpp,
// start.cpp, size.cpp and lower.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/contest.h"
#include "bench/suites.h"

namespace tenon::bench {

struct Row {
  std::string_view suite;
  std::string name;
  int threads;
  double flops, bytes;
  std::string limit_unit;  // "GFLOP/s" or "GB/s"
  double limit_work;       // flops or bytes
  Outcome outcome;         // timings: "tenon", "realize", then the others
};

// A table whose columns are those of its first row.
class Report {
 public:
  explicit Report(const Options& options) : options_(options) {}
  void add(const Row& row);

 private:
  void print_head(const Row& row);
  void print_row(const Row& row) const;
  void print_json(const Row& row) const;

  const Options& options_;
  bool has_head_ = false;
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
