"""Example pictures: input, truth and the methods' predictions, topological errors in colour.

They are small PNG files of few colours inside the page, so that a page shows as many side by side
as it is wide, and a report in version control stays text.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from topoeval.errors import UserError
from topoeval.records.record import OK, Example
from topoeval.report.overlay import agreement, compared, thickest
from topoeval.report.row import MethodRow
from topoeval.results.records import Records
from topoeval.topology import Topology

MOST_CASES = 6
# Foreground is p >= 0.5; examples store rint(255 p).
_HALF = 128

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """One method's prediction of one case: picture, Betti numbers, whether they are right."""

    picture: str
    betti: str
    right: bool | None


@dataclass(frozen=True, slots=True)
class Case:
    """The input of a method, and the true mask."""

    name: str
    image: str
    target: str
    betti: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The stored examples of a dataset, of one seed.

    Parameters
    ----------
    seed
        The seed that most methods have examples of, the lowest on a tie.
    ndim
        Spatial dimensions; of a volume one slice is shown.
    cases
        At most `MOST_CASES`, chosen by their truth alone.
    answers
        By arm, then by name of the case.
    """

    seed: int
    ndim: int
    cases: tuple[Case, ...]
    answers: Mapping[str, Mapping[str, Answer]]


def gallery(records: Records, dataset: str, rows: Sequence[MethodRow]) -> Gallery | None:
    """Collect the examples of a dataset; None if no run has any.

    Raises
    ------
    UserError
        If an example cannot be unpacked.
    """
    seed, runs = _runs(records, dataset)
    shown = {row.arm: runs[row.arm] for row in rows if row.arm in runs}
    if not shown:
        return None
    topology = Topology.parse(records.documents[next(iter(shown.values()))].spec.topology)
    scores = {
        identity: cases.set_index("case")
        for identity, cases in records.cases[records.cases["id"].isin(shown.values())].groupby("id")
    }
    truths: dict[str, tuple[str, Example, str]] = {}
    for identity in shown.values():
        for example in records.documents[identity].examples:
            betti = _betti(_values(scores[identity], example.case), "_true")
            truths.setdefault(example.case, (betti, example, identity))
    chosen = _choose({case: betti for case, (betti, *_) in truths.items()})
    cases = tuple(_case(name, *truths[name]) for name in chosen)
    answers = {
        arm: {
            example.case: _answer(example, scores[identity], identity, topology)
            for example in records.documents[identity].examples
            if example.case in chosen
        }
        for arm, identity in shown.items()
    }
    # A record may keep a slice of a volume; its Betti numbers are those of the volume.
    ndim = 3 if any("b2" in t and t["b2"].notna().any() for t in scores.values()) else 2
    return Gallery(seed, ndim, cases, answers)


def decode(packed: str, shape: Sequence[int]) -> Bytes:
    """Unpack base64 of zlib of uint8 in C order.

    Raises
    ------
    ValueError
        If the text is not of that form or does not fill the shape.
    """
    try:
        raw = zlib.decompress(base64.b64decode(packed, validate=True))
    except zlib.error as error:
        raise ValueError(str(error)) from None
    return np.frombuffer(raw, dtype=np.uint8).reshape(tuple(shape))


def _runs(records: Records, dataset: str) -> tuple[int, dict[str, str]]:
    """Return a seed and its runs with examples, as identities by arm."""
    runs = records.runs[(records.runs["dataset"] == dataset) & (records.runs["status"] == OK)]
    runs = runs[[bool(records.documents[i].examples) for i in runs["id"]]]
    if runs.empty:
        return 0, {}
    counts = runs["seed"].value_counts()
    seed = min(counts.index, key=lambda s: (-counts[s], s))
    chosen = runs[runs["seed"] == seed]
    return int(seed), dict(zip(chosen["arm"], chosen["id"], strict=True))


def _choose(truths: Mapping[str, str]) -> list[str]:
    """Choose the cases to show by their truth alone: every topology once, then in order."""
    seen = list(truths.values())
    order = list(truths)
    # False sorts first: the first case of each topology goes before all repetitions.
    ranked = sorted(order, key=lambda case: seen.index(truths[case]) != order.index(case))
    chosen = set(ranked[:MOST_CASES])
    return [case for case in order if case in chosen]


def _case(name: str, betti: str, example: Example, identity: str) -> Case:
    image, target, _ = _unpacked(example, identity)
    where = thickest(target >= _HALF)
    return Case(name, png(image[where]), png(target[where]), betti)


def _answer(example: Example, scores: pd.DataFrame, identity: str, topology: Topology) -> Answer:
    _, target, prediction = _unpacked(example, identity)
    truth = target >= _HALF
    values = _values(scores, example.case)
    if truth.ndim == 2 and pd.notna(values.get("b2")):
        picture = agreement(prediction >= _HALF, truth, topology)
    else:
        picture = compared(prediction >= _HALF, truth, topology, where=thickest(truth))
    right = values.get("matches_truth")
    return Answer(
        picture=png(np.rint(picture * 255).astype(np.uint8)),
        betti=_betti(values, ""),
        right=None if right is None or pd.isna(right) else bool(right),
    )


def _unpacked(example: Example, identity: str) -> tuple[Bytes, Bytes, Bytes]:
    try:
        image, target, prediction = (
            decode(packed, example.shape)
            for packed in (example.image, example.target, example.prediction)
        )
    except ValueError as error:
        raise UserError(
            f"record {identity}: example {example.case!r} cannot be unpacked ({error})"
        ) from None
    return image, target, prediction


def png(picture: Bytes) -> str:
    """Return an address that holds the picture itself: ``(H, W)`` grey or ``(H, W, 3)`` colours."""
    if picture.ndim == 2:
        image = Image.fromarray(picture)
    else:
        colours, index = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
        image = Image.fromarray(index.reshape(picture.shape[:2]).astype(np.uint8))
        image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _values(scores: pd.DataFrame, case: str) -> Mapping[str, Any]:
    found: dict[str, Any] = scores.loc[case].to_dict() if case in scores.index else {}
    return found


def _betti(values: Mapping[str, Any], suffix: str) -> str:
    numbers = [values.get(f"b{k}{suffix}") for k in range(3)]
    return ", ".join(str(int(n)) for n in numbers if n is not None and not pd.isna(n))
