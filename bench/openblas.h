// OpenBLAS as a peer; used by peers.cpp alone, where it was there to build with.
#pragma once

#include "bench/peers.h"

namespace tenon::bench::openblas {

// OpenBLAS chooses its kernels when it is loaded, and takes a processor that is newer than itself
// for one of 2004. Starts this program again with kernels that fit; returns where they do already.
void choose_kernels(char** arguments);

std::string version();  // "0.3.21 Cooperlake"
void set_threads(int threads);
std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b);

}  // namespace tenon::bench::openblas
