"""Hand-written programs with the native calling convention, for tests of what runs them."""

from __future__ import annotations

import functools

from graphc.errors import Location
from graphc.ir import dtype as dt
from graphc.ir.node import symbol
from graphc.ir.program import Param, Signature
from graphc.ir.type import Type
from graphc.runtime import elf, jit
from graphc.runtime.executable import Executable
from graphc.runtime.host import host_target
from graphc.runtime.library import Library
from graphc.runtime.portable_call import HostStep

N = symbol("n")
F32 = Type(dt.f32, ())
VECTOR = Type(dt.f32, (N,))
FOUR = Type(dt.f32, (4,))
ENTRY = "(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena) nounwind"

SIZES = """
define i64 @{name}_arena(ptr %dims) nounwind {{
  {arena}
}}
define void @{name}_shapes(ptr %dims, ptr %out) nounwind {{
  {shapes}
  ret void
}}
"""
NO_ARENA = "ret i64 0"
N_FLOATS = "%n = load i64, ptr %dims\n  %bytes = mul i64 %n, 4\n  ret i64 %bytes"
SHAPE_N = "%n = load i64, ptr %dims\n  store i64 %n, ptr %out"
SHAPE_4 = "store i64 4, ptr %out"


def pointer(result: str, table: str, index: int) -> str:
    return f"  {result}.at = getelementptr ptr, ptr {table}, i64 {index}\n  {result} = load ptr, ptr {result}.at\n"


def loop(function: str, parameters: str, begin: str, end: str, body: str, before: str = "", after: str = "  ret void") -> str:
    """A function with one loop over %i; ``body`` is its statements."""
    return f"""
define {function}({parameters}) nounwind {{
entry:
{before}
  br label %test
test:
  %i = phi i64 [ {begin}, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, {end}
  br i1 %more, label %body, label %done
body:
{body}
  %next = add i64 %i, 1
  br label %test
done:
{after}
}}
"""


ENTRY_PARAMETERS = "ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena"


def _map_f32(name: str, sources: list[tuple[str, int]], target: tuple[str, int] | str, statement: str, count: str) -> str:
    """A program function: target[i] = statement over %v0, %v1 for i below ``count``."""
    before, body = "", ""
    for k, (table, index) in enumerate(sources):
        before += pointer(f"%p{k}", table, index) if table != "%arena" else f"  %p{k} = getelementptr i8, ptr %arena, i64 {index}\n"
        body += f"  %p{k}.i = getelementptr float, ptr %p{k}, i64 %i\n  %v{k} = load float, ptr %p{k}.i\n"
    table, index = target
    before += pointer("%t", table, index) if table != "%arena" else f"  %t = getelementptr i8, ptr %arena, i64 {index}\n"
    body += f"  %r = {statement}\n  %t.i = getelementptr float, ptr %t, i64 %i\n  store float %r, ptr %t.i"
    end = count
    if not count.isdigit():
        before += "  %n = load i64, ptr %dims\n"
        end = "%n"
    return loop(f"i32 @{name}", ENTRY_PARAMETERS, "0", end, body, before, "  ret i32 0")


def library(text: str, *names: str) -> Library:
    return Library(elf.link_shared([jit.compile_object(text, host_target())], list(names)))


@functools.cache
def _add_library(name: str) -> Library:
    text = _map_f32(name, [("%inputs", 0), ("%inputs", 1)], ("%outputs", 0), "fadd float %v0, %v1", "1")
    return library(text + SIZES.format(name=name, arena=NO_ARENA, shapes=""), name, name + "_arena", name + "_shapes")


def add_scalars(dtype=dt.f32, **options) -> Executable:
    signature = Signature((Param("a", Type(dtype, ())), Param("b", Type(dtype, ()))), (Param("c", Type(dtype, ())),))
    return Executable("add", signature, _add_library("add"), **options)


def add_vectors(**options) -> Executable:
    """x + y for f32[n]."""
    text = _map_f32("addv", [("%inputs", 0), ("%inputs", 1)], ("%outputs", 0), "fadd float %v0, %v1", "n")
    text += SIZES.format(name="addv", arena=NO_ARENA, shapes=SHAPE_N)
    inputs = Param("x", VECTOR, Location("model.py", 3)), Param("y", VECTOR, Location("model.py", 4))
    signature = Signature(inputs, (Param("out", VECTOR),), ("n",))
    return Executable("addv", signature, library(text, "addv", "addv_arena", "addv_shapes"), **options)


def scale_by_constant(constants: bytes) -> Executable:
    """x * the first four constants, for f32[4]."""
    body = "  %c.i = getelementptr float, ptr %constants, i64 %i\n  %c = load float, ptr %c.i\n"
    text = _map_f32("scale", [("%inputs", 0)], ("%outputs", 0), "fmul float %v0, %c", "4").replace("  %r =", body + "  %r =")
    text += SIZES.format(name="scale", arena=NO_ARENA, shapes=SHAPE_4)
    signature = Signature((Param("x", FOUR),), (Param("out", FOUR),))
    return Executable("scale", signature, library(text, "scale", "scale_arena", "scale_shapes"), constants)


def train_step(**options) -> Executable:
    """(w, g) -> (w - g over w, g + g) for f32[4]; the first output is donated input 0."""
    first = _map_f32("first", [("%inputs", 0), ("%inputs", 1)], ("%outputs", 0), "fsub float %v0, %v1", "4")
    second = _map_f32("second", [("%inputs", 1)], ("%outputs", 1), "fadd float %v0, %v0", "4")
    arguments = "(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena)"
    entry = f"define i32 @step{ENTRY} {{\n  %a = call i32 @first{arguments}\n  %b = call i32 @second{arguments}\n  ret i32 0\n}}\n"
    shapes = "store i64 4, ptr %out\n  %second.out = getelementptr i64, ptr %out, i64 1\n  store i64 4, ptr %second.out"
    text = first + second + entry + SIZES.format(name="step", arena=NO_ARENA, shapes=shapes)
    signature = Signature(
        (Param("w", FOUR), Param("g", FOUR)), (Param("w", FOUR), Param("twice", FOUR)), donated=((0, 0),)
    )
    return Executable("step", signature, library(text, "step", "step_arena", "step_shapes"), **options)


def through_arena(**options) -> Executable:
    """x + x for f32[n], by way of the arena, in two passes."""
    first = _map_f32("to", [("%inputs", 0)], ("%arena", 0), "fadd float %v0, %v0", "n")
    second = _map_f32("from", [("%arena", 0)], ("%outputs", 0), "fadd float %v0, 0.0", "n")
    arguments = "(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena)"
    entry = f"define i32 @arena{ENTRY} {{\n  %a = call i32 @to{arguments}\n  %b = call i32 @from{arguments}\n  ret i32 0\n}}\n"
    text = first + second + entry + SIZES.format(name="arena", arena=N_FLOATS, shapes=SHAPE_N)
    signature = Signature((Param("x", VECTOR),), (Param("out", VECTOR),), ("n",))
    return Executable("arena", signature, library(text, "arena", "arena_arena", "arena_shapes"), **options)


def parallel_double(grain: int = 1, **options) -> Executable:
    """x + x for f32[n], split over the pool; each part also splits again, which must run serially."""
    part_before = pointer("%x", "%ctx", 0) + pointer("%y", "%ctx", 1)
    part_body = """\
  %x.i = getelementptr float, ptr %x, i64 %i
  %v = load float, ptr %x.i
  %r = fadd float %v, %v
  %y.i = getelementptr float, ptr %y, i64 %i
  store float %r, ptr %y.i"""
    part = loop("internal void @part", "ptr %ctx, i64 %begin, i64 %end", "%begin", "%end", part_body, part_before)
    nested = f"""
define internal void @nested(ptr %job, i64 %begin, i64 %end) nounwind {{
  %ctx = load ptr, ptr %job
  %first.at = getelementptr i64, ptr %job, i64 1
  %first = load i64, ptr %first.at
  %from = add i64 %first, %begin
  %to = add i64 %first, %end
  call void @part(ptr %ctx, i64 %from, i64 %to)
  ret void
}}
define internal void @outer(ptr %ctx, i64 %begin, i64 %end) nounwind {{
  %job = alloca {{ ptr, i64 }}
  store ptr %ctx, ptr %job
  %first.at = getelementptr i64, ptr %job, i64 1
  store i64 %begin, ptr %first.at
  %count = sub i64 %end, %begin
  call void @gc_parallel(ptr @nested, ptr %job, i64 %count, i64 {grain})
  ret void
}}
"""
    entry = f"""
declare void @gc_parallel(ptr, ptr, i64, i64)
define i32 @par{ENTRY} {{
{pointer("%x", "%inputs", 0)}{pointer("%y", "%outputs", 0)}
  %n = load i64, ptr %dims
  %ctx = alloca {{ ptr, ptr }}
  store ptr %x, ptr %ctx
  %second = getelementptr ptr, ptr %ctx, i64 1
  store ptr %y, ptr %second
  call void @gc_parallel(ptr @outer, ptr %ctx, i64 %n, i64 {grain})
  ret i32 0
}}
"""
    text = part + nested + entry + SIZES.format(name="par", arena=NO_ARENA, shapes=SHAPE_N)
    signature = Signature((Param("x", VECTOR),), (Param("out", VECTOR),), ("n",))
    return Executable("par", signature, library(text, "par", "par_arena", "par_shapes"), **options)


def tally(grain: int = 1, **options) -> Executable:
    """counts i32[n] += 1, each element once, split over the pool."""
    before = pointer("%x", "%ctx", 0)
    body = """\
  %x.i = getelementptr i32, ptr %x, i64 %i
  %v = load i32, ptr %x.i
  %r = add i32 %v, 1
  store i32 %r, ptr %x.i"""
    part = loop("internal void @part", "ptr %ctx, i64 %begin, i64 %end", "%begin", "%end", body, before)
    entry = f"""
declare void @gc_parallel(ptr, ptr, i64, i64)
define i32 @tally{ENTRY} {{
  %n = load i64, ptr %dims
  call void @gc_parallel(ptr @part, ptr %outputs, i64 %n, i64 {grain})
  ret i32 0
}}
"""
    text = part + entry + SIZES.format(name="tally", arena=NO_ARENA, shapes=SHAPE_N)
    counts = Type(dt.i32, (N,))
    signature = Signature((Param("counts", counts),), (Param("counts", counts),), ("n",), donated=((0, 0),))
    return Executable("tally", signature, library(text, "tally", "tally_arena", "tally_shapes"), **options)


def same(dtype, width: str) -> Executable:
    """A scalar as it is; ``width`` is the LLVM type of its bits."""
    text = f"define i32 @same{ENTRY} {{\n  %x = load ptr, ptr %inputs\n  %y = load ptr, ptr %outputs\n"
    text += f"  %v = load {width}, ptr %x\n  store {width} %v, ptr %y\n  ret i32 0\n}}\n"
    text += SIZES.format(name="same", arena=NO_ARENA, shapes="")
    scalar = Type(dtype, ())
    signature = Signature((Param("x", scalar),), (Param("y", scalar),))
    return Executable("same", signature, library(text, "same", "same_arena", "same_shapes"))


def failing(**options) -> Executable:
    text = f"define i32 @bad{ENTRY} {{\n  ret i32 7\n}}\n" + SIZES.format(name="bad", arena=NO_ARENA, shapes=SHAPE_4)
    signature = Signature((Param("x", FOUR),), (Param("out", FOUR),))
    return Executable("bad", signature, library(text, "bad", "bad_arena", "bad_shapes"), **options)


def update_around_host_step(fn) -> Executable:
    """(w, g) f32[4], w donated: w - g over w, then the host's f32[4] from w, then that - g over w."""
    text = "".join(
        _map_f32(f"around_{k}", [("%inputs", 0), ("%inputs", 1)], ("%outputs", 0), "fsub float %v0, %v1", "4") for k in (0, 1)
    )
    text += SIZES.format(name="around", arena=NO_ARENA, shapes=SHAPE_4)
    signature = Signature((Param("w", FOUR), Param("g", FOUR)), (Param("w", FOUR),), donated=((0, 0),))
    step = HostStep(fn, ((FOUR, ("output", 0)),), ((FOUR, ("output", 0)),), "mend", Location("model.py", 9))
    code = library(text, "around_0", "around_1", "around_arena", "around_shapes")
    return Executable("around", signature, code, b"", [0, step, 1])


def with_host_step(fn, **options) -> Executable:
    """x f32[n] -> host fn f32[m] -> + 1, where m is what the host gives; x + x goes in."""
    m = symbol("m")
    hosted = Type(dt.f32, (m,))
    first = _map_f32("host_0", [("%inputs", 0)], ("%arena", 0), "fadd float %v0, %v0", "n")
    second = _map_f32("host_1", [("%outputs", 0)], ("%outputs", 0), "fadd float %v0, 1.0", "n")
    second = second.replace("%n = load i64, ptr %dims", "%m.at = getelementptr i64, ptr %dims, i64 1\n  %n = load i64, ptr %m.at")
    shapes = "%m.at = getelementptr i64, ptr %dims, i64 1\n  %m = load i64, ptr %m.at\n  store i64 %m, ptr %out"
    text = first + second + SIZES.format(name="host", arena=N_FLOATS, shapes=shapes)
    signature = Signature((Param("x", VECTOR),), (Param("out", hosted),), ("n", "m"))
    step = HostStep(fn, ((VECTOR, ("arena", 0)),), ((hosted, ("output", 0)),), "pick", Location("model.py", 9))
    return Executable("host", signature, library(text, "host_0", "host_1", "host_arena", "host_shapes"), b"", [0, step, 1], **options)
