"""``topoeval evaluate`` and ``audit`` as a user meets them."""

import json
import re

import numpy as np
import pandas as pd
import PIL.Image
import pytest

RING = np.zeros((12, 16), np.uint8)
RING[2:9, 2:9] = 255
RING[4:7, 4:7] = 0
FILLED = RING.copy()
FILLED[4:7, 4:7] = 255


@pytest.fixture
def folders(tmp_path):
    """Make ``pred`` and ``gt`` with two cases."""
    for side, second in (("pred", FILLED), ("gt", RING)):
        (tmp_path / side).mkdir()
        PIL.Image.fromarray(RING).save(tmp_path / side / "one.png")
        PIL.Image.fromarray(second).save(tmp_path / side / "two.png")
    return tmp_path


def test_evaluate_writes_all_its_files(call, folders):
    """Table, summary, record and a page that needs nothing else, with what was chosen said."""
    pytest.importorskip("pyarrow", reason="the extra parquet")
    status, output, _ = call(
        *[
            "evaluate",
            "pred",
            "gt",
            "--topology",
            "V",
            "--betti",
            "1,1",
            "--jobs",
            "1",
            "--html",
            "--parquet",
        ]
    )
    assert status == 0
    assert "V-construction (foreground 4, background 8), superlevel, plain border" in output
    assert re.search(r"matches prior +2 +0\.5", output)
    out = folders / "evaluation"
    cases = pd.read_csv(out / "cases.csv")
    assert cases["betti_error"].tolist() == [0, 1]
    assert pd.read_parquet(out / "cases.parquet")["dice"].tolist() == cases["dice"].tolist()
    assert "betti_error" in pd.read_csv(out / "summary.csv")["metric"].tolist()
    document = json.loads((out / "record.json").read_text())
    assert document["status"] == "ok"
    assert document["environment"]["versions"]["numpy"] == np.__version__
    page = (out / "index.html").read_text()
    assert "missed hole" in page
    assert "<svg" in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert not re.search(r"<script|<link|src=\"http|href=\"http", page)


def test_evaluate_reads_a_folder_of_nifti_volumes(call, tmp_path):
    """Values by hand, the voxel size from the header: a cavity is missed, a ball moved by 2 mm."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    hollow = np.zeros((9, 9, 9), np.uint8)
    hollow[2:7, 2:7, 2:7] = 1
    solid = hollow.copy()
    hollow[4, 4, 4] = 0
    moved = np.roll(solid, 1, axis=0)
    for side, masks in (("pred", (solid, moved)), ("gt", (hollow, solid))):
        (tmp_path / side).mkdir()
        for name, mask in zip(("cavity", "moved"), masks, strict=True):
            image = nibabel.Nifti1Image(mask, np.diag([2.0, 1.0, 0.5, 1.0]))
            nibabel.save(image, tmp_path / side / f"{name}.nii.gz")
    status, output, _ = call("evaluate", "pred", "gt", "--topology", "V", "--jobs", "1")
    assert status == 0
    assert "V-construction (foreground 6, background 26)" in output
    cases = pd.read_csv(tmp_path / "evaluation" / "cases.csv").set_index("case")
    assert cases["betti_error_2"].to_dict() == {"cavity": 1, "moved": 0}
    assert cases["betti_error"].to_dict() == {"cavity": 1, "moved": 0}
    assert cases.loc["moved", "hd"] == 2.0
    assert cases.loc["moved", "dice"] == pytest.approx(0.8)


def test_evaluate_leaves_wrong_files_out(call, folders):
    """One line names the file, the rest is scored, status 1."""
    (folders / "pred" / "two.png").write_bytes(b"broken")
    status, output, _ = call("evaluate", "pred", "gt", "--jobs", "1", "--metrics", "dice,hd")
    assert status == 1
    assert "left out pred/two.png: cannot be read" in output
    cases = pd.read_csv(folders / "evaluation" / "cases.csv")
    assert cases["case"].tolist() == ["one"]
    assert list(cases.columns)[2:] == ["dice", "hd", "prediction_empty", "target_empty"]
    document = json.loads((folders / "evaluation" / "record.json").read_text())
    assert document["status"] == "failed"
    assert "two.png" in document["error"]


def test_probabilities_with_a_threshold(call, folders):
    """Without one they are refused, with the way out."""
    for name in ("one", "two"):
        (folders / "pred" / f"{name}.png").unlink()
        np.save(folders / "pred" / f"{name}.npy", RING / 300)
    status, output, _ = call("evaluate", "pred", "gt", "--jobs", "1", "--metrics", "dice")
    assert status == 1
    assert "--threshold 0.5" in output
    assert not (folders / "evaluation").exists()
    status, _, _ = call(
        "evaluate", "pred", "gt", "--jobs", "1", "--metrics", "dice", "--threshold", "0.5"
    )
    assert status == 0
    assert pd.read_csv(folders / "evaluation" / "cases.csv")["dice"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "pred", "nowhere"], "nowhere: no such file or folder"),
        (["evaluate", "pred", "gt", "--metrics", "dise"], "did you mean 'dice'"),
        (["evaluate", "pred", "gt", "--betti", "one"], "not of the form"),
        (["evaluate", "pred", "gt", "--spacing", "1,x"], "two or three positive numbers"),
        (["evaluate", "pred", "gt", "--topology", "X"], "construction must be one of"),
        (["evaluate", "pred", "gt", "--classes", "0"], "neither a label"),
        (["evaluate", "pred", "gt", "--patch", "0"], "at least 1"),
        (["evaluate", "pred", "gt", "--tolerance", "-1"], "at least 0"),
        (["audit", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(call, folders, arguments, words):
    """Before anything is scored."""
    status, _, errors = call(*arguments)
    assert (status, errors.count("\n")) == (2, 1), errors
    assert words in errors


def test_audit_writes_table_and_page(call, folders):
    """The ring has no pinhole of one voxel, and meets its prior."""
    status, output, _ = call(*["audit", "gt", "--betti", "1,1", "--jobs", "1", "--html"])
    assert status == 0
    assert re.search(r"matches prior T +1 ", output)
    assert "Betti numbers V: V-construction (foreground 4, background 8), superlevel" in output
    assert "Betti numbers T: T-construction (foreground 8, background 4), superlevel" in output
    cases = pd.read_csv(folders / "audit" / "cases.csv")
    assert cases["pinholes_16"].tolist() == [1, 1]
    page = (folders / "audit" / "index.html").read_text()
    assert "pinhole of at most 64 voxels" in page


def test_audit_of_a_broken_file(call, folders):
    """Status 1, like evaluate."""
    (folders / "gt" / "two.png").write_bytes(b"broken")
    status, output, _ = call("audit", "gt", "--jobs", "1")
    assert status == 1
    assert "gt/two.png: cannot be read" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "m", "m", "--metrics", ""), "no score named in --metrics ''"),
        (("evaluate", "m", "m", "--metrics", " ,"), "no score named in --metrics ' ,'"),
        (("evaluate", "m", "m", "--classes", ""), "no class named in ''"),
        (("audit", "m", "--classes", ""), "no class named in ''"),
        (("evaluate", "m", "m", "--pred-map", ""), "''"),
        (("evaluate", "m", "m", "--gt-map", ""), "''"),
        (("evaluate", "m", "m", "--preset", "foo"), "no preset 'foo'; known: atm22, cremi"),
    ],
)
def test_an_empty_or_unknown_name_is_one_line(call, tmp_path, arguments, words):
    """It does not mean the default; what there is is listed once."""
    (tmp_path / "m").mkdir()
    PIL.Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "m" / "a.png")
    status, output, errors = call(*arguments, "--jobs", "1", "--out", "out")
    assert (status, errors.count("\n")) == (2, 1), output + errors
    assert words in errors
    assert errors.count("atm22") <= 1
    assert not (tmp_path / "out").exists()


def test_a_comma_at_the_end_names_no_score(call, tmp_path):
    """Nor do two."""
    PIL.Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "a.png")
    command = ("evaluate", "a.png", "a.png", "--jobs", "1", "--metrics", "dice, ,iou,")
    assert call(*command)[0] == 0
    assert set(pd.read_csv("evaluation/summary.csv")["metric"]) >= {"dice", "iou"}


def test_hidden_files_are_counted_in_a_note(call, tmp_path):
    """Per folder, with a name; by evaluate and audit. Those of no format are not."""
    for side in ("p", "g"):
        (tmp_path / side / "in").mkdir(parents=True)
        for name in ("a.png", ".hid.png", "in/.other.png"):
            PIL.Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / side / name)
        (tmp_path / side / ".DS_Store").write_bytes(b"")
    (tmp_path / "g" / "in" / ".other.png").unlink()
    status, output, _ = call("evaluate", "p", "g", "--jobs", "1", "--metrics", "dice")
    assert status == 0
    assert output.count("hidden") == 2
    told = "passed over, for example .hid.png; rename what is to be read"
    assert f"note: p: 2 hidden files {told}" in output
    assert f"note: g: a hidden file {told}" in output
    status, output, _ = call("audit", "p", "--jobs", "1")
    assert status == 0
    assert f"note: p: 2 hidden files {told}" in output


def test_an_ignore_label_that_is_the_only_label_of_both_sides(call, tmp_path):
    """Of masks of 0 and 255 too, whose 255 is read as 1: no mean of nothing with status 0."""
    (tmp_path / "m").mkdir()
    mask = np.eye(9, dtype=np.uint8) * 255
    PIL.Image.fromarray(mask).save(tmp_path / "m" / "a.png")
    status, _, errors = call("evaluate", "m", "m", "--jobs", "1", "--ignore", "255")
    assert (status, errors.count("\n")) == (2, 1)
    assert "the ignore label 255 is the only label of the truth, and of predictions" in errors
    assert "leave --ignore out" in errors
    status, _, errors = call("audit", "m", "--jobs", "1", "--ignore", "255")
    assert (status, errors.count("\n")) == (2, 1)
    assert "the ignore label 255 is the only label of the files" in errors
    (tmp_path / "p").mkdir()
    PIL.Image.fromarray(mask // 255).save(tmp_path / "p" / "a.png")
    status, output, _ = call("evaluate", "p", "m", "--jobs", "1", "--ignore", "255")
    assert status == 0
    assert "the truth holds no label but 255" in output


@pytest.mark.parametrize("command", [["evaluate", "pred", "gt"], ["audit", "pred"]])
def test_json_where_no_file_can_be_read(call, folders, command):
    """The problems and no rows, and not a traceback."""
    for name in ("one", "two"):
        (folders / "pred" / f"{name}.png").write_bytes(b"no picture")
    status, output, errors = call(*command, "--json", "--jobs", "1", "--out", "out")
    assert status == 1, errors
    document = json.loads(output)
    assert len(document["problems"]) == 2
    assert document.get("summary", document.get("table")) == []
