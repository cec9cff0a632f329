#include "lower/finish.h"

namespace tenon {

FinishedKernel finish(const Kernel& kernel, const Target& target) {
  FinishedKernel result = place_locals(pad_tails(explicit_identities(kernel)));
  result.kernel = name_lanes(explicit_tails(align_streams(result.kernel, target)), target);
  return result;
}

}  // namespace tenon
