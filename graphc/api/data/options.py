"""tf.data.Options: how a pipeline is to be run; accepted, kept, and honoured where it says something here."""

from __future__ import annotations

import enum

from graphc.errors import UsageError, explain


class _Settings:
    """Named values of which None means that the program does not say; other names are refused."""

    _names: dict = {}
    _aliases: dict = {}  # older name -> name

    def __init__(self):
        for name, default in self._names.items():
            object.__setattr__(self, name, default() if isinstance(default, type) else default)

    def __getattr__(self, name: str):
        if name in type(self)._aliases:
            return getattr(self, type(self)._aliases[name])
        raise AttributeError(f"{type(self).__name__} has no option {name!r}")

    def __setattr__(self, name: str, value) -> None:
        name = self._aliases.get(name, name)
        if name not in self._names:
            known = ", ".join(self._names)
            raise UsageError(explain(f"{type(self).__name__} has no option {name!r}; there are: {known}"))
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        return type(other) is type(self) and vars(self) == vars(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def merged(self, other: "_Settings") -> "_Settings":
        """These settings with those of ``other`` that say something."""
        made = type(self)()
        for name in self._names:
            mine, new = getattr(self, name), getattr(other, name)
            chosen = mine.merged(new) if isinstance(mine, _Settings) else mine if new is None else new
            object.__setattr__(made, name, chosen)
        return made

    def __repr__(self):
        said = ", ".join(f"{n}={getattr(self, n)!r}" for n in self._names if getattr(self, n) is not None)
        return f"{type(self).__name__}({said})"


class AutotuneAlgorithm(enum.Enum):
    """How TensorFlow finds buffer sizes; without effect."""

    DEFAULT, HILL_CLIMB, GRADIENT_DESCENT, MAX_PARALLELISM, STAGE_BASED = range(5)


class AutoShardPolicy(enum.IntEnum):
    """How TensorFlow divides a dataset among workers; without effect."""

    OFF, AUTO, FILE, DATA, HINT = -1, 0, 1, 2, 3


class ExternalStatePolicy(enum.Enum):
    """What TensorFlow does about state when it copies a pipeline; without effect."""

    WARN, IGNORE, FAIL = range(3)


class AutotuneOptions(_Settings):
    """How much work is done ahead where the program leaves it open."""

    _names = dict.fromkeys(
        ("enabled", "cpu_budget", "ram_budget", "autotune_algorithm", "initial_parallelism", "min_parallelism")
    )


class DistributeOptions(_Settings):
    """How a dataset is divided among workers."""

    _names = {"auto_shard_policy": AutoShardPolicy.AUTO, "num_devices": None}


class OptimizationOptions(_Settings):
    """Rewritings that TensorFlow knows; here they happen where they keep the meaning."""

    _names = dict.fromkeys((
        "apply_default_optimizations", "filter_fusion", "filter_parallelization", "inject_prefetch",
        "map_and_batch_fusion", "map_and_filter_fusion", "map_fusion", "map_parallelization", "noop_elimination",
        "parallel_batch", "seq_interleave_prefetch", "shuffle_and_repeat_fusion",
    ))  # fmt: skip


class ServiceOptions(_Settings):
    """Options of TensorFlow's data service, which does not exist here."""

    _names = {"pinned": None}


class ThreadingOptions(_Settings):
    """How many threads work."""

    _names = dict.fromkeys(("max_intra_op_parallelism", "private_threadpool_size"))


class Options(_Settings):
    """What a program says about how a dataset is run; ``deterministic`` is True unless it is set to False."""

    _names = {
        "autotune": AutotuneOptions, "dataset_name": None, "deterministic": None,
        "experimental_distribute": DistributeOptions, "experimental_external_state_policy": None,
        "experimental_optimization": OptimizationOptions, "experimental_service": ServiceOptions,
        "experimental_slack": None, "experimental_symbolic_checkpoint": None, "experimental_warm_start": None,
        "framework_type": None, "threading": ThreadingOptions,
    }  # fmt: skip
    _aliases = {"experimental_deterministic": "deterministic", "experimental_threading": "threading"}

    def merge(self, options: "Options") -> "Options":
        """These options with those of ``options`` that say something."""
        return self.merged(options)
