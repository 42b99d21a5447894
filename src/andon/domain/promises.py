"""A promised escape rate: what somebody asks of a recipe, and what a version of it keeps."""

from dataclasses import dataclass

from andon.errors import InvalidInput

LOWEST_RATE = 1e-6
HIGHEST_CONFIDENCE = 1 - 1e-6
"""Beyond these no number of parts that anybody collects shows anything."""

RULE = "learn then test, fixed sequence, exact binomial"
"""How a promise is shown; stands in the recipe so that a later rule can be told from this one."""


@dataclass(frozen=True, slots=True)
class PromiseWish:
    """A promise that is asked for.

    Attributes:
        rate: of defective parts, the share that may PASS, 0..1.
        confidence: how often, at least, promises made like this one hold, 0..1.

    Raises:
        InvalidInput: the rate is not between 0 and 1, or the confidence not between one half and 1.
    """

    rate: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not LOWEST_RATE <= self.rate < 1:
            raise InvalidInput(
                f"a promise of {percent(self.rate)} escapes is not possible",
                f"Give a rate from {percent(LOWEST_RATE)} to below 100 %.",
            )
        if not 0.5 <= self.confidence <= HIGHEST_CONFIDENCE:
            raise InvalidInput(
                f"a promise with {percent(self.confidence)} confidence is not possible",
                f"Give a confidence from 50 % to {percent(HIGHEST_CONFIDENCE)}.",
            )

    @property
    def words(self) -> str:
        """What is promised, e.g. "at most 1 % of defective parts pass, with 95 % confidence"."""
        sure = percent(self.confidence)
        return f"at most {percent(self.rate)} of defective parts pass, with {sure} confidence"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a recipe version keeps, and from which parts that is known.

    It speaks of parts like the defective ones of the model's calibration group, and holds while every
    review cut is at most ``limit`` and nothing else that judges changes. REVIEW is no escape: it is
    taken for granted that whoever looks finds the truth. NO-DECISION is none either; it goes out as REJECT.

    Attributes:
        parts: defective parts of the calibration group, judged by this recipe through its model.
        groups: lots, tiles or whatever the split kept together, that those parts are of. Where there are
            fewer than parts, parts may resemble each other, and the promise counts them as if they did not.
        misses: those of them that pass with every review cut at ``limit``.
        undecided: those of them that come to NO-DECISION, so that they never pass.
        limit: the highest review cut, of any concept, that keeps the promise.
        test_parts, test_misses: the same of the test group, which had no part in choosing the limit.
        unseen: concepts of the model that none of ``parts`` shows: of them nothing is known.
        variant: engine/precision that judged. FP32 variants that passed parity keep the promise, as far as
            scores decide: outlines that differ at the edge of a region or a tolerance are not allowed for.

    Raises:
        InvalidInput: the counts are not possible.
    """

    asked: PromiseWish
    parts: int
    groups: int
    misses: int
    limit: float
    variant: str
    test_parts: int = 0
    test_misses: int = 0
    undecided: int = 0
    unseen: tuple[str, ...] = ()
    rule: str = RULE

    def __post_init__(self) -> None:
        possible = (
            0 <= self.misses <= self.parts
            and 0 <= self.undecided <= self.parts
            and 0 <= self.test_misses <= self.test_parts
        )
        if not possible:
            raise InvalidInput("the counts of a promise are not possible")

    @property
    def grounds(self) -> str:
        """What it rests on, in words."""
        return (
            f"{self.misses} of {self.parts} defective parts of the calibration group pass "
            f"with review cuts at {self.limit:.4f}"
        )

    @property
    def checked(self) -> str:
        """What parts say that chose nothing, in words."""
        if not self.test_parts:
            return "the test group has no defective part"
        return f"{self.test_misses} of {self.test_parts} defective parts of the test group pass there"


def percent(share: float) -> str:
    """0.01 as "1 %"."""
    return f"{100 * share:.8g} %"
