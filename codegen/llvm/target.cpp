#include "codegen/llvm/module.h"

#include <memory>
#include <optional>

#include <fmt/format.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Pass.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Scalar.h>

#include "core/error.h"

namespace tenon {
namespace {

constexpr const char* triple = "x86_64-unknown-linux-gnu";
constexpr std::uint64_t largest_stack = 64 * 1024;  // bytes of arrays on the stack, per function

std::optional<std::string> too_much_stack(const llvm::Module& module) {
  for (const llvm::Function& function : module) {
    std::uint64_t bytes = 0;
    for (const llvm::Instruction& instruction : llvm::instructions(function)) {
      if (const auto* memory = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
        bytes += *memory->getAllocationSize(module.getDataLayout());
    }
    if (bytes > largest_stack) {
      return fmt::format("tensors that were to be registers take {} bytes of stack; at most {}",
                         bytes, largest_stack);
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<llvm::TargetMachine> make_machine(Isa isa) {
  static const llvm::Target* const target = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    // The innermost loops have stepping pointers already, and LLVM's own search for such pointers
    // (LSR) takes long. The last two options bound the time of its instruction scheduler, which
    // would compare each of many accesses with all others.
    const char* const options[] = {"tenon", "-x86-asm-syntax=intel", "-disable-lsr",
                                   "-dag-maps-huge-region=200", "-dag-maps-reduction-size=100"};
    llvm::cl::ParseCommandLineOptions(std::size(options), options);
    std::string error;
    const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, error);
    check(found, error);
    return found;
  }();
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, info(isa).processor, info(isa).features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default, /*JIT=*/true));
}

std::optional<std::string> prepare(llvm::Module& module, const llvm::TargetMachine& machine) {
  module.setTargetTriple(triple);
  module.setDataLayout(machine.createDataLayout());
  for (llvm::Function& function : module) {
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("tune-cpu", llvm::sys::getHostCPUName());
  }
  llvm::legacy::PassManager cleaning;
  cleaning.add(llvm::createSROAPass());  // register tensors become values
  cleaning.add(llvm::createEarlyCSEPass());
  cleaning.run(module);
  return too_much_stack(module);
}

}  // namespace tenon
