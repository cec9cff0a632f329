#include "cache/portable.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cache/tables.h"

namespace tenon::cache {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "tenon_schedules";
constexpr std::int64_t format_version = 1;

// The fields of each row by name, for writing and for reading: Row is const or not.
template <typename Row, typename Visit>
void visit_device(Row& row, Visit&& visit) {
  visit("kind", row.kind);
  visit("model", row.model);
  visit("isa", row.isa);
  visit("caches", row.caches);
  visit("cores", row.cores);
  visit("driver", row.driver);
  visit("probed", row.probed);
}

template <typename Row, typename Visit>
void visit_workload(Row& row, Visit&& visit) {
  visit("hash", row.hash);
  visit("graph", row.graph);
  visit("shapes", row.shapes);
  visit("types", row.types);
  visit("numerics", row.numerics);
}

template <typename Row, typename Visit>
void visit_schedule(Row& row, Visit&& visit) {
  visit("engine", row.engine);
  visit("moves", row.moves);
  visit("predicted_ns", row.predicted_ns);
  visit("measured_ns", row.measured_ns);
  visit("samples", row.samples);
  visit("status", row.status);
  visit("reason", row.reason);
}

// Writes fields into a JSON object.
struct Writer {
  Json& object;
  void operator()(const char* field, const auto& value) const { object[field] = value; }
  void operator()(const char* field, ScheduleStatus status) const {
    object[field] = status_name(status);
  }
};

// Reads fields from a JSON object and keeps the first complaint.
class Reader {
 public:
  Reader(const Json& line, const char* name, std::string& complaint)
      : name_(name), complaint_(complaint) {
    const auto found = line.find(name);
    if (found == line.end() || !found->is_object()) {
      complain("", "an object is needed");
    } else {
      object_ = &*found;
    }
  }

  void operator()(const char* field, std::string& text) {
    const Json* value = find(field);
    if (value == nullptr || !value->is_string()) return complain(field, "a string is needed");
    text = value->get<std::string>();
  }

  void operator()(const char* field, std::int64_t& count) {
    const Json* value = find(field);
    count = value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : -1;
    if (count < 0) complain(field, "a whole number from 0 on is needed");
  }

  void operator()(const char* field, double& nanoseconds) {
    const Json* value = find(field);
    nanoseconds = value != nullptr && value->is_number() ? value->get<double>() : -1;
    if (!std::isfinite(nanoseconds) || nanoseconds < 0) {
      complain(field, "a number from 0 on is needed");
    }
  }

  void operator()(const char* field, ScheduleStatus& status) {
    std::string name;
    (*this)(field, name);
    const auto known = status_of(name);
    if (!known) return complain(field, "picked, tuned, tried or rejected is needed");
    status = *known;
  }

  void complain(const std::string& field, const std::string& message) {
    if (complaint_.empty()) {
      complaint_ = fmt::format("{}{}{}: {}", name_, field.empty() ? "" : ".", field, message);
    }
  }

 private:
  const Json* find(const char* field) const {
    if (object_ == nullptr) return nullptr;
    const auto found = object_->find(field);
    return found == object_->end() ? nullptr : &*found;
  }

  std::string name_;
  std::string& complaint_;
  const Json* object_ = nullptr;
};

Json json_of(const ScheduleEntry& entry) {
  Json line;
  visit_device(entry.device, Writer{line["device"]});
  visit_workload(entry.workload, Writer{line["workload"]});
  visit_schedule(entry.schedule, Writer{line["schedule"]});
  return line;
}

bool is_hash(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ScheduleEntry read_entry(const Json& line, std::string& complaint) {
  ScheduleEntry entry;
  visit_device(entry.device, Reader(line, "device", complaint));
  Reader workload(line, "workload", complaint);
  visit_workload(entry.workload, workload);
  if (!is_hash(entry.workload.hash)) {
    workload.complain("hash", "lower-case hexadecimal digits are needed");
  }
  visit_schedule(entry.schedule, Reader(line, "schedule", complaint));
  return entry;
}

// What is wrong with a line that names the format; empty if nothing is.
std::string check_format(const Json& version) {
  if (!version.is_number_integer() || version.get<std::int64_t>() != format_version) {
    return fmt::format("{} {} is not known; this Tenon reads {}", format_name, version.dump(),
                       format_version);
  }
  return {};
}

// nlohmann reports a syntax error by an exception; here it becomes a complaint.
std::optional<Json> parse_line(std::string_view line, std::string& complaint) {
  try {
    Json json = Json::parse(line);
    if (json.is_object()) return json;
    complaint = "a JSON object is needed";
  } catch (const nlohmann::json::parse_error& error) {
    complaint = fmt::format("column {}: this is not JSON", error.byte);
  }
  return std::nullopt;
}

}  // namespace

std::string print_schedules(const std::vector<ScheduleEntry>& entries) {
  std::string text = Json{{format_name, format_version}}.dump() + "\n";
  for (const ScheduleEntry& entry : entries) {
    text += json_of(entry).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

ParsedSchedules parse_schedules(std::string_view text) {
  ParsedSchedules result;
  bool named = false;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::string complaint;
    if (const auto json = parse_line(line, complaint)) {
      const auto version = json->find(format_name);
      if (version != json->end()) {
        complaint = check_format(*version);
        named = true;
      } else if (!named) {
        complaint =
            fmt::format("the first line must be {{\"{}\":{}}}", format_name, format_version);
      } else {
        result.entries.push_back(read_entry(*json, complaint));
      }
    }
    if (!complaint.empty()) {
      return {.error = fmt::format("line {}: {}", number, complaint)};
    }
  }
  if (!named) {
    return {.error = "line 1: the text is empty"};
  }
  return result;
}

}  // namespace tenon::cache
