"""One case of the suite `start` in PyTorch: start_pytorch.py CASE THREADS. Prints its result."""

import sys

import torch


def digits_step():
    """The step of bench/digits_step.cpp."""
    x = torch.rand(64, 1, 8, 8) * 2 - 1
    labels = torch.arange(64) % 10
    weights = [
        ((torch.rand(shape) * 2 - 1) * scale).requires_grad_()
        for shape, scale in (((16, 1, 3, 3), 0.3), ((32, 16, 3, 3), 0.1), ((512, 10), 0.05))
    ]
    functional = torch.nn.functional
    first = functional.max_pool2d(functional.conv2d(x, weights[0], padding=1).relu(), 2)
    second = functional.conv2d(first, weights[1], padding=1).relu()
    loss = functional.cross_entropy(second.reshape(64, 512) @ weights[2], labels)
    loss.backward()
    with torch.no_grad():
        for weight in weights:
            weight -= 0.1 * weight.grad
    return loss.detach()


def main():
    case, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if case == "digits_step":
        result = digits_step()
    elif case == "softmax_1024":
        result = torch.rand(1024, 1024).softmax(-1)
    else:
        size = int(case.removeprefix("matmul_"))
        result = torch.rand(size, size) @ torch.rand(size, size)
    print(result, flush=True)


main()
