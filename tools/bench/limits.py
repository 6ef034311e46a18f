"""What the machine can do at best: multiply-adds in registers, copying and reading memory; measured, not looked up.

python -m bench.limits THREADS
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from collections.abc import Callable

import llvmlite.binding as llvm
import numpy as np

LANES, CHAINS = (
    16,
    24,
)  # of the loop of multiply-adds: enough chains to hide their latency, few enough for the registers
BYTES = 256 << 20


def fma_loop(lanes: int, chains: int) -> str:
    """A function of independent chains of multiply-adds, ``i64 -> float``."""
    vector = f"<{lanes} x float>"
    name = f"llvm.fma.v{lanes}f32"
    lines = [
        f"declare {vector} @{name}({vector}, {vector}, {vector})",
        "define float @fma(i64 %n, float %x) {",
        "entry:",
        f"  %s0 = insertelement {vector} poison, float %x, i32 0",
        f"  %s = shufflevector {vector} %s0, {vector} poison, <{lanes} x i32> zeroinitializer",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [0, %entry], [%j, %loop]",
    ]
    lines += [f"  %a{k} = phi {vector} [%s, %entry], [%b{k}, %loop]" for k in range(chains)]
    lines += [f"  %b{k} = call {vector} @{name}({vector} %a{k}, {vector} %s, {vector} %s)" for k in range(chains)]
    lines += ["  %j = add i64 %i, 1", "  %c = icmp ult i64 %j, %n", "  br i1 %c, label %loop, label %end", "end:"]
    lines += [f"  %t{k} = fadd {vector} {'%b0' if k == 1 else f'%t{k - 1}'}, %b{k}" for k in range(1, chains)]
    lines += [f"  %r = extractelement {vector} %t{chains - 1}, i32 0", "  ret float %r", "}"]
    return "\n".join(lines)


def read_loop(lanes: int, chains: int) -> str:
    """A function that adds up an array, ``(pointer, count of steps) -> float``."""
    vector = f"<{lanes} x float>"
    lines = [
        "define float @read(ptr %p, i64 %n) {",
        "entry:",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [0, %entry], [%j, %loop]",
    ]
    lines += [f"  %a{k} = phi {vector} [zeroinitializer, %entry], [%b{k}, %loop]" for k in range(chains)]
    lines += [f"  %o = mul i64 %i, {chains}"]
    for k in range(chains):
        lines += [
            f"  %k{k} = add i64 %o, {k}",
            f"  %q{k} = getelementptr {vector}, ptr %p, i64 %k{k}",
            f"  %v{k} = load {vector}, ptr %q{k}, align 4",
            f"  %b{k} = fadd {vector} %a{k}, %v{k}",
        ]
    lines += ["  %j = add i64 %i, 1", "  %c = icmp ult i64 %j, %n", "  br i1 %c, label %loop, label %end", "end:"]
    lines += [f"  %t{k} = fadd {vector} {'%b0' if k == 1 else f'%t{k - 1}'}, %b{k}" for k in range(1, chains)]
    lines += [f"  %r = extractelement {vector} %t{chains - 1}, i32 0", "  ret float %r", "}"]
    return "\n".join(lines)


def engine(text: str):
    """The functions of a module for this machine."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2
    )
    module = llvm.parse_assembly(text)
    module.verify()
    return llvm.create_mcjit_compiler(module, machine), features


def at_once(work: Callable[[int], None], threads: int, repeats: int) -> float:
    """Least seconds in which all threads have done their work."""
    found = []
    for _ in range(repeats):
        all_there = threading.Barrier(threads + 1)

        def run(k, barrier):
            barrier.wait()
            work(k)

        running = [threading.Thread(target=run, args=(k, all_there)) for k in range(threads)]
        for t in running:
            t.start()
        all_there.wait()
        start = time.perf_counter()
        for t in running:
            t.join()
        found.append(time.perf_counter() - start)
    return min(found)


def measured(threads: int) -> dict[str, float]:
    """Float32 operations and bytes a second, by ``Workload.limit``; a copied byte counts twice."""
    wide = bool(llvm.get_host_cpu_features().get("avx512f"))
    lanes, chains = (16, 24) if wide else (8, 12)
    jit, _ = engine(fma_loop(lanes, chains) + "\n" + read_loop(lanes, 8))
    fma = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64, ctypes.c_float)(jit.get_function_address("fma"))
    read = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_void_p, ctypes.c_int64)(jit.get_function_address("read"))
    count = 2_000_000
    flops = 2 * lanes * chains * count * threads / at_once(lambda k: fma(count, 0.5), threads, 8)
    part = BYTES // threads // 4 // (lanes * 8) * (lanes * 8)
    sources = [np.ones(part, np.float32) for _ in range(threads)]
    targets = [np.zeros(part, np.float32) for _ in range(threads)]
    addresses = [s.ctypes.data for s in sources]
    moved = part * 4 * threads
    copied = 2 * moved / at_once(lambda k: np.copyto(targets[k], sources[k]), threads, 6)
    seen = moved / at_once(lambda k: read(addresses[k], part // (lanes * 8)), threads, 6)
    return {"fma": flops, "int8": 4 * flops, "copy": copied, "read": seen}


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:wanted])
    print(json.dumps(measured(wanted)))
