#include "core/node.h"

#include "core/error.h"
#include "core/infer.h"
#include "core/ranges.h"

namespace tenon {
namespace {

// Writes a node as bytes. The bytes so far always tell how long the next part is, so different
// nodes never have the same bytes.
class KeyWriter {
 public:
  explicit KeyWriter(std::string& bytes) : bytes_(bytes) {}

  template <typename... Parts>
  void add(const Parts&... parts) {
    (write(parts), ...);
  }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void write(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <typename T>
  void write(const std::vector<T>& list) {
    add(static_cast<int>(list.size()));
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

  std::string& bytes_;
};

}  // namespace

void append_structure(const Node& node, std::string& bytes) {
  KeyWriter key(bytes);
  key.add(node.detail.index(), node.type, node.shape, node.inputs.size());
  std::visit([&](const auto& detail) { key.add(detail); }, node.detail);
}

const BufferRef& current_buffer(const Node& node) {
  const auto* leaf = node.as<BufferLeaf>();
  check(leaf != nullptr, "only a leaf with values has a buffer");
  if (leaf->version != leaf->buffer->version)
    fail("{} was overwritten in place; use it before the assignment, or use the tensor assigned to",
         leaf->name.empty() ? "a tensor " + text(node.type, node.shape) : leaf->name);
  return leaf->buffer;
}

NodeOrder in_order(std::span<const NodeRef> roots, const NodeTable* table,
                   std::span<const NodeRef> known) {
  struct Open {
    NodeRef node;
    int& place;
    std::size_t next = 0;  // the input to visit next
  };
  NodeOrder order;
  for (const NodeRef& node : known) order.places.emplace(node.get(), -1);
  std::vector<Open> open;  // not the call stack: graphs may be deep
  order.nodes.reserve(8);  // as many as small graphs have
  open.reserve(8);
  const auto enter = [&](const NodeRef& node) {
    const auto [entry, is_new] = order.places.emplace(node.get(), -1);
    if (!is_new) return;
    const NodeRef leaf = table ? table->realized(*node) : nullptr;
    if (!leaf) {
      open.push_back({node, entry->second});
      return;
    }
    const auto place = static_cast<int>(order.nodes.size());
    const auto [there, leaf_is_new] = order.places.emplace(leaf.get(), place);
    if (leaf_is_new) order.nodes.push_back(leaf);
    entry->second = there->second;
  };
  for (const NodeRef& root : roots) {
    enter(root);
    while (!open.empty()) {
      Open& top = open.back();
      if (top.next < top.node->inputs.size()) {
        enter(top.node->inputs[top.next++]);
        continue;
      }
      top.place = static_cast<int>(order.nodes.size());
      order.nodes.push_back(std::move(top.node));
      open.pop_back();
    }
  }
  return order;
}

struct NodeTable::State {
  std::unordered_map<std::string, std::weak_ptr<const Node>> nodes;  // by the bytes of key_of
  std::string key;  // of the node being made or destroyed; a member, so that its memory is reused
  std::unordered_map<const Node*, NodeRef> realized;
  std::unordered_map<const Node*, std::string> names;  // a BufferLeaf holds its own name
  std::vector<NodeRef> released;  // references of destroyed nodes, dropped one after the other
  bool releasing = false;

  // The bytes that identify a node: its structure, its inputs and its buffer.
  const std::string& key_of(const Node& node) {
    key.clear();
    append_structure(node, key);
    KeyWriter writer(key);
    for (const NodeRef& input : node.inputs) writer.add(std::bit_cast<std::uintptr_t>(input.get()));
    if (const auto* leaf = node.as<BufferLeaf>())
      writer.add(std::bit_cast<std::uintptr_t>(leaf->buffer.get()), leaf->version,
                 std::bit_cast<std::uintptr_t>(leaf->past.get()));
    return key;
  }

  // Destroys a node. Its inputs are dropped in a loop, because recursion over a chain of a million
  // nodes would overflow the stack.
  void destroy(const Node* node) {
    nodes.erase(key_of(*node));
    names.erase(node);
    if (auto entry = realized.extract(node)) released.push_back(std::move(entry.mapped()));
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

// Nodes may outlive the table, because they share its state. The leaves of realized nodes are
// released here.
NodeTable::~NodeTable() {
  const auto realized = std::move(state_->realized);
  state_->realized.clear();
}

NodeRef NodeTable::make(Node node) {
  infer(node);
  if (changes_nothing(node)) return node.inputs[0];
  for (const NodeRef& input : node.inputs)
    node.generations = std::max(node.generations, input->generations + (realized(*input) ? 1 : 0));
  std::weak_ptr<const Node>& entry = state_->nodes[state_->key_of(node)];
  if (const NodeRef known = entry.lock()) return known;
  const NodeRef made(new Node(std::move(node)),
                     [state = state_](const Node* last) { state->destroy(last); });
  entry = made;
  return made;
}

NodeRef NodeTable::make(Node::Detail detail, Type type, Shape shape, std::vector<NodeRef> inputs) {
  NodeRef made;
  try {
    made = make(Node{std::move(detail), type, shape, std::move(inputs)});
  } catch (const Error& mistake) {
    check(false, mistake.what());
  }
  check(made->type == type && made->shape == shape, [&] {
    return fmt::format("a node was to be {}, and is {}", text(type, shape),
                       text(made->type, made->shape));
  });
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
  const auto forgotten = state_->realized.extract(entry);  // removed before the leaf is destroyed
  return nullptr;
}

void NodeTable::set_name(const Node& node, const std::string& name) {
  if (!name.empty()) state_->names.try_emplace(&node, name);
}

std::string NodeTable::name(const Node& node) const {
  if (const auto* leaf = node.as<BufferLeaf>()) return leaf->name;
  const auto known = state_->names.find(&node);
  return known == state_->names.end() ? "" : known->second;
}

std::size_t NodeTable::size() const { return state_->nodes.size(); }

}  // namespace tenon
