// The pick for results that outgrow the caches: they are written past the caches.
#include "tuner/schedule/picker.h"

namespace tenon {

void pick_streams(Picker& picker) {
  const Kernel naive = picker.kernel();  // moves make new ones
  for (int t = 0; t < std::ssize(naive.tensors); t++) {
    const KernelTensor& tensor = naive.tensors[t];
    if (!tensor.is_output || 4 * tensor.elements() < outgrows_caches) continue;
    for (const Item& item : naive.body)
      if (const Loop* loop = item.loop(); loop && stores_to(loop->body, t))
        picker.attempt(
            {Stage{.tensor = tensor.name, .at = picker.name(loop->axis), .stream = true}});
  }
}

}  // namespace tenon
