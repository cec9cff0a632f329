#include "bench/onednn.h"

#include <omp.h>

#include <memory>
#include <unordered_map>

#include <fmt/core.h>
#include <dnnl.hpp>

#include "core/error.h"

// Debian 12 has oneDNN 2.6, Debian 13 has 3.7. Version 3 makes primitives without descriptions of
// operations; the functions that differ are kept together in the namespace `made`.
namespace tenon::bench::onednn {

namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

memory::desc f32(memory::dims shape, Tag tag) {
  return {std::move(shape), memory::data_type::f32, tag};
}

namespace made {

#if DNNL_VERSION_MAJOR >= 3
dnnl::matmul matmul(const dnnl::engine& engine, const memory::desc& a, const memory::desc& b,
                    const memory::desc& c) {
  return dnnl::matmul({engine, a, b, c});
}
dnnl::eltwise_forward eltwise(const dnnl::engine& engine, algorithm kind, const memory::desc& x,
                              float alpha, float beta) {
  return dnnl::eltwise_forward({engine, prop_kind::forward_inference, kind, x, x, alpha, beta});
}
dnnl::binary binary(const dnnl::engine& engine, algorithm kind, const memory::desc& x,
                    const memory::desc& y, const dnnl::primitive_attr& attributes) {
  return dnnl::binary({engine, kind, x, y, x, attributes});
}
void append_relu(dnnl::post_ops& after) { after.append_eltwise(algorithm::eltwise_relu, 0, 0); }
dnnl::softmax_forward softmax(const dnnl::engine& engine, const memory::desc& x) {
  return dnnl::softmax_forward(
      {engine, prop_kind::forward_inference, algorithm::softmax_accurate, x, x, 1});
}
dnnl::layer_normalization_forward layernorm(const dnnl::engine& engine, const memory::desc& x,
                                            float epsilon) {
  return dnnl::layer_normalization_forward(
      {engine, prop_kind::forward_inference, x, x, epsilon, dnnl::normalization_flags::none});
}
#else
dnnl::matmul matmul(const dnnl::engine& engine, const memory::desc& a, const memory::desc& b,
                    const memory::desc& c) {
  return dnnl::matmul({{a, b, c}, engine});
}
dnnl::eltwise_forward eltwise(const dnnl::engine& engine, algorithm kind, const memory::desc& x,
                              float alpha, float beta) {
  return dnnl::eltwise_forward({{prop_kind::forward_inference, kind, x, alpha, beta}, engine});
}
dnnl::binary binary(const dnnl::engine& engine, algorithm kind, const memory::desc& x,
                    const memory::desc& y, const dnnl::primitive_attr& attributes) {
  return dnnl::binary({{kind, x, y, x}, attributes, engine});
}
void append_relu(dnnl::post_ops& after) { after.append_eltwise(1, algorithm::eltwise_relu, 0, 0); }
dnnl::softmax_v2_forward softmax(const dnnl::engine& engine, const memory::desc& x) {
  return dnnl::softmax_v2_forward(
      {{prop_kind::forward_inference, algorithm::softmax_accurate, x, x, 1}, engine});
}
dnnl::layer_normalization_forward layernorm(const dnnl::engine& engine, const memory::desc& x,
                                            float epsilon) {
  return dnnl::layer_normalization_forward(
      {{prop_kind::forward_inference, x, epsilon, dnnl::normalization_flags::none}, engine});
}
#endif

}  // namespace made

// A primitive with its memory.
struct Step {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
};

// The contestant that executes the steps in order.
class Work {
 public:
  Work(Device& device, std::int64_t elements)
      : result_(device.allocate(elements * sizeof(float))) {}

  const dnnl::engine& engine() const { return engine_; }
  memory operand(const memory::desc& description, const float* data) const {
    return {description, engine_, const_cast<float*>(data)};  // oneDNN reads it only
  }
  memory result(const memory::desc& description) const {
    return {description, engine_, result_->host};
  }
  void add(dnnl::primitive primitive, std::unordered_map<int, memory> arguments) {
    steps_.push_back({std::move(primitive), std::move(arguments)});
  }
  Contestant contestant() && {
    auto work = std::make_shared<Work>(std::move(*this));
    return bench::contestant("onednn", [work] { work->run(); }, work->result_);
  }

 private:
  void run() {
    for (const Step& step : steps_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  BufferRef result_;
  std::vector<Step> steps_;
};

Contestant sgemm(Device& device, const Gemm& gemm, const float* a, const float* b) {
  const BufferRef result = device.allocate(gemm.m * gemm.n * sizeof(float));
  auto run = [=, c = static_cast<float*>(result->host)] {
    const dnnl::status status = dnnl::sgemm(
        gemm.transpose_a ? 'T' : 'N', gemm.transpose_b ? 'T' : 'N', gemm.m, gemm.n, gemm.k, 1, a,
        gemm.transpose_a ? gemm.m : gemm.k, b, gemm.transpose_b ? gemm.k : gemm.n, 0, c, gemm.n);
    check(status == dnnl::status::success, "dnnl_sgemm failed");
  };
  return contestant("onednn", run, result);
}

Contestant matmul(Device& device, const Gemm& gemm, const float* a, const float* b) {
  const auto a_desc = f32({gemm.m, gemm.k}, gemm.transpose_a ? Tag::ba : Tag::ab);
  const auto b_desc = f32({gemm.k, gemm.n}, gemm.transpose_b ? Tag::ba : Tag::ab);
  const auto c_desc = f32({gemm.m, gemm.n}, Tag::ab);
  Work work(device, gemm.m * gemm.n);
  work.add(made::matmul(work.engine(), a_desc, b_desc, c_desc),
           {{DNNL_ARG_SRC, work.operand(a_desc, a)},
            {DNNL_ARG_WEIGHTS, work.operand(b_desc, b)},
            {DNNL_ARG_DST, work.result(c_desc)}});
  return std::move(work).contestant();
}

// One pass: x * a, then b added and relu applied to the same elements.
Contestant affine_relu_fused(Device& device, const MapOperands& operands) {
  const auto x_desc = f32({operands.elements}, Tag::a), scalar_desc = f32({1}, Tag::a);
  dnnl::post_ops after;
  after.append_binary(algorithm::binary_add, scalar_desc);
  made::append_relu(after);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(after);
  Work work(device, operands.elements);
  work.add(
      made::binary(work.engine(), algorithm::binary_mul, x_desc, scalar_desc, attributes),
      {{DNNL_ARG_SRC_0, work.operand(x_desc, operands.x)},
       {DNNL_ARG_SRC_1, work.operand(scalar_desc, operands.a)},
       {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, work.operand(scalar_desc, operands.b)},
       {DNNL_ARG_DST, work.result(x_desc)}});
  return std::move(work).contestant();
}

// Two passes, the second in place; a and b are known when the primitives are made.
Contestant affine_relu_in_two(Device& device, const MapOperands& operands) {
  const auto desc = f32({operands.elements}, Tag::a);
  Work work(device, operands.elements);
  work.add(made::eltwise(work.engine(), algorithm::eltwise_linear, desc, *operands.a, *operands.b),
           {{DNNL_ARG_SRC, work.operand(desc, operands.x)}, {DNNL_ARG_DST, work.result(desc)}});
  work.add(made::eltwise(work.engine(), algorithm::eltwise_relu, desc, 0, 0),
           {{DNNL_ARG_SRC, work.result(desc)}, {DNNL_ARG_DST, work.result(desc)}});
  return std::move(work).contestant();
}

Contestant add(Device& device, const MapOperands& operands) {
  const auto desc = f32({operands.elements}, Tag::a);
  Work work(device, operands.elements);
  work.add(made::binary(work.engine(), algorithm::binary_add, desc, desc, {}),
           {{DNNL_ARG_SRC_0, work.operand(desc, operands.x)},
            {DNNL_ARG_SRC_1, work.operand(desc, operands.a)},
            {DNNL_ARG_DST, work.result(desc)}});
  return std::move(work).contestant();
}

Contestant gelu(Device& device, const MapOperands& operands) {
  const auto desc = f32({operands.elements}, Tag::a);
  Work work(device, operands.elements);
  work.add(made::eltwise(work.engine(), algorithm::eltwise_gelu_tanh, desc, 0, 0),
           {{DNNL_ARG_SRC, work.operand(desc, operands.x)}, {DNNL_ARG_DST, work.result(desc)}});
  return std::move(work).contestant();
}

}  // namespace

std::string version() {
  const dnnl::version_t* version = dnnl::version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

void set_threads(int threads) {
  const unsigned runtime = dnnl::version()->cpu_runtime;
  if (runtime != DNNL_RUNTIME_OMP) fail("bench: this oneDNN was not built for OpenMP threads");
  omp_set_num_threads(threads);
}

std::vector<Contestant> gemm(Device& device, const Gemm& gemm, const float* a, const float* b) {
  return {sgemm(device, gemm, a, b), matmul(device, gemm, a, b)};
}

std::vector<Contestant> map(Device& device, const MapOperands& operands) {
  switch (operands.kind) {
    case MapKind::affine_relu:
      return {affine_relu_fused(device, operands), affine_relu_in_two(device, operands)};
    case MapKind::add:
      return {add(device, operands)};
    case MapKind::gelu:
      return {gelu(device, operands)};
  }
  return {};
}

std::vector<Contestant> norm(Device& device, const NormOperands& operands) {
  const auto desc = f32({operands.rows, operands.columns}, Tag::ab);
  Work work(device, operands.rows * operands.columns);
  const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, work.operand(desc, operands.x)},
                                                  {DNNL_ARG_DST, work.result(desc)}};
  if (operands.kind == NormKind::softmax) {
    work.add(made::softmax(work.engine(), desc), arguments);
  } else {
    work.add(made::layernorm(work.engine(), desc, operands.epsilon), arguments);
  }
  std::vector<Contestant> ways;
  ways.push_back(std::move(work).contestant());
  return ways;
}

}  // namespace tenon::bench::onednn
