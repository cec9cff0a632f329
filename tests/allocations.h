// How often this program has allocated memory: a measure of work that does not depend on the load
// of the machine.
#pragma once

#include <cstddef>

namespace tenon_test {

std::size_t allocations();  // by operator new, of all threads, since the start

}  // namespace tenon_test
