"""Programs that do nothing but what a processor does fastest: multiply and add in registers, copy memory."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.kernel import PARALLEL, SERIAL, UNROLLED, VECTOR, Alloc, Array, For, Kernel, Store, load
from graphc.ir.node import const, var
from graphc.ir.program import Buffer, Launch, Param, Program, Signature
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.prims.table import apply

ROWS = 12  # sums side by side: enough to hide what one addition to a sum waits for, and there are 16 registers
STEPS = 1 << 14  # multiplications and additions to each sum
_ROW = 1 << 12  # bytes of a row that is copied


def arithmetic(dtype: DType, target: Target, threads: int) -> tuple[Program, int]:
    """A program without inputs whose threads multiply and add in vector registers; and its FLOPs.

    Args:
        dtype: of the sums; for i32 the four products of the bytes of two words are added, eight operations.
    """
    lanes = target.lanes(dtype)
    type, sums = Type(dtype, (threads, ROWS, lanes)), Array("sums", Type(dtype, (ROWS, lanes)), "register")
    task, step = var("task", extent=threads), var("step", extent=STEPS)
    is_words = dtype is dt.i32
    factors = [const(value, Type(dtype, ())) for value in ((0x01020304, 0x04030201) if is_words else (0.75, 0.25))]

    def rows(tag: str, store) -> For:
        row, lane = var(f"row_{tag}", extent=ROWS), var(f"lane_{tag}", extent=lanes)
        return For(row, ROWS, (For(lane, lanes, (store(row, lane),), VECTOR),), UNROLLED)

    def add(row, lane) -> Store:
        value = load("sums", (row, lane), dtype)
        added = apply("madd4", *factors, value) if is_words else apply("fma", value, *factors)
        return Store("sums", (row, lane), added)

    body = (
        Alloc(sums),
        rows("clear", lambda row, lane: Store("sums", (row, lane), const(0, Type(dtype, ())))),
        For(step, STEPS, (rows("add", add),), SERIAL),
        rows("keep", lambda row, lane: Store("out", (task, row, lane), load("sums", (row, lane), dtype))),
    )
    kernel = Kernel("arithmetic", (Array("out", type, written=True),), (), (For(task, threads, body, PARALLEL),))
    return _program(kernel, type, ("out",)), threads * ROWS * lanes * STEPS * (8 if is_words else 2)


def copying(size: int, times: int, threads: int, streamed: bool) -> tuple[Program, int]:
    """A program whose threads copy memory of their own, so many bytes each and so many times; and the bytes it moves.

    Args:
        streamed: the copies go past the caches, as those of large results do.
    """
    lanes = _ROW // 4
    rows = size // _ROW
    type = Type(dt.f32, (threads, rows, lanes))
    task, again = var("task", extent=threads), var("again", extent=times)
    row, lane = var("row", extent=rows), var("lane", extent=lanes)
    copy = Store("out", (task, row, lane), load("x", (task, row, lane), dt.f32))
    lines = For(row, rows, (For(lane, lanes, (copy,), VECTOR),), SERIAL)
    arrays = (Array("x", type), Array("out", type, written=True, streamed=streamed))
    kernel = Kernel("copy", arrays, (), (For(task, threads, (For(again, times, (lines,), SERIAL),), PARALLEL),))
    return _program(kernel, type, ("x", "out"), (Param("x", type),)), threads * rows * _ROW * times * 2


def _program(kernel: Kernel, type: Type, args: tuple[str, ...], inputs: tuple[Param, ...] = ()) -> Program:
    signature = Signature(inputs, (Param("out", type),))
    buffers = (*(Buffer(p.name, p.type, ("input", k)) for k, p in enumerate(inputs)), Buffer("out", type, ("output", 0)))
    return Program(kernel.name, signature, buffers, (kernel,), (Launch(kernel.name, args),))
