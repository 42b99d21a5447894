"""Pictures of selections as people look at them: why each was picked, what is proposed, how it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.domain.images import Image
from andon.domain.models import Interval
from andon.domain.selections import LabelOutcome, Pick, PickReason, Selection
from andon.domain.serial import to_json
from andon.domain.splitting import CLEAN
from andon.services.selections import Share, worth
from andon.services.workspaces import Workspace
from andon.store import annotations as stored_annotations
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.store import selections as stored_selections

WORDS: Mapping[PickReason, str] = {
    PickReason.MUST_CATCH: "may show a critical defect",
    PickReason.WRONG: "a person said that the verdict was wrong",
    PickReason.DISAGREEMENT: "verdicts on it lie apart",
    PickReason.UNCERTAIN: "its scores lie near a cut",
    PickReason.NEW: "unlike what is labelled",
    PickReason.DIVERSE: "unlike the others that were picked",
    PickReason.CONTROL: "drawn by chance",
}
"""Reasons as people read them."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A picture of a selection, and how it stands now.

    Attributes:
        labels: concepts accepted on it, sorted; None while nobody has labelled it.
        skipped: somebody passed it over, and nobody has labelled it since.
        proposed: concepts of the proposal, sorted; empty: the model takes it for clean.
    """

    pick: Pick
    image: Image
    why: str
    proposed: tuple[str, ...]
    labels: tuple[str, ...] | None
    skipped: bool

    @property
    def waits(self) -> bool:
        """Whether it is still to be labelled."""
        return self.labels is None


def picked_pictures(workspace: Workspace, selection: Selection) -> tuple[Picked, ...]:
    """The pictures of a selection (given with them), in order."""
    digests = [pick.image for pick in selection.picks]
    with workspace.database.read() as tx:
        images = stored_images.by_digests(tx, digests)
        labels = stored_annotations.labels(tx, digests)
        said = stored_selections.labellings_of(tx, [selection.id])
    skipped = {one.image for one in said if one.outcome is LabelOutcome.SKIPPED}
    return tuple(
        Picked(
            pick=pick,
            image=images[pick.image],
            why=WORDS[pick.reason],
            proposed=tuple(sorted({label.concept for label in pick.proposal})),
            labels=_concepts(labels.get(pick.image)),
            skipped=pick.image in skipped and pick.image not in labels,
        )
        for pick in selection.picks
    )


def concept_names(workspace: Workspace) -> tuple[str, ...]:
    """Concepts in the order of the ontology, which gives them their hues."""
    with workspace.database.read() as tx:
        return stored_ontologies.current(tx).names


def as_facts(workspace: Workspace, selection: Selection) -> dict[str, object]:
    """A selection for tables and JSON."""
    told = worth(workspace, [selection])
    return {
        "selection": selection.id,
        "model": selection.package,
        "settings": to_json(selection.settings),
        "seconds": selection.seconds,
        "looked_at": selection.looked_at,
        "author": selection.author,
        "at": selection.at,
        "picks": [_pick_facts(one) for one in picked_pictures(workspace, selection)],
        "worth": {"chosen": _share_facts(told.chosen), "control": _share_facts(told.control)},
    }


def _concepts(said: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if said is None else tuple(sorted(said - {CLEAN}))


def _pick_facts(one: Picked) -> dict[str, object]:
    names = ("position", "image", "reason", "score", "parts")
    facts = {name: getattr(one.pick, name) for name in names}
    labels = "waiting" if one.labels is None else _words(one.labels)
    return facts | {"proposal": _words(one.proposed), "labels": labels}


def _words(concepts: Sequence[str]) -> str:
    return ", ".join(concepts) or "clean"


def _share_facts(share: Share) -> dict[str, object]:
    return {
        "pictures": share.pictures,
        "labelled": share.labelled,
        "minutes": round(share.minutes, 2),
        "with a defect": _doubted(share.defective),
        "corrected": _doubted(share.corrected),
    }


def _doubted(share: Interval) -> str:
    told = f"{share.count} of {share.of}"
    return f"{told} ({share.low:.1%} to {share.high:.1%})" if share.of else told
