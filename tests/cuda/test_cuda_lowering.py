"""Programs for GPUs: every kernel has block loops and is legal, and launches say how many blocks run it."""

import pytest

from graphc import compile as pipeline
from graphc.ir.parser import parse
from graphc.ir.program import Launch, flat
from graphc.ir.verify_kernel import verify_kernel
from graphc.lower.gpu.serial import is_for_gpu
from graphc.options import Options

GRAPHS = {
    "dense": """graph @dense(%x: f32[n,784], %w: f32[784,10], %b: f32[10]) {
  %dot0: f32[n,10] = dot(%x, %w, transpose_x=false, transpose_y=false)
  %broadcast0: f32[n,10] = broadcast(%b, axes=(1,), shape=(n, 10))
  %add0: f32[n,10] = add(%dot0, %broadcast0)
  return %add0
}
""",
    "softmax": """graph @softmax(%x: f32[n,100]) {
  %m: f32[n] = reduce(%x, axes=(1,), kind="max")
  %b: f32[n,100] = broadcast(%m, axes=(0,), shape=(n, 100))
  %d: f32[n,100] = sub(%x, %b)
  %e: f32[n,100] = exp(%d)
  %s: f32[n] = reduce(%e, axes=(1,), kind="sum")
  %c: f32[n,100] = broadcast(%s, axes=(0,), shape=(n, 100))
  %q: f32[n,100] = div(%e, %c)
  return %q
}
""",
    "total": """graph @total(%x: f32[100000]) {
  %s: f32[] = reduce(%x, axes=(0,), kind="sum")
  return %s
}
""",
    "columns": """graph @columns(%x: f32[n,70]) {
  %s: f32[70] = reduce(%x, axes=(0,), kind="sum")
  return %s
}
""",
}


@pytest.mark.parametrize("target", ["cuda:sm_80", "cuda:sm_90a"])
@pytest.mark.parametrize("name", GRAPHS)
def test_kernels_are_legal_and_launches_have_a_grid(name, target):
    program = pipeline.lower_graph(pipeline.optimise(parse(GRAPHS[name])), Options(target=target))
    assert program.kernels
    for kernel in program.kernels:
        assert is_for_gpu(kernel)
        verify_kernel(kernel)
    launches = [s for s in flat(program.steps) if isinstance(s, Launch)]
    assert launches and all(s.threads % 32 == 0 and s.threads > 0 and s.grid != 0 for s in launches)
    if not len(program.constants):
        assert parse(str(program)) == program
