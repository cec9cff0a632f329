#include "cache/portable.h"

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

Json json_of(const ScheduleEntry& entry) {
  const auto& [device, workload, schedule] = entry;
  return {{"device",
           {{"kind", device.kind},
            {"model", device.model},
            {"isa", device.isa},
            {"caches", device.caches},
            {"cores", device.cores},
            {"driver", device.driver},
            {"probed", device.probed}}},
          {"workload",
           {{"hash", workload.hash},
            {"graph", workload.graph},
            {"shapes", workload.shapes},
            {"types", workload.types},
            {"numerics", workload.numerics}}},
          {"schedule",
           {{"engine", schedule.engine},
            {"moves", schedule.moves},
            {"predicted_ns", schedule.predicted_ns},
            {"measured_ns", schedule.measured_ns},
            {"samples", schedule.samples},
            {"status", status_name(schedule.status)},
            {"reason", schedule.reason}}}};
}

// Reads the fields of one object and keeps the first complaint.
class Fields {
 public:
  Fields(const Json& line, const char* name, std::string& complaint)
      : name_(name), complaint_(complaint) {
    const auto found = line.find(name);
    if (found == line.end() || !found->is_object()) {
      complain("", "an object is needed");
    } else {
      object_ = &*found;
    }
  }

  std::string text(const char* field) {
    const Json* value = find(field);
    if (value == nullptr || !value->is_string()) {
      complain(field, "a string is needed");
      return {};
    }
    return value->get<std::string>();
  }

  std::int64_t count(const char* field) {
    const Json* value = find(field);
    if (value == nullptr || !value->is_number_integer() || value->get<std::int64_t>() < 0) {
      complain(field, "a whole number from 0 on is needed");
      return 0;
    }
    return value->get<std::int64_t>();
  }

  double nanoseconds(const char* field) {
    const Json* value = find(field);
    const double number = value != nullptr && value->is_number() ? value->get<double>() : -1;
    if (!std::isfinite(number) || number < 0) {
      complain(field, "a number from 0 on is needed");
      return 0;
    }
    return number;
  }

  void complain(const std::string& field, const std::string& message) {
    if (complaint_.empty()) {
      complaint_ = fmt::format("{}{}{}: {}", name_, field.empty() ? "" : ".", field, message);
    }
  }

 private:
  const Json* find(const char* field) const {
    if (object_ == nullptr) {
      return nullptr;
    }
    const auto found = object_->find(field);
    return found == object_->end() ? nullptr : &*found;
  }

  std::string name_;
  std::string& complaint_;
  const Json* object_ = nullptr;
};

bool is_hash(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ScheduleEntry read_entry(const Json& line, std::string& complaint) {
  ScheduleEntry entry;
  Fields device(line, "device", complaint);
  entry.device = {.kind = device.text("kind"),
                  .model = device.text("model"),
                  .isa = device.text("isa"),
                  .caches = device.text("caches"),
                  .cores = device.count("cores"),
                  .driver = device.text("driver"),
                  .probed = device.text("probed")};
  Fields workload(line, "workload", complaint);
  entry.workload = {.hash = workload.text("hash"),
                    .graph = workload.text("graph"),
                    .shapes = workload.text("shapes"),
                    .types = workload.text("types"),
                    .numerics = workload.text("numerics")};
  if (!is_hash(entry.workload.hash)) {
    workload.complain("hash", "lower-case hexadecimal digits are needed");
  }
  Fields schedule(line, "schedule", complaint);
  entry.schedule.engine = schedule.text("engine");
  entry.schedule.moves = schedule.text("moves");
  entry.schedule.predicted_ns = schedule.nanoseconds("predicted_ns");
  entry.schedule.measured_ns = schedule.nanoseconds("measured_ns");
  entry.schedule.samples = schedule.count("samples");
  if (const auto status = status_of(schedule.text("status"))) {
    entry.schedule.status = *status;
  } else {
    schedule.complain("status", "picked, tuned, tried or rejected is needed");
  }
  entry.schedule.reason = schedule.text("reason");
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
    if (json.is_object()) {
      return json;
    }
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
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
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
