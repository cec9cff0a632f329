// Draws graphs for the suite cliffs: one to four operations over shapes that people have, primes,
// 1, short axes and powers of two.
#pragma once

#include <cstdint>
#include <string>

namespace tenon::bench {

// The text of the graph of this seed. Among the graphs of successive seeds every operation of
// docs/operations.md comes up again and again, each as often as its weight says.
std::string drawn_graph(std::uint64_t seed);

}  // namespace tenon::bench
