"""Element types: every operation in every dtype it has against NumPy, casts between all pairs, and what is refused."""

import operator

import ml_dtypes
import numpy as np
import pytest

import graphc as tf
from graphc.api.eager import EAGER
from graphc.errors import DtypeError

BF16 = ml_dtypes.bfloat16
FLOATS = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": BF16}
COMPLEX = {"complex64": np.complex64, "complex128": np.complex128}
SIGNED = {f"int{n}": np.dtype(f"int{n}").type for n in (8, 16, 32, 64)}
UNSIGNED = {f"uint{n}": np.dtype(f"uint{n}").type for n in (8, 16, 32, 64)}
INTS = SIGNED | UNSIGNED
NUMBERS = FLOATS | COMPLEX | INTS
ALL = NUMBERS | {"bool": np.bool_}
NARROW = (np.float16, BF16)


def sample(kind, *shape, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if kind in COMPLEX.values():
        return (random.uniform(-2, 2, shape) + 1j * random.uniform(-2, 2, shape)).astype(kind)
    if kind in FLOATS.values():
        return random.uniform(-2, 2, shape).astype(np.float32).astype(kind)
    if kind is np.bool_:
        return random.integers(0, 2, shape).astype(kind)
    return random.integers(-9 if kind in SIGNED.values() else 0, 10, shape).astype(kind)


def rounded(function):
    """Operands of 16 bits are computed with in float32, and the result is rounded."""

    def wrapped(*operands):
        kind = operands[0].dtype
        if kind.type not in NARROW and kind != BF16:
            return function(*operands)
        out = np.asarray(function(*[x.astype(np.float32) if x.dtype == kind else x for x in operands]))
        return out.astype(kind) if out.dtype == np.float32 else out

    return wrapped


def _whole(x):
    return x.reshape(-1)


# name: (dtypes, ours, NumPy's), over x, y of shape [3, 4] and the positive z of shape [3, 4]
OPERATIONS = {
    "add": (NUMBERS, lambda x, y, z: x + y, lambda x, y, z: x + y),
    "subtract": (NUMBERS, lambda x, y, z: x - y, lambda x, y, z: x - y),
    "multiply": (NUMBERS, lambda x, y, z: x * y, lambda x, y, z: x * y),
    "divide": (FLOATS | COMPLEX, lambda x, y, z: x / z, lambda x, y, z: x / z),
    "floordiv": (INTS | FLOATS, lambda x, y, z: x // z, lambda x, y, z: np.floor(x / z) if x.dtype.kind not in "iu" else x // z),
    "floormod": (INTS, lambda x, y, z: x % z, lambda x, y, z: x % z),
    "maximum": (FLOATS | INTS, lambda x, y, z: tf.maximum(x, y), lambda x, y, z: np.maximum(x, y)),
    "minimum": (FLOATS | INTS, lambda x, y, z: tf.minimum(x, y), lambda x, y, z: np.minimum(x, y)),
    "square": (NUMBERS, lambda x, y, z: tf.square(x), lambda x, y, z: x * x),
    "negative": (FLOATS | COMPLEX | SIGNED, lambda x, y, z: -x, lambda x, y, z: -x),
    "abs": (FLOATS | COMPLEX | SIGNED, lambda x, y, z: tf.abs(x), lambda x, y, z: np.abs(x)),
    "sign": (FLOATS | SIGNED, lambda x, y, z: tf.sign(x), lambda x, y, z: np.sign(x)),
    "sqrt": (FLOATS | COMPLEX, lambda x, y, z: tf.sqrt(z), lambda x, y, z: np.sqrt(z)),
    "exp": (FLOATS | COMPLEX, lambda x, y, z: tf.exp(x), lambda x, y, z: np.exp(x)),
    "tanh": (FLOATS | COMPLEX, lambda x, y, z: tf.tanh(x), lambda x, y, z: np.tanh(x)),
    "floor": (FLOATS, lambda x, y, z: tf.floor(x), lambda x, y, z: np.floor(x)),
    "relu": (FLOATS | INTS, lambda x, y, z: tf.nn.relu(x), lambda x, y, z: np.maximum(x, np.zeros_like(x))),
    "equal": (ALL, lambda x, y, z: tf.equal(x, y), lambda x, y, z: x == y),
    "not_equal": (ALL, lambda x, y, z: tf.not_equal(x, y), lambda x, y, z: x != y),
    "less": (FLOATS | INTS, lambda x, y, z: x < y, lambda x, y, z: x < y),
    "greater_equal": (FLOATS | INTS, lambda x, y, z: x >= y, lambda x, y, z: x >= y),
    "where": (ALL, lambda x, y, z: tf.where(tf.equal(x, y), x, z), lambda x, y, z: np.where(x == y, x, z)),
    "reduce_sum": (NUMBERS, lambda x, y, z: tf.reduce_sum(x, 1), lambda x, y, z: x.sum(1, dtype=x.dtype)),
    "reduce_mean": (FLOATS | COMPLEX, lambda x, y, z: tf.reduce_mean(x, 0), lambda x, y, z: x.mean(0)),
    "reduce_prod": (NUMBERS, lambda x, y, z: tf.reduce_prod(x, 1), lambda x, y, z: x.prod(1, dtype=x.dtype)),
    "reduce_max": (FLOATS | INTS, lambda x, y, z: tf.reduce_max(x, 1), lambda x, y, z: x.max(1)),
    "reduce_min": (FLOATS | INTS, lambda x, y, z: tf.reduce_min(x, 0), lambda x, y, z: x.min(0)),
    "cumsum": (NUMBERS, lambda x, y, z: tf.cumsum(x, 1), lambda x, y, z: x.cumsum(1, dtype=x.dtype)),
    "argmax": (FLOATS | INTS, lambda x, y, z: tf.argmax(x, 1), lambda x, y, z: x.argmax(1)),
    "matmul": (FLOATS | COMPLEX | {k: INTS[k] for k in ("int32", "int64")}, lambda x, y, z: tf.matmul(x, tf.transpose(y)),
               lambda x, y, z: x @ y.T),  # fmt: skip
    "sort": (FLOATS | INTS, lambda x, y, z: tf.sort(x), lambda x, y, z: np.sort(x)),
    "top_k": (FLOATS | INTS, lambda x, y, z: tf.math.top_k(x, 2)[0], lambda x, y, z: np.sort(x)[:, ::-1][:, :2]),
    "transpose": (ALL, lambda x, y, z: tf.transpose(x), lambda x, y, z: x.T),
    "reshape": (ALL, lambda x, y, z: tf.reshape(x, [-1]), lambda x, y, z: _whole(x)),
    "concat": (ALL, lambda x, y, z: tf.concat([x, y], 0), lambda x, y, z: np.concatenate([x, y])),
    "pad": (ALL, lambda x, y, z: tf.pad(x, [[1, 0], [0, 2]]), lambda x, y, z: np.pad(x, [[1, 0], [0, 2]])),
    "tile": (ALL, lambda x, y, z: tf.tile(x, [2, 1]), lambda x, y, z: np.tile(x, [2, 1])),
    "reverse": (ALL, lambda x, y, z: x[::-1], lambda x, y, z: x[::-1]),
    "gather": (ALL, lambda x, y, z: tf.gather(x, [2, 0]), lambda x, y, z: x[[2, 0]]),
    "zeros": (ALL, lambda x, y, z: tf.zeros_like(x), lambda x, y, z: np.zeros_like(x)),
    "ones": (ALL, lambda x, y, z: tf.ones_like(x), lambda x, y, z: np.ones_like(x)),
    "segment_sum": (NUMBERS, lambda x, y, z: tf.math.segment_sum(x, [0, 0, 1]), lambda x, y, z: np.stack([x[0] + x[1], x[2]])),
    "and": (INTS, lambda x, y, z: tf.bitwise.bitwise_and(x, y), lambda x, y, z: x & y),
    "invert": (INTS, lambda x, y, z: tf.bitwise.invert(x), lambda x, y, z: ~x),
    "left_shift": (INTS, lambda x, y, z: tf.bitwise.left_shift(x, tf.ones_like(x)), lambda x, y, z: x << x.dtype.type(1)),
    "conj": (COMPLEX, lambda x, y, z: tf.math.conj(x), lambda x, y, z: np.conj(x)),
    "squared_difference": (FLOATS | COMPLEX, lambda x, y, z: tf.math.squared_difference(x, y),
                           lambda x, y, z: (x - y) * np.conj(x - y)),
    "euclidean_norm": (FLOATS | COMPLEX, lambda x, y, z: tf.math.reduce_euclidean_norm(x, 1),
                       lambda x, y, z: np.sqrt((x * np.conj(x)).sum(1))),
    "one_hot": (NUMBERS, lambda x, y, z: tf.one_hot([1, 0], 2, dtype=x.dtype), lambda x, y, z: np.eye(2, dtype=x.dtype)[[1, 0]]),
    "literals": (NUMBERS, lambda x, y, z: 1 + x * 2, lambda x, y, z: x * x.dtype.type(2) + x.dtype.type(1)),
}  # fmt: skip
STEPWISE = ("literals", "squared_difference")  # several operations, each of which rounds


@pytest.mark.parametrize("name", ALL)
def test_operations_are_numpys(name):
    kind = ALL[name]
    x, y, z = sample(kind, 3, 4), sample(kind, 3, 4, seed=1), sample(kind, 3, 4, seed=2)
    if kind is not np.bool_:
        z = (np.abs(z).astype(kind) + kind(1)).astype(kind)
    chosen = {k: row for k, row in OPERATIONS.items() if name in row[0]}
    tensors = [tf.constant(a) for a in (x, y, z)]
    found = EAGER.evaluate([row[1](*tensors).node for row in chosen.values()])
    with np.errstate(all="ignore"):
        for (op, (_, _, numpy)), a in zip(chosen.items(), found):
            wanted = np.asarray((numpy if op in STEPWISE else rounded(numpy))(x, y, z))
            assert a.dtype == wanted.dtype and a.shape == wanted.shape, op
            same(a, wanted, op)


def same(a: np.ndarray, b: np.ndarray, what: str):
    if a.dtype.kind in "biu":
        assert a.tolist() == b.tolist(), what
        return
    kind = a.dtype
    if kind in NARROW:  # both round the same float32 value, up to its last places
        a, b = a.astype(np.float32), b.astype(np.float32)
    tolerance = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "complex64": 1e-5}.get(str(kind), 1e-13)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance / 10, err_msg=what)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_narrow_arithmetic_rounds_after_every_operation(name):
    kind = ALL[name]
    x, y = sample(kind, 200), sample(kind, 200, seed=1)
    a, b = tf.constant(x), tf.constant(y)
    found = EAGER.evaluate([v.node for v in (a + b, a * b, a - b, a * b + a, (a + b) * (a - b), a / b, a * 3 - 0.1)])
    wanted = [x + y, x * y, x - y, x * y + x, (x + y) * (x - y), x / y, x * kind(3) - kind(0.1)]
    for f, w in zip(found, wanted):
        assert f.dtype == kind and f.tobytes() == w.astype(kind).tobytes()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_narrow_sums_are_kept_in_float32(name):
    kind = ALL[name]
    ones = tf.constant(np.ones((2, 5000), kind))
    found = EAGER.evaluate([tf.reduce_sum(ones, 1).node, tf.reduce_mean(ones, 1).node, tf.matmul(ones, ones, transpose_b=True).node])
    assert found[0].tolist() == [float(kind(5000))] * 2  # one by one, 16 bits would stop at 2048 or 256
    assert found[1].tolist() == [1, 1]
    assert found[2].tolist() == [[float(kind(5000))] * 2] * 2


@pytest.mark.parametrize("source", ALL)
def test_casts_between_all_pairs(source):
    kind = ALL[source]
    x = np.array([0, 1, 2, 100], kind) if source != "bool" else np.array([False, True])
    if kind in FLOATS.values():
        x = np.concatenate([x, np.array([0.5, 1.5, 2.75], kind)])
    if kind in SIGNED.values() or kind in FLOATS.values() or kind in COMPLEX.values():
        signed = np.concatenate([x, np.array([-1, -100], kind)])
    else:
        signed = x
    t, s = tf.constant(x), tf.constant(signed)
    found = EAGER.evaluate([tf.cast(t if wanted in UNSIGNED else s, wanted).node for wanted in ALL])
    for wanted, a in zip(ALL, found):
        values = x if wanted in UNSIGNED else signed
        if source in COMPLEX and wanted not in COMPLEX and wanted != "bool":
            values = values.real
        b = values.astype(ALL[wanted])
        assert a.dtype == b.dtype and a.astype(complex).tolist() == b.astype(complex).tolist(), wanted


def test_floats_beyond_an_integer_type_become_its_limits():
    x = tf.constant([300.7, -300.7, float("inf"), -float("inf"), float("nan")])
    assert tf.cast(x, tf.int8).numpy().tolist() == [127, -128, 127, -128, 0]
    assert tf.cast(x, tf.uint8).numpy().tolist() == [255, 0, 255, 0, 0]
    assert tf.cast(x, tf.int64).numpy().tolist() == [300, -300, 2**63 - 1, -(2**63), 0]


@pytest.mark.parametrize("source", ["int32", "int64", "uint64"])
def test_integers_wrap_around(source):
    x = np.array([255, 256, 65537, 2**31 - 1], source)
    for wanted in INTS:
        assert tf.cast(tf.constant(x), wanted).numpy().tolist() == x.astype(wanted).tolist()


# ---------------------------------------------------------------------------------- literals and refusals


@pytest.mark.parametrize("name", NUMBERS)
def test_literals_adopt_the_dtype_of_tensors(name):
    x = tf.ones([2], name)
    for y in (x + 1, 1 + x, x * 2, 2 - x, tf.maximum(x, 1) if name not in COMPLEX else x + 1, tf.add(x, [1, 2]), tf.where(x == 1, x, 3)):
        assert y.dtype.name == name
    if name not in INTS:
        assert (x + 1.5).dtype.name == (x / 2).dtype.name == name


def test_true_division_of_integers():
    for name, wanted in (("int8", "float32"), ("uint16", "float32"), ("int32", "float64"), ("int64", "float64")):
        assert (tf.ones([2], name) / 2).dtype.name == wanted


@pytest.mark.parametrize("one", ["float32", "float16", "int32", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("other", ["float64", "bfloat16", "int64"])
@pytest.mark.parametrize("function", [operator.add, tf.maximum, tf.matmul, lambda x, y: tf.concat([x, y], 0), tf.equal,
                                      lambda x, y: tf.where([[True]], x, y)])  # fmt: skip
def test_tensors_of_two_dtypes_are_refused(one, other, function):
    x, y = tf.ones([1, 1], one), tf.ones([1, 1], other)
    with pytest.raises(DtypeError) as caught:
        function(x, y)
    short = [t.dtype.short for t in (x, y)]
    assert all(f"{s}[1,1]" in str(caught.value) for s in short)


@pytest.mark.parametrize("value, name", [
    (2.5, "int32"), (2.5, "uint8"), (2.5, "bool"), (1j, "float32"), (300, "uint8"), (300, "int8"), (-1, "uint32"), (-1, "uint64"),
    (2**31, "int32"), (2**63, "int64"), (2**64, "uint64"), (1, "bool"), ([1, 2.5], "int32"), ([1, 300], "int8"), ("a", "int32"),
])  # fmt: skip
def test_literals_that_do_not_fit_are_refused(value, name):
    text = value if isinstance(value, (list, str)) else repr(value)
    for make in (lambda: tf.constant(value, name), lambda: tf.convert_to_tensor(value, name), lambda: tf.add(tf.ones([2], name), value)
                 if name != "bool" else tf.constant(value, name)):  # fmt: skip
        with pytest.raises(DtypeError) as caught:
            make()
        assert name in str(caught.value) and str(text).strip("'") in str(caught.value)
        assert "at test_dtypes.py" in str(caught.value)


def test_default_dtypes_of_literals():
    for value, wanted in ((1, "int32"), (2**31, "int64"), (1.0, "float32"), (True, "bool"), (1j, "complex128"), ("a", "string"),
                          ([1, 2.0], "float32"), (np.float64(1), "float64"), (np.array([1]), "int64"), (np.int16(1), "int16")):  # fmt: skip
        assert tf.constant(value).dtype.name == wanted
