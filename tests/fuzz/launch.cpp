#include "launch.h"

#include <sys/mman.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>

#include <fmt/format.h>

namespace tenon::fuzz {
namespace {

constexpr std::size_t alignment = 64;         // bytes
constexpr std::size_t guard = 4096;           // bytes on both sides
constexpr std::uint32_t poison = 0x7fdeadbf;  // a NaN, and a large odd integer

// Memory between two guard zones, all poison.
class Block {
 public:
  explicit Block(std::size_t bytes)
      : bytes_(bytes), memory_((bytes + 2 * guard + alignment) / 4 + 1) {
    std::fill(memory_.begin(), memory_.end(), poison);
    const auto start = reinterpret_cast<std::uintptr_t>(memory_.data());
    begin_ = (start + guard + alignment - 1) / alignment * alignment - start;
    initial_ = all();
  }
  std::byte* data() { return reinterpret_cast<std::byte*>(memory_.data()) + begin_; }
  std::size_t bytes() const { return bytes_; }
  bool is_guarded() {
    const Bytes now = all();
    const auto after = static_cast<std::ptrdiff_t>(begin_ + bytes_);
    return std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(begin_),
                      initial_.begin()) &&
           std::equal(now.begin() + after, now.end(), initial_.begin() + after);
  }

 private:
  Bytes all() const {
    const auto* from = reinterpret_cast<const std::byte*>(memory_.data());
    return {from, from + memory_.size() * 4};
  }
  std::size_t bytes_, begin_ = 0;
  std::vector<std::uint32_t> memory_;
  Bytes initial_;
};

class Code {
 public:
  explicit Code(const Artifact& artifact) : size_(artifact.code.size()) {
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(memory_, artifact.code.data(), size_);
    mprotect(memory_, size_, PROT_READ | PROT_EXEC);
    function = reinterpret_cast<KernelFunction>(static_cast<char*>(memory_) + artifact.entry);
  }
  ~Code() { munmap(memory_, size_); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

 private:
  std::size_t size_;
  void* memory_;

 public:
  KernelFunction function;
};

struct Workers {
  int threads;
  std::deque<Block> scratch;  // one a thread
  tbb::task_arena arena;
};

void run_parallel(const Runtime* runtime, Runtime::Body body, void* context, std::int64_t count) {
  auto& workers = *static_cast<Workers*>(runtime->self);
  const std::int64_t pieces = std::min<std::int64_t>(count, 5);
  const auto run = [&](std::int64_t piece, std::size_t thread) {
    const std::int64_t p = pieces - 1 - piece;
    body(context, count * p / pieces, count * (p + 1) / pieces, workers.scratch[thread].data());
  };
  if (workers.threads == 1)
    for (std::int64_t piece = 0; piece < pieces; ++piece) run(piece, 0);
  else
    workers.arena.execute([&] {
      tbb::parallel_for(std::int64_t{0}, pieces, [&](std::int64_t piece) {
        run(piece, static_cast<std::size_t>(tbb::this_task_arena::current_thread_index()));
      });
    });
}

}  // namespace

std::string launch(const Artifact& artifact, const std::vector<const Bytes*>& inputs,
                   std::span<Bytes> outputs, int threads) {
  std::deque<Block> blocks;
  std::vector<void*> buffers;
  for (const Bytes* input : inputs) {
    std::memcpy(blocks.emplace_back(input->size()).data(), input->data(), input->size());
    buffers.push_back(blocks.back().data());
  }
  for (const Bytes& output : outputs) buffers.push_back(blocks.emplace_back(output.size()).data());
  Block& shared = blocks.emplace_back(artifact.launch_scratch);
  Workers workers{threads, {}, tbb::task_arena(threads)};
  for (int i = 0; i < threads; ++i) workers.scratch.emplace_back(artifact.thread_scratch);
  const Runtime runtime{run_parallel, &workers};
  const Code code(artifact);
  code.function(buffers.data(), nullptr, shared.data(), workers.scratch.front().data(), &runtime);

  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (!blocks[i].is_guarded()) return fmt::format("writes outside argument or scratch {}", i);
  for (Block& scratch : workers.scratch)
    if (!scratch.is_guarded()) return "writes outside a thread's scratch";
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (std::memcmp(blocks[i].data(), inputs[i]->data(), inputs[i]->size()) != 0)
      return fmt::format("writes to its input {}", i);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    std::memcpy(outputs[i].data(), blocks[inputs.size() + i].data(), outputs[i].size());
  return "";
}

}  // namespace tenon::fuzz
