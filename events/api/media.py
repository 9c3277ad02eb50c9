"""A body of any media type as JSON: JSON unchanged, text as a string that queries can search, all else as base64."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

import msgspec
import orjson
from django.utils.http import parse_header_parameters

from events.errors import Invalid

_JSON = re.compile(r"[^/]+/(json|.+\+json)")
_TEXT = re.compile(
    r"text/.+"
    r"|[^/]+/([^/]+\+)?(xml|xml-dtd|xml-external-parsed-entity|yaml|x-yaml|toml|ndjson|x-ndjson|jsonl|json-seq)"
    r"|application/(javascript|x-javascript|ecmascript|typescript|graphql|sql|x-sh|x-www-form-urlencoded)"
)
# Encodings of documents. Python knows other codecs, and some of them take very long for a large text.
_CHARSET = re.compile(
    r"us-ascii|ascii|utf-?(16|32)([bl]e|-[bl]e)?|iso-8859-\d+|latin-?1|(windows-|cp)125\d|koi8-[ru]"
    r"|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5"
)
_XML_DECLARATION = re.compile(rb"""<\?xml[^>]{1,200}?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def as_json(content_type: str, body: bytes, field: str) -> bytes:
    """Return the JSON for a body; base64 if it has no content type. JSON is not checked here.

    Raises:
        Invalid: a text is not in the encoding that it names.
    """
    media, charset = _parsed(content_type)
    if _JSON.fullmatch(media):
        return body.removeprefix(codecs.BOM_UTF8)
    codec = _codec(charset or _declared(body)) if _TEXT.fullmatch(media) else None
    if codec is None:
        return msgspec.json.encode({"data_base64": body})
    try:
        return orjson.dumps(codec.decode(body)[0])
    except UnicodeDecodeError as error:
        raise Invalid(f"{field} is not valid {error.encoding.upper()}.", field=field) from None


def _parsed(content_type: str) -> tuple[str, str]:
    """Return the media type and its charset, both in lower case."""
    try:
        media, parameters = parse_header_parameters(content_type)
    except ValueError:
        return content_type.partition(";")[0].strip().lower(), ""
    return media, parameters.get("charset", "").lower()


def _declared(body: bytes) -> str:
    """Return the encoding that a text itself names, by a byte order mark or in XML's declaration; otherwise UTF-8."""
    if body.startswith(_UTF16_MARKS):
        return "utf-16"
    declaration = _XML_DECLARATION.match(body)
    return declaration[1].decode().lower() if declaration else "utf-8"


def _codec(charset: str) -> codecs.CodecInfo | None:
    """Return the decoder of an encoding; None if it is not known."""
    if charset in ("utf-8", "utf8"):
        charset = "utf-8-sig"  # skips the byte order mark
    elif not _CHARSET.fullmatch(charset):
        return None
    with suppress(LookupError):
        return codecs.lookup(charset)
    return None
