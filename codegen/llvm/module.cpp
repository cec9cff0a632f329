// The functions that tenon_llvm.so offers. They turn a nest into LLVM IR, and ORC makes a slab of
// the IR (slab.cpp).
#include "codegen/llvm/module.h"

#include <fmt/format.h>
#include <llvm/ADT/SmallString.h>
#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
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
  return link({std::move(module), std::move(context)}, std::move(machine));
}

Printed print_kernel(const FinishedKernel& kernel, Isa isa, Output output) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  llvm::LLVMContext context;
  const auto module = emit(kernel, isa, context);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  if (output == Output::ir) {
    stream << *module;
    return std::string(text);
  }
  const auto machine = make_machine(isa);
  if (const auto reason = prepare(*module, *machine)) return CompileFailure{*reason};
  llvm::legacy::PassManager generation;
  const bool cannot =
      machine->addPassesToEmitFile(generation, stream, nullptr,
                                   output == Output::object ? llvm::CodeGenFileType::ObjectFile
                                                            : llvm::CodeGenFileType::AssemblyFile);
  check(!cannot, "LLVM cannot write this kind of file");
  generation.run(*module);
  return std::string(text);
}

}  // namespace
}  // namespace tenon

const tenon::CompilerModule tenon_llvm_module{tenon::compile_kernel, tenon::print_kernel,
                                              tenon::lay_out};
