// Target: what finish() has to know of the machine that a nest is finished for. Lowering sees no
// instruction set and no compiler; a backend fills this table in. Used by finish.h and by the
// backends.
#pragma once

#include <string_view>

namespace tenon {

struct Target {
  std::string_view name;
  int vector_bytes;      // of one register
  int vector_registers;  // that the instructions can name
  int most_lanes;        // of one statement; a longer vector is cut into pieces
};

}  // namespace tenon
