// align_streams: a loop of streaming stores, which bypass the caches, begins at the first aligned
// element of each row, so that it writes aligned vectors. Results begin at a multiple of 64 bytes,
// so the number of that element is an index over the loops around.
//
//   limit 64*j + jv < 1000
//   for i 100                              for i 100
//     for j 16                               y[i,h] = .. when h < A and h < E          (vector h)
//       for jv 64 vector             ->      for j2 16 to (E - A) / 64
//         y[i,64*j + jv] = .. stream           y[i,A + 64*j2 + jv] = .. stream         (vector jv)
//                                            y[i,A + .. + jv] = .. when .. < E         (vector jv)
//
// E is the end of the row, here 1000, and A its first aligned element. The head and the tail are
// masked. If a row is known to be aligned and to consist of whole vectors, nothing changes.

#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// A loop of streaming stores. Its row begins at the position `row` of the tensor and ends at the
// element `end` of the row; `width` elements are stored at once.
struct Stream {
  const Loop* inner;
  Store store;
  Index row, end;
  std::int64_t width;
};

class Streams {
 public:
  Streams(Kernel& kernel, const Target& target)
      : kernel_(kernel), vector_(target.vector_bytes / word) {}

  // The items that take the place of one item. `path` holds the axes of the loops around it.
  std::vector<Item> aligned(const Item& item, const Path& path) {
    const Loop* loop = item.loop();
    const auto stream = loop ? streamed(*loop, path) : std::nullopt;
    return stream ? under(item.when, parts(*loop, *stream)) : std::vector{item};
  }

 private:
  static constexpr int word = 4;  // bytes

  bool has(Var axis, Tag tag) const { return kernel_.axes[axis].tag == tag; }

  std::optional<Stream> streamed(const Loop& loop, const Path& path) const {
    const Item* item = only_item(loop);
    const Loop* inner = item ? item->loop() : nullptr;
    if (!(has(loop.axis, Tag::serial) || has(loop.axis, Tag::parallel)) || !inner ||
        !has(inner->axis, Tag::vector))
      return {};
    const Item* statement = only_item(*inner);
    const Store* store = statement ? statement->store() : nullptr;
    if (!store || !store->stream || store->combine || store->computed) return {};
    const KernelTensor& tensor = kernel_.tensors[store->tensor];
    const std::int64_t width = kernel_.extent(inner->axis);
    if (tensor.where != Where::argument || info(tensor.type).bytes != word ||
        width % vector_ != 0 ||
        std::ranges::any_of(path, [&](Var v) { return has(v, Tag::vector); }))
      return {};
    // Every index must use both axes only as this number of the element in the row.
    const Index element = Index::var(loop.axis) * width + Index::var(inner->axis);
    const auto is_run = [&](const Index& index) {
      const Index rest = index - element * index.coefficient(inner->axis);
      return !rest.uses(inner->axis) && !rest.uses(loop.axis);
    };
    const Index row = flat(tensor, store->at) - element;
    if (row.uses(inner->axis) || row.uses(loop.axis) || !all_indices(*store, is_run)) return {};
    const auto end = end_of(loop, *inner, path, element, width);
    if (!end) return {};
    return Stream{inner, *store, row, *end, width};
  }

  // Does every index in the stored value satisfy `holds`? The subscripts of a load count as one
  // index, its place in memory.
  bool all_indices(const Store& store, const std::function<bool(const Index&)>& holds) const {
    bool all = true;
    visit_values(store, [&](const Value& v) {
      Value place = v;
      if (Access* access = access_in(place.detail)) {
        all = all && !access->computed;
        access->at = {flat(kernel_.tensors[access->tensor], access->at)};
      }
      for_each_index(place, [&](const Index& index) { all = all && holds(index); });
    });
    return all;
  }

  // The element at which the row ends, if one index says that.
  std::optional<Index> end_of(const Loop& loop, const Loop& inner, const Path& path,
                              const Index& element, std::int64_t width) const {
    Index end = kernel_.extent(loop.axis) * width;
    for (const Limit& limit : kernel_.limits) {
      const Var axis = limit.index.uses(inner.axis) ? inner.axis : loop.axis;
      if (!limit.index.uses(axis)) continue;
      const std::int64_t step = limit.index.coefficient(axis);
      const bool is_element = axis == inner.axis;
      const Index rest = limit.index - (is_element ? element : Index::var(axis)) * step;
      const auto is_around = [&](Var v) { return contains(path, v); };
      if (step <= 0 || (is_element && step != 1) || !std::ranges::all_of(rest.vars(), is_around))
        return {};
      Index other = floordiv(Index(limit.bound + step - 1) - rest, step, kernel_.bounds());
      if (!is_element) other = other * width;
      const Bounds distance = bounds(other - end, kernel_.bounds());
      if (distance.low >= 0) continue;
      if (distance.high > 0) return {};
      end = other;
    }
    return end;
  }

  std::vector<Item> parts(const Loop& loop, const Stream& stream) {
    const VarBounds of = kernel_.bounds();
    const Index begin =
        floordiv(stream.row + Index(vector_ - 1), vector_, of) * vector_ - stream.row;
    const Index left = stream.end - begin;
    const Index whole = floordiv(left, stream.width, of), rest = mod(left, stream.width, of);
    if (begin == Index(0) && rest == Index(0) && whole == Index(kernel_.extent(loop.axis)))
      return {{loop}};
    // The statement for one vector of elements that begins at `first`, where `when` holds.
    const auto lanes = [&](Var axis, const Index& first, std::vector<Range> when) {
      std::vector<Item> items = {{stream.store, {}}};
      const Index element = first + Index::var(axis);
      replace_indices(items, replacing(kernel_, {loop.axis, stream.inner->axis}, {0, element}));
      items[0].when = std::move(when);
      return Item{Loop{axis, std::move(items)}};
    };
    // No limit uses the new axes. So the end of the row is written down here.
    const auto like = [&](Var old, std::int64_t extent) {
      const Axis axis = kernel_.axes[old];
      return kernel_.add_axis(axis.name, extent, axis.tag);
    };
    const Var head = like(stream.inner->axis, vector_);
    const Var body = like(loop.axis, kernel_.extent(loop.axis));
    const Var tail = like(stream.inner->axis, stream.width);
    const auto below = [](const Index& index, const Index& end) {
      return Range{index - end, -anything, 0};
    };
    const Index after = begin + whole * stream.width;
    std::vector<Item> result = {
        lanes(head, 0, {below(Index::var(head), begin), below(Index::var(head), stream.end)}),
        {Loop{body, {lanes(tail, begin + Index::var(body) * stream.width, {})}, {}, {whole}}},
        lanes(tail, after, {below(after + Index::var(tail), stream.end)})};
    result.front().when = {{begin, 1, anything}};
    result.back().when = {{rest, 1, anything}, {left, 0, anything}};
    return result;
  }

  Kernel& kernel_;
  std::int64_t vector_;  // elements in a vector of the machine
};

}  // namespace

Kernel align_streams(Kernel kernel, const Target& target) {
  Streams streams(kernel, target);
  change_bodies(kernel.body, [&](std::vector<Item>& body, const Path& path) {
    body = flat_mapped(body, [&](const Item& item) { return streams.aligned(item, path); });
  });
  return kernel;
}

}  // namespace tenon
