"""The demo's plant as numbers: how much work it is, what changes on its line, who errs how often."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from andon.domain.datasets import DatasetSpec, Split, SplitRule
from andon.domain.feedback import SendPolicy, SendRule
from andon.domain.gates import GateLimits, ReviewModel
from andon.domain.inspections import Verdict
from andon.domain.loops import NOT_DEARER
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.releases import ReleaseSettings
from andon.domain.runs import Family, TrainSettings
from andon.domain.selections import SelectionSettings
from andon.domain.stations import KeepPolicy, WatchLimits
from andon.simulate.operators import PersonSettings
from andon.simulate.settings import Disturbance, DisturbanceKind, Emergence, LineSettings

STATION, LINE, NAME = "demo-station", "demo-line", "demo"

RATE = 20.0
"""Parts a second."""

DEFECTS = 0.12
"""Share of defective parts on the line; the costs know it."""

COSTS = Costs(escape=50.0, overkill=5.0, review=2.5, defect_rate=DEFECTS)
REVIEW = ReviewModel(seconds=180.0, wage=50.0)
"""To fetch a part, look at it and decide takes somebody three minutes: the 2.5 that a review costs."""

NEW_KIND = "crack"
DARKER = -0.35
NEW_SHARE = 0.4
"""What changes on the line: light is lost, and so many of the defective parts have a kind nobody knows."""

SEED = 1
EARLIER, FRESH, LATER = 3_000_000, 5_000_000, 7_000_000
"""Numbers of the first part learned from, of the first of the first report, and of the first that both
models are compared on. The line itself begins with 1: no part is ever seen twice."""

OPERATOR = PersonSettings(mistakes=0.03, answers=0.95, seed=11)
ANNOTATOR = PersonSettings(mistakes=0.01, answers=1.0, seed=12)

DEADLINE, QUEUE = 1000.0, 20
"""Milliseconds for a verdict, and parts that may wait for it: a machine on which people look at pages while
a demo runs is slow at times."""

DATASET = DatasetSpec(
    NAME,
    rule=SplitRule(
        fractions={Split.TRAIN: 0.5, Split.STOP: 0.1, Split.CALIBRATION: 0.25, Split.TEST: 0.15}
    ),
)
"""More than usual for the cuts: with so few parts they are what is least certain of a model."""

KEEP = KeepPolicy(passes=0.02, audit=0.15)
SEND = SendPolicy(near=0.1, rules=(SendRule(verdict=Verdict.REJECT),), random=0.02, quota=5000)


class Size(StrEnum):
    """How much work the demo is; tiny is what the tests run."""

    NORMAL = "normal"
    TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of everything.

    Attributes:
        parts: labelled ones that the first model learns from. golden: labelled ones that gates keep.
        fresh: of the first report.
        steps, batch: of a training. side: of pictures, input: of the network, both in pixels.
        first: parts of the first shift. second: at least so many under the second model.
        minutes: of an annotator, at ``seconds`` a picture.
        table: at least so many fresh parts, with at least a tenth of them defective, for both models.
        gate, release: how strict, how careful.
    """

    parts: int
    golden: int
    fresh: int
    steps: int
    batch: int
    side: int
    input: int
    first: int
    second: int
    minutes: float
    seconds: float
    table: int
    gate: GateLimits
    release: ReleaseSettings

    @property
    def least_defective(self) -> int:
        """Defective parts that the table needs."""
        return self.table // 10

    @property
    def pool(self) -> int:
        """Different parts of the line; what is left after both shifts is for a release that takes long."""
        return self.first + 4 * self.second

    def train(self) -> TrainSettings:
        """Of the classic U-Net: without weights to begin with it learns most in a few minutes."""
        chosen = replace(preset(Family.UNET), learning_rate=3e-3, crop=0.5, batch=self.batch)
        return replace(chosen, height=self.input, width=self.input, steps=self.steps, threads=1)

    def selection(self) -> SelectionSettings:
        """What the line sent, with a tenth drawn by chance."""
        return SelectionSettings(minutes=self.minutes, seconds=self.seconds, source="station/")

    def before(self, defects: float) -> LineSettings:
        """The plant as it was when the first pictures were taken."""
        return LineSettings(
            height=self.side,
            width=self.side,
            channels=1,
            defect_rate=defects,
            parts_per_second=RATE,
            seed=SEED,
        )

    def line(self) -> LineSettings:
        """The line that runs: in the first shift the light shifts, then the new kind comes."""
        shift = self.first / RATE
        light = Disturbance(DisturbanceKind.LIGHT, DARKER, start=0.35 * shift, ramp=0.15 * shift)
        new = Emergence(NEW_KIND, start=0.45 * shift, share=NEW_SHARE)
        return replace(self.before(DEFECTS), disturbances=(light,), emerging=(new,))

    def after(self) -> LineSettings:
        """The plant as it is now: darker, with the new kind from the first part on."""
        now = (Disturbance(DisturbanceKind.LIGHT, DARKER),)
        return replace(
            self.before(DEFECTS), disturbances=now, emerging=(Emergence(NEW_KIND, 0.0, NEW_SHARE),)
        )


def _release(parts: int, seconds: float, trust: float = 0.5, factor: float = 5.0) -> ReleaseSettings:
    """How a release of the demo goes.

    The second model is there to judge otherwise: it passes good parts that the first one rejects since it
    became dark, and asks people about many more. So what it passes stops nothing, and more rejects and
    reviews are borne than usual. The machine may be slow while people look on: only the deadline counts.

    Args:
        parts: judged beside.
        seconds: of the watch.
        trust: share of disagreement in the shadow, and of contradiction in the watch, that is borne.
        factor: so many times as many rejects and reviews as of the first model are borne.
    """
    return ReleaseSettings(
        shadow_parts=parts,
        shadow_seconds=180.0,
        shadow_flips=trust,
        shadow_passes=1.0,
        watch=WatchLimits(
            seconds=seconds,
            factor=factor,
            undecided=max(0.05, trust - 0.5),
            p99=DEADLINE,
            contradicted=trust,
            parts=20,
            missed=trust,
        ),
        keep=KEEP,
        send=SEND,
        deadline=DEADLINE,
    )


_OPEN = GateLimits(
    margin=1.0,
    overkill_margin=1.0,
    review_margin=1.0,
    naming_margin=1.0,
    min_defective=1,
    min_good=1,
    cost_ratio=1000.0,
    latency_ratio=100.0,
    memory_ratio=100.0,
)
"""So few parts and steps make no good model: the way through gate and release is gone all the same."""

AMOUNTS: Mapping[Size, Amount] = {
    Size.NORMAL: Amount(
        parts=200,
        golden=160,
        fresh=120,
        steps=200,
        batch=12,
        side=256,
        input=192,
        first=1400,
        second=500,
        minutes=20.0,
        seconds=12.0,
        table=1000,
        gate=NOT_DEARER,
        release=_release(parts=150, seconds=15.0),
    ),
    Size.TINY: Amount(
        parts=80,
        golden=20,
        fresh=24,
        steps=12,
        batch=8,
        side=96,
        input=96,
        first=120,
        second=40,
        minutes=4.0,
        seconds=12.0,
        table=60,
        gate=_OPEN,
        release=_release(parts=20, seconds=3.0, trust=1.0, factor=100.0),
    ),
}
