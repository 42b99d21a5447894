"""Ed25519 keys: made once, kept in a file that only its owner reads."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from andon.blobs.files import disk_errors, sync_folder
from andon.errors import InvalidInput, OperatorError, Refused

RAW_BYTES = 32
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What signatures are checked with; ``text`` is its 32 bytes in base64."""

    text: str

    def verify(self, content: bytes, signature: str) -> None:
        """Return where ``signature`` (base64) over ``content`` was made by this key's owner.

        Raises:
            Refused: it was not.
        """
        try:
            public = Ed25519PublicKey.from_public_bytes(_decoded(self.text, RAW_BYTES))
            public.verify(_decoded(signature, 2 * RAW_BYTES), content)
        except InvalidSignature as cause:
            raise Refused(
                "the signature does not belong to this content and this hub's key",
                "Somebody altered it, or the hub has another key than the one this station knows.",
            ) from cause


class SigningKey:
    """The secret half. Never leaves its machine, never appears in a message."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @property
    def public(self) -> PublicKey:
        """The half that others may know."""
        return PublicKey(b64encode(self._private.public_key().public_bytes_raw()).decode())

    def sign(self, content: bytes) -> str:
        """Signature over ``content``, base64."""
        return b64encode(self._private.sign(content)).decode()


def signing_key(path: Path) -> SigningKey:
    """The key kept in ``path``; made when there is none.

    Raises:
        OperatorError: the file cannot be read or written, is readable by others, or holds no key.
    """
    with disk_errors(path):
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise OperatorError(f"{path} can be read by others", f"Run `chmod 600 {path}`.")
        raw = path.read_bytes()
    if len(raw) != RAW_BYTES:
        raise OperatorError(f"{path} holds no signing key", "Restore it from a backup.")
    return SigningKey(Ed25519PrivateKey.from_private_bytes(raw))


def _make(path: Path) -> None:
    """Written beside and linked into place: of two processes that make it, both end with the first's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass  # another process was first, its key is the key
    finally:
        beside.unlink()
    sync_folder(path.parent)


def _decoded(text: str, length: int) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except ValueError as cause:
        raise InvalidInput(f"{text[:20]!r} is not base64") from cause
    if len(raw) != length:
        raise InvalidInput(f"a key or signature has {len(raw)} bytes, not {length}")
    return raw
