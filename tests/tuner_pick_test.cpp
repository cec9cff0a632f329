// What the pick decides, as text; that schedules keep the bits is said by other tests.
#include <doctest/doctest.h>

#include <string>

#include "codegen/cpu_info.h"
#include "lower/naive.h"
#include "lower/schedule.h"
#include "lower_support.h"
#include "tuner/pick.h"

using namespace tenon_test;

namespace {

std::string picked(const Tensor& wanted, Inputs& in) {
  const Fused result = fused({wanted}, in);
  REQUIRE(result.kernels.size() == 1);
  return print(pick(naive(result.kernels[0]), tenon::read_cpu_info(), tenon::Isa::avx2, 1));
}

}  // namespace

TEST_CASE("results that outgrow the caches are written past them") {
  Inputs in;
  const Tensor small = in.floats({1 << 10}), large = in.floats({1 << 22});
  CHECK(picked(small + small, in).find("stream") == std::string::npos);
  const std::string schedule = picked(large + large, in);
  CAPTURE(schedule);
  CHECK(schedule.find("stage map at map.io in stream") != std::string::npos);
}
