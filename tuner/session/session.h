// Session: the Executor that compiles. It turns graphs into kernels, kernels into machine code, and
// runs them; it remembers machine code between processes. This is the library's front door:
//
//   tenon::Session tn;
//   auto x = tn.tensor(images, {64, 784});
//   auto y = softmax(matmul(relu(matmul(x, w1) + b1), w2), -1);
//   y.realize();
//
// What happens to a graph: its structure is looked up among the plans of this session (plan.h). A
// new structure goes through the graph rules and fusion, and each kernel goes to the kernel store
// (kernel_store.h): memory, then the cache, then lowering and compiling. A structure that was seen
// before, as in a training loop, costs a walk over its nodes and the launches.
//
// A session must outlive its tensors. It is not thread safe: one thread at a time. Sessions in
// different threads are independent. A kernel whose schedule does not compile runs on another one,
// with one warning. Errors: core/error.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "core/error.h"
#include "core/executor.h"
#include "core/tensor.h"
#include "lower/blocked_inputs.h"
#include "lower/schedule.h"
#include "tuner/search/search.h"

namespace tenon {

// Called once for each new graph structure, with its naive nests, in the names of the graph.
// Returns one schedule per nest, or nullopt for Tenon's own choice. A shorter list is padded with
// nullopt.
using HandMoves = std::function<std::vector<std::optional<Schedule>>(std::span<const Kernel>)>;
// A mistake in the moves that the user gave: "FILE:LINE: bind k parallel: ..".
class MovesError : public Error {
 public:
  using Error::Error;
};

struct SessionOptions {
  int threads = 0;       // 0: as many as the process may run on
  std::string isa = {};  // the instruction set to use, such as "avx2"; "": the processor's widest
  // A file or folder; "" keeps nothing between processes; nullopt: where cache/cache.h says.
  std::optional<std::string> cache;
  HandMoves moves = {};
  // Seconds for searching schedules inside the program; 0: none; nullopt: what is left of
  // $TENON_TUNE, which all sessions of the process share. After the first results of a graph were
  // computed, the session searches for its kernels with the most time above their limit.
  std::optional<double> tune = {};
  // From the second run with the same weights on, products read copies of them in a layout that
  // serves vectors. The session keeps the copies, in at most a quarter of the machine's memory.
  // They are made for weights of so many bytes and more; nullopt: for none.
  std::optional<std::int64_t> keeps = worth_keeping;
};

struct Statistics {
  std::int64_t plans = 0;       // structures seen for the first time
  std::int64_t lowered = 0;     // naive nests made, also those for moves by hand
  std::int64_t compiled = 0;    // kernels
  std::int64_t from_cache = 0;  // kernels
  std::int64_t launches = 0;    // of kernels
  double graph_seconds = 0;     // walks, rules, fusion, look-ups
  double lowering_seconds = 0;  // nests, moves, finish
  double compiling_seconds = 0;
  double running_seconds = 0;
};

class KernelStore;

// A graph that is planned and compiled, with its buffers. For callers who time the launches alone.
struct Bound {
  std::vector<BufferRef> results;
  std::function<void(std::vector<double>* seconds)> run = {};

  // Computes the results again, into the same buffers, from the leaves' current values. Appends the
  // time of each kernel to `seconds`, if there is such a list.
  void launch(std::vector<double>* seconds = nullptr) const { run(seconds); }
};

class Session final : public Executor {
 public:
  explicit Session(SessionOptions options = {});  // on this machine's CPU
  Session(Backend backend, SessionOptions options);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // A tensor with these values, row-major. Error: their number differs from the shape's.
  Tensor tensor(std::span<const float> values, Shape shape, std::string name = "");
  Tensor tensor(std::span<const std::int32_t> values, Shape shape, std::string name = "");
  Tensor tensor(std::span<const std::uint8_t> values, Shape shape, std::string name = "");  // bool

  Device& device() override;
  Bound bind(std::span<const Tensor> wanted);

  // Searches for the fastest schedule of every kernel under the tensors, and keeps what it finds in
  // the cache. The kernels run on the winners from their next launch on, also in a Bound. Moves by
  // hand are never replaced. Values never change: every schedule gives the same bits. A
  // realized tensor has no kernels left, so tune it before. `progress` is called after each
  // measurement and at the end of each kernel; options.progress is not used. Error: the program
  // `tenon`, which measures, cannot be started.
  struct Tuned {
    std::string kernel;      // its name, and whether its weights lie in blocks
    std::size_t number, of;  // from 1
    Found found;
    bool is_done;
  };
  void tune(std::span<const Tensor> wanted, SearchOptions options,
            const std::function<void(const Tuned&)>& progress = {});

  int threads() const { return backend().machine.threads; }
  const Backend& backend() const;
  KernelStore& kernels();  // for `tenon explain`
  const Statistics& statistics() const;

 private:
  std::vector<BufferRef> compute(std::span<const NodeRef> wanted) override;
  // Error: a tensor is of another session. `call` names the caller's function.
  std::vector<NodeRef> nodes_of(std::span<const Tensor> wanted, std::string_view call);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon
