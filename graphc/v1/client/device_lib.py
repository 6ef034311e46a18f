"""The devices of this machine as messages."""

from __future__ import annotations

from graphc.api.places import gpu_memory, visible_gpus
from graphc.formats import protos

_MEMORY = 256 << 20  # what TensorFlow says of a processor


def list_local_devices(session_config=None) -> list:
    """The processor, and the GPUs that the program sees, as DeviceAttributes messages.

    Args:
        session_config: without effect.
    """
    gpus = [("GPU", k, gpu_memory(n)) for k, n in enumerate(visible_gpus())]
    return [
        protos.DeviceAttributes(name=f"/device:{kind}:{k}", device_type=kind, memory_limit=memory)
        for kind, k, memory in (("CPU", 0, _MEMORY), *gpus)
    ]
