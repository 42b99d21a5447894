"""A folder as a camera: whoever takes pictures puts files into it, and they leave it when they are judged.

Files are looked for again and again (no system-specific notification, so network folders work too).  A
file counts as complete when two looks saw the same size and time of it.  After its verdict it moves to
``done/``, or to ``failed/`` where the file could not be judged as an image.  What lies in the folder was
not judged, except for a file whose verdict was out just when the program died: that one is judged again.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from andon.domain.images import Origin
from andon.domain.inspections import Decision, ReasonCode
from andon.errors import InvalidInput, OperatorError
from andon.formats.pixels import DEFAULT_LIMITS
from andon.station.cameras.frames import Frame
from andon.station.running.clock import Clock

DONE, FAILED = "done", "failed"
_UNFINISHED = (".partial", ".part", ".tmp", ".filepart", ".crdownload")
_EMPTY_LOOKS = 20
_ANSWER_LOOK_S = 0.002
_UNFIT = frozenset({ReasonCode.BAD_IMAGE, ReasonCode.WRONG_SIZE, ReasonCode.WRONG_PIXELS})


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """Which folder, and how it is watched.

    Attributes:
        folder: where pictures arrive; ``done`` and ``failed`` are made inside.
        interval: seconds between two looks.
        origin: what is known of every part; the serial is the file's name without its ending.
        ahead: files that may be given before the first of them is answered.
        keep: whether judged files are kept in ``done`` and ``failed``; else they are deleted.

    Raises:
        InvalidInput: the interval is not positive, or no file may be given.
    """

    folder: Path
    interval: float = 0.2
    origin: Origin = Origin()
    keep: bool = True
    ahead: int = 2

    def __post_init__(self) -> None:
        if not self.interval > 0:
            raise InvalidInput(f"a look every {self.interval:g} s is not possible", "Give a positive time.")
        if self.ahead < 1:
            raise InvalidInput(f"{self.ahead} files ahead are not possible", "Give 1 or more.")


@dataclass(frozen=True, slots=True)
class _Look:
    """How a file was at one look; ``looks`` counts how often it was so."""

    size: int
    modified: int
    looks: int = 1

    def same(self, other: "_Look") -> bool:
        return (self.size, self.modified) == (other.size, other.modified)


class FolderCamera:
    """A camera as ``station.cameras.frames`` says."""

    def __init__(self, settings: FolderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._taken: dict[str, _Look] = {}
        self._judged: dict[str, str] = {}
        self._number = 0

    async def frames(self) -> AsyncIterator[Frame]:
        """Complete files, oldest first.

        Raises:
            OperatorError: the folder is missing, or judged files cannot leave it.
        """
        while True:
            for name in await asyncio.to_thread(self._look):
                content = await asyncio.to_thread(self._read, name)
                if content is None:
                    continue
                self._number += 1
                self._taken[name] = self._looks[name]
                origin = replace(self._settings.origin, serial=Path(name).stem)
                yield Frame(
                    self._number, self._clock.now(), self._clock.monotonic(), content, origin, name=name
                )
                await self._answers()
            await self._clock.sleep(self._settings.interval)

    def answered(self, frame: Frame, decision: Decision) -> None:
        """Let the file leave the folder at the next look."""
        unfit = any(reason.code in _UNFIT for reason in decision.reasons)
        if frame.name in self._taken:
            self._judged[frame.name] = FAILED if unfit else DONE

    async def _answers(self) -> None:
        """A part in a folder can wait: the deadline starts when it is given, not when it came."""
        while len(self._taken) - len(self._judged) >= self._settings.ahead:
            await self._clock.sleep(_ANSWER_LOOK_S)

    def _look(self) -> list[str]:
        """Names of the files that are complete and not taken yet, oldest first."""
        self._clear()
        seen = {name: _Look(found.st_size, found.st_mtime_ns) for name, found in self._files()}
        self._taken = {name: look for name, look in self._taken.items() if name in seen}
        for name, look in seen.items():
            before = self._looks.get(name)
            if before is not None and before.same(look):
                seen[name] = replace(before, looks=before.looks + 1)
        self._looks = seen
        complete = [name for name, look in seen.items() if name not in self._taken and _is_complete(look)]
        return sorted(complete, key=lambda name: (seen[name].modified, name))

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        try:
            for entry in os.scandir(self._settings.folder):
                if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                    continue
                found = _state_of(entry)
                if found is not None and stat.S_ISREG(found.st_mode):
                    yield entry.name, found
        except OSError as cause:
            raise OperatorError(
                f"the camera's folder {self._settings.folder} cannot be read: {cause.strerror}",
                "Make the folder, or name another one.",
            ) from cause

    def _read(self, name: str) -> bytes | None:
        """The file's bytes; none of one that is too large (it cannot be judged); None where it is gone."""
        if self._looks[name].size > DEFAULT_LIMITS.bytes:
            return b""
        try:
            return (self._settings.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise OperatorError(
                f"{name} in the camera's folder cannot be read: {cause.strerror}",
                "Check the file and its permissions.",
            ) from cause

    def _clear(self) -> None:
        """Bring judged files out of the folder; one that was written anew meanwhile stays, to be judged."""
        for name, where in list(self._judged.items()):
            taken = self._taken.get(name)
            try:
                found = (self._settings.folder / name).lstat()
                if taken is not None and taken.same(_Look(found.st_size, found.st_mtime_ns)):
                    self._leave(name, where)
            except FileNotFoundError:
                pass
            except OSError as cause:
                raise OperatorError(
                    f"{name} was judged and cannot leave the camera's folder: {cause.strerror}",
                    "Check the permissions of the folder; until then no further file is judged.",
                ) from cause
            del self._judged[name]
            self._taken.pop(name, None)

    def _leave(self, name: str, where: str) -> None:
        source = self._settings.folder / name
        if not self._settings.keep:
            source.unlink()
            return
        target = self._settings.folder / where / name
        target.parent.mkdir(exist_ok=True)
        source.rename(_free(target))


def _state_of(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_complete(look: _Look) -> bool:
    """An empty file may be one that was just made; one that stays empty is an image that cannot be read."""
    return look.looks >= (2 if look.size else _EMPTY_LOOKS)


def _free(target: Path) -> Path:
    """``target``, or a name beside it that no file has."""
    number, free = 2, target
    while free.exists():
        number, free = number + 1, target.with_name(f"{target.stem}.{number}{target.suffix}")
    return free
