// Session: the Executor that compiles. It turns graphs into kernels, kernels into machine code, and
// runs them; it remembers machine code between processes. This is the library's front door:
//
//   tenon::Session tn;
//   auto x = tn.tensor(images, {64, 784});
//   auto y = softmax(matmul(relu(matmul(x, w1) + b1), w2), -1);
//   y.realize();
//
// What happens to a graph: its structure is looked up among the plans of this session (plan.h). A
// new structure goes through the graph rules and fusion, and each kernel to the kernel store
// (kernel_store.h): memory, then the cache, then lowering and compiling. The same structure with
// other buffers, as in a training loop, costs a walk over its nodes and the launches.
//
// A session must outlive its tensors. It is not thread safe: one thread at a time; sessions in
// threads of their own need not know of each other. Compile failures fall back to the naive nest
// with one warning. Errors: core/error.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codegen/compile.h"
#include "core/error.h"
#include "core/executor.h"
#include "core/tensor.h"
#include "lower/schedule.h"

namespace tenon {

// Asked with the naive nests of every graph of a new structure (whatever its names), in which all
// that has a name goes by it: for each the schedule by hand, or nothing for Tenon's own; what is
// missing at the end is nothing too.
using HandMoves = std::function<std::vector<std::optional<Schedule>>(std::span<const Kernel>)>;
// A mistake in the moves that the user gave: "FILE:LINE: bind k parallel: ..".
class MovesError : public Error {
 public:
  using Error::Error;
};

struct SessionOptions {
  int threads = 0;         // 0: as many as the process may run on
  std::optional<Isa> isa;  // nothing: the widest vectors that the processor has
  // A file or folder; "" keeps nothing between processes; nothing: where cache/cache.h says.
  std::optional<std::string> cache;
  HandMoves moves = {};
};

struct Statistics {
  std::int64_t plans = 0;       // structures seen for the first time
  std::int64_t lowered = 0;     // naive nests made, also those that a hook was shown
  std::int64_t compiled = 0;    // kernels
  std::int64_t from_cache = 0;  // kernels
  std::int64_t launches = 0;    // of kernels
  double graph_seconds = 0;     // walks, rules, fusion, look-ups
  double lowering_seconds = 0;  // nests, moves, finish
  double compiling_seconds = 0;
  double running_seconds = 0;
};

// A graph with everything done but the launches, for callers who time those. Holds its buffers.
class Bound {
 public:
  void launch() const;  // computes all again from what its leaves hold now, into the same buffers
  const std::vector<BufferRef>& results() const { return results_; }

 private:
  friend class Session;
  struct Step {
    Device::ProgramRef program;
    std::vector<BufferRef> buffers;
  };
  Device* device_ = nullptr;
  std::vector<Step> steps_;
  std::vector<BufferRef> results_;
};

class Session final : public Executor {
 public:
  explicit Session(SessionOptions options = {});
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // A tensor with these values, row-major. Error where their number is not the shape's.
  Tensor tensor(std::span<const float> values, Shape shape, std::string name = "");
  Tensor tensor(std::span<const std::int32_t> values, Shape shape, std::string name = "");
  Tensor tensor(std::span<const std::uint8_t> values, Shape shape, std::string name = "");  // bool

  Device& device() override;
  Bound bind(std::span<const Tensor> wanted);

  int threads() const;
  Isa isa() const;
  const Statistics& statistics() const;

 private:
  std::vector<BufferRef> compute(std::span<const NodeRef> wanted) override;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon
