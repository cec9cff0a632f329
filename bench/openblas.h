// OpenBLAS as a peer; used by peers.cpp alone, where it was there to build with.
#pragma once

#include "bench/peers.h"

namespace tenon::bench::openblas {

std::string version();  // "0.3.21 Cooperlake"
void set_threads(int threads);
std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b);

}  // namespace tenon::bench::openblas
