// Scheduled nests compute what the naive one does, to the bit, before and after finish().
#include <doctest/doctest.h>

#include <string>

#include "golden.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/schedule.h"
#include "lower_support.h"

using namespace tenon_test;
using tenon::KernelGraph;

namespace {

std::string difference(const KernelGraph& graph, const std::string& schedule, Inputs& in) {
  const tenon::Moved moved =
      apply_all(tenon_test::named_naive(graph), tenon::parse_schedule(schedule, "schedule"));
  if (const auto* refused = std::get_if<tenon::Refusal>(&moved)) return refused->reason;
  return other_bits(graph, std::get<tenon::Kernel>(moved), in);
}

}  // namespace

TEST_CASE("schedules of a ragged product give the bits of its naive nest") {
  Inputs in;
  const Tensor a = in.floats({21, 37}, "a"), b = in.floats({37, 43}, "b");
  const KernelGraph graph = one_kernel({matmul(a, b)});
  for (const char* schedule : {
           "bind i parallel bind j vector",
           "split i -> io ii(4) split j -> jo jv(16) order io jo k ii jv bind jv vector",
           "split i -> io ii(4) peel split j -> jo jv(16) peel order io jo k ii jv bind jv vector",
           "split i -> io ii(4) peel split j -> jo jv(16) peel order io jo k ii jv bind jv vector",
           "split i -> ic ir(2) i0(4) split j -> jc jr(1) j0(2) jv(8) split k -> pc k0(16) "
           "order jc pc ic jr ir k0 i0 j0 jv stage b at pc stage a at ic stage sum at ir in "
           "register "
           "bind ic parallel bind i0 unroll bind j0 unroll bind jv vector",
           "split i -> ic ir(2) i0(4) peel split j -> jc jr(1) j0(2) jv(8) peel split k -> pc "
           "k0(16) "
           "order jc pc ic jr ir k0 i0 j0 jv stage b at pc stage a at ic stage sum at ir in "
           "register "
           "bind ic parallel bind i0 unroll bind j0 unroll bind jv vector",
       }) {
    CAPTURE(schedule);
    CHECK(difference(graph, schedule, in) == "");
  }
}

TEST_CASE("schedules of reductions give the bits of their naive nests") {
  Inputs in;
  const Tensor x = in.floats({5, 2100}, "x"), tall = in.floats({2100, 3}, "tall");
  for (const char* schedule : {"bind i parallel bind kl vector", "splitreduce kb bind kb parallel",
                               "split kl -> k1 k2(16) bind k1 unroll bind k2 vector"}) {
    CAPTURE(schedule);
    CHECK(difference(one_kernel({sum(x, {1})}), schedule, in) == "");
    CHECK(difference(one_kernel({sum(tall, {0})}), schedule, in) == "");
    CHECK(difference(one_kernel({sum(x, {1}), max(x, {1})}), schedule, in) == "");
  }
}

TEST_CASE("a tile is doubled with its loop, whichever loop over that axis comes first") {
  Inputs in;
  const Tensor a = in.floats({2, 2100}, "a"), b = in.floats({2100, 43}, "b");
  CHECK(difference(one_kernel({matmul(a, b)}),
                   "split k -> ko k0(8) peel split j -> jc jv(16) peel order i kb ko jc k0 jv "
                   "stage part at jc in register bind jv vector bind k0 unroll",
                   in) == "");
}
