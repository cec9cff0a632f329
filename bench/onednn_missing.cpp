// In place of the other files onednn*.cpp, if the build did not find oneDNN: no contestants.
#include "bench/onednn.h"

namespace tenon::bench::onednn {

using None = std::vector<Contestant>;

std::string version() { return {}; }
void set_threads(int) {}
None gemm(Device&, const Gemm&, const float*, const float*) { return {}; }
None map(Device&, const Map&) { return {}; }
None norm(Device&, const Norm&) { return {}; }
None conv(Device&, const Conv&, const float*, const float*, const float*) { return {}; }
None pool(Device&, const Pool&, const float*) { return {}; }
None reduce(Device&, Combining, const Dims&, const Dims&, const float*) { return {}; }
None permute(Device&, const Dims&, const Dims&, const float*) { return {}; }
None concat(Device&, const std::vector<Dims>&, std::int64_t, const std::vector<const float*>&) {
  return {};
}
None products(Device&, const Products&, const float*, const float*) { return {}; }
None attention(Device&, const Attention&, const float*, const float*, const float*) { return {}; }

}  // namespace tenon::bench::onednn
