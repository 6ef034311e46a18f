"""Clusters as data: which jobs have which tasks."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.formats import protos


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
        elif getattr(getattr(cluster, "DESCRIPTOR", None), "full_name", "") == "tensorflow.ClusterDef":
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
