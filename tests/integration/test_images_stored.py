"""Images on both databases: kept once with all their sources, found by digest, filtered and paged."""

from dataclasses import replace

import pytest
from simulators.stored_rows import ME, T0, T1, all_pages, image
from sqlalchemy import Connection

from andon.domain.images import ImageFilter
from andon.errors import Conflict, NotFound
from andon.store import images
from andon.store.images import AddOutcome
from andon.units import Digest, Timestamp, digest_of


def test_images_are_kept_once_and_their_sources_all(tx: Connection) -> None:
    made = [image(n) for n in range(5)]
    twin = replace(made[0], name="b/twin.png", blob=digest_of(b"other file"))
    assert images.add(tx, [*made, twin], "first", ME, T0) == AddOutcome(5, 1)
    assert images.add(tx, made, "first", ME, T1) == AddOutcome(0, 5)
    assert images.add(tx, made[:2], "second", ME, T1) == AddOutcome(0, 2)
    assert images.sources(tx) == {"first": 5, "second": 2}
    assert images.names(tx, [made[0].digest]) == {made[0].digest: ("a/0.png", "b/twin.png")}
    assert images.known_blobs(tx, [twin.blob, digest_of(b"new")]) == {twin.blob: made[0].digest}
    assert images.by_digests(tx, [m.digest for m in made]) == {m.digest: m for m in made}
    assert images.by_digest(tx, made[3].digest[:10]) == made[3]
    with pytest.raises(NotFound, match="no image 'zz'"):
        images.by_digest(tx, "zz")
    assert images.add(tx, [], "first", ME, T0) == AddOutcome(0, 0)


def test_a_short_beginning_of_a_digest_is_refused_when_it_fits_several(tx: Connection) -> None:
    made = [replace(image(n), digest=Digest(f"{n:064x}")) for n in range(2)]
    images.add(tx, made, "s", ME, T0)
    with pytest.raises(Conflict, match="several images begin with '000'"):
        images.by_digest(tx, "000")
    assert images.by_digest(tx, made[1].digest) == made[1]


def test_images_are_filtered_and_paged(tx: Connection) -> None:
    days = [f"2026-01-{day:02}T00:00:00.000000Z" for day in range(1, 21)]
    made = [
        image(n, line=f"l{n % 2}", station=f"s{n % 4}", lot=f"L{n // 5}", captured_at=days[n])
        for n in range(20)
    ]
    images.add(tx, made, "first", ME, T0)
    images.add(tx, made[:3], "second", ME, T0)
    assert all_pages(lambda after: images.page(tx, ImageFilter(), after, 3)) == made
    wanted = {
        ImageFilter(part_type="tile"): made,
        ImageFilter(part_type="cookie"): [],
        ImageFilter(line="l1"): made[1::2],
        ImageFilter(line="l1", station="s3"): made[3::4],
        ImageFilter(lot="L2"): made[10:15],
        ImageFilter(source="second"): made[:3],
        ImageFilter(captured_from=Timestamp(days[4]), captured_before=Timestamp(days[7])): made[4:7],
    }
    for query, expected in wanted.items():
        assert all_pages(lambda after, query=query: images.page(tx, query, after, 2)) == expected
        assert images.count(tx, query) == len(expected)
