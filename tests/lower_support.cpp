#include "lower_support.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include "codegen/cpu_backend.h"
#include "lower/finish.h"
#include "lower/input_parts.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "ops/views.h"
#include "oracle/interpret.h"
#include "oracle/interpret_nest.h"

namespace tenon_test {

using namespace tenon;

std::uint32_t Inputs::next() {
  state_ = state_ * 1664525u + 1013904223u;
  return state_ >> 8;
}

Tensor Inputs::floats(const Shape& shape, const std::string& name) {
  std::vector<float> values(static_cast<std::size_t>(elements(shape)));
  for (float& value : values) value = static_cast<float>(next() % 4096) / 2048.0f - 1.0f;
  return from_bytes(executor, Type::f32, shape, values.data(), name);
}

Tensor Inputs::integers(const Shape& shape, std::int32_t below, const std::string& name) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(elements(shape)));
  for (std::int32_t& value : values)
    value = static_cast<std::int32_t>(next() % static_cast<std::uint32_t>(below));
  return from_bytes(executor, Type::i32, shape, values.data(), name);
}

Tensor operator+(const Tensor& a, const Tensor& b) { return map(ScalarOp::add, {a, b}); }
Tensor operator*(const Tensor& a, const Tensor& b) { return map(ScalarOp::mul, {a, b}); }
Tensor operator-(const Tensor& a, const Tensor& b) { return a + number(-1, b) * b; }
Tensor number(double value, const Tensor& like) {
  return constant(like.executor(), like.type(), value, like.shape());
}
Tensor exp2(const Tensor& x) { return map(ScalarOp::exp2, {x}); }
Tensor relu(const Tensor& x) { return map(ScalarOp::max, {x, number(0, x)}); }
Tensor sum(const Tensor& x, std::vector<int> axes) { return reduce(Combine::sum, x, axes); }
Tensor max(const Tensor& x, std::vector<int> axes) { return reduce(Combine::max, x, axes); }
Tensor in_rows(const Tensor& rows, const Tensor& x) {
  return expand(reshape(rows, {rows.shape()[0], 1}), x.shape());
}
Tensor in_columns(const Tensor& row, const Tensor& x) { return expand(row, x.shape()); }

Tensor product_terms(const Tensor& a, const Tensor& b) {
  const Shape terms{a.shape()[0], b.shape()[1], a.shape()[1]};
  const Tensor left = expand(reshape(a, {a.shape()[0], 1, a.shape()[1]}), terms);
  return left * expand(permute(b, {1, 0}), terms);
}

Tensor sum_of_products(const Tensor& product, std::vector<int> axes) {
  const Tensor sums = sum(product, axes);
  NodeTable& nodes = product.executor().nodes();
  return {product.executor(),
          nodes.make(sums.node()->detail, Type::f32, sums.shape(), product.node()->inputs)};
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  return sum_of_products(product_terms(a, b), {2});
}

Kernel named_naive(const KernelGraph& graph) {
  const Kernel nest = naive(graph);
  const auto name = [](const Node& node) {
    const auto* leaf = node.as<BufferLeaf>();
    return leaf ? leaf->name : "";
  };
  return renamed(nest, names_of(graph, nest, name));
}

KernelGraph one_kernel(const std::vector<Tensor>& outputs, const std::vector<Tensor>& locals) {
  KernelGraph kernel;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const auto& self, const NodeRef& node) -> void {
    if (!seen.insert(node.get()).second) return;
    if (node->as<BufferLeaf>()) kernel.inputs.push_back(node);
    for (const NodeRef& input : node->inputs) self(self, input);
  };
  for (const Tensor& output : outputs) {
    visit(visit, output.node());
    kernel.outputs.push_back(output.node());
  }
  for (const Tensor& local : locals) kernel.locals.push_back(local.node());
  return kernel;
}

std::string wrong(const KernelGraph& kernel, Inputs& inputs) {
  const Kernel nest = naive(kernel);
  if (const auto broken = verify(nest)) return *broken + "\n" + print(nest);
  const auto values = values_read(kernel, inputs);
  const NestRun run = evaluate_nest(nest, values);
  if (!run.error.empty()) return run.error + "\n" + print(nest);
  const Kernel explicit_nest = finish(nest, target(Isa::avx512)).kernel;
  const NestRun finished = evaluate_nest(explicit_nest, values);
  if (!finished.error.empty()) return finished.error + "\n" + print(explicit_nest);
  for (std::size_t output = 0; output < run.outputs.size(); output++)
    if (!same_bits(run.outputs[output], finished.outputs[output]))
      return "finish() changes the values\n" + print(nest) + print(explicit_nest);
  const auto expected = interpret(kernel.outputs, inputs.executor.device());
  for (std::size_t output = 0; output < expected.size(); output++) {
    double largest = 0;
    for (double value : expected[output])
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    const bool is_float = info(kernel.outputs[output]->type).is_float;
    if (run.outputs[output].size() != expected[output].size())
      return "sizes differ\n" + print(nest);
    for (std::size_t i = 0; i < expected[output].size(); i++) {
      const double is = run.outputs[output][i], should_be = expected[output][i];
      const bool equal = is == should_be || (std::isnan(is) && std::isnan(should_be));
      const bool close = is_float && std::abs(is - should_be) <= 1e-5 * std::max(largest, 1.0);
      if (!equal && !close)
        return fmt::format("element {} of output {} is {}, not {}\n{}", i, output, is, should_be,
                           print(nest));
    }
  }
  return "";
}

std::vector<std::vector<double>> values_read(const KernelGraph& kernel, Inputs& inputs) {
  auto values = interpret(kernel.inputs, inputs.executor.device());
  const auto parts = parts_of(kernel);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const InputPart& part = parts.at(kernel.inputs[i].get());
    values[i].erase(values[i].begin(), values[i].begin() + part.offset);
    values[i].resize(elements(part.shape));
  }
  return values;
}

std::string checked_nest(const KernelGraph& kernel, Inputs& inputs) {
  const std::string problem = wrong(kernel, inputs);
  return problem.empty() ? print(named_naive(kernel)) : problem;
}

Fused fused(const std::vector<Tensor>& wanted, Inputs& inputs) {
  std::vector<NodeRef> nodes;
  for (const Tensor& tensor : wanted) nodes.push_back(tensor.node());
  const std::vector<NodeRef> better = apply_rules(nodes, inputs.executor.nodes());
  Fused result{fusion(better), ""};
  std::unordered_set<const Node*> written;
  for (const KernelGraph& kernel : result.kernels) {
    for (const NodeRef& input : kernel.inputs)
      if (!input->as<BufferLeaf>() && !written.contains(input.get()))
        result.wrong += "a kernel reads what no kernel before it wrote\n" + canonical_text(kernel);
    for (const NodeRef& output : kernel.outputs) written.insert(output.get());
    result.wrong += wrong(kernel, inputs);
  }
  for (const NodeRef& node : better)
    if (!node->as<BufferLeaf>() && !written.contains(node.get()))
      result.wrong += "a node that was wanted is not computed\n";
  return result;
}

}  // namespace tenon_test
