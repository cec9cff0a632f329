// oneDNN: convolutions, pooling, reductions, and moving data.
#include <array>

#include "bench/onednn_work.h"

namespace tenon::bench::onednn {

namespace {

Dims less_one(Dims values) {
  for (std::int64_t& value : values) --value;
  return values;
}

// The weights as oneDNN sees them: with an axis for the groups, and the outputs before the inputs.
memory::desc plain_weights(const Conv& conv) {
  const Dims& dims = conv.weights;
  if (conv.is_transposed) {
    memory::desc desc = plain(dims);
    std::vector<int> order(dims.size());
    for (std::size_t axis = 0; axis < dims.size(); ++axis) order[axis] = static_cast<int>(axis);
    std::swap(order[0], order[1]);
    return desc.permute_axes(order);
  }
  if (conv.groups == 1) return plain(dims);
  Dims grouped{conv.groups, dims[0] / conv.groups};
  grouped.insert(grouped.end(), dims.begin() + 1, dims.end());
  return plain(grouped);
}

struct Layouts {
  memory::desc input, weights, output;
};

template <typename Primitive>
auto conv_description(const Work& work, const Conv& conv, const Layouts& layouts, algorithm kind) {
  dnnl::primitive_attr attributes;
  if (conv.has_bias_and_relu) {
    dnnl::post_ops after;
    append_eltwise(after, algorithm::eltwise_relu);
    attributes.set_post_ops(after);
    return described<Primitive>(work.engine(), attributes, prop_kind::forward_inference, kind,
                                layouts.input, layouts.weights, plain({conv.output[1]}),
                                layouts.output, conv.stride, less_one(conv.dilation), conv.padding,
                                conv.padding);
  }
  return described<Primitive>(work.engine(), attributes, prop_kind::forward_inference, kind,
                              layouts.input, layouts.weights, layouts.output, conv.stride,
                              less_one(conv.dilation), conv.padding, conv.padding);
}

memory::desc any_layout(const memory::desc& of) { return f32(dims_of(of), Tag::any); }

// In which layouts the primitive works, and when operands get there.
enum class Way : std::uint8_t {
  plain,     // in plain layouts
  reorders,  // in oneDNN's own; every run copies the operands there and the result back
  packed,    // in oneDNN's own; operands are there before, and the result stays there
};

template <typename Primitive>
Contestant conv_contestant(Device& device, const Conv& conv, Way way, algorithm kind,
                           const std::array<const float*, 3>& operands) {
  const Layouts plains{plain(conv.input), plain_weights(conv), plain(conv.output)};
  const Layouts own{any_layout(plains.input), any_layout(plains.weights),
                    any_layout(plains.output)};
  Work work(device);
  const auto made = conv_description<Primitive>(work, conv, way == Way::plain ? plains : own, kind);
  const bool now = way == Way::packed;
  const memory result = work.result(plains.output);
  const memory input =
      work.in_layout(work.operand(plains.input, operands[0]), made.src_desc(), now);
  const memory weights =
      work.in_layout(work.operand(plains.weights, operands[1]), made.weights_desc(), now);
  const bool is_plain = made.dst_desc() == plains.output;
  const memory output = is_plain ? result : work.scratch(made.dst_desc());
  Arguments arguments{{DNNL_ARG_SRC, input}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, output}};
  if (conv.has_bias_and_relu)
    arguments.insert({DNNL_ARG_BIAS, work.operand(plain({conv.output[1]}), operands[2])});
  work.add(Primitive(made), arguments);
  if (way == Way::packed) return std::move(work).packed_contestant(output, result);
  if (!is_plain) work.add_reorder(output, result);
  return std::move(work).contestant();
}

}  // namespace

std::vector<Contestant> conv(Device& device, const Conv& conv, const float* x, const float* weights,
                             const float* bias) {
  const std::array operands{x, weights, bias};
  std::vector<Contestant> ways;
  for (const Way way : {Way::plain, Way::reorders, Way::packed})
    ways.push_back(conv.is_transposed
                       ? conv_contestant<dnnl::deconvolution_forward>(
                             device, conv, way, algorithm::deconvolution_direct, operands)
                       : conv_contestant<dnnl::convolution_forward>(
                             device, conv, way, algorithm::convolution_auto, operands));
  return ways;
}

std::vector<Contestant> pool(Device& device, const Pool& pool, const float* x) {
  const Dims stride{pool.stride, pool.stride}, size{pool.size, pool.size},
      padding{pool.padding, pool.padding}, no_dilation{0, 0};
  const algorithm kind = pool.combining == Combining::max ? algorithm::pooling_max
                                                          : algorithm::pooling_avg_include_padding;
  const memory::desc input = plain(pool.input), output = plain(pool.output);
  Work work(device);
  work.add(Pooling(described<Pooling>(work.engine(), {}, prop_kind::forward_inference, kind, input,
                                      output, stride, size, no_dilation, padding, padding)),
           {{DNNL_ARG_SRC, work.operand(input, x)}, {DNNL_ARG_DST, work.result(output)}});
  return only(std::move(work));
}

std::vector<Contestant> reduce(Device& device, Combining combining, const Dims& input,
                               const Dims& output, const float* x) {
  const algorithm kind = combining == Combining::sum    ? algorithm::reduction_sum
                         : combining == Combining::max  ? algorithm::reduction_max
                         : combining == Combining::mean ? algorithm::reduction_mean
                                                        : algorithm::reduction_norm_lp_sum;
  const memory::desc from = plain(input), to = plain(output);
  constexpr float power = 2, epsilon = 0;
  Work work(device);
  work.add(dnnl::reduction(
               described<dnnl::reduction>(work.engine(), {}, kind, from, to, power, epsilon)),
           {{DNNL_ARG_SRC, work.operand(from, x)}, {DNNL_ARG_DST, work.result(to)}});
  return only(std::move(work));
}

std::vector<Contestant> permute(Device& device, const Dims& input, const Dims& order,
                                const float* x) {
  // oneDNN's order says where each axis of its operand goes.
  std::vector<int> to(order.size());
  for (std::size_t axis = 0; axis < order.size(); ++axis)
    to[static_cast<std::size_t>(order[axis])] = static_cast<int>(axis);
  const memory::desc from = plain(input).permute_axes(to);
  Work work(device);
  const memory result = work.result(plain(dims_of(from)));
  work.add_reorder(work.operand(from, x), result);
  return only(std::move(work));
}

std::vector<Contestant> concat(Device& device, const std::vector<Dims>& inputs, std::int64_t axis,
                               const std::vector<const float*>& operands) {
  Work work(device);
  Dims output = inputs[0];
  output[axis] = 0;
  std::vector<memory::desc> from;
  Arguments arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    output[axis] += inputs[i][axis];
    from.push_back(plain(inputs[i]));
    arguments.insert(
        {DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), work.operand(from.back(), operands[i])});
  }
  const memory::desc to = plain(output);
  arguments.insert({DNNL_ARG_DST, work.result(to)});
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::concat::primitive_desc made(work.engine(), to, static_cast<int>(axis), from);
#else
  const dnnl::concat::primitive_desc made(to, static_cast<int>(axis), from, work.engine());
#endif
  work.add(dnnl::concat(made), arguments);
  return only(std::move(work));
}

}  // namespace tenon::bench::onednn
