#include "codegen/llvm/module.h"

#include <memory>
#include <optional>
#include <utility>

#include <llvm/ADT/BitmaskEnum.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/CompileUtils.h>
#include <llvm/ExecutionEngine/Orc/IRCompileLayer.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Target/TargetMachine.h>

namespace tenon {
namespace {

using llvm::jitlink::BasicLayout;
using llvm::jitlink::JITLinkMemoryManager;
using llvm::orc::ExecutorAddr;
using llvm::orc::MemProt;
using namespace llvm::BitmaskEnumDetail;  // operators of MemProt

// JITLink's handle on a part of the image. Nothing is mapped, so there is nothing to finalize.
class Laid : public JITLinkMemoryManager::InFlightAlloc {
 public:
  void abandon(OnAbandonedFunction done) override { done(llvm::Error::success()); }
  void finalize(OnFinalizedFunction done) override {
    done(JITLinkMemoryManager::FinalizedAlloc(ExecutorAddr(1)));
  }
};

// The memory manager of one link: it lays all segments out in one image and keeps the image.
class Slab : public JITLinkMemoryManager {
 public:
  explicit Slab(std::uint64_t address) : address(address) {}

  void allocate(const llvm::jitlink::JITLinkDylib*, llvm::jitlink::LinkGraph& graph,
                OnAllocatedFunction done) override {
    BasicLayout layout(graph);
    std::size_t size = 0;
    for (const MemProt protection : {MemProt::Read | MemProt::Exec, MemProt::Read}) {
      for (auto& [group, segment] : layout.segments()) {
        if ((group.getMemProt() & MemProt::Write) != MemProt::None)
          return done(llvm::createStringError("the code has data that would have to be written"));
        if (group.getMemProt() != protection) continue;
        size = llvm::alignTo(llvm::alignTo(size, 64), segment.Alignment);
        segment.Addr = ExecutorAddr(address + size);
        size += segment.ContentSize + segment.ZeroFillSize;
      }
    }
    artifact.code.assign(size, '\0');
    for (auto& [group, segment] : layout.segments())
      segment.WorkingMem = artifact.code.data() + (segment.Addr.getValue() - address);
    if (auto failed = layout.apply()) return done(std::move(failed));
    done(std::make_unique<Laid>());
  }

  void deallocate(std::vector<FinalizedAlloc> allocations, OnDeallocatedFunction done) override {
    for (FinalizedAlloc& allocation : allocations) allocation.release();
    done(llvm::Error::success());
  }
  using JITLinkMemoryManager::allocate;
  using JITLinkMemoryManager::deallocate;

  const std::uint64_t address;
  Artifact artifact;
};

// Makes the slab of the kernel that `add` puts into ORC, all of it in the calling thread. Each call
// has a session of its own: threads share nothing, an error belongs to this kernel, and nothing is
// left once the artifact has been taken out.
template <typename Add>
Compiled slab_of(std::uint64_t address, const Add& add) {
  std::string cause;
  Slab slab(address);
  llvm::orc::ExecutionSession session(  // code does not run here, so no process is controlled
      std::make_unique<llvm::orc::UnsupportedExecutorProcessControl>());
  session.setErrorReporter([&](llvm::Error error) { cause = llvm::toString(std::move(error)); });
  llvm::orc::ObjectLinkingLayer objects(session, slab);
  llvm::orc::JITDylib& kernel = session.createBareJITDylib("kernel");
  if (auto refused = add(objects, kernel)) session.reportError(std::move(refused));
  const auto entry = llvm::expectedToOptional(session.lookup({&kernel}, "kernel"));
  llvm::cantFail(session.endSession());
  if (!entry) return CompileFailure{cause.empty() ? "the code has no entry" : cause};
  slab.artifact.entry = entry->getAddress().getValue() - address;
  return std::move(slab.artifact);
}

constexpr std::uint64_t slab_address = 0x10'0000;  // any will do: the code does not depend on it

}  // namespace

Compiled link(llvm::orc::ThreadSafeModule module, std::unique_ptr<llvm::TargetMachine> machine) {
  std::optional<llvm::orc::IRCompileLayer> modules;
  return slab_of(slab_address, [&](auto& objects, auto& kernel) {
    auto compiler = std::make_unique<llvm::orc::TMOwningSimpleCompiler>(std::move(machine));
    modules.emplace(objects.getExecutionSession(), objects, std::move(compiler));
    return modules->add(kernel, std::move(module));
  });
}

Compiled lay_out(std::string_view object, std::uint64_t address) {
  return slab_of(address, [&](auto& objects, auto& kernel) {
    return objects.add(kernel, llvm::MemoryBuffer::getMemBufferCopy(object));
  });
}

}  // namespace tenon
