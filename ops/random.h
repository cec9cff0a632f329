// Random numbers as a function of a seed and a position: the counter-based generator Threefry-2x32
// with 20 rounds, in integer operations of the graph. So the numbers fuse into the operation that
// uses them, every device and schedule draws the same bits, and no state is stored.
//
// Paper: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
//
// `seed` is a rank-0 i32 tensor. Make it a new leaf for each step, never a constant, so that the
// next step has the same graph and compiles nothing. `stream` separates several draws from one
// seed. Element i (row-major) depends on seed, stream and i alone. Fewer than 2^31 elements. No
// gradient.
#pragma once

#include <utility>

#include "core/tensor.h"

namespace tenon {

// The generator itself: two i32 words from two words of key and two of counter, all of one shape.
std::pair<Tensor, Tensor> threefry2x32(const Tensor& key0, const Tensor& key1,
                                       const Tensor& counter0, const Tensor& counter1);

// 32 random bits an element, i32.
Tensor random_bits(const Tensor& seed, const Shape& shape, int stream = 0);

// f32 in [0, 1), multiples of 2^-24.
Tensor uniform(const Tensor& seed, const Shape& shape, int stream = 0);

// f32 with mean 0 and variance 1, by Box and Muller's transform (Annals of Mathematical Statistics
// 29, 1958). No number is beyond 5.77, because a radius has 24 bits.
Tensor normal(const Tensor& seed, const Shape& shape, int stream = 0);

// Sets each element of x to 0 with probability `rate`, and divides the others by 1 - rate. Paper:
// https://jmlr.org/papers/v15/srivastava14a.html. f32, 0 <= rate < 1.
Tensor dropout(const Tensor& x, double rate, const Tensor& seed, int stream = 0);

}  // namespace tenon
