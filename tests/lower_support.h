// What the tests of lowering share: graphs of primitives, and kernels run beside the interpreter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "lower/fusion.h"
#include "lower/nest.h"
#include "oracle/interpret_executor.h"

namespace tenon_test {

using tenon::Shape;
using tenon::Tensor;

// Makes inputs with reproducible values.
class Inputs {
 public:
  Tensor floats(const Shape& shape, const std::string& name = "");  // in [-1, 1)
  Tensor integers(const Shape& shape, std::int32_t below, const std::string& name = "");

  tenon::InterpretExecutor executor;

 private:
  std::uint32_t next();
  std::uint32_t state_ = 1;
};

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor number(double value, const Tensor& like);
Tensor exp2(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor sum(const Tensor& x, std::vector<int> axes);
Tensor max(const Tensor& x, std::vector<int> axes);
Tensor in_rows(const Tensor& rows, const Tensor& x);     // [n] at every column of x [n,m]
Tensor in_columns(const Tensor& row, const Tensor& x);   // [m] at every row of x [n,m]
Tensor product_terms(const Tensor& a, const Tensor& b);  // [m,k], [k,n] -> a*b [m,n,k]
// The Reduce of two inputs that the graph rules make from a sum of products.
Tensor sum_of_products(const Tensor& product, std::vector<int> axes);
Tensor matmul(const Tensor& a, const Tensor& b);  // [m,k], [k,n]

// The naive nest, in which inputs have the names that they were made with.
tenon::Kernel named_naive(const tenon::KernelGraph& graph);

// One kernel with these outputs. Its inputs are the buffers that the outputs read; `locals` are
// values that it keeps in memory of its own.
tenon::KernelGraph one_kernel(const std::vector<Tensor>& outputs,
                              const std::vector<Tensor>& locals = {});
// Lowers the kernel, verifies the nest, runs it, and compares with the interpreter: equal for
// integers and booleans, else within 1e-5 of the largest value. The finished nest must give the
// same bits. Returns what is wrong, or "".
std::string wrong(const tenon::KernelGraph& kernel, Inputs& inputs);
// The nest as text, after checking it as above.
std::string checked_nest(const tenon::KernelGraph& kernel, Inputs& inputs);
// The values of the parts of the inputs that the kernel reads (lower/input_parts.h).
std::vector<std::vector<double>> values_read(const tenon::KernelGraph& kernel, Inputs& inputs);

// Rewrites and fuses the graph and checks every kernel as above.
struct Fused {
  std::vector<tenon::KernelGraph> kernels;
  std::string wrong;
};
Fused fused(const std::vector<Tensor>& wanted, Inputs& inputs);

}  // namespace tenon_test
