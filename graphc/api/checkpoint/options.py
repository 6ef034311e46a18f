"""Options of saving and restoring checkpoints."""

from __future__ import annotations

from graphc.errors import UsageError, explain


class CheckpointOptions:
    """Accepted for compatibility: checkpoints are written at once, whole, by this process, as one shard.

    Args:
        experimental_write_callbacks: functions that are called after a checkpoint was written; not supported.

    Raises:
        UsageError: an option that would change what is written.
    """

    def __init__(self, experimental_io_device=None, experimental_enable_async_checkpoint=False,
                 experimental_write_callbacks=None, enable_async=False, experimental_skip_slot_variables=False,
                 experimental_sharding_callback=None):  # fmt: skip
        for name, value in (("experimental_write_callbacks", experimental_write_callbacks),
                            ("experimental_sharding_callback", experimental_sharding_callback)):  # fmt: skip
            if value is not None:
                raise UsageError(explain(f"CheckpointOptions: {name} is not supported; leave it out"))
        self.experimental_io_device = experimental_io_device
        self.enable_async = self.experimental_enable_async_checkpoint = bool(
            enable_async or experimental_enable_async_checkpoint
        )
        self.experimental_skip_slot_variables = bool(experimental_skip_slot_variables)
        self.experimental_write_callbacks = self.experimental_sharding_callback = None
