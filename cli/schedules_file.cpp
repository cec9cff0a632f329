#include "cli/schedules_file.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.h"

namespace tenon::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "tenon_schedules";
constexpr std::int64_t format_version = 1;

Json json_of(const auto& field) { return field; }
Json json_of(ScheduleStatus status) { return status_name(status); }
Json json_of(const Columned auto& row) {
  Json object;
  row.columns(row, [&](const char* name, const auto& field) { object[name] = json_of(field); });
  return object;
}

// Each reads a field from its JSON value. `name` is the field's name, for the Error if the value
// has another type.
void read(const Json& value, const std::string& name, std::string& text) {
  if (!value.is_string()) fail("{}: a string is needed", name);
  text = value.get<std::string>();
}
void read(const Json& value, const std::string& name, std::int64_t& count) {
  count = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (count < 0) fail("{}: a whole number from 0 on is needed", name);
}
void read(const Json& value, const std::string& name, double& nanoseconds) {
  nanoseconds = value.is_number() ? value.get<double>() : -1;
  if (!std::isfinite(nanoseconds) || nanoseconds < 0)
    fail("{}: a number from 0 on is needed", name);
}
void read(const Json& value, const std::string& name, ScheduleStatus& status) {
  const auto known = status_of(value.is_string() ? value.get<std::string>() : "");
  if (!known) fail("{}: picked, tuned, tried or rejected is needed", name);
  status = *known;
}
void read(const Json& value, const std::string& name, Columned auto& row) {
  if (!value.is_object()) fail("{}: an object is needed", name);
  row.columns(row, [&](const char* column, auto& field) {
    read(value.value(column, Json()), name.empty() ? column : name + "." + column, field);
  });
}

Json parse_line(std::string_view text) {
  try {
    Json line = Json::parse(text);
    if (line.is_object()) return line;
  } catch (const Json::parse_error& error) {
    fail("column {}: this is not JSON", error.byte);
  } catch (const Json::out_of_range&) {
    fail("a number is too large");
  }
  fail("a JSON object is needed");
}

// Reads a line: an entry, or the line with the name of the format, which sets `named`.
void read_line(std::string_view text, bool& named, std::vector<ScheduleEntry>& entries) {
  const Json line = parse_line(text);
  if (const auto found = line.find(format_name); found != line.end()) {
    if (*found != format_version)
      fail("{} {} is not known; this Tenon reads {}", format_name, found->dump(), format_version);
    named = true;
  } else if (!named) {
    fail("the first line must be {{\"{}\":{}}}", format_name, format_version);
  } else {
    ScheduleEntry& entry = entries.emplace_back();
    read(line, "", entry);
    const std::string& hash = entry.workload.hash;
    if (hash.empty() || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
      fail("workload.hash: lower-case hexadecimal digits are needed");
  }
}

}  // namespace

std::string print_schedules(const std::vector<ScheduleEntry>& entries) {
  std::string text = Json{{format_name, format_version}}.dump() + "\n";
  for (const ScheduleEntry& entry : entries)
    text += json_of(entry).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return text;
}

std::vector<ScheduleEntry> parse_schedules(std::string_view text, const std::string& file) {
  std::vector<ScheduleEntry> entries;
  bool named = false;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      read_line(line, named, entries);
    } catch (const Error& mistake) {
      fail("{}: line {}: {}", file, number, mistake.what());
    }
  }
  if (!named) fail("{}: line 1: the text is empty", file);
  return entries;
}

}  // namespace tenon::cli
