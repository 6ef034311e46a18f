"""``graphc inspect``: the arguments of all its views, and which part of it answers."""

from __future__ import annotations

import argparse

from graphc.cli import page, profile
from graphc.cli.arguments import add_model, graph_of, settings_of
from graphc.inspect import command
from graphc.inspect.kept import shown_target
from graphc.ir.graph import Graph
from graphc.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_model(parser)
    profile.add_arguments(parser)
    page.add_arguments(parser)
    command.add_arguments(parser)


def run(options) -> int:
    """Show what was asked for; the exit status is 1 where a condition holds or two models differ."""
    page.check(options)
    profile.check(options)
    command.check(options)
    if options.profile:
        profile.show(options)
        return 0
    if options.html:
        options.target = _target(options)
        page.show(options)
        return 0

    def load(name: str) -> tuple[Graph, Options]:
        weights = options.weights if options.other is None or name.endswith(".txt") else None
        named = argparse.Namespace(**{**vars(options), "model": name, "weights": weights, "target": _target(options)})
        return graph_of(named, options.input), settings_of(named)

    return command.inspect(options, load)


def _target(options) -> str | None:
    """What to compile for: of what a file lacks, the target that its other views are for."""
    is_file = options.target is None and options.other is None and options.model.endswith(".gc")
    return shown_target(options.model) if is_file else options.target
