"""Ordinary kinds of files, from end to end: no wrong number, each with its right value."""

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import tifffile

from topoeval.errors import UserError
from topoeval.evaluate import LabelNames, Options, evaluate, summarise
from topoeval.evaluate import evaluation as evaluation_module
from topoeval.metrics.scores import MaskPair

RING = np.zeros((32, 32), np.uint8)
RING[8:24, 8:24] = 1
RING[12:20, 12:20] = 0
DICE = Options(columns=("dice", "betti_error"))


@pytest.fixture
def pair(tmp_path, save_mask):
    """Save predictions and targets by name; return the two folders."""

    def saved(cases, endings=("png", "png")):
        for side, ending, place in (("p", endings[0], 0), ("g", endings[1], 1)):
            (tmp_path / side).mkdir(exist_ok=True)
            for name, arrays in cases.items():
                if arrays[place] is not None:
                    save_mask(tmp_path / side / f"{name}.{ending}", arrays[place])
        return tmp_path / "p", tmp_path / "g"

    return saved


def dice(found):
    """Return Dice by case and class."""
    return {(row["case"], row["class"]): row["dice"] for row in found.cases.to_dict("records")}


def test_disjoint_masks_of_0_and_255_are_not_equal(pair):
    """Whichever class is named (A1)."""
    a, b = np.zeros((2, 9, 9), np.uint8)
    a[2:4, 2:4], b[6:8, 6:8] = 255, 255
    paths = pair({"a": (a, b)})
    for classes in (None, ("1",)):
        found = evaluate(*paths, Options(classes=classes))
        assert found.cases["dice"].tolist() == [0]
    with pytest.raises(UserError, match=r"no file holds a label of class '2'; .*there are: 1"):
        evaluate(*paths, Options(classes=("2",)))
    with pytest.raises(UserError, match="class '255'"):
        evaluate(*paths, Options(classes=("255",)))


@pytest.mark.parametrize("scale", [1, 255, 65535])
@pytest.mark.parametrize("side", [0, 1])
def test_each_side_is_read_as_its_own_set(pair, scale, side):
    """A prediction of 0 and 1 against a truth of 0 and 255 (A3, B16)."""
    large = RING.astype(np.uint16) * scale if scale > 255 else RING * np.uint8(scale)
    arrays = (large, RING) if side == 0 else (RING, large)
    found = evaluate(*pair({"a": arrays}), Options(classes=("1",), columns=("dice",)))
    assert dice(found) == {("a", "1"): 1}


def test_classes_absent_from_both_masks_leave_the_means(pair):
    """Ten cases, class 3 in one and never predicted: 0 and not .9 (A7)."""
    truth = RING.copy()
    truth[0, 0] = 2
    with_3 = truth.copy()
    with_3[30, 2:9] = 3
    cases = {f"{k}": (truth, with_3 if k == 0 else truth) for k in range(10)}
    found = evaluate(*pair(cases), DICE)
    means = summarise(found.cases, averaged=found.classes.averaged).set_index(["class", "metric"])
    assert means.loc[("3", "dice"), ["n", "absent", "mean"]].tolist() == [1, 9, 0]
    assert means.loc[("3", "target_empty"), ["n", "mean"]].tolist() == [10, 0.9]
    # per case over the classes that are present: nine times 1, once (1 + 1 + 0) / 3
    assert means.loc[("mean of classes", "dice"), "mean"] == pytest.approx((9 + 2 / 3) / 10)
    rule = summarise(found.cases, "score", found.classes.averaged).set_index(["class", "metric"])
    assert rule.loc[("3", "dice"), ["n", "absent", "mean"]].tolist() == [10, 0, 0.9]
    assert rule.loc[("mean of classes", "dice"), "mean"] == pytest.approx((9 + 2 / 3) / 10)


def test_a_class_that_is_nowhere_has_no_mean():
    """Not 1, and not an error."""
    row = {"case": "a", "class": "1", "dice": 1.0, "prediction_empty": True, "target_empty": True}
    (found,) = summarise(pd.DataFrame([row])).query("metric == 'dice'").to_dict("records")
    assert (found["n"], found["absent"]) == (0, 1)
    assert np.isnan(found["mean"])


def test_missing_predictions(pair):
    """Named and left out, or scored as empty: half of ten is .5 (A8)."""
    paths = pair({f"{k}": (RING if k % 2 else None, RING) for k in range(10)})
    found = evaluate(*paths, DICE)
    assert (len(found.missing), len(found.problems), found.cases["dice"].mean()) == (5, 5, 1)
    assert found.problems[0].message.endswith("g/0.png: no prediction called 0")
    worst = evaluate(*paths, Options(columns=("dice", "hd"), missing="worst"))
    assert (worst.cases["dice"].mean(), worst.problems) == (0.5, [])
    assert worst.cases["prediction_empty"].tolist() == [k % 2 == 0 for k in range(10)]
    assert set(worst.hashes["0"]) == {"target"}


def test_a_grey_palette_is_not_inverted(tmp_path, pair):
    """White first, as Pillow writes it (A11)."""
    p, g = pair({"a": (RING, RING)})
    picture = PIL.Image.frombytes("P", RING.shape, (1 - RING).tobytes())
    picture.putpalette([255] * 3 + [0] * 3)
    picture.save(p / "a.png")
    assert dice(evaluate(p, g, DICE)) == {("a", "foreground"): 1}


def test_an_rgb_tiff_is_an_image(pair):
    """The ring has one hole (A13)."""
    p, g = pair({"a": (RING, RING)})
    (p / "a.png").unlink()
    tifffile.imwrite(p / "a.tif", np.stack([RING * 255] * 3, -1), photometric="rgb")
    found = evaluate(p, g).cases.iloc[0]
    assert (found["dice"], found["b1"], found["betti_error"]) == (1, 1, 0)


@pytest.mark.parametrize("shape", [(1, 32, 32), (32, 1, 32), (32, 32, 1)])
@pytest.mark.parametrize("side", [0, 1])
def test_volumes_of_one_slice_score_as_images(pair, shape, side):
    """Whichever axis it is, of one side or of both (A15)."""
    other = np.roll(RING, 3, axis=0)
    expected = evaluate(*pair({"a": (other, RING)}, ("npy", "npy"))).cases
    arrays = other.reshape(shape), RING.reshape(shape if side else RING.shape)
    found = evaluate(*pair({"a": arrays}, ("npy", "npy"))).cases
    assert found.equals(expected)
    assert found["assd"][0] > 0.4


def test_probabilities_as_bytes(pair):
    """20 and 200 are no classes where a threshold is named (A20)."""
    grey = RING * np.uint8(180) + 20
    paths = pair({"a": (grey, RING)})
    found = evaluate(*paths, Options(threshold=0.5, columns=("dice",)))
    assert dice(found) == {("a", "foreground"): 1}
    assert found.readings["predictions"] == "probabilities (255ths), foreground from 0.5 on"


def test_labels_that_a_slope_has_moved(pair):
    """2.9999999993 is 3, in a truth too (B6)."""
    truth = RING * (3 - 7e-10)
    found = evaluate(*pair({"a": (RING * 3, truth)}, ("npy", "npy")), DICE)
    assert dice(found) == {("a", "foreground"): 1}


def test_label_1035_and_ranges(pair):
    """Any label up to 2^32 - 1, and forty of them by a range (B16)."""
    labels = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32) // 26 * 1035
    options = Options(classes=("1035-9999999",), columns=("dice",))
    found = evaluate(*pair({"a": (labels, labels)}, ("npy", "npy")), options)
    assert len(found.cases) == 39
    assert found.cases["class"][0] == "1035"
    assert set(found.cases["dice"]) == {1}


def test_an_ignore_label_counts_in_neither_mask(pair):
    """Of no score: nnU-Net's evaluator gives 1 and 1 here; the prediction is wrong only there."""
    truth = RING.copy()
    truth[0:4] = 2
    truth[10:14] = 255
    prediction = truth.copy()
    prediction[10:14] = np.where(np.arange(32) % 2, 1, 2)
    options = Options(ignore=255)
    found = evaluate(*pair({"a": (prediction, truth)}), options)
    assert found.classes.names == ("1", "2", "merged")
    cases = found.cases.set_index("class")
    assert cases["dice"].tolist() == [1, 1, 1]
    assert cases["betti_error"].tolist() == [0, 0, 0]
    assert cases["hd"].tolist() == [0, 0, 0]
    without = evaluate(*pair({"a": (prediction, truth)})).cases.set_index("class")
    assert without.loc["1", "dice"] < 1
    assert without.loc["255", "dice"] == 0


@pytest.mark.parametrize("white", [255, 65535])
def test_one_mask_written_in_two_ways_is_refused(pair, white):
    """Some files 0 and 1, others 0 and 255: read together they would be two classes."""
    bright = RING.astype(np.uint16) * white
    with pytest.raises(
        UserError, match=rf"b\.png 0 and {white}, and no file both.*--ignore {white}"
    ):
        evaluate(*pair({"a": (RING, RING), "b": (RING, bright)}), DICE)
    with pytest.raises(UserError, match=r"0 and 1, .*no file both"):
        evaluate(*pair({"a": (RING, RING), "b": (bright, RING)}), DICE)


def test_two_labels_in_one_file_are_two_labels(pair):
    """1 and 255 side by side are no two ways of writing one mask."""
    both = RING.copy()
    both[:4] = 255
    found = evaluate(*pair({"a": (RING, RING), "b": (both, both)}), DICE)
    assert set(dice(found).values()) == {1.0}
    assert {label for _, label in dice(found)} >= {"1", "255"}


def test_a_prediction_of_0_and_255_beside_an_ignore_label_255(pair):
    """In the prediction 255 is foreground: the sets are read apart."""
    truth = RING.copy()
    truth[:4] = 255
    found = evaluate(*pair({"a": (RING * 255, truth)}), Options(ignore=255, columns=("dice",)))
    assert dice(found) == {("a", "foreground"): 1}


def test_names_and_regions_of_a_file(pair):
    """A region is the union of its labels."""
    truth = RING * 1
    truth[28:30] = 2
    names = LabelNames({"whole": (1, 2), "core": (2,)})
    found = evaluate(*pair({"a": (truth * (truth == 2), truth)}), Options(labels=names))
    assert list(found.cases["class"]) == ["whole", "core"]
    assert found.cases["dice"].tolist() == [pytest.approx(2 * 64 / (64 + 64 + 192)), 1]


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no such thing")])
def test_a_column_that_fails_is_missing_and_not_its_case(pair, monkeypatch, error):
    """With the reason, and tried again by the next run (B1)."""
    whole = MaskPair.score

    def failing(self, settings, columns):
        if "hd" in columns:
            raise error
        return whole(self, settings, columns)

    monkeypatch.setattr(MaskPair, "score", failing)
    found = evaluate(*pair({"a": (RING, RING), "b": (RING, RING)}))
    assert found.cases["dice"].tolist() == [1, 1]
    assert found.cases["hd"].isna().all()
    reason = "out of memory" if isinstance(error, MemoryError) else "no such thing"
    assert [problem.message.partition(": class ")[2] for problem in found.problems] == [
        f"foreground: without hd, hd95, assd, nsd: {reason}"
    ] * 2


KILLER = """
import os, signal
from topoeval.metrics.scores import MaskPair
whole = MaskPair.score

def score(self, settings, columns):
    if self.masks[0].sum() == 13 and "hd" in columns:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, settings, columns)

MaskPair.score = score
"""


def test_a_case_that_kills_its_process_loses_only_the_column(pair, tmp_path, monkeypatch):
    """Its other columns are scored again, one group after another, beside the others (B1, B2)."""
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    heavy = np.zeros((32, 32), np.uint8)
    heavy[4, 4:17] = 1
    cases = {"a": (RING, RING), "b": (heavy, RING), "c": (RING, RING)}
    options = Options(columns=("dice", "hd", "euler_error"))
    found = evaluate(*pair(cases), options, jobs=2)
    rows = found.cases.set_index("case")
    assert rows["dice"].notna().all()
    assert rows["euler_error"].notna().all()
    assert rows["hd"].isna().tolist() == [False, True, False]
    assert [p.message.partition("b.png")[2] for p in found.problems] == [
        ": class any: without hd: the process died, perhaps out of memory"
    ]


def test_rows_are_written_as_they_come_and_found_again(pair, tmp_path, monkeypatch):
    """A run that is stopped leaves what it has scored; the same command does the rest."""
    paths = pair({f"{k}": (np.roll(RING, k, 0), RING) for k in range(6)})
    whole, calls = MaskPair.score, []

    def stopping(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(MaskPair, "score", stopping)
    out = tmp_path / "out"
    options = Options(columns=("dice",))
    with pytest.raises(KeyboardInterrupt):
        evaluate(*paths, options, out=out)
    assert len((out / "cases.csv").read_text().splitlines()) == 5
    with (out / "cases.csv").open("a") as file:
        file.write("4,foregr")  # as a full disk or a killed process leaves it
    monkeypatch.setattr(MaskPair, "score", whole)
    found = evaluate(*paths, options, out=out)
    assert found.resumed == 4
    assert found.cases.equals(evaluate(*paths, options).cases)
    # a row that has changed since is scored again
    text = (out / "cases.csv").read_text()
    (out / "cases.csv").write_text(text.replace("\n2,foreground,", "\n2,foreground,0", 1))
    assert (out / "cases.csv").read_text() != text
    assert evaluate(*paths, options, out=out).resumed == 5
    assert (out / "cases.csv").read_text() == text
    # another threshold of the same files is another evaluation, and so are other files
    assert evaluate(*paths, Options(columns=("dice",), classes=("1",)), out=out).resumed == 0
    evaluate(*paths, options, out=out)
    PIL.Image.fromarray(RING * 0).save(paths[0] / "2.png")
    assert evaluate(*paths, options, out=out).resumed == 5


def test_a_metric_whose_code_has_changed_is_scored_again(pair, tmp_path, monkeypatch):
    """What an earlier revision has written does not stand beside a later one."""
    paths, out = pair({"a": (RING, RING)}), tmp_path / "out"
    assert evaluate(*paths, DICE, out=out).resumed == 0
    assert evaluate(*paths, DICE, out=out).resumed == 1
    changed = {"dice": "another", "betti_error": "1"}
    monkeypatch.setattr(evaluation_module, "revisions", lambda columns: changed)
    assert evaluate(*paths, DICE, out=out).resumed == 0


def test_an_ignore_label_that_is_the_mask(pair):
    """Leaves nothing: refused, where a mean of no case was nan; beside a prediction it is noted."""
    paths = pair({"a": (RING, RING)})
    with pytest.raises(UserError, match="the ignore label 1 is the only label of the files"):
        evaluate(*paths, Options(ignore=1))
    other = pair({"a": (np.roll(RING, 3, axis=0), RING * np.uint8(255))})
    found = evaluate(*other, Options(ignore=255, columns=("dice",)))
    assert any("the truth holds no label but 255" in note for note in found.notes)


def test_an_ignore_label_that_no_truth_holds(pair):
    """Nothing is left out, which is said, and the hint about 255 stays."""
    truth = RING.copy()
    truth[0, :9] = 255
    paths = pair({"a": (RING, truth)})
    notes = evaluate(*paths, Options(ignore=254, columns=("dice",))).notes
    assert notes == [
        "no truth holds the ignore label 254, so no voxel is left out",
        "255 is scored as a class; if it marks voxels to leave out, say --ignore 255",
    ]
    assert evaluate(*paths, Options(ignore=255, columns=("dice",))).notes == []


def test_labels_read_as_probabilities_are_told(pair):
    """Label maps with --threshold: every Dice is 0, and the note says why."""
    labels = RING * np.uint8(2)
    found = evaluate(*pair({"a": (labels, RING)}), Options(threshold=0.5, columns=("dice",)))
    assert found.cases["dice"].tolist() == [0]
    (note,) = found.notes
    assert "predictions: no value reaches the threshold 0.5" in note
    assert "the largest is 2, read as 2/255 = 0.00784; these look like labels" in note
