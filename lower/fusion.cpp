#include "lower/fusion.h"

#include <algorithm>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "core/print_graph.h"
#include "core/ranges.h"
#include "lower/canonical.h"
#include "lower/graph_reads.h"

namespace tenon {
namespace {

// Kernels over few rows run on few threads: what is read over a single row joins its producer only
// while both are as small as this.
constexpr std::int64_t small_kernel = 65536;  // iterations
constexpr std::size_t largest_group = 16;     // nodes with memory

// Are the shapes equal, but for axes of one element?
bool same_rows(const Shape& a, const Shape& b) {
  std::vector<std::int64_t> left = values(a), right = values(b);
  std::erase(left, 1);
  std::erase(right, 1);
  return left == right;
}

class Fusion {
 public:
  explicit Fusion(std::span<const NodeRef> wanted)
      : wanted_(wanted.begin(), wanted.end()), reads_(read_graph(wanted)) {
    for (const NodeRef& node : reads_.nodes) {
      if (!reads_.of(*node).has_memory) continue;
      const std::size_t m = members_.size();
      number_[node.get()] = m;
      members_.push_back({node, m, is_shared_local(node), {}, {}});
      groups_.push_back({m});
    }
    for (const auto step : {&Fusion::find_producers, &Fusion::join_producers})
      for (std::size_t m = 0; m < members_.size(); m++)
        if (!members_[m].is_shared_local) (this->*step)(m);
    for (const NodeRef& node : reads_.nodes) join_siblings(*node);
  }

  std::vector<KernelGraph> kernels() const {
    return mapped(groups_in_order(), [this](std::size_t group) { return kernel(group); });
  }

 private:
  // A node with memory, and the group that it is in: groups become kernels. Members are in the
  // order of the graph.
  struct Member {
    NodeRef node;
    std::size_t group;
    bool is_shared_local;  // computed anew in every kernel that reads it, and in no group
    std::vector<std::pair<std::size_t, bool>> producers;  // members it reads; at rows?
    std::vector<std::size_t> consumers;
  };

  const Member& member_of(const Node& node) const { return members_[number_.at(&node)]; }
  bool is_contraction(const Node& node) const { return reads_.of(node).is_contraction; }

  bool is_shared_local(const NodeRef& node) const {
    const NodeReads& facts = reads_.of(*node);
    const auto at_rows = [&](const Read& read) {
      return !read.reader->as<Scatter>() && is_at_rows(*node, read);
    };
    const auto is_one_too = [&](const Member& other) {  // if it is read
      const std::vector<Read>& reads = reads_.of(*other.node).reads;
      return other.is_shared_local || std::ranges::count(reads, node.get(), &Read::reader) == 0;
    };
    return node->as<Map>() && !wanted_.contains(node) && !facts.is_derived &&
           std::ranges::all_of(facts.reads, at_rows) && std::ranges::all_of(members_, is_one_too);
  }

  // ---- which members share a group ----

  void find_producers(std::size_t p) {
    const Node& node = *members_[p].node;
    const NodeReads& facts = reads_.of(node);
    for (const Read& read : facts.reads) {
      const std::size_t consumer = number_.at(read.reader);
      auto& producers = members_[consumer].producers;
      if (producers.empty() || producers.back().first != p) {
        producers.push_back({p, true});
        members_[p].consumers.push_back(consumer);
      }
      if (!facts.is_kept_in_rows && !is_at_rows(node, read)) producers.back().second = false;
    }
  }

  void join_producers(std::size_t m) {
    // Contractions first: their epilogue must not go elsewhere.
    for (const bool contraction : {true, false})
      for (const auto& [p, at_rows] : members_[m].producers)
        if (at_rows && is_contraction(*members_[p].node) == contraction && !is_too_serial(p, m))
          join(members_[p].group, members_[m].group);
  }

  bool is_too_serial(std::size_t producer, std::size_t consumer) const {
    const Node &from = *members_[producer].node, &to = *members_[consumer].node;
    return elements(from.shape) == 1 && elements(to.shape) != 1 &&
           std::max(iterations(from), iterations(to)) > small_kernel;
  }

  // Those that read the node alike, if it has memory as large as their loops.
  void join_siblings(const Node& node) {
    const std::vector<Read>& reads = reads_.of(node).reads;  // the last reader first
    if (!node.as<BufferLeaf>() && !reads_.of(node).has_memory) return;
    for (auto read = reads.rbegin(); read != reads.rend(); ++read)
      for (auto other = reads.rbegin(); other != read; ++other)
        if (read->by_position && other->by_position && read->at == other->at &&
            iterations(*read->reader) <= elements(node.shape) &&
            are_siblings(*other->reader, *read->reader))
          join(member_of(*other->reader).group, member_of(*read->reader).group);
  }

  // Do both have the same loops?
  bool are_siblings(const Node& a, const Node& b) const {
    const auto *left = a.as<Reduce>(), *right = b.as<Reduce>();
    for (const Node* node : {&a, &b})
      if (node->as<Scatter>() || is_contraction(*node) || member_of(*node).is_shared_local)
        return false;
    return (left != nullptr) == (right != nullptr) && a.shape == b.shape &&
           iterations(a) == iterations(b) &&
           (!left || (left->axes == right->axes && a.inputs[0]->shape == b.inputs[0]->shape));
  }

  // Makes two groups one, if what is in them may be one kernel.
  void join(std::size_t a, std::size_t b) {
    if (a == b) return;
    std::vector<std::size_t> all;
    std::ranges::merge(groups_[a], groups_[b], std::back_inserter(all));
    if (all.size() > largest_group || !may_share(all) || has_way_around(all)) return;
    for (std::size_t m : all) members_[m].group = a;
    groups_[a] = std::move(all);
    groups_[b].clear();
  }

  bool may_share(const std::vector<std::size_t>& all) const {
    const Node* contraction = nullptr;
    for (std::size_t m : all) {
      const Node& node = *members_[m].node;
      if (node.as<Scatter>()) return false;
      if (is_contraction(node) && std::exchange(contraction, &node)) return false;
      for (const auto& [p, at_rows] : members_[m].producers)
        if (!at_rows && contains(all, p)) return false;
    }
    return !contraction || std::ranges::all_of(all, [&](std::size_t m) {
      const Node& node = *members_[m].node;
      return &node == contraction ||
             (!node.as<Reduce>() && same_rows(node.shape, contraction->shape));
    });
  }

  // Does something outside read from these members and, in the end, feed them? Then they cannot be
  // one kernel: it would have to run before itself.
  bool has_way_around(const std::vector<std::size_t>& all) const {
    std::vector<std::size_t> open = all;  // and then what reads from them, outside
    std::unordered_set<std::size_t> reached;
    for (std::size_t i = 0; i < open.size(); i++)
      for (std::size_t consumer : members_[open[i]].consumers) {
        const std::size_t group = members_[consumer].group;
        if (!contains(all, consumer)) {
          if (reached.insert(group).second) append(open, groups_[group]);
        } else if (i >= all.size()) {
          return true;
        }
      }
    return false;
  }

  // ---- kernels ----

  // Each after those that it reads from; otherwise by their first members.
  std::vector<std::size_t> groups_in_order() const {
    std::vector<std::size_t> order;
    std::unordered_set<std::size_t> placed;
    const auto place = [&](const auto& self, std::size_t group) -> void {
      if (!placed.insert(group).second) return;
      for (std::size_t m : groups_[group])
        for (const auto& [p, at_rows] : members_[m].producers) self(self, members_[p].group);
      order.push_back(group);
    };
    for (const Member& member : members_)
      if (!member.is_shared_local) place(place, member.group);
    return order;
  }

  // Its own members, what it computes anew, and what it reads.
  KernelGraph kernel(std::size_t group) const {
    KernelGraph result;
    std::unordered_set<const Node*> seen;
    const auto visit = [&](const auto& self, const NodeRef& node) -> void {
      if (!seen.insert(node.get()).second) return;
      const auto number = number_.find(node.get());
      const Member* member = number == number_.end() ? nullptr : &members_[number->second];
      if (node->as<BufferLeaf>() || (member && !is_computed_in(*member, group))) {
        result.inputs.push_back(node);
        return;
      }
      for (const NodeRef& input : node->inputs) self(self, input);
      if (member && is_output(*member))
        result.outputs.push_back(node);
      else if (member)
        result.locals.push_back(node);
    };
    for (std::size_t m : std::views::reverse(groups_[group])) visit(visit, members_[m].node);
    return result;
  }

  static bool is_computed_in(const Member& member, std::size_t group) {
    return member.is_shared_local || member.group == group;
  }

  bool is_output(const Member& member) const {
    const auto is_elsewhere = [&](std::size_t consumer) {
      return !is_computed_in(members_[consumer], member.group);
    };
    return !member.is_shared_local &&
           (wanted_.contains(member.node) || std::ranges::any_of(member.consumers, is_elsewhere));
  }

  std::unordered_set<NodeRef> wanted_;
  GraphReads reads_;
  std::vector<Member> members_;
  std::vector<std::vector<std::size_t>> groups_;  // their members, in order; empty: joined another
  std::unordered_map<const Node*, std::size_t> number_;
};

}  // namespace

std::vector<KernelGraph> fusion(std::span<const NodeRef> wanted) {
  return Fusion(wanted).kernels();
}

std::vector<NodeRef> nodes_of(const KernelGraph& kernel) {
  std::vector<NodeRef> roots = kernel.locals;
  append(roots, kernel.outputs);
  return in_order(roots, nullptr, kernel.inputs).nodes;
}

std::string canonical_text(const KernelGraph& kernel) {
  std::string result;
  PrintedNames names;
  for (std::size_t i = 0; i < kernel.inputs.size(); i++) {
    const Node& input = *kernel.inputs[i];
    names[&input] = fmt::format("in{}", i);
    result += fmt::format("in{} {}\n", i, text(input.type, input.shape));
  }
  const std::vector<NodeRef> nodes = nodes_of(kernel);
  result += print_nodes(nodes, names);
  for (const NodeRef& node : nodes)
    if (node->as<Reduce>() && canonical_order(*node).strands > 1)
      result += "strands " + names.at(node.get()) + "\n";
  for (const NodeRef& node : kernel.locals) result += "local " + names.at(node.get()) + "\n";
  for (const NodeRef& node : kernel.outputs) result += "output " + names.at(node.get()) + "\n";
  return result;
}

}  // namespace tenon
