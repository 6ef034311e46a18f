"""The tool that plants faults into generated kernels."""

import random

from tools.mutate_kernels import edits_of, mutants_of

TEXT = """extern "C" __global__ void __launch_bounds__(64) first(const gc_global<float> out, const long long n) {
  if (threadIdx.x < n && n > 3) {
    out[threadIdx.x + 4] = 1.0f;
  }
  __syncthreads();
}

extern "C" __global__ void __launch_bounds__(64) second(
    const gc_global<float> out) {
  out[0] = gc_shuffle_xor(1.0f, 16);
}
"""


def test_edits_of_lines():
    assert edits_of("  __syncthreads();") == [""]
    assert edits_of("    gc_cp_async_wait<1>();") == ["", "    gc_cp_async_wait<2>();"]
    assert edits_of("  if (a < b && c) {") == ["  if (c) {", "  if (a < b) {", "  if (a <= b && c) {"]
    assert edits_of("  for (int k = 0; k < 4; ++k) {") == ["  for (int k = 0; k <= 4; ++k) {"]
    assert edits_of("  x[k * 4] = 2.5f;") == ["  x[k * 5] = 2.5f;"]
    assert edits_of("  float x[4];") == []
    assert edits_of("  const float y = a + b;") == []


def test_mutants_are_kernels_of_their_own():
    mutants = mutants_of(TEXT, 100, random.Random(1))
    assert {m.kernel for m in mutants} == {"first", "second"} and len({m.name for m in mutants}) == len(mutants)
    for m in mutants:
        assert m.text.count(m.name) == 1 and f" {m.kernel}(" not in m.text and m.trap.count("__trap();") == 1
        assert m.text.count("\n") == m.trap.count("\n") - 1 and m.edited != m.line
    assert any(m.edited == "out[0] = gc_shuffle_xor(1.0f, 8);" for m in mutants)
