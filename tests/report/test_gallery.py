"""Predictions side by side: which cases, which slice, which colours."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from tests.report.conftest import make_record, pack, ring, write_records
from topoeval.report.gallery import decode, gallery, png
from topoeval.report.summary import summarise
from topoeval.results.records import read


def test_examples_colour_what_is_wrong(report: Path) -> None:
    """A broken ring has lost its hole: the picture holds the colour of a missed one."""
    records = read(report.parent / "records")
    found = gallery(records, "strokes", summarise(records).of("strokes"))
    assert found is not None
    for answers in found.answers.values():
        for answer in answers.values():
            missed = bytes.fromhex("56B4E9") in palette(answer.picture)
            assert missed == (not answer.right)


def palette(address: str) -> bytes:
    """Return the colours of a picture in a page."""
    return base64.b64decode(address.partition(",")[2])


def test_examples_show_every_topology_before_repeating_one(tmp_path: Path) -> None:
    """Of many rings and one disc at the end, the disc is shown."""
    record = make_record(dice=[0.9] * 9, right=[True] * 9)
    record["cases"]["b1_true"][8] = 0
    first = record["examples"][0]
    record["examples"] = [{**first, "case": case} for case in record["cases"]["case"]]
    records = read(write_records(tmp_path / "records", [record]))
    found = gallery(records, "strokes", summarise(records).rows)
    assert found is not None
    assert [case.name for case in found.cases] == [*record["cases"]["case"][:5], "test-008"]


def test_volumes_show_one_slice_for_all(tmp_path: Path) -> None:
    """The slice with most foreground in the truth, whatever the answer is."""
    record = make_record(changes={"cases.b2": [0] * 4, "cases.b2_true": [0] * 4})
    volume = np.stack([ring(4), ring(9), ring(6)])
    record["examples"] = [
        {
            "case": "test-000",
            "shape": [3, 28, 28],
            "image": pack(volume),
            "target": pack(volume),
            "prediction": pack(volume[::-1]),
        }
    ]
    records = read(write_records(tmp_path / "records", [record]))
    found = gallery(records, "strokes", summarise(records).rows)
    assert found is not None
    assert found.ndim == 3
    assert found.cases[0].target == png(ring(9))


def test_slice_of_a_volume_is_not_coloured(tmp_path: Path) -> None:
    """What looks apart in the slice may be joined outside, so greys say where masks differ."""
    flat = make_record(right=[False] * 4)
    kept = make_record("dice_ce", right=[False] * 4, changes={"cases.b2": [0] * 4})
    for name, record, coloured in (("flat", flat, True), ("kept", kept, False)):
        records = read(write_records(tmp_path / name, [record]))
        found = gallery(records, "strokes", summarise(records).rows)
        assert found is not None
        (answers,) = found.answers.values()
        assert all(
            (bytes.fromhex("56B4E9") in palette(answer.picture)) == coloured
            for answer in answers.values()
        )


def test_decode_inverts_packing() -> None:
    """Shape and values come back in C order."""
    picture = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(decode(pack(picture), [2, 3, 4]), picture)
