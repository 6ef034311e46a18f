"""How often what was compiled."""

from __future__ import annotations

from graphc.api.recompile import Compilation, compilations

FUNCTIONS = {"compilations": compilations, "Compilation": Compilation}
