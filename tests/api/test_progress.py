"""The line of progress of long compilations: on terminals only, after some patience, and gone at the end."""

import io
import os
import pty
import select
import sys
import threading
import time

import numpy as np
import pytest

import graphc as tf
import graphc.compile
from graphc.errors import UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.prims import apply
from graphc.runtime import jit, progress
from graphc.runtime.progress import is_shown
from graphc.runtime.stages import WATCHERS, Stage, stage, watch


def graph(name):
    x = input_node("x", Type(dt.f32, (3,)))
    return Graph(name, (x,), (apply("exp", x),))


class Terminal:
    """The other end of a pseudo-terminal, as a stream."""

    def __enter__(self):
        self._reader, writer = pty.openpty()
        self.stream = os.fdopen(writer, "w")
        return self

    def __exit__(self, *error):
        self.stream.close()
        os.close(self._reader)

    def read(self):
        """What was written so far."""
        self.stream.flush()
        found = b""
        while select.select([self._reader], [], [], 0.2)[0]:
            found += os.read(self._reader, 1 << 16)
        return found.decode()


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("GRAPHC_PROGRESS", raising=False)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with Terminal() as made:
        yield made
    tf.config.show_compile_progress(None)


@pytest.fixture
def slow(monkeypatch):
    """Machine code that waits for a drawing or two."""
    drawn = threading.Event()
    monkeypatch.setattr(progress._Line, "text", lambda self, text=progress._Line.text: (drawn.set(), text(self))[1])
    objects = jit.Batch.objects

    def waiting(batch):
        drawn.clear()
        drawn.wait(5)
        return objects(batch)

    monkeypatch.setattr(jit.Batch, "objects", waiting)
    return drawn


def test_a_long_compilation_shows_a_line_and_clears_it(terminal, slow, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    graphc.compile.build(graph("a_large_network"))
    text = terminal.read()
    assert "compiling a_large_network [" in text and "machine code" in text and "%" in text
    last = text.rstrip("\r").rpartition("\r")[2]
    assert last.strip() == "" and text.endswith("\r") and "\n" not in text
    assert not [t for t in threading.enumerate() if t.name == "graphc-progress"]


def test_the_part_done_grows(terminal):
    line = progress._Line("p", io.StringIO())
    try:
        found = [line.fraction()]
        for title in ("optimise", "lower", "emit", "machine code"):
            told = Stage(title, "p", 0.001)
            line.enter(told)
            time.sleep(0.002)
            found.append(line.fraction())
            line.leave(told)
            found.append(line.fraction())
    finally:
        line.end()
    assert found == sorted(found) and found[0] == 0 and abs(found[-1] - 1) < 1e-9 and max(found[:-1]) < 1


def test_it_is_silent_where_nobody_looks(terminal, slow, monkeypatch):
    slow.set()
    monkeypatch.setattr(slow, "clear", lambda: None)
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    graphc.compile.build(graph("into_a_file"))
    assert file.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    monkeypatch.setenv("GRAPHC_PROGRESS", "0")
    graphc.compile.build(graph("switched_off_by_the_environment"))
    monkeypatch.delenv("GRAPHC_PROGRESS")
    tf.config.show_compile_progress(False)
    graphc.compile.build(graph("switched_off"))
    assert terminal.read() == ""


def test_it_can_be_asked_for_and_knows_notebooks(monkeypatch):
    monkeypatch.delenv("GRAPHC_PROGRESS", raising=False)
    file = io.StringIO()
    assert not is_shown(file) and not is_shown(None)
    notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    assert is_shown(notebook)
    try:
        tf.config.show_compile_progress(True)
        assert is_shown(file)
        file.close()
        assert not is_shown(file)
    finally:
        tf.config.show_compile_progress(None)
    with pytest.raises(UsageError, match="must be True, False or None, got 'yes'"):
        tf.config.show_compile_progress("yes")


def test_a_short_compilation_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    assert np.allclose(graphc.compile.compile_graph(graph("short"))(np.zeros(3, np.float32))[0], 1)
    graphc.compile.build(graph("short_again"))
    assert terminal.read() == ""


def test_a_terminal_that_goes_away_does_no_harm(terminal):
    class Gone(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            raise OSError("gone")

    line = progress._Line("p", Gone())
    line._thread.join(5)
    line.end()
    assert not line._thread.is_alive()


def test_watchers_see_the_stages_and_their_ends():
    seen = []
    end = watch(lambda told: (seen.append(told.title), lambda: seen.append(f"/{told.title}"))[1])
    try:
        graphc.compile.build(graph("watched"))
        with pytest.raises(ZeroDivisionError), stage("broken", "p"):
            1 / 0
    finally:
        end()
    assert seen == [
        "compile", "optimise", "/optimise", "lower", "/lower", "emit", "/emit", "machine code", "/machine code",
        "/compile", "broken", "/broken",
    ]  # fmt: skip
    assert all(w is not None for w in WATCHERS) and len(WATCHERS) == 1
