// The main function of all tests. The tests are in *_test.cpp, named after the folder and the file
// that they test.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <sys/stat.h>

int main(int argc, char** argv) {
  umask(022);  // the cache refuses files that a group may write (cache/location.h)
  return doctest::Context(argc, argv).run();
}
