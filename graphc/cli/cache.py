"""``graphc cache``: what is in the cache of compiled programs."""

from __future__ import annotations

import argparse

from graphc.inspect.sizes import unit
from graphc.runtime.cache import default_cache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("action", nargs="?", choices=("stats", "clear"), default="stats")


def run(options) -> None:
    """Show or clear it."""
    cache = default_cache()
    stats = cache.stats()
    if stats.path is None:
        print("the cache is off")
    elif options.action == "clear":
        cache.clear()
        print(f"removed {stats.entries} programs, {unit(stats.bytes)}, from {stats.path}")
    else:
        print(f"{stats.path}\n{stats.entries} programs, {unit(stats.bytes)} of {unit(stats.limit)}")
