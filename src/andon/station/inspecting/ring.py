"""Shared memory between the station and its inspector: slots of an anonymous file, passed by descriptor.

The file has no name, so nothing is left behind when either side is killed; its pages take memory only once
they were written to.
"""

import mmap
import os

from andon.errors import LimitExceeded, OperatorError

SLOTS = 4
"""One is judged, the others hold late parts that the inspector has not come to."""


class Ring:
    """``SLOTS`` slots of ``slot_bytes`` each.

    Args:
        descriptor: of the memory file, from :func:`memory_file` or from the parent process; closed with
            the ring, and where there is no memory for one.
    """

    def __init__(self, descriptor: int, slot_bytes: int) -> None:
        self.descriptor = descriptor
        self.slot_bytes = slot_bytes
        try:
            self._memory = mmap.mmap(descriptor, SLOTS * slot_bytes)
        except OSError:
            os.close(descriptor)
            raise
        self._view = memoryview(self._memory)

    def write(self, slot: int, content: bytes) -> None:
        """Put ``content`` at the beginning of a slot.

        Raises:
            LimitExceeded: it is larger than a slot.
        """
        if len(content) > self.slot_bytes:
            raise LimitExceeded(
                f"{len(content)} bytes do not fit a slot of {self.slot_bytes}",
                "Raise frame_bytes in the station's settings.",
            )
        start = slot * self.slot_bytes
        self._view[start : start + len(content)] = content

    def read(self, slot: int, length: int) -> memoryview:
        """The first ``length`` bytes of a slot; they change when the slot is written again."""
        start = slot * self.slot_bytes
        return self._view[start : start + length]

    def close(self) -> None:
        """Let go of the memory; views that are still out keep it until they are gone."""
        self._view.release()
        try:
            self._memory.close()
        except BufferError:
            return
        finally:
            os.close(self.descriptor)


def memory_file(slot_bytes: int) -> int:
    """The descriptor of a new memory file for a ring.

    Raises:
        OperatorError: the machine has not enough memory for it.
    """
    needed = SLOTS * slot_bytes
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory // 2:
        raise OperatorError(
            f"the ring of frames may take {needed} bytes, more than half of this machine's {memory}",
            "Lower frame_bytes in the station's settings.",
        )
    descriptor = os.memfd_create("andon-frames", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, needed)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
