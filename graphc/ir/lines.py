"""Lines of IR text as tokens, and errors that point at them."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from graphc.errors import FormatError, Location

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAME = r"[A-Za-z_][A-Za-z0-9_.]*"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<value>%(?:{_NAME}|{_QUOTED}))
    | (?P<label>@(?:{_NAME}|{_QUOTED}))
    | (?P<bits>[a-z][a-z0-9]*[0-9]'0x[0-9a-f]+)
    | (?P<name>{_NAME}|\${_QUOTED})
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)
    | (?P<string>{_QUOTED})
    | (?P<sign>->|//|<=|==|!=|[-+*/%<>=(){{}}\[\],:])
    | (?P<blob>\#(?:[a-z][a-z0-9]*\[[0-9,]*\]:)?[0-9a-f]+(?=[\s)]|$))
    | (?P<comment>\#.*)
    | (?P<bad>\S)
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_LOCATION = re.compile(r"# (\S.*?):([0-9]{1,9})(?: (\S.*)|\s*)$").match
_DIGITS = 40  # no number of an IR needs more; Python refuses to read integers of several thousand


class Line:
    """One line as tokens with a position in them.

    Attributes:
        kinds: ``value label bits name number string sign blob``, and ``end`` three times behind the last.
        texts: the characters of each token; empty at the end.
        at: the next token.
        comment: the trailing comment, empty if there is none.
    """

    __slots__ = ("number", "text", "kinds", "texts", "at", "comment", "_closing")

    def __init__(self, number: int, text: str):
        self.number, self.text, self.at, self.comment = number, text, 0, ""
        self._closing: dict[int, int] | None = None
        self.kinds: list[str] = []
        self.texts: list[str] = []
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "comment":
                self.comment = match.group(kind)
            else:
                self.kinds.append(kind)
                self.texts.append(match.group(kind))
        self.kinds += ("end",) * 3  # one may look two tokens ahead
        self.texts += ("",) * 3

    @property
    def location(self) -> Location | None:
        """The user's line that the comment names."""
        found = _LOCATION(self.comment) if self.comment else None
        return Location(found[1], int(found[2]), (found[3] or "").rstrip()) if found else None

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        """Raise a FormatError: ``expected`` stands at token ``at`` (default: the next) only in a legal text."""
        at = min(self.at if at is None else at, len(self.kinds) - 1)
        found = "the end of the line" if self.kinds[at] == "end" else repr(self.texts[at][:60])
        raise FormatError(f"line {self.number}: expected {expected}, found {found}\n  {self.text.strip()[:200]}")

    def refuse(self, what: str) -> NoReturn:
        """Raise a FormatError for a line that can be read but not be right."""
        raise FormatError(f"line {self.number}: {what}\n  {self.text.strip()[:200]}")

    def closing(self, at: int) -> int | None:
        """The token that closes the parenthesis at token ``at``; None where there is none."""
        if self._closing is None:
            self._closing, opened = {}, []
            for k, text in enumerate(self.texts):
                if text == "(":
                    opened.append(k)
                elif text == ")" and opened:
                    self._closing[opened.pop()] = k
        return self._closing.get(at)

    @property
    def next(self) -> str:
        """The characters of the next token."""
        return self.texts[self.at]

    def accept(self, text: str) -> bool:
        """Step over the next token if it is this sign or word."""
        if self.texts[self.at] == text:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Step over this sign or word."""
        if self.texts[self.at] != text:
            self.fail(f"{text!r}")
        self.at += 1

    def take(self, kind: str, what: str) -> str:
        """Step over a token of one kind; its characters."""
        if self.kinds[self.at] != kind:
            self.fail(what)
        self.at += 1
        return self.texts[self.at - 1]

    def name(self, what: str) -> str:
        """A bare name or ``$"..."``."""
        text = self.take("name", what)
        return self._unquoted(text[1:]) if text[0] == "$" else text

    def value(self, what: str = "a value such as %x") -> str:
        """The name behind ``%``."""
        text = self.take("value", what)
        return text[1:] if text[1] != '"' else self._unquoted(text[1:])

    def label(self, what: str = "a label such as @main") -> str:
        """The name behind ``@``."""
        text = self.take("label", what)
        return text[1:] if text[1] != '"' else self._unquoted(text[1:])

    def string(self, what: str) -> str:
        """The content of a quoted string."""
        return self._unquoted(self.take("string", what))

    def integer(self, what: str) -> int:
        """An integer, perhaps behind a minus sign."""
        sign = -1 if self.accept("-") else 1
        text = self.take("number", what)
        if not text.isdigit() or len(text) > _DIGITS:
            self.fail(what, self.at - 1)
        return sign * int(text)

    def number_value(self):
        """The next token, an unsigned number, as an int or a float."""
        text = self.take("number", "a number")
        if len(text) > _DIGITS:
            self.fail(f"a number of at most {_DIGITS} digits", self.at - 1)
        return int(text) if text.isdigit() else float(text)

    def end(self) -> None:
        """Nothing may follow."""
        if self.kinds[self.at] != "end":
            self.fail("the end of the line")

    def separated(self, closing: str, item) -> list:
        """``item()`` after ``item()`` between commas, up to and over ``closing``."""
        found: list = []
        if self.accept(closing):
            return found
        while True:
            found.append(item())
            if self.accept(closing):
                return found
            if not self.accept(","):
                self.fail(f"',' or {closing!r}")

    def _unquoted(self, text: str) -> str:
        try:
            return json.loads(text)
        except ValueError:
            self.fail("a quoted text with JSON escapes", self.at - 1)


class Lines:
    """The lines of a text that hold anything, one after the other."""

    def __init__(self, text: str):
        self._texts = text.split("\n")
        self._at = 0

    @property
    def number(self) -> int:
        """The number of the line read last, from 1."""
        return max(self._at, 1)

    @property
    def text(self) -> str:
        """The line read last."""
        return self._texts[self.number - 1]

    def next(self) -> Line | None:
        """The next line that is not empty; None at the end."""
        while self._at < len(self._texts):
            self._at += 1
            line = Line(self._at, self._texts[self._at - 1])
            if line.kinds[0] != "end":
                return line
        return None

    def need(self, what: str) -> Line:
        """The next line; a FormatError if the text ends."""
        line = self.next()
        if line is None:
            raise FormatError(f"line {len(self._texts)}: expected {what}, found the end of the text")
        return line
