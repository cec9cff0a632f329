// A file of moves: sections, line numbers, mistakes.
#include <doctest/doctest.h>

#include "cli/moves_file.h"
#include "core/error.h"

using namespace tenon;
using namespace tenon::cli;

namespace {

std::string error_of(const std::string& text) {
  try {
    parse_moves(text, "m");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("moves without a section are for the only kernel") {
  const MovesFile moves = parse_moves("# by hand\nbind i parallel  bind j vector\n", "m");
  REQUIRE(moves.by_kernel.size() == 1);
  CHECK(print(moves.by_kernel.at("")) ==
        print(parse_schedule("bind i parallel bind j vector", "")));
  CHECK(parse_moves("", "m").by_kernel.at("").empty());
}

TEST_CASE("each section is a kernel's, and lines keep their numbers") {
  const MovesFile moves = parse_moves(
      "kernel first:\n"
      "  bind i parallel\n"
      "\n"
      "kernel second:  # the last one\n"
      "  split k -> k0 k1(4)\n"
      "  bind k1 unroll",
      "m");
  REQUIRE(moves.by_kernel.size() == 2);
  CHECK(moves.by_kernel.at("first").size() == 1);
  REQUIRE(moves.by_kernel.at("second").size() == 2);
  CHECK(moves.by_kernel.at("first")[0].place == "m:2");
  CHECK(moves.by_kernel.at("second")[0].place == "m:5");
  CHECK(moves.by_kernel.at("second")[1].place == "m:6");
}

TEST_CASE("a section may be empty: the naive nest") {
  CHECK(parse_moves("kernel a:\nkernel b:\n bind i parallel\n", "m").by_kernel.at("a").empty());
}

TEST_CASE("mistakes are told with their line") {
  CHECK(error_of("bind i parallel\nkernel a:\n") ==
        "m:2: the moves above this line have no section");
  CHECK(error_of("kernel a:\n\nkernel a:\n") == "m:3: kernel a has a section already");
  CHECK(error_of("\nkernel a\n") == "m:2: a section begins with `kernel NAME:`");
  CHECK(error_of("kernel a b:\n") == "m:1: a section begins with `kernel NAME:`");
  CHECK(error_of("kernel a:\n\n  frobnicate i\n").starts_with("m:3: "));
}
