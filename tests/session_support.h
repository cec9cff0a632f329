// Runs programs, for the tests of the session and of the program `tenon`.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "folder.h"

namespace tenon::session_test {

struct Outcome {
  int code;
  std::string out, err;
};

// Runs a line of shell in the folder.
inline Outcome shell(const Folder& folder, const std::string& line) {
  const std::string command =
      "cd '" + folder.path() + "' && { " + line + " ; } >.out 2>.err </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          contents(folder / ".out"), contents(folder / ".err")};
}

}  // namespace tenon::session_test
