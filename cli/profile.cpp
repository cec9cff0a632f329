#include "cli/profile.h"

#include <limits>

#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "tuner/space/model.h"

namespace tenon::cli {

std::vector<KernelTime> profile(Session& session, std::span<const Tensor> wanted) {
  constexpr double enough_seconds = 1;
  const Backend& backend = session.backend();
  const std::vector<NodeRef> roots = mapped(wanted, std::mem_fn(&Tensor::node));
  std::vector<KernelTime> times;
  for (const KernelGraph& graph : fusion(apply_rules(roots, session.nodes()))) {
    const Kernel nest = naive(graph);
    const Facts facts = facts_of(nest);
    const double limit_ns = limit_of(facts, backend.target, backend.machine).ns;
    times.push_back({nest.name, std::numeric_limits<double>::infinity(), facts.flops, facts.bytes,
                     limit_ns / 1e9});
  }
  const Bound bound = session.bind(wanted);
  for (double spent = 0; !times.empty() && spent < enough_seconds;) {
    std::vector<double> seconds;
    bound.launch(&seconds);
    for (std::size_t i = 0; i < times.size(); ++i) {
      times[i].seconds = std::min(times[i].seconds, seconds[i]);
      spent += seconds[i];
    }
  }
  return times;
}

}  // namespace tenon::cli
