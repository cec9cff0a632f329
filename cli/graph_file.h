// A graph file and the values of its inputs, as `tenon run` and `tenon explain` need them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "text/parse_graph.h"

namespace tenon::cli {

// Reads and parses the file. Each input gets the values of its .npy file in `inputs`, by name.
// Error: "FILE:LINE: ..", or what is wrong with an .npy file, or which input has no file.
GraphText load_graph(const std::string& path, const std::map<std::string, std::string>& inputs,
                     Executor& executor);

// Parses the file's text with inputs that have neither memory nor values, for callers that need the
// structure only.
GraphText load_structure(std::string_view text, const std::string& path, Executor& executor);

}  // namespace tenon::cli
