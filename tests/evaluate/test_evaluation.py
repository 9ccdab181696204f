"""From files to tables: values, classes, spacing, records, and files that are wrong."""

import hashlib
import re

import nibabel
import numpy as np
import PIL.Image
import pytest

from topoeval import metrics
from topoeval.errors import UserError
from topoeval.evaluate import LabelNames, Options, audit, evaluate, record, summarise
from topoeval.metrics import Settings
from topoeval.records.files import parse_files_record, record_text
from topoeval.topology import Topology

RING = np.zeros((12, 16), np.uint8)
RING[2:9, 2:9] = 1
RING[4:7, 4:7] = 0
FILLED = RING.copy()
FILLED[4:7, 4:7] = 1
SPECK = RING.copy()
SPECK[10, 13] = 1


@pytest.fixture
def folders(tmp_path):
    """Store predictions and targets as PNG of 0 and 255; return the two folders."""

    def make(**cases):
        for side, index in (("p", 0), ("g", 1)):
            (tmp_path / side).mkdir()
            for name, pair in cases.items():
                PIL.Image.fromarray(pair[index] * np.uint8(255)).save(
                    tmp_path / side / f"{name}.png"
                )
        return tmp_path / "p", tmp_path / "g"

    return make


def test_scores_are_those_of_the_functions(folders):
    """Case by case, in the order of the names."""
    found = evaluate(*folders(b=(FILLED, RING), a=(RING, RING)))
    cases = found.cases.set_index("case")
    assert list(cases.index) == ["a", "b"]
    expected = metrics.score(FILLED > 0, RING > 0)
    for name, value in expected.items():
        assert cases.loc["b", name] == pytest.approx(value), name
    assert (found.problems, found.classes.names) == ([], ("foreground",))
    summary = summarise(found.cases).set_index("metric")
    assert summary.loc["betti_error", ["n", "mean", "min", "max"]].tolist() == [2, 0.5, 0, 1]
    assert summary.loc["target_empty", "mean"] == 0


def test_two_jobs_give_the_same_table(folders):
    """Which process does a case changes nothing."""
    paths = folders(a=(RING, RING), b=(FILLED, RING), c=(SPECK, RING))
    one, two = evaluate(*paths, jobs=1), evaluate(*paths, jobs=2)
    assert one.cases.equals(two.cases)


def test_classes_unions_and_priors(tmp_path):
    """A pool in a ring: right in each class but for the pool that leaks."""
    truth = RING.copy()
    truth[4:7, 4:7] = 2
    leaky = truth.copy()
    leaky[5, 7:9] = 2
    for name, array in (("p", leaky), ("g", truth)):
        np.save(tmp_path / f"{name}.npy", array)
    options = Options(unions=True, priors={"1": (1, 1), "1+2": (1, 0)})
    found = evaluate(tmp_path / "p.npy", tmp_path / "g.npy", options)
    cases = found.cases.set_index("class")
    assert list(cases.index) == ["1", "2", "merged", "1+2"]
    assert cases["betti_error_1"].tolist() == [1, 0, 0, 0]
    assert cases.loc["1", ["matches_prior", "truth_matches_prior"]].tolist() == [0, 1]
    assert cases.loc["1+2", "matches_prior"] == 1
    assert np.isnan(cases.loc["2", "matches_prior"])


def test_a_class_that_the_target_lacks(tmp_path):
    """It follows the rule for empty masks and raises the flag."""
    np.save(tmp_path / "p.npy", FILLED * 2)
    truth = FILLED.copy()
    truth[0, 0] = 3
    np.save(tmp_path / "g.npy", truth)
    cases = evaluate(tmp_path / "p.npy", tmp_path / "g.npy").cases.set_index("class")
    assert cases.loc["2", ["dice", "target_empty", "prediction_empty"]].tolist() == [0, True, False]
    assert cases.loc["3", ["dice", "target_empty", "prediction_empty"]].tolist() == [0, False, True]


@pytest.fixture
def volumes(tmp_path):
    """Store two NIfTI pairs with millimetre spacing: a shell, and a shell one voxel off."""
    shell = np.zeros((10, 11, 12), np.uint8)
    shell[2:8, 2:8, 2:8] = 1
    shell[4:6, 4:6, 4:6] = 0
    affine = np.diag([0.5, 0.5, 2.0, 1])
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
    for name, moved in (("one", 0), ("two", 1)):
        image = np.roll(shell, moved, axis=2)
        nibabel.save(nibabel.Nifti1Image(image, affine), tmp_path / "p" / f"{name}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(shell, affine), tmp_path / "g" / f"{name}.nii.gz")
    return tmp_path / "p", tmp_path / "g"


def test_spacing_of_the_header_is_used(volumes):
    """One voxel along the third axis is two millimetres; --spacing wins over the header."""
    cases = evaluate(*volumes).cases.set_index("case")
    assert cases["hd"].tolist() == [0, 2]
    assert cases["b2"].tolist() == [1, 1]
    assert "diu" not in cases.columns
    ones = evaluate(*volumes, Options(settings=Settings(spacing=(1, 1, 1)))).cases
    assert ones["hd"].tolist() == [0, 1]


def test_spacings_that_differ_are_said(volumes):
    """The truth's is used, and one line has both."""
    path = volumes[0] / "two.nii.gz"
    image = np.asarray(nibabel.load(path).dataobj)
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), path)
    found = evaluate(*volumes)
    assert found.cases.set_index("case")["hd"].tolist() == [0, 2]
    (note,) = found.notes
    assert "two.nii.gz: up to" in note
    assert "spacing 1 x 1 x 1 against 0.5 x 0.5 x 2" in note


def test_wrong_files_are_named_and_the_rest_is_scored(folders):
    """Corrupt, other shape, probability, NaN, negative, grey image, colours, no partner."""
    names = ("bad", "shape", "probability", "negative", "nan", "grey", "colour", "good")
    p, g = folders(**dict.fromkeys(names, (RING, RING)))
    (p / "bad.png").write_bytes(b"no image")
    PIL.Image.fromarray(RING[:5] * np.uint8(255)).save(p / "shape.png")
    for name, array in {
        "probability": RING * 0.3,
        "negative": RING.astype(np.int32) * -1,
        "nan": np.where(RING, np.nan, 0),
    }.items():
        (p / f"{name}.png").unlink()
        np.save(p / f"{name}.npy", array)
    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    PIL.Image.fromarray(grey).save(p / "grey.png")
    PIL.Image.fromarray(np.stack([grey, RING, RING], -1)).save(p / "colour.png")
    PIL.Image.fromarray(RING).save(p / "alone.png")
    found = evaluate(p, g)
    assert list(found.pairs) == ["good"]
    assert found.classes.names == ("foreground",)
    messages = [problem.message for problem in found.problems]
    expected = {
        "alone.png": "no alone in",
        "bad.png": "cannot be read",
        "colour.png": "a colour picture",
        "grey.png": "191 different labels",
        "nan.npy": "NaN",
        "negative.npy": "negative values down to -1",
        "probability.npy": "a probability and not a label; .*--threshold",
        "shape.png": r"shape \(5, 16\)",
    }
    assert len(messages) == len(expected)
    for message, (name, words) in zip(messages, sorted(expected.items()), strict=True):
        assert message.startswith(str(p / name))
        assert re.search(words, message)
        assert "\n" not in message


def test_a_prior_of_other_length_is_named(folders):
    """(1, 0, 0) does not fit an image."""
    found = evaluate(*folders(a=(RING, RING)), Options(priors={None: (1, 0, 0)}))
    assert "2 axes, but the prior of class foreground has 3" in found.problems[0].message


def test_record(folders):
    """Names the inputs by content, keeps every case, is plain JSON, and knows when it differs."""
    p, g = folders(a=(RING, RING), b=(FILLED, RING))
    found = evaluate(p, g)
    document = record(found, {"cpu": "x"}, 1.5)
    assert parse_files_record(record_text(document).encode()) == document
    digest = hashlib.sha256((p / "b.png").read_bytes()).hexdigest()
    assert document.spec.inputs["b"]["prediction"] == digest
    assert document.cases["betti_error"] == [0, 1]
    assert (document.status, document.spec.scored_by) == ("ok", "topoeval")
    assert record(found, {}, 9.0).id == document.id
    other = Options(settings=Settings(topology=Topology("V")))
    assert record(evaluate(p, g, other), {}, 1.0).id != document.id


def test_audit_by_hand(tmp_path):
    """A ring with a corner pair, a speck, a pinhole and a bar that the edge cuts."""
    labels = np.zeros((14, 20), np.uint8)
    labels[2:7, 2:7] = 1
    labels[4, 4] = 0  # a pinhole
    labels[7, 7] = 1  # touches by a corner
    labels[10, 3] = 1  # a speck
    labels[9:14, 12] = labels[9, 12:18] = labels[9:14, 17] = 1  # a loop that the edge cuts
    PIL.Image.fromarray(labels).save(tmp_path / "a.png")
    PIL.Image.fromarray(RING).save(tmp_path / "b.png")
    found = audit(tmp_path, priors={None: (1, 1)})
    row = found.cases.set_index("case").loc["a.png"].to_dict()
    expected = {
        "b0_V": 4, "b1_V": 1, "b0_T": 3, "b1_T": 1,
        "susceptibility_foreground": 1, "susceptibility_background": 0,
        "specks_1": 1, "specks_4": 1, "specks_16": 2, "specks_64": 3,
        "pinholes_1": 1, "pinholes_64": 1,
        "components_at_edge": 1, "holes_cut": 1, "matches_prior_T": False, "empty": False,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    table = found.table().set_index("question")
    assert table.loc["matches_prior_T", "mean"] == 0.5
    assert table.loc["specks_1", ["largest", "cases_above_0"]].tolist() == [1, 0.5]


@pytest.mark.parametrize(
    ("drawn", "cut"),
    [
        ("square in the middle", 0),
        ("square at the edge", 0),
        ("nothing", 0),
        ("everything", 0),
        ("bar across", 1),
        ("loop at the edge", 1),
        ("cross", 3),
    ],
)
def test_audit_counts_no_outside_as_a_hole(tmp_path, drawn, cut):
    """Of the background regions at the edge one is the outside (A21)."""
    labels = np.zeros((32, 32), np.uint8)
    if drawn == "square in the middle":
        labels[12:20, 12:20] = 1
    elif drawn == "square at the edge":
        labels[12:20, :8] = 1
    elif drawn == "everything":
        labels[:] = 1
    elif drawn == "loop at the edge":
        labels[10:20, :10] = 1
        labels[12:18, :8] = 0
    elif drawn in ("bar across", "cross"):
        labels[15:17] = 1
        labels[:, 15:17] = labels[:, 15:17] | (drawn == "cross")
    np.save(tmp_path / "a.npy", labels)
    np.save(tmp_path / "b.npy", np.eye(32, dtype=np.uint8))
    assert audit(tmp_path).cases.set_index("case").loc["a.npy", "holes_cut"] == cut


def test_audit_reads_as_evaluate_does(tmp_path):
    """0 and 255 for the set, an ignore label, names, nested folders, a class that is nowhere."""
    (tmp_path / "s").mkdir()
    PIL.Image.fromarray(RING * np.uint8(255)).save(tmp_path / "s" / "a.png")
    found = audit(tmp_path, classes=("1",))
    assert found.cases[["case", "b1_T"]].to_numpy().tolist() == [["s/a.png", 1]]
    assert found.reading.line == "0 and 255, 255 is read as 1"
    with pytest.raises(UserError, match="no file holds a label of class '7'"):
        audit(tmp_path, classes=("7",))
    marked = RING.copy()
    marked[:, 5] = 3
    np.save(tmp_path / "b.npy", marked)
    names = LabelNames({"ring": (1,)}, ignore=3)
    rows = audit(tmp_path / "b.npy", names=names).cases
    assert rows[["class", "b0_T", "b1_T"]].to_numpy().tolist() == [["ring", 2, 0]]
    with pytest.raises(UserError, match="no such file or folder"):
        audit(tmp_path / "none")


def test_audit_says_of_an_ignore_label_that_no_file_holds_it(tmp_path):
    """And that 255 is a class here, as evaluate says."""
    labels = RING.copy()
    labels[0, :9] = 255
    np.save(tmp_path / "a.npy", labels)
    assert audit(tmp_path, ignore=254).notes == [
        "no file holds the ignore label 254, so no voxel is left out",
        "255 is looked at as a class; if it marks voxels to leave out, say --ignore 255",
    ]
    assert audit(tmp_path, ignore=255).notes == []
    assert audit(tmp_path, classes=("1", "255")).notes == []
    assert len(audit(tmp_path).notes) == 1


def test_audit_names_wrong_files(tmp_path):
    """And looks at the rest."""
    PIL.Image.fromarray(RING).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", RING * 0.5)
    found = audit(tmp_path)
    assert len(found.cases) == 1
    assert re.search(r"b.npy: holds 0.5, a .*; a truth holds labels", found.problems[0].message)
    with pytest.raises(UserError, match="no such file or folder"):
        audit(tmp_path / "nowhere")


def test_labels_of_one_side_alone_are_told(folders):
    """Grey predictions beside masks of 1 are no classes that somebody meant."""
    predictions, targets = folders(a=(RING, RING))
    PIL.Image.fromarray(RING * np.uint8(128)).save(predictions / "a.png")
    (note,) = evaluate(predictions, targets).notes
    assert "predictions hold 128, the truth 1;" in note
    assert evaluate(predictions, targets, Options(threshold=0.5)).notes == []
