"""nnU-Net's trainer with our terms: found by name, trained, saved, read without us."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("nnunetv2", reason='pip install "topoeval[nnunet]" -c constraints.txt')

from nnunetv2.experiment_planning.plan_and_preprocess_api import (
    extract_fingerprints,
    plan_experiments,
    preprocess,
)
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

sys.path.insert(0, str(Path(__file__).parent))

import tiny

from topoeval.nnunet import FOLDER, TRAINERS

NUMBERS = {"labels": 901, "regions": 902, "ignore": 903}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Folders of nnU-Net with three planned data sets of 2D images."""
    root = tmp_path_factory.mktemp("nnunet")
    patch = pytest.MonkeyPatch()
    for name in ("raw", "preprocessed", "results"):
        (root / name).mkdir()
        patch.setenv(f"nnUNet_{name}", str(root / name))
    patch.setenv("nnUNet_extTrainer", str(FOLDER))
    for kind, number in NUMBERS.items():
        name = tiny.write(root / "raw", number, kind)
        extract_fingerprints([number], num_processes=1)
        plan_experiments([number])
        preprocess([number], configurations=["2d"], num_processes=[1])
        numbers = {"ring": [1, 1], "core": [1, 0], "whole": [1, 0]}
        named = json.loads((root / "raw" / name / "dataset.json").read_text())["labels"]
        (root / "preprocessed" / name / "topoeval_prior.json").write_text(
            json.dumps({key: numbers[key] for key in named if key in numbers})
        )
    yield root
    patch.undo()


def trainer_of(kind, name, fold=0, **settings):
    """A trainer of two short epochs that is ready to train, of a class with other settings."""
    number, device = str(NUMBERS[kind]), torch.device("cpu")
    trainer = get_trainer_from_args(number, "2d", fold, name, device=device)
    for key, value in settings.items():
        setattr(trainer, key, value)
    trainer.num_epochs = 2
    trainer.num_iterations_per_epoch = 3
    trainer.num_val_iterations_per_epoch = 1
    return trainer


def test_the_command_prints_the_folder_and_the_trainers():
    """The folder alone on stdout, where `$(...)` takes it from."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "topoeval.nnunet"], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == FOLDER.resolve()
    assert [name for name in TRAINERS if name in done.stderr] == list(TRAINERS)
    assert [path.name for path in FOLDER.glob("*.py")] == ["topoeval_nnunet_trainers.py"]


@pytest.mark.parametrize("name", TRAINERS)
def test_nnunet_finds_every_trainer(root, name):
    """By its name, through the folder."""
    assert recursive_find_trainer_class_by_name(name).__name__ == name


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("name", TRAINERS)
def test_one_loss_of_every_trainer(root, kind, name):
    """The term has a gradient at the first output alone, of the ratio; 0 where voxels are ignored.

    With labels, regions and an ignore label, from the first step on.
    """
    trainer = trainer_of(kind, name)
    trainer.initialize()
    term = trainer.loss
    term.start = term.ramp = 0.0
    term.every, term.progress = 1, 1.0
    classes = trainer.label_manager.num_segmentation_heads
    generator = torch.Generator().manual_seed(0)
    _, labels = tiny.drawn(3, 2, ignore=kind == "ignore")
    labels = torch.from_numpy(labels.astype(np.int16)).expand(2, 1, 32, 32)
    ignored = labels == 3
    if kind == "regions":
        target = torch.cat([labels > 0, labels == 2], 1)
        guess = 2.0 * target - 1
    else:
        target = labels
        guess = 2.0 * torch.nn.functional.one_hot(labels[:, 0].long() % 3, 3).movedim(-1, 1)
    outputs, targets = [], []
    for step in (1, 2):
        noise = torch.randn(2, classes, 32 // step, 32 // step, generator=generator)
        outputs.append((guess[..., ::step, ::step] + noise).requires_grad_())
        targets.append(target[..., ::step, ::step])
    term.base.weight_factors = (0.75, 0.25)

    def slopes(function):
        return torch.autograd.grad(function(outputs, targets), outputs)

    plain, ours = slopes(term.base), slopes(term)
    own = ours[0] - plain[0]
    assert own.norm() > 0
    assert float(own.norm() / plain[0].norm()) == pytest.approx(term.gradient_ratio, rel=1e-3)
    assert torch.equal(plain[1], ours[1])
    assert torch.count_nonzero(ours[0].masked_select(ignored)) == 0
    assert term.calls == 2
    term.progress = 0.0
    assert torch.equal(term(outputs, targets), term.base(outputs, targets))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("labels", "nnUNetTrainerTopoevalClDice"),
        ("regions", "nnUNetTrainerTopoevalBettiMatching"),
        ("ignore", "nnUNetTrainerTopoevalSCNP"),
    ],
)
def test_a_training_ends_with_a_checkpoint_that_needs_no_topoeval(root, kind, name, tmp_path):
    """Two epochs, then nnU-Net predicts in a process in which topoeval cannot be imported."""
    trainer = trainer_of(kind, name)
    trainer.initialize()
    trainer.loss.every = 1
    trainer.run_training()
    assert trainer.loss.calls > 0
    assert np.isfinite(trainer.logger.get_value("train_losses", step=-1))
    folder = Path(trainer.output_folder)
    assert folder.parent.name.startswith(name)
    log = "".join(path.read_text() for path in folder.glob("training_log_*.txt"))
    assert "samples so far" in log
    saved = torch.load(folder / "checkpoint_final.pth", weights_only=False, map_location="cpu")
    assert saved["trainer_name"] == "nnUNetTrainer"
    images = root / "raw" / folder.parent.parent.name / "imagesTr"
    script = f"""
import sys
sys.modules["topoeval"] = None
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest, torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
predictor = nnUNetPredictor(device=torch.device("cpu"), use_mirroring=False, verbose=False)
predictor.initialize_from_trained_model_folder({str(folder.parent)!r}, (0,), "checkpoint_final.pth")
predictor.predict_from_files_sequential({str(images)!r}, {str(tmp_path)!r})
"""
    subprocess.run([sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True)
    assert len(list(tmp_path.glob("case_*.png"))) == 5


def dice_of(summary, keys):
    """Dice by case and class of a summary of nnU-Net."""
    return {
        (Path(case["prediction_file"]).name.partition(".")[0], name): case["metrics"][key]["Dice"]
        for case in json.loads(summary.read_text())["metric_per_case"]
        for name, key in keys.items()
    }


@pytest.mark.parametrize("kind", NUMBERS)
def test_evaluate_gives_the_dice_of_nnunet_on_a_real_run(root, kind, tmp_path):
    """Trained, validated with probabilities by nnU-Net, judged by its command and by ours."""
    trainer = trainer_of(kind, "nnUNetTrainer", fold="all")
    trainer.num_iterations_per_epoch = 25
    trainer.run_training()
    trainer.perform_actual_validation(save_probabilities=True)
    fold = Path(trainer.output_folder)
    validation, run = fold / "validation", fold.parent
    truth = root / "preprocessed" / run.parent.name / "gt_segmentations"
    assert len(list(validation.glob("*.npz"))) == 5
    command = Path(sys.executable).with_name("nnUNetv2_evaluate_folder")
    theirs = tmp_path / "summary.json"
    subprocess.run(
        [command, truth, validation, "-djfile", run / "dataset.json", "-pfile", run / "plans.json",
         "-o", theirs, "-np", "1"],
        check=True, capture_output=True,
    )  # fmt: skip
    keys = {"whole": "(1, 2)", "core": "2"} if kind == "regions" else {"ring": "1", "core": "2"}
    wanted = dice_of(theirs, keys)
    assert wanted == dice_of(validation / "summary.json", keys)
    assert len(wanted) == 10
    assert max(wanted.values()) > 0.5
    labels = ["--labels", run / "dataset.json"]
    evaluate = [sys.executable, "-m", "topoeval", "evaluate", "--metrics", "dice"]
    for number, files in enumerate((["--nnunet", fold], [validation, truth, *labels])):
        out = tmp_path / str(number)
        ours = subprocess.run(
            [*evaluate, *files, "--out", out], capture_output=True, text=True, check=False
        )
        assert ours.returncode == 0, ours.stdout + ours.stderr
        rows = pd.read_csv(out / "cases.csv").set_index(["case", "class"])["dice"]
        found = {place: value for place, value in rows.items() if place[1] in keys}
        assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        said = "Dice of every case and class is that of summary.json of nnU-Net"
        assert (said in ours.stdout) == (files[0] == "--nnunet")


def test_a_term_that_never_came_is_an_error(root):
    """The training is saved, and the reason is given."""
    trainer = trainer_of("labels", "nnUNetTrainerTopoevalClDice")
    trainer.initialize()
    trainer.loss.every = 1000
    with pytest.raises(Exception, match=r"never added; start=0\.0 and every=1000"):
        trainer.run_training()
    assert (Path(trainer.output_folder) / "checkpoint_final.pth").exists()


def test_patches_that_contradict_the_prior_have_no_term(root):
    """And are counted; a sample that agrees keeps its term."""
    trainer = trainer_of("labels", "nnUNetTrainerTopoevalBettiPrior")
    trainer.initialize()
    term = trainer.loss
    term.start, term.progress = 0.0, 1.0
    _, labels = tiny.drawn(3, 2, ignore=False)
    whole = torch.from_numpy(labels.astype(np.int16))[None, None]
    cut = whole.clone()
    cut[..., 14:17, :16] = 0  # the ring is open
    target = torch.cat([whole, cut])
    logits = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    term.base = torch.nn.Module()
    term.base.forward = lambda output, target: output.square().mean()
    (slope,) = torch.autograd.grad(term(logits, target), logits)
    (plain,) = torch.autograd.grad(logits.square().mean(), logits)
    assert (term.calls, term.skipped) == (1, 1)
    assert torch.equal(slope[1], plain[1])
    assert not torch.equal(slope[0], plain[0])
    assert "50% of the patches" in term.report()
