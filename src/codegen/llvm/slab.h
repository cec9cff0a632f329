// The slab: an object file laid out as one contiguous, position-independent image, code first, then
// read-only data. It is what the cache keeps and what cpu_device maps. Used by module.cpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "codegen/compile.h"

namespace tenon {

// Links the object as if it were to run at `address`, a multiple of a page. Fails, by name, on a
// symbol that the object does not define itself, and on data that would have to be written.
Compiled lay_out(std::string_view object, std::uint64_t address);

}  // namespace tenon
