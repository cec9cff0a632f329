// The door of tenon_llvm.so: nest -> IR -> object -> slab.
#include "codegen/llvm/module.h"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

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

std::variant<std::string, CompileFailure> translate(const FinishedKernel& kernel, Isa isa,
                                                    Output output) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  llvm::LLVMContext context;
  llvm::Module module(kernel.kernel.name, context);
  llvm::IRBuilder<> builder(context);
  Emission(kernel, isa, module, builder).emit_kernel();
  return generate(module, isa, output);
}

constexpr std::uint64_t slab_address = 0x10'0000;  // anywhere will do

Compiled compile_kernel(const FinishedKernel& kernel, Isa isa) {
  const auto object = translate(kernel, isa, Output::object);
  if (const auto* failure = std::get_if<CompileFailure>(&object)) return *failure;
  Compiled linked = lay_out(std::get<std::string>(object), slab_address);
  if (auto* artifact = std::get_if<Artifact>(&linked)) {
    artifact->launch_scratch = kernel.launch_scratch;
    artifact->thread_scratch = kernel.thread_scratch;
  }
  return linked;
}

std::string print_kernel(const FinishedKernel& kernel, Isa isa, Output output) {
  const auto text = translate(kernel, isa, output);
  if (const auto* failure = std::get_if<CompileFailure>(&text))
    fail("{}: {}", kernel.kernel.name, failure->reason);
  return std::get<std::string>(text);
}

}  // namespace
}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module() {
  static const tenon::CompilerModule module{tenon::compile_kernel, tenon::lay_out,
                                            tenon::print_kernel};
  return &module;
}
