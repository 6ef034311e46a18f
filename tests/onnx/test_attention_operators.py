"""Attention, its flexible and linear kin, rotary embeddings: open sizes, masks, caches, shared heads, errors."""

import numpy as np
import pytest
from onnx_models import graph, model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import FormatError, ShapeError, UnimplementedError

RANDOM = np.random.default_rng(3)


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def softmax(x):
    """Rows of which nothing is seen are 0."""
    top = np.maximum(x.max(-1, keepdims=True), -1e30)
    e = np.exp(x - top)
    return e / np.maximum(e.sum(-1, keepdims=True), 1e-30)


def expected(q, k, v, bias=0.0, scale=None, cap=0.0):
    """The definition, in float64, heads shared in order."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], 1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    scores = cap * np.tanh(scores / cap) if cap else scores
    with np.errstate(invalid="ignore"):
        return softmax(scores + bias) @ v


def seen(rows, columns, offset=0, left=None, right=None):
    """0 where a row sees a column, minus infinity elsewhere."""
    i, j = np.arange(rows)[:, None] + offset, np.arange(columns)
    inside = np.ones((rows, columns), bool)
    inside &= True if right is None else j <= i + right
    inside &= True if left is None else j >= i - left
    return np.where(inside, 0.0, -np.inf)


def attention(inputs, opset=23, outputs=("y: float32",), names="q k v", **attributes):
    wanted = " ".join(o.split(":")[0] for o in outputs if o != "_") if "_" not in outputs else "y _ _ s"
    return graphc.onnx.load(model([node("Attention", names, wanted, **attributes)], inputs,
                                  [o for o in outputs if o != "_"], opset=opset))  # fmt: skip


OPEN = ["q: float32[b, 4, l, 8]", "k: float32[b, 2, s, 8]", "v: float32[b, 2, s, 5]"]


@pytest.mark.parametrize("causal", [0, 1])
def test_open_sizes_and_shared_heads(causal):
    loaded = attention(OPEN, is_causal=causal)
    for b, rows, columns in ((2, 3, 6), (1, 7, 4), (3, 1, 1)):
        q, k, v = normal(b, 4, rows, 8), normal(b, 2, columns, 8), normal(b, 2, columns, 5)
        bias = seen(rows, columns, right=0) if causal else 0.0
        np.testing.assert_allclose(loaded.run([q, k, v])[0], expected(q, k, v, bias), rtol=2e-5, atol=2e-6)


def test_packed_heads_scale_and_cap():
    inputs = ["q: float32[b, l, 32]", "k: float32[b, s, 16]", "v: float32[b, s, 6]"]
    loaded = attention(inputs, q_num_heads=4, kv_num_heads=2, scale=0.3, softcap=1.5)
    q, k, v = normal(2, 3, 32), normal(2, 5, 16), normal(2, 5, 6)
    apart = [x.reshape(*x.shape[:2], h, -1).swapaxes(1, 2) for x, h in ((q, 4), (k, 2), (v, 2))]
    answer = expected(*apart, scale=0.3, cap=1.5).swapaxes(1, 2).reshape(2, 3, 12)
    np.testing.assert_allclose(loaded.run([q, k, v])[0], answer, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("shape", [(6,), (3, 6), (4, 3, 6), (2, 1, 3, 6), (2, 4, 3, 6)])
def test_masks_are_broadcast_and_rows_that_see_nothing_are_zero(shape):
    sizes = ", ".join(map(str, shape))
    q, k, v = normal(2, 4, 3, 8), normal(2, 2, 6, 8), normal(2, 2, 6, 5)
    mask = RANDOM.random(shape) < 0.4
    mask[..., 0] = len(shape) < 2
    if len(shape) > 1:
        mask[..., 1, :] = False
    bools = attention([*OPEN, f"m: bool[{sizes}]"], names="q k v m").run([q, k, v, mask])[0]
    answer = expected(q, k, v, np.where(mask, 0, -np.inf))
    np.testing.assert_allclose(bools, answer, rtol=2e-5, atol=2e-6)
    if len(shape) > 1:
        assert not bools[:, :, 1].any()
    added = np.where(mask, normal(*shape), np.float32(-np.inf))
    floats = attention([*OPEN, f"m: float32[{sizes}]"], names="q k v m").run([q, k, v, added])[0]
    np.testing.assert_allclose(floats, expected(q, k, v, added.astype(float)), rtol=2e-5, atol=2e-6)


def test_what_is_hidden_does_not_count_whatever_it_is():
    q, k, v = normal(1, 2, 2, 4), normal(1, 2, 3, 4), normal(1, 2, 3, 4)
    k[:, :, 2] = np.inf
    mask = np.array([[True, True, False]] * 2)
    inputs = ["q: float32[1, 2, 2, 4]", "k: float32[1, 2, 3, 4]", "v: float32[1, 2, 3, 4]", "m: bool[2, 3]"]
    found = attention(inputs, names="q k v m").run([q, k, v, mask])[0]
    np.testing.assert_allclose(found, expected(q, k[:, :, :2], v[:, :, :2]), rtol=2e-5, atol=2e-6)


def test_a_cache_of_open_size():
    inputs = [*OPEN, "pk: float32[b, 2, p, 8]", "pv: float32[b, 2, p, 5]"]
    loaded = attention(inputs, outputs=("y: float32", "nk: float32", "nv: float32"), names="q k v _ pk pv", is_causal=1)
    for past, new in ((0, 3), (4, 1), (2, 2)):
        q, k, v = normal(2, 4, new, 8), normal(2, 2, new, 8), normal(2, 2, new, 5)
        pk, pv = normal(2, 2, past, 8), normal(2, 2, past, 5)
        y, nk, nv = loaded.run([q, k, v, pk, pv])
        np.testing.assert_array_equal(nk, np.concatenate([pk, k], 2))
        np.testing.assert_array_equal(nv, np.concatenate([pv, v], 2))
        bias = seen(new, past + new, past, right=0)
        np.testing.assert_allclose(y, expected(q, nk, nv, bias), rtol=2e-5, atol=2e-6)


def test_numbers_of_keys_for_each_of_the_batch():
    loaded = attention([*OPEN, "n: int64[b]"], 24, names="q k v _ _ _ n", is_causal=1)
    lengths = np.array([2, 5, 6])
    q, k, v = normal(3, 4, 3, 8), normal(3, 2, 6, 8), normal(3, 2, 6, 5)
    bias = np.stack([seen(3, 6, n - 3, right=0) + np.where(np.arange(6) < n, 0, -np.inf) for n in lengths])[:, None]
    answer = expected(q, k, v, bias)
    np.testing.assert_allclose(loaded.run([q, k, v, lengths])[0], answer, rtol=2e-5, atol=2e-6)
    assert not answer[0, :, 0].any()


def test_a_window_of_open_sizes():
    loaded = attention(OPEN, 25, left_window_size=1, right_window_size=2)
    for rows, columns in ((5, 5), (3, 8)):
        q, k, v = normal(1, 4, rows, 8), normal(1, 2, columns, 8), normal(1, 2, columns, 5)
        answer = expected(q, k, v, seen(rows, columns, 0, 1, 2))
        np.testing.assert_allclose(loaded.run([q, k, v])[0], answer, rtol=2e-5, atol=2e-6)


def test_a_short_mask_hides_the_last_keys_from_version_24_on():
    q, k, v = normal(1, 4, 2, 8), normal(1, 2, 6, 8), normal(1, 2, 6, 5)
    mask = normal(2, 4)
    inputs = [*OPEN, "m: float32[2, w]"]
    answer = expected(q, k, v, np.pad(mask.astype(float), ((0, 0), (0, 2)), constant_values=-np.inf))
    found = attention(inputs, 24, names="q k v m").run([q, k, v, mask])[0]
    np.testing.assert_allclose(found, answer, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("mode", range(4))
def test_what_the_scores_output_is(mode):
    q, k, v, mask = normal(1, 2, 2, 4), normal(1, 2, 3, 4), normal(1, 2, 3, 4), normal(2, 3)
    inputs = ["q: float32[1, 2, 2, 4]", "k: float32[1, 2, 3, 4]", "v: float32[1, 2, 3, 4]", "m: float32[2, 3]"]
    loaded = attention(inputs, outputs=("y: float32", "_", "s: float32"), names="q k v m", softcap=2.0,
                       qk_matmul_output_mode=mode)  # fmt: skip
    raw = q @ k.swapaxes(-1, -2) * 0.5
    capped = 2 * np.tanh(raw / 2)
    answer = (raw, capped, capped + mask, softmax(capped + mask))[mode]
    np.testing.assert_allclose(loaded.run([q, k, v, mask])[1], answer, rtol=2e-5, atol=2e-6)


def test_gradients_flow_through_masks():
    inputs = ["q: float64[1, 4, 2, 3]", "k: float64[1, 2, 3, 3]", "v: float64[1, 2, 3, 2]"]
    loaded = attention(inputs, outputs=("y: float64",), is_causal=1)
    arrays = [normal(1, 4, 2, 3, dtype=float), normal(1, 2, 3, 3, dtype=float), normal(1, 2, 3, 2, dtype=float)]
    check_gradients(loaded.trace(arrays).graph, arrays)


def test_a_change_of_scores_by_a_graph():
    change = graph([node("Mul", "s two", "t")], ["s: float32[b, 2, l, s]"], ["t: float32[b, 2, l, s]"])
    inputs = ["q: float32[b, 2, l, 4]", "k: float32[b, 2, s, 4]", "v: float32[b, 2, s, 4]"]
    loaded = graphc.onnx.load(model(
        [node("FlexAttention", "q k v", "y", "ai.onnx.preview", score_mod=change)], inputs, ["y: float32"],
        {"two": np.float32(2)}, 26, domains={"ai.onnx.preview": 1}))  # fmt: skip
    for rows, columns in ((2, 3), (4, 1)):
        q, k, v = normal(1, 2, rows, 4), normal(1, 2, columns, 4), normal(1, 2, columns, 4)
        np.testing.assert_allclose(loaded.run([q, k, v])[0], expected(q, k, v, scale=1.0), rtol=2e-5, atol=2e-6)


def test_a_change_of_scores_that_is_not_supported_is_refused():
    change = graph([node("Nowhere", "s", "t")], ["s: float32[1, 2, l, s]"], ["t: float32[1, 2, l, s]"])
    loaded = graphc.onnx.load(model(
        [node("FlexAttention", "q k v", "y", "ai.onnx.preview", score_mod=change)],
        [f"{n}: float32[1, 2, 3, 4]" for n in "qkv"], ["y: float32"], opset=26,
        domains={"ai.onnx.preview": 1}))  # fmt: skip
    with pytest.raises(UnimplementedError, match="score_mod has parts that are not supported"):
        loaded.run([normal(1, 2, 3, 4)] * 3)


@pytest.mark.parametrize(("inputs", "attributes", "error", "words"), [
    (["q: float32[1, 3, 2, 4]", "k: float32[1, 2, 2, 4]", "v: float32[1, 2, 2, 4]"], {}, ShapeError, "cannot share"),
    (["q: float32[1, 2, 4]", "k: float32[1, 2, 4]", "v: float32[1, 2, 4]"], {}, FormatError, "q_num_heads"),
    (["q: float32[1, 2, 4]", "k: float32[1, 2, 4]", "v: float32[1, 2, 4]"], {"q_num_heads": 3, "kv_num_heads": 3},
     ShapeError, "cannot be shared by 3 heads"),
    (["q: float32[1, 2, 2, 4]", "k: float32[1, 2, 4]", "v: float32[1, 2, 2, 4]"], {}, ShapeError, "all rank 4"),
    (["q: float32[1, 2, 2, 4]", "k: float32[1, 2, 2, 5]", "v: float32[1, 2, 2, 4]"], {}, ShapeError, "4 and 5"),
    (["q: float32[1, 2, 2, 4]"] + [f"{n}: float32[1, 2, 2, 4]" for n in "kv"], {"qk_matmul_output_mode": 7}, ShapeError,
     "not 0 to 3"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(inputs, attributes, error, words):
    with pytest.raises(error, match=words):
        attention(inputs, **attributes).trace()


# ------------------------------------------------------------------------------------------ linear attention


def linear(q, k, v, state, decay=None, beta=None, scale=1.0):
    """One place after the other."""
    out = []
    for t in range(q.shape[2]):
        if decay is not None:
            state = state * np.exp(decay[:, :, t])[..., None]
        row = v[:, :, t]
        if beta is not None:
            row = beta[:, :, t] * (row - np.einsum("bhdm,bhd->bhm", state, k[:, :, t]))
        state = state + k[:, :, t, :, None] * row[..., None, :]
        read = np.repeat(state, q.shape[1] // state.shape[1], 1)
        out.append(scale * np.einsum("bhd,bhdm->bhm", q[:, :, t], read))
    return np.stack(out, 2), state


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
def test_linear_attention_of_open_length(rule):
    has_decay, has_beta = "gated" in rule, "delta" in rule
    names = f"q k v p {'d' if has_decay else '_'} {'e' if has_beta else '_'}"
    inputs = ["q: float32[b, t, 24]", "k: float32[b, t, 12]", "v: float32[b, t, 10]", "p: float32[b, 2, 6, 5]"]
    inputs += ["d: float32[b, t, 2]"] * has_decay + ["e: float32[b, t, 2]"] * has_beta
    made = node("LinearAttention", names, "y s", update_rule=rule, q_num_heads=4, kv_num_heads=2)
    loaded = graphc.onnx.load(model([made], inputs, ["y: float32", "s: float32"], opset=27))
    for batch, length in ((2, 3), (1, 5)):
        arrays = [normal(batch, length, n) * 0.5 for n in (24, 12, 10)] + [normal(batch, 2, 6, 5)]
        decay, beta = -RANDOM.random((batch, length, 2)), RANDOM.random((batch, length, 2))
        given = arrays + [x.astype(np.float32) for x, has in ((decay, has_decay), (beta, has_beta)) if has]
        parts = [x.reshape(batch, length, h, -1).swapaxes(1, 2).astype(float) for x, h in zip(arrays, (4, 2, 2))]
        extra = [x.reshape(batch, length, 2, 1).swapaxes(1, 2) if has else None
                 for x, has in ((decay, has_decay), (beta, has_beta))]  # fmt: skip
        y, state = linear(*parts, arrays[3].astype(float), *extra, scale=6**-0.5)
        found = loaded.run(given)
        np.testing.assert_allclose(found[0], y.swapaxes(1, 2).reshape(batch, length, 20), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[1], state, rtol=1e-4, atol=1e-5)


def test_linear_attention_names_the_input_that_is_missing():
    loaded = graphc.onnx.load(model([node("LinearAttention", "q q q", "y s", q_num_heads=2, kv_num_heads=2)],
                                    ["q: float32[1, 3, 8]"], ["y: float32", "s: float32"], opset=27))  # fmt: skip
    with pytest.raises(ShapeError, match="'gated_delta' needs input decay"):
        loaded.trace()


# ------------------------------------------------------------------------------------------ rotary embeddings


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("width", [0, 4])
def test_rotary_embedding_of_open_length(interleaved, width):
    half = (width or 6) // 2
    loaded = graphc.onnx.load(model(
        [node("RotaryEmbedding", "x c s p", "y", interleaved=interleaved, rotary_embedding_dim=width, num_heads=2)],
        ["x: float32[b, l, 12]", f"c: float32[m, {half}]", f"s: float32[m, {half}]", "p: int64[b, l]"], ["y: float32"],
        opset=23))  # fmt: skip
    for length in (3, 5):
        x, angle = normal(2, length, 12), normal(7, half)
        places = RANDOM.integers(0, 7, (2, length))
        found = loaded.run([x, np.cos(angle), np.sin(angle), places])[0].reshape(2, length, 2, 6)
        heads = x.reshape(2, length, 2, 6)
        first = heads[..., 0 : 2 * half : 2] if interleaved else heads[..., :half]
        second = heads[..., 1 : 2 * half : 2] if interleaved else heads[..., half : 2 * half]
        turned = (first + 1j * second) * np.exp(1j * angle[places])[:, :, None]
        real = found[..., 0 : 2 * half : 2] if interleaved else found[..., :half]
        imaginary = found[..., 1 : 2 * half : 2] if interleaved else found[..., half : 2 * half]
        np.testing.assert_allclose(real, turned.real, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(imaginary, turned.imag, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found[..., 2 * half :], heads[..., 2 * half :])


def test_rotary_embedding_of_an_odd_width_is_refused():
    inputs = ["x: float32[1, 2, 3, 5]", "c: float32[1, 3, 2]"]
    loaded = graphc.onnx.load(model([node("RotaryEmbedding", "x c c", "y")], inputs, ["y: float32"], opset=23))
    with pytest.raises(ShapeError, match="must be even"):
        loaded.trace()


# ---------------------------------------------------------------------------------------------- ONNX Runtime


@pytest.mark.parametrize("attributes", [
    {}, {"is_causal": 1}, {"scale": 0.2, "softcap": 3.0}, {"is_causal": 1, "softmax_precision": 1},
])  # fmt: skip
def test_beside_onnx_runtime(attributes):
    runtime = pytest.importorskip("onnxruntime")
    nodes = [node("Attention", "q k v m", "y", **attributes)]
    made = model(nodes, [*OPEN, "m: float32[l, s]"], ["y: float32"], opset=23)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"q": normal(2, 4, 5, 8), "k": normal(2, 2, 7, 8), "v": normal(2, 2, 7, 5), "m": normal(5, 7)}
    np.testing.assert_allclose(graphc.onnx.load(made).run(feeds)[0], session.run(None, feeds)[0], rtol=1e-4, atol=1e-5)
