"""The figures of ``docs/which-loss.md`` are those of the committed tables of gains and means."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/which-loss.md").read_text()
BOARD, TUNED, BODY = "board-2d", "board-2d/tuned", "board-3d"
AT_HALF, BY_TOPOLOGY, DICE = "Betti error 0.5", "Betti error by topology", "Dice 0.5"
# a difference, its interval where there is one, and whether it is separated
FIGURE = re.compile(
    r"(?P<mean>[+-]?\d*\.\d+)(?: \[(?P<low>[+-]\d+\.\d+), (?P<high>[+-]\d+\.\d+)\])?"
    r" ?(?P<mark>[★▽])?"
)
# Names of the page, where those of the tables are longer.
TITLES = {
    "betti prior": "betti prior, supervised",
    "satloss": "spatially aware wasserstein (satloss)",
    "soft cldice": "dice + soft cldice",
    "topological cldice": "dice + topological cldice",
    "region separation": "region separation (topo)",
}


def both(place, dataset):
    """Return where the two figures of a cell are from: at 0.5, and at thresholds by topology."""
    return [(place, dataset, AT_HALF), (place, dataset, BY_TOPOLOGY)]


def detailed(place, dataset):
    """Return the columns of a table about one dataset."""
    names = {
        "Betti error at 0.5": AT_HALF,
        "thresholds by topology": BY_TOPOLOGY,
        "Dice at 0.5": DICE,
    }
    return {ours: [(place, dataset, theirs)] for ours, theirs in names.items()}


# By section: a column of its table, and the figures that a cell of it holds.
TABLES = {
    "On every structure": {
        "roads": both(BOARD, "network"),
        "rings": both(BOARD, "cardiac"),
        "digits": both(BOARD, "strokes"),
        "membranes": both(BOARD, "membranes"),
        "body, 3D": both(BODY, "placenta"),
        "vessels, 3D": both(BODY, "vessels"),
    },
    "On roads, in detail": detailed(BOARD, "network"),
    "Tuned, on roads": {
        "Betti error at 0.5, folder": [(BOARD, "network", AT_HALF)],
        "tuned": [(TUNED, "network", AT_HALF)],
        "thresholds by topology, tuned": [(TUNED, "network", BY_TOPOLOGY)],
        "Dice at 0.5, tuned": [(TUNED, "network", DICE)],
    },
    "In 3D: a body with poor contrast": detailed(BODY, "placenta"),
    "In 3D: thin vessels": detailed(BODY, "vessels"),
}


def cells(line):
    """Return the cells of a line of a table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def gains(place):
    """Return the tables of a file: by dataset and method a cell by its column."""
    found = {}
    for block in (ROOT / "results" / place / "gains.md").read_text().split("\n\n"):
        lines = block.strip().splitlines()
        if re.match(r"\w+: of \d+ methods", lines[0]):
            dataset = lines[0].partition(":")[0]
        elif lines[0].startswith("|"):
            header, _, *rows = map(cells, lines)
            found[dataset] = {row[0].lower(): dict(zip(header, row, strict=True)) for row in rows}
    return found


GAINS = {place: gains(place) for place in (BOARD, TUNED, BODY)}


def means():
    """Return the rows of the means of ten networks, by method and score."""
    table = pd.read_csv(ROOT / "results" / BOARD / "ensemble-network.csv", keep_default_na=False)
    return {(row["method"].lower(), row["score"]): row for row in table.to_dict("records")}


MEANS = means()
MARKS = {"better": "★", "worse": "▽"}


def section(title):
    """Return the text below a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def figure(match):
    """Return the numbers and the mark of a figure; what it does not have is None."""
    low, high = (None if match[end] is None else float(match[end]) for end in ("low", "high"))
    return float(match["mean"]), low, high, match["mark"]


@pytest.mark.parametrize("title", TABLES)
def test_a_table_has_the_figures_of_the_gains(title):
    """Means, intervals where the page gives them, and marks."""
    lines = [line for line in section(title).splitlines() if line.strip().startswith("|")]
    header, _, *rows = map(cells, lines)
    assert TABLES[title].keys() <= set(header)
    compared = 0
    for row in rows:
        name = re.split(r"[,(]", row[0])[0].strip().lower()
        for column, sources in TABLES[title].items():
            said = [figure(match) for match in FIGURE.finditer(row[header.index(column)])]
            # a method without a record there has an empty cell
            method = TITLES.get(name, name)
            there = [one for one in sources if method in GAINS[one[0]][one[1]]]
            assert len(said) == len(there), (row[0], column)
            for ours, (place, dataset, theirs) in zip(said, there, strict=True):
                true = figure(FIGURE.match(GAINS[place][dataset][method][theirs]))
                assert ours[0] == true[0], (row[0], column)
                assert ours[1:3] in (true[1:3], (None, None)), (row[0], column)
                assert ours[3] == true[3], (row[0], column)
                compared += 1
    assert compared >= 3 * len(rows)


def counted(place, dataset):
    """Return how many methods there are, better, worse, and better by topology, too."""
    rows = [row for name, row in GAINS[place][dataset].items() if not name.startswith("arm ")]
    better = [row for row in rows if row["At 0.5"].startswith("better")]
    worse = [row for row in rows if row["At 0.5"] == "worse"]
    return len(rows), len(better), len(worse), sum("★" in row[BY_TOPOLOGY] for row in better)


def test_the_counts_are_those_of_the_gains():
    """How many methods are separated on each structure; controls are not counted."""
    drawn = ("network", "cardiac", "strokes", "membranes")
    datasets = [*((BOARD, name) for name in drawn), (BODY, "placenta")]
    roads, rings, digits, membranes, body = (counted(*one) for one in datasets)
    flat = " ".join(section("On every structure").split())
    assert (
        f"on roads {roads[1] + roads[2]} of {roads[0]} methods are separated from Dice at 0.5 "
        f"({roads[1]} better, {roads[2]} worse), on rings {rings[1] + rings[2]} "
        f"({rings[1]}, {rings[2]}), on digits {digits[1] + digits[2]} ({digits[1]}, {digits[2]}), "
        f"on membranes {membranes[1] + membranes[2]} ({membranes[1]}, {membranes[2]}), "
        f"on the body {body[1] + body[2]} of {body[0]} ({body[1]}, {body[2]}). With thresholds "
        f"chosen by topology {roads[3]}, {rings[3]}, {digits[3]}, {membranes[3]} and {body[3]} of "
        "the better ones still are."
    ) in flat
    tuned = counted(TUNED, "network")
    assert (tuned[1], tuned[3]) == (12, 12)
    assert "**Twelve methods are better than Dice at 0.5 and all twelve stay better" in PAGE


@pytest.mark.parametrize(
    ("title", "dataset"),
    [("In 3D: a body with poor contrast", "placenta"), ("In 3D: thin vessels", "vessels")],
)
def test_the_counts_in_3d_are_those_of_the_gains(title, dataset):
    """Controls are not counted here either."""
    methods, better, worse, still = counted(BODY, dataset)
    flat = " ".join(section(title).split())
    assert (
        f"{better + worse} of the {methods} methods are separated from Dice at 0.5, {better} "
        f"better and {worse} worse; of the {better}, {still} are still separated with thresholds "
        "chosen by topology"
    ) in flat


def test_marked_figures_of_sentences_are_in_the_gains():
    """A figure with a star or a triangle outside the tables is one of the committed ones."""
    text = "\n".join(line for line in PAGE.splitlines() if not line.strip().startswith("|"))
    known = {
        figure(match)[::3]
        for datasets in GAINS.values()
        for methods in datasets.values()
        for row in methods.values()
        for cell in row.values()
        for match in FIGURE.finditer(cell)
    }
    known |= {
        (round(float(row["difference"]), 3), MARKS[row["verdict"]])
        for row in MEANS.values()
        if row["verdict"] in MARKS
    }
    said = [figure(match)[::3] for match in FIGURE.finditer(text) if match["mark"]]
    assert len(said) > 15
    assert [one for one in said if one not in known] == []


def test_the_means_of_ten_networks_are_those_of_the_committed_table():
    """Betti errors of one network and of ten, differences of both, Dice; the base has a line."""
    lines = [line for line in section("Mean of ten networks").splitlines() if line.startswith("|")]
    header, _, *rows = map(cells, lines)
    assert header[1:] == [
        "one network",
        "mean of ten",
        "difference, one network",
        "difference, means of ten",
        "Dice, means of ten",
    ]
    assert len(rows) == len({method for method, _ in MEANS})
    for row in rows:
        name = row[0].partition(" (")[0].lower()
        method = TITLES.get(name, name).replace("dice alone", "dice")
        error, dice = MEANS[method, "betti_error"], MEANS[method, "dice"]
        assert row[1] == f"{float(error['single']):.3f}"
        assert row[2] == f"{float(error['ensemble']):.3f}"
        assert int(error["seeds"]) == 10
        if method == "dice":
            assert row[3:5] == ["", ""]
        else:
            single = figure(FIGURE.match(GAINS[BOARD]["network"][method][AT_HALF]))
            assert figure(FIGURE.match(row[3])) == (single[0], None, None, single[3])
            of_means = [round(float(error[end]), 3) for end in ("difference", "low", "high")]
            assert figure(FIGURE.match(row[4])) == (*of_means, MARKS.get(error["verdict"]))
        assert row[5] == f"{float(dice['ensemble']):.3f}"
