#include "bench/openblas.h"

#include <cblas.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string_view>

#include <fmt/core.h>

#include "codegen/cpu_backend.h"

namespace tenon::bench::openblas {

namespace {

// Products with a vector have a routine of their own: y = M · x, or x · M.
void gemv(const Gemm& gemm, const float* a, const float* b, float* c) {
  const auto k = static_cast<blasint>(gemm.k);
  if (gemm.m == 1) {
    const auto n = static_cast<blasint>(gemm.n);
    const auto [rows, columns] = gemm.transpose_b ? std::pair(n, k) : std::pair(k, n);
    cblas_sgemv(CblasRowMajor, gemm.transpose_b ? CblasNoTrans : CblasTrans, rows, columns, 1, b,
                columns, a, 1, 0, c, 1);
  } else {
    const auto m = static_cast<blasint>(gemm.m);
    const auto [rows, columns] = gemm.transpose_a ? std::pair(k, m) : std::pair(m, k);
    cblas_sgemv(CblasRowMajor, gemm.transpose_a ? CblasTrans : CblasNoTrans, rows, columns, 1, a,
                columns, b, 1, 0, c, 1);
  }
}

void sgemm(const Gemm& gemm, const float* a, const float* b, float* c) {
  const auto m = static_cast<blasint>(gemm.m), n = static_cast<blasint>(gemm.n),
             k = static_cast<blasint>(gemm.k);
  cblas_sgemm(CblasRowMajor, gemm.transpose_a ? CblasTrans : CblasNoTrans,
              gemm.transpose_b ? CblasTrans : CblasNoTrans, m, n, k, 1, a, gemm.transpose_a ? m : k,
              b, gemm.transpose_b ? k : n, 0, c, n);
}

}  // namespace

void choose_kernels(char** arguments) {
  constexpr const char *choice = "OPENBLAS_CORETYPE", *ours = "TENON_BENCH_CHOSE_KERNELS";
  if (const char* asked = std::getenv(choice); asked && !std::getenv(ours))
    fmt::print(stderr, "tenon-bench: warning: {}={} decides what OpenBLAS can do here\n", choice,
               asked);
  if (std::getenv(choice) || std::string_view(openblas_get_corename()) != "Prescott") return;
  setenv(choice, widest_isa() == Isa::avx512 ? "SKYLAKEX" : "HASWELL", 1);
  setenv(ours, "1", 1);
  execv("/proc/self/exe", arguments);
}

std::string version() {
  std::istringstream config(openblas_get_config());  // "OpenBLAS 0.3.21 NO_LAPACKE .."
  std::string name, number;
  config >> name >> number;
  return number + " " + openblas_get_corename();
}

void set_threads(int threads) { openblas_set_num_threads(threads); }

std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b) {
  const BufferRef result = device.allocate(gemm.m * gemm.n * sizeof(float));
  auto* c = static_cast<float*>(result->host);
  std::vector<Contestant> ways;
  ways.push_back(contestant("openblas", [=] { sgemm(gemm, a, b, c); }, result));
  if (gemm.m == 1 || gemm.n == 1) {
    ways.push_back(contestant("openblas", [=] { gemv(gemm, a, b, c); }, result));
  }
  return ways;
}

}  // namespace tenon::bench::openblas
