#include "bench/report.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/peers.h"

namespace tenon::bench {

namespace {

using nlohmann::ordered_json;

std::string milliseconds(double ms) {
  if (ms < 0.1) return fmt::format("{:.2f} us", ms * 1e3);
  return fmt::format("{:.3f} ms", ms);
}

double rate(const Row& row, double ms) { return row.limit_work / ms * 1e-6; }  // in limit_unit
double share_of_limit(const Row& row) {
  return rate(row, row.outcome.timings[0].best_ms) * 1e9 / row.outcome.limit_rate;
}

// The timings after Tenon's own two.
std::span<const Timing> others(const Row& row) { return std::span(row.outcome.timings).subspan(2); }

}  // namespace

void Report::add(const Row& row) {
  end_notes();
  if (options_.json) {
    print_json(row);
  } else {
    if (!has_head_) print_head(row);
    has_head_ = true;
    print_row(row);
  }
  std::fflush(stdout);
}

void Report::print_head(const Row& row) {
  fmt::print("{}\n", machine_line());
  fmt::print(
      "{} thread{}; best of {} rounds; a peer's figure in brackets is its time over Tenon's\n\n",
      row.threads, row.threads == 1 ? "" : "s", options_.rounds);
  fmt::print("{:<24} {:>12} {:>14} {:>12} {:>12}", row.suite, "tenon", "", "median", "realize");
  for (const Timing& other : others(row)) fmt::print(" {:>20}", other.name);
  fmt::print("  share of the limit\n");
}

void Report::print_row(const Row& row) const {
  const Timing& tenon = row.outcome.timings[0];
  const Timing& realize = row.outcome.timings[1];
  fmt::print("{:<24} {:>12} {:>14} {:>12} {:>12}", row.name, milliseconds(tenon.best_ms),
             fmt::format("{:.1f} {}", rate(row, tenon.best_ms), row.limit_unit),
             milliseconds(tenon.median_ms), milliseconds(realize.best_ms));
  for (const Timing& other : others(row)) {
    fmt::print(" {:>20}", fmt::format("{} ({:.2f})", milliseconds(other.best_ms),
                                      other.best_ms / tenon.best_ms));
  }
  fmt::print("  {:.2f} of {:.1f} {}\n", share_of_limit(row), row.outcome.limit_rate * 1e-9,
             row.limit_unit);
}

void Report::print_json(const Row& row) const {
  const Timing& tenon = row.outcome.timings[0];
  const Timing& realize = row.outcome.timings[1];
  ordered_json peers = ordered_json::object(), medians = ordered_json::object();
  for (const Timing& other : others(row)) {
    peers[other.name] = other.best_ms;
    medians[other.name] = other.median_ms;
  }
  ordered_json versions = ordered_json::object();
  for (const PeerVersion& peer : peer_versions()) versions[peer.name] = peer.version;
  ordered_json object{{"suite", row.suite},
                      {"case", row.name},
                      {"dtype", "f32"},
                      {"threads", row.threads},
                      {"flops", row.flops},
                      {"bytes", row.bytes},
                      {"untuned_ms", tenon.best_ms},
                      {"realize_ms", realize.best_ms},
                      {"peers", peers},
                      {"peak_fraction", share_of_limit(row)},
                      {"untuned_median_ms", tenon.median_ms},
                      {"realize_median_ms", realize.median_ms},
                      {"peers_median", medians},
                      {"peak", row.outcome.limit_rate * 1e-9},
                      {"peak_unit", row.limit_unit},
                      {"rounds", options_.rounds},
                      {"machine", processor()},
                      {"versions", versions}};
  if (!options_.moves.path.empty()) object["moves"] = options_.moves.path;
  print_json_line(object);
}

std::string machine_line() {
  std::string line = processor();
  for (const PeerVersion& peer : peer_versions()) {
    line += fmt::format("; {} {}", peer.name, peer.version);
  }
  return line;
}

void warn_of_load() {
  const double load = busy_processors();
  if (load < 0.5) return;
  fmt::print(
      stderr,
      "tenon-bench: warning: other programs keep {:.1f} processors busy; figures will be too low, "
      "most of all with several threads\n",
      load);
}

void warn_of_missing_peers() {
  for (const MissingPeer& peer : missing_peers()) warn_of_missing_peer(peer.name, peer.reason);
}

void warn_of_missing_peer(std::string_view name, std::string_view reason) {
  fmt::print(stderr, "tenon-bench: warning: measured without {}: {}\n", name, reason);
}

void print_json_line(const ordered_json& object) { fmt::print("{}\n", object.dump()); }

void note(std::string_view text) {
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K{}", text);
}
void end_notes() { note(""); }

}  // namespace tenon::bench
