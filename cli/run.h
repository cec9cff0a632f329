// The subcommands `run` and `explain` of the program `tenon`, once their options are parsed.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace tenon::cli {

struct GraphOptions {
  std::string graph;
  std::optional<std::string> moves;  // a file, see moves_file.h
  std::string isa;                   // "": the widest that there is
  int threads = 0;                   // 0: as many as the process may run on
};

struct RunOptions : GraphOptions {
  std::map<std::string, std::string> inputs, outputs;  // name to .npy file
  bool interpret = false;
  bool statistics = false;
  bool profile = false;
};
// Computes the outputs; those without a file are printed. Throws Error for a mistake in what the
// user wrote, Failure for anything else that went wrong.
void run(const RunOptions& options);

}  // namespace tenon::cli
