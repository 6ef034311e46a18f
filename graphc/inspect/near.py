"""What to say of a name that is not there: which there are, and which of them was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from graphc.errors import UsageError

_MOST = 60  # names that are listed
_FEW = 8  # values that are listed, of which there may be thousands


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


def known_value(names: Iterable[str], name: str, where: str) -> str:
    """The name of a value that is meant, with or without ``%`` and quotes.

    Raises:
        UsageError: there is none; the message names those that are most like it.
    """
    wanted, names = name.removeprefix("%").strip('"'), list(names)
    if wanted in names:
        return wanted
    stem = re.sub(r"\d+$", "", wanted)
    like = [n for n in names if stem and (n.startswith(stem) or stem in n)]
    like = like or difflib.get_close_matches(wanted, names, _FEW, 0.5) or names
    more = f", and {len(like) - _FEW} more" if len(like) > _FEW else ""
    raise UsageError(f"{where} has no value {wanted!r}; it has {', '.join(like[:_FEW])}{more}")
