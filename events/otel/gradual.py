"""A large protobuf message is parsed in parts, so that other threads have their turn between them.

protobuf parses a message without letting go of the interpreter: 16 MiB of empty spans take more than a second. But by
its own rules a message may be parsed in parts, which are merged: so the fields of a large message, or of a large one
within it, are only counted here, and given to protobuf some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError, Message

PART_BYTES = 64 * 1024
"""protobuf takes six milliseconds at most for so many bytes: if they are of empty messages."""
MOST_FIELDS = 300_000
"""Fields of large messages: to count so many keeps a thread busy for a sixth of a second."""
_MOST_LEVELS = 100
"""Messages within each other, as many as protobuf itself reads."""
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


class UnusedType(DecodeError):
    """A field is a group, say, as only old versions of protobuf had them."""


class TooManyFields(Exception):
    """A message has more fields than are looked at."""


def parse(message: Message, data: bytes) -> None:
    """Fill an empty message, as `ParseFromString()` does.

    Raises:
        DecodeError: the data are no message of this type.
        TooManyFields: they may be, but are not worth the time.
    """
    if len(data) <= PART_BYTES:
        message.ParseFromString(data)
    else:
        _Parser(type(message)).parse(message, memoryview(data), above=())


class _Parser:
    def __init__(self, whole: type[Message]) -> None:
        self._whole = whole
        self._fields_left = MOST_FIELDS

    def parse(self, message: Message, data: memoryview, *, above: tuple[int, ...]) -> None:
        """Merge data into a message, a part at a time. A large message within it is parsed in the same way.

        `above` are the numbers of the fields that lead from the whole message to this one.
        """
        if len(above) >= _MOST_LEVELS:
            raise DecodeError("The message is nested too deep.")
        fields = message.DESCRIPTOR.fields_by_number
        begin = 0
        for start, content, end, number in self._fields(data):
            field = fields.get(number) if content and end - start > PART_BYTES else None
            if field is not None and field.message_type is not None:
                self._merge(message, data[begin:start], above)
                inner = _inner(message, field.name, is_list=field.is_repeated)
                self.parse(inner, data[content:end], above=(*above, number))
                begin = end
            elif end - begin > PART_BYTES:
                self._merge(message, data[begin:start], above)
                begin = start
        self._merge(message, data[begin:], above)

    def _merge(self, message: Message, part: memoryview, above: tuple[int, ...]) -> None:
        """Merge a part into its message, and refuse one that is too deep in the whole: a worker reads that at once.

        protobuf counts levels from the message that it is given. So it also reads the part from the whole message on.
        """
        if not part:
            return
        body = bytes(part)
        message.MergeFromString(body)
        if above:
            try:
                self._whole.FromString(_within(above, body))
            except DecodeError:
                raise DecodeError("The message is nested too deep.") from None

    def _fields(self, data: memoryview) -> Iterator[tuple[int, int, int, int]]:
        """Yield for each field: its start, that of its content (0 if it has no length), its end, and its number."""
        position, size = 0, len(data)
        while position < size:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise TooManyFields
            start, content = position, 0
            tag, position = _varint(data, position)
            kind = tag & 7
            if kind == _LENGTH:
                length, content = _varint(data, position)
                position = content + length
            elif kind == _VARINT:
                _, position = _varint(data, position)
            elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
                position += 8 if kind == _EIGHT_BYTES else 4
            else:
                raise UnusedType("A field has a type that OTLP does not use.")
            if position > size:
                raise DecodeError("The message is truncated.")
            yield start, content, position, tag >> 3


def _inner(message: Message, name: str, *, is_list: bool) -> Message:
    """Return the message to which the content of a field is added: a new item, or the one that is there."""
    if is_list:
        item: Message = getattr(message, name).add()
        return item
    inner: Message = getattr(message, name)
    inner.SetInParent()
    return inner


def _within(above: tuple[int, ...], body: bytes) -> bytes:
    """Return the fields of a message as they are on the wire in the messages to which these numbers lead."""
    heads: list[bytes] = []
    size = len(body)
    for number in reversed(above):
        head = _number(number << 3 | _LENGTH) + _number(size)
        heads.append(head)
        size += len(head)
    return b"".join([*reversed(heads), body])


def _number(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    number = shift = 0
    try:
        while True:
            byte = data[position]
            position += 1
            if byte < 0x80:
                return number | byte << shift, position
            number |= (byte & 0x7F) << shift
            shift += 7
            if shift >= 70:
                raise DecodeError("A number is too long.")
    except IndexError:
        raise DecodeError("The message is truncated.") from None
