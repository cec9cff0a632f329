// Schedules: a list of moves as data, and their text form, which can be read, edited, replayed and
// sent in a bug report. Several moves may stand on one line; `#` begins a comment. Read next:
// moves.h.
//
//   split i -> ic ir(16) i0(8)            every part but the first has its extent
//   split j -> jo jv(16) peel             tail: mask (default), peel
//   order jc pc ic jr ir k0 i0 j0 jv      outermost first
//   fuse r c -> rc                        two adjacent axes become one (a form of order)
//   bind ic parallel  bind i0 unroll
//   stage b at pc                         tile in the kernel's own memory, laid out in loop order
//   stage a at ic depth 2                 and what the next iteration copies is prefetched
//   stage c at ir in register             where: register, heap
//   stage y at i stream                   results are written past the caches, with no tile
//   stage x at ho box                     keeps the operand's own index space
//   stage w at co layout(ci r s co)       axes of the tile, outermost first
//   stage x at root
//   at m y.i                              the producer m is computed inside y's loop i
//   splitreduce sum.kb                    partial results meet in a loop of their own
#pragma once

#include "lower/nest.h"

namespace tenon {

struct Part {
  std::string name;
  std::int64_t extent = 0;  // 0 for the first part, which takes what is left
};
struct Split {
  std::string axis;
  std::vector<Part> parts;
  Tail tail = Tail::mask;
};
struct Order {
  std::vector<std::string> axes;
};
struct Fuse {
  std::string outer, inner, name;
};
struct Bind {
  std::string axis;
  Tag tag;
};
enum class Layout : std::uint8_t { expand, box };
struct Stage {
  std::string tensor;
  std::string at;  // a loop, or "root"
  Where where = Where::heap;
  int depth = 1;
  Layout layout = Layout::expand;
  std::vector<std::string> order = {};  // empty: loop order
  bool stream = false;                  // no tile: what is stored goes past the caches
};
struct At {
  std::string producer, loop;
};
struct SplitReduce {
  std::string axis;
};

struct Move {
  std::variant<Split, Order, Fuse, Bind, Stage, At, SplitReduce> what;
  std::string place = {};  // "FILE:LINE" where it was read; else empty
};
using Schedule = std::vector<Move>;

// Error: "FILE:LINE: ...".
Schedule parse_schedule(std::string_view text, std::string_view file);
std::string print(const Move& move);
std::string print(const Schedule& schedule);

}  // namespace tenon
