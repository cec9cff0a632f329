#include "codegen/llvm/emit.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/emission.h"

namespace tenon {
namespace {

// More copies of statements than any sensible schedule has: LLVM would take seconds.
constexpr double most_statements = 20'000;
constexpr std::int64_t widest_vector = 1024;  // lanes

double count_statements(const Kernel& kernel, const std::vector<Item>& items) {
  double count = 0;
  for (const Item& item : items) {
    if (const Loop* loop = item.loop()) {
      const Axis& axis = kernel.axes[loop->axis];
      const double copies = axis.tag == Tag::unroll ? static_cast<double>(axis.extent) : 1;
      count += copies * count_statements(kernel, loop->body);
    } else {
      count += 1;
    }
  }
  return count;
}

}  // namespace

std::optional<std::string> unsupported(const FinishedKernel& finished) {
  const Kernel& kernel = finished.kernel;
  for (const Axis& axis : kernel.axes) {
    if (axis.tag == Tag::grid || axis.tag == Tag::warp || axis.tag == Tag::lane ||
        axis.tag == Tag::mma)
      return fmt::format("loop {} is bound to {}, which a CPU does not have", axis.name,
                         name(axis.tag));
    if (axis.tag == Tag::vector && axis.extent > widest_vector)
      return fmt::format("loop {} is bound to vector with {} lanes; at most {} make sense",
                         axis.name, axis.extent, widest_vector);
  }
  for (const KernelTensor& tensor : kernel.tensors) {
    if (tensor.where == Where::shared)
      return fmt::format("tensor {} is staged in shared memory, which a CPU does not have",
                         tensor.name);
  }
  if (const double count = count_statements(kernel, kernel.body); count > most_statements)
    return fmt::format(
        "unrolled, the kernel has {:.0f} statements; at most {:.0f} compile in "
        "reasonable time",
        count, most_statements);
  return {};
}

std::unique_ptr<llvm::Module> emit(const FinishedKernel& kernel, Isa isa,
                                   llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>(kernel.kernel.name, context);
  llvm::IRBuilder<> builder(context);
  Emission(kernel, isa, *module, builder).emit_kernel();
  return module;
}

}  // namespace tenon
