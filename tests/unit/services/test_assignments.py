"""What a station may be told to run: what gate and evaluation have judged, and nothing else."""

from dataclasses import replace

import pytest
from simulators.records import FAST, package

from andon.domain.models import Engine, Package, Parity, Precision, Variant
from andon.errors import Refused
from andon.services.assignments import usable_variants

HALF = Variant(Engine.OPENVINO, Precision.BF16)


def with_parity(*variants: Variant) -> Package:
    return replace(package(), parity=tuple(Parity(v, 3, 0.001, 0.01, (), 0.02) for v in variants))


def test_a_station_gets_the_variants_that_were_judged() -> None:
    reference = Variant(Engine.ONNXRUNTIME, Precision.F32)
    assert usable_variants(with_parity(reference, HALF, FAST)) == (reference, FAST)
    with pytest.raises(Refused, match="single precision"):
        usable_variants(with_parity(HALF))
