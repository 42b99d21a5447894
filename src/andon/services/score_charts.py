"""Charts of an evaluation: scores of the group that chooses cuts, the trade of the one that does not."""

from collections.abc import Iterator
from functools import lru_cache

from andon.analysis.curves import trade_curve
from andon.analysis.parts import Flags, Numbers, PartTable
from andon.domain.models import Cuts
from andon.look.figures import Chart
from andon.look.sheets import variables
from andon.plots.histogram import Scores, score_histogram
from andon.plots.palette import palette_from
from andon.plots.tradeoff import TradeoffPoint, tradeoff_curve
from andon.services.scores import StoredEvaluation

CURVE_POINTS = 400


def charts_of(evaluation: StoredEvaluation) -> tuple[Chart, ...]:
    """Escapes against overkill on the test group, then a histogram of the calibration group per concept.

    Empty where the evaluation kept no scores.
    """
    if evaluation.scores is None:
        return ()
    return _drawn(str(evaluation.facts["scores"]), _Hashed(evaluation))


class _Hashed:
    """Lets an evaluation be an argument of a cache that is keyed by the digest of its scores alone."""

    def __init__(self, evaluation: StoredEvaluation) -> None:
        self.evaluation = evaluation
        self._key = tuple((name, cuts) for name, cuts in evaluation.cuts.items())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other._key == self._key


@lru_cache(maxsize=64)
def _drawn(_scores: str, hashed: _Hashed) -> tuple[Chart, ...]:
    return (*_trade(hashed.evaluation), *_histograms(hashed.evaluation))


def _trade(evaluation: StoredEvaluation) -> Iterator[Chart]:
    assert evaluation.scores is not None
    table = evaluation.test_table() if evaluation.scores.test else None
    if table is not None:
        only = next(iter(evaluation.cuts.values())) if len(table.concepts) == 1 else None
        yield from trade_chart("any defect", table.worst, table.defective, only)


def trade_chart(name: str, scores: Numbers, defective: Flags, cuts: Cuts | None) -> Iterator[Chart]:
    """Escapes against overkill of test parts over the cut; nothing where one kind of part is absent.

    Args:
        name: what is looked for, for the title.
        scores: (P,) of the parts.
        defective: (P,) the truth.
        cuts: drawn as rules.
    """
    if not defective.any() or defective.all():
        return
    curve = trade_curve(scores, defective)
    step = max(1, len(curve.cuts) // CURVE_POINTS)
    rows = zip(curve.cuts[::step], curve.escapes[::step], curve.overkill[::step], strict=True)
    points = [TradeoffPoint(min(float(c), 1.0), float(e), float(o)) for c, e, o in rows]
    yield Chart(
        f"Escapes and overkill over the cut, {name}",
        tradeoff_curve(points, None if cuts is None else _shown(cuts), palette_from(variables())),
        f"Share of the {int(defective.sum())} defective test parts below each cut, and of the "
        f"{int((~defective).sum())} good ones from it on.",
    )


def _histograms(evaluation: StoredEvaluation) -> Iterator[Chart]:
    table = evaluation.calibration_table()
    for place, concept in enumerate(table.concepts):
        yield _histogram(table, place, evaluation.cuts[concept])


def _histogram(table: PartTable, place: int, cuts: Cuts) -> Chart:
    concept, truth, scores = table.concepts[place], table.truth[:, place], table.scores[:, place]
    shown = Scores(concept, place, scores[truth].tolist(), scores[~truth].tolist())
    return Chart(
        f"Scores of {concept}, calibration group",
        score_histogram(shown, _shown(cuts), palette_from(variables())),
        f"The cuts were chosen on these parts: {int(truth.sum())} with {concept}, "
        f"{int((~truth).sum())} without.",
    )


def _shown(cuts: Cuts) -> Cuts:
    """Cuts above every score are drawn at the end of the axis."""
    return Cuts(min(cuts.review, 1.0), min(cuts.reject, 1.0))
