// The passes of finish(), each on a nest of a few lines: what a finished nest says of tails, lanes
// and streams. finished() also runs the nests before and after, and compares their bits.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "golden.h"

using tenon_test::finished;

namespace {

// The body alone: without the line of the kernel.
std::string body(const std::string& graph, const std::string& moves) {
  const std::string text = finished(graph, moves);
  return text.starts_with("kernel") ? text.substr(text.find('\n') + 1) : text;
}

}  // namespace

TEST_CASE("a peel is a loop of whole tiles, and the ragged one at its place") {
  CHECK(body("x = input f32[100]\ny = relu(x)\noutput y\n",
             "split i -> io ii(8) peel\nbind ii unroll") == R"(  for io 13 to 12
    for ii 8 unroll
      map[8*io + ii] = max(x[8*io + ii], 0)
  for ii 8 to 4 unroll
    map[ii + 96] = max(x[ii + 96], 0)
)");
}

TEST_CASE("a parallel loop that is peeled stays one loop") {
  CHECK(body("x = input f32[100]\ny = relu(x)\noutput y\n",
             "split i -> io iv(16) peel\nbind iv vector\nbind io parallel") ==
        R"(  for io 7 parallel
    map[16*io + iv] = max(x[16*io + iv], 0) lanes iv 16 when 16*io < 85
    map[iv + 96] = max(x[iv + 96], 0) lanes iv 16 when io == 6 and iv + 96 < 100
)");
}

TEST_CASE("a mask ends loops, guards copies and masks lanes") {
  CHECK(body("x = input f32[100]\ny = relu(x)\noutput y\n",
             "split i -> o u(4) v(8)\nbind v vector\nbind u unroll") ==
        R"(  for o 4
    for u 4 unroll
      map[32*o + 8*u + v] = max(x[32*o + 8*u + v], 0) lanes v 8 when 32*o + 8*u < 100)"
        " and 32*o + 8*u + v < 100\n");
}

TEST_CASE("loops of one iteration are gone, and the peel around them stays") {
  CHECK(body("x = input f32[100]\ny = relu(x)\noutput y\n",
             "split i -> io im(1) iv(16) peel\nbind iv vector") == R"(  for io 7 to 6
    map[16*io + iv] = max(x[16*io + iv], 0) lanes iv 16
  map[iv + 96] = max(x[iv + 96], 0) lanes iv 16 when iv + 96 < 100
)");
}

TEST_CASE("a padded edge is cut off the loop, and the interior has no tests") {
  CHECK(body("x = input f32[64]\ny = pad(x, before=[1], after=[0])\noutput y\n",
             "split i -> io iv(16)\nbind iv vector") == R"(  for io 5 to 1
    copy[16*io + iv] = (x[16*io + iv - 1] if 0 <= 16*io + iv - 1 < 64 else 0) lanes iv 16
  for io 5 from 1 to 4
    copy[16*io + iv] = x[16*io + iv - 1] lanes iv 16
  for io 5 from 4
    copy[16*io + iv] = (x[16*io + iv - 1] if 0 <= 16*io + iv - 1 < 64 else 0) lanes iv 16)"
                                                        " when 16*io + iv < 65\n");
}

TEST_CASE("a loop over whole tiles is cut, and nothing is left behind its end") {
  CHECK(body("x = input f32[63]\ny = pad(x, before=[1], after=[1])\noutput y\n",
             "split i -> io iv(16) peel\nbind iv vector") == R"(  for io 5 to 1
    copy[16*io + iv] = (x[16*io + iv - 1] if 0 <= 16*io + iv - 1 < 63 else 0) lanes iv 16
  for io 5 from 1 to 4
    copy[16*io + iv] = x[16*io + iv - 1] lanes iv 16
  copy[iv + 64] = 0 lanes iv 16 when iv + 64 < 65
)");
}

TEST_CASE("a concat is cut at its seams, where its choices are known") {
  CHECK(body("a = input f32[8]\nb = input f32[8]\ny = concat(a, b, axis=0)\noutput y\n", "") ==
        R"(  for i 16 to 8
    map[i] = a[i]
  for i 16 from 8
    map[i] = b[i - 8]
)");
  CHECK(body("a = input f32[8]\nb = input f32[8]\ny = concat(a, b, axis=0)\noutput y\n",
             "bind i parallel") == R"(  for i 16 parallel
    map[i] = a[i] when i < 8
    map[i] = b[i - 8] when i >= 8
)");
}

TEST_CASE("sums in a loop do not keep it whole, unless they are unrolled") {
  const std::string text =
      "a = input f32[8,4]\nb = input f32[8,4]\ny = softmax(concat(a, b, axis=0))\noutput y\n";
  CHECK(body(text, "").find("lt(index") == std::string::npos);
}

TEST_CASE("cuts inside of cuts do not multiply the code beyond a limit") {
  std::string text =
      "a = input f32[20,40]\nb = input f32[40,20]\ny0 = mul(2, pad(b, before=[0,20], "
      "after=[0,0]))\n";
  int sums = 0;
  const auto add = [&](const std::string& input, const std::string& before,
                       const std::string& after) {
    text += fmt::format("y{} = add(y{}, pad({}, before={}, after={}))\n", sums + 1, sums, input,
                        before, after);
    ++sums;
  };
  for (int place = 0; place < 20; ++place) {
    add("a", fmt::format("[{},0]", place), fmt::format("[{},0]", 20 - place));
    add("b", fmt::format("[0,{}]", place), fmt::format("[0,{}]", 20 - place));
  }
  const std::string nest = body(text + fmt::format("output y{}\n", sums), "");
  std::size_t stores = 0;
  for (std::size_t at = 0; (at = nest.find("map[i,j] =", at)) != std::string::npos; ++at) ++stores;
  CAPTURE(nest.substr(0, 2000));
  CHECK(stores > 1);
  CHECK(stores <= 40);
}

TEST_CASE("a vector beyond the most lanes goes in pieces") {
  CHECK(body("x = input f32[100]\ny = relu(x)\noutput y\n", "bind i vector") ==
        R"(  map[i2] = max(x[i2], 0) lanes i2 64
  map[i3 + 64] = max(x[i3 + 64], 0) lanes i3 32
  map[i4 + 96] = max(x[i4 + 96], 0) lanes i4 4
)");
}

TEST_CASE("a copy that turns has lanes along two axes, also where they are no powers of two") {
  CHECK(body("x = input f32[20,12]\ny = transpose(x)\noutput y\n",
             "bind i vector\nbind j vector") == R"(  copy[i,j2] = x[j2,i] lanes i 12, j2 16
  copy[i,j3 + 16] = x[j3 + 16,i] lanes i 12, j3 4
)");
}

TEST_CASE("a stream has a masked head and tail where its rows are not aligned") {
  CHECK(body("x = input f32[3,100]\ny = relu(x)\noutput y\n",
             "split j -> o v(16)\nbind v vector\nstage map at root stream") ==
        R"(  for i 3
    map[i,v2] = max(x[i,v2], 0) lanes v2 16)"
        " when -4*i + 16*((i + 3) / 4) >= 1 and 4*i + v2 - 16*((i + 3) / 4) < 0"
        R"(
    for o2 7 to -(i + 3) / 4 + 6
      map[i,-4*i + 16*o2 + v3 + 16*((i + 3) / 4)] = )"
        "max(x[i,-4*i + 16*o2 + v3 + 16*((i + 3) / 4)], 0) stream lanes v3 16"
        R"(
    map[i,-4*i + v3 + 96] = max(x[i,-4*i + v3 + 96], 0) lanes v3 16 when -4*i + v3 - 4 < 0
)");
}

TEST_CASE("the stores of a tile bypass the caches where each is aligned") {
  CHECK(body("x = input f32[8,64]\ny = relu(x)\noutput y\n",
             "split i -> io iu(4)\nsplit j -> jo jv(16)\norder io jo iu jv\nbind iu unroll\n"
             "bind jv vector\nstage map at root stream") == R"(  for io 2
    for jo 4
      for iu 4 unroll
        map[4*io + iu,16*jo + jv] = max(x[4*io + iu,16*jo + jv], 0) stream lanes jv 16
)");
}
