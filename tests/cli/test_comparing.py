"""`topoeval compare` of predictions from a shell's view; of records: test_results.py."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.cli.conftest import write_rings


def gapped(ring, i, rng):
    """A ring that is thinner somewhere."""
    ring[4, 4 : 8 + i] = 0
    return ring


def specked(ring, i, rng):
    """A ring with specks."""
    for place in rng.choice(24, 3 + i % 2, replace=False):
        ring[0 if place % 2 else 22, place] = 255
    return ring


@pytest.fixture
def folders(tmp_path):
    """Write truth and predictions of two models: rings, of which the second has specks."""
    return write_rings(tmp_path, good=gapped, bad=specked)


def test_two_folders_of_predictions_and_the_truth(call, folders):
    """The model without specks has fewer Betti errors, and it is said of what that is true."""
    out = folders / "out"
    paths = [folders / name for name in ("good", "bad", "truth")]
    code, told, _ = call("compare", *paths, "--topology", "V", "--jobs", "1", "--out", out)
    assert code == 0
    assert "V-construction (foreground 4, background 8)" in told
    assert "good is better in " in told
    assert "betti_error" in told.split("good is better in ")[1]
    assert "about these predictions" in told
    table = pd.read_csv(out / "comparison.csv", keep_default_na=False)
    row = table[table["score"] == "betti_error"].iloc[0]
    assert (row["better"], row["wins"], row["losses"]) == ("good", 6, 0)
    assert float(row["high"]) < 0
    scores = pd.read_csv(out / "scores.csv")
    assert scores[scores["score"] == "betti_error"]["good"].eq(0).all()


def test_names_of_the_dataset_json_of_nnunet(call, folders):
    """A newcomer with two folders of nnU-Net expects its names in the table (decision 62)."""
    names = folders / "dataset.json"
    names.write_text(json.dumps({"labels": {"background": 0, "ring": 1}}))
    paths = [folders / name for name in ("good", "bad", "truth")]
    code, told, _ = call("compare", *paths, "--jobs", "1", "--labels", names, "--measure", "dice")
    assert code == 0
    assert "ring" in told


def test_the_dataset_json_beside_the_predictions_names_the_classes(call, folders):
    """Without --labels, and said; two that differ are refused with the remedy."""
    paths = [folders / name for name in ("good", "bad", "truth")]
    command = ("compare", *paths, "--jobs", "1", "--measure", "dice", "--out", folders / "out")
    ring = json.dumps({"labels": {"background": 0, "ring": 1, "ignore": 9}})
    (folders / "bad" / "dataset.json").write_text(ring)
    code, told, err = call(*command)
    assert code == 0
    said = f"classes as {folders / 'bad' / 'dataset.json'} names them: ring; label 9 of the truth"
    assert said in err
    assert "ring" in told
    (folders / "good" / "dataset.json").write_text(ring.replace("ring", "wall"))
    code, _, err = call(*command)
    assert code == 2
    assert f"name other labels; name one of them, as --labels {folders / 'good'}" in err
    assert call(*command, "--labels", folders / "bad" / "dataset.json")[0] == 0
    (folders / "good" / "dataset.json").write_text("[]")
    assert "--labels FILE names another file" in call(*command)[2]


@pytest.fixture
def folds(folders):
    """Lay the predictions out as two trainers of nnU-Net do: each has its summary and names."""
    truths = folders / "preprocessed" / "Dataset9_Rings" / "gt_segmentations"
    truths.mkdir(parents=True)
    for path in (folders / "truth").iterdir():
        Image.fromarray(np.asarray(Image.open(path)) // 255).save(truths / path.name)
    Image.fromarray(np.eye(24, dtype=np.uint8)).save(truths / "of_another_fold.png")
    dataset = {"labels": {"background": 0, "ring": 1}, "file_ending": ".png"}
    found = []
    for name in ("good", "bad"):
        trainer = folders / "results" / f"Trainer{name.capitalize()}__nnUNetPlans__2d"
        validation = trainer / "fold_0" / "validation"
        validation.mkdir(parents=True)
        (trainer / "dataset.json").write_text(json.dumps(dataset))
        cases = []
        for path in sorted((folders / name).iterdir()):
            mask = np.asarray(Image.open(path)) // 255
            truth = np.asarray(Image.open(truths / path.name))
            Image.fromarray(mask).save(validation / path.name)
            dice = 2 * int((mask & truth).sum()) / int(mask.sum() + truth.sum())
            cases.append(
                {
                    "prediction_file": str(validation / path.name),
                    "reference_file": str(truths / path.name),
                    "metrics": {"1": {"Dice": dice}},
                }
            )
        (validation / "summary.json").write_text(json.dumps({"metric_per_case": cases}))
        found.append(trainer / "fold_0")
    return found


@pytest.mark.parametrize("part", ["", "validation", "validation/summary.json"])
def test_folds_of_nnunet_need_nothing_else(call, folds, tmp_path, part):
    """Truth, names and cases are those of the summaries; cases of other folds are no problem."""
    out = tmp_path / "out"
    code, told, err = call(
        "compare", *(fold / part for fold in folds), "--jobs", "1", "--out", out, "--html"
    )
    assert code == 0, err
    assert "TrainerGood, TrainerBad; truth as their summary.json names it" in err
    assert f"classes as {folds[0].parent / 'dataset.json'} names them: ring" in err
    assert "left out" not in err
    assert "TrainerGood is better in " in told
    assert set(pd.read_csv(out / "scores.csv")["class"]) == {"ring"}
    assert "Where TrainerBad is worst: case" in (out / "index.html").read_text()


def test_folds_may_have_the_truth_named_beside_them(call, folds, tmp_path):
    """For example where it has moved; the cases are still those of the summaries."""
    truths = tmp_path / "preprocessed" / "Dataset9_Rings" / "gt_segmentations"
    moved = truths.rename(tmp_path / "labelsTr")
    command = ("--jobs", "1", "--measure", "dice", "--out", tmp_path / "out")
    code, _, err = call("compare", *folds, *command)
    assert (code, err.count("\n")) == (2, 1)
    assert "its truth" in err
    code, _, err = call("compare", *folds, moved, *command)
    assert code == 0, err
    assert f"truth {moved}" in err
    assert len(pd.read_csv(tmp_path / "out" / "scores.csv")) == 6


def test_long_names_of_trainers_are_told_apart_in_the_table(call, folds, tmp_path):
    """Where a terminal cuts their ends, they would all be called alike."""
    paths = []
    for fold, name in zip(folds, ("Short", "ShortClDice"), strict=True):
        trainer = fold.parent.rename(tmp_path / f"nnUNetTrainer{name}__nnUNetPlans__2d")
        paths.append(trainer / "fold_0")
    command = ("compare", *paths, "--jobs", "1", "--out", tmp_path / "out")
    code, told, err = call(*command)
    assert code == 0, err
    row = next(line for line in told.splitlines() if "Betti error" in line)
    assert row.split().count("nnUN…inerShort") == 2
    assert row.split().count("nnUN…ortClDice") == 1
    assert "nnUNetTrainerShort is better in" in told


def test_three_folds_are_three_models(call, folds, tmp_path):
    """The last of them is not taken for the truth."""
    third = folds[1].parent.with_name("TrainerThird__nnUNetPlans__2d")
    shutil.copytree(folds[1].parent, third)
    paths = (*folds, third / "fold_0")
    code, _, err = call("compare", *paths, "--jobs", "1", "--out", tmp_path / "out")
    assert code == 0, err
    assert "predictions of 3 models, TrainerGood, TrainerBad, TrainerThird" in err


def test_another_dice_than_that_of_nnunet_is_a_problem_of_its_model(call, folds, tmp_path):
    """Scores of masks that nnU-Net did not score are not compared in silence."""
    summary = folds[1] / "validation" / "summary.json"
    stated = json.loads(summary.read_text())
    stated["metric_per_case"][0]["metrics"]["1"]["Dice"] = 0.25
    summary.write_text(json.dumps(stated))
    command = ("compare", *folds, "--jobs", "1", "--out", tmp_path / "out", "--json")
    code, told, err = call(*command)
    assert code == 1, err
    (problem,) = json.loads(told)["problems"]
    assert problem.startswith("TrainerBad: case0: class ring: Dice ")
    assert problem.endswith("summary.json of nnU-Net says 0.250000")


def test_finished_evaluations_give_the_same_numbers(call, folders):
    """Whether `compare` scores the files or `evaluate` did."""
    truth, jobs = folders / "truth", ("--jobs", "1")
    for name in ("good", "bad"):
        out = folders / f"scored-{name}"
        assert call("evaluate", folders / name, truth, *jobs, "--out", out)[0] == 0
    scored = [folders / "scored-good", folders / "scored-bad"]
    code, told, _ = call("compare", *scored, "--csv", "--measure", "betti_error")
    assert code == 0
    paths = [folders / name for name in ("good", "bad", "truth")]
    direct = call(
        "compare", *paths, *jobs, "--csv", "--measure", "betti_error", "--out", folders / "out"
    )[1]
    assert direct.replace("good", "scored-good").replace("bad", "scored-bad") == told
    code, _, err = call("compare", scored[0], folders / "bad")
    assert code == 2
    assert "is a finished 'topoeval evaluate'" in err
    before = (scored[0] / "record.json").read_bytes()
    code, _, err = call("compare", *scored, "--html", "--out", scored[0])
    assert code == 2
    assert "name another folder" in err
    assert (scored[0] / "record.json").read_bytes() == before
    assert not (scored[0] / "index.html").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["good"], "got one path"),
        (["good", "truth"], "is no results folder; compare takes"),
        (["good", "nowhere", "truth"], "no file or folder"),
        (["good", "good", "truth"], "is named twice"),
        (["good", "bad", "truth", "--measure", "b0"], "has no better direction"),
        (["good", "bad", "truth", "--fail-on-regression"], "is for two sets of records"),
    ],
)
def test_what_cannot_be_compared_is_one_line(call, folders, names, message):
    """With the forms that there are."""
    paths = [name if name.startswith("--") or name == "b0" else folders / name for name in names]
    code, _, err = call("compare", *paths, "--jobs", "1", "--out", folders / "out")
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()[-1:]) == 1


def test_a_file_that_is_left_out_is_exit_status_1(call, folders):
    """As with `evaluate`; the other cases are compared and written."""
    (folders / "bad" / "case0.png").write_bytes(b"no picture")
    out = folders / "out"
    paths = [folders / name for name in ("good", "bad", "truth")]
    command = ("compare", *paths, "--jobs", "1", "--measure", "dice", "--out", out)
    code, told, err = call(*command)
    assert code == 1
    assert "case0.png" in err
    assert pd.read_csv(out / "comparison.csv")["n"].tolist() == [5]
    code, told, err = call(*command, "--quiet", "--json")
    assert code == 1
    (problem,) = json.loads(told)["problems"]
    assert problem.startswith("bad: ")
    assert "case0.png" in problem
    assert "left out" in err
    assert "predictions of" not in err


def test_the_notes_of_evaluate_are_those_of_compare(call, folders):
    """On the terminal and in JSON, with the model."""
    # 255 of predictions would be the ignore label below, which is refused
    for name, label in (("good", 1), ("bad", 2)):
        for file in (folders / name).iterdir():
            Image.fromarray(np.asarray(Image.open(file)) // 255 * np.uint8(label)).save(file)
    paths = [folders / name for name in ("good", "bad", "truth")]
    names = folders / "names.json"
    names.write_text(json.dumps({"ring": 1, "wall": 2}))
    command = ("compare", *paths, "--jobs", "1", "--measure", "dice", "--out", folders / "out")
    command = (*command, "--labels", names)
    code, _, err = call(*command)
    assert code == 0
    assert "note: bad: no label occurs on both sides: predictions hold 2, the truth 1;" in err
    assert "good: no label occurs" not in err
    code, told, err = call(*command, "--ignore", "255", "--json")
    notes = json.loads(told)["notes"]
    assert code == 0
    for name in ("good", "bad"):
        assert any(
            note.startswith(f"{name}: the truth holds no label but 255, which") for note in notes
        )
        assert f"note: {name}: the truth holds no label but 255, which is left out" in err
    code, _, err = call(*command, "--ignore", "-1")
    assert code == 2
    assert "--ignore -1 is no label" in err


def test_quiet_prints_nothing_where_nothing_is_wrong(call, folders):
    """On neither stream, with a page and names of classes too."""
    (folders / "bad" / "dataset.json").write_text(
        json.dumps({"labels": {"background": 0, "ring": 1}})
    )
    paths = [folders / name for name in ("good", "bad", "truth")]
    command = ("compare", *paths, "--jobs", "1", "--measure", "dice", "--out", folders / "out")
    assert call(*command, "--quiet", "--html") == (0, "", "")
    assert call(*command, "--quiet", "--html", "--csv") == (0, "", "")
    assert (folders / "out" / "index.html").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--measure", "dise"], "'dise'; did you mean 'dice'"),
        (["--measure", "dice", "--measure", "b0"], "b0 describes a mask"),
        (["--measure", "precision"], "run 'topoeval evaluate --metrics precision' on each model"),
        (["--measure", "matches_prior"], "compare does not score matches_prior itself"),
        (["--threshold", "1.5"], "--threshold lies in (0, 1], got 1.5"),
        (["--classes", ""], "no class named in ''"),
    ],
)
def test_options_are_looked_at_before_anything_is_scored(call, folders, options, message):
    """So that no folder of a model stays behind."""
    paths = [folders / name for name in ("good", "bad", "truth")]
    code, told, err = call("compare", *paths, *options, "--out", folders / "out")
    assert (code, told, err.count("\n")) == (2, "", 1), err
    assert message in err
    assert not (folders / "out").exists()


def test_a_model_without_a_case_of_the_truth_stops_all_before_scoring(call, folders):
    """The last one too: what comes before it is not scored in vain."""
    (folders / "strange").mkdir()
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(folders / "strange" / "else.png")
    paths = [folders / name for name in ("good", "strange", "truth")]
    code, _, err = call("compare", *paths, "--jobs", "1", "--out", folders / "out")
    assert (code, err.count("\n")) == (2, 1)
    assert "no name occurs in both" in err
    assert not (folders / "out").exists()


def test_a_page_of_an_earlier_command_does_not_stay_beside_new_tables(call, folders):
    """Of `compare` and of `evaluate`; a page of others is left."""
    out, jobs = folders / "out", ("--jobs", "1")
    good, bad, truth = (folders / name for name in ("good", "bad", "truth"))
    for command in (
        ("compare", good, bad, truth, *jobs, "--measure", "dice", "--out", out),
        ("evaluate", good, truth, *jobs, "--metrics", "dice", "--out", folders / "one"),
    ):
        page = command[-1] / "index.html"
        assert call(*command, "--html")[0] == 0
        assert page.is_file()
        code, told, _ = call(*command)
        assert code == 0
        assert not page.exists()
        assert "index.html of an earlier command removed" in told
        page.write_text("<html>of others</html>")
        _, told, _ = call(*command)
        assert page.read_text() == "<html>of others</html>"
        assert "removed" not in told


def test_evaluate_says_which_folder_was_read_as_what(call, folders):
    """So that swapped folders are seen."""
    good, truth, out = folders / "good", folders / "truth", folders / "one"
    command = ("--jobs", "1", "--metrics", "dice", "--out", out)
    _, told, _ = call("evaluate", good, truth, *command)
    assert told.splitlines()[0] == f"predictions {good}; truth {truth}"


def test_finished_evaluations_keep_their_notes_and_problems(call, folders):
    """What evaluate noted and left out is said again: terminal, JSON, page, exit status."""
    for file in (folders / "bad").iterdir():
        Image.fromarray(np.asarray(Image.open(file)) // 255 * np.uint8(2)).save(file)
    (folders / "bad" / "case3.png").unlink()
    names = folders / "names.json"
    names.write_text(json.dumps({"ring": 1, "wall": 2}))
    for name in ("good", "bad"):
        paths = [folders / name, folders / "truth", "--out", folders / f"of-{name}"]
        call("evaluate", *paths, "--labels", names, "--jobs", "1", "--metrics", "dice")
    command = ("compare", folders / "of-good", folders / "of-bad", "--out", folders / "out")
    code, told, err = call(*command, "--measure", "dice", "--json", "--html")
    assert code == 1, err
    found = json.loads(told)
    page = (folders / "out" / "index.html").read_text()
    assert code == 1
    noted = "of-bad: no label occurs on both sides: predictions hold 2, the truth 1;"
    assert any(note.startswith(noted) for note in found["notes"])
    (problem,) = found["problems"]
    assert problem.startswith("of-bad: ")
    assert "case3" in problem
    assert f"note: {noted}" in err
    assert "left out of-bad: " in err
    assert noted in page
    assert problem in page
    assert "the page has no pictures" in page


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["t1/fold_0/validation", "t2/fold_0/validation"], ["t1", "t2"]),
        (["x/a", "y/a", "x/b"], ["x/a", "y/a", "x/b"]),
        (["t1/fold_0/val", "t1/fold_1/val"], ["fold_0", "fold_1"]),
        (["T__plans__2d/val", "TOurs__plans__2d/val"], ["T", "TOurs"]),
    ],
)
def test_models_are_called_by_what_tells_them_apart(paths, names):
    """What all paths end in tells nothing."""
    from topoeval.cli.finished import names_of

    assert names_of([Path("/results") / path for path in paths]) == names
