"""All workloads by name, in the order of the table."""

from ..workload import Workload
from . import elementwise, networks, products, reductions, training

WORKLOADS: dict[str, Workload] = {
    w.name: w for module in (elementwise, reductions, products, networks, training) for w in module.WORKLOADS
}
