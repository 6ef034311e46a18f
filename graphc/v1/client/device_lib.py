"""The devices of this machine as messages."""

from __future__ import annotations

from graphc.formats import protos

_MEMORY = 256 << 20  # what TensorFlow says of a processor


def list_local_devices(session_config=None) -> list:
    """The processor as a DeviceAttributes message; there is no other device.

    Args:
        session_config: without effect.
    """
    return [protos.DeviceAttributes(name="/device:CPU:0", device_type="CPU", memory_limit=_MEMORY)]
