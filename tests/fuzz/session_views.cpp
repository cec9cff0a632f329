// Writes the views of random programs of sessions. Chains of them have indices whose bounds cannot
// be proven. Read first: session_programs.cpp.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sessions.h"

namespace tenon::fuzz {
namespace {

std::string list(const std::vector<std::int64_t>& numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ","));
}

class Views {
 public:
  Views(Random& random, const std::vector<std::int64_t>& pool) : random_(random), pool_(pool) {}

  std::string view(const std::string& x, const Tensor& tensor) {
    std::vector<std::int64_t> from;
    for (const Extent& extent : tensor.shape()) from.push_back(extent.value());
    const std::string fill =
        random_.chance(50)               ? "0"
        : tensor.type() == Type::f32     ? random_.of<std::string>({"1.5", "-2", "-inf"})
        : tensor.type() == Type::boolean ? "1"
                                         : random_.of<std::string>({"1", "-7"});
    const auto an_axis = [&] { return random_.below(std::max<std::int64_t>(tensor.rank(), 1)); };
    const std::int64_t kind = random_.below(9);
    if (from.empty() && kind != 3)
      return fmt::format("expand({}, shape=[{}])", x, random_.of(pool_));
    std::vector<std::int64_t> a(from.size()), b(from.size()), c(from.size(), 1);
    switch (kind) {
      case 0:
        for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::int64_t>(i);
        random_.shuffle(a);
        return fmt::format("permute({}, order={})", x, list(a));
      case 1:
        return fmt::format("flip({}, axes=[{}])", x, an_axis());
      case 2:
        for (std::size_t i = 0; i < a.size(); ++i)
          if (random_.chance(60)) a[i] = random_.below(4), b[i] = random_.below(4);
        return fmt::format("pad({}, before={}, after={}, fill={})", x, list(a), list(b), fill);
      case 3:
        return reshape(x, elements(tensor.shape()));
      case 4: {
        const auto axis = static_cast<std::size_t>(an_axis());
        from.insert(from.begin() + static_cast<std::ptrdiff_t>(axis), 1);
        const std::string thin = list(from);
        from[axis] = random_.of(pool_);
        return fmt::format("expand(reshape({}, shape={}), shape={})", x, thin, list(from));
      }
      case 5:
        return fmt::format("window({}, axis={}, size={}, stride={}, dilation={})", x, an_axis(),
                           random_.between(1, 3), random_.between(1, 3), random_.between(1, 2));
      case 6:
      case 7:
        for (std::size_t i = 0; i < a.size(); ++i) {
          b[i] = from[i];
          if (!random_.chance(60)) continue;
          a[i] = random_.between(-from[i] - 1, from[i]);
          b[i] = random_.between(-from[i] - 1, from[i] + 1);
          if (const auto step = random_.between(-3, 3)) c[i] = step;
        }
        return fmt::format("slice({}, start={}, stop={}, step={})", x, list(a), list(b), list(c));
      default:
        return any_view(x, from, fill);
    }
  }

 private:
  std::string reshape(const std::string& x, std::int64_t count) {
    std::vector<std::int64_t> to;
    for (std::int64_t rank = random_.between(0, 3); rank > 0; --rank) {
      std::vector<std::int64_t> factors;
      for (std::int64_t f = 1; f <= std::max<std::int64_t>(count, 1); ++f)
        if (count % f == 0) factors.push_back(f);
      to.push_back(random_.of(factors));
      count /= to.back();
    }
    if (count != 1 || random_.chance(30)) to.push_back(count);
    random_.shuffle(to);
    return fmt::format("reshape({}, shape={})", x, list(to));
  }

  // Indices that no other view has: quotients and remainders, of sums of axes.
  std::string any_view(const std::string& x, const std::vector<std::int64_t>& from,
                       const std::string& fill) {
    std::vector<std::int64_t> to;
    for (std::int64_t rank = random_.between(1, 3); rank > 0; --rank)
      to.push_back(random_.of(pool_));
    std::vector<std::string> map, inside;
    for (const std::int64_t extent : from) {
      std::string index = std::to_string(random_.between(-3, 3));
      for (std::size_t axis = 0; axis < to.size(); ++axis)
        if (random_.chance(60)) index += fmt::format(" + a{} * {}", axis, random_.between(-2, 3));
      if (random_.chance(40)) index = fmt::format("({}) / {}", index, random_.between(2, 4));
      if (random_.chance(50) && extent > 0) {
        index = fmt::format("({}) mod {}", index, extent);
      } else {
        inside.push_back(fmt::format("0 <= {} < {}", index, extent));
      }
      map.push_back(index);
    }
    if (random_.chance(30)) inside.push_back(fmt::format("1 <= a0 + {} < 6", random_.below(4)));
    return fmt::format("view({}, shape={}, map=[{}], inside=[{}], fill={})", x, list(to),
                       fmt::join(map, ", "), fmt::join(inside, ", "), fill);
  }

  Random& random_;
  const std::vector<std::int64_t>& pool_;
};

}  // namespace

std::string random_view(Random& random, const std::vector<std::int64_t>& extents,
                        const std::string& name, const Tensor& tensor) {
  return Views(random, extents).view(name, tensor);
}

}  // namespace tenon::fuzz
