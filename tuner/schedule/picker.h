// Picker: a kernel that is being scheduled, and the questions that the rules of the pick ask of it.
// Used by the rules, one file pick_*.cpp each.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {

constexpr std::int64_t outgrows_caches = 8 << 20;  // bytes of a tensor

// A statement and the loops around it.
struct Statement {
  Store store;
  Path path;
};

class Picker {
 public:
  Picker(const Kernel& kernel, const Target& target, const Machine& machine);

  const Kernel& kernel() const { return kernel_; }
  const Schedule& schedule() const { return schedule_; }
  std::int64_t cache_bytes() const {  // of the second level
    return machine_.caches[std::min<std::size_t>(1, machine_.caches.size() - 1)].bytes;
  }
  int threads() const { return machine_.threads; }
  int vector_registers() const { return target_.vector_registers; }
  std::int64_t lanes() const { return target_.vector_bytes / 4; }  // 4-byte elements in a vector

  // Applies the move if it is legal. Of a list, applies every move or none.
  bool attempt(Move move);
  bool attempt(const std::vector<Move>& moves);
  bool bind(const std::string& loop, Tag tag) { return attempt({Bind{loop, tag}}); }
  // Makes the loop of a copy a loop over vectors, if there is such a loop.
  void vectorize_copy(const std::string& loop);

  const Axis& axis(Var v) const { return kernel_.axes[v]; }
  std::int64_t extent(Var v) const { return axis(v).extent; }
  const std::string& name(Var v) const { return axis(v).name; }
  const KernelTensor& tensor(int number) const { return kernel_.tensors[number]; }
  std::int64_t bytes(int number) const {
    return info(tensor(number).type).bytes * tensor(number).elements();
  }

  // The statements that nothing has scheduled yet: all their loops are serial or parallel.
  std::vector<Statement> plain_statements() const;
  // Is there a loop with this tag in the items, at any depth? If `inside` is given, only loops
  // inside a loop over that axis count.
  bool has_loop(const std::vector<Item>& items, Tag tag, std::optional<Var> inside = {}) const;

  std::vector<std::string> names(const std::vector<Var>& axes) const {
    return mapped(axes, [this](Var v) { return name(v); });
  }

  // The distance, in elements, between the addresses of tensor[at] in two successive steps of the
  // axis. Nothing if it is not a constant.
  std::optional<std::int64_t> stride(int number, const std::vector<Index>& at, Var v) const;
  bool is_contiguous(const auto& access, Var v) const {  // a Load or a Store
    return stride(access.tensor, access.at, v) == 1;
  }

 private:
  Kernel kernel_;
  Schedule schedule_;
  const Target& target_;
  const Machine& machine_;
};

// How many vectors the statement should compute side by side: a power of two, at most `most`. The
// bound keeps the code small, because LLVM takes long over many values that are live at once.
std::int64_t vectors_together(const Store& store, std::int64_t most);

// Splits a loop in two; the inner one has `extent` iterations. For the letter v, `sum.k` becomes
// `ko` and `kv`.
Split cut(const std::string& loop, char letter, std::int64_t extent, Tail tail = Tail::peel);

// The loops of all parts, in this order.
Order order_of(std::initializer_list<std::vector<std::string>> parts);

// The rules, in the order in which pick() runs them. Each sees the kernel after the rules before.
void pick_products(Picker& picker);  // sums of products: tiles in registers, packed operands
void pick_lanes(Picker& picker);     // other partial sums side by side: vectors
void pick_flat(Picker& picker);      // element-wise work over whole tensors: one axis
void pick_vectors(Picker& picker);   // everything else: vectors along contiguous axes
void pick_streams(Picker& picker);   // large results are written past the caches
void pick_ahead(Picker& picker);     // rows of large inputs that are read twice: the next one too
void pick_threads(Picker& picker);   // the outermost loop with enough to do becomes parallel

}  // namespace tenon
