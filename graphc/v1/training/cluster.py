"""Clusters as data: which jobs have which tasks; there are no servers yet."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import DeviceUnavailable, UsageError, explain
from graphc.formats import protos
from graphc.v1.config import is_message
from graphc.v1.device import merged_device

_PS_OPS = ("Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable", "MutableHashTableV2", "VarHandleOp",
           "MutableHashTableOfTensors", "MutableDenseHashTable", "BoostedTreesEnsembleResourceHandleOp")  # fmt: skip


class ClusterSpec:
    """Jobs, and the addresses of their tasks.

    Args:
        cluster: a dict from names of jobs to lists of addresses, or dicts from task numbers to addresses; a ClusterDef;
            or another ClusterSpec.

    Raises:
        UsageError: it is something else.
    """

    def __init__(self, cluster):
        if isinstance(cluster, ClusterSpec):
            cluster = cluster._jobs
        elif is_message(cluster, "ClusterDef"):
            cluster = {job.name: dict(job.tasks) for job in cluster.job}
        if not isinstance(cluster, dict):
            what = f"needs a dict of jobs, a ClusterDef or a ClusterSpec, got {cluster!r}"
            raise UsageError(explain(f"ClusterSpec: {what}"))
        self._jobs = {name: self._tasks(name, tasks) for name, tasks in cluster.items()}

    @staticmethod
    def _tasks(name: str, tasks) -> dict[int, str]:
        found = dict(enumerate(tasks)) if isinstance(tasks, (list, tuple)) else tasks
        if not isinstance(found, dict) or not all(isinstance(k, int) and isinstance(v, str) for k, v in found.items()):
            raise UsageError(explain(f"ClusterSpec: the tasks of {name!r} must be a list of addresses, got {tasks!r}"))
        return dict(sorted(found.items()))

    jobs = property(lambda self: list(self._jobs), doc="Names of the jobs.")

    def _job(self, name: str) -> dict[int, str]:
        if name not in self._jobs:
            what = f"No such job in cluster: {name!r}; jobs are {', '.join(self._jobs)}"
            raise UsageError(explain(f"ClusterSpec: {what}"))
        return self._jobs[name]

    def as_dict(self) -> dict:
        """Jobs to lists of addresses, or to dicts where numbers are missing."""
        return {n: list(t.values()) if list(t) == list(range(len(t))) else dict(t) for n, t in self._jobs.items()}

    def as_cluster_def(self):
        """The same as a ClusterDef message."""
        jobs = [protos.JobDef(name=name, tasks=tasks) for name, tasks in sorted(self._jobs.items())]
        return protos.ClusterDef(job=jobs)

    def num_tasks(self, job_name: str) -> int:
        """How many tasks a job has."""
        return len(self._job(job_name))

    def task_indices(self, job_name: str) -> list[int]:
        """The numbers of a job's tasks."""
        return list(self._job(job_name))

    def task_address(self, job_name: str, task_index: int) -> str:
        """Where a task can be reached."""
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise UsageError(explain(f"ClusterSpec: No task with index {task_index!r} in job {job_name!r}"))
        return tasks[task_index]

    def job_tasks(self, job_name: str) -> list:
        """The addresses of a job's tasks by number; None where there is none."""
        tasks = self._job(job_name)
        return [tasks.get(k) for k in range(max(tasks, default=-1) + 1)]

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __eq__(self, other) -> bool:
        return isinstance(other, ClusterSpec) and self._jobs == other._jobs

    def __ne__(self, other) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return f"ClusterSpec({self.as_dict()!r})"


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
