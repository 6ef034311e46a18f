"""Names of input pipelines; their modules are imported when they are first used."""

from graphc.api.op import Late

_HERE = "graphc.api.data"
AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = -1, -1, -2


def _late(module: str, names: str) -> dict:
    return {n: Late(f"{_HERE}.{module}", n.rpartition(".")[2]) for n in names.split()}


FUNCTIONS = {
    "data.AUTOTUNE": AUTOTUNE,
    "data.INFINITE_CARDINALITY": INFINITE_CARDINALITY,
    "data.UNKNOWN_CARDINALITY": UNKNOWN_CARDINALITY,
    "data.experimental.AUTOTUNE": AUTOTUNE,
    "data.experimental.INFINITE_CARDINALITY": INFINITE_CARDINALITY,
    "data.experimental.UNKNOWN_CARDINALITY": UNKNOWN_CARDINALITY,
    **_late("dataset", "data.Dataset"),
    **_late("element", "data.DatasetSpec"),
    **_late("iterator", "data.Iterator data.IteratorSpec data.NumpyIterator"),
    **_late("options", "data.Options data.ThreadingOptions data.experimental.ThreadingOptions"),
    **_late("options", "data.experimental.AutoShardPolicy data.experimental.AutotuneAlgorithm"),
    **_late("options", "data.experimental.AutotuneOptions data.experimental.DistributeOptions"),
    **_late("options", "data.experimental.ExternalStatePolicy data.experimental.OptimizationOptions"),
    **_late("options", "data.experimental.ServiceOptions"),
}
