// The door of tenon_llvm.so: a nest becomes LLVM IR here, and ORC makes the slab of it (slab.cpp).
#include "codegen/llvm/module.h"

#include <memory>

#include <fmt/format.h>
#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"
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

std::unique_ptr<llvm::Module> emit(const FinishedKernel& kernel, Isa isa,
                                   llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>(kernel.kernel.name, context);
  llvm::IRBuilder<> builder(context);
  Emission(kernel, isa, *module, builder).emit_kernel();
  return module;
}

Compiled compile_kernel(const FinishedKernel& kernel, Isa isa) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = emit(kernel, isa, *context);
  auto machine = make_machine(isa);
  if (const auto reason = prepare(*module, *machine)) return CompileFailure{*reason};
  Compiled linked = compile({std::move(module), std::move(context)}, std::move(machine));
  if (auto* artifact = std::get_if<Artifact>(&linked)) {
    artifact->name = kernel.kernel.name;
    artifact->launch_scratch = kernel.launch_scratch;
    artifact->thread_scratch = kernel.thread_scratch;
  }
  return linked;
}

std::string print_kernel(const FinishedKernel& kernel, Isa isa, Output output) {
  if (const auto reason = unsupported(kernel)) fail("{}: {}", kernel.kernel.name, *reason);
  llvm::LLVMContext context;
  const auto module = emit(kernel, isa, context);
  if (output == Output::ir) {
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    return text;
  }
  const auto machine = make_machine(isa);
  if (const auto reason = prepare(*module, *machine)) fail("{}: {}", kernel.kernel.name, *reason);
  return print(*module, *machine, output);
}

}  // namespace
}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module() {
  static const tenon::CompilerModule module{tenon::compile_kernel, tenon::lay_out,
                                            tenon::print_kernel};
  return &module;
}
