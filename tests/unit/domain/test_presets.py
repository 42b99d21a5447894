"""Named settings, and what a fine-tune makes of them."""

from dataclasses import replace

import pytest

from andon.domain.presets import PRESETS, fine_tuned, preset

MODEL = "a" * 64


@pytest.mark.parametrize("family", PRESETS)
def test_a_fine_tune_is_gentler_and_else_as_it_was_asked_for(family: str) -> None:
    asked = replace(preset(family), regression=10)
    made = fine_tuned(asked, MODEL)
    assert made.learning_rate < asked.learning_rate
    assert made == replace(asked, start=MODEL, learning_rate=made.learning_rate)
