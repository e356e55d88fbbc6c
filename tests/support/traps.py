"""Counting traps: small models whose true number of parameters is known by construction; ``TRAPS``
maps a name to both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(0)
Trap = Callable[[], onnx.ModelProto]
TRAPS: dict[str, tuple[int, Trap]] = {}


def trap(true: int) -> Callable[[Trap], Trap]:
    def note(build: Trap) -> Trap:
        TRAPS[build.__name__] = (true, build)
        return build

    return note


def drawn(name: str, *shape: int, dtype: type = np.float32) -> TensorProto:
    values = (
        RNG.integers(-100, 100, shape)
        if np.issubdtype(dtype, np.integer)
        else RNG.standard_normal(shape)
    )
    return numpy_helper.from_array(values.astype(dtype), name)


def text(source: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21, "com.microsoft": 1, "ai.onnx.ml": 3, "local": 1,'
        f' "vendor": 1]>\n{source}'
    )


def filled(source: str, *tensors: TensorProto) -> onnx.ModelProto:
    """The model of the text with these initializers."""
    model = text(source)
    model.graph.initializer.extend(tensors)
    return model


MATMUL = "g (float[N, 8] x) => (float[N, 8] y) { %s }"


# -- the traps of the format ------------------------------------------------------------------


@trap(64)
def tied_used_twice() -> onnx.ModelProto:
    return filled(MATMUL % "h = MatMul(x, w) y = MatMul(h, w)", drawn("w", 8, 8))


@trap(64)
def tied_through_identity() -> onnx.ModelProto:
    return filled(
        MATMUL % '"b.w" = Identity("a.w") h = MatMul(x, "a.w") y = MatMul(h, "b.w")',
        drawn("a.w", 8, 8),
    )


@trap(64)
def tied_through_a_transposition() -> onnx.ModelProto:
    return filled(MATMUL % "t = Transpose(w) h = MatMul(x, w) y = MatMul(h, t)", drawn("w", 8, 8))


@trap(96)
def tied_through_a_transposed_copy() -> onnx.ModelProto:
    table = drawn("table", 12, 8)
    turned = numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(table).T), "head")
    return filled(
        "g (int64[N] i) => (float[N, 12] y) { h = Gather(table, i) y = MatMul(h, head) }",
        table,
        turned,
    )


@trap(192)
def transposed_shapes_of_other_content() -> onnx.ModelProto:
    return filled(
        "g (int64[N] i) => (float[N, 12] y) { h = Gather(table, i) y = MatMul(h, head) }",
        drawn("table", 12, 8),
        drawn("head", 8, 12),
    )


@trap(16)
def two_norms_of_ones() -> onnx.ModelProto:
    ones = np.ones(8, np.float32)
    body = "h = SimplifiedLayerNormalization(x, a) y = SimplifiedLayerNormalization(h, b)"
    return filled(
        MATMUL % body, numpy_helper.from_array(ones, "a"), numpy_helper.from_array(ones, "b")
    )


@trap(16)
def two_norms_of_ones_merged_behind_an_identity() -> onnx.ModelProto:
    body = (
        '"n.1.w" = Identity("n.0.w") h = SimplifiedLayerNormalization(x, "n.0.w") y ='
        ' SimplifiedLayerNormalization(h, "n.1.w")'
    )
    return filled(MATMUL % body, numpy_helper.from_array(np.ones(8, np.float32), "n.0.w"))


@trap(8)
def one_vector_that_two_norms_use() -> onnx.ModelProto:
    return filled(
        MATMUL % "h = SimplifiedLayerNormalization(x, w) y = SimplifiedLayerNormalization(h, w)",
        drawn("w", 8),
    )


def _if(then: onnx.GraphProto, other: onnx.GraphProto, *tensors: TensorProto) -> onnx.ModelProto:
    node = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    inputs = [
        helper.make_tensor_value_info("c", 9, []),
        helper.make_tensor_value_info("x", 1, ["N", 8]),
    ]
    graph = helper.make_graph(
        [node], "g", inputs, [helper.make_tensor_value_info("y", 1, ["N", 8])], list(tensors)
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


def _branch(name: str, weight: str, *tensors: TensorProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info(f"y_{name}", 1, ["N", 8])
    return helper.make_graph(
        [helper.make_node("MatMul", ["x", weight], [f"y_{name}"])],
        name,
        [],
        [output],
        list(tensors),
    )


@trap(128)
def in_the_bodies_of_an_if() -> onnx.ModelProto:
    return _if(_branch("then", "w1", drawn("w1", 8, 8)), _branch("else", "w2", drawn("w2", 8, 8)))


@trap(128)
def the_same_name_in_both_branches() -> onnx.ModelProto:
    return _if(_branch("then", "w", drawn("w", 8, 8)), _branch("else", "w", drawn("w", 8, 8)))


@trap(64)
def one_weight_in_both_branches() -> onnx.ModelProto:
    return _if(_branch("then", "w"), _branch("else", "w"), drawn("w", 8, 8))


@trap(128)
def branches_that_choose_a_weight() -> onnx.ModelProto:
    def constant(name: str) -> onnx.GraphProto:
        node = helper.make_node("Constant", [], [name], value=drawn("", 8, 8))
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(name, 1, [8, 8])])

    model = _if(constant("a"), constant("b"))
    model.graph.node[0].output[0] = "w"
    model.graph.node.append(helper.make_node("MatMul", ["x", "w"], ["y"]))
    return model


@trap(72)
def in_constant_nodes() -> onnx.ModelProto:
    weight = helper.make_node("Constant", [], ["w"], value=drawn("", 8, 8))
    bias = helper.make_node("Constant", [], ["b"], value_floats=[float(at) for at in range(8)])
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    inputs, outputs = ([helper.make_tensor_value_info(name, 1, ["N", 8])] for name in "xy")
    return helper.make_model(helper.make_graph([weight, bias, gemm], "g", inputs, outputs))


@trap(64)
def sparse_with_flat_indices() -> onnx.ModelProto:
    return _sparse([[9], [20], [60]], flat=True)


@trap(64)
def sparse_with_coordinates() -> onnx.ModelProto:
    return _sparse([[1, 1], [2, 4], [7, 4]], flat=False)


def _sparse(indices: list[list[int]], *, flat: bool) -> onnx.ModelProto:
    places = np.array(indices, np.int64)
    values = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "w")
    model = text(MATMUL % "y = MatMul(x, w)")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            values, numpy_helper.from_array(places[:, 0] if flat else places, "i"), [8, 8]
        )
    )
    return model


@trap(64)
def sparse_in_a_constant() -> onnx.ModelProto:
    values = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "")
    sparse = helper.make_sparse_tensor(
        values, numpy_helper.from_array(np.array([9, 20, 60], np.int64), ""), [8, 8]
    )
    model = text(MATMUL % "y = MatMul(x, w)")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], sparse_value=sparse))
    return model


def _with_function(calls: str, inner: bool, *tensors: TensorProto) -> onnx.ModelProto:
    body = [helper.make_node("MatMul", ["a", "w"], ["b"])]
    if inner:
        body.insert(0, helper.make_node("Constant", [], ["w"], value=drawn("", 8, 8)))
    model = filled(MATMUL % calls, *tensors)
    inputs = ["a"] if inner else ["a", "w"]
    model.functions.append(
        helper.make_function("local", "F", inputs, ["b"], body, [helper.make_opsetid("", 21)])
    )
    return model


@trap(64)
def in_a_function_called_twice() -> onnx.ModelProto:
    return _with_function("h = local.F(x) y = local.F(h)", True)


@trap(128)
def passed_to_a_function() -> onnx.ModelProto:
    return _with_function(
        "h = local.F(x, w1) y = local.F(h, w2)", False, drawn("w1", 8, 8), drawn("w2", 8, 8)
    )


@trap(64)
def default_of_a_functions_attribute() -> onnx.ModelProto:
    model = _with_function("h = local.F(x) y = local.F(h)", True)
    (function,) = model.functions
    function.node[0].attribute[0].CopyFrom(
        onnx.AttributeProto(name="value", ref_attr_name="W", type=4)
    )
    function.attribute_proto.append(helper.make_attribute("W", drawn("", 8, 8)))
    return model


@trap(64)
def also_a_graph_input() -> onnx.ModelProto:
    return filled(
        "g (float[N, 8] x, float[8, 8] w) => (float[N, 8] y) { y = MatMul(x, w) }", drawn("w", 8, 8)
    )


@trap(128)
def one_that_nothing_uses() -> onnx.ModelProto:
    return filled(MATMUL % "y = MatMul(x, w)", drawn("w", 8, 8), drawn("spare", 8, 8))


@trap(64)
def in_a_loop_body() -> onnx.ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["h", "w"], ["o"]),
            helper.make_node("Identity", ["k"], ["k2"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", 7, []),
            helper.make_tensor_value_info("k", 9, []),
            helper.make_tensor_value_info("h", 1, None),
        ],
        [helper.make_tensor_value_info("k2", 9, []), helper.make_tensor_value_info("o", 1, None)],
        [drawn("w", 8, 8)],
    )
    model = text(MATMUL % "")
    model.graph.node.append(helper.make_node("Loop", ["n", "c", "x"], ["y"], body=body))
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.array(3), "n"), numpy_helper.from_array(np.array(True), "c")]
    )
    return model


@trap(64)
def in_training_info() -> onnx.ModelProto:
    model = filled(MATMUL % "y = Relu(x)")
    algorithm = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"])], "a", [], [], [drawn("w", 8, 8)]
    )
    model.training_info.add().algorithm.CopyFrom(algorithm)
    return model


@trap(64)
def made_by_constant_of_shape() -> onnx.ModelProto:
    return filled(
        MATMUL % "w = ConstantOfShape(s) y = MatMul(x, w)",
        numpy_helper.from_array(np.array([8, 8]), "s"),
    )


@trap(0)
def zeros_made_for_a_state() -> onnx.ModelProto:
    body = "h = ConstantOfShape(s) t = Add(x, h) y = Relu(t)"
    return filled(MATMUL % body, numpy_helper.from_array(np.array([1, 8]), "s"))


# -- what is not a parameter ------------------------------------------------------------------


@trap(64)
def shapes_axes_and_scalars() -> onnx.ModelProto:
    ints = numpy_helper.from_array(np.array([-1, 2, 4]), "shape")
    axes = numpy_helper.from_array(np.array([1]), "axes")
    scalar = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    empty = numpy_helper.from_array(np.zeros((0, 8), np.float32), "empty")
    body = (
        "h = MatMul(x, w) r = Reshape(h, shape) s = ReduceSum(r, axes) t = Mul(s, half) y = Concat"
        " <axis = 0> (t, empty)"
    )
    return filled(MATMUL % body, drawn("w", 8, 8), ints, axes, scalar, empty)


@trap(64)
def causal_mask() -> onnx.ModelProto:
    mask = numpy_helper.from_array(np.triu(np.full((1, 1, 8, 8), -1e9, np.float32), 1), "mask")
    return filled(
        MATMUL % "h = MatMul(x, w) s = Add(h, mask) y = Softmax(s)", drawn("w", 8, 8), mask
    )


@trap(64)
def rotary_tables() -> onnx.ModelProto:
    body = (
        "q = MatMul(x, w) a, b = Split <axis = 1, num_outputs = 2> (q) n = Neg(b) r = Concat <axis"
        " = 1> (n, a) c = Mul(q, cos) s = Mul(r, sin) y = Add(c, s)"
    )
    return filled(MATMUL % body, drawn("w", 8, 8), drawn("cos", 8, 8), drawn("sin", 8, 8))


@trap(64)
def rotary_frequencies() -> onnx.ModelProto:
    body = (
        "q = MatMul(x, w) f = MatMul(positions, rates) e = Concat <axis = 1> (f, f) c = Cos(e) s ="
        " Sin(e) t = Add(c, s) y = Mul(q, t)"
    )
    model = filled(MATMUL % body, drawn("w", 8, 8), drawn("rates", 1, 4))
    model.graph.input.append(helper.make_tensor_value_info("positions", 1, ["N", 1]))
    return model


@trap(64)
def position_buckets() -> onnx.ModelProto:
    buckets = numpy_helper.from_array(np.arange(16).reshape(4, 4), "buckets")
    return filled(
        "g (float[N] x) => (float[4, 4, 8] y) { y = Gather(w, buckets) }", drawn("w", 8, 8), buckets
    )


@trap(8 * 1 * 9 + 16)
def running_statistics() -> onnx.ModelProto:
    body = "h = Conv(x, w) y = BatchNormalization(h, scale, b, mean, var)"
    source = f"g (float[N, 1, 9, 9] x) => (float[N, 8, 7, 7] y) {{ {body} }}"
    return filled(
        source,
        drawn("w", 8, 1, 3, 3),
        drawn("scale", 8),
        drawn("b", 8),
        drawn("mean", 8),
        drawn("var", 8),
    )


@trap(0)
def fourier_basis_as_a_convolution() -> onnx.ModelProto:
    return filled(
        "g (float[N, 1, T] x) => (float[N, 258, F] y) { y = Conv <strides = [128]> (x, w) }",
        drawn("w", 258, 1, 256),
    )


@trap(258 * 256 + 258)
def a_learned_convolution_of_that_shape() -> onnx.ModelProto:
    return filled(
        "g (float[N, 1, T] x) => (float[N, 258, F] y) { y = Conv <strides = [128]> (x, w, b) }",
        drawn("w", 258, 1, 256),
        drawn("b", 258),
    )


@trap(0)
def mel_filters() -> onnx.ModelProto:
    least = numpy_helper.from_array(np.array(1e-5, np.float32), "least")
    return filled(
        "g (float[N, 129] x) => (float[N, 40] y) { h = MatMul(x, m) c = Clip(h, least) y ="
        " Log(c) }",
        drawn("m", 129, 40),
        least,
    )


@trap(64)
def normalisation_of_the_input() -> onnx.ModelProto:
    return filled(
        MATMUL % "a = Sub(x, mean) b = Div(a, deviation) y = MatMul(b, w)",
        drawn("mean", 8),
        drawn("deviation", 8),
        drawn("w", 8, 8),
    )


@trap(64)
def anchors() -> onnx.ModelProto:
    body = "h = MatMul(x, w) s = Sigmoid(h) t = Mul(s, sizes) y = Add(t, grid)"
    return filled(MATMUL % body, drawn("w", 8, 8), drawn("sizes", 1, 8), drawn("grid", 1, 8))


@trap(72)
def a_bias_after_the_last_layer() -> onnx.ModelProto:
    return filled(MATMUL % "h = MatMul(x, w) y = Add(h, b)", drawn("w", 8, 8), drawn("b", 8))


@trap(4 * 16 * 8 + 4 * 16 * 4 + 8 * 16)
def recurrent_layer_with_initial_states() -> onnx.ModelProto:
    lengths = numpy_helper.from_array(np.array([5], np.int32), "lengths")
    tensors = [
        drawn("W", 1, 64, 8),
        drawn("R", 1, 64, 4),
        drawn("B", 1, 128),
        lengths,
        drawn("h0", 1, 1, 16),
        drawn("c0", 1, 1, 16),
    ]
    source = (
        "g (float[T, 1, 8] x) => (float[T, 1, 1, 16] y) { y = LSTM <hidden_size = 16> (x, W, R, B,"
        " lengths, h0, c0) }"
    )
    return filled(source, *tensors)


# -- quantization -----------------------------------------------------------------------------


@trap(64)
def int8_behind_cast_and_multiplication() -> onnx.ModelProto:
    return filled(
        MATMUL % "f = Cast <to = 1> (w) s = Mul(f, scale) y = MatMul(x, s)",
        drawn("w", 8, 8, dtype=np.int8),
        drawn("scale", 8),
    )


@trap(64)
def uint8_less_a_zero_point_times_a_scale() -> onnx.ModelProto:
    body = "f = Cast <to = 1> (w) z = Sub(f, zero) s = Mul(z, scale) y = MatMul(x, s)"
    return filled(
        MATMUL % body, drawn("w", 8, 8, dtype=np.uint8), drawn("zero", 8), drawn("scale", 8)
    )


@trap(64)
def fp16_behind_a_cast() -> onnx.ModelProto:
    return filled(
        MATMUL % "f = Cast <to = 1> (w) y = MatMul(x, f)", drawn("w", 8, 8, dtype=np.float16)
    )


@trap(64)
def qdq_per_tensor() -> onnx.ModelProto:
    scale, zero = (
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
        numpy_helper.from_array(np.array(3, np.int8), "z"),
    )
    return filled(
        MATMUL % "f = DequantizeLinear(w, s, z) y = MatMul(x, f)",
        drawn("w", 8, 8, dtype=np.int8),
        scale,
        zero,
    )


@trap(72)
def qdq_per_channel_with_int32_bias() -> onnx.ModelProto:
    body = (
        "f = DequantizeLinear <axis = 1> (w, s, z) c = DequantizeLinear <axis = 0> (b, bs) y ="
        " Gemm(x, f, c)"
    )
    tensors = [
        drawn("w", 8, 8, dtype=np.int8),
        drawn("s", 8),
        drawn("z", 8, dtype=np.int8),
        drawn("b", 8, dtype=np.int32),
        drawn("bs", 8),
    ]
    return filled(MATMUL % body, *tensors)


@trap(4224)
def int4_in_blocks() -> onnx.ModelProto:
    packed = helper.make_tensor(
        "w",
        TensorProto.INT4,
        [64, 66],
        RNG.integers(0, 255, 2112, dtype=np.uint8).tobytes(),
        raw=True,
    )
    source = (
        "g (float[N, 64] x) => (float[N, 66] y) { f = DequantizeLinear <axis = 0, block_size = 16>"
        " (w, s) y = MatMul(x, f) }"
    )
    return filled(source, packed, drawn("s", 4, 66))


@trap(15)
def an_odd_number_of_int4() -> onnx.ModelProto:
    packed = helper.make_tensor("w", TensorProto.INT4, [5, 3], bytes(range(8)), raw=True)
    return filled(
        "g (float[N, 5] x) => (float[N, 3] y) { f = DequantizeLinear(w, s) y = MatMul(x, f) }",
        packed,
        drawn("s"),
    )


@trap(15)
def an_odd_number_of_int2_as_int32_data() -> onnx.ModelProto:
    packed = TensorProto(name="w", data_type=26, dims=[5, 3], int32_data=[27, 228, 0, 1])
    return filled(
        "g (float[N, 5] x) => (float[N, 3] y) { f = DequantizeLinear(w, s) y = MatMul(x, f) }",
        packed,
        drawn("s"),
    )


@trap(5)
def an_odd_number_of_6_bit_floats() -> onnx.ModelProto:
    packed = TensorProto(name="w", data_type=27, dims=[5], raw_data=bytes(4))
    return filled(
        "g (float[N, 5] x) => (float[N, 5] y) { f = Cast <to = 1> (w) y = Mul(x, f) }", packed
    )


def _nbits(bits: int) -> onnx.ModelProto:
    k, n, block = 40, 6, 32  # two blocks of a column, the second of them padded
    packed = numpy_helper.from_array(
        RNG.integers(0, 255, (n, 2, block * bits // 8), dtype=np.uint8), "w"
    )
    zeros = numpy_helper.from_array(np.zeros(n * 2 * bits // 8, np.uint8), "z")
    node = (
        f"y = com.microsoft.MatMulNBits <K = {k}, N = {n}, bits = {bits}, block_size = {block}> (x,"
        " w, s, z)"
    )
    return filled(
        f"g (float[M, 40] x) => (float[M, 6] y) {{ {node} }}", packed, drawn("s", n * 2), zeros
    )


@trap(240)
def nbits_of_2() -> onnx.ModelProto:
    return _nbits(2)


@trap(240)
def nbits_of_4() -> onnx.ModelProto:
    return _nbits(4)


@trap(240)
def nbits_of_8() -> onnx.ModelProto:
    return _nbits(8)


@trap(12 * 64)
def embedding_in_4_bit_blocks() -> onnx.ModelProto:
    packed = numpy_helper.from_array(RNG.integers(0, 255, (12, 32), dtype=np.uint8), "w")
    node = "y = com.microsoft.GatherBlockQuantized <bits = 4, block_size = 32> (w, i, s)"
    return filled(f"g (int64[N] i) => (float[N, 64] y) {{ {node} }}", packed, drawn("s", 12, 2))


@trap(64)
def dynamically_quantized() -> onnx.ModelProto:
    body = (
        "q, xs, xz = DynamicQuantizeLinear(x) i = MatMulInteger(q, w_quantized, xz, w_zero_point) f"
        " = Cast <to = 1> (i) m = Mul(xs, w_scale) y = Mul(f, m)"
    )
    zero, scale = (
        numpy_helper.from_array(np.array(2, np.uint8), "w_zero_point"),
        numpy_helper.from_array(np.array(0.1, np.float32), "w_scale"),
    )
    return filled(MATMUL % body, drawn("w_quantized", 8, 8, dtype=np.uint8), zero, scale)


@trap(8 * 3 * 9 + 8)
def quantized_convolution() -> onnx.ModelProto:
    body = "y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b)"
    scalars = [
        numpy_helper.from_array(np.array(1, np.uint8 if name[1] == "z" else np.float32), name)
        for name in ("xs", "xz", "ys", "yz")
    ]
    weights = [
        drawn("w", 8, 3, 3, 3, dtype=np.int8),
        drawn("ws", 8),
        drawn("wz", 8, dtype=np.int8),
        drawn("b", 8, dtype=np.int32),
    ]
    return filled(
        f"g (uint8[N, 3, 9, 9] x) => (uint8[N, 8, 7, 7] y) {{ {body} }}", *scalars, *weights
    )


@trap(64 + 24)
def fused_attention() -> onnx.ModelProto:
    mask = numpy_helper.from_array(np.zeros((1, 8), np.int32), "m")
    source = (
        "g (float[1, T, 8] x) => (float[1, T, 8] y) { y = com.microsoft.Attention <num_heads = 2>"
        " (x, w, b, m) }"
    )
    weight = drawn("w", 8, 8)
    return filled(source, weight, drawn("b", 24), mask)


@trap(64 + 8)
def qonnx() -> onnx.ModelProto:
    model = filled(
        MATMUL % "",
        drawn("w", 8, 8),
        drawn("s", 8),
        drawn("z", 8),
        drawn("b", 8),
        numpy_helper.from_array(np.array(4.0, np.float32), "n"),
    )
    quant = helper.make_node(
        "Quant",
        ["w", "s", "z", "n"],
        ["q"],
        domain="qonnx.custom_op.general",
        signed=1,
        narrow=0,
        rounding_mode="ROUND",
    )
    model.graph.node.extend(
        [
            quant,
            helper.make_node("MatMul", ["x", "q"], ["h"]),
            helper.make_node("Add", ["h", "b"], ["y"]),
        ]
    )
    return model


# -- attributes -------------------------------------------------------------------------------


@trap(9)
def linear_classifier() -> onnx.ModelProto:
    node = (
        "l, y = ai.onnx.ml.LinearClassifier <coefficients = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],"
        " intercepts = [7.0, 8.0, 9.0], classlabels_ints = [0, 1, 2]> (x)"
    )
    return text(f"g (float[N, 2] x) => (float[N, 3] y) {{ {node} }}")


@trap(4)
def scaler() -> onnx.ModelProto:
    return text(
        "g (float[N, 2] x) => (float[N, 2] y) { y = ai.onnx.ml.Scaler <offset = [1.0, 2.0], scale ="
        " [3.0, 4.0]> (x) }"
    )


@trap(4)  # one threshold (a leaf's is a filler), two leaf values, a base value: as estimators count
def tree_ensemble() -> onnx.ModelProto:
    node = (
        "y = ai.onnx.ml.TreeEnsembleRegressor <nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1,"
        " 2], nodes_featureids = [0, 0, 0], nodes_values = [0.5, 0.0, 0.0], nodes_modes ="
        ' ["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2,'
        " 0, 0], target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0],"
        " target_weights = [1.0, 2.0], base_values = [3.0], n_targets = 1> (x)"
    )
    return text(f"g (float[N, 2] x) => (float[N, 1] y) {{ {node} }}")


@trap(0)
def label_tables() -> onnx.ModelProto:
    node = 'y = ai.onnx.ml.LabelEncoder <keys_strings = ["a", "b"], values_floats = [1.0, 2.0]> (x)'
    return text(f"g (string[N] x) => (float[N] y) {{ {node} }}")


@trap(100)
def numbers_in_an_operator_that_no_one_knows() -> onnx.ModelProto:
    model = text(MATMUL % "")
    model.graph.node.append(
        helper.make_node(
            "Secret",
            ["x"],
            ["y"],
            domain="vendor",
            weights=[float(at) for at in range(100)],
            mode=3,
        )
    )
    return model


@trap(64)
def an_input_of_an_operator_that_no_one_knows() -> onnx.ModelProto:
    model = filled(MATMUL % "", drawn("w", 8, 8), numpy_helper.from_array(np.arange(9), "ints"))
    model.graph.node.append(helper.make_node("Secret", ["x", "w", "ints"], ["y"], domain="vendor"))
    return model


def opaque() -> onnx.ModelProto:
    """A model that a vendor's compiler swallowed."""
    model = text(MATMUL % "")
    model.graph.node.append(
        helper.make_node(
            "EPContext",
            ["x"],
            ["y"],
            domain="com.microsoft",
            embed_mode=1,
            ep_cache_context=bytes(5000),
        )
    )
    return model
