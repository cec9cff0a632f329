#include "cli/moves_file.h"

#include <algorithm>
#include <optional>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon::cli {

namespace {

std::string_view trimmed(std::string_view line) {
  line = line.substr(0, line.find('#'));
  constexpr std::string_view blank = " \t\r";
  const std::size_t first = line.find_first_not_of(blank);
  if (first == std::string_view::npos) return "";
  return line.substr(first, line.find_last_not_of(blank) - first + 1);
}

// The name in `kernel NAME:`, or nothing for a line of moves.
std::optional<std::string_view> section(std::string_view line, std::string_view place) {
  if (line != "kernel" && !line.starts_with("kernel ")) return std::nullopt;
  const std::string_view name = trimmed(line.substr(6, line.find(':') - 6));
  if (!line.ends_with(':') || name.empty() || name.find(' ') != std::string_view::npos)
    fail("{}: a section begins with `kernel NAME:`", place);
  return name;
}

}  // namespace

// Every section is parsed as a text of its own, in which the lines of the other sections are blank.
// So the messages have the numbers of the file's lines.
MovesFile parse_moves(std::string_view text, const std::string& path) {
  std::map<std::string, std::string> sections;
  std::string name;  // of the section that the line stands in; "" above the first
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string place = fmt::format("{}:{}", path, number);
    const std::string blank(number - 1, '\n');
    if (const auto header = section(line, place)) {
      name = *header;
      if (sections.contains("")) fail("{}: the moves above this line have no section", place);
      if (!sections.emplace(name, blank).second)
        fail("{}: kernel {} has a section already", place, name);
    } else if (!line.empty()) {
      sections.emplace(name, blank).first->second += line;
    }
    for (auto& [kernel, body] : sections) body += '\n';
  }
  MovesFile file{path};
  for (const auto& [kernel, body] : sections) file.by_kernel[kernel] = parse_schedule(body, path);
  if (file.by_kernel.empty()) file.by_kernel[""] = {};
  return file;
}

HandMoves by_hand(MovesFile file) {
  return [file = std::move(file)](std::span<const Kernel> naive) {
    const std::vector<std::string> names = kernel_names(naive);
    std::vector<std::optional<Schedule>> schedules(naive.size());
    for (const auto& [name, schedule] : file.by_kernel) {
      if (names.empty()) break;  // every output is an input
      const bool is_only = name.empty() && names.size() == 1;
      const std::optional<int> at = is_only ? 0 : position(names, name);
      if (!at)
        throw MovesError(fmt::format("{}: {}; the graph has {} kernel{}: {}", file.path,
                                     name.empty() ? "write `kernel NAME:` above each kernel's moves"
                                                  : fmt::format("there is no kernel {}", name),
                                     names.size(), names.size() == 1 ? "" : "s",
                                     fmt::join(names, ", ")));
      schedules[*at] = schedule;
    }
    return schedules;
  };
}

std::vector<std::string> kernel_names(std::span<const Kernel> naive) {
  std::vector<std::string> names;
  for (const Kernel& kernel : naive)
    names.push_back(
        unused(kernel.name, [&](const std::string& name) { return contains(names, name); }));
  return names;
}

}  // namespace tenon::cli
