"""The stages of a model as text: ``MODEL STAGE`` prints one, ``MODEL --out DIR`` writes all.

They are what ``graphc inspect MODEL --stage STAGE`` takes. DIR gets 00-traced.txt, a file after each pass that changed
something (with --all after every pass), NN-optimised.txt, program.txt, module.ll and module.s. Texts can be edited
and compiled: ``graphc compile DIR/05-simplify.txt --weights MODEL -o out.gc``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphc.aot.replace import replace_files  # noqa: E402  (the path comes first)
from graphc.cli.arguments import add_model, add_target, add_values, graph_of, settings_of  # noqa: E402
from graphc.cli.pipe import reader_may_leave  # noqa: E402
from graphc.errors import GraphcError  # noqa: E402
from graphc.inspect.kept import kept, shown_target  # noqa: E402
from graphc.inspect.show import stage_text  # noqa: E402
from graphc.inspect.stages import Stages  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Print or write what was asked for; 1 if that cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("stage", nargs="?", metavar="STAGE")
    wanted.add_argument("--out", type=Path, metavar="DIR", help="write every stage there")
    parser.add_argument("--all", action="store_true", help="after passes that changed nothing too")
    add_target(parser)
    add_values(parser)
    try:
        with reader_may_leave():
            _show(parser.parse_args(arguments))
    except (GraphcError, OSError) as error:
        return print(f"{Path(__file__).name}: {error}", file=sys.stderr) or 1
    return 0


def _show(options) -> None:
    is_file = options.model.endswith(".gc")
    options.target = options.target or (shown_target(options.model) if is_file else None)
    found = kept(options.model, options.target, options.fast_math) if is_file else None
    if found is None or not found.has_program:
        found = Stages(graph_of(options, options.input), settings_of(options))
    if options.stage is not None:
        print(stage_text(found, options.stage))
        return
    files = {options.out / name: [stage_text(found, stage).encode()] for name, stage in _files(found, options.all)}
    options.out.mkdir(parents=True, exist_ok=True)
    replace_files(files)
    print(*files, sep="\n")


def _files(stages: Stages, every: bool) -> list[tuple[str, str]]:
    passes = stages.record.passes  # their numbers are those in the pipeline
    ran = [(f"{k:02}-{p.name}.txt", p.name) for k, p in enumerate(passes, 1) if every or p.changed]
    graphs = [("00-traced.txt", "traced"), *ran, (f"{len(passes) + 1:02}-optimised.txt", "optimised")]
    return [*graphs, ("program.txt", "program"), ("module.ll", "llvm"), ("module.s", "asm")]


if __name__ == "__main__":
    sys.exit(main())
