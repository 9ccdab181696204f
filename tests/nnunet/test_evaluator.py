"""`topoeval evaluate --nnunet` agrees with the evaluator of nnU-Net, case by case."""

import json

import numpy as np
import pytest

from topoeval.evaluate import Options, evaluate_pairs, read_nnunet

pytest.importorskip("nnunetv2", reason='pip install -c constraints.txt "topoeval[nnunet]"')

CLASSES = {"wall": 1, "lumen": 2}
REGIONS = {"whole": [1, 2], "core": 2}
IGNORE = 3


@pytest.fixture
def folders(tmp_path):
    """Write truths with ignored voxels and predictions, as NIfTI; in one case a class is absent."""
    import SimpleITK

    rng = np.random.default_rng(0)
    for i in range(4):
        truth = rng.integers(0, 3 if i else 2, (3, 12, 14)).astype(np.uint8)
        predicted = np.where(rng.random(truth.shape) < 0.2, rng.integers(0, 2), truth)
        truth[:, :2] = IGNORE
        for name, mask in (("truth", truth), ("predicted", predicted.astype(np.uint8))):
            (tmp_path / name).mkdir(exist_ok=True)
            image = SimpleITK.GetImageFromArray(mask)
            image.SetSpacing((0.5, 0.7, 2.0))
            SimpleITK.WriteImage(image, str(tmp_path / name / f"case_{i:03d}.nii.gz"))
    return tmp_path


@pytest.mark.parametrize("classes", [CLASSES, REGIONS], ids=["labels", "regions"])
def test_dice_is_that_of_nnunet(folders, classes):
    """Of labels and of regions, ignored voxels left out, a class that is absent has no value."""
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    truth, predicted = folders / "truth", folders / "predicted"
    wanted = [tuple(v) if isinstance(v, list) else v for v in classes.values()]
    summary = predicted / "summary.json"
    compute_metrics_on_folder(
        str(truth), str(predicted), str(summary), SimpleITKIO(), ".nii.gz", wanted, IGNORE, 1
    )
    dataset = {
        "labels": {"background": 0, **classes, "ignore": IGNORE},
        "file_ending": ".nii.gz",
        "channel_names": {"0": "x"},
    }
    if classes is REGIONS:
        dataset["regions_class_order"] = [1, 2]
    (predicted / "dataset.json").write_text(json.dumps(dataset))
    results = read_nnunet(summary, None)
    found = evaluate_pairs(results.matched, Options(labels=results.labels, columns=("dice",)))
    assert found.problems == []
    assert results.disagreements(found.cases) == []
    stated = {
        (case["prediction_file"].rpartition("/")[2].partition(".")[0], name): case["metrics"][key][
            "Dice"
        ]
        for case in json.loads(summary.read_text())["metric_per_case"]
        for name, key in zip(classes, map(str, wanted), strict=True)
    }
    assert len(stated) == 8
    for row in found.cases.to_dict("records"):
        dice = stated.pop((row["case"], row["class"]))
        if row["prediction_empty"] and row["target_empty"]:
            assert np.isnan(dice)
        else:
            assert row["dice"] == pytest.approx(dice, abs=1e-12)
    assert not stated
