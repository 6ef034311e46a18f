"""Small ONNX models that ask for more time or memory than there is, and inputs for them."""

from __future__ import annotations

import numpy as np

from graphc.formats import onnx_protos as protos
from tests.fuzz.onnx_models import body, model, op

FAR, HUGE = 2**40, 2**62
X = np.float32([[1, 2, 3], [4, 5, 6]])


def one(text: str, feeds=None, domain="", attributes=None, **weights):
    """A model of one node whose inputs are ``feeds``, and the weights; all that it makes are outputs."""
    node = op(text, domain, **(attributes or {}))
    feeds = {"x": X} if feeds is None else feeds
    kinds = {"f4": "float", "i8": "int64", "O": "string", "u1": "uint8", "b1": "bool"}
    shown = "; ".join(f"{k} {kinds[v.dtype.str.strip('<>|')]} {_sizes(v)}" for k, v in feeds.items())
    made = body(shown, "", node, **weights)
    made.output.extend(protos.ValueInfoProto(name=name) for name in node.output if name)
    return model(made), feeds


def _sizes(v) -> str:
    return ",".join(f"{d}" for d in v.shape) or "[]"


def i64(*values):
    return np.int64(values)


NONE: dict = {}
ML = {"domain": "ai.onnx.ml"}
LONG = np.array(["a" * 40 + "b"], object)


def _loop(trips, *nodes, outputs="go bool []; n float"):
    inner = body("it int64 []; c bool []; a float", outputs, *nodes)
    return one("y = Loop(n, , x)" if "r " not in outputs else "y, r = Loop(n, , x)", attributes={"body": inner}, n=np.int64(trips))


def _loops(*trips):
    """Loops inside of each other, each of which makes what it carries one element longer."""
    inner = None
    for k, n in enumerate(trips):
        nodes = [op("n = Concat(a, one)", axis=0)] if inner is None else [op("n = Loop(t, , a)", body=inner)]
        inner = body("it int64 []; c bool []; a float", "go bool []; n float", op("go = Identity(c)"), *nodes,
                     one=np.ones((1, 3), np.float32), t=np.int64(trips[k - 1]))  # fmt: skip
    return one("y = Loop(n, , x)", attributes={"body": inner}, n=np.int64(trips[-1]))


def _tree(modes=("BRANCH_LEQ", "BRANCH_LEQ", "LEAF"), true=(1, 0, 0), false=(2, 2, 0)):
    return one("y = TreeEnsembleRegressor(x)", **ML, attributes=dict(
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0], nodes_values=[9.0, 9.0, 0.0],
        nodes_modes=list(modes), nodes_truenodeids=list(true), nodes_falsenodeids=list(false), target_treeids=[0],
        target_nodeids=[2], target_ids=[0], target_weights=[1.0], n_targets=1))  # fmt: skip


BOMBS = {
    "constant": lambda: one("y = ConstantOfShape(s)", NONE, s=i64(FAR)),
    "constant overflow": lambda: one("y = ConstantOfShape(s)", NONE, s=i64(2**32, 2**32)),
    "constant fed": lambda: one("y = ConstantOfShape(s)", {"s": i64(FAR)}),
    "constant negative": lambda: one("y = ConstantOfShape(s)", NONE, s=i64(-5)),
    "expand": lambda: one("y = Expand(x, s)", s=i64(FAR, 1, 1)),
    "expand fed": lambda: one("y = Expand(x, s)", {"x": X, "s": i64(FAR, 1, 1)}),
    "expand many axes": lambda: one("y = Expand(x, s)", s=i64(*([1] * 5000 + [2, 3]))),
    "tile": lambda: one("y = Tile(x, r)", r=i64(FAR, FAR)),
    "tile fed": lambda: one("y = Tile(x, r)", {"x": X, "r": i64(FAR, 1)}),
    "pad": lambda: one("y = Pad(x, p)", p=i64(0, FAR, 0, 0)),
    "pad reflect": lambda: one("y = Pad(x, p)", attributes={"mode": "reflect"}, p=i64(0, FAR, 0, FAR)),
    "pad below zero": lambda: one("y = Pad(x, p)", p=i64(0, -HUGE, 0, 0)),
    "resize": lambda: one("y = Resize(x, , , s)", s=i64(FAR, FAR)),
    "resize scales": lambda: one("y = Resize(x, , s)", s=np.float32([1e30, np.inf])),
    "resize nothing": lambda: one("y = Resize(x, , s)", s=np.float32([np.nan, 0])),
    "range": lambda: one("y = Range(a, b, c)", NONE, a=np.int64(0), b=np.int64(10**12), c=np.int64(1)),
    "range fed": lambda: one("y = Range(a, b, c)", {"b": np.int64(10**12)}, a=np.int64(0), c=np.int64(1)),
    "range of nothing": lambda: one("y = Range(a, b, c)", NONE, a=np.int64(0), b=np.int64(5), c=np.int64(0)),
    "range of floats": lambda: one("y = Range(a, b, c)", NONE, a=np.float32(0), b=np.float32(np.inf), c=np.float32(1)),
    "reshape": lambda: one("y = Reshape(x, s)", s=i64(2**32, 2**32, 6)),
    "reshape fed": lambda: one("y = Reshape(x, s)", {"x": X, "s": i64(2**32, 2**32)}),
    "loop": lambda: _loop(2**62, op("n = Add(a, a)"), op("go = Identity(c)"), op("r = Identity(a)"), outputs="go bool []; n float; r float"),
    "loop growing": lambda: _loop(200, op("n = Concat(a, a)", axis=0), op("go = Identity(c)")),
    "loops that grow": lambda: _loops(4000, 4000, 4000),
    "loop that grows": lambda: _loops(1500),
    "split": lambda: one("y, z = Split(x)", attributes={"num_outputs": FAR, "axis": 1}),
    "split sequence": lambda: one("y = SplitToSequence(x, k)", {"x": np.zeros(5_000_000, np.float32)}, k=np.int64(1)),
    "one hot": lambda: one("y = OneHot(i, d, v)", {"i": i64(1, 2)}, d=np.int64(FAR), v=np.float32([0, 1])),
    "one hot fed": lambda: one("y = OneHot(i, d, v)", {"i": i64(1, 2), "d": np.int64(FAR)}, v=np.float32([0, 1])),
    "top k": lambda: one("y, z = TopK(x, k)", k=i64(FAR)),
    "random": lambda: one("y = RandomNormal()", NONE, attributes={"shape": [FAR, 2]}),
    "random negative": lambda: one("y = RandomUniform()", NONE, attributes={"shape": [-3]}),
    "multinomial": lambda: one("y = Multinomial(x)", attributes={"sample_size": 2**40}),
    "window": lambda: one("y = HannWindow(n)", NONE, n=np.int64(FAR)),
    "mel": lambda: one("y = MelWeightMatrix(n, n, n, lo, hi)", NONE, n=np.int64(2**30), lo=np.float32(0), hi=np.float32(9)),
    "dft": lambda: one("y = DFT(x, n)", {"x": np.zeros((1, 8, 1), np.float32)}, n=np.int64(FAR), attributes={}),
    "stft": lambda: one("y = STFT(x, s, , n)", {"x": np.zeros((1, 8, 1), np.float32)}, s=np.int64(0), n=np.int64(FAR)),
    "pool": lambda: one("y = MaxPool(x)", {"x": X[None, None]}, attributes={"kernel_shape": [FAR, FAR], "pads": [FAR] * 4}),
    "pool dilated": lambda: one("y = MaxPool(x)", {"x": X[None, None]}, attributes={"kernel_shape": [2, 2], "dilations": [HUGE, HUGE]}),
    "pool padded": lambda: one("y = AveragePool(x)", {"x": X[None, None]}, attributes={"kernel_shape": [2, 2], "pads": [FAR] * 4}),
    "pool of no steps": lambda: one("y = AveragePool(x)", {"x": X[None, None]}, attributes={"kernel_shape": [2, 2], "strides": [0, 0]}),
    "conv groups": lambda: one("y = Conv(x, w)", {"x": X[None, None]}, attributes={"group": FAR}, w=np.ones((1, 1, 1, 1), np.float32)),
    "conv of no groups": lambda: one("y = Conv(x, w)", {"x": X[None, None]}, attributes={"group": 0}, w=np.ones((1, 1, 1, 1), np.float32)),
    "conv padded": lambda: one("y = Conv(x, w)", {"x": X[None, None]}, attributes={"pads": [FAR] * 4}, w=np.ones((1, 1, 1, 1), np.float32)),
    "transposed conv": lambda: one("y = ConvTranspose(x, w)", {"x": X[None, None]}, attributes={"strides": [FAR, FAR]},
                                   w=np.ones((1, 1, 1, 1), np.float32)),
    "depth to space": lambda: one("y = DepthToSpace(x)", {"x": X[None, None]}, attributes={"blocksize": 2**31}),
    "depth to no space": lambda: one("y = DepthToSpace(x)", {"x": X[None, None]}, attributes={"blocksize": 0}),
    "space to depth": lambda: one("y = SpaceToDepth(x)", {"x": X[None, None]}, attributes={"blocksize": 0}),
    "rnn": lambda: one("y = LSTM(x, w, r)", {"x": X[None]}, attributes={"hidden_size": FAR}, w=np.ones((1, 4, 3), np.float32),
                       r=np.ones((1, 4, 1), np.float32)),
    "crop": lambda: one("y = CenterCropPad(x, s)", s=i64(FAR, FAR)),
    "grid": lambda: one("y = AffineGrid(t, s)", {"t": np.ones((1, 2, 3), np.float32)}, s=i64(1, 1, 2**30, 2**30)),
    "column": lambda: one("y = Col2Im(x, i, b)", {"x": np.ones((1, 4, 4), np.float32)}, i=i64(FAR, FAR), b=i64(2, 2)),
    "eye": lambda: one("y = EyeLike(x)", attributes={"k": HUGE}),
    "slice": lambda: one("y = Slice(x, s, e, a, t)", s=i64(-HUGE), e=i64(HUGE), a=i64(0), t=i64(HUGE)),
    "slice of no step": lambda: one("y = Slice(x, s, e, a, t)", s=i64(0), e=i64(2), a=i64(0), t=i64(0)),
    "axis": lambda: one("y = Concat(x, x)", attributes={"axis": HUGE}),
    "axes": lambda: one("y = Unsqueeze(x, a)", a=i64(*range(100_000))),
    "permutation": lambda: one("y = Transpose(x)", attributes={"perm": [0, FAR]}),
    "permutation of a million": lambda: one("y = Transpose(x)", attributes={"perm": [0] * 1_000_000}),
    "einsum": lambda: one("y = Einsum(x, x)", attributes={"equation": "a" * 100_000}),
    "einsum of everything": lambda: one("y = Einsum(x, x, x, x, x, x, x, x, x, x)", {"x": np.ones((50, 50), np.float32)}, attributes={
        "equation": "ab,cd,ef,gh,ij,kl,mn,op,qr,st->abcdefghijklmnopqrst"}),
    "tree that goes around": _tree,
    "tree of itself": lambda: _tree(true=(0, 1, 2), false=(0, 1, 2)),
    "regular expression": lambda: one("y = RegexFullMatch(x)", {"x": LONG}, attributes={"pattern": "(a+)+$"}),
    "nested regular expression": lambda: one("y = RegexFullMatch(x)", {"x": LONG}, attributes={"pattern": "((a*)*)*c"}),
    "counted regular expression": lambda: one("y = RegexFullMatch(x)", {"x": LONG}, attributes={"pattern": "((a{1,1000}){1,1000}){1,1000}"}),
    "deep regular expression": lambda: one("y = RegexFullMatch(x)", {"x": LONG}, attributes={"pattern": "(" * 20_000 + ")" * 20_000}),
    "wrong regular expression": lambda: one("y = RegexFullMatch(x)", {"x": LONG}, attributes={"pattern": "(a"}),
    "long text": lambda: one("y = StringConcat(x, x)", {"x": np.array(["a" * 50_000_000], object)}),
    "many words": lambda: one("y, z = StringSplit(x)", {"x": np.array(["a " * 2_000_000], object)}, attributes={"delimiter": " "}),
    "words": lambda: one("y = StringNormalizer(x)", {"x": np.array(["a"], object)}, attributes={"stopwords": ["a"] * 100_000}),
    "image": lambda: one("y = ImageDecoder(x)", {"x": np.frombuffer(
        bytes.fromhex("89504e470d0a1a0a0000000d49484452000fffff000fffff0802000000") + bytes(40), np.uint8)}),
    "bitmap": lambda: one("y = ImageDecoder(x)", {"x": np.frombuffer(b"BM" + bytes.fromhex(
        "3a000000000000003600000028000000ffffff7fffffff7f010018000000000004000000130b0000130b00000000000000000000") + b"\1\2\3\0", np.uint8)}),
    "shift": lambda: one("y = BitShift(x, s)", {"x": np.uint8([1])}, attributes={"direction": "LEFT"}, s=np.uint8([255])),
    "gather": lambda: one("y = Gather(x, i)", i=i64(FAR)),
    "gather fed": lambda: one("y = Gather(x, i)", {"x": X, "i": i64(-FAR)}),
    "scatter": lambda: one("y = ScatterND(x, i, u)", {"x": X, "i": np.int64([[FAR]])}, u=np.ones((1, 3), np.float32)),
    "reverse": lambda: one("y = ReverseSequence(x, n)", n=i64(FAR, -1, 2)),
    "boxes": lambda: one("y = NonMaxSuppression(b, s, m)", {"b": np.zeros((1, 3000, 4), np.float32), "s": np.ones((1, 1, 3000), np.float32)},
                         m=i64(HUGE)),
    "roi": lambda: one("y = RoiAlign(x, r, i)", {"x": X[None, None]}, attributes={"output_height": 2**31, "output_width": 2**31},
                       r=np.float32([[0, 0, 1, 1]]), i=i64(0)),
    "roi samples": lambda: one("y = RoiAlign(x, r, i)", {"x": X[None, None]}, attributes={"sampling_ratio": 2**31},
                               r=np.float32([[0, 0, 1, 1]]), i=i64(0)),
    "roi of everything": lambda: one("y = RoiAlign(x, r, i)", {"x": X[None, None]}, r=np.float32([[-1e30, 0, 1e30, np.nan]]), i=i64(7)),
    "unpool": lambda: one("y = MaxUnpool(x, i, s)", {"x": X[None, None]}, attributes={"kernel_shape": [2, 2]},
                          i=np.zeros((1, 1, 2, 3), np.int64), s=i64(1, 1, FAR, FAR)),
    "lrn": lambda: one("y = LRN(x)", {"x": X[None, None]}, attributes={"size": HUGE}),
    "groups": lambda: one("y = GroupNormalization(x, s, s)", {"x": X[None]}, attributes={"num_groups": 0}, s=np.float32([1, 1])),
    "heads": lambda: one("y = Attention(x, x, x)", {"x": X[None]}, attributes={"q_num_heads": FAR, "kv_num_heads": FAR}),
    "scan": lambda: one("y = Scan(x)", attributes={"body": body("a float 3", "b float 3", op("b = Neg(a)")), "num_scan_inputs": FAR}),
    "scan negative": lambda: one("y = Scan(x)", attributes={"body": body("a float 3", "b float 3", op("b = Neg(a)")), "num_scan_inputs": -4}),
    "sequence": lambda: one("y = SequenceAt(s, k)", {"s": X}, k=np.int64(FAR)),
    "upsampled": lambda: one("y = Resize(x, , s)", {"x": X[None, None]}, attributes={"mode": "cubic", "antialias": 1},
                             s=np.float32([1, 1, 1e-9, 1e-9])),
}  # fmt: skip
