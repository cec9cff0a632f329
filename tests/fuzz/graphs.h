// Random graphs, as text (docs/graph-text.md) in one line: statements end with "; ".
#pragma once

#include <string>

#include "random.h"

namespace tenon::fuzz {

// Of 2 to 30 statements, over extents that are small, prime, or beside a power of two.
std::string random_graph(Random& random);

// Of a few statements, with data that exceeds a second-level cache and room for three tiles along
// each axis.
std::string large_graph(Random& random);

}  // namespace tenon::fuzz
