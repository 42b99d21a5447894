"""Measured scalars, digests and identifiers that every floor shares."""

import hashlib
import re
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 as 64 lower-case hexadecimal digits."""

Timestamp = NewType("Timestamp", str)
"""UTC time as ISO 8601 with microseconds and a trailing ``Z``; sorts as text in time order."""

DIGEST_LENGTH = 64

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def digest_of(content: bytes) -> Digest:
    """SHA-256 of ``content``."""
    return Digest(hashlib.sha256(content).hexdigest())


def is_digest(text: str) -> bool:
    """Whether ``text`` has the form of a :data:`Digest`."""
    return len(text) == DIGEST_LENGTH and all(c in "0123456789abcdef" for c in text)


def is_timestamp(text: str) -> bool:
    """Whether ``text`` has the form of a :data:`Timestamp`."""
    return _TIMESTAMP.fullmatch(text) is not None


def uuid7(unix_milliseconds: int, randomness: bytes) -> str:
    """UUID version 7 (RFC 9562, section 5.7): sorts by the millisecond it was made in.

    Args:
        unix_milliseconds: time since 1970, 0 <= value < 2**48.
        randomness: at least 10 random bytes.
    """
    value = (unix_milliseconds & ((1 << 48) - 1)) << 80
    value |= int.from_bytes(randomness[:10], "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
