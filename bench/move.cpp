// The suite move: data that changes its place and nothing else. Cases:
//
//   transpose:ROWSxCOLUMNS   permute:SHAPE:ORDER, as in permute:1x128x12x64:0,2,1,3
//   concat:AXIS:SHAPE+SHAPE..   pad:SHAPE:PADDING, a number an axis, before and behind
//   gather:ROWSxCOLUMNS:COUNT, that many rows at random

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "bench/onednn.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

using Numbers = std::vector<std::int64_t>;

[[noreturn]] void refuse(std::string_view name) {
  fail(
      "move: case {}: write transpose:512x1024, permute:1x128x12x64:0,2,1,3, "
      "concat:1:8x64x99+8x32x99, pad:1x64x56x56:0,0,1,1 or gather:30522x768:512",
      name);
}

std::string unary(const Numbers& shape, const std::string& call) {
  return fmt::format("x = input {}\ny = {}\noutput y\n", f32_of(shape), call);
}

Case permuted(Session& session, std::string_view name, const Numbers& shape, const Numbers& order) {
  Numbers sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t axis = 0; axis < sorted.size(); ++axis)
    if (sorted.size() != shape.size() || sorted[axis] != static_cast<std::int64_t>(axis))
      refuse(name);
  return text_case(session, name,
                   unary(shape, fmt::format("permute(x, order=[{}])", fmt::join(order, ","))), 0,
                   [=](Device& device, std::span<const float* const> of) {
                     return onednn::permute(device, shape, order, of[0]);
                   });
}

Case concatenated(Session& session, std::string_view name, std::string_view axis_text,
                  std::string_view shapes_text) {
  const Numbers axis = parse_list(axis_text, 1);
  std::vector<Numbers> shapes;
  std::string text, operands;
  for (std::size_t begin = 0; begin < shapes_text.size();) {
    const std::size_t end = std::min(shapes_text.find('+', begin), shapes_text.size());
    shapes.push_back(parse_sizes(shapes_text.substr(begin, end - begin), 0));
    text += fmt::format("x{} = input {}\n", shapes.size(), f32_of(shapes.back()));
    operands += fmt::format("x{}, ", shapes.size());
    begin = end + 1;
  }
  if (axis.empty() || shapes.empty() || shapes[0].empty()) refuse(name);
  text += fmt::format("y = concat({}axis={})\noutput y\n", operands, axis[0]);
  return text_case(session, name, text, 0, [=](Device& device, std::span<const float* const> of) {
    return onednn::concat(device, shapes, axis[0], {of.begin(), of.end()});
  });
}

Case gathered(Session& session, std::string_view name, const Numbers& table, const Numbers& count) {
  if (table.size() != 2 || count.empty()) refuse(name);
  const std::string text =
      fmt::format("x = input {}\nrows = input i32[{}]\ny = gather(x, rows, axis=0)\noutput y\n",
                  f32_of(table), count[0]);
  Case work = text_case(session, name, text, 0, {}, {.indices = table[0]});
  work.bytes_read = 4 * static_cast<double>(count[0]) * static_cast<double>(table[1] + 1);
  return work;
}

Case make_case(Session& session, std::string_view name) {
  const auto [kind, rest] = at_colon(name);
  const auto [first, second] = at_colon(rest);
  if (kind == "concat") return concatenated(session, name, first, second);
  const Numbers shape = parse_sizes(first, 0);
  if (shape.empty()) refuse(name);
  if (kind == "transpose" && shape.size() == 2) return permuted(session, name, shape, {1, 0});
  if (kind == "permute") return permuted(session, name, shape, parse_list(second, 0));
  if (kind == "gather") return gathered(session, name, shape, parse_sizes(second, 1));
  const Numbers padding = parse_list(second, shape.size());
  if (kind != "pad" || padding.empty()) refuse(name);
  const std::string sides = fmt::format("{}", fmt::join(padding, ","));
  return text_case(session, name,
                   unary(shape, fmt::format("pad(x, before=[{}], after=[{}])", sides, sides)), 0);
}

}  // namespace

Suite move_suite() {
  return {"move",
          {"transpose:512x512", "transpose:1024x1024", "transpose:4096x4096", "transpose:2000x3001",
           "transpose:100000x3", "permute:1x128x12x64:0,2,1,3", "permute:8x512x16x64:0,2,1,3",
           "permute:16x64x56x56:0,2,3,1", "permute:16x56x56x64:0,3,1,2", "permute:64x128x512:2,1,0",
           "concat:1:8x64x56x56+8x32x56x56", "concat:1:1000x96+1000x32+1000x7",
           "concat:0:1024x1024+1024x1024", "pad:1x64x56x56:0,0,1,1", "pad:8x128x112x112:0,0,1,1",
           "gather:30522x768:512", "gather:30522x768:16384"},
          make_case};
}

}  // namespace tenon::bench
