"""All workloads by name, in the order of the table."""

from ..workload import Workload
from . import convolutions, elementwise, networks, products, quantised, reductions, sequences, training

WORKLOADS: dict[str, Workload] = {
    w.name: w
    for module in (elementwise, reductions, products, convolutions, networks, training, sequences, quantised)
    for w in module.WORKLOADS
}
