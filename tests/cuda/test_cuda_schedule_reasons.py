"""Why kernels for GPUs have their schedules: noted where it is decided, written into the record, shown from there."""

import pytest

from graphc.inspect.show import kernel_text
from graphc.inspect.stages import Stages
from graphc.inspect.why import why
from graphc.ir.parser import parse
from graphc.ir.record import Record
from graphc.lower import reasons
from graphc.options import Options

TEXT = """graph @g(%x: f32[n,100], %w: f32[100,30], %h: f16[64,64], %l: f32[4,20000], %k: f32[3,200000]) {
  %m: f32[n] = reduce(%x, axes=(1,), kind="sum")
  %c: f32[100] = reduce(%x, axes=(0,), kind="max")
  %p: f32[n,30] = dot(%x, %w, transpose_x=false, transpose_y=false)
  %q: f16[64,64] = dot(%h, %h, transpose_x=false, transpose_y=false)
  %t: f32[100,n] = transpose(%x, perm=(1, 0))
  %r: f32[4] = reduce(%l, axes=(1,), kind="sum")
  %s: f32[3] = reduce(%k, axes=(1,), kind="sum")
  %e: f16[64,64] = exp(%h)
  return %m, %c, %p, %q, %t, %r, %s, %e
}
"""
WANTED = {
    "m": reasons.ROWS_IN_REGISTERS, "c": reasons.COLUMN_TILES, "p": reasons.MULTIPLY_ADDS, "q": reasons.TENSOR_CORES,
    "t": reasons.TURNED_TILES, "r": reasons.ROWS_OF_BLOCKS, "s": reasons.ROWS_IN_PARTS, "e": reasons.ALONG_MEMORY,
}  # fmt: skip


@pytest.fixture(scope="module")
def stages():
    return Stages(parse(TEXT), Options(target="cuda:sm_90a"))


def test_the_record_tells_the_reasons(stages):
    lowering = stages.whole_record.lowering
    assert lowering.schedules == {k.name: k.why for k in stages.program.kernels}
    assert set(lowering.schedules.values()) == set(WANTED.values())


@pytest.mark.parametrize("name", WANTED)
def test_views_show_them(stages, name):
    kernel = next(k for k in stages.program.kernels if k.why == WANTED[name])
    text = why(stages.whole_record, f"@{kernel.name}", stages.sources)
    assert f"{kernel.name}: {WANTED[name]}" in text, text
    assert kernel_text(stages, kernel.name, "loops").startswith(f"# {WANTED[name]}\nkernel ")
    assert kernel_text(stages, kernel.name, "cuda").startswith(f"// {WANTED[name]}\n")


def test_cpus_have_none():
    stages = Stages(parse(TEXT), Options(target="x86-64-v3"))
    assert stages.whole_record.lowering.schedules == {}
    assert isinstance(stages.whole_record, Record) and kernel_text(stages, stages.program.kernels[0].name, "loops").startswith("kernel")
