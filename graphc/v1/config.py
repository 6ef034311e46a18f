"""Settings that TensorFlow programs make; they are kept, and change nothing here."""

from __future__ import annotations


class _Settings:
    """Named values, given as keywords or set as attributes."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class GPUOptions(_Settings):
    """How a GPU would be used."""

    def __init__(self, allow_growth=False, per_process_gpu_memory_fraction=0.0, **values):
        super().__init__(
            allow_growth=allow_growth, per_process_gpu_memory_fraction=per_process_gpu_memory_fraction, **values
        )


class ConfigProto(_Settings):
    """How a session would be set up."""

    def __init__(self, gpu_options=None, allow_soft_placement=False, log_device_placement=False,
                 intra_op_parallelism_threads=0, inter_op_parallelism_threads=0, device_count=None,
                 **values):  # fmt: skip
        super().__init__(
            gpu_options=gpu_options if gpu_options is not None else GPUOptions(),
            allow_soft_placement=allow_soft_placement,
            log_device_placement=log_device_placement,
            intra_op_parallelism_threads=intra_op_parallelism_threads,
            inter_op_parallelism_threads=inter_op_parallelism_threads,
            device_count=dict(device_count or {}),
            **values,
        )


class RunOptions(_Settings):
    """How one run would be made."""

    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = range(4)


class RunMetadata(_Settings):
    """What a run would report."""
