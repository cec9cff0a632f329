// What the files onednn*.cpp share: making primitives with both versions of oneDNN, and Work, a
// list of primitives that becomes a contestant.
//
// Debian 12 has oneDNN 2.6, Debian 13 has 3.7. Version 3 makes primitives without descriptions of
// operations, and has fewer names: described() and the aliases below hide that.
#pragma once

#include <memory>
#include <unordered_map>

#include <dnnl.hpp>

#include "bench/onednn.h"

namespace tenon::bench::onednn {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

#if DNNL_VERSION_MAJOR >= 3
using Softmax = dnnl::softmax_forward;
using Pooling = dnnl::pooling_forward;
template <typename Primitive, typename... Of>
typename Primitive::primitive_desc described(const dnnl::engine& engine,
                                             const dnnl::primitive_attr& attributes,
                                             const Of&... of) {
  return {engine, of..., attributes};
}
inline void append_eltwise(dnnl::post_ops& after, algorithm kind, float alpha = 0) {
  after.append_eltwise(kind, alpha, 0);
}
inline Dims dims_of(const memory::desc& desc) { return desc.get_dims(); }
#else
using Softmax = dnnl::softmax_v2_forward;
using Pooling = dnnl::pooling_v2_forward;
template <typename Primitive, typename... Of>
typename Primitive::primitive_desc described(const dnnl::engine& engine,
                                             const dnnl::primitive_attr& attributes,
                                             const Of&... of) {
  return {typename Primitive::desc(of...), attributes, engine};
}
inline void append_eltwise(dnnl::post_ops& after, algorithm kind, float alpha = 0) {
  after.append_eltwise(1, kind, alpha, 0);
}
inline Dims dims_of(const memory::desc& desc) { return desc.dims(); }
#endif

inline memory::desc f32(memory::dims shape, Tag tag) {
  return {std::move(shape), memory::data_type::f32, tag};
}
// Row-major, of any rank.
inline memory::desc plain(const Dims& shape) {
  Dims strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return {shape, memory::data_type::f32, strides};
}

// The contestant that executes primitives in order.
class Work {
 public:
  explicit Work(Device& device) : device_(&device) {}

  const dnnl::engine& engine() const { return engine_; }
  memory operand(const memory::desc& description, const float* data) const {
    return {description, engine_, const_cast<float*>(data)};  // oneDNN reads it only
  }
  // New memory, which lives as long as the work.
  memory scratch(const memory::desc& description) {
    memory_.push_back(device_->allocate(description.get_size()));
    return {description, engine_, memory_.back()->host};
  }
  // The memory of the result, in a plain layout.
  memory result(const memory::desc& description) {
    if (!result_) result_ = device_->allocate(description.get_size());
    return {description, engine_, result_->host};
  }
  void add(const dnnl::primitive& primitive, Arguments arguments) {
    steps_.push_back({primitive, std::move(arguments)});
  }
  // The memory itself if it has the layout already, else a copy: made now, or by each run.
  memory in_layout(const memory& from, const memory::desc& description, bool now) {
    if (from.get_desc() == description) return from;
    memory to = scratch(description);
    if (now)
      reorder(from, to);
    else
      add_reorder(from, to);
    return to;
  }
  void add_reorder(const memory& from, const memory& to) {
    add(dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  Contestant contestant() && {
    const auto work = std::make_shared<Work>(std::move(*this));
    return bench::contestant("onednn", [work] { work->run(); }, work->result_);
  }
  // The result is in another layout; it becomes plain only to be checked.
  Contestant packed_contestant(const memory& packed, const memory& plain) && {
    const auto work = std::make_shared<Work>(std::move(*this));
    Contestant result = bench::contestant("onednn_packed", [work] { work->run(); }, work->result_);
    result.results = [work, packed, plain] {
      work->reorder(packed, plain);
      return std::vector{work->result_};
    };
    return result;
  }

 private:
  struct Step {
    dnnl::primitive primitive;
    Arguments arguments;
  };

  void run() {
    for (const Step& step : steps_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
  }
  void reorder(memory from, memory to) {
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  Device* device_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  BufferRef result_;
  std::vector<BufferRef> memory_;
  std::vector<Step> steps_;
};

inline std::vector<Contestant> only(Work work) {
  std::vector<Contestant> ways;
  ways.push_back(std::move(work).contestant());
  return ways;
}

}  // namespace tenon::bench::onednn
