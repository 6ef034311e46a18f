"""``graphc inspect --html``: one file for a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphc import aot
from graphc.cli.arguments import graph_of, refuse_others, settings_of
from graphc.errors import UsageError
from graphc.inspect.command import in_file
from graphc.inspect.page.file import page
from graphc.inspect.sizes import Sizes, unit
from graphc.inspect.stages import Stages

_OTHERS = ("diff", "passes", "kernels", "kernel", "memory", "node", "why", "dot", "mermaid", "json", "stage", "stat", "fail_if")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments, besides those of the other views of ``graphc inspect``."""
    parser.add_argument("--html", metavar="OUT.html", help="everything as one file for a browser; with --profile, its times too")
    parser.add_argument("--no-source", action="store_true", help="with --html: without the text of the program's lines")


def check(options) -> None:
    """Refuse arguments that do not go together, before a model is read.

    Raises:
        UsageError: they do not.
    """
    if not options.html:
        if options.no_source:
            raise UsageError("--no-source goes with --html")
        return
    if options.other is not None:
        raise UsageError(f"--html shows one model; to compare two: graphc inspect {options.model} {options.other} --diff")
    if Path(options.html).resolve() == Path(options.model).resolve():
        raise UsageError(f"--html {options.html} would be written over the model; give the page a name of its own")
    refuse_others(options, "html", _OTHERS)


def show(options) -> None:
    """Write the page of a model, which is compiled for it where no file has what became of it.

    Raises:
        UsageError: names of something that is not there. FormatError: a file is damaged. OSError: the page cannot be written.
    """
    stages = in_file(options) or Stages(graph_of(options, options.input), settings_of(options))
    write(options, stages, Sizes(stages.program.signature, given=dict(options.size)))


def write(options, stages: Stages, sizes: Sizes, timeline: dict | None = None) -> None:
    """Write the page whole or not at all, and say so."""
    content = page(stages, sizes, not options.no_source, timeline).encode()
    aot.replace_files({Path(options.html): [content]})
    print(f"wrote {options.html}, {unit(len(content))}; any browser opens it, without a network")
