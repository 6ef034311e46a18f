"""Programs found by what graphs were made of: a front door that reads files need not make the graph again."""

from __future__ import annotations

from graphc.compile import build_digest, from_sections, has_callbacks, key_parts, load, option_parts, target_of
from graphc.errors import FormatError, UsageError
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.passes.canonical import canonical
from graphc.passes.guards import number_lines
from graphc.runtime.cache import default_cache, digest_of
from graphc.runtime.executable import Executable


def _source_parts(source: dict[str, str], folders: tuple[str, ...], options: Options) -> dict[str, str]:
    return {**source, **option_parts(options), "front door": build_digest(folders)}


def remember(source: dict[str, str], folders: tuple[str, ...], options: Options, note: dict, graph: Graph | None) -> None:
    """Keep what was made of a source for ``recall``: a note, and which program the graph became.

    Args:
        source: what the graph was made of, by name. folders: of the package, whose code made it.
        note: what else is to be known of it, as JSON. graph: None where there is only a note.
    """
    if not options.cache or (graph is not None and has_callbacks(graph)):
        return
    program, lines = None, ()
    if graph is not None:
        numbered, lines = number_lines(canonical(graph))
        program = digest_of(key_parts(numbered, options))
    parts = _source_parts(source, folders, options)
    content = {"program": program, "lines": list(lines), "note": note}
    default_cache().put(digest_of(parts), {"source": content}, parts)


def recall(source: dict[str, str], folders: tuple[str, ...], options: Options) -> tuple[Executable | None, dict] | None:
    """The program of a source (None if it has only a note) and the note, where they are in the cache."""
    cache = default_cache()
    entry = cache.get(digest_of(_source_parts(source, folders, options))) if options.cache else None
    if entry is None:
        return None
    try:
        content = entry.json("source")
        name, lines, note = content["program"], tuple(content["lines"]), content["note"]
        program = None if name is None else cache.get(name)
        artifact = None if program is None else from_sections(program, target_of(options).name)
    except (AttributeError, FormatError, KeyError, TypeError, UsageError):
        return None  # whole, but not what is written today
    if name is None:
        return None, note
    return None if artifact is None else (load(artifact, options, lines=lines), note)
