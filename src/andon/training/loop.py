"""The training loop, read from top to bottom.

Start modes, in this order: resume (the folder holds the state of the same run), fine-tune (a model or
weights are named), scratch.  The family that takes no steps leaves for ``remembering``.  A batch depends
on seed and step alone and the state file holds everything else, so a run that was killed and resumed ends
with the same weights as one that was not.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch
import torch.utils.deterministic as deterministic_memory

from andon.blobs.files import disk_errors
from andon.domain.datasets import Split
from andon.domain.models import InputSpec, OutputSpec
from andon.domain.runs import MetricPoint, Miss, TrainSettings
from andon.errors import TrainingDiverged
from andon.training import checkpoints
from andon.training.batches import Batches
from andon.training.evaluators import evaluate
from andon.training.models.families import FAMILIES, Plan
from andon.training.models.outputs import Outputs
from andon.training.pool import Pool
from andon.training.remembering import remember
from andon.training.samples import Sample, check, fingerprint, of_split
from andon.training.schedule import average_share, rate, steps_within
from andon.training.starting import begun
from andon.training.state import State, fresh, restore, save
from andon.training.trained import TrainedModel, keep

Report = Callable[[MetricPoint, int, float], None]
"""Told at each measured point: the point, the steps of the whole run, the seconds left."""

EVALUATIONS = 10
"""How often the stop group is measured; the state is saved each time."""

REPORTS = 100
"""How often the loss is reported."""

PROBE_STEPS = 7
"""Steps that are timed to turn minutes into steps. They leave no trace."""

WARM_STEPS = 3
"""The first of them are not counted: libraries prepare themselves in them."""

SAVE_SECONDS = 60.0
LARGEST_GRADIENT = 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """What stays the same during a run. ``stop`` are the positions of the stop group in ``pool``."""

    settings: TrainSettings
    concepts: tuple[str, ...]
    plan: Plan
    batches: Batches
    stop: range
    pool: Pool
    input: InputSpec
    output: OutputSpec


def train(
    samples: Sequence[Sample],
    concepts: tuple[str, ...],
    settings: TrainSettings,
    folder: Path,
    report: Report,
) -> TrainedModel:
    """Train, or go on training, in ``folder``.

    Args:
        samples: TRAIN images are learnt from, STOP images choose the checkpoint (without any, the last
            weights are taken); images of other groups are not touched.
        concepts: what to learn, in the order of the outputs.
        settings: how; ``steps`` None turns ``minutes`` into steps by a short measurement.
        folder: the state of the run is kept here, and the model when it is done. Where ``settings`` name a
            model to start from, its checkpoint lies here as ``checkpoints.START``.
        report: see :data:`Report`.

    Raises:
        NotPossible, InvalidInput: the samples cannot be learnt from, or the model to start from does
            not fit.
        Conflict: the folder holds the state of another run.
        TrainingDiverged: a loss was not finite; the state saved last is kept.
        NetworkError, NotFound: weights could not be fetched or read.
        DiskFull: no space is left for the state; the one saved last is kept.

    """
    started = time.process_time()
    check(samples, concepts, settings.family)
    key = sha256(repr((fingerprint(samples, concepts), settings)).encode()).hexdigest()
    if FAMILIES[settings.family].loss is None:
        with disk_errors(folder), deterministic(settings):
            folder.mkdir(parents=True, exist_ok=True)
            return remember(samples, concepts, settings, folder, report)
    with deterministic(settings):
        work = prepare(samples, concepts, settings)
        state = start(work, folder, key)
        if not state.steps:
            state.steps = settings.steps or fitting_steps(work, state, started)
            save(state, folder, key)
        saved = begun = time.monotonic() - state.seconds
        while state.step < state.steps:
            advance(work, state)
            state.seconds = time.monotonic() - begun
            worst: tuple[Miss, ...] = ()
            if due(state, EVALUATIONS):
                measured = evaluate(state.average, work.pool, work.stop, work.output)
                choose(state, measured.metrics)
                worst = measured.worst
            if due(state, REPORTS) or due(state, EVALUATIONS):
                tell(state, worst, report)
            if due(state, EVALUATIONS) or time.monotonic() - saved > SAVE_SECONDS:
                save(state, folder, key)
                saved = time.monotonic()
        return finish(work, state, folder)


def prepare(samples: Sequence[Sample], concepts: tuple[str, ...], settings: TrainSettings) -> Work:
    """Read every image of the train and stop groups once."""
    learnt, stop = of_split(samples, Split.TRAIN), of_split(samples, Split.STOP)
    pool = Pool(learnt + stop, settings)
    plan = FAMILIES[settings.family]
    output = OutputSpec(concepts, maps=plan.stride is not None, map_stride=plan.stride or 1)
    batches = Batches(pool, len(learnt), concepts, settings)
    positions = range(len(learnt), len(learnt) + len(stop))
    return Work(settings, concepts, plan, batches, positions, pool, pool.fill(), output)


def start(work: Work, folder: Path, key: str) -> State:
    """Resume, else begin at the model ``start``, else as ``weights`` says: pre-trained, or from scratch."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folder / checkpoints.STATE).exists():
        if work.settings.start is not None:
            return fresh(begun(work.settings, work.concepts, work.input, folder / checkpoints.START))
        network = work.plan.build(work.settings, len(work.concepts), work.input, True)
        if work.plan.begin is not None:
            work.plan.begin(network, work.batches)
        return fresh(network)
    bare = work.plan.build(work.settings, len(work.concepts), work.input, False)
    return restore(fresh(bare), folder, key)


def fitting_steps(work: Work, state: State, started: float) -> int:
    """Time a few steps and one evaluation on copies, and see how many fit into the CPU-minutes given."""
    probe = copy.deepcopy(State(state.network, state.average, state.optimizer, steps=1000))
    marks = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(PROBE_STEPS):
            advance(work, probe)
            marks.append(time.process_time())
        evaluate(probe.average, work.pool, work.stop, work.output)
    evaluation = time.process_time() - marks[-1]
    each = (marks[-1] - marks[WARM_STEPS - 1]) / (PROBE_STEPS - WARM_STEPS)
    fixed = time.process_time() - started + EVALUATIONS * evaluation
    return steps_within(60 * work.settings.minutes, each, fixed)


def advance(work: Work, state: State) -> None:
    """One optimiser step.

    Raises:
        TrainingDiverged: its loss is not finite.

    """
    batch = work.batches[state.step]
    state.network.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=work.plan.dense and fast_arithmetic()):
        outputs: Outputs = state.network(batch.image)
    assert work.plan.loss is not None
    loss = work.plan.loss(outputs.float(), batch)
    if not math.isfinite(loss.item()):
        raise TrainingDiverged(
            f"the loss became {loss.item()} at step {state.step + 1} of {state.steps}",
            "Lower the learning rate, or look at the images of this data set.",
        )
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), LARGEST_GRADIENT)
    for group in state.optimizer.param_groups:
        group["lr"] = rate(state.step, state.steps, work.settings.learning_rate)
    state.optimizer.step()
    follow(state, average_share(state.step, state.steps))
    state.losses.append(loss.item())
    state.step += 1


def follow(state: State, share: float) -> None:
    """Move the average towards the network; ``share`` of the old value stays. Statistics are copied."""
    with torch.no_grad():
        for old, new in zip(state.average.parameters(), state.network.parameters(), strict=True):
            old.lerp_(new, 1 - share)
        for kept, seen in zip(state.average.buffers(), state.network.buffers(), strict=True):
            kept.copy_(seen)


def choose(state: State, metrics: Mapping[str, float]) -> None:
    """Keep the weights if the stop group likes them at least as much as the best so far.

    The value is the mean of the metrics that are defined; where none is, later is better.
    """
    value = sum(metrics.values()) / len(metrics) if metrics else float(state.step)
    state.history.append(
        MetricPoint(state.step, state.seconds, {f"stop_{k}": v for k, v in metrics.items()})
    )
    if value >= state.best_value:
        state.best_value, state.best_step, state.best_metrics = value, state.step, dict(metrics)
        state.best_weights = {key: tensor.clone() for key, tensor in state.average.state_dict().items()}


def tell(state: State, worst: tuple[Miss, ...], report: Report) -> None:
    """Add the mean loss since the last time to the history; report it, ``worst``, and the time left."""
    last = state.history[-1] if state.history else None
    measured = dict(state.history.pop().values) if last and last.step == state.step else {}
    point = MetricPoint(
        state.step, state.seconds, {"loss": sum(state.losses) / len(state.losses), **measured}
    )
    state.history.append(point)
    state.losses = []
    report(
        replace(point, worst=worst), state.steps, state.seconds / state.step * (state.steps - state.step)
    )


def finish(work: Work, state: State, folder: Path) -> TrainedModel:
    """Write the chosen weights and say what they are."""
    names = " and ".join(sorted(state.best_metrics))
    trained = TrainedModel(
        checkpoint=folder / checkpoints.MODEL,
        settings=work.settings,
        concepts=work.concepts,
        input=work.input,
        output=work.output,
        steps=state.steps,
        best_step=state.best_step,
        chosen_by=f"mean of {names} on the stop group"
        if names
        else "last step: the stop group cannot tell",
        metrics=state.best_metrics,
        history=tuple(state.history),
    )
    keep(trained, state.best_weights)
    return trained


def due(state: State, times: int) -> bool:
    """Whether this step is one of ``times`` evenly spaced ones; the last always is."""
    return state.step == state.steps or state.step % max(1, state.steps // times) == 0


def fast_arithmetic() -> bool:
    """Whether this CPU multiplies bfloat16 natively; dense convolutions then cost half."""
    return bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def deterministic(settings: TrainSettings) -> Iterator[None]:
    """Same seed, same machine, same weights: threads, generators and algorithms are fixed inside."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fills = deterministic_memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    # Filling memory that is written anyway costs a tenth of a step.
    deterministic_memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        deterministic_memory.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
