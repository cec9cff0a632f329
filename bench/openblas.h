// OpenBLAS as a peer; used by peers.cpp alone, if the build found the library.
#pragma once

#include "bench/peers.h"

namespace tenon::bench::openblas {

// OpenBLAS chooses its kernels when it is loaded. On a processor that is newer than itself, it
// chooses kernels of 2004 (Prescott). In this case, starts the program again with better kernels;
// otherwise returns.
void choose_kernels(char** arguments);

std::string version();  // "0.3.21 Cooperlake"
void set_threads(int threads);
std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b);

}  // namespace tenon::bench::openblas
