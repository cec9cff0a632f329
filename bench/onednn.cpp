// oneDNN: its version and its threads; matrix products and element-wise work.
#include "bench/onednn.h"

#include <omp.h>

#include <fmt/core.h>

#include "bench/onednn_work.h"
#include "core/error.h"

namespace tenon::bench::onednn {

namespace {

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

// The attributes of a primitive that a binary_add and a relu follow.
dnnl::primitive_attr then_add_and_relu(const memory::desc& term) {
  dnnl::post_ops after;
  after.append_binary(algorithm::binary_add, term);
  append_eltwise(after, algorithm::eltwise_relu);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(after);
  return attributes;
}

void add_eltwise(Work& work, algorithm kind, const memory& from, const memory& to, float alpha = 0,
                 float beta = 0) {
  const memory::desc desc = from.get_desc();
#if DNNL_VERSION_MAJOR >= 3
  const auto made = described<dnnl::eltwise_forward>(
      work.engine(), {}, prop_kind::forward_inference, kind, desc, desc, alpha, beta);
#else
  const auto made = described<dnnl::eltwise_forward>(
      work.engine(), {}, prop_kind::forward_inference, kind, desc, alpha, beta);
#endif
  work.add(dnnl::eltwise_forward(made), {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
}

// One pass: x * a, then b added and relu applied to the same elements.
Contestant affine_relu_fused(Device& device, const Map& operands) {
  const auto desc = plain({operands.elements}), scalar = plain({1});
  Work work(device);
  work.add(dnnl::binary(described<dnnl::binary>(work.engine(), then_add_and_relu(scalar),
                                                algorithm::binary_mul, desc, scalar, desc)),
           {{DNNL_ARG_SRC_0, work.operand(desc, operands.x)},
            {DNNL_ARG_SRC_1, work.operand(scalar, operands.a)},
            {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, work.operand(scalar, operands.b)},
            {DNNL_ARG_DST, work.result(desc)}});
  return std::move(work).contestant();
}

// Two passes, the second in place; a and b are known when the primitives are made.
Contestant affine_relu_in_two(Device& device, const Map& operands) {
  const auto desc = plain({operands.elements});
  Work work(device);
  const memory result = work.result(desc);
  add_eltwise(work, algorithm::eltwise_linear, work.operand(desc, operands.x), result, *operands.a,
              *operands.b);
  add_eltwise(work, algorithm::eltwise_relu, result, result);
  return std::move(work).contestant();
}

Contestant add(Device& device, const Map& operands) {
  const auto desc = plain({operands.elements});
  Work work(device);
  work.add(dnnl::binary(
               described<dnnl::binary>(work.engine(), {}, algorithm::binary_add, desc, desc, desc)),
           {{DNNL_ARG_SRC_0, work.operand(desc, operands.x)},
            {DNNL_ARG_SRC_1, work.operand(desc, operands.a)},
            {DNNL_ARG_DST, work.result(desc)}});
  return std::move(work).contestant();
}

Contestant gelu(Device& device, const Map& operands) {
  const auto desc = plain({operands.elements});
  Work work(device);
  add_eltwise(work, algorithm::eltwise_gelu_tanh, work.operand(desc, operands.x),
              work.result(desc));
  return std::move(work).contestant();
}

void add_product(Work& work, const memory& a, const memory& b, const memory& c,
                 const dnnl::primitive_attr& attributes = {}) {
  work.add(dnnl::matmul(described<dnnl::matmul>(work.engine(), attributes, a.get_desc(),
                                                b.get_desc(), c.get_desc())),
           {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
}

void add_softmax(Work& work, const memory& from, const memory& to) {
  const memory::desc desc = from.get_desc();
  const int last = static_cast<int>(dims_of(desc).size()) - 1;
  work.add(Softmax(described<Softmax>(work.engine(), {}, prop_kind::forward_inference,
                                      algorithm::softmax_accurate, desc, desc, last)),
           {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
}

void add_layernorm(Work& work, const memory& from, const memory& to, float epsilon) {
  const memory::desc desc = from.get_desc();
  constexpr auto no_scale = dnnl::normalization_flags::none;
#if DNNL_VERSION_MAJOR >= 3
  const auto made = described<dnnl::layer_normalization_forward>(
      work.engine(), {}, prop_kind::forward_inference, desc, desc, epsilon, no_scale);
#else
  const auto made = described<dnnl::layer_normalization_forward>(
      work.engine(), {}, prop_kind::forward_inference, desc, epsilon, no_scale);
#endif
  work.add(dnnl::layer_normalization_forward(made), {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
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
  const auto [m, n, k, transpose_a, transpose_b] = gemm;
  const Dims by_rows_a{k, 1}, by_columns_a{1, m}, by_rows_b{n, 1}, by_columns_b{1, k};
  std::vector<Contestant> ways = products(device,
                                          {{m, k},
                                           transpose_a ? by_columns_a : by_rows_a,
                                           {k, n},
                                           transpose_b ? by_columns_b : by_rows_b},
                                          a, b);
  ways.push_back(sgemm(device, gemm, a, b));
  return ways;
}

std::vector<Contestant> products(Device& device, const Products& products, const float* a,
                                 const float* b) {
  Dims c = products.a;
  c.back() = products.b.back();
  constexpr auto type = memory::data_type::f32;
  Work work(device);
  add_product(work, work.operand({products.a, type, products.a_strides}, a),
              work.operand({products.b, type, products.b_strides}, b), work.result(plain(c)));
  return only(std::move(work));
}

std::vector<Contestant> map(Device& device, const Map& operands) {
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

std::vector<Contestant> norm(Device& device, const Norm& operands) {
  const auto desc = plain({operands.rows, operands.columns});
  Work work(device);
  const memory x = work.operand(desc, operands.x), y = work.result(desc);
  if (operands.kind == NormKind::softmax)
    add_softmax(work, x, y);
  else
    add_layernorm(work, x, y, operands.epsilon);
  return only(std::move(work));
}

std::vector<Contestant> attention(Device& device, const Attention& attention, const float* q,
                                  const float* k, const float* v) {
  const auto [b, h, rows, kv, d, scale] = attention;
  dnnl::post_ops after;
  append_eltwise(after, algorithm::eltwise_linear, scale);
  dnnl::primitive_attr scaled;
  scaled.set_post_ops(after);
  Work work(device);
  const memory scores = work.scratch(plain({b, h, rows, kv}));
  add_product(work, work.operand(plain({b, h, rows, d}), q),
              work.operand(f32({b, h, d, kv}, Tag::abdc), k), scores, scaled);
  add_softmax(work, scores, scores);
  add_product(work, scores, work.operand(plain({b, h, kv, d}), v),
              work.result(plain({b, h, rows, d})));
  return only(std::move(work));
}

}  // namespace tenon::bench::onednn
