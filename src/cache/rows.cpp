#include "cache/rows.h"

#include <array>
#include <utility>

namespace tenon {
namespace {

constexpr std::array<std::pair<ScheduleStatus, std::string_view>, 4> statuses = {{
    {ScheduleStatus::picked, "picked"},
    {ScheduleStatus::tuned, "tuned"},
    {ScheduleStatus::tried, "tried"},
    {ScheduleStatus::rejected, "rejected"},
}};

}  // namespace

std::string_view status_name(ScheduleStatus status) {
  for (const auto& [value, name] : statuses) {
    if (value == status) return name;
  }
  return "rejected";
}

std::optional<ScheduleStatus> status_of(std::string_view name) {
  for (const auto& [value, known] : statuses) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace tenon
