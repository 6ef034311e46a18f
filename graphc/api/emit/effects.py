"""Printing, checks and random numbers of functions as TensorFlow's nodes."""

from __future__ import annotations

import numpy as np

from graphc.api.emit.emitter import Emitter, NoForm, Value
from graphc.api.emit.tokens import controls, done, is_token, values_in
from graphc.ir import dtype as dt
from graphc.ir.node import Node

_PHILOX = 1  # TensorFlow's number of the generator
_HOLE = "{}"


def formatted(e: Emitter, values: list[Node], template: str, summarize: int) -> str:
    """A StringFormat node; its name."""
    names = [e.full(x) for x in values]
    return e.writer.node("StringFormat", names, "StringFormat", T=[x.dtype for x in values], template=template,
                         placeholder=_HOLE, summarize=summarize)  # fmt: skip


def _print(e: Emitter, node: Node) -> Value:
    values, stream = node.inputs[1:], node.attr("stream")
    text = formatted(e, values, node.attr("template"), node.attr("summarize"))
    target = stream if stream in ("stdout", "stderr") else f"file://{stream}"
    return done(e.writer.node("PrintV2", [text, *controls(e, node.inputs[:1])], "PrintV2", output_stream=target,
                              end=node.attr("end")))  # fmt: skip


def _check(e: Emitter, node: Node) -> Value:
    token, condition, *values = node.inputs
    holds = e.full(condition)
    if condition.shape:
        axes = e.const(np.arange(len(condition.shape)), dt.i32)
        holds = e.add("All", [holds, axes], keep_dims=False, Tidx=dt.i32)
    told = [e.const(node.attr("message").encode(), dt.string), *[e.full(x) for x in values]]
    return done(e.writer.node("Assert", [holds, *told, *controls(e, [token])], "Assert",
                              T=[dt.string, *[x.dtype for x in values]], summarize=node.attr("summarize")))  # fmt: skip


def _numerics(e: Emitter, node: Node) -> Value:
    (x,) = node.inputs
    return Value(e.add("CheckNumerics", [e.full(x)], T=node.dtype, message=node.attr("message")), node.shape)


def _after(e: Emitter, node: Node) -> Value:
    value, *before = node.inputs
    waits = [f"^{e.writer.node('Identity', [e.full(x)], 'Identity', T=x.dtype)}" for x in values_in(before)]
    waits += controls(e, before)
    if is_token(value):
        return done(e.writer.node("NoOp", [*controls(e, [value]), *waits], "NoOp"))
    names = [e.full(value), *waits]
    return Value(e.writer.node("Identity", names, "Identity", T=value.dtype), node.shape)


def _random_bits(e: Emitter, node: Node) -> Value:
    """The same bits as here: TensorFlow's generator is ours."""
    key, counter = node.inputs
    word = e.add("Bitcast", [e.full(key)], T=dt.u32, type=dt.u64)
    if counter.shape:
        place = e.full(counter)
    else:
        zero = e.const(0, dt.u64)
        place = e.add("Pack", [zero, e.full(counter)], N=2, T=dt.u64, axis=0)
    names = [e.shape(node.shape), e.reshaped(word, (1,), dt.u64), place, e.const(_PHILOX, dt.i32)]
    return Value(e.add("StatelessRandomUniformFullIntV2", names, dtype=dt.u32, Tshape=dt.i32), node.shape)


def fresh_key(e: Emitter) -> str:
    """A key that is another one in every run."""
    limits = np.iinfo(np.int32)
    bounds = [e.const(v, dt.i32) for v in (limits.min, limits.max)]
    raw = e.add("RandomUniformInt", [e.const([2], dt.i32), *bounds], T=dt.i32, Tout=dt.i32, seed=0, seed2=0)
    return e.add("Bitcast", [raw], T=dt.i32, type=dt.u32)


def unknown(e: Emitter, node: Node) -> Value:
    """What TensorFlow cannot do.

    Raises:
        NoForm: always.
    """
    kind = node.attr("method") if node.op == "act" else node.op
    raise NoForm(f"the effect {kind}")


EFFECT_FORMS = {"print": _print, "check": _check, "check_numerics": _numerics, "random_bits": _random_bits,
                "after": _after}  # fmt: skip
