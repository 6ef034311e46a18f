"""``python tools/bench``: what ``cli`` says."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # so that this folder is the package ``bench``

from bench.cli import main

main()
