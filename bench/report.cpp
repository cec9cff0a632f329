#include "bench/report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/peers.h"
#include "bench/plot.h"

namespace tenon::bench {

namespace {

using nlohmann::ordered_json;

std::string milliseconds(double ms) {
  if (ms < 0.1) return fmt::format("{:.2f} us", ms * 1e3);
  return fmt::format("{:.3f} ms", ms);
}

std::string rate(const Row& row, double ms) {
  return row.is_compute ? fmt::format("{:.1f} GFLOP/s", row.gflops(ms))
                        : fmt::format("{:.1f} GB/s", row.gigabytes(ms));
}

// The lines of the summary: of what, and the ratios.
std::vector<std::pair<std::string, Mean>> summary(const std::vector<Row>& rows) {
  std::vector<std::pair<std::string, Mean>> lines;
  const auto add = [&](const std::string& line, double ratio, const Row& row) {
    auto found = std::ranges::find(lines, line, &std::pair<std::string, Mean>::first);
    if (found == lines.end()) found = lines.insert(found, {line, Mean()});
    found->second.add(ratio, row.name);
  };
  for (const Row& row : rows)
    for (const bool is_tuned : {false, true}) {
      if (is_tuned && !row.tuned) continue;
      const double ms = is_tuned ? row.tuned->best_ms : row.untuned.best_ms;
      const std::string what = is_tuned ? "tuned" : "untuned";
      if (const Timing* peer = row.best_peer())
        add(what + " over the fastest peer", peer->best_ms / ms, row);
      for (const Timing& peer : row.peers)
        if (is_packed(peer)) add(what + " over " + peer.name, peer.best_ms / ms, row);
      add(what + " of the limit", row.limit_ms / ms, row);
    }
  return lines;
}

}  // namespace

Row::Row(std::string of_case, const Limit& limit, Outcome outcome)
    : name(std::move(of_case)),
      flops(limit.flops()),
      bytes(limit.bytes()),
      limit_ms(limit.ms(outcome.rates)),
      is_compute(limit.is_compute(outcome.rates)),
      rates(outcome.rates) {
  for (Timing& timing : outcome.timings) {
    if (timing.name == "tenon")
      untuned = timing;
    else if (timing.name == "realize")
      realize = timing;
    else if (timing.name == "tuned")
      tuned = timing;
    else if (timing.name == "kept")
      kept = timing;
    else
      peers.push_back(timing);
  }
}

const Timing* Row::best_peer() const {
  const Timing* best = nullptr;
  for (const Timing& peer : peers)
    if (!is_packed(peer) && (!best || peer.best_ms < best->best_ms)) best = &peer;
  return best;
}

bool is_packed(const Timing& peer) { return peer.name.ends_with("_packed"); }

void Mean::add(double ratio, const std::string& name) {
  logarithms_ += std::log(ratio);
  if (count_++ > 0 && ratio >= worst_) return;
  worst_ = ratio;
  worst_case_ = name;
}
double Mean::value() const { return std::exp(logarithms_ / count_); }
std::string Mean::text() const {
  return fmt::format("geomean {:.2f}, worst {:.2f} ({})", value(), worst_, worst_case_);
}

Report::Report(std::string_view suite, const Options& options, int threads)
    : suite_(suite), options_(options), threads_(threads) {
  if (!options.plot.empty()) begin_plot(options.plot);
}

void Report::add(const Row& row) {
  end_notes();
  if (!options_.json && rows_.empty()) print_head();
  rows_.push_back(row);
  options_.json ? print_json(row) : print_row(row);
  std::fflush(stdout);
}

void Report::finish() {
  const auto lines = summary(rows_);
  if (options_.json) {
    ordered_json means = ordered_json::object();
    for (const auto& [what, mean] : lines)
      means[what] = {
          {"geomean", mean.value()}, {"worst", mean.worst()}, {"case", mean.worst_case()}};
    print_json_line(
        {{"suite", suite_}, {"threads", threads_}, {"cases", rows_.size()}, {"summary", means}});
  } else {
    if (!lines.empty()) fmt::print("\n");
    for (const auto& [what, mean] : lines) fmt::print("{:<32} {}\n", what, mean.text());
  }
  if (!options_.plot.empty()) write_plot(options_.plot, suite_, rows_, threads_);
}

void Report::print_head() const {
  fmt::print("{}\n{} thread{}; best of {} rounds; in brackets is a peer's time over Tenon's{}\n\n",
             machine_line(), threads_, threads_ == 1 ? "" : "s", options_.rounds,
             options_.measurements ? ", tuned" : "");
  fmt::print("{:<30} {:>11} {:>15} {:>11}", suite_, "tenon", "", "realize");
  if (options_.measurements) fmt::print(" {:>11} {:>21}", "tuned", "search");
  fmt::print("  of the limit  peers\n");
}

void Report::print_row(const Row& row) const {
  fmt::print("{:<30} {:>11} {:>15} {:>11}", row.name, milliseconds(row.untuned.best_ms),
             rate(row, row.untuned.best_ms), milliseconds(row.realize.best_ms));
  const double best = row.tuned ? row.tuned->best_ms : row.untuned.best_ms;
  if (row.tuned && row.search)
    fmt::print(" {:>11} {:>21}", milliseconds(best),
               fmt::format("{} tried in {:.1f} s", row.search->candidates, row.search->seconds));
  fmt::print("  {:>12}", fmt::format("{:.2f}", row.limit_ms / best));
  if (row.kept) fmt::print("  weights kept {}", milliseconds(row.kept->best_ms));
  for (const Timing& peer : row.peers)
    fmt::print("  {} {} ({:.2f})", peer.name, milliseconds(peer.best_ms), peer.best_ms / best);
  fmt::print("\n");
}

void Report::print_json(const Row& row) const {
  ordered_json peers = ordered_json::object(), medians = ordered_json::object();
  for (const Timing& peer : row.peers) {
    peers[peer.name] = peer.best_ms;
    medians[peer.name] = peer.median_ms;
  }
  ordered_json versions = ordered_json::object();
  for (const PeerVersion& peer : peer_versions()) versions[peer.name] = peer.version;
  ordered_json object{{"suite", suite_},
                      {"case", row.name},
                      {"dtype", "f32"},
                      {"threads", threads_},
                      {"flops", row.flops},
                      {"bytes", row.bytes},
                      {"untuned_ms", row.untuned.best_ms}};
  if (row.tuned) object["tuned_ms"] = row.tuned->best_ms;
  if (row.kept) object["kept_ms"] = row.kept->best_ms;
  object["realize_ms"] = row.realize.best_ms;
  object["peers"] = peers;
  object["limit_ms"] = row.limit_ms;
  if (row.search) {
    object["candidates"] = row.search->candidates;
    object["search_s"] = row.search->seconds;
  }
  object["verified"] = true;  // a wrong result has no row
  object["untuned_median_ms"] = row.untuned.median_ms;
  if (row.tuned) object["tuned_median_ms"] = row.tuned->median_ms;
  object["realize_median_ms"] = row.realize.median_ms;
  object["peers_median"] = medians;
  object["fma_gflops"] = row.rates.fma * 1e-9;
  object["memory_gbs"] = row.rates.memory * 1e-9;
  object["rounds"] = options_.rounds;
  object["machine"] = processor();
  object["versions"] = versions;
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
