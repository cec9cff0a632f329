#include "core/node.h"

#include <bit>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/verify.h"

namespace tenon {
namespace {

struct Hash {
  std::uint64_t state = 0x2545f4914f6cdd1du;

  void add(std::uint64_t value) {
    state = (state ^ value) * 0xff51afd7ed558ccdu;
    state ^= state >> 32;
  }
  void add_pointer(const void* pointer) { add(std::bit_cast<std::uintptr_t>(pointer)); }
};

void add_detail(Hash& hash, const BufferLeaf& leaf) {
  hash.add_pointer(leaf.buffer.get());
  hash.add(leaf.version);
}
void add_detail(Hash& hash, const ConstantLeaf& leaf) {
  hash.add(std::bit_cast<std::uint64_t>(leaf.value));
}
void add_detail(Hash&, const IotaLeaf&) {}
void add_detail(Hash& hash, const Map& map) { hash.add(static_cast<std::uint64_t>(map.op)); }
void add_detail(Hash& hash, const Reduce& reduce) {
  hash.add(static_cast<std::uint64_t>(reduce.combine));
  for (const int axis : reduce.axes) hash.add(static_cast<std::uint64_t>(axis));
}
void add_detail(Hash& hash, const View& view) {
  for (const Index& index : view.map) hash.add(tenon::hash(index));
  for (const Range& range : view.inside) {
    hash.add(tenon::hash(range.index));
    hash.add(static_cast<std::uint64_t>(range.low));
    hash.add(static_cast<std::uint64_t>(range.high));
  }
  hash.add(std::bit_cast<std::uint64_t>(view.fill));
}
void add_detail(Hash& hash, const Gather& gather) {
  hash.add(static_cast<std::uint64_t>(gather.axis));
}
void add_detail(Hash& hash, const Scatter& scatter) {
  hash.add(static_cast<std::uint64_t>(scatter.axis * 2 + (scatter.add ? 1 : 0)));
}

std::uint64_t hash_of(const Node& node) {
  Hash hash;
  hash.add(node.detail.index());
  std::visit([&](const auto& detail) { add_detail(hash, detail); }, node.detail);
  hash.add(static_cast<std::uint64_t>(node.type));
  for (const Extent& extent : node.shape) hash.add(tenon::hash(extent.index()));
  for (const NodeRef& input : node.inputs) hash.add_pointer(input.get());
  return hash.state;
}

// Bit for bit, so that -0 differs from 0 and a NaN equals itself.
bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same(const BufferLeaf& a, const BufferLeaf& b) {
  return a.buffer == b.buffer && a.version == b.version;
}
bool same(const ConstantLeaf& a, const ConstantLeaf& b) { return same(a.value, b.value); }
bool same(const IotaLeaf&, const IotaLeaf&) { return true; }
bool same(const Map& a, const Map& b) { return a.op == b.op; }
bool same(const Reduce& a, const Reduce& b) { return a.combine == b.combine && a.axes == b.axes; }
bool same(const View& a, const View& b) {
  return a.map == b.map && a.inside == b.inside && same(a.fill, b.fill);
}
bool same(const Gather& a, const Gather& b) { return a.axis == b.axis; }
bool same(const Scatter& a, const Scatter& b) { return a.axis == b.axis && a.add == b.add; }

bool same(const Node& a, const Node& b) {
  if (a.hash != b.hash || a.detail.index() != b.detail.index()) return false;
  if (a.type != b.type || a.shape != b.shape || a.inputs != b.inputs) return false;
  return std::visit(
      [&](const auto& detail) {
        return same(detail, std::get<std::decay_t<decltype(detail)>>(b.detail));
      },
      a.detail);
}

}  // namespace

const BufferRef& current_buffer(const Node& node) {
  const auto* leaf = node.as<BufferLeaf>();
  check(leaf != nullptr, "only a leaf with values has a buffer");
  if (leaf->version != leaf->buffer->version)
    fail("{} was overwritten in place; use it before the assignment, or use the tensor assigned to",
         leaf->name.empty() ? fmt::format("a tensor {}{}", info(node.type).name, text(node.shape))
                            : leaf->name);
  return leaf->buffer;
}

std::vector<NodeRef> in_order(std::span<const NodeRef> roots) {
  struct Open {
    NodeRef node;
    std::size_t next = 0;  // the input to visit next
  };
  std::vector<NodeRef> order;
  std::unordered_set<const Node*> visited;
  std::vector<Open> open;  // a stack of our own: graphs may be deep
  for (const NodeRef& root : roots) {
    if (visited.insert(root.get()).second) open.push_back({root});
    while (!open.empty()) {
      Open& top = open.back();
      if (top.next == top.node->inputs.size()) {
        order.push_back(std::move(top.node));
        open.pop_back();
        continue;
      }
      const NodeRef& input = top.node->inputs[top.next++];
      if (visited.insert(input.get()).second) open.push_back({input});
    }
  }
  return order;
}

struct NodeTable::State {
  struct Entry {
    const Node* node;
    std::weak_ptr<const Node> reference;
  };
  std::unordered_multimap<std::uint64_t, Entry> nodes;
  std::unordered_map<const Node*, NodeRef> realized;
  std::vector<NodeRef> released;  // references whose owner died, dropped one after the other
  bool releasing = false;

  // The end of a node. Its inputs are dropped in a loop, because a chain of a million nodes that
  // dropped each other would overflow the stack.
  void destroy(const Node* node) {
    const auto [begin, end] = nodes.equal_range(node->hash);
    for (auto entry = begin; entry != end; ++entry) {
      if (entry->second.node != node) continue;
      nodes.erase(entry);
      break;
    }
    if (const auto entry = realized.find(node); entry != realized.end()) {
      released.push_back(std::move(entry->second));
      realized.erase(entry);
    }
    released.insert(released.end(), node->inputs.begin(), node->inputs.end());
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
  Node node{std::move(detail), type, std::move(shape), std::move(inputs), 0};
  node.hash = hash_of(node);
  const auto [begin, end] = state_->nodes.equal_range(node.hash);
  for (auto entry = begin; entry != end; ++entry)
    if (same(*entry->second.node, node)) return entry->second.reference.lock();
  const std::string wrong = fault(node);
  check(wrong.empty(), [&] {
    std::string shapes;
    for (const NodeRef& input : node.inputs)
      if (input) shapes += fmt::format(" {}{}", info(input->type).name, text(input->shape));
    return fmt::format("a node {}{} of{}: {}", info(node.type).name, text(node.shape), shapes,
                       wrong);
  });
  const NodeRef made(new Node(std::move(node)),
                     [state = state_](const Node* last) { state->destroy(last); });
  state_->nodes.emplace(made->hash, State::Entry{made.get(), made});
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

std::size_t NodeTable::size() const { return state_->nodes.size(); }

}  // namespace tenon
