// The suite size: lines of code by folder, as scripts/check_sources.py counts them, and the sizes
// of the program and of tenon_llvm.so. Takes no cases.

#include <filesystem>
#include <sstream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/process.h"
#include "bench/report.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

using nlohmann::ordered_json;

struct Folder {
  std::string name;
  std::int64_t files, lines;
};

// Lines of the script's table: `core  21  1893`.
std::vector<Folder> folders() {
  const Finished script = run_process({"python3", "scripts/check_sources.py"}, {}, true);
  std::vector<Folder> result;
  std::istringstream lines(script.output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Folder folder;
    std::string rest;
    if (words >> folder.name >> folder.files >> folder.lines && !(words >> rest)) {
      result.push_back(folder);
    }
  }
  if (result.empty()) fail("size: scripts/check_sources.py printed no table; run from the root");
  return result;
}

struct Binary {
  std::string name;
  std::uintmax_t bytes;
};

std::vector<Binary> binaries() {
  std::vector<Binary> result;
  for (const char* name : {"tenon", "tenon_llvm.so"}) {
    std::error_code missing;
    const std::uintmax_t bytes = std::filesystem::file_size(build_folder() / name, missing);
    if (!missing) result.push_back({name, bytes});
  }
  return result;
}

}  // namespace

bool run_size(const Options& options) {
  if (!options.cases.empty()) fail("size: there are no cases");
  for (const Folder& folder : folders()) {
    if (options.json) {
      print_json_line(ordered_json{{"suite", "size"},
                                   {"case", folder.name},
                                   {"files", folder.files},
                                   {"lines", folder.lines}});
    } else {
      fmt::print("{:<16} {:>4} files {:>7} lines of code\n", folder.name, folder.files,
                 folder.lines);
    }
  }
  for (const Binary& binary : binaries()) {
    if (options.json) {
      print_json_line(
          ordered_json{{"suite", "size"}, {"case", binary.name}, {"bytes", binary.bytes}});
    } else {
      fmt::print("{:<16} {:>10.1f} KiB\n", binary.name, static_cast<double>(binary.bytes) / 1024);
    }
  }
  return true;
}

}  // namespace tenon::bench
