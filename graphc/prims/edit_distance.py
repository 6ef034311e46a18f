"""The Levenshtein distances of many pairs of sequences, on the host."""

from __future__ import annotations

import numpy as np

from graphc.prims.host import register_callback


def _distance(a: list, b: list) -> int:
    """How many insertions, deletions and replacements make ``b`` of ``a``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def _sequences(places, values) -> dict[int, list]:
    found: dict[int, list] = {}
    for place, value in zip(places.tolist(), values.tolist()):
        found.setdefault(place, []).append(value)
    return found


def _distances(shape, places, values, other_places, other_values):
    out = np.zeros(shape, np.float32)
    flat = out.reshape(-1)
    found, wanted = _sequences(places, values), _sequences(other_places, other_values)
    for place in found.keys() | wanted.keys():
        flat[place] = _distance(found.get(place, []), wanted.get(place, []))
    return out


def _normalized(shape, places, values, other_places, other_values):
    out = _distances(shape, places, values, other_places, other_values)
    lengths = np.bincount(other_places, minlength=out.size).reshape(out.shape)
    with np.errstate(divide="ignore"):
        return np.divide(out, lengths.astype(np.float32), out=np.zeros_like(out), where=out > 0)


register_callback("sparse.edit_distance", _distances)
register_callback("sparse.edit_distance_normalized", _normalized)
