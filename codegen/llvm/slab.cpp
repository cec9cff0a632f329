#include "codegen/llvm/module.h"

#include <memory>
#include <utility>

#include <llvm/ADT/BitmaskEnum.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>

#include "core/ranges.h"

namespace tenon {
namespace {

using llvm::jitlink::BasicLayout;
using llvm::jitlink::JITLinkMemoryManager;
using llvm::jitlink::LinkGraph;
using llvm::orc::ExecutorAddr;
using llvm::orc::MemProt;
using namespace llvm::BitmaskEnumDetail;  // operators of MemProt

llvm::Error error(const std::string& reason) {
  return llvm::make_error<llvm::StringError>(reason, llvm::inconvertibleErrorCode());
}

// Nothing is mapped: the image is just bytes.
class Laid : public JITLinkMemoryManager::InFlightAlloc {
 public:
  void abandon(OnAbandonedFunction done) override { done(llvm::Error::success()); }
  void finalize(OnFinalizedFunction done) override {
    done(JITLinkMemoryManager::FinalizedAlloc(ExecutorAddr(1)));
  }
};

// What one link makes, and the memory that it is made in.
class Slab : public JITLinkMemoryManager {
 public:
  explicit Slab(std::uint64_t address) : address(address) {}

  void allocate(const llvm::jitlink::JITLinkDylib*, LinkGraph& graph,
                OnAllocatedFunction done) override {
    BasicLayout layout(graph);
    std::size_t size = 0;
    for (const MemProt protection : {MemProt::Read | MemProt::Exec, MemProt::Read}) {
      for (auto& [group, segment] : layout.segments()) {
        if ((group.getMemProt() & MemProt::Write) != MemProt::None)
          return done(error("the code has data that would have to be written"));
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

  std::uint64_t address;
  Artifact artifact;
  std::string failure;
};

class SlabContext : public llvm::jitlink::JITLinkContext {
 public:
  explicit SlabContext(Slab& slab) : JITLinkContext(nullptr), slab_(slab) {}

  JITLinkMemoryManager& getMemoryManager() override { return slab_; }
  void notifyFailed(llvm::Error failed) override {
    slab_.failure = llvm::toString(std::move(failed));
  }
  void lookup(const LookupMap& symbols,
              std::unique_ptr<llvm::jitlink::JITLinkAsyncLookupContinuation> next) override {
    const auto name = [](const auto& symbol) { return symbol.first.str(); };
    next->run(error("the code calls what it does not contain: " + joined(symbols, ", ", name)));
  }
  llvm::Error notifyResolved(LinkGraph& graph) override {
    const auto is_entry = [](const llvm::jitlink::Symbol* symbol) {
      return symbol->hasName() && symbol->getName() == "kernel";
    };
    const auto entry = llvm::find_if(graph.defined_symbols(), is_entry);
    if (entry == graph.defined_symbols().end()) return error("the code has no entry");
    slab_.artifact.entry = (*entry)->getAddress().getValue() - slab_.address;
    return llvm::Error::success();
  }
  void notifyFinalized(JITLinkMemoryManager::FinalizedAlloc allocation) override {
    allocation.release();
  }

 private:
  Slab& slab_;
};

}  // namespace

Compiled lay_out(std::string_view object, std::uint64_t address) {
  const llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()), "kernel");
  auto graph = llvm::jitlink::createLinkGraphFromObject(buffer);
  if (!graph) return CompileFailure{llvm::toString(graph.takeError())};
  Slab slab(address);
  llvm::jitlink::link(std::move(*graph), std::make_unique<SlabContext>(slab));
  if (!slab.failure.empty()) return CompileFailure{slab.failure};
  return std::move(slab.artifact);
}

}  // namespace tenon
