#include <doctest/doctest.h>

#include "gemm_nest.h"
#include "lower/finish.h"
#include "lower/moves.h"

using namespace tenon;

namespace {

Kernel moved(const Kernel& kernel, std::string_view text) {
  const Moved result = tenon::apply(kernel, parse_schedule(text, "moves"));
  if (const auto* refusal = std::get_if<Refusal>(&result)) FAIL(refusal->reason);
  return std::get<Kernel>(result);
}

std::string refused(const Kernel& kernel, std::string_view text) {
  const Moved result = tenon::apply(kernel, parse_schedule(text, "moves"));
  const auto* refusal = std::get_if<Refusal>(&result);
  return refusal ? refusal->reason : "accepted";
}

constexpr std::string_view blis = R"(
split i -> ic ir(16) i0(8) peel   split j -> jc jr(8) j0(2) jv(16) peel   split k -> pc k0(512)
order jc pc ic jr ir k0 i0 j0 jv
stage b at pc   stage a at ic   stage c at ir in register
bind ic parallel   bind i0 unroll   bind j0 unroll   bind jv vector
bind c.ir.i0 unroll   bind c.ir.j0 unroll   bind c.ir.jv vector
)";

}  // namespace

TEST_CASE("the packed matrix product") {
  const Kernel kernel = moved(gemm_nest(1024, 1024, 1024), blis);
  MESSAGE(print(kernel));
  CHECK(!verify(kernel));
  MESSAGE(print(finish(kernel).kernel));
  const Kernel ragged = moved(gemm_nest(1021, 769, 257), blis);
  MESSAGE(print(finish(ragged).kernel));
}

TEST_CASE("what breaks the order of a sum is refused") {
  CHECK(refused(gemm_nest(8, 8, 8), "bind k parallel") ==
        "bind k parallel: c adds up over c.k in order, so it cannot be parallel");
}
