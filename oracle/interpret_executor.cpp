#include "oracle/interpret_executor.h"

#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "oracle/interpret.h"

namespace tenon {

BufferRef HostDevice::allocate(std::size_t bytes) {
  void* const data = std::aligned_alloc(64, bytes / 64 * 64 + 64);
  if (!data) fail("out of memory: {} bytes were asked for", bytes);
  return {new Buffer{.data = data, .bytes = bytes, .host = data}, [](Buffer* buffer) {
            std::free(buffer->data);
            delete buffer;
          }};
}

void HostDevice::read(const Buffer& from, void* to) {
  if (from.bytes > 0) std::memcpy(to, from.data, from.bytes);
}

void HostDevice::write(Buffer& to, const void* from) {
  if (to.bytes > 0) std::memcpy(to.data, from, to.bytes);
}

void HostDevice::copy(const Buffer& from, Buffer& to) { read(from, to.data); }

Device::ProgramRef HostDevice::load(const Artifact&) {
  fail("the interpreter runs no compiled programs");
}

void HostDevice::launch(const Program&, std::span<void* const>, std::span<const std::int64_t>) {
  fail("the interpreter runs no compiled programs");
}

std::vector<BufferRef> InterpretExecutor::compute(std::span<const NodeRef> wanted) {
  return interpret_to_buffers(wanted, device_, nodes());
}

}  // namespace tenon
