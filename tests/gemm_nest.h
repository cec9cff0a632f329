// The naive nest of c[i,j] = sum over k of a[i,k] * b[k,j], written by hand, for tests of the
// moves.
#pragma once

#include "lower/nest.h"

namespace tenon {

inline ValueRef load_of(int tensor, std::vector<Index> at, Type type = Type::f32) {
  return std::make_shared<Value>(Value{Load{tensor, std::move(at), {}, 0, -1, nullptr}, type});
}

inline Kernel gemm_nest(std::int64_t m, std::int64_t n, std::int64_t k) {
  Kernel kernel;
  kernel.name = "c";
  kernel.tensors = {{"a", Type::f32, {m, k}}, {"b", Type::f32, {k, n}}, {"c", Type::f32, {m, n}}};
  kernel.tensors[2].is_output = true;
  const Var i = kernel.add_axis("c.i", m), j = kernel.add_axis("c.j", n),
            r = kernel.add_axis("c.k", k);
  Store store{};
  store.tensor = 2;
  store.at = {Index::var(i), Index::var(j)};
  store.value = load_of(0, {Index::var(i), Index::var(r)});
  store.factor = load_of(1, {Index::var(r), Index::var(j)});
  store.combine = Combine::sum;
  store.over = {r};
  Item inner{std::move(store), {}};
  inner = {Loop{r, {inner}}, {}};
  inner = {Loop{j, {inner}}, {}};
  kernel.body = {{Loop{i, {inner}}, {}}};
  return kernel;
}

}  // namespace tenon
