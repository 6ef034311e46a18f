"""The benchmark: workloads of graphc and its peers, measured side by side. ``python tools/bench --help``."""
