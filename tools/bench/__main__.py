"""``python tools/bench``: what ``cli`` says."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is there; peers get their own count of threads
os.environ.setdefault("GRAPHC_NUM_THREADS", "1")
sys.path[0] = str(Path(__file__).resolve().parent.parent)  # so that this folder is the package ``bench``

from bench.cli import main

main()
