
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "codegen/llvm/emission.h"
#include "codegen/scalar_functions.h"
#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

// Rounds towards minus infinity; a divisor of 0 gives 0. The machine's division traps on 0 and on
// the smallest integer by -1, so both divisors are replaced by 1 first, which leaves no rest.
llvm::Value* divide(llvm::IRBuilderBase& builder, ScalarOp op, llvm::Value* a, llvm::Value* b) {
  llvm::Type* type = a->getType();
  llvm::Value* zero = llvm::Constant::getNullValue(type);
  llvm::Value* one = llvm::ConstantInt::get(type, 1);
  llvm::Value* is_zero = builder.CreateICmpEQ(b, zero);
  llvm::Value* is_minus_one = builder.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(type));
  llvm::Value* divisor = builder.CreateSelect(builder.CreateOr(is_zero, is_minus_one), one, b);
  llvm::Value* quotient = builder.CreateSDiv(a, divisor);
  llvm::Value* rest = builder.CreateSub(a, builder.CreateMul(quotient, divisor));
  llvm::Value* signs_differ = builder.CreateICmpSLT(builder.CreateXor(rest, divisor), zero);
  llvm::Value* below = builder.CreateAnd(builder.CreateICmpNE(rest, zero), signs_differ);
  if (op == ScalarOp::mod)
    return builder.CreateAdd(rest, builder.CreateSelect(below, divisor, zero));
  llvm::Value* result = builder.CreateSub(quotient, builder.CreateSelect(below, one, zero));
  result = builder.CreateSelect(is_minus_one, builder.CreateSub(zero, a), result);
  return builder.CreateSelect(is_zero, zero, result);
}

// An f32 as i32: towards zero, saturated, NaN as 0. LLVM's own saturating conversion works lane by
// lane; this one converts a whole vector of values in range, and selects the result for the others.
llvm::Value* to_integer(llvm::IRBuilderBase& builder, llvm::Value* a, llvm::Type* type) {
  const auto number = [&](double value) { return llvm::ConstantFP::get(a->getType(), value); };
  constexpr double least = -0x1p31, greatest = 0x1.fffffep30, beyond = 0x1p31;
  llvm::Value* bounded =
      builder.CreateSelect(builder.CreateFCmpOGT(a, number(least)), a, number(least));
  bounded = builder.CreateSelect(builder.CreateFCmpOLT(bounded, number(greatest)), bounded,
                                 number(greatest));
  llvm::Value* result = builder.CreateFPToSI(bounded, type);
  llvm::Value* too_large = builder.CreateFCmpOGE(a, number(beyond));
  result = builder.CreateSelect(too_large, llvm::ConstantInt::get(type, INT32_MAX), result);
  return builder.CreateSelect(builder.CreateFCmpUNO(a, a), llvm::Constant::getNullValue(type),
                              result);
}

llvm::Value* cast(llvm::IRBuilderBase& builder, llvm::Value* a, Type from, Type to,
                  llvm::Type* type) {
  if (from == to) return a;
  llvm::Value* zero = llvm::Constant::getNullValue(a->getType());
  if (to == Type::boolean)
    return from == Type::f32 ? builder.CreateFCmpUNE(a, zero) : builder.CreateICmpNE(a, zero);
  if (from == Type::f32) return to_integer(builder, a, type);
  return builder.CreateCast(llvm::CastInst::getCastOpcode(a, from != Type::boolean, type, true), a,
                            type);
}

// The arithmetic of scalar_functions.h as instructions, on scalars or on vectors.
struct IrArithmetic {
  using Float = llvm::Value*;
  using Int = llvm::Value*;

  llvm::IRBuilderBase& builder;
  llvm::Type* float_type;
  llvm::Type* int_type;
  Isa isa;

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
  llvm::Value* less(llvm::Value* a, llvm::Value* b) {
    return a->getType() == float_type ? builder.CreateFCmpOLT(a, b) : builder.CreateICmpSLT(a, b);
  }
  llvm::Value* select(llvm::Value* mask, llvm::Value* a, llvm::Value* b) {
    return builder.CreateSelect(mask, a, b);
  }

  static constexpr unsigned register_lanes = 16;
  static constexpr unsigned round_as_set = 4;  // in the control register: to nearest
  unsigned lanes() const { return float_type->getPrimitiveSizeInBits().getFixedValue() / 32; }
  bool has_scale() const { return isa == Isa::avx512 && lanes() % register_lanes == 0; }
  Float scale(Float a, Float n) {
    std::vector<llvm::Value*> parts;
    for (unsigned first = 0; first < lanes(); first += register_lanes) {
      const auto mask = llvm::createSequentialMask(first, register_lanes, 0);
      llvm::Value* part = builder.CreateShuffleVector(a, mask);
      parts.push_back(
          builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
                                  {part, builder.CreateShuffleVector(n, mask), part,
                                   builder.getInt16(0xffff), builder.getInt32(round_as_set)}));
    }
    return llvm::concatenateVectors(builder, parts);
  }
};

}  // namespace

llvm::Value* Emission::make(const Apply& apply, Type type) {
  const auto x = alike(mapped(apply.operands, [&](const ValueRef& v) { return value(v); }));
  const Type of = apply.operands.back()->type;
  const bool is_float = of == Type::f32;
  llvm::Type* result = x[0]->getType()->getWithNewType(value_type(type));
  IrArithmetic arithmetic{builder_, x[0]->getType(),
                          x[0]->getType()->getWithNewType(builder_.getInt32Ty()), isa_};
  const auto count = [&] {
    return builder_.CreateAnd(x[1], llvm::ConstantInt::get(x[1]->getType(), 31));
  };
  switch (apply.op) {
    case ScalarOp::add:
      return combine(Combine::sum, type, x[0], x[1]);
    case ScalarOp::mul:
      return is_float ? builder_.CreateFMul(x[0], x[1]) : builder_.CreateMul(x[0], x[1]);
    case ScalarOp::div:
      return builder_.CreateFDiv(x[0], x[1]);
    case ScalarOp::max:
      return combine(Combine::max, type, x[0], x[1]);
    case ScalarOp::idiv:
    case ScalarOp::mod:
      return divide(builder_, apply.op, x[0], x[1]);
    case ScalarOp::lt:
      if (is_float) return builder_.CreateFCmpOLT(x[0], x[1]);
      return of == Type::i32 ? builder_.CreateICmpSLT(x[0], x[1])
                             : builder_.CreateICmpULT(x[0], x[1]);
    case ScalarOp::eq:
      return is_float ? builder_.CreateFCmpOEQ(x[0], x[1]) : builder_.CreateICmpEQ(x[0], x[1]);
    case ScalarOp::where:
      return builder_.CreateSelect(x[0], x[1], x[2]);
    case ScalarOp::bit_and:
      return builder_.CreateAnd(x[0], x[1]);
    case ScalarOp::bit_or:
      return builder_.CreateOr(x[0], x[1]);
    case ScalarOp::bit_xor:
      return builder_.CreateXor(x[0], x[1]);
    case ScalarOp::shl:
      return builder_.CreateShl(x[0], count());
    case ScalarOp::shr:
      return builder_.CreateLShr(x[0], count());
    case ScalarOp::exp2:
      return exp2(arithmetic, x[0]);
    case ScalarOp::log2:
      return log2(arithmetic, x[0]);
    case ScalarOp::sin:
      return sin(arithmetic, x[0]);
    case ScalarOp::sqrt:
      return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x[0]);
    case ScalarOp::cast:
      return cast(builder_, x[0], of, type, result);
    case ScalarOp::bitcast:
      return builder_.CreateBitCast(x[0], result);
  }
  broken_invariant("an operation that is not in the table", std::source_location::current());
}

}  // namespace tenon
