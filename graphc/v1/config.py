"""What a session takes from a ConfigProto, and what of it means nothing here.

=================================  ==================================================================================
field                              here
=================================  ==================================================================================
intra_op_parallelism_threads       how many threads one operation uses, at most the machine's; of the whole process
operation_timeout_in_ms            how long a run may wait for a queue
log_device_placement               the device of every operation is logged when a run is planned
device_count                       ``{"GPU": 0}`` hides the GPUs; more than one ``CPU`` is one device with all threads
allow_soft_placement               whether the device of the session serves instead of a GPU that is not there; without it
                                   such an operation is refused. A session without a ConfigProto allows it
gpu_options                        ``visible_device_list`` chooses GPUs, of the whole process; memory is taken as it is needed
inter_op_parallelism_threads,      operations are compiled into one program, which uses the threads of
session_inter_op_thread_pool       ``intra_op_parallelism_threads``
graph_options                      the compiler's passes always run; they do not change results
cluster_def, rpc_options,          there is one machine and one process
isolate_session_state
=================================  ==================================================================================

What is set and means nothing is told once, by the logger ``graphc``, at level INFO.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass

from graphc.api.machine import use_threads
from graphc.api.places import see_gpus, visible_gpus
from graphc.errors import UsageError, explain


@dataclass(frozen=True)
class Settings:
    """What a session uses of its configuration.

    Attributes:
        threads: how many threads an operation may use; None for the default.
        timeout: seconds that a run may wait for a queue; None for any time.
        log_placement: whether the devices of operations are logged.
        soft: whether another device serves instead of a GPU that is not there.
        gpus: the numbers of the GPUs to see, of the whole process; None for those seen now.
    """

    threads: int | None = None
    timeout: float | None = None
    log_placement: bool = False
    soft: bool = True
    gpus: tuple[int, ...] | None = None

    def apply(self) -> None:
        """Set what belongs to the whole process: the threads, and which GPUs are seen."""
        if self.threads is not None:
            use_threads(self.threads)
        if self.gpus is not None:
            see_gpus(self.gpus)


_ONE_DEVICE = "operations are compiled into one program; intra_op_parallelism_threads says how many threads it uses"
_WITHOUT_MEANING = {
    "inter_op_parallelism_threads": _ONE_DEVICE,
    "session_inter_op_thread_pool": _ONE_DEVICE,
    "use_per_session_threads": _ONE_DEVICE,
    "device_filters": "there is one machine",
    "cluster_def": "there is one machine",
    "rpc_options": "there is one machine",
    "isolate_session_state": "sessions share nothing but queues",
    "experimental": "these are switches of TensorFlow's runtime",
}


def is_message(value, name: str) -> bool:
    """Whether it is TensorFlow's message of this name, ours or another library's."""
    return getattr(getattr(value, "DESCRIPTOR", None), "full_name", "") == f"tensorflow.{name}"


def settings(config) -> Settings:
    """What a session uses of a ConfigProto or None.

    Raises:
        UsageError: it is something else, or a number in it cannot be.
    """
    if config is None:
        return Settings()
    if not is_message(config, "ConfigProto"):
        raise UsageError(explain(f"Session: config must be a tf.ConfigProto, got {config!r}"))
    for name in ("intra_op_parallelism_threads", "inter_op_parallelism_threads", "operation_timeout_in_ms"):
        if getattr(config, name) < 0:
            raise UsageError(explain(f"Session: config.{name} must not be negative, got {getattr(config, name)}"))
    for device, count in config.device_count.items():
        if count < 0:
            raise UsageError(explain(f"Session: config.device_count[{device!r}] must not be negative, got {count}"))
    for field, _ in config.ListFields():
        if field.name in _WITHOUT_MEANING:
            _tell(field.name, _WITHOUT_MEANING[field.name])
    wait = config.operation_timeout_in_ms
    return Settings(
        config.intra_op_parallelism_threads or None, wait / 1000 if wait else None, config.log_device_placement,
        config.allow_soft_placement, _gpus(config),
    )  # fmt: skip


def _gpus(config) -> tuple[int, ...] | None:
    """The numbers of the GPUs that a ConfigProto wants to see; None where it says nothing.

    Raises:
        UsageError: its list is none.
    """
    listed = config.gpu_options.visible_device_list
    numbers = None
    if listed:
        try:
            numbers = tuple([int(n) for n in listed.split(",")])
        except ValueError:
            what = f"config.gpu_options.visible_device_list must be numbers like '0,1', got {listed!r}"
            raise UsageError(explain(f"Session: {what}")) from None
    if "GPU" in config.device_count:
        seen = visible_gpus() if numbers is None else numbers
        numbers = tuple(seen[: config.device_count["GPU"]])
    return numbers


@functools.lru_cache(None)
def _tell(field: str, why: str) -> None:
    """Say once that a field has no effect."""
    logging.getLogger("graphc").info("ConfigProto.%s has no effect: %s", field, why)


def run_timeout(options) -> float | None:
    """The seconds that a run may wait, of its RunOptions or None.

    Raises:
        UsageError: these are no RunOptions.
    """
    if options is None:
        return None
    if not is_message(options, "RunOptions"):
        raise UsageError(explain(f"run: options must be a tf.RunOptions, got {options!r}"))
    return options.timeout_in_ms / 1000 if options.timeout_in_ms > 0 else None
