"""Kernels of every statement and access pattern, on every target this CPU can run, against the Python oracle."""

import numpy as np
import pytest
from native import PLAIN, agree, host_targets, visible

from graphc.codegen.llvm.emit import kernel_text
from graphc.errors import CompileError
from graphc.ir.dtype import f32
from graphc.ir.kernel import Array, Kernel, Store, load
from graphc.ir.node import make
from graphc.ir.parser import parse
from graphc.ir.target import AARCH64, RISCV64, THUMBV7EM, WASM32, X86_64_V4
from graphc.ir.type import Type
from graphc.runtime.jit import assembly, compile_object

RANDOM = np.random.default_rng(7)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


AXPY = """
kernel @axpy(x: f32[n], y: f32[n], o: f32[n] written) dims(n) {
  for i below n in n vector {
    o[i] = x[i] * y[i] + x[i]
  }
}
"""


def test_every_tail():
    kernel = parse(AXPY)
    for target in [*host_targets(), PLAIN]:
        for n in range(0, 71):
            if n % 3 == 0 or target.lanes(kernel.arrays[0].type.dtype) > 1:
                agree(kernel, {"x": floats(n), "y": floats(n), "o": np.zeros(n, np.float32)}, [target], n=n)


@pytest.mark.parametrize("n", [1, 7, 16, 32, 33, 64, 130, 200, 333])
def test_fixed_extents(n):
    text = AXPY.replace("n vector", f"{n} vector").replace("below n ", "").replace("f32[n]", f"f32[{n}]")
    agree(parse(text.replace(" dims(n)", "")), {"x": floats(n), "y": floats(n), "o": np.zeros(n, np.float32)})


STREAMED = """
kernel @streamed(x: f32[40,n], o: f32[40,n] streamed, p: f32[40,n] streamed) dims(n) {
  for i in 40 {
    for j below n in n vector {
      o[i, j] = x[i, j] + x[i, 0]
    }
    for j below n in n vector {
      p[i, j] = x[i, j] * x[i, j]
      o[i, j] = o[i, j] + x[i, j]
    }
  }
}
"""


@pytest.mark.parametrize("n", [1, 5, 16, 17, 33, 64, 79, 130])
def test_stores_past_the_caches(n):
    """Rows that start anywhere in a cache line; two arrays that agree where lines start, and that do not."""
    symbolic = parse(STREAMED)
    arrays = {"x": floats(40, n), "o": np.zeros((40, n), np.float32), "p": np.zeros((40, n), np.float32)}
    agree(symbolic, arrays, n=n)
    agree(parse(STREAMED.replace("[40,n]", f"[40,{n}]").replace("below n in n", f"in {n}").replace(" dims(n)", "")), arrays)
    assert parse(str(symbolic)) == symbolic
    for target in (X86_64_V4, AARCH64):
        assert ("nontemporal" in kernel_text(symbolic, target)) is (target is X86_64_V4)


def test_in_place():
    kernel = parse("""
kernel @twice(x: f32[n] written) dims(n) {
  for i below n in n vector {
    x[i] = x[i] + x[i]
  }
}
""")
    agree(kernel, {"x": floats(85)}, n=85)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (5, 16), (3, 37), (2, 130)])
def test_rows_columns_and_scalars_broadcast(shape):
    n, m = shape
    kernel = parse("""
kernel @mix(x: f32[n,m], row: f32[m], column: f32[n], one: f32[], o: f32[n,m] written) dims(n, m) {
  for i below n in n {
    for j below m in m vector {
      o[i, j] = (x[i, j] - column[i]) * row[j] + one[]
    }
  }
}
""")
    arrays = {"x": floats(n, m), "row": floats(m), "column": floats(n), "one": floats(), "o": np.zeros((n, m), "f")}
    agree(kernel, arrays, n=n, m=m)


@pytest.mark.parametrize("n", [5, 16, 31, 100])
def test_strided_reversed_transposed_and_gathered(n):
    kernel = parse("""
kernel @pick(x: f32[n*3], t: f32[n,n], index: i32[n], o: f32[4,n] written) dims(n) {
  for i below n in n vector {
    o[0, i] = x[i*3 + 1]
    o[1, i] = x[n*3 - 1 - i]
    o[2, i] = t[i, n//2]
    o[3, i] = x[cast(index[i], i64)]
  }
}
""")
    index = RANDOM.integers(0, 3 * n, n).astype(np.int32)
    agree(kernel, {"x": floats(3 * n), "t": floats(n, n), "index": index, "o": np.zeros((4, n), "f")}, n=n)


def test_scatter():
    kernel = parse("""
kernel @spread(x: f32[n], o: f32[n,3] written) dims(n) {
  for i below n in n vector {
    o[i, 1] = x[i]
    o[n - 1 - i, 2] = x[i]
  }
}
""")
    agree(kernel, {"x": floats(37), "o": floats(37, 3)}, n=37)


@pytest.mark.parametrize("n", [3, 17, 40])
def test_guards_keep_loads_inside(n):
    kernel = parse("""
kernel @pad(x: f32[n,n], h: bf16[n], o: f32[n + 4,n + 4] written, k: bf16[n + 4] written) dims(n) {
  for i below n + 4 in n + 4 {
    for j below n + 4 in n + 4 vector {
      o[i, j] = x[i - 2, j - 2 if 2 <= i and i < n + 2 and 2 <= j and j < n + 2] + x[0, i if i < n] + x[j, 0 if j < n]
      k[j] = h[j if j < n]
    }
  }
}
""")
    half = floats(n).astype(kernel.arrays[1].type.dtype.numpy)
    arrays = {"x": floats(n, n), "h": half, "o": np.zeros((n + 4, n + 4), "f"), "k": np.zeros(n + 4, half.dtype)}
    agree(kernel, arrays, n=n)


def test_guarded_stores():
    kernel = parse("""
kernel @some(x: f32[n], index: i32[n], o: f32[n] written, p: f32[n] written) dims(n) {
  for i below n in n vector {
    o[i if x[i] < f32(0.0)] = x[i]
    p[cast(index[i], i64) if i32(0) <= index[i] and i < n - 1] = x[n - 2 - i]
  }
  for j below n in n {
    p[j if j < n - 1] = x[j + 1]
  }
}
""")
    index = RANDOM.permutation(75).astype(np.int32) - 5
    agree(kernel, {"x": floats(70), "index": index[:70].clip(-5, 69), "o": floats(70), "p": floats(70)}, n=70)


SUMS = """
kernel @sums(x: f32[n,m], total: f32[n] written, top: f32[n] written) dims(n, m) {
  for r below n in n parallel grain 4 {
    alloc acc: f32[64] register
    alloc big: f32[64] register
    for l in 64 vector {
      acc[l] = f32(0.0)
      big[l] = f32(-1e30)
    }
    for c in m//64 {
      for l in 64 vector {
        acc[l] = acc[l] + x[r, c*64 + l]
        big[l] = max(big[l], x[r, c*64 + l])
      }
    }
    for l below 64 in m % 64 vector {
      acc[l] = acc[l] + x[r, m//64*64 + l]
      big[l] = max(big[l], x[r, m//64*64 + l])
    }
    total[r] = fold(acc, add)
    top[r] = fold(big, max)
  }
}
"""


@pytest.mark.parametrize("m", [0, 1, 15, 64, 100, 389])
def test_reductions_have_the_same_bits_everywhere(m):
    agree(parse(SUMS), {"x": floats(5, m), "total": floats(5), "top": floats(5)}, n=5, m=m)


@pytest.mark.parametrize("lanes", [1, 2, 8, 32])
def test_folds_of_any_power_of_two(lanes):
    kernel = parse(f"""
kernel @fold(x: f32[{lanes}], o: f32[] written) {{
  alloc acc: f32[{lanes}] register
  for l in {lanes} vector {{
    acc[l] = x[l]
  }}
  acc[0] = acc[0] + f32(1.0)
  o[] = fold(acc, add)
}}
""")
    agree(kernel, {"x": floats(lanes), "o": floats()})


MATMUL = """
kernel @tile(a: f32[{rows},{k}] strides({stride}, 1), b: f32[{k},{columns}], c: f32[{rows},{columns}] written) {{
  alloc acc: f32[{rows},{columns}] register
  alloc row: f32[{columns}] register
  for i in {rows} unrolled {{
    for j in {columns} vector {{
      acc[i, j] = f32(0.0)
    }}
  }}
  for k in {k} {{
    for j in {columns} vector {{
      row[j] = b[k, j]
    }}
    for i in {rows} unrolled {{
      let v: f32 = a[i, k]
      for j in {columns} vector {{
        acc[i, j] = fma(v, row[j], acc[i, j])
      }}
    }}
  }}
  for i in {rows} unrolled {{
    for j in {columns} vector {{
      c[i, j] = acc[i, j]
    }}
  }}
}}
"""


@pytest.mark.parametrize("rows,columns,k", [(12, 32, 8), (3, 24, 5), (2, 16, 1), (1, 5, 3)])
def test_register_tiles(rows, columns, k):
    kernel = parse(MATMUL.format(rows=rows, columns=columns, k=k, stride=k + 4))
    agree(kernel, {"a": floats(rows, k + 4), "b": floats(k, columns), "c": floats(rows, columns)})


def test_the_matmul_tile_stays_in_registers():
    text = assembly(visible(parse(MATMUL.format(rows=12, columns=32, k=384, stride=400)), X86_64_V4), X86_64_V4)
    tile = text[text.index("k_tile:") : text.index("gc_parallel:")]
    assert "rsp" not in tile and tile.count("vfmadd") % 24 == 0


@pytest.mark.parametrize("target", [THUMBV7EM, PLAIN], ids=lambda t: t.name)
def test_small_tiles_stay_in_registers_without_vectors(target):
    assert "alloca" not in kernel_text(parse(MATMUL.format(rows=3, columns=4, k=8, stride=8)), target)
    assert "alloca" in kernel_text(parse(MATMUL.format(rows=3, columns=32, k=8, stride=8)), target)


def test_counters_have_32_bits_where_addresses_do():
    text = MATMUL.format(rows=3, columns=4, k=8, stride=8)
    assert "phi i32" in kernel_text(parse(text), THUMBV7EM) and "phi i64" not in kernel_text(parse(text), THUMBV7EM)
    assert "phi i32" not in kernel_text(parse(text), PLAIN)
    assert "phi i64" in kernel_text(parse(AXPY), THUMBV7EM)  # nobody knows how many there are


def test_variables_change_through_loops_and_branches():
    kernel = parse("""
kernel @state(x: f32[n], flag: b1[n], o: f32[4] written) dims(n) {
  let sum: f32 = f32(0.0)
  let last: f32 = f32(-1.0)
  let swap: f32 = f32(5.0)
  for i below n in n {
    let old: f32 = sum
    if flag[i] {
      sum = sum + x[i]
      if x[i] < f32(0.0) {
        last = x[i]
      }
    } else {
      let keep: f32 = swap
      swap = last
      last = keep
    }
    for k in 3 {
      sum = sum * f32(0.5) + old
    }
    for q below i in i % 3 {
      sum = sum + f32(1.0)
    }
  }
  o[0] = sum
  o[1] = last
  o[2] = swap
}
""")
    for n in (0, 1, 13):
        agree(kernel, {"x": floats(n), "flag": RANDOM.random(n) < 0.5, "o": floats(4)}, n=n)


def test_register_arrays_change_through_branches():
    kernel = parse("""
kernel @arms(x: f32[n,32], flag: b1[n], o: f32[32] written) dims(n) {
  alloc acc: f32[32] register
  for l in 32 vector {
    acc[l] = f32(1.0)
  }
  for i below n in n {
    if flag[i] {
      for l in 32 vector {
        acc[l] = acc[l] + x[i, l]
      }
    } else {
      for l in 16 vector {
        acc[l + 16] = x[i, l] * acc[l]
      }
    }
  }
  for l in 32 vector {
    o[l] = acc[l]
  }
}
""")
    for n in (0, 2, 9):
        agree(kernel, {"x": floats(n, 32), "flag": RANDOM.random(n) < 0.5, "o": floats(32)}, n=n)


def test_stack_arrays_scalars_and_nested_loops():
    kernel = parse("""
kernel @scan(x: f32[n], o: f32[n] written) dims(n) {
  alloc window: f32[8] stack
  for k in 8 {
    window[k] = f32(0.0)
  }
  for i below n in n {
    window[i % 8] = x[i]
    let sum: f32 = f32(0.0)
    for k in 8 {
      sum = sum + window[k]
    }
    o[i] = sum
  }
}
""")
    agree(kernel, {"x": floats(29), "o": floats(29)}, n=29)


def test_vector_bodies_with_unrolled_loops_lets_and_branches():
    kernel = parse("""
kernel @taps(x: f32[n + 2], w: f32[3], o: f32[n] written, scale: f32[]) dims(n) {
  for i below n in n vector {
    let sum: f32 = f32(0.0)
    for k in 3 unrolled {
      sum = sum + x[i + k] * w[k]
    }
    if scale[] < f32(0.5) {
      sum = sum * scale[]
    }
    o[i] = select(sum < f32(0.0), f32(0.0), sum) + cast(i % 5, f32)
  }
}
""")
    for scale in (0.25, 0.75):
        agree(kernel, {"x": floats(72), "w": floats(3), "o": floats(70), "scale": np.float32(scale)}, n=70)


def test_other_dtypes():
    kernel = parse("""
kernel @types(a: f64[n], b: i8[n], c: b1[n], d: f16[n], e: i64[n], o: f64[n] written, p: i8[n] written,
              q: b1[n] written, r: f16[n] written) dims(n) {
  for i below n in n vector {
    o[i] = a[i] + cast(b[i], f64) * cast(e[i], f64)
    p[i] = b[i] + cast(e[i], i8)
    q[i] = c[i] or a[i] < f64(0.0)
    r[i] = d[i] * d[i] + cast(b[i], f16)
  }
}
""".replace("written,\n              q", "written, q"))
    n = 41
    integers = RANDOM.integers(-100, 100, n)
    agree(kernel, {
        "a": RANDOM.standard_normal(n), "b": integers.astype(np.int8), "c": integers % 2 == 0,
        "d": floats(n).astype(np.float16), "e": integers[::-1].astype(np.int64), "o": np.zeros(n),
        "p": np.zeros(n, np.int8), "q": np.zeros(n, bool), "r": np.zeros(n, np.float16)}, n=n)


def test_doubles_alone_use_their_own_width():
    kernel = parse("""
kernel @squares(x: f64[n], o: f64[n] written) dims(n) {
  for i below n in n vector {
    o[i] = x[i] * x[i]
  }
}
""")
    agree(kernel, {"x": RANDOM.standard_normal(45), "o": np.zeros(45)}, n=45)
    assert "<8 x double>" in kernel_text(kernel, X86_64_V4) and "<16 x" not in kernel_text(kernel, X86_64_V4)


def test_what_does_not_depend_on_a_loop_stands_in_front_of_it():
    kernel = parse("""
kernel @hoist(x: f32[n,m], s: f32[n], o: f32[n,m] written) dims(n, m) {
  for i below n in n {
    for j below m in m vector {
      o[i, j] = x[i, j] * s[i] * exp(cast(n, f32))
    }
  }
}
""")
    text = kernel_text(kernel, X86_64_V4)
    assert text.index("sitofp") < text.index("phi i64")
    for body in text.split("phi i64")[2:]:
        assert "mul i64 %d_m" not in body.split("br i1")[0] and "load float" not in body.split("br i1")[0]
    assert text.count("sitofp") == 1


@pytest.mark.parametrize("target", [AARCH64, RISCV64, THUMBV7EM, WASM32], ids=lambda t: t.name)
def test_objects_for_other_machines(target):
    for text in (AXPY, SUMS, MATMUL.format(rows=4, columns=8, k=9, stride=9)):
        assert compile_object(kernel_text(parse(text), target), target)[:4] == (b"\0asm" if target.is_wasm else b"\x7fELF")


@pytest.mark.parametrize("text,message", [
    ("kernel @k(x: f32[] written) {\n for i in 4 block {\n x[] = f32(0.0)\n }\n}\n", "no meaning on a CPU"),
    ("kernel @k(x: f32[4] written) {\n for i in 4 vector {\n x[0] = x[i]\n }\n}\n", "different values to one element"),
    ("kernel @k(x: f32[n] written) dims(n) {\n for i below n in n unrolled {\n x[i] = f32(0.0)\n }\n}\n", "fixed"),
    ("kernel @k(x: f32[8] written) {\n alloc a: f32[8] register\n for i in 8 {\n a[i] = x[i]\n }\n}\n", "not known"),
    ("kernel @k(x: f32[8] written) {\n alloc a: f32[8] register\n x[0] = a[9]\n}\n", "outside"),
])  # fmt: skip
def test_what_cannot_be_written_is_an_error(text, message):
    with pytest.raises(CompileError, match=message):
        kernel_text(parse(text), X86_64_V4)


def test_parallel_tasks_see_what_was_made_before():
    kernel = parse("""
kernel @tasks(x: f32[n,m], flags: b1[n], o: f32[n,m] written) dims(n, m) {
  alloc table: f32[8] stack
  for k in 8 {
    table[k] = x[0, k % m]
  }
  let half: i64 = n // 2
  let flag: b1 = flags[0]
  let scale: f64 = cast(x[0, 0], f64)
  let sum: f32 = f32(0.0)
  for r below n in n {
    sum = sum + x[r, 0]
  }
  for r below n in n parallel grain half {
    for j below m in m vector {
      o[r, j] = select(flag, x[r, j] + table[r % 8], cast(scale, f32)) * cast(half, f32) + sum
    }
  }
}
""")
    for n, m in ((9, 20), (1, 3)):
        agree(kernel, {"x": floats(n, m), "flags": np.arange(n) % 2 == 0, "o": floats(n, m)}, n=n, m=m)


def test_a_parallel_task_cannot_change_what_all_share():
    text = """
kernel @share(o: f32[] written) {
  let sum: f32 = f32(0.0)
  for r in 8 parallel {
    sum = sum + f32(1.0)
  }
  o[] = sum
}
"""
    with pytest.raises(CompileError, match="changes sum"):
        kernel_text(parse(text), X86_64_V4)
    with pytest.raises(CompileError, match="independent"):
        kernel_text(parse(text.replace("parallel", "vector")), X86_64_V4)


def test_long_expressions_need_no_recursion():
    value = load("x", (0,), f32)
    for _ in range(3000):
        value = make("add", (value, load("x", (1,), f32)), (), value.type)
    array = Array("x", Type(f32, (2,)), written=True)
    assert kernel_text(Kernel("deep", (array,), (), (Store("x", (0,), value),)), X86_64_V4).count("fadd") == 3000


def test_state_that_only_phis_read():
    kernel = parse("""
kernel @phis(x: f32[n,n], flag: b1[n], o: f32[2] written) dims(n) {
  let sum: f32 = f32(0.0)
  let twice: f32 = f32(0.0)
  let last: f32 = f32(-1.0)
  for i below n in n {
    for k below n in n {
      sum = sum + x[i, k]
    }
    for k in 7 {
      twice = twice + x[i, k % n]
    }
    if flag[i] {
      last = x[i, 0]
    }
  }
  o[0] = sum + twice
  o[1] = last
}
""")
    for n in (0, 1, 6):
        agree(kernel, {"x": floats(n, n), "flag": np.arange(n) == 2, "o": floats(2)}, n=n)


def test_what_is_not_run_touches_no_memory():
    kernel = parse("""
kernel @calm(x: f32[n], o: f32[n] written, p: f32[n] written) dims(n, far) {
  for j below n in n vector {
    let v: f32 = f32(1.0)
    if far < 9 {
      v = x[far]
    }
    o[j] = v + x[far if far < j]
    p[j if far < j] = x[far] + x[j + far] + x[j*far]
  }
  for k below n in n {
    p[k if far < k] = x[far]
  }
  for l below far in 0*far + n - n vector {
    p[l] = x[far]
  }
}
""")
    agree(kernel, {"x": floats(40), "o": floats(40), "p": floats(40)}, n=40, far=2**36)
