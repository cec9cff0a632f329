#include "codegen/llvm/slab.h"

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <llvm/ADT/BitmaskEnum.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>

#include "core/error.h"

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

// What one link makes; the memory manager and the context write it.
struct Slab {
  std::uint64_t address;
  std::string image;
  std::optional<std::size_t> entry;
  std::string failure;
};

// Nothing is mapped: the image is just bytes.
class Laid : public JITLinkMemoryManager::InFlightAlloc {
 public:
  void abandon(OnAbandonedFunction done) override { done(llvm::Error::success()); }
  void finalize(OnFinalizedFunction done) override {
    done(JITLinkMemoryManager::FinalizedAlloc(ExecutorAddr(1)));
  }
};

class SlabMemory : public JITLinkMemoryManager {
 public:
  explicit SlabMemory(Slab& slab) : slab_(slab) {}

  void allocate(const llvm::jitlink::JITLinkDylib*, LinkGraph& graph,
                OnAllocatedFunction done) override {
    BasicLayout layout(graph);
    std::size_t size = 0;
    const auto place = [&](MemProt protection, bool keep) {
      for (auto& [group, segment] : layout.segments()) {
        if (group.getMemProt() != protection) continue;
        size = llvm::alignTo(llvm::alignTo(size, 64), segment.Alignment);
        if (keep) {
          segment.Addr = ExecutorAddr(slab_.address + size);
          segment.WorkingMem = slab_.image.data() + size;
        }
        size += segment.ContentSize + segment.ZeroFillSize;
      }
    };
    for (auto& [group, segment] : layout.segments()) {
      if ((group.getMemProt() & MemProt::Write) != MemProt::None)
        return done(error("the code has data that would have to be written"));
    }
    for (const bool keep : {false, true}) {
      size = 0;
      place(MemProt::Read | MemProt::Exec, keep);
      place(MemProt::Read, keep);
      if (!keep) slab_.image.assign(size, '\0');
    }
    if (auto failed = layout.apply()) return done(std::move(failed));
    done(std::make_unique<Laid>());
  }

  void deallocate(std::vector<FinalizedAlloc> allocations, OnDeallocatedFunction done) override {
    for (FinalizedAlloc& allocation : allocations) allocation.release();
    done(llvm::Error::success());
  }
  using JITLinkMemoryManager::allocate;
  using JITLinkMemoryManager::deallocate;

 private:
  Slab& slab_;
};

class SlabContext : public llvm::jitlink::JITLinkContext {
 public:
  SlabContext(Slab& slab) : JITLinkContext(nullptr), slab_(slab), memory_(slab) {}

  JITLinkMemoryManager& getMemoryManager() override { return memory_; }
  void notifyFailed(llvm::Error failed) override {
    slab_.failure = llvm::toString(std::move(failed));
  }
  void lookup(const LookupMap& symbols,
              std::unique_ptr<llvm::jitlink::JITLinkAsyncLookupContinuation> next) override {
    std::string names;
    for (const auto& symbol : symbols) names += (names.empty() ? "" : ", ") + symbol.first.str();
    next->run(error("the code calls what it does not contain: " + names));
  }
  llvm::Error notifyResolved(LinkGraph& graph) override {
    for (const auto* symbol : graph.defined_symbols()) {
      if (symbol->hasName() && symbol->getName() == "kernel")
        slab_.entry = symbol->getAddress().getValue() - slab_.address;
    }
    return llvm::Error::success();
  }
  void notifyFinalized(JITLinkMemoryManager::FinalizedAlloc allocation) override {
    allocation.release();
  }

 private:
  Slab& slab_;
  SlabMemory memory_;
};

}  // namespace

Compiled lay_out(std::string_view object, std::uint64_t address) {
  const llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()), "kernel");
  auto graph = llvm::jitlink::createLinkGraphFromObject(buffer);
  if (!graph) return CompileFailure{llvm::toString(graph.takeError())};
  Slab slab{.address = address, .image = {}, .entry = {}, .failure = {}};
  llvm::jitlink::link(std::move(*graph), std::make_unique<SlabContext>(slab));
  if (!slab.failure.empty()) return CompileFailure{slab.failure};
  check(slab.entry.has_value(), "the slab has no entry");
  Artifact artifact;
  artifact.code = std::move(slab.image);
  artifact.entry = *slab.entry;
  return artifact;
}

}  // namespace tenon
