#include "core/node.h"

#include <bit>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/ranges.h"
#include "core/verify.h"

namespace tenon {
namespace {

// Writes the bytes of Node::structure. The length of every part is told by the parts before it.
class Structure {
 public:
  std::string bytes;

  template <typename... Parts>
  void add(const Parts&... parts) {
    (write(parts), ...);
  }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void write(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <typename T>
  void write(const std::vector<T>& list) {
    add(list.size());
    for (const T& entry : list) add(entry);
  }
  void write(const Index& index) { add(index.constant(), index.terms()); }
  void write(const Index::Term& term) {
    add(term.coefficient, term.kind, term.var, term.divisor);
    if (term.inner) add(*term.inner);
  }
  void write(const Extent& extent) { add(extent.index()); }
  void write(const Range& range) { add(range.index, range.low, range.high); }

  void write(const BufferLeaf&) {}
  void write(const ConstantLeaf& leaf) { add(leaf.value); }
  void write(const IotaLeaf&) {}
  void write(const Map& map) { add(map.op); }
  void write(const Reduce& reduce) { add(reduce.combine, reduce.axes); }
  void write(const View& view) { add(view.map, view.inside, view.fill); }
  void write(const Gather& gather) { add(gather.axis); }
  void write(const Scatter& scatter) { add(scatter.axis, scatter.add); }
};

std::string structure_of(const Node& node) {
  Structure structure;
  structure.add(node.detail.index(), node.type, node.shape, node.inputs.size());
  std::visit([&](const auto& detail) { structure.add(detail); }, node.detail);
  return std::move(structure.bytes);
}

// By which the table knows a node: its structure, inputs and buffer.
std::string key_of(const Node& node) {
  Structure key{node.structure};
  for (const NodeRef& input : node.inputs) key.add(std::bit_cast<std::uintptr_t>(input.get()));
  if (const auto* leaf = node.as<BufferLeaf>()) {
    key.add(std::bit_cast<std::uintptr_t>(leaf->buffer.get()), leaf->version);
  }
  return std::move(key.bytes);
}

}  // namespace

const BufferRef& current_buffer(const Node& node) {
  const auto* leaf = node.as<BufferLeaf>();
  check(leaf != nullptr, "only a leaf with values has a buffer");
  if (leaf->version != leaf->buffer->version)
    fail("{} was overwritten in place; use it before the assignment, or use the tensor assigned to",
         leaf->name.empty() ? "a tensor " + text(node.type, node.shape) : leaf->name);
  return leaf->buffer;
}

std::vector<NodeRef> in_order(std::span<const NodeRef> roots, const NodeTable* table) {
  struct Open {
    NodeRef node;
    std::size_t next = 0;  // the input to visit next
  };
  std::vector<NodeRef> order;
  std::unordered_set<const Node*> visited;
  std::vector<Open> open;  // a stack of our own: graphs may be deep
  const auto enter = [&](const NodeRef& node) {
    NodeRef current = table ? table->current(node) : node;
    if (visited.insert(current.get()).second) open.push_back({std::move(current)});
  };
  for (const NodeRef& root : roots) {
    enter(root);
    while (!open.empty()) {
      Open& top = open.back();
      if (top.next == top.node->inputs.size()) {
        order.push_back(std::move(top.node));
        open.pop_back();
      } else {
        enter(top.node->inputs[top.next++]);  // may move `top`
      }
    }
  }
  return order;
}

struct NodeTable::State {
  std::unordered_map<std::string, std::weak_ptr<const Node>> nodes;  // by key_of
  std::unordered_map<const Node*, NodeRef> realized;
  std::vector<NodeRef> released;  // references whose owner died, dropped one after the other
  bool releasing = false;

  // The end of a node. Its inputs are dropped in a loop, because a chain of a million nodes that
  // dropped each other would overflow the stack.
  void destroy(const Node* node) {
    nodes.erase(key_of(*node));
    if (const auto entry = realized.find(node); entry != realized.end()) {
      released.push_back(std::move(entry->second));
      realized.erase(entry);
    }
    append(released, node->inputs);
    delete node;
    if (releasing) return;
    releasing = true;
    while (!released.empty()) {
      const NodeRef last = std::move(released.back());
      released.pop_back();
    }
    releasing = false;
  }
};

NodeTable::NodeTable() : state_(std::make_shared<State>()) {}

// The nodes may outlive the table (they share its state), but what they were realized to does not.
NodeTable::~NodeTable() {
  const auto realized = std::move(state_->realized);
  state_->realized.clear();
}

NodeRef NodeTable::make(Node::Detail detail, Type type, Shape shape, std::vector<NodeRef> inputs) {
  Node node{std::move(detail), type, std::move(shape), std::move(inputs)};
  node.structure = structure_of(node);
  std::string key = key_of(node);
  if (const auto known = state_->nodes.find(key); known != state_->nodes.end())
    return known->second.lock();
  const std::string wrong = fault(node);
  check(wrong.empty(), [&] {
    std::string shapes;
    for (const NodeRef& input : node.inputs)
      if (input) shapes += " " + text(input->type, input->shape);
    return fmt::format("a node {} of{}: {}", text(node.type, node.shape), shapes, wrong);
  });
  const NodeRef made(new Node(std::move(node)),
                     [state = state_](const Node* last) { state->destroy(last); });
  state_->nodes.emplace(std::move(key), made);
  return made;
}

void NodeTable::set_realized(const NodeRef& node, NodeRef leaf) {
  check(leaf->as<BufferLeaf>() != nullptr, "a node is realized to a leaf with a buffer");
  if (node != leaf) state_->realized[node.get()] = std::move(leaf);
}

NodeRef NodeTable::realized(const Node& node) const {
  const auto entry = state_->realized.find(&node);
  if (entry == state_->realized.end()) return nullptr;
  const auto* leaf = entry->second->as<BufferLeaf>();
  if (leaf->version == leaf->buffer->version) return entry->second;
  const NodeRef forgotten = std::move(entry->second);
  state_->realized.erase(entry);
  return nullptr;
}

NodeRef NodeTable::current(const NodeRef& node) const {
  NodeRef leaf = realized(*node);
  return leaf ? leaf : node;
}

std::size_t NodeTable::size() const { return state_->nodes.size(); }

}  // namespace tenon
