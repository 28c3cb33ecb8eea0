"""As much of CBOR (RFC 8949) as Smithy RPC v2 uses: numbers, text, bytes, lists, maps, timestamps (tag 1)."""

import struct
from datetime import UTC, datetime
from typing import Any

_TIMESTAMP_TAG = 1
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = object()


def dumps(value: Any) -> bytes:
    """Encode; a `datetime` becomes tag 1 with a double."""
    if isinstance(value, datetime):
        return _head(6, _TIMESTAMP_TAG) + _scalar(value.timestamp())
    if isinstance(value, list | tuple):
        return _head(4, len(value)) + b"".join(dumps(entry) for entry in value)
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if entry is not None}
        return _head(5, len(kept)) + b"".join(dumps(key) + dumps(entry) for key, entry in kept.items())
    return _scalar(value)


def loads(data: bytes) -> Any:
    """Decode one item.

    Raises:
        ValueError: not CBOR, or cut off.
    """
    try:
        value, _ = _item(data, 0)
    except (IndexError, struct.error, UnicodeDecodeError, KeyError) as error:
        raise ValueError("not CBOR") from error
    return value


def _scalar(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return bytes([0xE0 | {False: 20, True: 21, None: 22}[value]])
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        encoded = value.encode()
        return _head(3, len(encoded)) + encoded
    raise TypeError(f"CBOR: {type(value).__name__} is not supported")


def _head(major: int, count: int) -> bytes:
    if count < 24:
        return bytes([major << 5 | count])
    for size, code, form in ((8, 24, ">B"), (16, 25, ">H"), (32, 26, ">I"), (64, 27, ">Q")):
        if count < 1 << size:
            return bytes([major << 5 | code]) + struct.pack(form, count)
    raise ValueError("CBOR: number too large")


def _item(data: bytes, place: int) -> tuple[Any, int]:
    major, info = data[place] >> 5, data[place] & 31
    place += 1
    if major == 7:
        if info == 31:
            return _BREAK, place
        if info in _FLOATS:
            size = struct.calcsize(_FLOATS[info])
            return struct.unpack(_FLOATS[info], data[place : place + size])[0], place + size
        return _SIMPLE[info], place
    count: int | None = info
    if info == 31:
        count = None
    elif info >= 24:
        size = 1 << (info - 24)
        if place + size > len(data):
            raise IndexError
        count = int.from_bytes(data[place : place + size], "big")
        place += size
    return _sized(data, place, major, count)


def _sized(data: bytes, place: int, major: int, count: int | None) -> tuple[Any, int]:
    if major in {0, 1}:
        number = count or 0
        return (number if major == 0 else -1 - number), place
    if major in {2, 3}:
        raw, place = _string(data, place, count)
        return (raw if major == 2 else raw.decode()), place
    if major == 6:
        value, place = _item(data, place)
        is_time = count == _TIMESTAMP_TAG and isinstance(value, int | float)
        return (datetime.fromtimestamp(value, UTC) if is_time else value), place
    entries: list[Any] = []
    wanted = None if count is None else count * (2 if major == 5 else 1)
    while wanted is None or len(entries) < wanted:
        value, place = _item(data, place)
        if value is _BREAK:
            break
        entries.append(value)
    if major == 4:
        return entries, place
    return dict(zip(entries[::2], entries[1::2], strict=True)), place


def _string(data: bytes, place: int, count: int | None) -> tuple[bytes, int]:
    if count is not None:
        if place + count > len(data):
            raise IndexError
        return data[place : place + count], place + count
    parts = b""
    while data[place] != 0xFF:
        part, place = _item(data, place)
        parts += part.encode() if isinstance(part, str) else part
    return parts, place + 1
