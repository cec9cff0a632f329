// A session on a backend whose memory this process cannot address: buffers have handles, and no
// pointer for the host. A GPU is such a backend.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "codegen/cpu_backend.h"
#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

// The CPU's device, whose buffers are handles. Reading a handle as an address ends the program.
class FarDevice final : public Device {
 public:
  explicit FarDevice(std::unique_ptr<Device> near) : near_(std::move(near)) {}

  BufferRef allocate(std::size_t bytes) override {
    void* const handle = reinterpret_cast<void*>(++last_ * 64);
    memory_[handle] = near_->allocate(bytes);
    return {new Buffer{.data = handle, .bytes = bytes}, [this](Buffer* buffer) {
              memory_.erase(buffer->data);
              delete buffer;
            }};
  }
  void read(const Buffer& from, void* to) override { near_->read(*memory_.at(from.data), to); }
  void write(Buffer& to, const void* from) override { near_->write(*memory_.at(to.data), from); }
  void copy(const Buffer& from, Buffer& to) override {
    ++copies;
    near_->copy(*memory_.at(from.data), *memory_.at(to.data));
  }
  ProgramRef load(const Artifact& artifact) override { return near_->load(artifact); }
  void launch(const Program& program, std::span<void* const> buffers,
              std::span<const std::int64_t> sizes) override {
    std::vector<void*> addresses;
    for (void* const handle : buffers) addresses.push_back(memory_.at(handle)->data);
    near_->launch(program, addresses, sizes);
  }

  int copies = 0;

 private:
  std::unique_ptr<Device> near_;
  std::map<void*, BufferRef> memory_;
  std::uintptr_t last_ = 0;
};

Session far_session() {
  Backend backend = cpu_backend(1);
  backend.device = std::make_unique<FarDevice>(std::move(backend.device));
  SessionOptions options;
  options.cache = "";
  return Session(std::move(backend), std::move(options));
}

int copies(Session& session) { return static_cast<FarDevice&>(session.device()).copies; }

std::vector<float> values_on(Session& session) {
  const std::vector<float> values{1, 2, 3, 4};
  const Tensor a = session.tensor(values, {2, 2}), b = session.tensor(values, {2, 2});
  return softmax(matmul(a, b) + b, -1).to_vector<float>();
}

}  // namespace

TEST_CASE("a session needs no pointer into its device's memory") {
  Session far = far_session();
  SessionOptions options;
  options.cache = "";
  options.threads = 1;
  Session near(options);
  CHECK(values_on(far) == values_on(near));
  CHECK(far.statistics().compiled == near.statistics().compiled);
}

TEST_CASE("the device copies what is assigned from one buffer to another") {
  Session session = far_session();
  Tensor target = session.tensor(std::vector<float>{1, 2}, {2});
  const Tensor source = session.tensor(std::vector<float>{3, 4}, {2});
  target.assign(source);
  CHECK(copies(session) == 1);
  CHECK(target.to_vector<float>() == std::vector<float>{3, 4});
  target.assign(target + source);  // computed into fresh memory, which is exchanged
  CHECK(copies(session) == 1);
  CHECK(target.to_vector<float>() == std::vector<float>{6, 8});
}
