// oneDNN (2.6 or 3) as a peer; used by peers.cpp alone, if the build found the library.
#pragma once

#include "bench/peers.h"

namespace tenon::bench::onednn {

std::string version();  // "2.6.3"
void set_threads(int threads);
std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b);
std::vector<Contestant> map(Device& device, const MapOperands& operands);
std::vector<Contestant> norm(Device& device, const NormOperands& operands);

}  // namespace tenon::bench::onednn
