"""Names of what picks by value: masks, different elements, partitions, counts."""

from graphc.api.op import Op
from graphc.lib import isotonic, select

ROWS = (
    Op("where", "SelectV2", select.where, "condition | x y"),
    Op("repeat", "Repeat", select.repeat, "input | repeats", "repeat"),
    Op("boolean_mask", "BooleanMask", select.boolean_mask, "tensor | mask", "boolean_mask"),
    Op("unique", "Unique", select.unique, "x", parts="y idx"),
    Op("unique_with_counts", "UniqueWithCounts", select.unique_with_counts, "x", parts="y idx count"),
    Op("raw_ops.UniqueV2", "UniqueV2", select.unique_v2, "x | axis", parts="y idx"),
    Op("raw_ops.UniqueWithCountsV2", "UniqueWithCountsV2", select.unique_with_counts_v2, "x | axis",
       parts="y idx count"),
    Op("raw_ops.ListDiff", "ListDiff", select.setdiff1d, "x y", parts="out idx"),
    Op("nn.isotonic_regression", "IsotonicRegression", isotonic.isotonic_regression, "inputs",
       parts="output segments"),
    Op("dynamic_partition", "DynamicPartition", select.dynamic_partition, "data | partitions"),
    Op("dynamic_stitch", "DynamicStitch", select.dynamic_stitch, "*indices | *data"),
    Op("math.confusion_matrix", "confusion_matrix", select.confusion_matrix, "labels predictions | weights"),
    Op("math.bincount", "Bincount", select.bincount, "arr | weights", "bincount",
       arguments="arr weights minlength maxlength dtype name axis binary_output"),
    Op("histogram_fixed_width", "HistogramFixedWidth", select.histogram_fixed_width, "values value_range",
       label="histogram_fixed_width"),
    Op("histogram_fixed_width_bins", "HistogramFixedWidthBins", select.histogram_fixed_width_bins, "values value_range",
       label="histogram_fixed_width_bins"),
)
