"""Servers of clusters, of which there are none yet, and devices for variables on several machines."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.cluster import ClusterSpec
from graphc.api.device_names import merged_device
from graphc.errors import DeviceUnavailable, explain

_PS_OPS = ("Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable", "MutableHashTableV2", "VarHandleOp",
           "MutableHashTableOfTensors", "MutableDenseHashTable", "BoostedTreesEnsembleResourceHandleOp")  # fmt: skip


class Server:
    """Not supported: there is one process.

    Raises:
        DeviceUnavailable: always.
    """

    def __init__(self, server_or_cluster_def, job_name=None, task_index=None, protocol=None, config=None, start=True):
        what = "servers and clusters are not supported yet; leave out the Server and use tf.Session() without a target"
        raise DeviceUnavailable(explain(f"Server: {what}"))

    @staticmethod
    def create_local_server(config=None, start=True) -> "Server":
        """The same, for one process."""
        return Server({"localhost": ["localhost:0"]}, "localhost", 0, "grpc", config, start)


def replica_device_setter(ps_tasks=0, ps_device="/job:ps", worker_device="/job:worker", merge_devices=True,
                          cluster=None, ps_ops=None, ps_strategy=None) -> Callable | None:  # fmt: skip
    """A function for ``tf.device`` that puts variables on the parameter servers in turn, the rest on the workers.

    Args:
        ps_tasks: how many parameter servers there are; or ``cluster``, whose job of the name in ``ps_device`` counts.
        ps_ops: types of the operations that go there. ps_strategy: says of an operation to which task.

    Returns:
        The function; None where there are no parameter servers.
    """
    if cluster is not None:
        jobs = ClusterSpec(cluster).as_dict()
        job = next((p[4:] for p in ps_device.split("/") if p.startswith("job:")), "")
        ps_tasks = len(jobs.get(job, ()))
    if not ps_tasks:
        return None
    types, turn = tuple(_PS_OPS if ps_ops is None else ps_ops), iter(range(1 << 62))
    strategy = ps_strategy if ps_strategy is not None else lambda op: next(turn) % ps_tasks

    def device(op) -> str:
        given = op.device if merge_devices else ""
        if op.type in types:
            base = f"{ps_device}/task:{strategy(op)}" if ps_device and "/task:" not in ps_device else ps_device
        else:
            base = worker_device or ""
        return merged_device(base, given)

    return device
