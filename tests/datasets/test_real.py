"""Real data sets where TOPOEVAL_DATA has them: read as their authors describe them."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from topoeval import datasets
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology


def real(name):
    """Return the real folder of a data set, or skip."""
    root = os.environ.get("TOPOEVAL_DATA")
    if not root or not (Path(root) / name).is_dir():
        pytest.skip(f"TOPOEVAL_DATA names no folder with the real {name}")
    return Path(root) / name


def test_real_sunnybrook_masks_are_those_rasterised_elsewhere():
    """Every slice equals the masks that came with the data; eight rings are not rings."""
    folder = real("sunnybrook")
    known = {}
    for path in folder.glob("SC-*.npz"):
        with np.load(path) as stored:
            for k, name in enumerate(stored["slice_id"]):
                patient, frame = str(name).split("/")
                known[f"{patient}/{int(frame):04d}"] = (stored["endo"][k], stored["epi"][k])
    found = datasets.DATASETS.load("sunnybrook").find(None)
    assert len(found) == len(known) == 69
    broken = 0
    for case in found:
        endo, epi = known[case.name]
        ring = (epi > 0) & ~(endo > 0)
        np.testing.assert_array_equal(case.read().label[0], ring)
        broken += tuple(betti_numbers(ring, Topology("V"))) != (1, 1)
    assert broken == 8


def test_real_topomortar_has_the_published_betti_numbers():
    """The authors' table against ours, for all test images that are there."""
    folder = real("topomortar")
    with (folder / "dataset" / "betti_numbers.csv").open() as file:
        rows = list(csv.DictReader(file))
    table = {row["ID"]: (int(row["Betti0"]), int(row["Betti1"])) for row in rows}
    checked = [
        sample.betti["T"] == table[sample.case]
        for split in ("test", "shifted")
        for sample in datasets.load("topomortar", split)
        if sample.case in table
    ]
    assert len(checked) == 108
    assert np.mean(checked) > 0.99


def test_real_vnc_sections_are_read():
    """Membranes cover a fifth of a section, and the framed reading has a hole for each cell."""
    real("vnc")
    for split in ("train", "unlabelled", "val", "test"):
        (sample,) = datasets.load("vnc", split)
        assert sample.image.shape == (1, 512, 512)
        assert 0.05 < sample.target.mean() < 0.4
        assert sample.betti["V"][1] > 50
