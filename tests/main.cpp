// The tests lie in *_test.cpp, named after the folder and the file that they are about.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <sys/stat.h>

int main(int argc, char** argv) {
  umask(022);  // a file of a test that its group may write is no cache: cache/location.h
  return doctest::Context(argc, argv).run();
}
