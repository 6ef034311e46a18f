"""What a CUDA device does at best, and what asking costs: bandwidths, launches, replays, copies; the scale for other figures.

Times on the device are medians between events, those of the host medians of a loop. ``--json FILE`` writes them, too. Without a
device it says why and ends with status 3.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphc.errors import DeviceUnavailable  # noqa: E402  (the path comes first)
from graphc.inspect.show import columns  # noqa: E402
from graphc.runtime.cuda.driver import CudaDevice, open_device  # noqa: E402
from graphc.runtime.gpus import driver_version  # noqa: E402
from graphc.runtime.cuda.images import compile_image  # noqa: E402

KERNELS = ("copy", "nothing")
SOURCE = """
struct alignas(16) Pack { unsigned a, b, c, d; };
extern "C" __global__ void __launch_bounds__(256) copy(const Pack* __restrict__ x, Pack* __restrict__ y, const long long n) {
  for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) y[i] = x[i];
}
extern "C" __global__ void __launch_bounds__(256) nothing(const long long n) {}
"""
NO_DEVICE = 3
_ROUNDS = 15
_IN_GRAPH = 100


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 3 where there is no device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small arrays, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        start = time.perf_counter()
        device = open_device()
        opened = time.perf_counter() - start
        start = time.perf_counter()
        image = compile_image(SOURCE, device.gpu.arch, "facts").data
        compiled = time.perf_counter() - start
    except DeviceUnavailable as error:
        print(error)
        return NO_DEVICE
    found = {"opening the device, ms": opened * 1e3, "compiling two kernels, ms": compiled * 1e3}
    found |= measure(device, image, 1 << 22 if options.quick else 1 << 30)
    facts = device.facts
    print(f"{device.name} {facts.name}, {device.gpu.arch}, {facts.multiprocessors} multiprocessors, {facts.memory / 1e9:.1f} GB, CUDA {driver_version()}")
    print("\n".join(columns([(name, f"{value:,.2f}") for name, value in found.items()], right=(1,))))
    if options.json:
        options.json.write_text(json.dumps({"device": facts.name, "arch": device.gpu.arch, **found}, indent=1) + "\n")
    return 0


def measure(device: CudaDevice, image: bytes, size: int) -> dict[str, float]:
    """Figures by what they are. ``size``: bytes of the large arrays, a multiple of 16."""
    start = time.perf_counter()
    module = device.load(image, KERNELS)
    copy, nothing = module.function("copy", 0), module.function("nothing", 0)
    found = {"loading a module, ms": (time.perf_counter() - start) * 1e3}
    x, y, one = device.allocate(size), device.allocate(size), struct.pack("<q", 1)
    device.fill(x, size, 1)
    blocks, words = 32 * device.facts.multiprocessors, struct.pack("<3q", x, y, size // 16)
    found["copy by the driver, GB/s"] = 2 * size / on_device(device, lambda: device.copy(y, x, size)) / 1e9
    found["copy by a kernel, GB/s"] = 2 * size / on_device(device, lambda: device.launch(copy, blocks, 256, 0, words)) / 1e9
    found["fill, GB/s"] = size / on_device(device, lambda: device.fill(y, size)) / 1e9
    found["between two marks, us"] = on_device(device, lambda: None) * 1e6

    large, small = np.ones(min(size, 1 << 28), np.uint8), np.ones(4, np.uint8)
    found["upload, GB/s"] = large.size / on_host(device, lambda: device.upload(x, large), 3) / 1e9
    found["download, GB/s"] = large.size / on_host(device, lambda: device.download(large, x), 3) / 1e9
    found["upload of 4 bytes, us"] = on_host(device, lambda: device.upload(x, small), 200) * 1e6
    found["download of 4 bytes, us"] = on_host(device, lambda: device.download(small, x), 200) * 1e6

    def launch() -> None:
        device.launch(nothing, 1, 32, 0, one)

    found["launch, us of the host"] = on_host(device, launch, 1000) * 1e6
    with device.active:
        found["launch in an active block, us of the host"] = on_host(device, launch, 1000) * 1e6
        found["launch to launch, us of the device"] = on_device(device, lambda: [launch() for _ in range(_IN_GRAPH)]) / _IN_GRAPH * 1e6
        with device.capture() as captured:
            for _ in range(_IN_GRAPH):
                launch()
        replay = lambda: device.replay(captured.graph)  # noqa: E731
        found[f"replay of {_IN_GRAPH} launches, us of the host"] = on_host(device, replay, 100) * 1e6
        found["launch to launch in a replay, us of the device"] = on_device(device, replay) / _IN_GRAPH * 1e6
    for address in (x, y):
        device.free(address)
    return found


def on_device(device: CudaDevice, work: Callable[[], object]) -> float:
    """Seconds between events around some work; the first time does not count."""
    times = []
    for _ in range(_ROUNDS):
        first = device.mark()
        work()
        times.append(device.seconds_between(first, device.mark()))
    return max(median(times[1:]), 1e-9)


def on_host(device: CudaDevice, work: Callable[[], object], count: int) -> float:
    """Seconds that the host needs to ask for some work, without waiting for it, the median of some loops."""
    times = []
    for _ in range(5):
        device.synchronise()
        start = time.perf_counter()
        for _ in range(count):
            work()
        times.append((time.perf_counter() - start) / count)
    device.synchronise()
    return median(times)


if __name__ == "__main__":
    sys.exit(main())
