"""Small ONNX models of many kinds with inputs for them: what the mutation test starts from."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from graphc.formats import onnx_protos as protos
from graphc.formats.onnx_elements import NUMBERS
from graphc.formats.onnx_write import tensor_proto

OPSET, ML = 22, 4


@dataclass(frozen=True)
class Case:
    """A model, values of its inputs, and files beside it."""

    name: str
    model: object
    feeds: dict
    files: dict[str, bytes] = field(default_factory=dict)


def op(text: str, domain: str = "", **attributes):
    """``op("y = Conv(x, w)", pads=[1, 1])`` as a NodeProto."""
    outputs, _, call = text.partition(" = ")
    operator, _, inputs = call.rstrip(")").partition("(")
    names = [[n.strip() for n in part.split(",")] if part else [] for part in (outputs, inputs)]
    made = protos.NodeProto(op_type=operator, output=names[0], input=names[1], domain=domain)
    made.attribute.extend(attribute(name, value) for name, value in attributes.items())
    return made


def attribute(name: str, value):
    """An AttributeProto of a Python value."""
    if isinstance(value, protos.GraphProto):
        return protos.AttributeProto(name=name, g=value, type=5)
    if isinstance(value, protos.TypeProto):
        return protos.AttributeProto(name=name, tp=value, type=13)
    if isinstance(value, np.ndarray):
        return protos.AttributeProto(name=name, t=tensor_proto(value), type=4)
    if isinstance(value, (list, tuple)):
        kind, field_name = {str: (8, "strings"), int: (7, "ints"), float: (6, "floats")}[type(value[0])]
        content = [v.encode() if isinstance(v, str) else v for v in value]
        return protos.AttributeProto(name=name, type=kind, **{field_name: content})
    kind, field_name = {str: (3, "s"), int: (2, "i"), float: (1, "f")}[type(value)]
    return protos.AttributeProto(name=name, type=kind, **{field_name: value.encode() if isinstance(value, str) else value})


def info(text: str):
    """``x float 2,n`` as a ValueInfoProto; without sizes the rank is unknown, ``[]`` is a scalar."""
    name, kind, *sizes = text.split()
    made = protos.ValueInfoProto(name=name)
    *wraps, element = kind.split(":")
    inner = made.type
    for wrap in wraps:
        inner = inner.sequence_type.elem_type if wrap == "seq" else inner.optional_type.elem_type
    inner.tensor_type.elem_type = NUMBERS[element]
    if sizes:
        shape = inner.tensor_type.shape
        shape.SetInParent()
        for d in sizes[0].strip("[]").split(",") if sizes[0] != "[]" else ():
            shape.dim.add(**({"dim_value": int(d)} if d.isdigit() else {"dim_param": d}))
    return made


def body(inputs: str, outputs: str, *nodes, **weights):
    """A GraphProto; inputs and outputs are texts for ``info``, separated by ``;``."""
    infos = [[info(t) for t in part.split(";")] if part else [] for part in (inputs, outputs)]
    return protos.GraphProto(name="g", node=nodes, input=infos[0], output=infos[1],
                             initializer=[tensor_proto(np.asarray(v), k) for k, v in weights.items()])  # fmt: skip


def model(graph, *functions, opset: int = OPSET):
    imports = [{"version": opset}, {"domain": "ai.onnx.ml", "version": ML}, {"domain": "my", "version": 1}]
    return protos.ModelProto(ir_version=10, producer_name="graphc tests", opset_import=imports, graph=graph, functions=functions)


def _values(shape, seed: int = 0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _conv() -> Case:
    graph = body(
        "x float n,3,8,8", "y float n,5",
        op("c = Conv(x, w, b)", pads=[1, 1, 1, 1], kernel_shape=[3, 3], strides=[1, 1]),
        op("n = BatchNormalization(c, scale, b, mean, var)", epsilon=1e-3),
        op("r = Relu(n)"), op("p = MaxPool(r)", kernel_shape=[2, 2], strides=[2, 2]),
        op("t = ConvTranspose(p, wt)", strides=[2, 2]), op("a = AveragePool(t)", kernel_shape=[2, 2], ceil_mode=1),
        op("g = GlobalAveragePool(a)"), op("f = Flatten(g)"), op("m = Gemm(f, wm, bm)", transB=1, alpha=0.5),
        op("y = Softmax(m)", axis=-1),
        w=_values((4, 3, 3, 3)), b=_values(4), scale=_values(4), mean=_values(4), var=np.ones(4, np.float32),
        wt=_values((4, 4, 2, 2)), wm=_values((5, 4)), bm=_values(5),
    )  # fmt: skip
    return Case("conv", model(graph), {"x": _values((1, 3, 8, 8))})


def _tokens() -> Case:
    graph = body(
        "ids int64 n,s", "y float n,s,6",
        op("e = Gather(table, ids)"), op("s = Shape(e)"), op("last = Gather(s, k0)"), op("k = Concat(s, )", axis=0),
        op("q = Reshape(e, split)"), op("t = Transpose(q)", perm=[0, 2, 1, 3]), op("u = Transpose(q)", perm=[0, 2, 3, 1]),
        op("m = MatMul(t, u)"), op("d = Div(m, root)"), op("p = Softmax(d)", axis=-1), op("v = MatMul(p, t)"),
        op("z = Transpose(v)", perm=[0, 2, 1, 3]), op("j = Reshape(z, join)"),
        op("l = LayerNormalization(j, scale)", axis=-1), op("g = Gelu(l)", approximate="tanh"), op("y = Einsum(g, w)", equation="nsd,de->nse"),
        table=_values((10, 6)), split=np.int64([0, 0, 2, 3]), join=np.int64([0, -1, 6]), root=np.float32(1.7),
        scale=_values(6), w=_values((6, 6)), k0=np.int64(0),
    )  # fmt: skip
    graph.node[3].input.pop()
    return Case("tokens", model(graph), {"ids": np.int64([[1, 2, 3], [4, 5, 0]])})


def _control() -> Case:
    then = body("", "t float 3", op("t = Add(h, one)"), one=np.float32([1, 1, 1]))
    other = body("", "o float 3", op("i = Neg(h)"), op("o = Exp(i)"))
    loop = body("it int64 []; c bool []; acc float 3", "go bool []; nx float 3; row float 3",
                op("nx = Add(acc, h)"), op("row = Mul(nx, two)"), op("go = Identity(c)"), two=np.float32(2))  # fmt: skip
    scan = body("st float []; e float []", "so float []; eo float []", op("so = Add(st, e)"), op("eo = Identity(so)"))
    graph = body(
        "x float 3; flag bool []; n int64 []", "y float 3; rows float; last float []; sums float 3",
        op("h = Relu(x)"), op("b = If(flag)", then_branch=then, else_branch=other), op("y, rows = Loop(n, yes, b)", body=loop),
        op("last, sums = Scan(zero, y)", body=scan, num_scan_inputs=1), yes=np.bool_(True), zero=np.float32(0),
    )  # fmt: skip
    return Case("control", model(graph), {"x": _values(3), "flag": np.bool_(True), "n": np.int64(4)})


def _sequences() -> Case:
    seq = protos.TypeProto(tensor_type={"elem_type": 1})
    graph = body(
        "x float 4,3; s seq:float 2; o opt:float 2", "y float; k int64 []; h bool []; z seq:float; v float 2",
        op("a = SplitToSequence(x)", axis=0, keepdims=1), op("b = SequenceInsert(a, x, one)"), op("c = SequenceErase(b, one)"),
        op("y = ConcatFromSequence(c)", axis=0), op("k = SequenceLength(s)"), op("e = SequenceAt(c, zero)"),
        op("z = SequenceConstruct(e, x)"), op("em = SequenceEmpty()", dtype=1), op("h = OptionalHasElement(o)"),
        op("v = OptionalGetElement(o)"), op("none = Optional()", type=seq), one=np.int64(1), zero=np.int64(0),
    )  # fmt: skip
    return Case("sequences", model(graph), {"x": _values((4, 3)), "s": [_values(2), _values(2)], "o": _values(2)})


def _strings() -> Case:
    graph = body(
        "x string n", "y string n; z string; m bool n; l int64 n; q bool n",
        op("y = StringConcat(x, suffix)"), op("z, n = StringSplit(x)", delimiter="-"), op("m = RegexFullMatch(x)", pattern="[a-z]+.*"),
        op("w = StringNormalizer(x)", case_change_action="UPPER", stopwords=["b"], is_case_sensitive=0),
        op("l = LabelEncoder(x)", domain="ai.onnx.ml", keys_strings=["a-b", "c"], values_int64s=[1, 2], default_int64=-1),
        op("q = Equal(x, suffix)"), op("t = TfIdfVectorizer(x)", mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0,
                                       ngram_counts=[0], ngram_indexes=[0, 1], pool_strings=["a-b", "c"]),
        suffix=np.array(["!"], object),
    )  # fmt: skip
    return Case("strings", model(graph), {"x": np.array(["a-b", "c", "é-d-e"], object)})


def _quantised() -> Case:
    graph = body(
        "x float 1,2,4,4", "y float 1,2,4,4; m int32; d float; i4 float",
        op("q = QuantizeLinear(x, s, z)"), op("c = QLinearConv(q, s, z, w, s, z, s, z)", pads=[1, 1, 1, 1]),
        op("y = DequantizeLinear(c, s, z)"), op("dq, ds, dz = DynamicQuantizeLinear(x)"), op("m = MatMulInteger(dq, wm, dz)"),
        op("d = DequantizeLinear(dq, ds, dz)"), op("p = QLinearMatMul(q, s, z, q, s, z, s, z)"),
        op("k = QuantizeLinear(x, s)", output_dtype=22), op("i4 = DequantizeLinear(k, s)"),
        s=np.float32(0.1), z=np.uint8(128), w=np.arange(36, dtype=np.uint8).reshape(2, 2, 3, 3), wm=np.arange(8, dtype=np.int8).reshape(4, 2),
    )  # fmt: skip
    return Case("quantised", model(graph), {"x": _values((1, 2, 4, 4))})


def _external() -> Case:
    weights = _values((4, 8))
    graph = body("x float n,4", "y float n,8", op("y = MatMul(x, w)"))
    said = {"location": "w.bin", "offset": "64", "length": str(weights.nbytes)}
    graph.initializer.add(name="w", dims=[4, 8], data_type=1, data_location=1,
                          external_data=[{"key": k, "value": v} for k, v in said.items()])  # fmt: skip
    sparse = {"values": tensor_proto(_values(2), "sp"), "indices": tensor_proto(np.int64([1, 6])), "dims": [8]}
    graph.sparse_initializer.append(protos.SparseTensorProto(**sparse))
    graph.node.append(op("z = Add(y, sp)"))
    return Case("external", model(graph), {"x": _values((2, 4))}, {"w.bin": bytes(64) + weights.tobytes()})


def _functions() -> Case:
    refers = protos.AttributeProto(name="alpha", ref_attr_name="slope", type=1)
    leaky = op("b = LeakyRelu(a)")
    leaky.attribute.append(refers)
    f = protos.FunctionProto(name="f", domain="my", input=["a"], output=["c"], attribute=["slope"],
                             node=[leaky, op("c = g(b, b)", domain="my")],
                             opset_import=[{"version": OPSET}, {"domain": "my", "version": 1}])  # fmt: skip
    g = protos.FunctionProto(name="g", domain="my", input=["a", "b"], output=["c"], node=[op("d = Add(a, b)"), op("c = Tanh(d)")],
                             opset_import=[{"version": OPSET}])  # fmt: skip
    graph = body("x float n,3", "y float n,3; z float n,3", op("y = f(x)", domain="my", slope=0.3), op("z = g(x, y)", domain="my"))
    return Case("functions", model(graph, f, g), {"x": _values((2, 3))})


def _shapes() -> Case:
    graph = body(
        "x float 2,3; k int64 []", "y float; r int64; n int64; u float; p float; o float; z float; w float; h float",
        op("e = Expand(x, sh)"), op("t = Tile(e, rep)"), op("p = Pad(t, pads)", mode="reflect"), op("s = Slice(p, st, en, ax, sp)"),
        op("y = Unsqueeze(s, ax)"), op("r = Range(zero, k, one)"), op("n = NonZero(x)"), op("c = ConstantOfShape(sh)", value=np.float32([2])),
        op("u, ui, uv, uc = Unique(x)", sorted=1), op("v, vi = TopK(x, kk)"), op("o = OneHot(vi, depth, vals)"),
        op("g = GatherND(x, gi)"), op("z = ScatterND(x, gi, upd)"), op("w = CumSum(x, one)"), op("q, q2 = Split(x, halves)", axis=1),
        op("i = Reshape(x, img)"), op("h = Resize(i, , sc)", mode="linear"), op("l = Where(yes, x, x)"), op("ab = Compress(x, cond)", axis=0),
        op("ge = GatherElements(x, vi)", axis=1), op("se = ScatterElements(x, vi, v)", axis=1), op("tr = Trilu(x)"),
        op("rs = ReverseSequence(x, lens)"), op("ds = DepthToSpace(dd)", blocksize=2), op("cc = CenterCropPad(x, sh2)"),
        sh=np.int64([2, 2, 3]), rep=np.int64([1, 1, 2]), pads=np.int64([0, 0, 1, 0, 1, 1]), st=np.int64([0]), en=np.int64([9]), ax=np.int64([0]),
        sp=np.int64([1]), zero=np.int64(0), one=np.int64(1), kk=np.int64([2]), depth=np.int64(4), vals=np.float32([0, 1]), gi=np.int64([[0], [1]]),
        upd=_values((2, 3)), halves=np.int64([1, 2]), img=np.int64([1, 1, 2, 3]), sc=np.float32([1, 1, 2, 1.5]), yes=np.bool_(True),
        cond=np.bool_([True, False]), lens=np.int64([1, 2, 1]), dd=_values((1, 4, 2, 2)), sh2=np.int64([3, 2]),
    )  # fmt: skip
    return Case("shapes", model(graph), {"x": _values((2, 3)), "k": np.int64(5)})


def _recurrent() -> Case:
    graph = body(
        "x float s,1,3", "y float; h float; c float; g float; r float",
        op("y, h, c = LSTM(x, w, rr, b, lens)", hidden_size=2, direction="forward"), op("g, gh = GRU(x, wg, rg)", hidden_size=2, linear_before_reset=1),
        op("r, rh = RNN(x, wr, rn)", hidden_size=2, direction="reverse"), w=_values((1, 8, 3)), rr=_values((1, 8, 2)), b=_values((1, 16)),
        lens=np.int32([3]), wg=_values((1, 6, 3)), rg=_values((1, 6, 2)), wr=_values((1, 2, 3)), rn=_values((1, 2, 2)),
    )  # fmt: skip
    return Case("recurrent", model(graph), {"x": _values((4, 1, 3))})


def _trees() -> Case:
    ml = {"domain": "ai.onnx.ml"}
    graph = body(
        "x float n,2", "y float n,1; l int64 n; p float n,2; k float; s float n,2; b float n,2; t float n,2",
        op("y = TreeEnsembleRegressor(x)", **ml, nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0],
           nodes_values=[0.5, 0.0, 0.0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0],
           nodes_falsenodeids=[2, 0, 0], target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0],
           target_weights=[1.0, -1.0], n_targets=1),
        op("l, p = LinearClassifier(x)", **ml, coefficients=[0.5, -1.0, 1.0, 2.0], intercepts=[0.1, 0.2], classlabels_ints=[0, 1],
           post_transform="SOFTMAX"),
        op("k = LinearRegressor(x)", **ml, coefficients=[0.5, -1.0], intercepts=[0.1], targets=1),
        op("s = Scaler(x)", **ml, offset=[1.0, 2.0], scale=[0.5, 2.0]), op("b = Binarizer(x)", **ml, threshold=0.1),
        op("t = Normalizer(x)", **ml, norm="L2"), op("im = Imputer(x)", **ml, imputed_value_floats=[1.0], replaced_value_float=0.0),
        op("ar = ArrayFeatureExtractor(x, zero)", **ml), op("fv = FeatureVectorizer(x, x)", **ml, inputdimensions=[2, 2]),
        op("sv = SVMRegressor(x)", **ml, coefficients=[1.0, -1.0], support_vectors=[0.1, 0.2, 0.3, 0.4], n_supports=2, rho=[0.1],
           kernel_type="RBF", kernel_params=[0.5, 0.0, 3.0]),
        zero=np.int64([0]),
    )  # fmt: skip
    return Case("trees", model(graph), {"x": _values((3, 2))})


def _types() -> Case:
    graph = body(
        "x float 2,3; h float16 3; b bfloat16 3; c complex64 2; i int32 3", "y float8e4m3fn 2,3; z float16 3; w float 2,3; q bfloat16 3; d uint4 3",
        op("y = Cast(x)", to=17), op("w = Cast(y)", to=1), op("z = Mul(h, h)"), op("q = Add(b, b)"), op("d = Cast(i)", to=21),
        op("s = Cast(x)", to=8), op("f = Cast(s)", to=1), op("m = Mod(i, i)"), op("bs = BitShift(u, u)", direction="LEFT"),
        op("bc = BitCast(i)", to=1), op("k = CastLike(x, h)"), op("n = IsNaN(x)"), op("a = ArgMax(x)", axis=1), op("rs = ReduceSum(x, ax)"),
        op("cl = Clip(x, lo, hi)"), op("p = Pow(x, x)"), op("dt = Det(sq)"), op("dv = Div(i, i)"),
        u=np.uint8([1, 2, 3]), ax=np.int64([-1]), lo=np.float32(-1), hi=np.float32(1), sq=_values((3, 3)),
    )  # fmt: skip
    feeds = {"x": _values((2, 3)), "h": _values(3, dtype=np.float16), "b": _values(3).astype("bfloat16"), "i": np.int32([1, 2, 3]),
             "c": np.complex64([1, 2j])}  # fmt: skip
    return Case("types", model(graph), feeds)


def _vision() -> Case:
    graph = body(
        "x float 1,1,6,6; data uint8 m", "n int64; r float; g float; a float; im uint8; f float",
        op("n = NonMaxSuppression(boxes, scores, most, iou)"), op("r = RoiAlign(x, rois, which)", output_height=2, output_width=2),
        op("g = GridSample(x, grid)", mode="linear"), op("a = AffineGrid(theta, size)"), op("l = LRN(x)", size=3), op("f = DFT(sig, , ax)"),
        op("st = STFT(wave, step, win)"), op("mu = MaxUnpool(pool, where)", kernel_shape=[2, 2]), op("im = ImageDecoder(data)", pixel_format="RGB"),
        op("hw = HannWindow(len)"), op("mw = MelWeightMatrix(len, len, rate, low, high)"), op("bl = BlackmanWindow(len)"),
        op("co = Col2Im(cols, isz, bsz)"), op("dc = DeformConv(x, dw, off)", kernel_shape=[1, 1]),
        boxes=np.float32([[[0, 0, 1, 1], [0, 0, 1, 0.9]]]), scores=np.float32([[[0.9, 0.8]]]), most=np.int64([2]), iou=np.float32([0.5]),
        rois=np.float32([[0, 0, 4, 4]]), which=np.int64([0]), grid=_values((1, 3, 3, 2)), theta=_values((1, 2, 3)), size=np.int64([1, 1, 2, 2]),
        sig=_values((1, 8, 1)), ax=np.int64(1), wave=_values((1, 16, 1)), step=np.int64(4), win=_values(8), pool=_values((1, 1, 2, 2)),
        where=np.int64([[[[0, 3], [8, 10]]]]), len=np.int64(8), rate=np.int64(8000), low=np.float32(0), high=np.float32(4000),
        cols=_values((1, 4, 9)), isz=np.int64([4, 4]), bsz=np.int64([2, 2]), dw=_values((1, 1, 1, 1)), off=np.zeros((1, 2, 6, 6), np.float32),
    )  # fmt: skip
    bmp = b"BM" + bytes.fromhex("3a0000000000000036000000280000000100000001000000010018000000000004000000130b0000130b00000000000000000000") + b"\1\2\3\0"
    return Case("vision", model(graph), {"x": _values((1, 1, 6, 6)), "data": np.frombuffer(bmp, np.uint8)})


def _training() -> Case:
    graph = body(
        "x float n,4; l int64 n", "y float; d float n,4; m float n,4; r float 2,2; a float 1,2,3,4",
        op("y = SoftmaxCrossEntropyLoss(x, l)", reduction="mean"), op("n = NegativeLogLikelihoodLoss(x, l)"), op("d, m = Dropout(x, ratio)", seed=3),
        op("r = RandomNormal()", shape=[2, 2], seed=1.0), op("rl = RandomUniformLike(x)", seed=1.0), op("be = Bernoulli(x)", seed=1.0),
        op("mu = Multinomial(x)", sample_size=3, seed=1.0), op("a = Attention(q, q, q)"), op("gn = GroupNormalization(g, s, s)", num_groups=1),
        op("in = InstanceNormalization(g, s, s)"), op("rm = RMSNormalization(x, s4)"), op("ro = RotaryEmbedding(q, cc, cc)"),
        op("lp = LpPool(g)", kernel_shape=[2]), op("hm = Hardmax(x)"), op("ey = EyeLike(x)"), op("mx = Max(x, x)"),
        ratio=np.float32(0.5), q=_values((1, 2, 3, 4)), g=_values((1, 2, 4)), s=np.float32([1, 1]), s4=np.ones(4, np.float32), cc=_values((1, 3, 2)),
    )  # fmt: skip
    return Case("training", model(graph, opset=24), {"x": _values((2, 4)), "l": np.int64([1, 2])})


@functools.lru_cache(None)
def cases() -> tuple[Case, ...]:
    """All models."""
    makers = (_conv, _tokens, _control, _sequences, _strings, _quantised, _external, _functions, _shapes, _recurrent, _trees,
              _types, _vision, _training)  # fmt: skip
    return tuple(make() for make in makers)
