"""Kernels of the IR on the emulator: emitted, compiled in one text, launched as their geometry says."""

import numpy as np

from graphc.codegen.cuda.module import kernels_source
from graphc.ir.geometry import geometry
from graphc.ir.gpu import GPUS
from graphc.ir.symbols import symbol_of
from graphc.ir.tensor_map import maps_of, packed_arguments
from graphc.ir.verify_kernel import verify_kernel
from graphc.runtime.dims import evaluate
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import EmulatedDevice


class Emitted:
    """Some kernels in one text, which ``edited`` may change."""

    def __init__(self, kernels, checked: bool = True, edited=lambda text: text):
        self.kernels = {k.name: k for k in kernels}
        for kernel in kernels:
            verify_kernel(kernel)
        names = tuple(map(symbol_of, self.kernels))
        self.device = EmulatedDevice("sm_90a")
        text = edited(kernels_source(tuple(kernels), GPUS["cuda-emulated:sm_90a"], {}, checked))
        self.module = self.device.load(build(text, names), names)

    def run(self, name: str, arrays: dict[str, np.ndarray], grid: int | None = None, **dims: int) -> dict[str, np.ndarray]:
        """The arrays after one launch, with as many blocks as there is work for or ``grid``."""
        kernel = self.kernels[name]
        found = geometry(kernel)
        blocks = evaluate(found.grid, dims)
        function = self.module.function(symbol_of(name), found.shared)
        addresses = [self.device.allocate(max(arrays[a.name].nbytes, 1)) for a in kernel.arrays]
        for address, a in zip(addresses, kernel.arrays):
            self.device.upload(address, arrays[a.name])
        maps = {m.argument: self.device.tensor_map(addresses[m.argument], m.type.dtype, m.sizes, m.strides, m.box[::-1]) for m in maps_of(kernel)}
        arguments = packed_arguments(addresses, maps, [dims[d.attr("name")] for d in kernel.dims])
        self.device.launch(function, grid or max(blocks, 1), found.threads, found.shared, arguments)
        results = {}
        for address, a in zip(addresses, kernel.arrays):
            results[a.name] = np.empty_like(arrays[a.name])
            self.device.download(results[a.name], address)
            self.device.free(address)
        return results
