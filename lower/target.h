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

  // How many vectors of results lie side by side in a product's tile at most: 6x2 of 16 registers
  // and 6x4 of 32 leave room for the operands.
  int most_beside() const { return vector_registers / 8; }
};

}  // namespace tenon
