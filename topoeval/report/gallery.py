"""Example pictures: input, truth and every method's answer, with their Betti numbers."""

from __future__ import annotations

import base64
import re
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from topoeval.errors import UserError
from topoeval.report.drawing import INK, RIGHT, WRONG, Drawing, entitle, plotting, to_svg
from topoeval.report.summary import THRESHOLD, Row, Summary
from topoeval.results.document import OK
from topoeval.results.records import Records

MOST_CASES = 6
_CELL = 1.25
_SIGN = {True: "✓", False: "✗"}

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """One method's answer to one case."""

    image: Picture
    target: Picture
    prediction: Picture
    betti: str
    betti_true: str
    right: bool | None


def draw_examples(records: Records, summary: Summary) -> list[Drawing]:
    """Draw one grid of examples per dataset that has any."""
    drawings = (_grid_of(records, summary, dataset) for dataset in summary.datasets)
    return [drawing for drawing in drawings if drawing is not None]


def decode(packed: str, shape: Sequence[int]) -> Picture:
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


def _grid_of(records: Records, summary: Summary, dataset: str) -> Drawing | None:
    rows = summary.of(dataset)
    seed, answers = _answers(records, dataset, rows)
    cases = _choose(answers)
    if not cases:
        return None
    judged = [a.right for by in answers.values() for c, a in by.items() if c in cases]
    known = [right for right in judged if right is not None]
    title = (
        f"{dataset}: {sum(known)} of {len(known)} answers shown have the Betti numbers of the truth"
    )
    name = "examples-" + (re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "dataset")
    shown = [row for row in rows if row.arm in answers]
    with plotting(name):
        # Room for a line of Betti numbers under each picture and three lines of header.
        size = (_CELL * (len(shown) + 2), (_CELL + 0.2) * len(cases) + 0.45)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(cases), len(shown) + 2, squeeze=False)
        for line, case in zip(panels, cases, strict=True):
            _draw_case(line, case, [answers[row.arm].get(case) for row in shown])
        for axes, header in zip(
            panels[0], ["input", "truth", *(r.title for r in shown)], strict=True
        ):
            axes.set_title(_wrap(header), fontsize=8.5, loc="center")
        footer = f"{summary.topologies[dataset]}; {THRESHOLD}; seed {seed}"
        entitle(figure, title, footer)
        svg = to_svg(figure)
    caption = (
        "Rows are cases that the runs stored, chosen by their truth and not by the answers. Below "
        "each picture its Betti numbers (components, holes"
        f"{', cavities' if _is_3d(answers) else ''}); ✓ and a green frame: those of the truth, "
        "✗ and an orange frame: others."
        + (" Of a volume one slice is shown." if _is_3d(answers) else "")
    )
    return Drawing(name, title, caption, svg)


def _choose(answers: Mapping[str, Mapping[str, Answer]]) -> list[str]:
    """Choose the cases to show by their truth alone: every topology once, then in order."""
    truths: dict[str, str] = {}
    for by_case in answers.values():
        for case, answer in by_case.items():
            truths.setdefault(case, answer.betti_true)
    seen = list(truths.values())
    order = list(truths)
    # False sorts first: the first case of each topology goes before all repetitions.
    ranked = sorted(order, key=lambda case: seen.index(truths[case]) != order.index(case))
    chosen = set(ranked[:MOST_CASES])
    return [case for case in order if case in chosen]


def _answers(
    records: Records, dataset: str, rows: Sequence[Row]
) -> tuple[int, dict[str, dict[str, Answer]]]:
    """Collect the stored examples of the seed that most methods have, the lowest on a tie."""
    runs = records.runs[(records.runs["dataset"] == dataset) & (records.runs["status"] == OK)]
    runs = runs[runs["id"].map(lambda i: bool(records.documents[i].get("examples"))).astype(bool)]
    if runs.empty:
        return 0, {}
    counts = runs["seed"].value_counts()
    seed = min(counts.index, key=lambda s: (-counts[s], s))
    chosen = runs[runs["seed"] == seed].set_index("arm")["id"]
    answers: dict[str, dict[str, Answer]] = {}
    for row in rows:
        if row.arm not in chosen.index:
            continue
        identity = chosen[row.arm]
        cases = records.cases[records.cases["id"] == identity].set_index("case")
        answers[row.arm] = {
            str(example["case"]): _answer(example, cases, identity)
            for example in records.documents[identity]["examples"]
        }
    return int(seed), answers


def _answer(example: Mapping[str, Any], cases: pd.DataFrame, identity: str) -> Answer:
    try:
        pictures = [
            decode(example[key], example["shape"]) for key in ("image", "target", "prediction")
        ]
    except (KeyError, ValueError) as error:
        raise UserError(
            f"record {identity}: example {example.get('case')!r} cannot be unpacked ({error})"
        ) from None
    if pictures[1].ndim == 3:
        # The slice with most foreground in the truth, the same one in all three volumes.
        best = int(np.argmax(pictures[1].astype(int).sum(axis=(1, 2))))
        pictures = [picture[best] for picture in pictures]
    case = str(example["case"])
    values = cases.loc[case] if case in cases.index else pd.Series(dtype=object)
    right = values.get("matches_truth")
    return Answer(
        image=pictures[0],
        target=pictures[1],
        prediction=pictures[2],
        betti=_betti(values, ""),
        betti_true=_betti(values, "_true"),
        right=None if right is None or pd.isna(right) else bool(right),
    )


def _betti(values: pd.Series, suffix: str) -> str:
    numbers = [values.get(f"b{k}{suffix}") for k in range(3)]
    return ", ".join(str(int(n)) for n in numbers if n is not None and not pd.isna(n))


def _draw_case(line: Sequence[Axes], case: str, answers: Sequence[Answer | None]) -> None:
    first = next(answer for answer in answers if answer is not None)
    _picture(line[0], first.image, _wrap(case))
    _picture(line[1], first.target, f"({first.betti_true})")
    for axes, answer in zip(line[2:], answers, strict=True):
        if answer is None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "no example", ha="center", va="center", fontsize=8)
            continue
        sign = "" if answer.right is None else f" {_SIGN[answer.right]}"
        _picture(axes, answer.prediction, f"({answer.betti}){sign}")
        if answer.right is not None:
            for spine in axes.spines.values():
                spine.set(visible=True, color=RIGHT if answer.right else WRONG, linewidth=2.6)


def _picture(axes: Axes, picture: Picture, below: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(below, fontsize=9, labelpad=3)
    for spine in axes.spines.values():
        spine.set(visible=True, color=INK, linewidth=0.6)


def _wrap(text: str, width: int = 15) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _is_3d(answers: Mapping[str, Mapping[str, Answer]]) -> bool:
    return any(a.betti.count(",") == 2 for by_case in answers.values() for a in by_case.values())
