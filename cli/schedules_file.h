// Schedules as text that another machine can read, for `tenon cache export` and `import`: a line of
// JSON each, after a line that names the format. Machine code is never in it.
//
//   {"tenon_schedules":1}
//   {"device":{"kind":"cpu",...},"workload":{"hash":"6b1e",...},"schedule":{"moves":"split i",...}}
//
// Files may be joined one after another: the line that names the format may stand between entries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cache/rows.h"

namespace tenon::cli {

// One line of JSON an entry, each ended by a newline. Bytes that are not UTF-8 are replaced.
std::string print_schedules(const std::vector<ScheduleEntry>& entries);

// Error: "FILE: line 3: schedule.moves: a string is needed".
std::vector<ScheduleEntry> parse_schedules(std::string_view text, const std::string& file);

}  // namespace tenon::cli
