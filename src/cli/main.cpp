#include "core/error.h"

int main() {
  fmt::print("tenon\n");
  return 0;
}
