#include "bench/peers.h"

#include <fmt/core.h>

#include "bench/onednn.h"
#include "bench/openblas.h"

namespace tenon::bench {

namespace {

// Each is 1 if meson.build found the library. If it is 0, openblas.cpp is not compiled, and
// onednn_missing.cpp takes the place of the other files onednn*.cpp.
constexpr bool has_openblas = TENON_BENCH_OPENBLAS;
constexpr bool has_onednn = TENON_BENCH_ONEDNN;

}  // namespace

void prepare_peers([[maybe_unused]] char** arguments) {
  if constexpr (has_openblas) openblas::choose_kernels(arguments);
}

std::vector<PeerVersion> peer_versions() {
  std::vector<PeerVersion> versions;
  if constexpr (has_openblas) versions.push_back({"openblas", openblas::version()});
  if constexpr (has_onednn) versions.push_back({"onednn", onednn::version()});
  return versions;
}

std::vector<MissingPeer> missing_peers() {
  const auto missing = [](const char* name, const char* lacks) {
    return MissingPeer{name, fmt::format("{} was not found when the build was configured", lacks)};
  };
  std::vector<MissingPeer> peers;
  if constexpr (!has_openblas) peers.push_back(missing("OpenBLAS", "libopenblas"));
  if constexpr (!has_onednn) peers.push_back(missing("oneDNN", TENON_BENCH_ONEDNN_LACKS));
  return peers;
}

void set_peer_threads([[maybe_unused]] int threads) {
  if constexpr (has_openblas) openblas::set_threads(threads);
  if constexpr (has_onednn) onednn::set_threads(threads);
}

std::vector<Contestant> gemm_peers(Device& device, const Gemm& gemm, const float* a,
                                   const float* b) {
  std::vector<Contestant> peers = onednn::gemm(device, gemm, a, b);
  if constexpr (has_openblas)
    for (Contestant& way : openblas::gemm(device, gemm, a, b)) peers.push_back(std::move(way));
  return peers;
}

}  // namespace tenon::bench
