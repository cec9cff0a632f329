#include "cache/portable.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include <fmt/format.h>

namespace tenon::cache {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "tenon_schedules";
constexpr std::int64_t format_version = 1;

[[noreturn]] void complain(const std::string& message) { throw std::invalid_argument(message); }

Json value_of(const auto& field) { return field; }
Json value_of(ScheduleStatus status) { return status_name(status); }

// Each reads a field from what stands for it, and says what is needed where that is no such value.
const char* read(const Json& value, std::string& text) {
  if (!value.is_string()) return "a string is needed";
  text = value.get<std::string>();
  return nullptr;
}

const char* read(const Json& value, std::int64_t& count) {
  count = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  return count < 0 ? "a whole number from 0 on is needed" : nullptr;
}

const char* read(const Json& value, double& nanoseconds) {
  nanoseconds = value.is_number() ? value.get<double>() : -1;
  const bool good = std::isfinite(nanoseconds) && nanoseconds >= 0;
  return good ? nullptr : "a number from 0 on is needed";
}

const char* read(const Json& value, ScheduleStatus& status) {
  const auto known = status_of(value.is_string() ? value.get<std::string>() : "");
  status = known.value_or(ScheduleStatus::rejected);
  return known ? nullptr : "picked, tuned, tried or rejected is needed";
}

template <typename Row>
Json json_of(const Row& row) {
  Json object;
  Row::columns(row, [&](const char* name, const auto& field) { object[name] = value_of(field); });
  return object;
}

// Reads the row from the object that stands under `name` in a line.
template <typename Row>
void read_row(const Json& line, const char* name, Row& row) {
  const Json object = line.value(name, Json());
  if (!object.is_object()) complain(fmt::format("{}: an object is needed", name));
  Row::columns(row, [&](const char* column, auto& field) {
    if (const char* needed = read(object.value(column, Json()), field))
      complain(fmt::format("{}.{}: {}", name, column, needed));
  });
}

ScheduleEntry read_entry(const Json& line) {
  ScheduleEntry entry;
  read_row(line, "device", entry.device);
  read_row(line, "workload", entry.workload);
  const std::string& hash = entry.workload.hash;
  if (hash.empty() || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    complain("workload.hash: lower-case hexadecimal digits are needed");
  read_row(line, "schedule", entry.schedule);
  return entry;
}

Json parse_line(std::string_view text) {
  try {
    Json line = Json::parse(text);
    if (line.is_object()) return line;
  } catch (const Json::parse_error& error) {
    complain(fmt::format("column {}: this is not JSON", error.byte));
  }
  complain("a JSON object is needed");
}

// Adds the entry of a line, or learns from it that the format is ours.
void read_line(std::string_view text, bool& named, std::vector<ScheduleEntry>& entries) {
  const Json line = parse_line(text);
  if (const auto found = line.find(format_name); found != line.end()) {
    if (*found != format_version)
      complain(fmt::format("{} {} is not known; this Tenon reads {}", format_name, found->dump(),
                           format_version));
    named = true;
  } else if (!named) {
    complain(fmt::format("the first line must be {{\"{}\":{}}}", format_name, format_version));
  } else {
    entries.push_back(read_entry(line));
  }
}

}  // namespace

std::string print_schedules(const std::vector<ScheduleEntry>& entries) {
  std::string text = Json{{format_name, format_version}}.dump() + "\n";
  for (const ScheduleEntry& entry : entries) {
    const Json line{{"device", json_of(entry.device)},
                    {"workload", json_of(entry.workload)},
                    {"schedule", json_of(entry.schedule)}};
    text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

std::vector<ScheduleEntry> parse_schedules(std::string_view text) {
  std::vector<ScheduleEntry> entries;
  bool named = false;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      read_line(line, named, entries);
    } catch (const std::invalid_argument& mistake) {
      complain(fmt::format("line {}: {}", number, mistake.what()));
    }
  }
  if (!named) complain("line 1: the text is empty");
  return entries;
}

}  // namespace tenon::cache
