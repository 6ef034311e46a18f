"""Summary operations as functions of tensors, each of one node of TensorFlow's graphs."""

from __future__ import annotations

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.summary import rows

scalar_summary = lift(Op("scalar_summary", "ScalarSummary", rows.scalar_summary, "tags | values"), eager)
histogram_summary = lift(Op("histogram_summary", "HistogramSummary", rows.histogram_summary, "tag | values"), eager)
image_summary = lift(Op("image_summary", "ImageSummary", rows.image_summary, "tag | tensor"), eager)
audio_summary = lift(Op("audio_summary", "AudioSummaryV2", rows.audio_summary, "tag | tensor | sample_rate"), eager)
tensor_summary = lift(
    Op("tensor_summary", "TensorSummaryV2", rows.tensor_summary, "tag | tensor | serialized_summary_metadata"), eager
)
merge_summary = lift(Op("merge_summary", "MergeSummary", rows.merge_summary, "*inputs"), eager)
