"""The default model as other engines read it: an ONNX graph and a plain llama.cpp file, both with the weights of the GGUF file.

    write_onnx("data/cognate-e5-512.gguf", "f32.onnx")                  # ids, mask → vector (512, of the head), mean (384)
    write_llama("data/cognate-e5-512.gguf", "q8_0.gguf", Q8_0)          # mean pooling; llama.cpp has no head of this kind

Inputs of the graph: ids (texts, tokens) int64, mask (texts, tokens) float, 1 for a token and 0 for padding. Vectors have unit length.
"""
import numpy as np
import onnx
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize
from onnx import TensorProto, helper, numpy_helper

FAR = 1e9  # taken from the scores of padding


def fields(reader):
    """What the file says of the model; its vocabulary is left out."""
    return {name: field.contents() for name, field in reader.fields.items() if name.startswith(("bert.", "cognate.pooling", "cognate.dense"))}


def weights(reader):
    """Name → float array in the order of numpy: rows are outputs."""
    return {t.name: dequantize(t.data, t.tensor_type).astype(np.float32).reshape([int(n) for n in reversed(t.shape)])
            for t in reader.tensors}


def multiply_adds(gguf):
    """Of the linear layers, for one token."""
    about = fields(GGUFReader(gguf))
    hidden = about["bert.embedding_length"]
    return about["bert.block_count"] * (4 * hidden**2 + 2 * hidden * about["bert.feed_forward_length"])


class Graph:
    """Nodes and constants of an ONNX graph, by the name of what they give."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator, *inputs, name=None, **attributes):
        name = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def write_onnx(gguf, path):
    reader = GGUFReader(gguf)
    w, about, g = weights(reader), fields(reader), Graph()
    layers, heads, hidden = about["bert.block_count"], about["bert.attention.head_count"], about["bert.embedding_length"]
    epsilon = about["bert.attention.layer_norm_epsilon"]
    width = hidden // heads
    split = g.constant("split", np.array([0, 0, heads, width], np.int64))
    joined = g.constant("joined", np.array([0, 0, hidden], np.int64))
    scale, half = g.constant("scale", np.float32(width**-0.5)), g.constant("half", np.float32(0.5))
    one, root = g.constant("one", np.float32(1)), g.constant("root", np.float32(0.5**0.5))
    far, first = g.constant("far", np.float32(FAR)), g.constant("first", np.array([1], np.int64))
    second, last = g.constant("second", np.array([2], np.int64)), g.constant("last", np.array([1, 2], np.int64))

    def norm(x, name):
        return g.node("LayerNormalization", x, g.constant(name + ".w", w[name + ".weight"]),
                      g.constant(name + ".b", w[name + ".bias"]), axis=-1, epsilon=epsilon)

    def linear(x, name):
        product = g.node("MatMul", x, g.constant(name + ".w", w[name + ".weight"].T))
        return g.node("Add", product, g.constant(name + ".b", w[name + ".bias"]))

    def unit(x, name):
        length = g.node("Sqrt", g.node("ReduceSum", g.node("Mul", x, x), first, keepdims=1))
        return g.node("Div", x, length, name=name)

    tokens = g.node("Slice", g.node("Shape", "ids"), first, second)
    zero = g.constant("zero", np.array([0], np.int64))
    positions = g.node("Slice", g.constant("positions", w["position_embd.weight"] + w["token_types.weight"][0]), zero, tokens)
    x = norm(g.node("Add", g.node("Gather", g.constant("words", w["token_embd.weight"]), "ids"), positions), "token_embd_norm")
    absent = g.node("Mul", g.node("Sub", "mask", one), far)
    hidden_scores = g.node("Unsqueeze", absent, last)
    for i in range(layers):
        layer = f"blk.{i}."

        def per_head(name, order):
            return g.node("Transpose", g.node("Reshape", linear(x, layer + name), split), perm=order)

        query, key, value = per_head("attn_q", [0, 2, 1, 3]), per_head("attn_k", [0, 2, 3, 1]), per_head("attn_v", [0, 2, 1, 3])
        scores = g.node("Add", g.node("Mul", g.node("MatMul", query, key), scale), hidden_scores)
        context = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        context = g.node("Reshape", g.node("Transpose", context, perm=[0, 2, 1, 3]), joined)
        x = norm(g.node("Add", x, linear(context, layer + "attn_output")), layer + "attn_output_norm")
        inside = linear(x, layer + "ffn_up")
        bell = g.node("Add", g.node("Erf", g.node("Mul", inside, root)), one)
        inside = g.node("Mul", g.node("Mul", inside, half), bell)
        x = norm(g.node("Add", x, linear(inside, layer + "ffn_down")), layer + "layer_output_norm")
    weight = g.node("Unsqueeze", "mask", second)
    count = g.node("ReduceSum", "mask", first, keepdims=1)
    mean = g.node("Div", g.node("ReduceSum", g.node("Mul", x, weight), first, keepdims=0), count)
    largest = g.node("ReduceMax", g.node("Add", x, g.node("Unsqueeze", absent, second)), first, keepdims=0)
    assert about["cognate.pooling"] == ["mean", "max"] and about["cognate.dense.0.activation"] == "identity"
    unit(linear(g.node("Concat", mean, largest, axis=1), "cognate.dense.0"), "vector")
    unit(mean, "mean")

    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
              helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "tokens"])]
    outputs = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["texts", about["bert.embedding_length_out"]]),
               helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["texts", hidden])]
    graph = helper.make_graph(g.nodes, "e5", inputs, outputs, g.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, path)


def write_llama(gguf, path, linear_type):
    """A file without what llama.cpp does not know, its linear layers and embeddings in `linear_type`."""
    reader = GGUFReader(gguf)
    writer = GGUFWriter(path, "bert")
    for name, field in reader.fields.items():
        if name.startswith(("GGUF.", "cognate.", "general.")) or name == "bert.embedding_length_out":
            continue
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    for t in reader.tensors:
        if t.name.startswith("cognate."):
            continue
        if t.tensor_type in (GGMLQuantizationType.F32, linear_type):
            writer.add_tensor(t.name, t.data, raw_dtype=t.tensor_type)
        else:
            rows = dequantize(t.data, t.tensor_type).reshape([int(n) for n in reversed(t.shape)])
            writer.add_tensor(t.name, quantize(rows, linear_type), raw_dtype=linear_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
