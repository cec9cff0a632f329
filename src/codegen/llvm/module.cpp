// The door of tenon_llvm.so: nest -> IR -> object -> slab.
#include "codegen/llvm/module.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/emit.h"
#include "codegen/llvm/slab.h"
#include "codegen/llvm/target.h"
#include "core/error.h"

namespace tenon {
namespace {

std::variant<std::string, CompileFailure> translate(const FinishedKernel& kernel, Isa isa,
                                                    Output output) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  llvm::LLVMContext context;
  return generate(*emit(kernel, isa, context), isa, output);
}

constexpr std::uint64_t slab_address = 0x10'0000;  // anywhere will do

Compiled compile_kernel(const FinishedKernel& kernel, Isa isa) {
  const auto object = translate(kernel, isa, Output::object);
  if (const auto* failure = std::get_if<CompileFailure>(&object)) return *failure;
  Compiled linked = lay_out(std::get<std::string>(object), slab_address);
  if (auto* artifact = std::get_if<Artifact>(&linked)) {
    artifact->shared_scratch = kernel.shared_scratch;
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
