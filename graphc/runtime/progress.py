"""One line on the terminal while a compilation takes long; it is gone when the compilation is done."""

from __future__ import annotations

import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.runtime.stages import Stage, watch

PATIENCE = 1.0  # seconds that a compilation may take before it is shown
_EVERY, _BAR, _NAME = 0.1, 24, 24  # seconds between two drawings; letters of the bar, and of a program's name
_SHARE = {"optimise": 0.1, "lower": 0.1, "emit": 0.2, "machine code": 0.6}  # of the whole, in the order they come


class _Settings:
    """What the program chose: True and False, or None for the environment's GRAPHC_PROGRESS and then the terminal."""

    shown: bool | None = None


def show_progress(enabled: bool | None = None) -> None:
    """Whether compilations that take longer than a second show a line of progress on stderr.

    Args:
        enabled: None, as at first: where stderr is a terminal or a notebook, unless the environment variable
            GRAPHC_PROGRESS is 0.

    Raises:
        UsageError: it is something else.
    """
    if enabled not in (None, True, False):
        raise UsageError(explain(f"show_compile_progress: enabled must be True, False or None, got {enabled!r}"))
    _Settings.shown = enabled


def is_shown(stream) -> bool:
    """Whether progress may be written to a stream now."""
    if stream is None or getattr(stream, "closed", False):
        return False
    if _Settings.shown is not None:
        return _Settings.shown
    if os.environ.get("GRAPHC_PROGRESS", "") in ("0", "off", "false"):
        return False
    return type(stream).__module__.startswith("ipykernel") or stream.isatty()


class _Line:
    """The line of one compilation, drawn by a thread of its own once there was some patience."""

    def __init__(self, program: str, stream):
        self.program, self.stream = program, stream
        self.begun = time.monotonic()
        self.stage, self.stage_begun = None, self.begun
        self.done, self.width = 0.0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="graphc-progress", daemon=True)
        self._thread.start()

    def enter(self, stage: Stage) -> None:
        """A part of the compilation begins."""
        self.stage, self.stage_begun = stage, time.monotonic()

    def leave(self, stage: Stage) -> None:
        """It has ended."""
        self.done = max(self.done, self._before(stage) + _SHARE.get(stage.title, 0.0))
        self.stage = None

    @staticmethod
    def _before(stage: Stage) -> float:
        titles = list(_SHARE)
        return sum(_SHARE[t] for t in titles[: titles.index(stage.title)]) if stage.title in _SHARE else 0.0

    def fraction(self) -> float:
        """How much is done, as far as that can be told: inside of a stage by the time it should take."""
        stage = self.stage
        if stage is None or stage.title not in _SHARE:
            return self.done
        inside = 1 - math.exp(-2 * (time.monotonic() - self.stage_begun) / max(stage.estimate, 0.05))
        return max(self.done, self._before(stage) + 0.98 * _SHARE[stage.title] * inside)

    def text(self) -> str:
        """What is shown now."""
        part, full = self.fraction(), "#" * round(_BAR * self.fraction())
        title = "" if self.stage is None else f": {self.stage.title}"
        name = self.program if len(self.program) <= _NAME else self.program[: _NAME - 3] + "..."
        seconds = time.monotonic() - self.begun
        return f"compiling {name} [{full:<{_BAR}}] {100 * part:3.0f}% {seconds:.0f} s{title}"

    def _draw(self) -> None:
        wait = PATIENCE
        while not self._ended.wait(wait):
            wait = _EVERY
            if not self._write(self.text()):
                return

    def _write(self, text: str) -> bool:
        text = text[: max(8, shutil.get_terminal_size().columns - 1)]
        try:
            self.stream.write("\r" + text.ljust(self.width))
            self.stream.flush()
        except (OSError, ValueError):  # the terminal went away
            return False
        self.width = len(text)
        return True

    def end(self) -> None:
        """Clear the line."""
        self._ended.set()
        self._thread.join()
        if self.width and self._write(""):
            self.stream.write("\r")
            self.stream.flush()


class Progress:
    """A watcher of stages that shows the outermost compilation of a thread."""

    def __init__(self):
        self._current = threading.local()

    def __call__(self, stage: Stage) -> Callable[[], None]:
        line = getattr(self._current, "line", None)
        if line is not None:
            return self._inside(line, stage)
        if stage.title != "compile" or not is_shown(sys.stderr):
            return _nothing
        line = self._current.line = _Line(stage.program, sys.stderr)

        def end() -> None:
            self._current.line = None
            line.end()

        return end

    @staticmethod
    def _inside(line: _Line, stage: Stage) -> Callable[[], None]:
        line.enter(stage)
        return lambda: line.leave(stage)


def _nothing() -> None:
    """The end of what nobody saw."""


watch(Progress())
