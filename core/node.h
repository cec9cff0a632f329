// Node: one vertex of the lazy graph, immutable and interned. There are six kinds. Every other
// operation is composed of them, in ops/. Used by every folder. Read next: tensor.h, print_graph.h.
//
//   Leaf     a buffer, a constant, or iota (the index along an axis)
//   Map      a scalar operation over equally shaped inputs
//   Reduce   sum or max over axes; the axes vanish from the shape. With two inputs it is the sum of
//            their products, accumulated by fused multiply-add. Graph rules make it from
//            Reduce(mul).
//   View     out[o] = inside(o) ? in[map(o)] : fill, for any index map: reshape, permute, expand,
//            slice, flip, pad, window
//   Gather   out[.., j.., ..] = in[.., index[j..], ..] at `axis`; an index outside reads 0
//   Scatter  a copy of the base in which base[.., index[j..], ..] is added to, or set to,
//            update[.., j.., ..], in ascending order of j; an index outside is dropped
//
// Inputs: Map its operands; Reduce 1 or 2; View 1; Gather {data, index}; Scatter {base, index,
// update}.
#pragma once

#include <unordered_map>
#include <variant>

#include "core/device.h"
#include "core/extent.h"
#include "core/scalar.h"
#include "core/type.h"

namespace tenon {

class Node;
using NodeRef = std::shared_ptr<const Node>;

// The nodes that a value was computed from, recorded when its graph is dropped (Tensor::let_go):
// all nodes below it that exist at that time, and their leaves. An empty list means that they are
// not known, so any node may be among them.
using Past = std::vector<std::weak_ptr<const Node>>;

// A leaf that holds values. `name` is for people and dumps only. An in-place write raises the
// buffer's version; a leaf made before it must not be used any more. `past` is set if gradients
// would be wrong were the leaf taken for an independent value (see Tensor::origin).
struct BufferLeaf {
  BufferRef buffer;
  std::uint64_t version;
  std::string name;
  std::shared_ptr<const Past> past = nullptr;
};
struct ConstantLeaf {
  double value;  // representable in the node's type; rank 0
};
struct IotaLeaf {};  // rank 1, i32: element i is i

struct Map {
  ScalarOp op;
};
struct Reduce {
  Combine combine;
  std::vector<int> axes;  // ascending, of the inputs
};
struct View {
  std::vector<Index> map;          // one per axis of the input, over Var = axis of the result
  std::vector<Range> inside = {};  // all must hold, else `fill`; empty: always
  double fill = 0;
};
struct Gather {
  int axis;
};
struct Scatter {
  int axis;
  bool add;  // else set
};

class Node {
 public:
  using Detail =
      std::variant<BufferLeaf, ConstantLeaf, IotaLeaf, Map, Reduce, View, Gather, Scatter>;

  Detail detail;
  Type type;
  Shape shape;
  std::vector<NodeRef> inputs;
  // The greatest number of realized nodes on a path from this node down to a leaf, counted when
  // this node was made.
  int generations = 0;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&detail);
  }
  bool is_leaf() const { return inputs.empty(); }
};

// Appends the node's structure as bytes. Two nodes have the same bytes if they differ only in their
// buffer and in the identity of their inputs. The bytes of one node never begin with those of
// another.
void append_structure(const Node& node, std::string& bytes);

// The buffer of a leaf. Error: it was overwritten in place after the leaf was made.
const BufferRef& current_buffer(const Node& leaf);

// The table of the living nodes, by structure. Building a node that exists returns that node, so
// equality is pointer equality. The table holds nodes weakly: a node leaves it when its last
// reference goes. It also remembers the leaf that a node was realized to, as long as the node
// lives. Each session has one. Not thread safe.
class NodeTable {
 public:
  NodeTable();
  ~NodeTable();
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // Completes the node (infer.h) and returns the interned one. For a View that changes nothing, it
  // returns the input. Error: infer.h refuses the node.
  NodeRef make(Node node);
  // The same for a pass, which knows the type and shape that must follow. A node that infer.h
  // refuses is a broken invariant here.
  NodeRef make(Node::Detail detail, Type type, Shape shape, std::vector<NodeRef> inputs);

  // After realizing: `node` is now held by `leaf`. Later graphs read the leaf instead.
  void set_realized(const NodeRef& node, NodeRef leaf);
  // The leaf that holds the node's value, or null. A leaf whose buffer was overwritten no longer
  // counts.
  NodeRef realized(const Node& node) const;
  // The same leaf, or the node itself if there is none.
  NodeRef current(const NodeRef& node) const {
    NodeRef leaf = realized(*node);
    return leaf ? leaf : node;
  }

  // Names the node, for people and dumps, unless it has a name already. name() gives "" for none.
  void set_name(const Node& node, const std::string& name);
  std::string name(const Node& node) const;

  std::size_t size() const;  // living nodes, for tests of flat memory

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the nodes, which take themselves off the table
};

// Every node under the roots once, inputs before their users, in the order of first visit. If a
// table is given, each realized node is replaced by its leaf. The nodes in `known` are left out,
// and so are the nodes that only they reach.
struct NodeOrder {
  std::vector<NodeRef> nodes = {};
  // The position in `nodes` of each node; of a realized node, that of its leaf; of a known one, -1.
  std::unordered_map<const Node*, int> places = {};

  int place(const NodeRef& node) const { return places.at(node.get()); }
};
NodeOrder in_order(std::span<const NodeRef> roots, const NodeTable* table = nullptr,
                   std::span<const NodeRef> known = {});

}  // namespace tenon
