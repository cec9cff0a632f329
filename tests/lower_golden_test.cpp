// The golden files of tests/golden: whole schedules of the six moves, from a graph's text to loops,
// without generating code.
#include <doctest/doctest.h>

#include "golden.h"

using tenon_test::check_golden;

TEST_CASE("a matrix product packed for a CPU") { CHECK(check_golden("matmul_packed") == ""); }
TEST_CASE("a ragged matrix product") { CHECK(check_golden("matmul_ragged") == ""); }
TEST_CASE("a direct convolution") { CHECK(check_golden("convolution") == ""); }
TEST_CASE("softmax over rows") { CHECK(check_golden("softmax") == ""); }
