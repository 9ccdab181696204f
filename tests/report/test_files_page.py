"""The page of ``topoeval evaluate``: which cases are shown, and what a row is called."""

import html
import re

import numpy as np
import pytest

from topoeval import Topology
from topoeval.cli import main
from topoeval.evaluate import Options, evaluate
from topoeval.metrics import Settings
from topoeval.report import files_page
from topoeval.report.files_page import MOST_PICTURES, draw_worst, write_evaluation_page


def ball(*shape):
    """A block in the middle of a background."""
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(2, -2) for _ in shape)] = 1
    return mask


@pytest.fixture
def folders(tmp_path):
    """Save pairs of masks by name; return the two folders."""

    def saved(cases):
        for side, place in (("p", 0), ("g", 1)):
            (tmp_path / side).mkdir()
            for name, pair in cases.items():
                np.save(tmp_path / side / f"{name}.npy", pair[place])
        return tmp_path / "p", tmp_path / "g"

    return saved


@pytest.fixture
def worst(monkeypatch):
    """Return the title of the drawing of an evaluation, and the titles of its pictures in order."""

    def found(evaluation):
        kept = []
        monkeypatch.setattr(
            files_page,
            "draw_errors",
            lambda name, title, footer, panels: kept.extend([title, [p.title for p in panels]]),
        )
        draw_worst(evaluation, "foreground")
        return kept

    return found


@pytest.mark.parametrize("shape", [(12, 12), (8, 9, 10)])
@pytest.mark.parametrize("columns", [None, ("betti_error",), ("dice",), ("iou",)])
def test_a_case_without_an_error_is_never_a_worst_one(folders, worst, shape, columns):
    """Whatever scores were asked for: cases whose masks are equal are no picture."""
    truth = ball(*shape)
    holed = truth.copy()
    holed[tuple(n // 2 for n in shape)] = 0
    moved = np.roll(truth, 1, axis=0)
    cases = {f"case{k}": (truth, truth) for k in range(5)}
    cases |= {"case5": (holed, truth), "case6": (moved, truth)}
    found = evaluate(*folders(cases), Options(columns=columns))
    title, pictures = worst(found)
    assert sorted(pictures) == ["case5", "case6"]
    assert title == "Class foreground: all cases with an error"


def test_the_worst_come_first(folders, worst):
    """By the errors of topology; of scores without one by the first that has a good direction."""
    truth = ball(12, 12)
    cases = {}
    for k in range(MOST_PICTURES + 2):
        wrong = truth.copy()
        for hole in range(k + 1):
            wrong[3 + hole // 3 * 2, 3 + hole % 3 * 2] = 0
        cases[f"case{k}"] = (wrong, truth)
    paths = folders(cases)
    for columns in (None, ("dice",), ("iou",)):
        title, pictures = worst(evaluate(*paths, Options(columns=columns)))
        assert pictures == [f"case{k}" for k in range(7, 1, -1)], columns
        assert title == "Class foreground: the worst cases"


def test_where_all_is_right_the_page_says_so(folders, tmp_path):
    """And shows no picture."""
    truth = ball(8, 8, 8)
    found = evaluate(*folders({"case0": (truth, truth)}))
    assert draw_worst(found, "foreground") is None
    write_evaluation_page(found, tmp_path / "page.html", ["a line"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "class foreground: no case has an error to be shown" in page
    assert "<figure" not in page
    assert "<h1>1 case</h1>" in page


def test_a_sublevel_row_says_whose_topology_it_has(folders, tmp_path, monkeypatch, capsys):
    """That of the outside of the class, on the page and on the terminal."""
    truth = ball(12, 12)
    paths = folders({"case0": (np.roll(truth, 1, axis=0), truth)})
    found = evaluate(*paths, Options(settings=Settings(topology=Topology("V", "sublevel"))))
    assert found.cases[["b0", "b1"]].to_numpy().tolist() == [[1, 1]]  # a ring round the block
    write_evaluation_page(found, tmp_path / "page.html", [])
    page = html.unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "<h2>Class foreground (topology of its outside)</h2>" in page
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    arguments = ["topoeval", "evaluate", "p", "g", "--topology", "V-sublevel", "--jobs", "1"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr().out
    assert "foreground (topology of its outside)" in printed
    assert "those of the voxels outside of a class" in printed


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        (None, ["class", "Dice ↑", "clDice ↑"]),
        (("iou", "b0"), ["class", "Intersection over union ↑"]),
    ],
)
def test_the_page_begins_with_the_means_of_each_class(folders, tmp_path, columns, heads):
    """So that the class that fails is seen without scrolling; what has no direction is no score."""
    truth = np.zeros((20, 20), np.uint8)
    truth[2:8, 2:8], truth[12:18, 12:18] = 1, 2
    half = truth.copy()
    half[12:18, 12:15] = 0
    found = evaluate(*folders({"a": (truth, truth), "b": (half, truth)}), Options(columns=columns))
    write_evaluation_page(found, tmp_path / "index.html", [])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    table = page.split("<h2>Means over the cases")[1].split("</table>")[0]
    assert page.index("Means over the cases") < page.index("<h2>Pictures")
    shown = re.findall(r"<th[^>]*>([^<]*)</th>", table)
    assert shown[: len(heads)] == heads
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr>")[2:]]
    assert [row[0] for row in rows] == ["1", "2", "merged", "mean of classes"]
    assert rows[0][1] == "1.000"
    assert rows[1][1] == ("0.833" if columns is None else "0.750")


def test_a_picture_says_how_many_parts_were_not_looked_at(monkeypatch):
    """So many that each would cost minutes: the smallest are left, and not in silence."""
    from topoeval.report import broken

    target = np.zeros((9, 30), bool)
    target[3:6] = True
    prediction = target.copy()
    prediction[:, [5, 12, 13]] = False
    assert broken.errors_of(prediction, target, Topology()).told == "2 cuts"
    monkeypatch.setattr(broken, "_MOST_PARTS", 1)
    found = broken.errors_of(prediction, target, Topology())
    assert found.told == "1 cut; not looked at: the 1 smallest of the parts that differ"
    assert found.largest == "cut of 6 voxels at (4, 12)"
