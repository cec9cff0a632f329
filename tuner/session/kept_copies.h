// KeptCopies: copies of buffers in another layout, such as weights in blocks, which stay for as
// long as the buffers keep their contents. A copy is made in the second run that asks for it, so
// values that change in every run, as in training, are never copied. Values that are written
// through the buffer's host address go unnoticed. Used by the session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/device.h"

namespace tenon {

class KeptCopies {
 public:
  explicit KeptCopies(std::int64_t most_bytes) : most_bytes_(most_bytes) {}

  // Drops the copies of buffers that were freed or written to. If the last run found no room, also
  // those that it did not use.
  void begin_run();
  // The copy of the buffer in the layout, which is any text. `make` makes it in the second run.
  // Null in the first run, and if there is no room.
  BufferRef find(const BufferRef& buffer, const std::string& layout,
                 const std::function<BufferRef()>& make);

 private:
  struct Copy {
    std::weak_ptr<Buffer> of;
    std::uint64_t version, writes;  // of the buffer
    std::int64_t first_run, last_run;
    BufferRef made = nullptr;

    bool is_stale() const;
  };

  std::int64_t most_bytes_;
  std::int64_t run_ = 0;  // its number
  bool is_full_ = false;  // since this run began
  std::map<std::pair<const Buffer*, std::string>, Copy> copies_;
};

}  // namespace tenon
