"""Faults that are planted into the kernels of ``emulated_kernels``: each is an edit of one text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One edit. ``same`` says why the edited kernel does the same, where it does: such a mutant need not be found."""

    kernel: str
    old: str
    new: str
    same: str = ""

    def applied(self, text: str) -> str:
        """The text of the kernel with this fault."""
        assert text.count(self.old) == 1, f"{self.kernel}: {self.old!r} occurs {text.count(self.old)} times"
        return text.replace(self.old, self.new)


def _of(kernel: str, *edits: tuple) -> list[Mutant]:
    return [Mutant(kernel, *edit) for edit in edits]


MUTANTS = (
    *_of(
        "scale",
        ("if (i + 4 <= n)", "if (i < n)"),
        ("if (i + k < n) out", "if (i + k <= n) out"),
        ("if (i + k < n) out", "out"),
        ("threadIdx.x) * 4", "threadIdx.x) * 8"),
        ("block += gridDim.x", "block += 1"),
        ("block = blockIdx.x", "block = 0"),
        ("(out, i, b)", "(out, i + 1, b)"),
        ("(x, i)", "(x, i + 2)"),
        ("k < 4; ++k) b[k]", "k < 3; ++k) b[k]"),
        ("k < 4; ++k) b[k]", "k <= 4; ++k) b[k]"),
        ("block * 512 < n", "block * 512 <= n", "the block that is added has nothing to do"),
    ),
    *_of(
        "normalise",
        ("__syncthreads();  // parts", "// parts"),
        ("__syncthreads();  // and", "// and"),
        ("__syncthreads();  // parts", "if (thread < 64) __syncthreads();  // parts"),
        ("step = 16", "step = 8"),
        ("step > 0", "step > 1"),
        ("part[warp]", "part[warp + 1]"),
        ("part[warp]", "part[0]"),
        ("k < 4", "k < 3"),
        ("k < 4", "k <= 4"),
        ("i += 128) sum", "i += 127) sum"),
        ("row += gridDim.x", "row += 1"),
        ("0xffffffffu", "0x7fffffffu"),
        ("row * n + i] / total", "row * n + i + 1] / total"),
        ("i += 128) out", "i += 64) out"),
        ("if (thread % 32 == 0) part", "part", "all lanes have the same sum; but that they all write it is a race, and reported"),
        ("thread % 32 == 0", "thread % 32 == 1", "all lanes of a warp have the same sum"),
    ),
    *_of(
        "product",
        ("__syncthreads();  // tiles are", "// tiles are"),
        ("__syncthreads();  // tiles were", "// tiles were"),
        ("left[i % 16 * 33", "left[i % 16 * 32"),
        ("r < m && c < k ?", "c < k ?"),
        ("r < m && c < k ?", "r < m ?"),
        ("r < k && c < n ?", "r < k ?"),
        ("r < k && c < n ?", "c < n ?"),
        ("if (r < m && c < n) out", "if (c < n) out"),
        ("if (r < m && c < n) out", "if (r < m) out"),
        ("step += 16", "step += 15"),
        ("z < 16", "z < 15"),
        ("z * 33 + y", "z * 33 + x"),
        ("right[i] =", "right[i + 1] ="),
        ("TILE(float, right, 2112", "TILE(float, right, 2048"),
        ("column = block % wide", "column = block / wide"),
        ("y = thread / 8 * 4", "y = thread / 8 * 2"),
        ("z * 32 + x", "z * 32 + x + 1"),
        ("i < 16; ++i) sum[i] = fmaf", "i <= 16; ++i) sum[i] = fmaf"),
    ),
    *_of(
        "turn",
        ("__syncthreads();  // the tile is", "// the tile is"),
        ("__syncthreads();  // the tile was", "// the tile was"),
        ("tile[i % 32 * 33", "tile[i % 32 * 32"),
        ("if (row + i / 32 < m && ", "if ("),
        ("if (column + i / 32 < n && ", "if ("),
        (" && row + i % 32 < m) out", ") out"),
        ("* m + row", "* n + row"),
        ("(n + 31) / 32", "n / 32"),
    ),
    *_of(
        "columns",
        ("atomicAdd(&out[column], sum)", "out[column] = out[column] + sum"),
        (" && row < m", ""),
        ("block * 16 + 16", "block * 16 + 17"),
        ("if (column < n) atomicAdd", "atomicAdd"),
        ("if (column < n) sum +=", "sum +="),
    ),
    *_of(
        "tensor",
        ("gc_cp_async_wait<1>()", "gc_cp_async_wait<2>()"),
        ("gc_cp_async_wait<1>();", ""),
        ("__syncthreads();  // the stage", "// the stage"),
        ("      gc_cp_async_wait<1>();\n      __syncthreads();", "      __syncthreads();\n      gc_cp_async_wait<1>();"),
        ("        }\n      }\n      gc_cp_async_commit();", "        }\n      }"),
        ("      }\n      gc_cp_async_commit();\n    }\n    for (int step", "      }\n    }\n    for (int step"),
        ("left + (next % 3", "left + (next % 2"),
        ("stage = step % 3", "stage = step % 2"),
        ("next = step + 2", "next = step + 1"),
        ("next = step + 2", "next = step + 3"),
        ("__syncthreads();  // all", "// all"),
        ("(stage * 64 + warp * 32 + i * 16 + lane % 16) * 40", "(stage * 64 + warp * 32 + i * 16 + lane % 16) * 32"),
        ("i * 16 + lane % 16) * 40", "i * 16 + lane % 8) * 40"),
        ("z + lane / 16 * 8)", "z)"),
        ("gc_ldmatrix_x4(y[j]", "gc_ldmatrix_x4_trans(y[j]"),
        ("y[j / 2] + j % 2 * 2", "y[j / 2]"),
        ("z += 16", "z += 32"),
        ("left + (next * 64 + r) * 40 + i % 4 * 8", "left + (next * 64 + r) * 40 + i % 4 * 4"),
        ("e / 2 * 8 + lane / 4, c", "e % 2 * 8 + lane / 4, c"),
        ("if (r < m && c < n) out", "if (c < n) out"),
        ("    gc_cp_async_wait<0>();\n", "", "no copies are left then"),
        ("next < steps", "next <= steps", "the step that is added brings zeros, which nothing reads"),
    ),
    *_of(
        "hopper",
        ("gc_mbarrier_wait(empty + stage, phase ^ 1);", ""),
        ("gc_mbarrier_wait(full + stage, phase);", ""),
        ("empty + stage, phase ^ 1", "empty + stage, phase"),
        ("full + stage, phase)", "full + stage, phase ^ 1)"),
        ("full + stage, phase)", "full + 0, phase)"),
        ("group * 4096 + z * 16", "group * 4096 + z * 32"),
        ("group * 4096 + z * 16", "group * 4096 + z * 8"),
        ("group * 4096 + z * 16", "z * 16"),
        ("gc_mbarrier_init(full + s, 1)", "gc_mbarrier_init(full + s, 2)"),
        ("gc_mbarrier_init(empty + s, 2)", "gc_mbarrier_init(empty + s, 1)"),
        ("gc_mbarrier_init(empty + s, 2)", "gc_mbarrier_init(empty + s, 3)"),
        ("24576", "16384"),
        ("24576", "32768"),
        ("gc_wgmma_wait<0>();", ""),
        ("gc_wgmma_wait<0>()", "gc_wgmma_wait<1>()"),
        ("gc_wgmma_fence();", ""),
        ("gc_wgmma_commit();", ""),
        ("      gc_fence_async();\n", ""),
        ("    gc_mbarrier_init_fence();\n", ""),
        ("__syncthreads();  // barriers", "// barriers"),
        (
            "gc_wgmma_wait<0>();\n        if (thread % 128 == 0) gc_mbarrier_arrive(empty + stage);",
            "if (thread % 128 == 0) gc_mbarrier_arrive(empty + stage);\n        gc_wgmma_wait<0>();",
        ),
        ("    if (thread % 128 == 0) gc_tma_store_wait<0>();\n", ""),
        ("if (thread % 128 == 0) gc_tma_store_read_wait<0>();", ""),
        ("if (group == 0) gc_named_barrier<1>(128); else gc_named_barrier<2>(128);", ""),
        ("if (group == 0) gc_named_barrier<3>(128); else gc_named_barrier<4>(128);", ""),
        ("gc_named_barrier<4>(128)", "gc_named_barrier<3>(128)"),
        ("gc_named_barrier<3>(128)", "gc_named_barrier<3>(256)"),
        ("        gc_tma_store_commit();\n", ""),
        ("gc_mbarrier_arrive(empty + stage);\n        if (++stage == 2) stage = 0, phase ^= 1;", "gc_mbarrier_arrive(empty + stage);\n        if (++stage == 2) stage = 0;"),
        ("step * 64, tile % wide * 64", "step * 64, tile / wide * 64"),
        ("a + stage * 8192, maps", "a + stage * 4096, maps"),
        ("step + z > 0", "step > 0"),
        ("step + z > 0", "true"),
        ("        if (thread % 128 == 0) gc_mbarrier_arrive", "        gc_mbarrier_arrive"),
        ("gc_mbarrier_arrive(empty + stage)", "gc_mbarrier_arrive(full + stage)"),
        ("tile % wide * 64 + half * 32, tile / wide * 128 + group * 64", "tile / wide * 128 + group * 64, tile % wide * 64 + half * 32"),
        ("      gc_fence_async();\n", "      if (thread % 128 == 0) gc_fence_async();\n"),
        ("half < 2", "half < 1"),
        ("maps + 16, full", "maps + 0, full"),
        ("gc_registers_fewer<40>", "gc_registers_fewer<41>"),
    ),
)  # fmt: skip
