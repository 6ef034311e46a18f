"""What to say of a name that is not there: which there are, and which of them was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from graphc.errors import UsageError

_MOST = 60  # names that are listed


def unknown(what: str, name: str, known: Iterable[str], there: str = "there are") -> UsageError:
    """The error for a name that nothing has: ``no pass 'simplfy'; did you mean simplify? These ran: ...``.

    Args:
        there: what is said in front of the names that there are.
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    more = f", and {len(known) - _MOST} more" if len(known) > _MOST else ""
    listed = f"{there}: {', '.join(known[:_MOST]) or 'none'}{more}"
    meant = f"did you mean {near[0]}? {listed[0].upper()}{listed[1:]}" if near else listed
    return UsageError(f"no {what} {name!r}; {meant}")
