"""What a station counts, for Prometheus: read from the live state when asked, nothing is counted twice."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode
from andon.station.running.clock import Clock
from andon.station.state.condition import Word, condition_of, last_inference
from andon.station.state.line import LineState, percentile

QUANTILES = (0.5, 0.95, 0.99)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class StationCollector(Collector):
    """Gives the numbers of one station, each with the labels ``line`` and ``station``."""

    def __init__(self, state: LineState, clock: Clock, patience: float) -> None:
        self._state = state
        self._clock = clock
        self._patience = patience

    def collect(self) -> Iterator[Metric]:
        """All of them, now."""
        state = self._state
        told = "Parts by the verdict that holds, counted when their record is settled."
        parts = CounterMetricFamily("andon_parts", told, labels=("line", "station", "verdict"))
        for verdict in Verdict:
            parts.add_metric([*self._names, verdict.value], state.settled[verdict])
        shed = CounterMetricFamily(
            "andon_shed", "Given up for lack of room.", labels=("line", "station", "kind")
        )
        for kind, count in state.shed.items():
            shed.add_metric([*self._names, kind], count)
        alarms = GaugeMetricFamily("andon_alarm", "1 while it stands.", labels=("line", "station", "code"))
        for code in AlarmCode:
            alarms.add_metric([*self._names, code.value], float(code in state.alarms))
        unheard = CounterMetricFamily(
            "andon_answers_unheard", "Answers that did not reach the plant.", labels=("line", "station")
        )
        unheard.add_metric(self._names, state.unheard)
        yield from (parts, shed, alarms, unheard, self._latency(), self._shadow())
        yield from self._gauges()

    @property
    def _names(self) -> list[str]:
        return [self._state.line, self._state.station]

    def _latency(self) -> Metric:
        labels = ("line", "station", "quantile")
        told = "Milliseconds from frame to verdict over the last thousand parts."
        latency = GaugeMetricFamily("andon_frame_to_verdict_milliseconds", told, labels=labels)
        ordered = sorted(self._state.latencies)
        for quantile in QUANTILES if ordered else ():
            latency.add_metric([*self._names, f"{quantile:g}"], percentile(ordered, quantile))
        return latency

    def _shadow(self) -> Metric:
        told = "Parts that a model beside judged, and those it had no time for, since it began."
        shadow = GaugeMetricFamily("andon_shadow_parts", told, labels=("line", "station", "outcome"))
        count = self._state.shadow
        if count is not None:
            for outcome, parts in (("judged", count.judged), ("dropped", count.dropped)):
                shadow.add_metric([*self._names, outcome], parts)
        return shadow

    def _gauges(self) -> Iterator[Metric]:
        state, now = self._state, self._clock.monotonic()
        running = condition_of(state, now, self._patience).word is Word.RUNNING
        last = last_inference(state)
        numbers = {
            "andon_running": ("1 where parts are judged and answers heard.", float(running)),
            "andon_parts_per_second": ("Over the last ten seconds.", state.per_second(now)),
            "andon_spool_records": ("Records without the hub's receipt.", float(state.spool)),
            "andon_held_parts": ("Parts that wait for a person.", float(state.held)),
            "andon_disk_free_bytes": ("Free on the station's disk.", float(state.disk_free)),
            "andon_assignment_counter": (
                "Of the assignment that runs; 0 without one.",
                float(state.assignment.counter if state.assignment else 0),
            ),
        }
        if last is not None:
            told = "Seconds since a model judged a part."
            numbers["andon_seconds_since_inference"] = (told, max(0.0, now - last))
        for name, (told, value) in numbers.items():
            gauge = GaugeMetricFamily(name, told, labels=("line", "station"))
            gauge.add_metric(self._names, value)
            yield gauge


def exposition(state: LineState, clock: Clock, patience: float) -> bytes:
    """The numbers in the text form that Prometheus reads (:data:`CONTENT_TYPE`)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StationCollector(state, clock, patience))
    return generate_latest(registry)
