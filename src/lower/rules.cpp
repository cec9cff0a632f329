#include "lower/rules.h"

#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/rule_cases.h"

namespace tenon {
namespace {

struct Rule {
  const char* mathematics;
  NodeRef (*apply)(const Subject&);
  Pattern pattern = {};
};

using Op = ScalarOp;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double smallest = std::numeric_limits<std::int32_t>::min();

// Bits are kept, so there is no x + 0 = x (-0 + 0 is 0) nor x * 0 = 0 for floats (of infinity and
// NaN). Sums of products and repeated elements round otherwise than the graph did: they define it.
// clang-format off
constexpr Rule rules[] = {
    {"f(c, d, ..)                 = its value", fold_constants},
    {"x * 1                       = x", neutral, {Op::mul, 1, For::all}},
    {"x / 1                       = x", neutral_right, {Op::div, 1, For::all}},
    {"x + -0.0                    = x", neutral, {Op::add, -0.0, For::floats}},
    {"n + 0                       = n", neutral, {Op::add, 0, For::integers}},
    {"max(x, -inf)                = x", neutral, {Op::max, -infinity, For::floats}},
    {"max(n, smallest)            = n", neutral, {Op::max, smallest, For::integers}},
    {"n idiv 1                    = n", neutral_right, {Op::idiv, 1, For::integers}},
    {"n shl 0                     = n", neutral_right, {Op::shl, 0, For::integers}},
    {"n shr 0                     = n", neutral_right, {Op::shr, 0, For::integers}},
    {"n or 0                      = n", neutral, {Op::bit_or, 0, For::integers}},
    {"n xor 0                     = n", neutral, {Op::bit_xor, 0, For::integers}},
    {"n and -1                    = n", neutral, {Op::bit_and, -1, For::integers}},
    {"p or false                  = p", neutral, {Op::bit_or, 0, For::booleans}},
    {"p xor false                 = p", neutral, {Op::bit_xor, 0, For::booleans}},
    {"p and true                  = p", neutral, {Op::bit_and, 1, For::booleans}},
    {"n * 0                       = 0", absorbing, {Op::mul, 0, For::integers}},
    {"n and 0                     = 0", absorbing, {Op::bit_and, 0, For::integers}},
    {"p and false                 = false", absorbing, {Op::bit_and, 0, For::booleans}},
    {"p or true                   = true", absorbing, {Op::bit_or, 1, For::booleans}},
    {"where(c, x, y)              = x or y", choose_by_constant},
    {"where(p, x, x)              = x", choose_between_equals},
    {"cast x to its type          = x", cast_to_own_type},
    {"cast(cast(p to a) to b)     = cast(p to b)", cast_twice},
    {"bitcast(bitcast(x))         = x", bitcast_back},
    {"x[i, j, ..]                 = x", view_nothing},
    {"c[f(i)]                     = c", view_of_constant},
    {"(x[f(i)])[g(j)]             = x[f(g(j))]", view_of_view},
    {"sum(a * b)                  = sum of fma(a, b, .)", sum_of_products},
    {"sum((a * b)[f(i)])          = sum(a[f(i)] * b[f(i)])", sum_of_viewed_products},
    {"sum over 1 element of x     = x + 0", reduce_single_elements},
    {"sum over n equal x          = n * x", reduce_repeated_elements},
};
// clang-format on

class Rewrite {
 public:
  explicit Rewrite(NodeTable& table) : table_(table) {}

  NodeRef operator()(const NodeRef& node) {
    const auto known = done_.find(node);
    return known != done_.end() ? known->second : done_[node] = rewritten(node);
  }

 private:
  NodeRef rewritten(const NodeRef& node) {
    if (NodeRef leaf = table_.realized(*node)) return leaf;
    if (node->is_leaf()) return node;
    const std::vector<NodeRef> inputs = mapped(node->inputs, *this);
    const NodeRef rebuilt =
        inputs == node->inputs ? node : table_.make(node->detail, node->type, node->shape, inputs);
    for (const Rule& rule : rules) {
      const NodeRef better = rule.apply({rebuilt, table_, rule.pattern});
      if (!better) continue;
      check(better->type == node->type && better->shape == node->shape, rule.mathematics);
      return (*this)(better);
    }
    return rebuilt;
  }

  NodeTable& table_;
  std::unordered_map<NodeRef, NodeRef> done_;
};

}  // namespace

std::vector<NodeRef> apply_rules(std::span<const NodeRef> wanted, NodeTable& table) {
  return mapped(wanted, Rewrite(table));
}

}  // namespace tenon
