import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators import graphs

from andon.domain.models import Engine, OutputSpec, Precision, Variant
from andon.runtime.execution import REFERENCE, Executor, available
from andon.runtime.graph import CheckedGraph
from andon.runtime.predictions import ModelFailed

VARIANTS = pytest.mark.parametrize("variant", available(), ids=str)
FEATURED = replace(graphs.OUTPUT, features=3)
STRIDED = OutputSpec(concepts=graphs.CONCEPTS, maps=True, map_stride=4)


def spotted() -> np.ndarray:
    pixels = graphs.grey()[:, :, np.newaxis].copy()
    pixels[8:16, 20:32] = 217
    return pixels


@VARIANTS
def test_every_variant_gives_the_same_answer(variant: Variant) -> None:
    found = Executor(graphs.brightness_graph(), variant, threads=1).run(spotted())
    assert found.scores == pytest.approx([(217 / 255 - 0.5) * 2, (0.5 - 127 / 255) * 2], abs=0.01)
    assert found.maps is not None
    assert found.maps.shape == (2, 64, 64)
    assert (found.maps[0] > 0.5).sum() == 8 * 12


@VARIANTS
def test_maps_may_be_coarser_than_the_image(variant: Variant) -> None:
    found = Executor(graphs.brightness_graph(given=STRIDED), variant, threads=2).run(spotted())
    assert found.maps is not None
    assert found.maps.shape == (2, 16, 16)
    assert (found.maps[0] > 0.5).sum() == 2 * 3


@VARIANTS
def test_features_come_when_they_are_asked_for(variant: Variant) -> None:
    graph = graphs.brightness_graph(given=FEATURED)
    asked = Executor(graph, variant, threads=1, features=True).run(spotted())
    assert asked.features is not None
    assert asked.features == pytest.approx([spotted().mean() / 255, *asked.scores], abs=0.01)
    bare = Executor(graph, variant, threads=1).run(spotted())
    assert bare.features is None
    assert (bare.scores == asked.scores).all()


@VARIANTS
def test_a_graph_without_features_gives_none(variant: Variant) -> None:
    assert (
        Executor(graphs.brightness_graph(), variant, threads=1, features=True).run(spotted()).features
        is None
    )


@VARIANTS
def test_runs_do_not_remember_each_other(variant: Variant) -> None:
    executor = Executor(graphs.brightness_graph(), variant, threads=1)
    first = executor.run(spotted()).scores.copy()
    assert executor.run(np.zeros((64, 64, 1), np.uint8)).scores[1] == pytest.approx(1)
    assert (executor.run(spotted()).scores == first).all()


@VARIANTS
def test_engines_leave_the_arithmetic_of_the_process_alone(variant: Variant) -> None:
    """Flushing tiny numbers to zero would outlive the engine's run, in this thread and all it starts."""
    Executor(graphs.brightness_graph(), variant, threads=1).run(spotted())
    assert (np.array([2.0**-1070]) / np.array([2.0]))[0] == 2.0**-1071


@VARIANTS
def test_maps_of_another_shape_than_stated_are_not_believed(variant: Variant) -> None:
    honest = graphs.brightness_graph(given=STRIDED)
    lying = CheckedGraph(honest.content, honest.input, graphs.OUTPUT)
    with pytest.raises(ModelFailed, match=r"shape .*16, 16.*stated was .*64, 64"):
        Executor(lying, variant, threads=1).run(spotted())


@VARIANTS
def test_what_an_engine_cannot_run_is_said_in_one_line(variant: Variant) -> None:
    model = graphs.brightness_model()
    model.graph.node[2].input[1] = "nowhere"
    broken = CheckedGraph(model.SerializeToString(), graphs.INPUT, graphs.OUTPUT)
    with pytest.raises(ModelFailed, match="cannot open the graph") as refused:
        Executor(broken, variant, threads=1)
    assert "\n" not in refused.value.message
    with pytest.raises(ModelFailed):
        Executor(graphs.brightness_graph(), variant, threads=1).run(np.zeros((8, 8, 1), np.uint8))


def test_the_reference_is_offered_everywhere_and_first() -> None:
    assert available()[0] == REFERENCE
    assert len(set(available())) == len(available())
    assert Variant(Engine.OPENVINO, Precision.F32) in available()


def test_a_variant_that_is_not_offered_is_refused() -> None:
    with pytest.raises(ModelFailed, match="does not offer bf16"):
        Executor(graphs.brightness_graph(), Variant(Engine.ONNXRUNTIME, Precision.BF16), threads=1)


OPEN_EVERY_ENGINE = """
from simulators import graphs
from andon.runtime.execution import Executor, available
for variant in available():
    Executor(graphs.brightness_graph(), variant, 1).run(graphs.grey()[:, :, None])
"""


def test_engines_leave_no_trace_of_reporting_at_home(tmp_path: Path) -> None:
    """ONNX Runtime and OpenVINO keep an identifier and a queue of events at home when they report."""
    quiet = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    environment = {
        key: value for key, value in os.environ.items() if key not in quiet and "BUILD" not in key
    }
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", OPEN_EVERY_ENGINE], env=environment, check=True, timeout=120)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == []
