"""Passes: functions from Graph to Graph, and the order they run in."""

from graphc.passes.fold import fold_constants
from graphc.passes.inline import inline_calls
from graphc.passes.pipeline import FAST_PIPELINE, PIPELINE, pass_name, run
from graphc.passes.shapes import move_less
from graphc.passes.simplify import simplify
from graphc.passes.specialise import specialise
from graphc.passes.unify import unify_dims
