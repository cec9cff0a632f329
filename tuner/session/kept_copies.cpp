#include "tuner/session/kept_copies.h"

namespace tenon {

bool KeptCopies::Copy::is_stale() const {
  const BufferRef buffer = of.lock();
  return !buffer || buffer->version != version || buffer->writes != writes;
}

void KeptCopies::begin_run() {
  std::erase_if(copies_, [&](const auto& entry) {
    const Copy& copy = entry.second;
    return copy.is_stale() || (is_full_ && copy.last_run < run_);
  });
  is_full_ = false;
  ++run_;
}

BufferRef KeptCopies::find(const BufferRef& buffer, const std::string& layout,
                           const std::function<BufferRef()>& make) {
  const Copy unknown{buffer, buffer->version, buffer->writes, run_, run_};
  Copy& copy = copies_.try_emplace({buffer.get(), layout}, unknown).first->second;
  if (copy.is_stale()) copy = unknown;  // written to in this run
  copy.last_run = run_;
  if (copy.made || copy.first_run == run_) return copy.made;
  auto bytes = static_cast<std::int64_t>(buffer->bytes);
  for (const auto& [key, other] : copies_)
    if (other.made) bytes += static_cast<std::int64_t>(other.made->bytes);
  if (bytes <= most_bytes_) copy.made = make();
  is_full_ = is_full_ || !copy.made;
  return copy.made;
}

}  // namespace tenon
