// exp2, log2 and sin of f32 as arithmetic. Every backend takes them from here, so all backends give
// the same bits. Used by codegen/llvm/emit_apply.cpp and, with host arithmetic, by
// tests/codegen_functions_test.cpp. The test checks these bounds over all 2^32 inputs:
//
//   exp2   at most 1 ULP, also where the result is subnormal; overflow gives infinity
//   log2   at most 1 ULP; log2(0) = -infinity, of negative numbers NaN
//   sin    at most 1.08 ULP, whatever the size of the argument; sin(-0) = -0, sin(infinity) = NaN
//
// All are free of branches. Each is a template over the arithmetic M, which has the types Float
// (f32), Int (32 bits) and Mask, or vectors of them, and
//
//   Float number(float)            Int integer(uint32_t)
//   Float add, sub, mul(Float, Float); fma(a, b, c) = a * b + c, one rounding each
//   Int   iadd, isub, imul, high(Int, Int): wrapping, and the upper half of the unsigned product
//   Int   iand, ior, ixor(Int, Int); shl, shr(Int, Int) logical, counts below 32
//   Int   bits(Float)              Float from_bits(Int)        Float convert(Int), signed
//   Mask  less(Float, Float), less(Int, Int) signed
//   T     select(Mask, T, T) for Float and Int
//   bool  has_scale()              is there one instruction for scale?
//   Float scale(a, n) = a * 2^n    for whole n, with one rounding; requires has_scale()
//
// The polynomials are minimax fits (Remez), their coefficients rounded to f32.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>

namespace tenon {

// The coefficients from the highest power downwards (Horner).
template <typename M, typename Float = M::Float>
Float polynomial(M& m, Float x, std::initializer_list<float> coefficients) {
  Float sum = m.number(*coefficients.begin());
  for (const float c : std::span(coefficients).subspan(1)) sum = m.fma(sum, x, m.number(c));
  return sum;
}

// 2^x = 2^n 2^f with n = round(x) and 2^f = 1 + f q(f). The factor 2^n is applied as two factors,
// because 2^n itself may be no normal number. Only the second multiplication can round.
template <typename M, typename Float = M::Float, typename Int = M::Int>
Float exp2(M& m, Float x) {
  constexpr float round = 0x1.8p23F;  // adding it leaves an integer in the low bits
  x = m.select(m.less(m.number(129), x), m.number(129), x);
  x = m.select(m.less(x, m.number(-151)), m.number(-151), x);
  const Float shifted = m.add(x, m.number(round));
  const Float whole = m.sub(shifted, m.number(round));
  const Float f = m.sub(x, whole);
  const Float q = polynomial(m, f,
                             {0x1.41fbbep-13F, 0x1.5f3e54p-10F, 0x1.3b2d4cp-7F, 0x1.c6aee8p-5F,
                              0x1.ebfbdcp-3F, 0x1.62e430p-1F});
  const Float power = m.fma(q, f, m.number(1));
  if (m.has_scale()) return m.scale(power, whole);
  // From here on n stands for n + 254, which is positive. Its two halves are the biased exponents
  // of the two factors.
  const Int n = m.isub(m.bits(shifted), m.integer(std::bit_cast<std::uint32_t>(round) - 254));
  const Int first = m.shr(n, m.integer(1));
  const auto scale = [&](Int biased) { return m.from_bits(m.shl(biased, m.integer(23))); };
  const Float second = scale(m.isub(n, first));
  return m.mul(m.mul(power, scale(first)), second);
}

// x = 2^e (1 + r) with 1 + r in [sqrt(1/2), sqrt(2)): log2(x) = e + r log2(e) + r^2 s(r).
template <typename M, typename Float = M::Float, typename Int = M::Int>
Float log2(M& m, Float x) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr std::uint32_t sqrt_half = 0x3f3504f3;
  constexpr std::uint32_t bias = 256;  // keeps the exponent positive while it is shifted
  const auto is_small = m.less(x, m.number(0x1p-126F));
  const Int of = m.bits(m.select(is_small, m.mul(x, m.number(0x1p23F)), x));
  const Int biased = m.shr(m.iadd(of, m.integer((bias << 23) - sqrt_half)), m.integer(23));
  const Int e = m.isub(biased, m.integer(bias));
  const Int lowered = m.isub(e, m.select(is_small, m.integer(23), m.integer(0)));
  const Float r = m.sub(m.from_bits(m.isub(of, m.shl(e, m.integer(23)))), m.number(1));
  const Float s = polynomial(
      m, r,
      {0x1.98a5fcp-4F, -0x1.5c5866p-3F, 0x1.5ecd8ap-3F, -0x1.6de9b4p-3F, 0x1.a41c36p-3F,
       -0x1.ec842ap-3F, 0x1.277f30p-2F, -0x1.71546ap-2F, 0x1.ec7088p-2F, -0x1.715476p-1F});
  // log2(e) in two parts.
  const Float small = m.mul(r, m.fma(s, r, m.number(0x1.4ae0c0p-26F)));
  Float result = m.add(m.convert(lowered), m.fma(r, m.number(0x1.715476p+0F), small));
  result = m.select(m.less(x, m.number(infinity)), result, x);  // infinity and NaN as they are
  result = m.select(m.less(m.number(0), x), result, m.number(-infinity));
  result = m.select(m.less(x, m.number(0)), m.number(nan), result);
  const auto is_number = m.less(m.iand(m.bits(x), m.integer(0x7fffffff)), m.integer(0x7f800001));
  return m.select(is_number, result, m.number(nan));
}

// |x| = (q + v) pi/2 with q an integer and |v| <= 1/2. The mantissa is multiplied with the 96 bits
// of 2/pi that matter for its exponent (Payne and Hanek, 1983). The result is sin or cos of v pi/2,
// a number that is kept as a sum of two floats.
template <typename M, typename Float = M::Float, typename Int = M::Int>
Float sin(M& m, Float x) {
  const auto integer = [&](std::uint32_t value) { return m.integer(value); };
  // The bits of 2/pi behind 64 zeros. The last of these zeros stands before the binary point.
  constexpr std::uint32_t two_over_pi[] = {0,          0,          0xa2f9836e, 0x4e441529,
                                           0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041};
  const Int all = m.bits(x);
  const Int sign = m.iand(all, integer(0x80000000));
  const Int magnitude = m.ixor(all, sign);

  // The mantissa at the top of a word, and where its window of 2/pi starts, in bits.
  const Int mantissa = m.ior(m.shl(magnitude, integer(8)), integer(0x80000000));
  const Int start = m.isub(m.shr(magnitude, integer(23)), integer(127 - 31));
  const Int word = m.shr(start, integer(5));
  const Int shift = m.iand(start, integer(31));
  const auto is_1 = m.less(word, integer(2)), is_0 = m.less(word, integer(1));
  const auto is_2 = m.less(word, integer(3)), is_3 = m.less(word, integer(4));
  const auto table = [&](int i) {
    const auto at = [&](int w) { return integer(two_over_pi[w + i]); };
    const Int low = m.select(is_0, at(0), m.select(is_1, at(1), at(2)));
    return m.select(is_2, low, m.select(is_3, at(3), at(4)));
  };
  const Int words[] = {table(0), table(1), table(2), table(3)};
  const Int rest = m.isub(integer(31), shift);
  const auto window = [&](int i) {
    return m.ior(m.shl(words[i], shift), m.shr(m.shr(words[i + 1], integer(1)), rest));
  };
  const Int a = window(0), b = window(1), c = window(2);

  // The product modulo 4: two bits before the binary point and 62 behind it.
  const Int low = m.iadd(m.imul(mantissa, b), m.high(mantissa, c));
  const auto unsigned_less = [&](Int x, Int y) {
    return m.less(m.ixor(x, integer(0x80000000)), m.ixor(y, integer(0x80000000)));
  };
  const Int carry = m.select(unsigned_less(low, m.imul(mantissa, b)), integer(1), integer(0));
  const Int high = m.iadd(m.iadd(m.imul(mantissa, a), m.high(mantissa, b)), carry);
  const Int v_high = m.ior(m.shl(high, integer(2)), m.shr(low, integer(30)));
  const Int v_low = m.shl(low, integer(2));
  const Int half = m.shr(v_high, integer(31));  // v was at least 1/2: it becomes negative
  Int quadrant = m.iadd(m.shr(high, integer(30)), half);
  const Int flip = m.isub(integer(0), half);
  // |v| in two words. For a negative v it is too small by one in the last bit.
  const Int above = m.ixor(v_high, flip), below = m.ixor(v_low, flip);

  // |v| as a sum of floats, and times pi/2.
  const Float v1 = m.mul(m.convert(m.shr(above, integer(8))), m.number(0x1p-24F));
  const Int tail =
      m.ior(m.shl(m.iand(above, integer(0xff)), integer(23)), m.shr(below, integer(9)));
  const Float v2 = m.mul(m.convert(tail), m.number(0x1p-55F));
  const Float pi_1 = m.number(0x1.921fb6p+0F), pi_2 = m.number(-0x1.777a5cp-25F);
  const Float product = m.mul(v1, pi_1);
  const Float error = m.fma(v1, pi_1, m.sub(m.number(0), product));
  const Float remainder = m.add(error, m.fma(v1, pi_2, m.mul(v2, pi_1)));
  Float r = m.add(product, remainder);
  Float r_low = m.sub(remainder, m.sub(r, product));
  // Below pi/4 the argument is its own remainder.
  const auto is_small = m.less(magnitude, integer(0x3f490fdb));
  r = m.select(is_small, m.from_bits(magnitude), r);
  r_low = m.select(is_small, m.number(0), r_low);
  quadrant = m.select(is_small, integer(0), quadrant);
  const Int v_sign = m.select(is_small, integer(0), m.shl(half, integer(31)));

  const Float z = m.mul(r, r);
  // sin(r) = r + r^3 odd(r^2)
  const Float odd = polynomial(m, z, {-0x1.996e16p-13F, 0x1.1107d4p-7F, -0x1.555548p-3F});
  const Float sine = m.add(r, m.fma(m.mul(r, z), odd, r_low));
  // cos(r) = 1 - r^2/2 + r^4 even(r^2)
  const Float even = polynomial(m, z, {0x1.9ab830p-16F, -0x1.6c0f5ap-10F, 0x1.555550p-5F});
  const Float half_z = m.mul(z, m.number(0.5F));
  const Float most = m.sub(m.number(1), half_z);
  const Float lost = m.sub(m.sub(m.number(1), most), half_z);  // by the rounding of `most`
  const Float minus_r = m.sub(m.number(0), r);
  const Float cosine = m.add(most, m.fma(m.mul(z, z), even, m.fma(minus_r, r_low, lost)));

  const auto is_sine = m.less(m.iand(quadrant, integer(1)), integer(1));
  const Float result = m.select(is_sine, m.from_bits(m.ixor(m.bits(sine), v_sign)), cosine);
  const Int turned = m.shl(m.iand(quadrant, integer(2)), integer(30));
  const Float signed_result = m.from_bits(m.ixor(m.ixor(m.bits(result), turned), sign));
  const auto is_finite = m.less(magnitude, integer(0x7f800000));
  return m.select(is_finite, signed_result, m.number(std::numeric_limits<float>::quiet_NaN()));
}

}  // namespace tenon
