// The libraries that Tenon is measured beside: OpenBLAS and oneDNN (onednn.h), if they were found
// when the build was configured. Each function returns one contestant for each way in which a peer
// can compute the result, and none if the library is missing. Contestants read the operands where
// they lie and write to memory of their own.
//
// No peer is put at a disadvantage: operands and results are aligned to 64 bytes, primitives are
// created before the first turn, and its threads wait as its makers set them to. Call
// set_peer_threads first, because oneDNN plans for a number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/contest.h"
#include "core/device.h"

namespace tenon::bench {

// C[m,n] = A · B, row-major. A is stored as [m,k], transposed as [k,m]; B as [k,n] or [n,k].
struct Gemm {
  std::int64_t m, n, k;
  bool transpose_a = false, transpose_b = false;
};

struct PeerVersion {
  std::string name, version;
};
struct MissingPeer {
  std::string name, reason;  // "oneDNN", "OpenMP was not found when the build was configured"
};
void prepare_peers(char** arguments);  // call first in main: it may start the program again
std::vector<PeerVersion> peer_versions();
std::vector<MissingPeer> missing_peers();
void set_peer_threads(int threads);

// OpenBLAS and oneDNN.
std::vector<Contestant> gemm_peers(Device& device, const Gemm& gemm, const float* a,
                                   const float* b);

}  // namespace tenon::bench
