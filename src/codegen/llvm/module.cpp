// The door of tenon_llvm.so: nest -> IR -> object -> slab.
#include "codegen/llvm/module.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include "codegen/llvm/emit.h"
#include "codegen/llvm/slab.h"
#include "codegen/llvm/target.h"
#include "core/error.h"

namespace tenon {
namespace {

Compiled compile_kernel(const FinishedKernel& kernel, Isa isa, std::uint64_t address) {
  if (const auto reason = unsupported(kernel)) return CompileFailure{*reason};
  llvm::LLVMContext context;
  const auto module = emit(kernel, isa, context);
  const auto object = generate(*module, isa, Output::object);
  if (const auto* failure = std::get_if<CompileFailure>(&object)) return *failure;
  Compiled linked = lay_out(std::get<std::string>(object), address);
  if (auto* artifact = std::get_if<Artifact>(&linked)) {
    artifact->shared_scratch = kernel.shared_scratch;
    artifact->thread_scratch = kernel.thread_scratch;
  }
  return linked;
}

std::string print_ir(const FinishedKernel& kernel, Isa isa) {
  if (const auto reason = unsupported(kernel)) fail("{}: {}", kernel.kernel.name, *reason);
  llvm::LLVMContext context;
  std::string text;
  llvm::raw_string_ostream(text) << *emit(kernel, isa, context);
  return text;
}

std::string print_assembly(const FinishedKernel& kernel, Isa isa) {
  if (const auto reason = unsupported(kernel)) fail("{}: {}", kernel.kernel.name, *reason);
  llvm::LLVMContext context;
  const auto module = emit(kernel, isa, context);
  const auto text = generate(*module, isa, Output::assembly);
  if (const auto* failure = std::get_if<CompileFailure>(&text))
    fail("{}: {}", kernel.kernel.name, failure->reason);
  return std::get<std::string>(text);
}

}  // namespace
}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module() {
  static const tenon::CompilerModule module{tenon::compile_kernel, tenon::print_ir,
                                            tenon::print_assembly};
  return &module;
}
