#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "codegen/scalar_functions.h"
#include "core/error.h"

namespace tenon {
namespace {

// The arithmetic of scalar_functions.h as instructions, on scalars or on vectors.
struct IrArithmetic {
  using Float = llvm::Value*;
  using Int = llvm::Value*;
  using Mask = llvm::Value*;

  llvm::IRBuilderBase& builder;
  llvm::Type* float_type;
  llvm::Type* int_type;

  Float number(float value) { return llvm::ConstantFP::get(float_type, value); }
  Int integer(std::uint32_t value) { return llvm::ConstantInt::get(int_type, value); }
  Float add(Float a, Float b) { return builder.CreateFAdd(a, b); }
  Float sub(Float a, Float b) { return builder.CreateFSub(a, b); }
  Float mul(Float a, Float b) { return builder.CreateFMul(a, b); }
  Float fma(Float a, Float b, Float c) {
    return builder.CreateIntrinsic(float_type, llvm::Intrinsic::fma, {a, b, c});
  }
  Int iadd(Int a, Int b) { return builder.CreateAdd(a, b); }
  Int isub(Int a, Int b) { return builder.CreateSub(a, b); }
  Int imul(Int a, Int b) { return builder.CreateMul(a, b); }
  Int high(Int a, Int b) {
    llvm::Type* wide = int_type->getExtendedType();
    llvm::Value* product =
        builder.CreateMul(builder.CreateZExt(a, wide), builder.CreateZExt(b, wide));
    return builder.CreateTrunc(builder.CreateLShr(product, 32), int_type);
  }
  Int iand(Int a, Int b) { return builder.CreateAnd(a, b); }
  Int ior(Int a, Int b) { return builder.CreateOr(a, b); }
  Int ixor(Int a, Int b) { return builder.CreateXor(a, b); }
  Int shl(Int a, Int count) { return builder.CreateShl(a, count); }
  Int shr(Int a, Int count) { return builder.CreateLShr(a, count); }
  Int bits(Float a) { return builder.CreateBitCast(a, int_type); }
  Float from_bits(Int a) { return builder.CreateBitCast(a, float_type); }
  Float convert(Int a) { return builder.CreateSIToFP(a, float_type); }
  Mask less(llvm::Value* a, llvm::Value* b) {
    return a->getType() == float_type ? builder.CreateFCmpOLT(a, b) : builder.CreateICmpSLT(a, b);
  }
  llvm::Value* select(Mask mask, llvm::Value* a, llvm::Value* b) {
    return builder.CreateSelect(mask, a, b);
  }
};

}  // namespace

llvm::Value* Emission::scalar_function(ScalarOp op, llvm::Value* x) {
  IrArithmetic arithmetic{builder_, x->getType(),
                          x->getType()->getWithNewType(builder_.getInt32Ty())};
  switch (op) {
    case ScalarOp::exp2:
      return exp2(arithmetic, x);
    case ScalarOp::log2:
      return log2(arithmetic, x);
    case ScalarOp::sin:
      return sin(arithmetic, x);
    default:
      broken_invariant("a function without arithmetic", std::source_location::current());
  }
}

}  // namespace tenon
