// The functions that tenon_llvm.so offers. They turn a nest into LLVM IR and the IR into an object,
// of which slab.cpp makes a slab.
#include "codegen/llvm/module.h"

#include <llvm/ADT/SmallString.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Pass.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Scalar.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"
#include "lower/finish.h"

namespace tenon {
namespace {

// More operations in the code than any sensible schedule has: LLVM would take many seconds.
constexpr double most_operations = 100'000;

// Why this nest cannot become code for a CPU, if it cannot.
std::optional<std::string> unsupported(const FinishedKernel& finished) {
  const Kernel& kernel = finished.kernel;
  for (const Axis& axis : kernel.axes)
    if (axis.tag == Tag::grid || axis.tag == Tag::warp || axis.tag == Tag::lane ||
        axis.tag == Tag::mma)
      return fmt::format("loop {} is bound to {}, which a CPU does not have", axis.name,
                         name(axis.tag));
  if (const double count = emitted_operations(kernel); count > most_operations)
    return fmt::format(
        "unrolled and in lanes, the kernel has {:.0f} operations; at most {:.0f} compile in "
        "reasonable time: unroll less, or bind vectors along what lies side by side in memory",
        count, most_operations);
  return {};
}

constexpr const char* triple = "x86_64-unknown-linux-gnu";

// A target machine serves one compile: LLVM's are not safe to share between threads.
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

constexpr std::uint64_t largest_stack = 64 * 1024;  // bytes of arrays on the stack, per function

std::optional<std::string> too_much_stack(const llvm::Module& module) {
  for (const llvm::Function& function : module) {
    std::uint64_t bytes = 0;
    for (const llvm::Instruction& instruction : llvm::instructions(function))
      if (const auto* memory = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
        bytes += *memory->getAllocationSize(module.getDataLayout());
    if (bytes > largest_stack)
      return fmt::format("tensors that were to be registers take {} bytes of stack; at most {}",
                         bytes, largest_stack);
  }
  return {};
}

// Makes the module ready for code generation, with two passes. Returns why that failed: the tensors
// that were not turned into registers are too large for the stack.
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

Printed print_kernel(const FinishedKernel& kernel, Isa isa, Output output) {
  if (const auto reason = unsupported(kernel)) return Refusal{*reason};
  llvm::LLVMContext context;
  llvm::Module module(kernel.kernel.name, context);
  llvm::IRBuilder<> builder(context);
  Emission(kernel, isa, module, builder).emit_kernel();
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  if (output == Output::ir) {
    stream << module;
    return std::string(text);
  }
  const auto machine = make_machine(isa);
  if (const auto reason = prepare(module, *machine)) return Refusal{*reason};
  llvm::legacy::PassManager generation;
  const bool cannot =
      machine->addPassesToEmitFile(generation, stream, nullptr,
                                   output == Output::object ? llvm::CodeGenFileType::ObjectFile
                                                            : llvm::CodeGenFileType::AssemblyFile);
  check(!cannot, "LLVM cannot write this kind of file");
  generation.run(module);
  return std::string(text);
}

}  // namespace
}  // namespace tenon

const tenon::CompilerModule tenon_llvm_module{tenon::print_kernel, tenon::lay_out};
