// The door of tenon_llvm.so: a nest becomes LLVM IR here, or what target.cpp makes of that.
#include "codegen/llvm/module.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include "codegen/llvm/emission.h"
#include "lower/code_size.h"

namespace tenon {
namespace {

// More operations in the code than any sensible schedule has: LLVM would take many seconds.
constexpr double most_operations = 100'000;

// Why this nest cannot become code for a CPU, if it cannot.
std::optional<std::string> unsupported(const FinishedKernel& finished) {
  const Kernel& kernel = finished.kernel;
  for (const Axis& axis : kernel.axes) {
    if (axis.tag == Tag::grid || axis.tag == Tag::warp || axis.tag == Tag::lane ||
        axis.tag == Tag::mma)
      return fmt::format("loop {} is bound to {}, which a CPU does not have", axis.name,
                         name(axis.tag));
  }
  for (const KernelTensor& tensor : kernel.tensors) {
    if (tensor.where == Where::shared)
      return fmt::format("tensor {} is staged in shared memory, which a CPU does not have",
                         tensor.name);
  }
  if (const double count = emitted_operations(kernel); count > most_operations)
    return fmt::format(
        "unrolled and in lanes, the kernel has {:.0f} operations; at most {:.0f} compile in "
        "reasonable time: unroll less, or bind vectors along what lies side by side in memory",
        count, most_operations);
  return {};
}

Generated generate(const FinishedKernel& kernel, Isa isa, Output output) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  llvm::LLVMContext context;
  llvm::Module module(kernel.kernel.name, context);
  llvm::IRBuilder<> builder(context);
  Emission(kernel, isa, module, builder).emit_kernel();
  if (output != Output::ir) return machine_code(module, isa, output);
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

}  // namespace
}  // namespace tenon

const tenon::CompilerModule tenon_llvm_module{tenon::generate, tenon::lay_out};
