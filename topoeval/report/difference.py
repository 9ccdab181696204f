"""One stored case per dataset in which a person sees what the best method adds to its own base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topoeval.report.gains import HALF, Gains
from topoeval.report.gallery import Answer, Case, Gallery


@dataclass(frozen=True, slots=True)
class Difference:
    """The answers of a base and of the method that gains most over its own, to one image.

    Parameters
    ----------
    dataset
        Label of the dataset.
    seed
        The seed that the stored answers are of.
    case
        Input and truth: the first stored case that the method has right and the base has wrong.
    base, method
        Labels of the rows, each with its answer.
    right
        How many of the stored cases the base and the method have right, and how many there are.
    """

    dataset: str
    seed: int
    case: Case
    base: tuple[str, Answer]
    method: tuple[str, Answer]
    right: tuple[int, int, int]


def differences(
    found: Sequence[Gains], galleries: Mapping[str, Gallery | None]
) -> list[Difference]:
    """Return what can be shown, at most one case a dataset.

    Nothing of a dataset whose best method is not separated as better, and nothing where no stored
    case is right by the method and wrong by the base.
    """
    shown = []
    for one in found:
        examples = galleries.get(one.dataset)
        better = one.better(HALF)
        if examples is None or not better:
            continue
        line = next(line for line in one.lines if line.method == better[0])
        base, method = (examples.answers.get(arm, {}) for arm in (line.base, line.method))
        both = [c for c in examples.cases if c.name in base and c.name in method]
        seen = [c for c in both if method[c.name].right and base[c.name].right is False]
        if seen:
            right = [sum(bool(answers[c.name].right) for c in both) for answers in (base, method)]
            shown.append(
                Difference(
                    one.dataset,
                    examples.seed,
                    seen[0],
                    (line.base, base[seen[0].name]),
                    (line.method, method[seen[0].name]),
                    (right[0], right[1], len(both)),
                )
            )
    return shown
