"""The removal of line breaks and indentation from pages; templates have them for their readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_PARTS = re.compile(r"\s*\n\s*|</?[a-z!][^\s/>]*|[>\"']|[^<>\"'\n\s]+|[^\S\n]+|<", re.IGNORECASE)
_VERBATIM_ELEMENTS = frozenset({"pre", "textarea"})
"""Elements whose text is printed unchanged."""


class LineBreaks(Extension):
    """Removes a line break, with the spaces around it, beside a tag or a statement; between words it is one space.

    So `<td>`, its content and `</td>` may stand on lines of their own. A space that the page needs stands on one line
    with its neighbours, or is written as `{{ " " }}`. In a tag a line break is one space, but it is removed before the
    tag's end and before a statement, which brings its own space. In `<pre>` it stays a line break.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        tokens = list(_joined(stream))
        text = _Text()
        for i, token in enumerate(tokens):
            if token.type != "data":
                yield token
                continue
            before, after = tokens[i - 1].type if i else "", tokens[i + 1].type if i + 1 < len(tokens) else ""
            value = text.of(token.value, after_edge=before != "variable_end", before_edge=after != "variable_begin")
            if value:
                yield Token(token.lineno, "data", value)


def _joined(stream: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens, with the texts on both sides of a comment as one."""
    text: Token | None = None
    for token in stream:
        if token.type == "data":
            text = Token(text.lineno, "data", text.value + token.value) if text else token
            continue
        if text:
            yield text
            text = None
        yield token
    if text:
        yield text


@dataclass
class _Text:
    """The text of one template, read from its beginning.

    `tag` is the current tag, `quote` the quote of the current value of an attribute, `verbatim` the current element
    whose text is printed unchanged.
    """

    tag: str = ""
    quote: str = ""
    verbatim: str = ""

    def of(self, text: str, *, after_edge: bool, before_edge: bool) -> str:
        """Return the printed text of one stretch. An edge is a statement, or the template's own beginning or end."""
        parts = []
        is_edge = after_edge
        for match in _PARTS.finditer(text):
            part = match[0]
            following = text[match.end() : match.end() + 1] or ("" if before_edge else " ")
            if "\n" not in part:
                parts.append(part)
                is_edge = self._read(part)
            elif self.tag:
                parts.append(" " if following not in ("", ">") else "")
            elif self.verbatim:
                parts.append(part)
            else:
                parts.append(" " if not is_edge and following not in ("", "<") else "")
        return "".join(parts)

    def _read(self, part: str) -> bool:
        """Note the change by a part of the text. Returns whether the part ends a tag."""
        if not self.tag:
            if part[0] == "<" and len(part) > 1:
                self.tag = part[1:].lower()
            return False
        if self.quote:
            self.quote = "" if part == self.quote else self.quote
        elif part in ('"', "'"):
            self.quote = part
        elif part == ">":
            if self.tag in _VERBATIM_ELEMENTS:
                self.verbatim = self.tag
            elif self.tag == f"/{self.verbatim}":
                self.verbatim = ""
            self.tag = ""
            return True
        return False
