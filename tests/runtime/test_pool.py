"""The thread pool: how work is split, when threads start and sleep, what a fork leaves."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_programs import parallel_double, tally

from graphc.runtime.pool import cgroup_cpus, default_threads
from graphc.runtime.support import load_support

PART = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture
def pool():
    support = load_support()
    yield support
    support.set_threads(default_threads())


def split(support, extent, grain, seconds=0.0):
    """The parts as (begin, end), in order, and the threads that ran them; each part takes so many seconds."""
    parts, threads = [], set()

    def part(_, begin, end):
        parts.append((begin, end))
        threads.add(threading.get_native_id())
        time.sleep(seconds)

    parallel = ctypes.CFUNCTYPE(None, PART, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    parallel(support.library.address("gc_parallel"))(PART(part), None, extent, grain)
    return sorted(parts), threads


@pytest.mark.parametrize("threads, extent, grain, sizes", [
    (4, 160, 1, [2] * 20 + [3] * 40),
    (4, 100, 20, [20] * 5),
    (2, 100, 1, [3] * 20 + [4] * 10),
    (4, 10, 3, [3, 3, 4]),
    (4, 3, 1, [1, 1, 1]),
    (4, 5, 5, [5]),
    (4, 5, 100, [5]),
    (4, 7, 0, [1] * 7),
    (1, 100, 1, [100]),
    (4, 0, 1, [0]),
    (4, 100, -20 * 64, [20] * 5),  # a loop that runs again and again
    (4, 5, -63, [1] * 5),
    (4, 5, -1000, [5]),
])  # fmt: skip
def test_the_loop_is_split_evenly(pool, threads, extent, grain, sizes):
    pool.set_threads(threads)
    time.sleep(0.01)  # no worker looks for work any more
    parts, _ = split(pool, extent, grain)
    assert sorted(end - begin for begin, end in parts) == sorted(sizes)
    assert [begin for begin, _ in parts] == [0] + [end for _, end in parts][:-1]
    assert parts[-1][1] == extent


def test_parts_run_on_different_threads(pool):
    pool.set_threads(3)
    parts, threads = split(pool, 3, 1, 0.1)
    assert len(parts) == 3 and len(threads) == 3 and threading.get_native_id() in threads
    assert pool.workers >= 2


def test_many_jobs_of_changing_size(pool):
    for k in range(2000):
        pool.set_threads(1 + k % 5)
        extent = k % 13
        parts, _ = split(pool, extent, 1)
        assert sum(end - begin for begin, end in parts) == extent


def test_workers_that_sleep_are_woken(pool):
    pool.set_threads(2)
    for _ in range(3):
        split(pool, 2, 1)
        time.sleep(0.05)  # far longer than a worker spins
        parts, threads = split(pool, 2, 1, 0.1)
        assert len(parts) == 2 and len(threads) == 2


def test_idle_workers_use_no_processor_time(pool):
    pool.set_threads(2)
    split(pool, 2, 1)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_nested_loops_and_two_callers_at_once(pool):
    pool.set_threads(3)
    run = parallel_double(release_gil=True)
    errors = []

    def caller(seed):
        x = np.full(1000 + seed, seed, np.float32)
        for _ in range(300):
            (y,) = run(x)
            if not (y == 2 * seed).all():
                errors.append(seed)

    threads = [threading.Thread(target=caller, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_a_caller_never_waits_for_a_worker_that_has_not_begun(pool):
    """Seven of eight workers cannot all be awake on a small machine, and none is after a pause."""
    pool.set_threads(8)
    run = parallel_double()
    x = np.zeros(64, np.float32)
    times = []
    for _ in range(30):
        time.sleep(0.003)
        begin = time.perf_counter()
        run(x)
        times.append(time.perf_counter() - begin)
    assert sorted(times)[3] < 0.02


def test_every_iteration_runs_once(pool):
    """Many short jobs of all sizes, some after workers fell asleep: a part run twice or never would show."""
    run = tally()
    counts = [np.zeros(n, np.int32) for n in (2, 3, 7, 16, 100, 1000)]
    calls = [run.bind({0: c}) for c in counts]
    rounds, end = 0, time.monotonic() + 2
    while time.monotonic() < end:
        for threads in (2, 3, 8, 5):
            pool.set_threads(threads)
            for _ in range(200):
                for call in calls:
                    call()
            rounds += 200
        time.sleep(0.001)
    assert all((c == rounds).all() for c in counts)


def test_every_iteration_runs_once_with_two_callers_and_forks(pool):
    pool.set_threads(4)
    run, failures = tally(release_gil=True), []

    def caller():
        counts = np.zeros(50, np.int32)
        call = run.bind({0: counts})
        for _ in range(20_000):
            call()
        if not (counts == 20_000).all():
            failures.append(counts)

    threads = [threading.Thread(target=caller) for _ in range(2)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            counts = np.zeros(50, np.int32)
            call = run.bind({0: counts})
            for _ in range(500):
                call()
            os._exit(0 if (counts == 500).all() else 2)
        children.append(pid)
    for thread in threads:
        thread.join()
    assert not failures
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]


def test_a_child_starts_its_own_threads(pool):
    pool.set_threads(2)
    run = parallel_double()
    x = np.arange(1000, dtype=np.float32)
    run(x)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            none_left = pool.workers == 0
            good = (run(x)[0] == 2 * x).all()
            status = 0 if none_left and good and pool.workers == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (run(x)[0] == 2 * x).all()


CHILD = """
import os, numpy as np
from small_programs import parallel_double
from graphc.runtime.support import load_support
count = lambda: len(os.listdir("/proc/self/task"))
support = load_support()
before = count()
run = parallel_double(grain=100)
run(np.zeros(50, np.float32))
assert count() == before and support.workers == 0, (count(), before)
run(np.zeros(5000, np.float32))
assert support.workers == THREADS - 1 and count() == before + THREADS - 1, (count(), before)
"""


ONE_AFTER_THE_OTHER = """
import time, numpy as np
from small_programs import parallel_double
from graphc.runtime.support import load_support
support = load_support()
support.set_threads(2)
run, x = parallel_double(grain=100), np.zeros(150, np.float32)
for _ in range(20):
    time.sleep(0.001)
    run(x)
assert support.workers == 0
for _ in range(100_000):
    run(x)
    if support.workers:
        break
assert support.workers == 1
"""


def test_loops_too_small_to_wake_a_thread_for_wake_one_if_they_come_one_after_the_other():
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    subprocess.run([sys.executable, "-c", ONE_AFTER_THE_OTHER], env=environment, check=True)


@pytest.mark.parametrize("variable", ("GRAPHC_NUM_THREADS", "OMP_NUM_THREADS"))
def test_no_thread_starts_before_it_is_needed(variable):
    threads = min(2, len(os.sched_getaffinity(0)))
    environment = {**os.environ, variable: str(threads), "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    subprocess.run([sys.executable, "-c", CHILD.replace("THREADS", str(threads))], env=environment, check=True)


def test_the_default_respects_the_environment(monkeypatch):
    monkeypatch.delenv("GRAPHC_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    available = default_threads()
    assert 1 <= available <= len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", "1,4")
    assert default_threads() == 1
    monkeypatch.setenv("GRAPHC_NUM_THREADS", "100000")
    assert default_threads() == available
    monkeypatch.setenv("GRAPHC_NUM_THREADS", "many")
    assert default_threads() == 1


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_control_groups_of_both_versions(tmp_path):
    assert cgroup_cpus(tmp_path) is None
    write(tmp_path / "proc/self/cgroup", "0::/user/job\n")
    write(tmp_path / "sys/fs/cgroup/user/cpu.max", "150000 100000\n")
    write(tmp_path / "sys/fs/cgroup/user/job/cpu.max", "max 100000\n")
    assert cgroup_cpus(tmp_path) == 1.5
    write(tmp_path / "proc/self/cgroup", "4:cpu,cpuacct:/box\n3:memory:/box\n")
    write(tmp_path / "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "300000\n")
    write(tmp_path / "sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n")
    assert cgroup_cpus(tmp_path) == 3.0
    write(tmp_path / "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n")
    assert cgroup_cpus(tmp_path) is None
