"""The page of a comparison: the verdict first, every case in the plots, pictures of both models."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from topoeval.evaluate import Options, evaluate
from topoeval.evaluate.comparison import compare_predictions
from topoeval.report.comparison_page import draw_paired, write_comparison_page


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory):
    """Model ``ours`` misses one voxel of each square, ``theirs`` more and more rows."""
    folder = tmp_path_factory.mktemp("masks")
    for side in ("ours", "theirs", "truth"):
        (folder / side).mkdir()
    for number in range(6):
        truth = np.zeros((24, 24), bool)
        truth[4:20, 4:20] = True
        ours, theirs = truth.copy(), truth.copy()
        ours[4, 4 + number] = False
        theirs[4 : 6 + number] = False
        for side, mask in (("ours", ours), ("theirs", theirs), ("truth", truth)):
            np.save(folder / side / f"case{number}.npy", mask)
    options = Options(columns=("dice", "hd95", "betti_error"))
    return {name: evaluate(folder / name, folder / "truth", options) for name in ("ours", "theirs")}


@pytest.fixture(scope="module")
def found(evaluations):
    """The two compared."""
    return compare_predictions({name: one.cases for name, one in evaluations.items()})


def test_the_page_says_who_is_better_and_shows_the_cases(found, evaluations, tmp_path):
    """Verdict before anything else; where each model is worst, beside the other."""
    write_comparison_page(found, tmp_path / "index.html", ["T-construction"], evaluations)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    order = [
        "ours is better in 2 of 3 differences; the cases cannot tell in 1",
        "about these predictions on cases like these, not about the methods",
        "on which class",
        "cannot tell the models apart",
        "Where each model breaks",
        "Where theirs is worst: case5, class foreground",
        "is worst: Dice",
        "<h2>Pictures",
        "Differences",
        "How it was measured",
        "ours is better in dice",
        "intervals are not corrected for the number of tests",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)


def test_each_model_is_drawn_where_it_breaks(tmp_path):
    """Each in a case of its own, errors named, counted and circled, in tables with their place."""
    for side in ("cutter", "joiner", "truth"):
        (tmp_path / side).mkdir()
    for number in range(5):
        truth = np.zeros((30, 30), bool)
        truth[5:8], truth[20:23] = True, True
        cut, joined = truth.copy(), truth.copy()
        cut[:, 12] = number != 3
        cut[8:20] = cut[:5] = cut[23:] = False
        joined[5:20, 15] = number == 1
        joined |= truth
        for side, mask in (("cutter", cut & truth), ("joiner", joined), ("truth", truth)):
            np.save(tmp_path / side / f"case{number}.npy", mask)
    options = Options(columns=("dice", "betti_error"))
    evaluations = {
        name: evaluate(tmp_path / name, tmp_path / "truth", options)
        for name in ("cutter", "joiner")
    }
    found = compare_predictions({name: one.cases for name, one in evaluations.items()})
    write_comparison_page(found, tmp_path / "index.html", [], evaluations)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Where cutter is worst: case3, class foreground" in page
    assert "Where joiner is worst: case1, class foreground" in page
    (drawn,) = re.findall(r'<div class="cases".*?</div>', page, re.DOTALL)
    assert ">2 cuts<" in drawn
    assert ">1 bridge<" in drawn
    assert drawn.count("nothing cut, joined, pierced or alone") == 2
    table = page.split("is worst: Betti error")[-1].split("</table>")[0]
    assert "2 cuts" in table
    assert "cut of 3 voxels at (6, 12)" in table
    assert "bridge of 12 voxels at (13, 15)" in table


def test_of_many_models_the_first_are_drawn_and_it_is_said(evaluations, tmp_path):
    """A page of twenty models would be one of pictures alone."""
    many = {f"model{number}": evaluations["theirs" if number else "ours"] for number in range(6)}
    found = compare_predictions({name: one.cases for name, one in many.items()})
    write_comparison_page(found, tmp_path / "index.html", [], many)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "against the best of the others, of the first 4 models" in page
    assert page.count("Where model3 is worst: ") > 0
    assert page.count("Where model4 is worst: ") == 0


def test_worst_cases_are_told_by_a_score_of_the_topology_first(found, tmp_path):
    """Dice alone does not say where a structure breaks."""
    tables = found.scores.copy()
    tables.loc[(tables["score"] == "betti_error") & (tables["case"] == "case3"), "theirs"] = 4
    write_comparison_page(replace(found, scores=tables), tmp_path / "index.html", [])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    first, second = page.split("<h2>Where each model is worst: ")[1:]
    assert first.startswith("Betti error")
    assert second.startswith("Dice")
    assert "case3" in first.split("</table>")[0]


def test_without_masks_there_are_no_pictures(found, tmp_path):
    """Of finished evaluations the tables and plots are there."""
    write_comparison_page(found, tmp_path / "index.html", [])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Where each model breaks" not in page
    assert page.count("<figure") == 1


def test_a_line_per_case_and_one_for_the_means(found):
    """In each panel: six cases of three scores."""
    svg = draw_paired(found, "foreground").svg
    assert svg.count("stroke: #9aa0a6; stroke-opacity: 0.7; stroke-width: 0.8") == 18


def test_lines_that_all_fall_and_are_not_separated_are_not_told_as_a_difference(evaluations):
    """Of four cases nothing can be separated, whatever their lines do."""
    few = {name: one.cases.head(4) for name, one in evaluations.items()}
    drawing = draw_paired(compare_predictions(few), "foreground")
    assert "not separated" in drawing.svg
    assert "says the title of each plot" in drawing.caption
    assert "speak for a difference" not in drawing.caption


def test_three_models_have_tiers(evaluations, tmp_path):
    """A table of standings, and names that are too long for an axis cut."""
    tables = {name: one.cases for name, one in evaluations.items()}
    third = tables["theirs"].copy()
    third["dice"] = third["dice"] - 0.1
    found = compare_predictions({**tables, "a very long name of a model": pd.DataFrame(third)})
    write_comparison_page(found, tmp_path / "index.html", [])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Tiers" in page
    assert "a ve…f a model" in page


def test_trainers_that_begin_alike_have_names_of_their_own(evaluations, tmp_path):
    """Below axes and in tables, where names are cut; the title has them whole."""
    names = ("nnUNetTrainer", "nnUNetTrainerTopoevalClDice")
    tables = dict(zip(names, (one.cases for one in evaluations.values()), strict=True))
    found = compare_predictions(tables)
    svg = draw_paired(found, "foreground").svg
    assert ">nnUNetTrainer</" in svg
    assert ">nnUN…valClDice</" in svg
    write_comparison_page(found, tmp_path / "index.html", [])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<h1>nnUNetTrainer and nnUNetTrainerTopoevalClDice</h1>" in page
    assert "<td>nnUN…valClDice</td>" in page
