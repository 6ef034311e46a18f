"""TensorFlow's reductions over segments: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import segment

ROWS = (
    Op("math.segment_sum", "SegmentSum", segment.segment_sum, "data | segment_ids"),
    Op("math.segment_prod", "SegmentProd", segment.segment_prod, "data | segment_ids"),
    Op("math.segment_max", "SegmentMax", segment.segment_max, "data | segment_ids"),
    Op("math.segment_min", "SegmentMin", segment.segment_min, "data | segment_ids"),
    Op("math.segment_mean", "SegmentMean", segment.segment_mean, "data | segment_ids"),
    Op("math.unsorted_segment_sum", "UnsortedSegmentSum", segment.unsorted_segment_sum, "data | segment_ids"),
    Op("math.unsorted_segment_prod", "UnsortedSegmentProd", segment.unsorted_segment_prod, "data | segment_ids"),
    Op("math.unsorted_segment_max", "UnsortedSegmentMax", segment.unsorted_segment_max, "data | segment_ids"),
    Op("math.unsorted_segment_min", "UnsortedSegmentMin", segment.unsorted_segment_min, "data | segment_ids"),
    Op("math.unsorted_segment_mean", "UnsortedSegmentMean", segment.unsorted_segment_mean, "data | segment_ids",
       "UnsortedSegmentMean"),
    Op("math.unsorted_segment_sqrt_n", "UnsortedSegmentSqrtN", segment.unsorted_segment_sqrt_n, "data | segment_ids",
       "UnsortedSegmentSqrtN"),
)  # fmt: skip
