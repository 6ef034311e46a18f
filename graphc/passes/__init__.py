"""Passes: functions from Graph to Graph, and the order they run in (``graphc.passes.pipeline``)."""
