#include "codegen/llvm/module.h"

#include <utility>

#include <llvm/ADT/BitmaskEnum.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

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
    // The order of the segments is that of their protections. Code, which can be executed, is last.
    for (auto& [group, segment] : llvm::reverse(layout.segments())) {
      if ((group.getMemProt() & MemProt::Write) != MemProt::None)
        return done(llvm::createStringError("the code has data that would have to be written"));
      size = llvm::alignTo(llvm::alignTo(size, 64), segment.Alignment);
      segment.Addr = ExecutorAddr(address + size);
      size += segment.ContentSize + segment.ZeroFillSize;
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

}  // namespace

// All of it happens in the calling thread. Each call has a session of its own: threads share
// nothing, an error belongs to this kernel, and nothing is left once the artifact has been taken
// out.
Compiled lay_out(std::string_view object, std::uint64_t address) {
  std::string cause;
  Slab slab(address);
  llvm::orc::ExecutionSession session(  // code does not run here, so no process is controlled
      std::make_unique<llvm::orc::UnsupportedExecutorProcessControl>());
  session.setErrorReporter([&](llvm::Error error) { cause = llvm::toString(std::move(error)); });
  llvm::orc::ObjectLinkingLayer objects(session, slab);
  llvm::orc::JITDylib& kernel = session.createBareJITDylib("kernel");
  if (auto refused = objects.add(kernel, llvm::MemoryBuffer::getMemBufferCopy(object)))
    session.reportError(std::move(refused));
  const auto entry = llvm::expectedToOptional(session.lookup({&kernel}, "kernel"));
  llvm::cantFail(session.endSession());
  if (!entry) return Refusal{cause.empty() ? "the code has no entry" : cause};
  slab.artifact.entry = entry->getAddress().getValue() - address;
  return std::move(slab.artifact);
}

}  // namespace tenon
