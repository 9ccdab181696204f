"""What a dataset's labels are like before anyone is judged by them.

Asks what Berger et al. (Pitfalls of topology-aware image segmentation, arXiv 2412.14619) ask of a
dataset: does the connectivity change the counts, are there specks and pinholes that would
dominate them, do the labels meet the prior, what does the image edge cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.evaluate.classes import (
    Classes,
    Priors,
    choose_classes,
    notes_on_ignored,
    only_ignored,
)
from topoeval.evaluate.label_names import LabelNames, check_ignored
from topoeval.evaluate.parallel import Problem, Workers
from topoeval.images import image_files, is_image, known_suffixes, split_inside
from topoeval.images.formats import hidden_files, hidden_passed_over, other_files, passed_over
from topoeval.images.reading import Reading, decide, read_labels
from topoeval.images.survey import Survey, Terms, survey
from topoeval.metrics import betti_matches, betti_numbers, enclosed, label
from topoeval.topology import Border, Construction, Topology

# Largest sizes, in voxels, of what counts as a speck or a pinhole.
SIZES = (1, 4, 16, 64)
CONSTRUCTIONS = get_args(Construction)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What came out.

    Parameters
    ----------
    cases
        One row per case and class. ``b0_V ...``, ``b0_T ...``: Betti numbers under both
        constructions; ``susceptibility_foreground`` and ``..._background``: by how much the counts
        of components differ between them; ``specks_N`` and ``pinholes_N``: components and holes of
        at most N voxels; ``components_at_edge``: components that touch the image edge;
        ``holes_cut``: background regions that touch the image edge, so that only it opens them,
        but for one, the outside; ``matches_prior_V`` and ``..._T``; ``empty``.
    problems
        Files that could not be read.
    files
        The file of each case.
    classes
        What was looked at.
    reading
        What the values of the files were read as.
    ignored
        The label of voxels that are left out.
    topology
        Whose connectivity specks, pinholes and edges have.
    notes
        What was found that concerns all files, a line each.
    """

    cases: pd.DataFrame
    problems: list[Problem]
    files: dict[str, Path]
    classes: Classes
    reading: Reading
    ignored: int | None
    topology: Topology
    notes: list[str] = field(default_factory=list)

    def mask(self, case: str, name: str) -> NDArray[np.bool_]:
        """Return the mask of a class of a case, read again."""
        return self.classes.mask(_read(self.files[case], self.reading, self.ignored), name)

    def _repr_html_(self) -> str:
        """Return the table, for notebooks."""
        return str(self.table().to_html(index=False))

    def table(self) -> pd.DataFrame:
        """Return one row per class and question, with the share of cases above 0."""
        rows = []
        columns = [name for name in self.cases.columns if name not in ("case", "class")]
        groups = [] if self.cases.empty else self.cases.groupby("class", sort=False)
        for name, group in groups:
            for column in columns:
                values = group[column].dropna().astype(float)
                rows.append(
                    {
                        "class": name,
                        "question": column,
                        "n": len(values),
                        "mean": values.mean(),
                        "largest": values.max(),
                        "cases_above_0": float((values > 0).mean()),
                    }
                )
        return pd.DataFrame(rows)


def audit(
    labels: Path | str,
    topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
    classes: tuple[str, ...] | None = None,
    priors: Priors | None = None,
    jobs: int = 1,
    listener: Callable[[str, int, int], None] | None = None,
    *,
    names: LabelNames | None = None,
    ignore: int | None = None,
    lossy: bool = False,
    axes: str | None = None,
) -> Audit:
    """Look at a file or a folder of label maps.

    Parameters
    ----------
    labels
        A file of a format of `topoeval.images`, or a folder of them.
    topology
        Whose connectivity specks, pinholes and edges have.
    classes
        Names of the classes; None finds them in the files.
    priors
        Betti numbers by class; under None those of every class.
    jobs
        Processes side by side.
    listener
        Told the stage and how many of how many cases it has done.
    names, ignore, lossy, axes
        As `labels` and the others of `topoeval.evaluate.Options`; ignored voxels are background.

    Raises
    ------
    UserError
        If there is no such file or folder, or an option is wrong. What is wrong with a single file
        becomes a problem of the result instead.
    """
    path = Path(labels)
    place = split_inside(path)[0]
    if not place.exists():
        raise UserError(f"{path}: no such file or folder")
    single = is_image(path)
    if place.is_file() and not single:
        raise UserError(f"{path}: unknown image format; known are {known_suffixes()}")
    files = [path] if single else image_files(path, deep=True)
    strange = [] if single else other_files(path, deep=True)
    hidden = [] if single else hidden_files(path, deep=True)
    notes = [passed_over(path, strange)] if strange else []
    notes += [hidden_passed_over(path, hidden)] if hidden else []
    tell = listener or (lambda stage, done, total: None)
    terms = Terms(lossy=lossy, many=classes is not None, axes=axes)
    check_ignored(ignore, names)
    ignored = names.ignore if ignore is None and names is not None else ignore
    problems: list[Problem] = []
    with Workers(min(jobs, len(files))) as workers:
        surveys: dict[int, Survey] = {}
        look = partial(survey, terms=terms)
        for position, seen in _told(workers.over(look, files, str), "files", len(files), tell):
            _sorted_out(position, seen, surveys, problems)
        good = [files[position] for position in sorted(surveys)]
        reading = decide(list(surveys.values()), terms, () if ignored is None else (ignored,))
        found = reading.labels - {ignored}
        if reading.labels == {ignored}:
            only_ignored(found, ignored, None)
        chosen = choose_classes(found, classes, False, priors or {}, names)
        if good:
            held = ignored in reading.labels
            named = classes is not None or names is not None
            notes += notes_on_ignored(found, ignored, held, named, "file", "looked at")
        one = partial(
            _audit, classes=chosen, reading=reading, ignored=ignored, topology=topology,
            base=path if len(files) > 1 or not single else path.parent,
        )  # fmt: skip
        rows: dict[int, list[dict[str, Any]]] = {}
        for position, made in _told(workers.over(one, good, str), "audit", len(good), tell):
            _sorted_out(position, made, rows, problems)
    return Audit(
        cases=pd.DataFrame([row for position in sorted(rows) for row in rows[position]]),
        problems=sorted(problems, key=lambda problem: problem.message),
        files={rows[position][0]["case"]: good[position] for position in sorted(rows)},
        classes=chosen,
        reading=reading,
        ignored=ignored,
        topology=topology,
        notes=notes,
    )


def _sorted_out(position: int, result: Any, found: dict[int, Any], problems: list[Problem]) -> None:
    if isinstance(result, Problem):
        problems.append(result)
    else:
        found[position] = result


def _told(results: Any, stage: str, total: int, tell: Callable[[str, int, int], None]) -> Any:
    for done, result in enumerate(results, 1):
        tell(stage, done, total)
        yield result


def _read(path: Path, reading: Reading, ignored: int | None) -> NDArray[Any]:
    array = read_labels(path, reading).array
    return array if ignored is None else np.where(array == ignored, 0, array)


def _audit(
    path: Path,
    classes: Classes,
    reading: Reading,
    ignored: int | None,
    topology: Topology,
    base: Path,
) -> list[dict[str, Any]]:
    array = _read(path, reading, ignored)
    file, _ = split_inside(path)
    case = file.relative_to(split_inside(base)[0]).as_posix()
    rows = []
    for name in classes.names:
        mask = classes.mask(array, name)
        prior = classes.prior(name)
        if prior is not None and len(prior) != mask.ndim:
            raise UserError(
                f"{path}: {mask.ndim} axes, but the prior of class {name} has "
                f"{len(prior)} Betti numbers"
            )
        rows.append(
            {
                "case": case,
                "class": name,
                **_counts(mask, prior, topology),
                **_sizes(mask, topology),
                **_edges(mask, topology),
                "empty": not mask.any(),
            }
        )
    return rows


def _counts(
    mask: NDArray[np.bool_], prior: tuple[int, ...] | None, topology: Topology
) -> dict[str, Any]:
    """Betti numbers under both constructions, and what depends on the choice."""
    found: dict[str, Any] = {}
    foreground, background = [], []
    for construction in CONSTRUCTIONS:
        read = replace(topology, construction=construction)
        betti = betti_numbers(mask, read, mask.ndim)
        found |= {f"b{k}_{construction}": int(value) for k, value in enumerate(betti)}
        if prior is not None:
            found[f"matches_prior_{construction}"] = bool(betti_matches(betti, prior))
        foreground.append(int(betti[0]))
        background.append(int(betti[-1]))
    found["susceptibility_foreground"] = abs(foreground[0] - foreground[1])
    found["susceptibility_background"] = abs(background[0] - background[1])
    return found


def _sizes(mask: NDArray[np.bool_], topology: Topology) -> dict[str, int]:
    """Small components and holes, by size."""
    found: dict[str, int] = {}
    regions = {
        "specks": label(mask, topology.foreground_connectivity(mask.ndim))[0],
        "pinholes": enclosed(mask, topology)[0],
    }
    for kind, labels in regions.items():
        sizes = np.bincount(labels.ravel())[1:]
        found |= {f"{kind}_{most}": int(np.count_nonzero(sizes <= most)) for most in SIZES}
    return found


def _edges(mask: NDArray[np.bool_], topology: Topology) -> dict[str, int]:
    """What the image edge cuts."""
    labels, _ = label(mask, topology.foreground_connectivity(mask.ndim))
    touching = set()
    for axis in range(mask.ndim):
        sides = labels.swapaxes(0, axis)
        touching |= set(np.unique(sides[0])) | set(np.unique(sides[-1]))
    # Every background region is a hole of the framed image; of the plain one, those inside.
    plain, framed = (
        enclosed(mask, Topology(topology.construction, border=border))[1]
        for border in get_args(Border)
    )
    # One of the regions that touch the edge is the outside of the structure, and no hole.
    return {"components_at_edge": len(touching - {0}), "holes_cut": max(framed - plain - 1, 0)}
