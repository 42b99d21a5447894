from dataclasses import replace

import pytest

from andon.domain.feedback import SendPolicy, SendReason
from andon.station.hub.pace import LEAST_PIECE, PIECE, Bucket, last_reason, piece_of
from andon.units import Timestamp

POLICY = SendPolicy(quota=10, hours=(22, 6))


def at(hour: int) -> Timestamp:
    return Timestamp(f"2026-11-21T{hour:02}:59:59.999999Z")


@pytest.mark.parametrize(
    ("hours", "open_at"),
    [
        ((0, 24), range(24)),
        ((8, 17), range(8, 17)),
        ((22, 6), (22, 23, 0, 1, 2, 3, 4, 5)),
        ((24, 6), range(6)),
    ],
)
def test_pictures_go_within_the_hours_and_no_others(hours: tuple[int, int], open_at: object) -> None:
    policy = SendPolicy(hours=hours)
    assert [hour for hour in range(24) if last_reason(policy, at(hour), 0)] == sorted(open_at)  # type: ignore[call-overload]


def test_after_the_quota_only_audit_samples_go() -> None:
    assert last_reason(POLICY, at(23), 9) is SendReason.RANDOM
    assert last_reason(POLICY, at(23), 10) is SendReason.AUDIT
    assert last_reason(replace(POLICY, quota=0), at(23), 0) is SendReason.AUDIT
    assert last_reason(replace(POLICY, quota=None), at(23), 10**9) is SendReason.RANDOM
    assert last_reason(POLICY, at(12), 0) is None


def test_over_any_while_no_more_goes_than_the_bandwidth_and_one_piece() -> None:
    bucket, rate, sent, now = Bucket(), 10_000, 0, 100.0
    for _ in range(1000):
        while bucket.is_ready(rate, now):
            bucket.take(piece_of(rate))
            sent += piece_of(rate)
        now += 0.5
    seconds = now - 100.0
    assert rate * (seconds - 1) <= sent <= rate * (seconds + 1) + piece_of(rate)


def test_a_pause_saves_up_one_second_at_most_and_no_rate_means_no_wait() -> None:
    bucket = Bucket()
    assert bucket.is_ready(1000, 0.0)
    bucket.take(1500)
    assert not bucket.is_ready(1000, 0.5)
    assert bucket.is_ready(1000, 5000.0)
    assert bucket.bytes == 1000
    bucket.take(10**9)
    assert bucket.is_ready(None, 5000.0)
    assert (piece_of(None), piece_of(1), piece_of(10**9)) == (PIECE, LEAST_PIECE, PIECE)
