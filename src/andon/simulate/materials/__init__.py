"""Materials a simulated part can be made of; to add one is to add a file and a line here.

A material is a module with ``PART_TYPE`` (text), ``DEFECTS`` (names of the defects that occur on it) and
``draw(scene) -> Surface``.
"""

from collections.abc import Mapping
from typing import Protocol

from andon.simulate.materials import brushed, cast, print_, weave
from andon.simulate.scene import Scene, Surface


class Material(Protocol):
    """The contract."""

    PART_TYPE: str
    DEFECTS: tuple[str, ...]

    def draw(self, scene: Scene) -> Surface:
        """Draw a part without defect."""
        ...


MATERIALS: Mapping[str, Material] = {"brushed": brushed, "weave": weave, "cast": cast, "print": print_}
