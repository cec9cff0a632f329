// `tenon tune --verify`: runs a graph on random inputs with the schedules in use, and compares some
// elements of its outputs with the interpreter.
#pragma once

#include <string>

#include "tuner/session/session.h"

namespace tenon::cli {

// Returns a line that says how many elements agree. Failure: one of them is wrong.
std::string verify(const std::string& text, const std::string& path, Session& session);

}  // namespace tenon::cli
