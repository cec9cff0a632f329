#include "lower/finish.h"

#include "lower/passes.h"

namespace tenon {

FinishedKernel finish(const Kernel& kernel) {
  return place_locals(pad_tails(explicit_identities(kernel)));
}

}  // namespace tenon
