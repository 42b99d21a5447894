"""What every possible cut would do: escapes against overkill, precision against recall."""

from dataclasses import dataclass

import numpy as np

from andon.analysis.parts import Flags, Numbers
from andon.errors import NotPossible


@dataclass(frozen=True, slots=True)
class TradeCurve:
    """What rejecting from each cut on would do. All arrays have one entry a cut, cuts rising.

    Attributes:
        cuts: every distinct score, and one above all of them.
        escapes: share of defective parts with a score below the cut.
        overkill: share of clean parts with a score from the cut on.
    """

    cuts: Numbers
    escapes: Numbers
    overkill: Numbers


def trade_curve(scores: Numbers, defective: Flags) -> TradeCurve:
    """Escapes and overkill at part level for every cut that tells parts apart.

    Args:
        scores: (P,) one score a part, e.g. ``PartTable.worst``.
        defective: (P,) the truth.

    Raises:
        NotPossible: no part is defective, or none is clean.
    """
    if defective.all() or not defective.any():
        kind = "clean" if defective.any() else "defective"
        raise NotPossible(f"there are no {kind} parts, so escapes cannot be traded against overkill")
    distinct = np.unique(scores)
    cuts = np.append(distinct, np.nextafter(distinct[-1], np.inf))
    below_defective = np.searchsorted(np.sort(scores[defective]), cuts, side="left")
    below_clean = np.searchsorted(np.sort(scores[~defective]), cuts, side="left")
    return TradeCurve(
        cuts, below_defective / int(defective.sum()), 1 - below_clean / int((~defective).sum())
    )


@dataclass(frozen=True, slots=True)
class PrecisionCurve:
    """Precision over recall. All arrays have one entry a cut, cuts falling, so that recall rises."""

    cuts: Numbers
    recall: Numbers
    precision: Numbers

    def at(self, cut: float) -> tuple[float, float] | None:
        """(recall, precision) of what reaches ``cut``; None where nothing does."""
        reaching = int((self.cuts >= cut).sum())
        return (float(self.recall[reaching - 1]), float(self.precision[reaching - 1])) if reaching else None


def precision_curve(scores: Numbers, truth: Flags) -> PrecisionCurve:
    """Recall and precision of "score from the cut on" for every distinct score.

    Args:
        scores: (P,) one score a part.
        truth: (P,) whether it shows what is looked for.

    Raises:
        NotPossible: no part does.
    """
    if not truth.any():
        raise NotPossible("no part shows it, so there is no recall")
    order = np.argsort(-scores, kind="stable")
    caught = np.cumsum(truth[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return PrecisionCurve(scores[order][last], caught[last] / caught[-1], caught[last] / (last + 1))
