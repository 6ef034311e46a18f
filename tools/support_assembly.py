"""Write graphc/runtime/support_*.s: the support library as assembly, which LLVM reads sooner than it compiles.

    python tools/support_assembly.py

To be run when a file of `graphc/runtime/*.ll`, the pool or the passes for what is written by hand change. Until then
the old file is not used, as it names the texts it was made from.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from graphc.ir.target import X86_64  # noqa: E402
from graphc.runtime.assembled import path, written  # noqa: E402
from graphc.runtime.jit import assembly  # noqa: E402
from graphc.runtime.support import source_for  # noqa: E402

TARGETS = (X86_64,)  # those whose assembly LLVM can read here


def main() -> None:
    for target in TARGETS:
        source = source_for(target)
        path(target).write_text(written(assembly(source.text, target, by_hand=True), source.digest), encoding="ascii")


if __name__ == "__main__":
    main()
