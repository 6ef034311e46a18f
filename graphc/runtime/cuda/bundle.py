"""The images of a program as one run of bytes, and their kernels on a device."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.errors import CompileError
from graphc.runtime.container import MAGIC, Container, encode
from graphc.runtime.cuda.images import Image
from graphc.runtime.device import Device, Module

_KERNELS = "kernels"


def bundle(images: Sequence[Image]) -> bytes:
    """The images in one run of bytes: a single one as it is, several as a container."""
    if len(images) == 1:
        return images[0].data
    data = {f"image{k}": image.data for k, image in enumerate(images)}
    return b"".join(map(bytes, encode({_KERNELS: [image.kernels for image in images], **data})))


def load(device: Device, data: bytes, kernels: tuple[str, ...]) -> Module:
    """Load what ``bundle`` made, or a single image of any kind, with these kernels.

    Raises:
        CompileError: there is no kernel of such a name. DeviceUnavailable: as ``Device.load``.
        FormatError: a bundle is damaged.
    """
    if data[: len(MAGIC)] != MAGIC:
        return device.load(data, kernels)
    container = Container.parse(data, "the images of a program")
    return _Modules(device, container, container.json(_KERNELS), kernels)


class _Modules:
    """The modules of several images, as one; those without a kernel that is wanted are not loaded."""

    def __init__(self, device: Device, container: Container, held: list[list[str]], kernels: tuple[str, ...]):
        wanted = set(kernels)
        self._modules: dict[str, Module] = {}
        for k, names in enumerate(held):
            own = tuple([name for name in names if name in wanted])
            if own:
                self._modules.update(dict.fromkeys(own, device.load(bytes(container[f"image{k}"]), own)))
        missing = sorted(wanted - self._modules.keys())
        if missing:
            raise CompileError(f"{device.name}: the images have no kernel {missing[0]}")

    def function(self, name: str, shared: int) -> object:
        """As ``Module.function``."""
        return self._modules[name].function(name, shared)
