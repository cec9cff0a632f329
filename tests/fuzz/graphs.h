// Random graphs, as text (docs/graph-text.md) in one line: statements end with "; ".
#pragma once

#include <string>

#include "random.h"

namespace tenon::fuzz {

// A graph of 2 to 30 statements, over extents that are small, prime, or next to a power of two.
std::string random_graph(Random& random);

// A graph of a few statements, with data that exceeds a second-level cache.
std::string large_graph(Random& random);

}  // namespace tenon::fuzz
