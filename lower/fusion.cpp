#include "lower/fusion.h"

#include <ranges>
#include <unordered_set>

#include <fmt/format.h>

#include "core/ranges.h"
#include "lower/canonical.h"
#include "lower/graph_reads.h"
#include "lower/input_parts.h"

namespace tenon {
namespace {

// A kernel over few rows runs on few threads. So the consumer of a single row joins its producer
// only if both have at most this many iterations.
constexpr std::int64_t small_kernel = 65536;  // iterations
constexpr std::size_t largest_group = 16;     // nodes with memory
constexpr std::int64_t largest_code = 2048;   // instructions of a kernel, about
constexpr std::int64_t cheap = 512;           // instructions of a shared local
constexpr std::size_t most_candidates = 16;   // groups that a reader may join as a sibling

// Are the shapes equal if axes of one element are left out?
bool same_rows(Shape a, Shape b) {
  std::erase(a, Extent(1));
  std::erase(b, Extent(1));
  return a == b;
}

class Fusion {
 public:
  explicit Fusion(std::span<const NodeRef> wanted)
      : wanted_(wanted.begin(), wanted.end()), reads_(read_graph(wanted)) {
    for (const NodeRef& node : reads_.nodes) {
      if (!reads_.of(*node).has_memory) continue;
      const std::size_t m = members_.size();
      number_[node.get()] = m;
      members_.push_back({node, m, code_size(reads_, *node)});
      groups_.push_back({m});
      order_.push_back(m);
      position_.push_back(m);
    }
    for (std::size_t m = 0; m < members_.size(); m++) {
      members_[m].is_shared_local = is_shared_local(members_[m]);
      if (!members_[m].is_shared_local) add_to_readers(m);
    }
    for (std::size_t m = 0; m < members_.size(); m++) join_producers(m);
    for (const NodeRef& node : reads_.nodes) join_siblings(*node);
  }

  std::vector<KernelGraph> kernels() const {
    std::vector<KernelGraph> result;
    for (const std::size_t group : order_)
      if (!groups_[group].empty() && !members_[groups_[group][0]].is_shared_local)
        result.push_back(kernel(group));
    return result;
  }

 private:
  // A node with memory, and the group that it is in. Every group becomes a kernel. Members are in
  // the order of the graph.
  struct Member {
    NodeRef node;
    std::size_t group;
    std::int64_t code;             // instructions
    bool is_shared_local = false;  // computed anew in every kernel that reads it; in no group
    // The members that it reads, but for shared locals, and whether it reads them at rows.
    std::vector<std::pair<std::size_t, bool>> producers = {};
  };

  const Member& member_of(const Node& node) const { return members_[number_.at(&node)]; }
  bool is_contraction(const Node& node) const { return reads_.of(node).is_contraction; }

  // Is the member cheap, read at rows by all its readers, and computed from no members but other
  // shared locals?
  bool is_shared_local(const Member& member) const {
    const Node& node = *member.node;
    const NodeReads& facts = reads_.of(node);
    return node.as<Map>() && !wanted_.contains(member.node) && !facts.is_derived() &&
           member.code <= cheap && member.producers.empty() &&
           std::ranges::all_of(facts.reads, [&](const Read& r) { return is_at_rows(node, r); });
  }

  // ---- which members share a group ----

  // Adds the member to the producers of its readers.
  void add_to_readers(std::size_t p) {
    const Node& node = *members_[p].node;
    const NodeReads& facts = reads_.of(node);
    for (const Read& read : facts.reads) {
      auto& producers = members_[number_.at(read.reader)].producers;
      if (producers.empty() || producers.back().first != p) producers.push_back({p, true});
      if (!facts.is_kept_in_rows && !is_at_rows(node, read)) producers.back().second = false;
    }
  }

  void join_producers(std::size_t m) {
    // Contractions come first, because their epilogue must not join another group.
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

  // Joins members that have the same loops and read the node at the same indices, if the node is in
  // memory and is at least as large as these loops. If many groups do not join, each reader is
  // tried only with the last few of them.
  void join_siblings(const Node& node) {
    if (!node.as<BufferLeaf>() && !reads_.of(node).has_memory) return;
    struct Alike {
      const Read* first;
      std::vector<std::size_t> members;  // the candidates, one of each group
    };
    std::vector<Alike> found;
    for (const Read& read : std::views::reverse(reads_.of(node).reads)) {  // the first reader first
      if (!may_have_siblings(node, read)) continue;
      const std::size_t m = number_.at(read.reader);
      auto alike = std::ranges::find_if(found, [&](const Alike& other) {
        return have_same_loops(*other.first->reader, *read.reader) && other.first->at == read.at;
      });
      if (alike == found.end()) alike = found.insert(found.end(), {&read, {}});
      for (const std::size_t other : alike->members) join(members_[other].group, members_[m].group);
      alike->members.push_back(m);
      keep_candidates(alike->members);
    }
  }

  bool may_have_siblings(const Node& node, const Read& read) const {
    const Node& reader = *read.reader;
    return read.at && !is_contraction(reader) && !member_of(reader).is_shared_local &&
           iterations(reader) <= elements(node.shape);
  }

  static bool have_same_loops(const Node& a, const Node& b) {
    const auto *left = a.as<Reduce>(), *right = b.as<Reduce>();
    return iteration_shape(a) == iteration_shape(b) &&
           (left && right ? left->axes == right->axes : left == right);
  }

  // Keeps the last members, one for each group, whose groups have room for more.
  void keep_candidates(std::vector<std::size_t>& members) const {
    std::unordered_set<std::size_t> groups;
    std::erase_if(members, [&](std::size_t m) {
      const std::size_t group = members_[m].group;
      return groups_[group].size() >= largest_group || !groups.insert(group).second;
    });
    if (members.size() > most_candidates) members.erase(members.begin());
  }

  // Makes one group of two, if their members may share a kernel.
  void join(std::size_t a, std::size_t b) {
    if (a == b) return;
    if (position_[a] > position_[b]) std::swap(a, b);
    std::vector<std::size_t> all;
    std::ranges::merge(groups_[a], groups_[b], std::back_inserter(all));
    std::int64_t code = 0;
    for (const std::size_t m : all) code += members_[m].code;
    if (all.size() > largest_group || code > largest_code || !may_share(all)) return;
    const auto later = readers_before(a, b);
    if (!later) return;
    for (std::size_t m : all) members_[m].group = b;
    groups_[b] = std::move(all);
    groups_[a].clear();
    // The groups that read from `a` move behind `b` in the order.
    const std::size_t first = position_[a], last = position_[b];
    const std::vector<std::size_t> between(order_.begin() + first, order_.begin() + last + 1);
    const auto moves = [&](std::size_t group) { return later->contains(group); };
    const auto rest = std::ranges::copy_if(between, order_.begin() + first, std::not_fn(moves)).out;
    std::ranges::copy_if(between, rest, moves);
    for (std::size_t place = first; place <= last; place++) position_[order_[place]] = place;
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

  // The groups before `b` in the order that read from `a`, directly or through others. Nothing if
  // `b` reads from one of them: then one kernel for a and b would have to run both before and after
  // that group.
  std::optional<std::unordered_set<std::size_t>> readers_before(std::size_t a,
                                                                std::size_t b) const {
    std::vector<std::size_t> open{a};
    std::unordered_set<std::size_t> reached;
    for (std::size_t i = 0; i < open.size(); i++)
      for (const std::size_t m : groups_[open[i]])
        for (const Read& read : reads_.of(*members_[m].node).reads) {
          const std::size_t group = member_of(*read.reader).group;
          if (group == b && i > 0) return std::nullopt;
          if (group == open[i] || position_[group] >= position_[b]) continue;
          if (reached.insert(group).second) open.push_back(group);
        }
    return reached;
  }

  // ---- kernels ----

  // The kernel of a group: its members, the shared locals that it computes, and its inputs.
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
    const auto is_elsewhere = [&](const Read& read) {
      return !is_computed_in(member_of(*read.reader), member.group);
    };
    return !member.is_shared_local &&
           (wanted_.contains(member.node) ||
            std::ranges::any_of(reads_.of(*member.node).reads, is_elsewhere));
  }

  std::unordered_set<NodeRef> wanted_;
  GraphReads reads_;
  std::vector<Member> members_;
  std::vector<std::vector<std::size_t>> groups_;  // members, in order; empty: joined another group
  // The groups in an order in which each stands behind those that it reads from, and the position
  // of each in that order.
  std::vector<std::size_t> order_, position_;
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

std::string canonical_text(const KernelGraph& kernel, PrintedNames names) {
  std::string result;
  const auto parts = parts_of(kernel);
  for (std::size_t i = 0; i < kernel.inputs.size(); i++) {
    const Node& input = *kernel.inputs[i];
    const std::string& name = names.try_emplace(&input, fmt::format("in{}", i)).first->second;
    result += fmt::format("{} {}\n", name, text(input.type, parts.at(&input).shape));
  }
  const std::vector<NodeRef> nodes = nodes_of(kernel);
  result += print_nodes(nodes, names, [&](const Node& node) -> Node::Detail {
    const auto* view = node.as<View>();
    const auto part = view ? parts.find(node.inputs[0].get()) : parts.end();
    return part == parts.end() ? node.detail
                               : View{part->second.within(view->map, axis_bounds(node.shape)),
                                      view->inside, view->fill};
  });
  for (const NodeRef& node : nodes)
    if (node->as<Reduce>() && canonical_order(*node).strands > 1)
      result += "strands " + names.at(node.get()) + "\n";
  for (const NodeRef& node : kernel.locals) result += "local " + names.at(node.get()) + "\n";
  for (const NodeRef& node : kernel.outputs) result += "output " + names.at(node.get()) + "\n";
  return result;
}

}  // namespace tenon
