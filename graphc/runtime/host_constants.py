"""The large constants of graphs that host steps call, as sections of a container."""

from __future__ import annotations

import numpy as np

from graphc.ir.dtype import as_dtype, by_short


def constant_sections(blobs: dict[str, np.ndarray], target: str) -> dict[str, object]:
    """Arrays, by what the text of a Program calls them, as sections; none where there are no arrays."""
    table, parts, offset = {}, [], 0
    for digest, array in blobs.items():
        raw = array.tobytes()
        table[digest] = [as_dtype(array.dtype).short, list(array.shape), offset, len(raw)]
        parts.append(raw)
        offset += len(raw)
    return {f"table:{target}": table, f"blobs:{target}": b"".join(parts)} if blobs else {}


def constants_in(container, target: str) -> dict[str, np.ndarray]:
    """The arrays that ``constant_sections`` wrote for a target.

    Raises:
        FormatError: they are damaged.
    """
    if f"table:{target}" not in container:
        return {}
    content, found = container[f"blobs:{target}"], {}
    try:
        for digest, (short, shape, offset, size) in container.json(f"table:{target}").items():
            if min(offset, size) < 0 or offset + size > len(content):
                raise ValueError(f"bytes {offset} to {offset + size} lie outside the section of {len(content)} bytes")
            raw = content[offset : offset + size]
            found[digest] = np.frombuffer(raw, by_short(short).numpy).reshape(shape)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise container.error(f"section 'table:{target}': the constants of host steps are damaged: {error}") from None
    return found
