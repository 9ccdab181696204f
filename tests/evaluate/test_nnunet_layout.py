"""Folders in the layout of nnU-Net v2, made by hand: pairs, names, regions, ignore, its Dice."""

import json
import shutil

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import Options, evaluate, evaluate_pairs, read_nnunet, summarise

RNG = np.random.default_rng(0)
TRUTHS = {name: RNG.integers(0, 3, (16, 18)).astype(np.uint8) for name in ("a_001", "a_002")}
TRUTHS["a_002"][TRUTHS["a_002"] == 2] = 0
PREDICTIONS = {
    name: np.where(RNG.random(truth.shape) < 0.2, 1, truth).astype(np.uint8)
    for name, truth in TRUTHS.items()
}
PREDICTIONS["a_002"][PREDICTIONS["a_002"] == 2] = 0
LABELS = {"background": 0, "wall": 1, "lumen": 2}
REGIONS = {"background": 0, "whole": [1, 2], "core": 2}


def stated(prediction, truth, members):
    """Return Dice as nnU-Net defines it: not a number where neither holds the class."""
    p, g = np.isin(prediction, members), np.isin(truth, members)
    total = int(p.sum() + g.sum())
    return 2 * int((p & g).sum()) / total if total else float("nan")


@pytest.fixture
def run(tmp_path, save_mask):
    """Write a results folder with one fold; return the folder of the fold."""

    def make(labels, ending=".png", ignore=None, probabilities=False):
        fold = tmp_path / "results" / "Dataset900_X" / "nnUNetTrainer__nnUNetPlans__2d" / "fold_0"
        validation = fold / "validation"
        validation.mkdir(parents=True)
        truths = tmp_path / "preprocessed" / "Dataset900_X" / "gt_segmentations"
        truths.mkdir(parents=True)
        stored = labels if ignore is None else {**labels, "ignore": ignore}
        dataset = {"labels": stored, "file_ending": ending, "channel_names": {"0": "x"}}
        if any(isinstance(value, list) for value in labels.values()):
            dataset["regions_class_order"] = [1, 2]
        (fold.parent / "dataset.json").write_text(json.dumps(dataset))
        cases = []
        for name, prediction in PREDICTIONS.items():
            truth = TRUTHS[name].copy()
            if ignore is not None:
                truth[:5] = ignore
            save_mask(validation / f"{name}{ending}", prediction)
            save_mask(truths / f"{name}{ending}", truth)
            if probabilities:
                hot = np.moveaxis(np.eye(3, dtype=np.float32)[prediction], -1, 0)[:, None]
                np.savez(validation / f"{name}.npz", probabilities=hot)
                (validation / f"{name}.pkl").write_bytes(b"never read")
            kept = truth != ignore if ignore is not None else np.ones_like(truth, bool)
            metrics = {}
            for key, members in labels.items():
                if key != "background":
                    several = members if isinstance(members, list) else [members]
                    text = str(tuple(several)) if isinstance(members, list) else str(members)
                    metrics[text] = {"Dice": stated(prediction[kept], truth[kept], several)}
            cases.append(
                {
                    "prediction_file": str(validation / f"{name}{ending}"),
                    "reference_file": str(truths / f"{name}{ending}"),
                    "metrics": metrics,
                }
            )
        (truths / f"other_fold{ending}").write_bytes(b"")
        (validation / "summary.json").write_text(json.dumps({"metric_per_case": cases}))
        return fold

    return make


@pytest.mark.parametrize("ignore", [None, 3])
@pytest.mark.parametrize("labels", [LABELS, REGIONS], ids=["labels", "regions"])
@pytest.mark.parametrize("ending", [".png", ".nii.gz"])
def test_a_fold_has_the_dice_of_its_summary(run, labels, ignore, ending):
    """Per case and class, regions and ignored voxels included; one fold of five is complete."""
    fold = run(labels, ending, ignore, probabilities=True)
    for place in (fold, fold / "validation", fold / "validation" / "summary.json"):
        results = read_nnunet(place)
        found = evaluate_pairs(results.matched, Options(labels=results.labels))
        assert (found.problems, found.missing) == ([], ())
        assert list(found.classes.names) == [name for name in labels if name != "background"]
        assert found.options.ignored == ignore
        assert results.disagreements(found.cases) == []
    case = results.dice["a_001"]
    rows = found.cases.set_index(["case", "class"])
    first = next(iter(found.classes.names))
    assert rows.loc[("a_001", first), "dice"] == pytest.approx(
        case[results.labels.members[first]], abs=1e-12
    )


def test_a_class_that_is_in_no_mask_of_a_case_leaves_the_mean(run):
    """As nnU-Net's foreground mean leaves out what is not a number."""
    results = read_nnunet(run(LABELS))
    assert np.isnan(results.dice["a_002"][(2,)])
    found = evaluate_pairs(results.matched, Options(labels=results.labels, columns=("dice",)))
    means = summarise(found.cases).set_index(["class", "metric"])
    theirs = [np.nanmean([case[(label,)] for case in results.dice.values()]) for label in (1, 2)]
    ours = [means.loc[(name, "dice"), "mean"] for name in ("wall", "lumen")]
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_another_dice_than_that_of_the_summary_is_said(run):
    """The files are not those that nnU-Net scored, or one of us is wrong."""
    fold = run(LABELS)
    path = fold / "validation" / "summary.json"
    summary = json.loads(path.read_text())
    summary["metric_per_case"][0]["metrics"]["1"]["Dice"] = 0.25
    path.write_text(json.dumps(summary))
    results = read_nnunet(fold)
    found = evaluate_pairs(results.matched, Options(labels=results.labels))
    (line,) = results.disagreements(found.cases)
    assert line.startswith("a_001: class wall: Dice 0.")
    assert line.endswith("summary.json of nnU-Net says 0.250000")


def test_a_fold_that_has_moved(run, tmp_path, monkeypatch):
    """Predictions lie beside the summary; the truth is named, or where nnU-Net keeps it."""
    fold = run(LABELS)
    fold.parents[2].rename(tmp_path / "moved")
    (tmp_path / "preprocessed").rename(tmp_path / "elsewhere")
    moved = tmp_path / "moved" / fold.parents[1].name / fold.parent.name / "fold_0"
    monkeypatch.delenv("nnUNet_preprocessed", raising=False)
    with pytest.raises(UserError, match=r"its truth .* is not there; name the folder after it"):
        read_nnunet(moved)
    truths = tmp_path / "elsewhere" / "Dataset900_X" / "gt_segmentations"
    assert len(read_nnunet(moved, truths).matched.pairs) == 2
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "elsewhere"))
    assert read_nnunet(moved).matched.pairs[0].target == truths / "a_001.png"


def test_a_copy_of_a_fold_is_scored_and_not_the_original(run, tmp_path):
    """The summary of a copy names the files of the original, which are still there."""
    fold = run(LABELS)
    copied = shutil.copytree(fold.parent, tmp_path / "copy") / "fold_0"
    pairs = read_nnunet(copied).matched.pairs
    assert [pair.prediction.parent for pair in pairs] == [copied / "validation"] * 2
    # written elsewhere, it has no predictions beside it
    alone = fold.parent / "elsewhere"
    alone.mkdir()
    shutil.copy(fold / "validation" / "summary.json", alone)
    pairs = read_nnunet(alone).matched.pairs
    assert [pair.prediction.parent for pair in pairs] == [fold / "validation"] * 2


def test_a_prediction_of_the_summary_that_is_gone_is_missing(run):
    """And not an error of the others."""
    fold = run(LABELS)
    (fold / "validation" / "a_002.png").unlink()
    results = read_nnunet(fold)
    assert [pair.name for pair in results.matched.missing] == ["a_002"]
    assert [pair.name for pair in results.matched.pairs] == ["a_001"]


def test_label_maps_that_the_summary_does_not_name_are_told(run, save_mask):
    """Predicted after it was written, perhaps: the summary is then of some of them."""
    fold = run(LABELS)
    assert read_nnunet(fold).matched.notes == []
    save_mask(fold / "validation" / "a_003.png", PREDICTIONS["a_001"])
    (note,) = read_nnunet(fold).matched.notes
    assert "does not name 1 of the label maps beside it, a_003.png first" in note


def test_a_folder_of_predictions_and_the_truth(run, tmp_path):
    """nnUNetv2_predict copies dataset.json into it; --save_probabilities adds npz and pkl."""
    fold = run(LABELS, ".nii.gz", probabilities=True)
    (fold / "validation" / "summary.json").unlink()
    (fold.parent / "dataset.json").rename(fold / "validation" / "dataset.json")
    truths = tmp_path / "preprocessed" / "Dataset900_X" / "gt_segmentations"
    results = read_nnunet(fold / "validation", truths)
    assert [str(p.prediction).endswith(".nii.gz") for p in results.matched.pairs] == [True, True]
    assert "a_001.nii.gz is taken of a_001.nii.gz, a_001.npz" in results.matched.notes[0]
    with pytest.raises(
        UserError, match=r"no summary\.json in it, which names the truth; name its folder"
    ):
        read_nnunet(fold / "validation")


def test_what_is_no_result_of_nnunet(tmp_path):
    """One line each."""
    with pytest.raises(UserError, match="no such file or folder"):
        read_nnunet(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no dataset\.json in it or above it"):
        read_nnunet(tmp_path)
    (tmp_path / "dataset.json").write_text('{"labels": {"a": 1}}')
    (tmp_path / "summary.json").write_text('{"foreground_mean": {}}')
    with pytest.raises(UserError, match="not a summary of nnU-Net"):
        read_nnunet(tmp_path)


def test_softmax_files_give_the_labels_of_the_maps(run, save_mask, tmp_path):
    """Scored alone, the probabilities are the map beside them."""
    fold = run(LABELS, ".png", probabilities=True)
    for path in (fold / "validation").glob("*.png"):
        path.unlink()
    truths = tmp_path / "preprocessed" / "Dataset900_X" / "gt_segmentations"
    (truths / "other_fold.png").unlink()
    found = evaluate(fold / "validation", truths, Options(columns=("dice",)))
    assert found.problems == []
    ours = found.cases.set_index(["case", "class"])["dice"]
    assert ours["a_001", "1"] == pytest.approx(
        stated(PREDICTIONS["a_001"], TRUTHS["a_001"], [1]), abs=1e-12
    )
    assert "channels that sum to 1" in found.readings["predictions"]


def test_a_folder_that_nnunet_has_post_processed(run):
    """Beside the crossval results lies ``postprocessed``: its own masks, its own summary."""
    fold = run(LABELS)
    crossval = fold.parent / "crossval_results_folds_0"
    fold.joinpath("validation").rename(crossval)
    after = crossval / "postprocessed"
    after.mkdir()
    stated_before = json.loads((crossval / "summary.json").read_text())["metric_per_case"]
    cases = []
    for name, case in zip(PREDICTIONS, stated_before, strict=True):
        kept = np.where(PREDICTIONS[name] == 1, 1, 0).astype(np.uint8)
        np_image(after / f"{name}.png", kept)
        metrics = {str(k): {"Dice": stated(kept, TRUTHS[name], [k])} for k in (1, 2)}
        cases.append({**case, "prediction_file": f"/gone/{name}.png", "metrics": metrics})
    (after / "summary.json").write_text(json.dumps({"metric_per_case": cases}))
    for folder, lumen in ((crossval, True), (after, False)):
        found = read_nnunet(folder)
        assert [pair.prediction.parent for pair in found.matched.pairs] == [folder] * 2
        scored = evaluate_pairs(found.matched, Options(columns=("dice",), labels=found.labels))
        assert found.disagreements(scored.cases) == []
        dice = scored.cases[(scored.cases["case"] == "a_001") & (scored.cases["class"] == "lumen")]
        assert (dice["dice"].item() > 0) == lumen


def test_post_processed_copies_inside_a_folder_of_predictions(run, tmp_path):
    """Are no predictions without a truth: a note says that they are passed over."""
    fold = run(LABELS)
    folder = tmp_path / "predicted"
    fold.joinpath("validation").rename(folder)
    (folder / "summary.json").unlink()
    (folder / "dataset.json").write_bytes((fold.parent / "dataset.json").read_bytes())
    (folder / "postprocessed").mkdir()
    for name, prediction in PREDICTIONS.items():
        np_image(folder / "postprocessed" / f"{name}.png", prediction)
    truths = tmp_path / "preprocessed" / "Dataset900_X" / "gt_segmentations"
    (truths / "other_fold.png").unlink()
    found = read_nnunet(folder, truths)
    assert len(found.matched.pairs) == 2
    assert found.matched.problems == []
    (note,) = found.matched.notes
    assert "postprocessed" in note


def np_image(path, array):
    """Write a PNG."""
    import PIL.Image

    PIL.Image.fromarray(array).save(path)


def test_a_fold_whose_summary_is_not_there(run):
    """The truth is named after the fold or its folder validation; without it a line says how."""
    fold = run(LABELS)
    (fold / "validation" / "summary.json").unlink()
    truths = fold.parents[3] / "preprocessed" / "Dataset900_X" / "gt_segmentations"
    (truths / "other_fold.png").unlink()
    with pytest.raises(UserError, match=r"no summary\.json .* --nnunet .*validation .*labelsTr"):
        read_nnunet(fold)
    for place in (fold, fold / "validation"):
        pairs = read_nnunet(place, truths).matched.pairs
        assert [pair.name for pair in pairs] == ["a_001", "a_002"]
