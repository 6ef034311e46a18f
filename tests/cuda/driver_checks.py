"""Checks of the CUDA runtime, run in processes of their own, with the fake driver or a real one.

``python driver_checks.py FILE NAME...`` writes a JSON object of what failed, by name. FILE has the kernels: a library for the fake
driver (made of driver_kernels.c), or an image for the real one (driver_kernels.cu). ``check_`` leaves the device well, ``alone_``
wants a process of its own, and ``fake_`` goes with the fake driver only.
"""

import ctypes
import gc
import json
import os
import sys
import threading
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fakecuda.image import image

import graphc as tf
import graphc.v1 as v1
from graphc import compile_gpu
from graphc.codegen.cuda.module import program_source
from graphc.compile import compile_graph
from graphc.errors import CompileError, DeviceError, DeviceUnavailable, ResourceExhaustedError, StateError, UsageError
from graphc.inspect.doctor import examine
from graphc.ir import dtype as dt
from graphc.ir.parser import parse
from graphc.options import Options
from graphc.runtime.cuda.driver import open_device
from graphc.runtime.emulator.build import build
from graphc.runtime.gpus import code_for, found_gpus

KERNELS = ("twice", "count", "geometry", "astray", "small")
FAKE = ctypes.CDLL("libcuda.so.1")
IS_FAKE = hasattr(FAKE, "fakecuda_count")
KERNEL_FILE = b""
NET = """graph @net(%x: f32[n,24], %w: f32[24,10]) {
  %y: f32[n,10] = dot(%x, %w, transpose_x=false, transpose_y=false)
  %s: f32[10] = reduce(%y, axes=(0,), kind="sum")
  %b: f32[n,10] = broadcast(%s, axes=(1,), shape=(n, 10))
  %d: f32[n,10] = sub(%y, %b)
  %e: f32[n,10] = exp(%d)
  return %e, %s
}
"""


def words(*values) -> bytes:
    return np.array(values, np.int64).tobytes()


def count(what: str) -> int:
    """What the fake driver counted."""
    return ctypes.c_long(FAKE.fakecuda_count(what.encode())).value


def put(what: str, value: int) -> None:
    assert FAKE.fakecuda_set(what.encode(), ctypes.c_long(value)) == 0


def refused(kind, call, *needles) -> str:
    """The message of the error that a call raises."""
    try:
        call()
    except kind as error:
        text = str(error)
        assert all(needle in text for needle in needles), f"{needles} are not all in: {text}"
        return text
    raise AssertionError(f"nothing was refused, a {kind.__name__} was due")


def loaded(device, *names):
    return device.load(image(KERNEL_FILE) if IS_FAKE else KERNEL_FILE, names or KERNELS)


def twice(device, module, x):
    """2 * x by the device."""
    function = module.function("twice", 0)
    a, b, y = device.allocate(x.nbytes), device.allocate(x.nbytes), np.empty_like(x)
    device.upload(a, x)
    device.launch(function, 4, 128, 0, words(a, b, x.size))
    device.download(y, b)
    device.free(a)
    device.free(b)
    return y


def fake_facts():
    (facts,) = found_gpus()
    assert (facts.name, facts.capability, code_for(facts, "cuda:0").name) == ("Fake GPU 0", (9, 0), "cuda:sm_90a")
    assert (facts.memory, facts.multiprocessors, facts.shared_bytes) == (256 << 20, 4, 227 << 10)
    device = open_device()
    assert device is open_device(0) and device.name == "cuda:0" and device.facts is facts and device.gpu.name == "cuda:sm_90a"
    refused(DeviceUnavailable, lambda: open_device(1), "cuda:1", "sees 1 GPU")
    refused(UsageError, lambda: open_device(-1), "cuda:-1", "from 0")


def check_launch():
    device = open_device()
    module, x = loaded(device), np.arange(1000, dtype=np.float32)
    assert np.array_equal(twice(device, module, x), 2 * x)
    address, found = device.allocate(12), np.zeros(3, np.int32)
    for shared in (0, 48 << 10, device.facts.shared_bytes, 100):
        device.launch(module.function("geometry", shared), 7, 96, shared, words(address))
        device.download(found, address)
        assert found.tolist() == [7, 96, shared]
    device.launch(module.function("count", 0), 0, 96, 0, words(address, 3))
    device.download(found, address)
    assert found.tolist() == [7, 96, 100], "no blocks, no launch"


def fake_public_launch():
    """pycuda without its private packed launch."""
    import pycuda.driver

    private = pycuda.driver.Function._launch_kernel
    device = open_device()
    module, x = loaded(device), np.arange(100, dtype=np.float32)
    packed = module.function("twice", 0).launch
    getter = pycuda.driver.Function.__getattr__
    pycuda.driver.Function.__getattr__ = lambda self, name: None if name == "_launch_kernel" else getter(self, name)
    del pycuda.driver.Function._launch_kernel
    try:
        other = module.function("twice", 0)
        assert other.launch.__qualname__ != getattr(packed, "__qualname__", ""), "not the packed one"
        assert other.launch.__name__ == "launch"
        pycuda.driver.Function._launch_kernel = private  # which the public one uses itself
        a, b, y = device.allocate(x.nbytes), device.allocate(x.nbytes), np.empty_like(x)
        device.upload(a, x)
        device.launch(other, 1, 32, 0, words(a, b, x.size))
        device.download(y, b)
        assert np.array_equal(y, 2 * x)
    finally:
        pycuda.driver.Function._launch_kernel = private
        pycuda.driver.Function.__getattr__ = getter


def check_limits():
    device = open_device()
    module = loaded(device)
    function = module.function("geometry", 0)
    address = device.allocate(12)
    refused(DeviceError, lambda: device.launch(function, 1, 1025, 0, words(address)), "geometry", "1025 threads")
    refused(DeviceError, lambda: device.launch(function, 1, 0, 0, words(address)), "0 threads")
    refused(DeviceError, lambda: device.launch(function, 1, 32, 200 << 10, words(address)), "geometry", "204800 bytes of shared")
    most = device.facts.shared_bytes
    refused(DeviceError, lambda: module.function("geometry", most + 1024), f"{most + 1024} bytes of shared", f"the device has {most}")
    refused(CompileError, lambda: module.function("other", 0), "no kernel other", "twice, count")
    refused(CompileError, lambda: loaded(device, "twice", "missing"), "no kernel missing")
    small = module.function("small", 0)
    refused(DeviceError, lambda: device.launch(small, 1, 256, 0, words(address)), "small", "launching small on 1 blocks of 256 threads")
    device.launch(function, 1, 32, 0, words(address))
    device.synchronise()


def fake_images():
    device = open_device()
    refused(DeviceUnavailable, lambda: device.load(b"\x7fELF", KERNELS), "does not take the code", "sm_90a", "13.0")
    refused(DeviceUnavailable, lambda: device.load(image(KERNEL_FILE, "sm_80"), KERNELS), "no kernel image")
    refused(DeviceUnavailable, lambda: device.load(image(KERNEL_FILE, "sm_90a", 14000), KERNELS), "toolchain", "graphc[cuda13]")
    assert np.array_equal(twice(device, loaded(device), np.ones(3, np.float32)), [2, 2, 2])


def check_copies():
    """Arrays of all sizes about the limits of staging, changed as soon as they are uploaded."""
    copies()


def fake_copies_that_hurry():
    """The same where the stream of copies runs ahead of the other one, if nothing holds it."""
    put("eager", 1)
    copies()
    put("eager", 0)


def copies():
    device = open_device()
    generator = np.random.default_rng(3)
    for size in (0, 1, 3, (1 << 20) - 1, 1 << 20, (4 << 20) + 5, (8 << 20) + 1, (13 << 20) + 7):
        x = generator.integers(0, 255, size, np.uint8)
        kept, address, other = x.copy(), device.allocate(size), device.allocate(size)
        device.fill(address, size, 7)  # the upload must come after it, whatever stream it is on
        device.upload(address, x)
        x[...] = 1
        device.copy(other, address, size)
        device.fill(address, size, 9)
        end, y, z = np.empty_like(x[-5:]), np.empty_like(x), np.empty_like(x)
        if size:
            device.download(end, other + size - len(end))  # by the stream that computes
        device.download(y, other)
        device.download(z, address)
        assert np.array_equal(end, kept[-5:]) and np.array_equal(y, kept) and (z == 9).all(), size
        device.free(address)
        device.free(other)
    whole = generator.standard_normal((1000, 700))
    address, back = device.allocate(whole.nbytes), np.empty_like(whole)
    device.upload(address, whole)
    device.upload(address, whole + 1)
    device.download(back, address)
    assert np.array_equal(back, whole + 1)
    with device.active:
        import pycuda.driver

        locked = pycuda.driver.pagelocked_zeros(3, np.float64)
        device.download(locked, address)
        assert np.array_equal(locked, (whole + 1)[0, :3]), "complete, though the driver need not wait"
        del locked
    scalar, found = np.array(2.5, np.float32), np.zeros((1, 1), np.float32)
    device.upload(address, scalar)
    device.download(found, address)
    assert found[0, 0] == 2.5
    refused(UsageError, lambda: device.upload(address, whole.T), "C-contiguous")
    if IS_FAKE:  # a real driver may take such an address for one of the host
        refused(DeviceError, lambda: device.upload(address + device.memory()["total"], scalar), "uploading 4 bytes")


def fake_pool():
    device = open_device()
    device.trim()
    before, memory = count("allocations"), device.memory()
    addresses = [device.allocate(size) for size in (0, 1, 1000, 3 << 20)]
    assert len(set(addresses)) == 4 and all(a and a % 256 == 0 for a in addresses)
    assert device.memory()["used"] - memory["used"] == 512 + 512 + 1024 + (4 << 20)
    for address in addresses:
        device.free(address)
    assert device.allocate(999) == addresses[2] and count("allocations") == before + 4, "the same block again"
    assert device.allocate(100) in addresses[:2] and device.allocate((3 << 20) + 5) == addresses[3]
    assert device.allocate(1 << 20) not in addresses, "too large a block is not given away"
    refused(UsageError, lambda: device.free(12345), "no memory is allocated at 0x3039")
    for address in addresses[2:]:
        device.free(address)
    refused(UsageError, lambda: device.free(addresses[2]), "no memory")
    live = count("live")
    device.trim()
    assert count("live") == live - 1024 - (4 << 20) - 512 and device.memory()["kept"] == 0
    assert device.memory()["peak"] >= 4 << 20


def fake_shortage():
    """Too much is refused, the rest goes on; what is kept is given up before anybody is refused."""
    device = open_device()
    total = device.memory()["total"]
    x = np.arange(10, dtype=np.float32)
    refused(ResourceExhaustedError, lambda: device.allocate(total + 1), "268.4 MB were wanted", "of 268.4 MB", "smaller batches")
    assert np.array_equal(twice(device, loaded(device), x), 2 * x)
    device.trim()
    half = total // 2
    first = device.allocate(half)
    device.free(first)
    second = device.allocate(half + half // 2)  # fits only when the first half is given back to the driver
    refused(ResourceExhaustedError, lambda: device.allocate(half), "in use")
    device.free(second)
    device.trim()
    put("allocations_left", 0)
    refused(ResourceExhaustedError, lambda: device.allocate(10 << 20))
    put("allocations_left", -1)
    device.free(device.allocate(10 << 20))
    assert np.array_equal(twice(device, loaded(device), x), 2 * x)


def check_graphs():
    device = open_device()
    module = loaded(device)
    counting, doubling = module.function("count", 0), module.function("twice", 0)
    a, b, found = device.allocate(32), device.allocate(32), np.zeros(8, np.int32)
    device.fill(a, 32)
    with device.capture() as captured:
        device.launch(counting, 1, 32, 0, words(a, 8))
        device.launch(counting, 1, 32, 0, words(a, 8))
        device.copy(b, a, 32)
        device.fill(a, 4)
    device.download(found, a)
    assert found.tolist() == [0] * 8, "recorded, not done"
    for _ in range(3):
        device.replay(captured.graph)
    device.download(found, b)
    assert found.tolist() == [2] + [6] * 7 and captured.graph.kernels == ("count",)

    def capture(*calls):
        with device.capture():
            for call in calls:
                call()

    x = np.zeros(8, np.float32)
    launch = lambda: device.launch(doubling, 1, 32, 0, words(a, b, 8))  # noqa: E731
    for call, what in (
        (lambda: device.allocate(8), "allocated"),
        (lambda: device.download(x, a), "downloaded"),
        (device.synchronise, "waited for"),
        (device.trim, "given back"),
        (lambda: loaded(device), "loaded"),
        (lambda: device.capture().__enter__(), "another graph"),
    ):
        refused(StateError, lambda call=call: capture(launch, call), what, "while a graph is captured")
    refused(ZeroDivisionError, lambda: capture(launch, lambda: 1 / 0))
    refused(DeviceError, lambda: capture(lambda: device.launch(doubling, 1, 2000, 0, b"")), "2000 threads")
    device.replay(captured.graph)  # all is as before
    device.download(found, b)
    assert found.tolist() == [2] + [8] * 7
    with device.capture() as captured:  # a graph of nothing, while memory is given back
        device.free(b)
    device.replay(captured.graph)
    device.synchronise()
    x, y = np.arange(8, dtype=np.float32), np.zeros(8, np.float32)
    with device.capture() as captured:
        device.upload(a, x)
        x[...] = 7
    device.replay(captured.graph)
    device.download(y, a)
    assert np.array_equal(y, np.arange(8)), "as it was when it was recorded"


def check_unloading():
    """Modules live as long as their functions, and graphs go, without a word."""
    device = open_device()
    module = loaded(device)
    function = module.function("count", 0)
    address, found = device.allocate(4), np.zeros(1, np.int32)
    device.fill(address, 4)
    del module
    gc.collect()
    device.launch(function, 1, 32, 0, words(address, 1))
    del function
    device.download(found, address)
    assert found[0] == 1

    def elsewhere():
        module = loaded(device)
        with device.capture() as captured:
            device.launch(module.function("count", 0), 1, 32, 0, words(address, 1))
        device.replay(captured.graph)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    gc.collect()
    device.download(found, address)
    assert found[0] == 2


def check_threads():
    device = open_device()
    module, x, wrong, lock = loaded(device), np.arange(300000, dtype=np.float32), [], threading.Lock()

    def work(k):
        for _ in range(5):
            with lock:
                if not np.array_equal(twice(device, module, x + k), 2 * (x + k)):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    import pycuda.driver

    assert pycuda.driver.Context.get_current() is None, "no context stays current"
    with device.active:
        with device.active:
            device.fill(device.allocate(8), 8)
        assert pycuda.driver.Context.get_current() is not None
        device.synchronise()
    assert pycuda.driver.Context.get_current() is None


def check_timing():
    device = open_device()
    first = device.mark()
    device.fill(device.allocate(1 << 20), 1 << 20)
    last = device.mark()
    assert 0 <= device.seconds_between(first, last) < 10


def check_tensor_maps():
    device = open_device()
    address = device.allocate(1 << 16)
    made = device.tensor_map(address, dt.bf16, (64, 128), (128,), (64, 32))
    assert len(made) == 128
    refused(DeviceError, lambda: device.tensor_map(address + 2, dt.bf16, (64, 128), (128,), (64, 32)), "no tensor map")
    refused(DeviceError, lambda: device.tensor_map(address, dt.f32, (64, 128), (100,), (32, 32)), "strides of [100] bytes")
    refused(DeviceError, lambda: device.tensor_map(address, dt.f32, (64,), (100,), (32, 32)), "numbers do not fit")
    refused(DeviceError, lambda: device.tensor_map(address, dt.c64, (64,), (), (64,)), "no tensor maps of complex64")


class Programs:
    """One graph compiled for the CPU and for the device."""

    def __init__(self):
        if IS_FAKE:
            emulate_compiler()
        self.generator = np.random.default_rng(5)
        self.on_cpu = compile_graph(parse(NET), Options(cache=False))
        self.on_gpu = compile_graph(parse(NET), Options(cache=False, target="cuda"))

    def agree(self, rows: int) -> bool:
        """Do both give the same bits for that many rows?"""
        values = self.generator.standard_normal((rows, 24), np.float32), self.generator.standard_normal((24, 10), np.float32)
        return all(map(np.array_equal, self.on_cpu(*values), self.on_gpu(*values)))


def check_programs():
    """Launched at first, then replayed."""
    programs = Programs()
    for rows in (37, 37, 37, 5, 5, 37, 0, 1, 1000):
        assert programs.agree(rows), rows
    assert not IS_FAKE or count("replays") >= 3


def alone_fake_program():
    """What goes wrong on the device in a program leaves the rest of the process alone."""
    programs = Programs()
    assert programs.agree(37)
    put("allocations_left", 0)
    refused(ResourceExhaustedError, lambda: programs.agree(1 << 16), "cuda:0", "are left")
    put("allocations_left", -1)
    assert programs.agree(1 << 12) and programs.agree(37)
    put("fault_after", 0)
    refused(DeviceError, lambda: programs.agree(37), "cuda:0", "lost to this process")
    refused(DeviceError, lambda: programs.agree(37), "new process")
    x, w = np.ones((2, 24), np.float32), np.ones((24, 10), np.float32)
    assert programs.on_cpu(x, w)[1].tolist() == [48.0] * 10


def check_fork():
    device = open_device()
    child = os.fork()
    if not child:
        text = refused(DeviceError, device.synchronise, "spawn")
        os._exit(0 if text else 1)
    assert os.waitpid(child, 0)[1] == 0
    device.synchronise()


def check_closed():
    device = open_device()
    module, address = loaded(device), device.allocate(100)
    device.close()
    refused(DeviceError, device.synchronise, "closed")
    device.free(address)
    del module
    again = open_device()
    assert again is not device
    assert np.array_equal(twice(again, loaded(again), np.ones(3, np.float32)), [2, 2, 2])


# What takes the device, each in a process of its own.


def alone_fault():
    """A kernel that faults: told when it is known, then the device is gone and the process goes on."""
    device = open_device()
    module, address = loaded(device), device.allocate(64)
    device.launch(module.function("count", 0), 1, 32, 0, words(address, 4))
    device.launch(module.function("astray", 0), 1, 32, 0, words(address))
    text = refused(DeviceError, device.synchronise, "cuda:0", "count, astray", "not its own", "GRAPHC_CUDA_SYNC=1", "cuda-emulated")
    assert "illegal memory access" in text or not IS_FAKE
    for call in (device.synchronise, lambda: device.allocate(8), lambda: loaded(device), lambda: device.fill(address, 4)):
        refused(DeviceError, call, "was lost when one of the kernels count, astray", "new process")
    device.free(address)


def alone_fault_in_graph():
    device = open_device()
    module, address = loaded(device), device.allocate(64)
    with device.capture() as captured:
        device.launch(module.function("astray", 0), 1, 32, 0, words(address))
    device.replay(captured.graph)
    refused(DeviceError, lambda: device.download(np.zeros(4), address), "kernel astray")


def alone_fault_at_once():
    """With GRAPHC_CUDA_SYNC=1 the launch that faults raises."""
    device = open_device()
    module, address = loaded(device), device.allocate(64)
    device.launch(module.function("count", 0), 1, 32, 0, words(address, 4))
    refused(DeviceError, lambda: device.launch(module.function("astray", 0), 1, 32, 0, words(address)), "kernel astray met")


def alone_fake_failure():
    """A failure that says nothing of memory, on the second launch."""
    device = open_device()
    function, address = loaded(device).function("count", 0), device.allocate(64)
    device.launch(function, 1, 32, 0, words(address, 4))
    device.synchronise()
    device.launch(function, 1, 32, 0, words(address, 4))
    refused(DeviceError, device.synchronise, "kernel count", "does not explain")


def alone_raising():
    """An exception while the context is in use ends the process as any other does."""
    device = open_device()
    with device.active:
        raise KeyboardInterrupt


def fake_measurements():
    """The figures of tools/gpu_facts.py are made, whatever they are worth here."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
    import gpu_facts

    found = gpu_facts.measure(open_device(), image(build(gpu_facts.SOURCE, gpu_facts.KERNELS)), 1 << 12)
    assert len(found) == 14 and all(value > 0 for value in found.values()), found


def alone_fake_several():
    first, second = open_device(0), open_device(1)
    x = np.arange(5, dtype=np.float32)
    with first.active:
        assert np.array_equal(twice(second, loaded(second), x), 2 * x)
        assert np.array_equal(twice(first, loaded(first), x), 2 * x)
    assert [gpu.name for gpu in found_gpus()] == ["Fake GPU 0", "Fake GPU 1"]
    refused(DeviceUnavailable, lambda: open_device(2), "cuda:2", "sees 2 GPUs")


def emulate_compiler():
    """Let texts become libraries of the emulator instead of cubins; those for the emulated device are as ever."""
    usual = compile_gpu.image_of

    def image_of(program, gpu):
        if gpu.is_emulated:
            return usual(program, gpu)
        return image(build(program_source(program, gpu), tuple(k.name for k in program.kernels)))

    compile_gpu.image_of = image_of


def alone_fake_doctor():
    emulate_compiler()
    print("\n".join(f"{finding.level} {finding.what}" for finding in examine()), file=sys.stderr)


def alone_fake_places():
    """What runs on which of two devices, and stays there."""
    emulate_compiler()
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    with tf.device("/gpu:1"):
        v = tf.Variable(np.zeros((3, 4), np.float32))

    @tf.function
    def step(x):
        with tf.device("/gpu:0"):
            y = x * 2.0
        with tf.device("/gpu:1"):
            v.assign_add(y)
            return v + 1.0

    with open_device(0).active:  # which is no business of the other
        for k in (1, 2, 3, 4):
            result = step(tf.constant(a))
            assert result.device.endswith("/device:GPU:1") and np.array_equal(result.numpy(), 2 * k * a + 1)
    assert v.device.endswith("/device:GPU:1") and np.array_equal(v.numpy(), 8 * a)
    assert tf.config.experimental.get_memory_info("GPU:1")["current"] > tf.config.experimental.get_memory_info("GPU:0")["current"] >= 0
    with v1.Graph().as_default():
        x = v1.placeholder(v1.float32, [None, 4])
        w = v1.get_variable("w", [4], initializer=v1.ones_initializer())
        step = v1.assign_add(w, v1.reduce_sum(x, axis=0))
        with v1.Session(device="cuda:1") as session:
            session.run(w.initializer)
            for _ in range(3):
                session.run(step.op, {x: a})
            assert np.array_equal(session.run(w), 1 + 3 * a.sum(axis=0)) and session.state.array(w).device.name == "cuda:1"


def alone_fake_unavailable():
    """What opening says, for the test to look at."""
    print(refused(DeviceUnavailable, open_device), file=sys.stderr)


def main(path: str, *names: str) -> None:
    global KERNEL_FILE
    KERNEL_FILE, failed = Path(path).read_bytes(), {}
    for name in names:
        try:
            globals()[name]()
        except Exception:
            failed[name] = traceback.format_exc()
    print(json.dumps(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
