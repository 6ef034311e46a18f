"""What schedules assume of a machine beside its instructions: sizes of caches, what a thread is worth, how far to look ahead.

None of it changes a bit of any result, so that it may be measured, see ``graphc.aot.tune``, instead of assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from graphc.errors import UsageError, explain


@dataclass(frozen=True)
class Machine:
    """Numbers that schedules are made with. The defaults were measured on several machines and suit most programs.

    Attributes:
        task_work: rough flops of a task, 25 to 40 microseconds: two of them are worth waking a thread for.
        tile_rows: rows of a register tile of a product at most: so many rows of the left operand share the first-level
            cache.
        tile_vectors: vector registers across such a tile at most.
        pass_bytes: of one row in one pass over k: a tile's rows of them stay in the first-level cache.
        block_bytes: of the right operand that stay in the second-level cache.
        near_bytes: of a right operand that need not be asked for ahead.
        ahead_bytes: between what is read of a right operand and what is asked for.
        conv_vectors: vector registers across a tile of a convolution at most.
        conv_block: weights of one task of a convolution: they stay in the second-level cache.
        conv_lines: lines of one task of a convolution channel by channel: most of their inputs are near when the next
            line is summed.
        row_bytes: of a row that is kept on the stack, beside what is read, in the first-level cache.
        stream_bytes: of a result from which on it would only push other data out of the caches.
        strip_bytes: of sums of columns that are made side by side: a third of the first-level cache.
        turn_strip: tiles of the rows of a transposed result that are made before the next rows.

    Raises:
        UsageError: a number is none that schedules can work with.
    """

    task_work: int = 4_000_000
    tile_rows: int = 12
    tile_vectors: int = 8
    pass_bytes: int = 3200
    block_bytes: int = 640 << 10
    near_bytes: int = 512 << 10
    ahead_bytes: int = 4096
    conv_vectors: int = 3
    conv_block: int = 1 << 17
    conv_lines: int = 8
    row_bytes: int = 1 << 15
    stream_bytes: int = 1 << 24
    strip_bytes: int = 1 << 14
    turn_strip: int = 8

    def __post_init__(self):
        for name, value in asdict(self).items():
            least, most = LIMITS[name]
            if type(value) is not int or not least <= value <= most:
                raise UsageError(explain(f"Machine: {name}={value!r} must be a whole number from {least} to {most}"))

    @property
    def changes(self) -> dict[str, int]:
        """What differs from the defaults, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.changes.items())


LIMITS = {
    "task_work": (1 << 10, 1 << 40),
    "tile_rows": (1, 16),
    "tile_vectors": (1, 8),
    "pass_bytes": (64, 1 << 13),
    "block_bytes": (1 << 10, 1 << 30),
    "near_bytes": (0, 1 << 40),
    "ahead_bytes": (64, 1 << 20),
    "conv_vectors": (1, 3),
    "conv_block": (1 << 8, 1 << 30),
    "conv_lines": (1, 1 << 10),
    "row_bytes": (0, 1 << 17),
    "stream_bytes": (1 << 10, 1 << 50),
    "strip_bytes": (1 << 10, 1 << 17),
    "turn_strip": (1, 1 << 10),
}
"""Name -> the least and the greatest value that code can be made for: rows and sums lie on the stack of a thread."""

CANDIDATES = {
    "tile_rows": (4, 6, 8, 10, 14),
    "tile_vectors": (1, 2, 3, 4),
    "conv_vectors": (1, 2),
    "block_bytes": (160 << 10, 320 << 10, 1280 << 10),
    "pass_bytes": (1024, 1600, 2400, 4800, 6400),
    "ahead_bytes": (1024, 2048, 8192, 16384),
    "near_bytes": (0, 128 << 10, 2 << 20, 1 << 40),
    "conv_block": (1 << 15, 1 << 16, 1 << 18, 1 << 19),
    "conv_lines": (2, 4, 16),
    "task_work": (500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000),
    "stream_bytes": (1 << 20, 1 << 22, 1 << 26, 1 << 50),
    "row_bytes": (1 << 12, 1 << 14, 1 << 16),
    "strip_bytes": (1 << 12, 1 << 13, 1 << 15),
    "turn_strip": (2, 4, 16, 32),
}
"""Name -> the values worth a measurement, the default may be among them; what matters most comes first."""


def machine_of(changes: Mapping[str, object]) -> Machine:
    """The Machine that differs from the default by these; names that this version of graphc does not have are left out.

    Raises:
        UsageError: a value is out of range.
    """
    return replace(Machine(), **{name: value for name, value in changes.items() if name in LIMITS})


DEFAULT = Machine()
