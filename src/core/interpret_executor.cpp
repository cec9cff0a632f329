#include "core/interpret_executor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/interpret.h"

namespace tenon {
namespace {

constexpr std::size_t alignment = 64;  // bytes

void write_values(Device& device, Buffer& buffer, Type type, const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * info(type).bytes);
  const auto convert = [&]<typename T>(T element) {
    for (std::size_t i = 0; i < values.size(); i++) {
      element = static_cast<T>(values[i]);
      std::memcpy(&bytes[i * sizeof(T)], &element, sizeof(T));
    }
  };
  switch (type) {
    case Type::f32:
      convert(float{});
      break;
    case Type::i32:
      convert(std::int32_t{});
      break;
    case Type::boolean:
      convert(std::uint8_t{});
      break;
  }
  device.write(buffer, bytes.data());
}

}  // namespace

BufferRef HostDevice::allocate(std::size_t bytes) {
  const std::size_t rounded = std::max(alignment, (bytes + alignment - 1) / alignment * alignment);
  void* const data = std::aligned_alloc(alignment, rounded);
  if (!data) fail("out of memory: {} bytes were asked for", bytes);
  return {new Buffer{data, bytes}, [](Buffer* buffer) {
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

Device::ProgramRef HostDevice::load(const Artifact&) {
  fail("the interpreter runs no compiled programs; use --device cpu");
}

void HostDevice::launch(const Program&, std::span<void* const>, std::span<const std::int64_t>) {
  fail("the interpreter runs no compiled programs; use --device cpu");
}

std::vector<NodeRef> InterpretExecutor::realize(std::span<const NodeRef> wanted) {
  const std::vector<std::vector<double>> values = interpret(wanted, device_, &nodes_);
  std::vector<NodeRef> leaves;
  for (std::size_t i = 0; i < wanted.size(); i++) {
    const NodeRef& node = wanted[i];
    NodeRef leaf = node->as<BufferLeaf>() ? node : nodes_.realized(*node);
    if (!leaf) {
      const BufferRef buffer = device_.allocate(values[i].size() * info(node->type).bytes);
      write_values(device_, *buffer, node->type, values[i]);
      leaf = nodes_.make(BufferLeaf{buffer, buffer->version, ""}, node->type, node->shape, {});
      if (!node->is_leaf()) nodes_.set_realized(node, leaf);
    }
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

NodeRef InterpretExecutor::assign(const NodeRef& target, const NodeRef& value) {
  const BufferRef& buffer = current_buffer(*target);
  const std::vector<double> values = interpret({&value, 1}, device_, &nodes_)[0];
  write_values(device_, *buffer, target->type, values);
  buffer->version++;
  BufferLeaf leaf{buffer, buffer->version, target->as<BufferLeaf>()->name};
  return nodes_.make(std::move(leaf), target->type, target->shape, {});
}

}  // namespace tenon
