"""The table from the name of a mathematical function to its kernel."""

from __future__ import annotations

MATH: dict = {}
