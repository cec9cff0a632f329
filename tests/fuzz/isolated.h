// Runs work in a child process, so that a crash or a hang does not end the fuzzer.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

namespace tenon::fuzz {

struct Ending {
  std::string output;  // what the work wrote
  std::string crash;   // how it ended instead of returning, or empty
};

// `seconds`: how much processor time it may take, and ten times that by the clock. The calling
// process must have no other threads.
Ending isolated(const std::function<void(std::FILE*)>& work, unsigned seconds);

}  // namespace tenon::fuzz
