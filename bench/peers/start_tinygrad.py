"""One case of the suite `start` in tinygrad, on its CPU device: start_tinygrad.py CASE THREADS.

Prints its result. Operands are made by Python, so that tinygrad compiles no kernel to make them.
"""

import os
import random
import struct
import sys

os.environ.setdefault("DEV", "CPU")

from tinygrad import Tensor, dtypes  # noqa: E402  (reads the environment)


def uniform(*shape, scale=1.0):
    count = 1
    for extent in shape:
        count *= extent
    block = [random.uniform(-scale, scale) for _ in range(1009)]  # repeated: Python is slow
    values = struct.pack("1009f", *block) * (count // 1009 + 1)
    return Tensor(values[: 4 * count], dtype=dtypes.float32).reshape(*shape)


def digits_step():
    """The step of bench/digits_step.cpp."""
    x = uniform(64, 1, 8, 8)
    labels = Tensor([i % 10 for i in range(64)])
    weights = [
        uniform(16, 1, 3, 3, scale=0.3),
        uniform(32, 16, 3, 3, scale=0.1),
        uniform(512, 10, scale=0.05),
    ]
    for weight in weights:
        weight.requires_grad = True
    first = x.conv2d(weights[0], padding=1).relu().max_pool2d((2, 2))
    second = first.conv2d(weights[1], padding=1).relu()
    loss = (second.reshape(64, 512) @ weights[2]).cross_entropy(labels)
    loss.backward()
    updated = [weight - 0.1 * weight.grad for weight in weights]
    Tensor.realize(loss, *updated)
    return loss.item()


def main():
    case = sys.argv[1]
    if case == "digits_step":
        result = digits_step()
    elif case == "softmax_1024":
        result = uniform(1024, 1024).softmax(-1).realize().data()[0, 0]
    else:
        size = int(case.removeprefix("matmul_"))
        result = (uniform(size, size) @ uniform(size, size)).realize().data()[0, 0]
    print(result, flush=True)


main()
