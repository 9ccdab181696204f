"""Presets: the columns, conventions and means of challenges, by one word.

A preset follows the published description of a challenge. Where its numbers were held against code
of the challenge or of a library that it uses, `Preset.checked` says which; elsewhere they are not
claimed to be those of the official scorer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from topoeval.errors import UserError, nearest
from topoeval.evaluate.scoring import Options
from topoeval.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a challenge scores, and how.

    Parameters
    ----------
    title
        The challenge, in a line.
    columns
        Names of its scores.
    topology
        Construction and border.
    tolerance
        Of NSD, surface Dice and networks; None leaves that of the command.
    ignore
        The label of the truth to leave out.
    missing
        What a target without a prediction scores.
    checked
        Against what its numbers were held; empty where they follow the description.
    reading
        What one must know to compare its values with the official ones.
    differs
        What of the official score it does not have.
    source
        Where the description is.
    """

    title: str
    columns: tuple[str, ...]
    source: str
    topology: str = "T"
    tolerance: float | None = None
    ignore: int | None = None
    missing: Literal["leave-out", "worst"] = "worst"
    checked: str = ""
    reading: str = ""
    differs: str = ""

    def lines(self) -> list[str]:
        """Return what to print above a table."""
        held = f"checked against {self.checked}" if self.checked else "follows the description"
        lines = [f"{self.title}; {held} ({self.source})"]
        lines += [self.reading] * bool(self.reading)
        lines += [f"not in it: {self.differs}"] * bool(self.differs)
        worst = self.missing == "worst"
        scores = "scores the worst of each column" if worst else "is left out"
        return [*lines, f"a target without a prediction {scores}, whatever --missing says"]


PRESETS: Mapping[str, Preset] = {
    "vesuvius": Preset(
        title="Vesuvius surface detection",
        columns=(
            "vesuvius", "vesuvius_topology", "vesuvius_surface", "vesuvius_partition",
            "vesuvius_exact", "vesuvius_topology_exact",
        ),
        ignore=2,
        checked="Betti-Matching-3D of topolosses 0.2 (134 of 136 octants equal; ties decide the "
        "others, decision 61), surface-distance 0.1 and scikit-image, part by part",
        differs="predicted voxels of value 2 as foreground: here 2 is the label to leave out, and "
        "where the truth lacks it a prediction of it is background",
        source="kaggle.com/competitions/vesuvius-challenge-surface-detection",
    ),
    "topcow24": Preset(
        title="TopCoW 2024, segmentation",
        columns=("dice", "cldice_as_thinned", "betti_error_0", "topcow_hd95", "detection_error"),
        checked="the tests of CoWBenchmark/TopCoW_Eval_Metrics: all values of these scores equal, "
        "HD95 to 1e-6 (there in single precision)",
        reading="the challenge ranks by the rows 'mean of classes', of clDice by 'merged'; its F1 "
        "of a class over cases is 2 (1 - e) / (2 - e) of the mean detection_error e, and group 2 "
        "the mean F1 of labels 8, 9, 10 and 15",
        differs="graph edges and topology match, balanced over variants",
        source="topcow24.grand-challenge.org",
    ),
    "topbrain": Preset(
        title="TopBrain 2025",
        columns=(
            "dice", "cldice_as_thinned", "betti_error_0", "topbrain_hd95", "invalid_neighbours",
            "detection_error",
        ),
        checked="the tests of CoWBenchmark/TopBrain_Eval_Metrics: all values of these scores "
        "equal, HD95 to 1e-6 (there in single precision)",
        reading="the challenge ranks by the rows 'mean of classes'; its F1 of a class over cases "
        "is 2 (1 - e) / (2 - e) of the mean detection_error e; for its invalid neighbours name its "
        "list of valid ones by --neighbours",
        differs="the mean of invalid neighbours over the classes of the prediction alone: here "
        "classes that it misses count too, with 0",
        source="topbrain2025.grand-challenge.org",
    ),
    "atm22": Preset(
        title="ATM'22 airway trees",
        columns=("atm22_length", "atm22_branches", "dice", "precision"),
        checked="evaluation_atm_22.py and tree_parse.py of ATM-22-Related-Work: equal on 60 made "
        "trees, to the two decimals of per cent that they print",
        reading="shares, there per cent; predictions are scored as they are: where only the "
        "largest component should count, take it first",
        differs="scan-wise ranks",
        source="arXiv 2303.05745",
    ),
    "selma3d": Preset(
        title="SELMA3D 2024",
        columns=("dice", "betti_error_0", "betti_error_1", "cldice_as_thinned"),
        checked="YingChen7/SELMA3D_challenge-evaluation: equal on made volumes, clDice to 1e-5",
        reading="dot-like structures are ranked by Dice and betti_error_0 alone; what the "
        "challenge's code calls betti_matching_error is the error of Betti numbers",
        differs="panoptic quality at Dice 0.3, which the 2026 edition takes for isolated ones",
        source="selma3d.grand-challenge.org",
    ),
    "cremi": Preset(
        title="CREMI neurons, of membranes",
        columns=("cremi", "cell_voi_split", "cell_voi_merge", "cell_rand_error"),
        checked="voi and adapted_rand of cremi/cremi_python on the labels of cells: equal to 1e-9",
        differs="instance labels: cells here are the components between membranes, and true "
        "membrane is what is left out, not a border of 25 nm within each section",
        source="cremi.org/metrics",
    ),
    "roads": Preset(
        title="Roads",
        columns=(
            "completeness", "correctness", "quality", "apls", "tlts", "junction_f1", "cldice",
            "betti_error_0", "betti_error_1",
        ),
        tolerance=3.0,
        reading="as in CosmiQ/apls, paths are compared both ways round, a lost one differs by 1, "
        "and the two means are joined harmonically",
        differs="what CosmiQ/apls does with vectors: points every 50 pixels along edges, roads "
        "from files of lines, short pieces removed; and its 0 for graphs without a path, here 1",
        source="Wiedemann 1998, arXiv 1807.01232, arXiv 1712.02190",
    ),
    "nnunet": Preset(
        title="nnU-Net's summary.json",
        columns=("dice", "iou"),
        missing="leave-out",
        checked="summary.json, by topoeval evaluate --nnunet",
        source="github.com/MIC-DKFZ/nnUNet",
    ),
}  # fmt: skip
"""The presets by name."""


def preset(name: str) -> Preset:
    """Return a preset.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}{nearest(name, PRESETS)}")
    return PRESETS[name]


def with_preset(options: Options, name: str) -> Options:
    """Return the options with what a preset decides.

    Raises
    ------
    UserError
        If there is no such preset, or the options name something else that it decides.

    Examples
    --------
    >>> with_preset(Options(), "vesuvius").ignored
    2
    """
    chosen = preset(name)
    if options.columns is not None:
        raise UserError(f"--preset {name} names the scores; leave --metrics away")
    settings = options.settings
    topology = Topology.parse(chosen.topology)
    if settings.topology not in (Topology(), topology):
        raise UserError(f"--preset {name} scores by {topology}, got --topology {settings.topology}")
    if chosen.tolerance is not None and settings.tolerance is None:
        settings = replace(settings, tolerance=chosen.tolerance)
    return replace(
        options,
        settings=replace(settings, topology=topology),
        columns=chosen.columns,
        ignore=chosen.ignore if options.ignore is None else options.ignore,
        missing=chosen.missing,
    )
