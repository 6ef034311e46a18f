"""How summary operations look as TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.api.summary.picture import BAD_COLOR
from graphc.v1.graph_def.writer import Writer, ref


def _typed(label: str) -> Callable:
    """A node whose attribute T is the dtype of one argument."""

    def form(w: Writer, a: Mapping) -> None:
        w.node(w.op.type, [ref(t) for t in w.op.operands], T=a[label].dtype)

    return form


def _image(w: Writer, a: Mapping) -> None:
    bad = np.array(BAD_COLOR, np.uint8)
    w.node(w.op.type, [ref(t) for t in w.op.operands], T=a["tensor"].dtype, max_images=a["max_images"], bad_color=bad)


def _audio(w: Writer, a: Mapping) -> None:
    w.node(w.op.type, [ref(t) for t in w.op.operands], max_outputs=a["max_outputs"])


def _merge(w: Writer, a: Mapping) -> None:
    w.node(w.op.type, [ref(t) for t in w.op.operands], N=len(w.op.operands))


SUMMARY_FORMS: dict[str, Callable] = {
    "ScalarSummary": _typed("values"), "HistogramSummary": _typed("values"), "TensorSummaryV2": _typed("tensor"),
    "ImageSummary": _image, "AudioSummaryV2": _audio, "MergeSummary": _merge,
}  # fmt: skip
