#include "lower/finish.h"

namespace tenon {

FinishedKernel finish(const Kernel& kernel, const Target&) {
  return place_locals(pad_tails(explicit_identities(kernel)));
}

}  // namespace tenon
