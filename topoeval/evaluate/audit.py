"""What a dataset's labels are like before anyone is judged by them.

Asks what Berger et al. (Pitfalls of topology-aware image segmentation, arXiv 2412.14619) ask of a
dataset: does the connectivity change the counts, are there specks and pinholes that would
dominate them, do the labels meet the prior, what does the image edge cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.evaluate.classes import Classes, Priors, choose_classes, too_many
from topoeval.evaluate.label_map import read_labels
from topoeval.evaluate.parallel import Problem, over_cases
from topoeval.images import image_files, image_suffix
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
        ``holes_cut``: background regions that only the edge opens; ``matches_prior_V`` and
        ``..._T``; ``empty``.
    problems
        Files that could not be read.
    files
        The file of each case.
    classes
        What was looked at.
    topology
        Whose connectivity specks, pinholes and edges have.
    """

    cases: pd.DataFrame
    problems: list[Problem]
    files: dict[str, Path]
    classes: Classes
    topology: Topology

    def table(self) -> pd.DataFrame:
        """Return one row per class and question, with the share of cases above 0."""
        rows = []
        columns = [name for name in self.cases.columns if name not in ("case", "class")]
        for name, group in self.cases.groupby("class", sort=False):
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
) -> Audit:
    """Look at a file or a folder of label maps.

    Parameters
    ----------
    labels
        PNG, TIFF, NPY, NPZ or NIfTI; masks or label maps of 0 to 255.
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

    Raises
    ------
    UserError
        If there is no such file or folder, or an option is wrong. What is wrong with a single file
        becomes a problem of the result instead.
    """
    path = Path(labels)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if path.is_file() and image_suffix(path) is None:
        raise UserError(f"{path}: unknown image format")
    files = image_files(path) if path.is_dir() else [path]
    tell = listener or (lambda stage, done, total: None)
    found: list[set[int]] = []
    problems: list[Problem] = []
    good = files
    if classes is None:
        results = dict(_told(over_cases(_labels, files, str, jobs), "labels", len(files), tell))
        found = [result for result in results.values() if not isinstance(result, Problem)]
        problems = [result for result in results.values() if isinstance(result, Problem)]
        good = [file for i, file in enumerate(files) if not isinstance(results[i], Problem)]
    chosen = choose_classes(found, classes, False, priors or {})
    one = partial(_audit, classes=chosen, topology=topology)
    rows: dict[int, list[dict[str, Any]]] = {}
    for position, result in _told(over_cases(one, good, str, jobs), "audit", len(good), tell):
        if isinstance(result, Problem):
            problems.append(result)
        else:
            rows[position] = result
    return Audit(
        cases=pd.DataFrame([row for position in sorted(rows) for row in rows[position]]),
        problems=sorted(problems, key=lambda problem: problem.message),
        files={good[position].name: good[position] for position in sorted(rows)},
        classes=chosen,
        topology=topology,
    )


def _told(results: Any, stage: str, total: int, tell: Callable[[str, int, int], None]) -> Any:
    for done, result in enumerate(results, 1):
        tell(stage, done, total)
        yield result


def _labels(path: Path) -> set[int]:
    labels = read_labels(path).labels()
    if too_many(labels):
        raise UserError(
            f"{path}: holds {len(labels)} different labels, a grey image and not a label map; "
            "if they are classes, name them by --classes"
        )
    return labels


def _audit(path: Path, classes: Classes, topology: Topology) -> list[dict[str, Any]]:
    array = read_labels(path).array
    rows = []
    for name, mask in classes.masks(array).items():
        prior = classes.prior(name)
        if prior is not None and len(prior) != mask.ndim:
            raise UserError(
                f"{path}: {mask.ndim} axes, but the prior of class {name} has "
                f"{len(prior)} Betti numbers"
            )
        rows.append(
            {
                "case": path.name,
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
        betti = betti_numbers(mask, read)
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
    return {"components_at_edge": len(touching - {0}), "holes_cut": framed - plain}
