#include "core/error.h"

#include <doctest/doctest.h>

using namespace tenon;

TEST_CASE("fail throws Error with the formatted message") {
  CHECK_THROWS_WITH_AS(fail("{}: inner dimensions differ: {} and {}", "matmul", 64, 32),
                       "matmul: inner dimensions differ: 64 and 32", Error);
}

TEST_CASE("check names the place and makes its message only when the invariant is broken") {
  int described = 0;
  const auto describe = [&] {
    described++;
    return std::string("loop k has no parent");
  };
  check(true, describe);
  CHECK(described == 0);
  std::string message;
  try {
    check(false, describe);
  } catch (const InternalError& error) {
    message = error.what();
  }
  CHECK(described == 1);
  CHECK(message.find("core_error_test.cpp:") != std::string::npos);
  CHECK(message.find("broken invariant: loop k has no parent") != std::string::npos);
}
