#include "cli/cache_command.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "cache/cache.h"
#include "cli/files.h"
#include "cli/schedules_file.h"
#include "core/error.h"

namespace tenon::cli {

namespace {

std::string time_text(double nanoseconds) {
  return nanoseconds > 0 ? fmt::format("{:.1f} us", nanoseconds / 1e3) : "-";
}

std::string size_text(std::int64_t bytes) {
  if (bytes < 1 << 10) return fmt::format("{} bytes", bytes);
  return bytes < 1 << 20 ? fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10))
                         : fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

// The last line of a graph that computes something says most about it.
std::string gist(const std::string& graph) {
  std::string_view best = graph, rest = graph;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find(" = ") != std::string_view::npos) best = line;
  }
  return best.size() > 60 ? std::string(best.substr(0, 57)) + "..." : std::string(best);
}

void print_indented(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    fmt::print("  {}\n", line);
  }
}

}  // namespace

void cache_ls(const std::string& hash_prefix) {
  Cache cache;
  const auto entries = cache.schedules(hash_prefix);
  if (!entries.empty())
    fmt::print("{:<12}  {:<8}  {:<7}  {:>5}  {:>10}  {}\n", "kernel", "status", "isa", "cores",
               "measured", "graph");
  for (const ScheduleEntry& entry : entries)
    fmt::print("{:<12}  {:<8}  {:<7}  {:>5}  {:>10}  {}\n", entry.workload.hash.substr(0, 12),
               status_name(entry.schedule.status), entry.device.isa, entry.device.cores,
               time_text(entry.schedule.measured_ns), gist(entry.workload.graph));
  const CacheSummary summary = cache.summary();
  fmt::print("schedules: {}, compiled kernels: {} ({}), in {}\n", summary.schedules,
             summary.artifacts, size_text(summary.artifact_bytes),
             summary.path.empty() ? "memory" : summary.path);
}

void cache_show(const std::string& hash_prefix) {
  Cache cache;
  const auto entries = cache.schedules(hash_prefix);
  if (entries.empty())
    fail("cache show {}: no kernel's hash begins so; tenon cache ls lists them", hash_prefix);
  std::string shown;
  for (const ScheduleEntry& entry : entries) {
    if (entry.workload.hash != shown) {
      shown = entry.workload.hash;
      fmt::print("kernel {}\n", shown);
      print_indented(entry.workload.graph);
    }
    const ScheduleRow& schedule = entry.schedule;
    fmt::print("schedule {}, engine {}, on {} {} with {} threads\n", status_name(schedule.status),
               schedule.engine, entry.device.model, entry.device.isa, entry.device.cores);
    if (!schedule.reason.empty()) fmt::print("  reason: {}\n", schedule.reason);
    if (schedule.measured_ns > 0)
      fmt::print("  measured: {} in {} samples\n", time_text(schedule.measured_ns),
                 schedule.samples);
    print_indented(schedule.moves.empty() ? "no moves" : schedule.moves);
  }
}

void cache_export(const std::string& file) {
  Cache cache;
  const std::string text = print_schedules(cache.schedules());
  if (file.ends_with(".sqlite")) {
    if (!Cache({file}).store_schedules(cache.schedules())) fail("{}: it cannot be written", file);
  } else if (file == "-") {
    fmt::print("{}", text);
  } else {
    write_files({{file, {text}}});
  }
}

void cache_import(const std::string& file) {
  const auto entries = parse_schedules(read_file(file), file);
  Cache cache;
  if (!cache.store_schedules(entries)) fail("{}: the cache cannot be written", file);
  fmt::print("imported: {}\n", entries.size());
}

void cache_prune(std::uint64_t limit) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  Cache cache;
  const std::int64_t count = cache.prune(static_cast<std::int64_t>(std::min(limit, most)));
  fmt::print("dropped: {}, left: {}\n", count, size_text(cache.summary().artifact_bytes));
}

void cache_clear() {
  Cache cache;
  fmt::print("dropped: {}\n", cache.clear());
}

void cache_path() {
  const Cache cache;
  fmt::print("{}\n", cache.path().empty() ? "none: the cache is kept in memory" : cache.path());
}

}  // namespace tenon::cli
