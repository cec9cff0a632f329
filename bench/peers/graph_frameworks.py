"""One graph of the suite `graph`, in PyTorch or onnxruntime.

graph_frameworks.py FRAMEWORK GRAPH THREADS FOLDER, with `pytorch` or `onnxruntime`. The folder has
the values of the graph's inputs, INPUT.npy. Writes the result to FOLDER/FRAMEWORK.npy, and prints
a line of JSON: {"ms": the least of ten batches, "median_ms": .., "version": ".."}. Of PyTorch's
ways (eager, with its own attention, compiled) the fastest counts.

`graph_frameworks.py --graphs` prints the names of the graphs, a line each.
`graph_frameworks.py --has FRAMEWORK` exits with 0 if python3 has what the framework needs.
"""

import importlib.util
import json
import statistics
import sys
import time

NEEDS = {"pytorch": ["torch", "numpy"], "onnxruntime": ["onnxruntime", "onnx", "numpy"]}


# ---- the graphs: each is written once, for both, with the operations of an `Ops` below ----


def bert_layer(ops, x, wq, wk, wv, wo, bq, bk, bv, bo, w1, b1, w2, b2):
    """A layer of BERT-base: x is [tokens, 768], 12 heads. Layer norm without scale and shift."""

    def heads(value, order):
        return ops.permute(ops.reshape(value, [-1, 12, 64]), order)

    q = heads(ops.add(ops.matmul(x, wq), bq), [1, 0, 2])
    k = heads(ops.add(ops.matmul(x, wk), bk), [1, 0, 2])
    v = heads(ops.add(ops.matmul(x, wv), bv), [1, 0, 2])
    mixed = ops.reshape(ops.permute(ops.attention(q, k, v, 0.125), [1, 0, 2]), [-1, 768])
    y = ops.layernorm(ops.add(ops.add(ops.matmul(mixed, wo), bo), x), 768)
    hidden = ops.gelu(ops.add(ops.matmul(y, w1), b1))
    return ops.layernorm(ops.add(ops.add(ops.matmul(hidden, w2), b2), y), 768)


def attention(ops, q, k, v):
    """[12, 512, 64]: 12 heads of 512 tokens."""
    return ops.attention(q, k, v, 0.125)


def max_pool(ops, x):
    return ops.max_pool(x, 3, 2, 1)


GRAPHS = {"bert_layer": bert_layer, "attention": attention, "max_pool": max_pool}


# ---- the frameworks ----


class TorchOps:
    """Computes at once. Attention is PyTorch's own operation if `fused`, else its parts."""

    def __init__(self, fused):
        import torch

        self.torch, self.fused = torch, fused
        self.functional = torch.nn.functional
        self.add, self.matmul = torch.add, torch.matmul

    def reshape(self, x, shape):
        return x.reshape(shape)

    def permute(self, x, order):
        return x.permute(order)

    def attention(self, q, k, v, scale):
        if self.fused:
            result = self.functional.scaled_dot_product_attention(
                q[None], k[None], v[None], scale=scale
            )
            return result[0]
        return self.matmul((self.matmul(q, k.transpose(-1, -2)) * scale).softmax(-1), v)

    def layernorm(self, x, length):
        return self.functional.layer_norm(x, [length], eps=1e-5)

    def gelu(self, x):
        return self.functional.gelu(x)

    def max_pool(self, x, size, stride, padding):
        return self.functional.max_pool2d(x, size, stride, padding)


class OnnxOps:
    """Collects the nodes of an ONNX graph. Values are their names."""

    def __init__(self):
        import numpy
        import onnx

        self.numpy, self.onnx = numpy, onnx
        self.nodes, self.constants = [], []

    def node(self, kind, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(values, name))
        return name

    def add(self, x, y):
        return self.node("Add", [x, y])

    def matmul(self, x, y):
        return self.node("MatMul", [x, y])

    def reshape(self, x, shape):
        return self.node("Reshape", [x, self.constant(self.numpy.array(shape, "int64"))])

    def permute(self, x, order):
        return self.node("Transpose", [x], perm=order)

    def attention(self, q, k, v, scale):
        factor = self.constant(self.numpy.array(scale, "float32"))
        scores = self.node("Mul", [self.matmul(q, self.permute(k, [0, 2, 1])), factor])
        return self.matmul(self.node("Softmax", [scores], axis=-1), v)

    def layernorm(self, x, length):
        ones = self.constant(self.numpy.ones(length, "float32"))
        return self.node("LayerNormalization", [x, ones], axis=-1, epsilon=1e-5)

    def gelu(self, x):
        return self.node("Gelu", [x])

    def max_pool(self, x, size, stride, padding):
        return self.node(
            "MaxPool", [x], kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4
        )


def torch_runs(build, inputs, threads):
    """Returns functions that compute the result, each in another way, and the version."""
    import torch

    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(values) for values in inputs.values()]

    def run_of(compute):
        def run():
            with torch.inference_mode():
                return compute(*tensors).numpy()

        return run

    ways = [lambda *of, ops=TorchOps(fused): build(ops, *of) for fused in (False, True)]
    runs = [run_of(way) for way in ways]
    try:
        compiled = run_of(torch.compile(ways[0]))
        compiled()
        runs.append(compiled)
    except Exception as problem:  # it needs a compiler for C++
        reason = str(problem).strip().splitlines()[:1]
        print(f"{sys.argv[0]}: warning: without torch.compile: {reason}", file=sys.stderr)
    return runs, torch.__version__


def onnxruntime_runs(build, inputs, threads):
    """The first input is the only one that changes; the others are constants (packed once)."""
    import onnxruntime

    ops = OnnxOps()
    helper, kind = ops.onnx.helper, ops.onnx.TensorProto.FLOAT
    weights = {} if build is attention else dict(list(inputs.items())[1:])
    result = build(ops, *inputs)
    ops.constants += [ops.onnx.numpy_helper.from_array(v, name) for name, v in weights.items()]
    fed = {name: values for name, values in inputs.items() if name not in weights}
    graph = helper.make_graph(
        ops.nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, values.shape) for name, values in fed.items()],
        [helper.make_tensor_value_info(result, kind, None)],
        ops.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return [lambda: session.run(None, fed)[0]], onnxruntime.__version__


def batches(run):
    """Milliseconds of a run, for ten batches of at least 20 ms each."""
    for _ in range(3):
        run()
    start = time.perf_counter()
    run()
    runs = max(1, int(0.02 / (time.perf_counter() - start)))
    samples = []
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(runs):
            run()
        samples.append((time.perf_counter() - start) / runs * 1e3)
    return samples


def main():
    if sys.argv[1] == "--graphs":
        print("\n".join(GRAPHS))
        return
    if sys.argv[1] == "--has":
        sys.exit(any(importlib.util.find_spec(name) is None for name in NEEDS[sys.argv[2]]))
    framework, name, threads, folder = sys.argv[1:]
    import numpy

    build = GRAPHS[name]
    names = build.__code__.co_varnames[1 : build.__code__.co_argcount]
    inputs = {name: numpy.load(f"{folder}/{name}.npy") for name in names}
    make = torch_runs if framework == "pytorch" else onnxruntime_runs
    runs, version = make(build, inputs, int(threads))
    samples = min((batches(run) for run in runs), key=min)  # the fastest way counts
    numpy.save(f"{folder}/{framework}.npy", runs[0]())
    figures = {"ms": min(samples), "median_ms": statistics.median(samples), "version": version}
    print(json.dumps(figures))


main()
