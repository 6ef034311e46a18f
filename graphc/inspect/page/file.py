"""The page as one file of HTML: style, scripts and data inside, and nothing that a browser would fetch."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from pathlib import Path

from graphc.inspect.page.code import code
from graphc.inspect.page.content import content
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.summary import kernel_costs

_HOLE = re.compile(r"\{\{(\w+)\}\}")
_SCRIPTS = (
    "core", "lists", "code", "layout", "canvas", "graph", "paint", "tree", "passes", "kernels", "memory", "timeline", "source", "reasons", "details", "search", "main",
)  # fmt: skip


def page(stages: Stages, sizes: Sizes, source: bool = True, timeline: dict | None = None) -> str:
    """The page of a compilation. One model gives the same bytes but for the block of times.

    Args:
        source: whether it holds the text of the user's lines; their file names and numbers are always told.
        timeline: what ``measured.timeline`` tells of a profile, for the view of that name.
    """
    costs = kernel_costs(stages, sizes)
    model = content(stages, sizes, costs, source)
    times = {"passes": [p.seconds for p in stages.record.passes], "timeline": timeline}
    script = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    parts = {
        "title": html.escape(f"{stages.graph.name} · graphc"),
        "style": _asset("page.css"),
        "script": f'"use strict";\n(() => {{\n{script}}})();\n',
        "model": _packed(model),
        "code": _packed(code(stages, sizes, costs)),
        "times": _packed(times),
    }
    parts["style_digest"], parts["script_digest"] = _digest(parts["style"]), _digest(parts["script"])
    return _HOLE.sub(lambda hole: parts[hole[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _packed(value) -> str:
    """JSON, compressed, as letters and digits: nothing in it can end the block that it stands in."""
    return base64.b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)).decode()


def _digest(text: str) -> str:
    """By which the page's policy knows its own script and style, and runs no other."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
