"""Which mask belongs to which image, for layouts that keep masks as files of the same name."""

from collections import defaultdict

from andon.errors import InvalidInput
from andon.formats.entries import EntryLabel, LeftOut, MaskFile, Options
from andon.formats.files import Listing, folders_of, stem_of
from andon.formats.words import NEUTRAL_WORDS, words_of

MASK_SUFFIXES = ("_mask", "-mask", ".mask")
MASK_FOLDERS = frozenset({"mask", "masks", "ground", "groundtruth", "gt"})
"""First words of the names of folders that hold masks (``masks``, ``mask-binary``, ``ground_truth``)."""


class MaskFiles:
    """The masks of a listing: files in a folder of masks, or called like their image plus ``_mask``."""

    def __init__(self, listing: Listing, options: Options) -> None:
        self._listing = listing
        self._options = options
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self.names = frozenset(name for name in listing.images if self._is_mask(name))
        for name in sorted(self.names):
            self._by_stem[_bare(stem_of(name))].append(name)
        self._used: set[str] = set()

    @property
    def images(self) -> tuple[str, ...]:
        """The files that are no masks, sorted."""
        return tuple(name for name in self._listing.images if name not in self.names)

    def label(self, image: str, concept: str) -> EntryLabel:
        """``concept`` where the mask of ``image`` says it is; of the whole image where there is no mask.

        Raises:
            InvalidInput: two masks could be meant.
        """
        found = self._closest(image)
        if not found:
            return EntryLabel(concept)
        if len(found) > 1:
            raise InvalidInput(
                f"two masks could belong to it: {found[0]} and {found[1]}", "Say where: --masks."
            )
        self._used.add(found[0])
        return EntryLabel(concept, MaskFile(self._listing.path(found[0]), self._options.mask_cut))

    def unused(self) -> list[LeftOut]:
        """Masks that no labelled image asked for."""
        return [
            LeftOut(name, "a mask that belongs to no defective image")
            for name in sorted(self.names - self._used)
        ]

    def _is_mask(self, name: str) -> bool:
        if _bare(stem_of(name)) != stem_of(name) or self._is_below_masks(name):
            return True
        return any(_holds_masks(folder) for folder in folders_of(name))

    def _is_below_masks(self, name: str) -> bool:
        return self._options.masks is not None and name.startswith(self._options.masks.strip("/") + "/")

    def _closest(self, image: str) -> list[str]:
        """Masks of that stem that can belong to the image and have most folder names in common with it."""
        around = {*folders_of(image)}
        candidates = [name for name in self._by_stem.get(stem_of(image), ()) if self._meant(name) <= around]
        if self._options.masks is not None:
            candidates = [name for name in candidates if self._is_below_masks(name)]
        shared = {name: len({*folders_of(name)} & around) for name in candidates}
        most = max(shared.values(), default=0)
        return [name for name in candidates if shared[name] == most]

    def _meant(self, mask: str) -> set[str]:
        """Folders of a mask that its image must have, too: a class, a part, train or test."""
        folders = folders_of(mask)
        if self._is_below_masks(mask):
            folders = folders[len(folders_of(f"{self._options.masks}".strip("/") + "/")) :]
        neutral = {folder for folder in folders if words_of(folder) in NEUTRAL_WORDS}
        return {folder for folder in folders if not _holds_masks(folder)} - neutral


def _holds_masks(folder: str) -> bool:
    return words_of(folder).split(" ")[0] in MASK_FOLDERS


def _bare(stem: str) -> str:
    for suffix in MASK_SUFFIXES:
        if stem.lower().endswith(suffix):
            return stem[: -len(suffix)]
    return stem
