"""What a notebook shows: every text escaped, small however many bars there are."""

import html.parser

import numpy as np
import pytest

from topoeval import Topology
from topoeval.evaluate import Options, audit, evaluate
from topoeval.evaluate.comparison import compare_predictions
from topoeval.notebook import framed, progress, table
from topoeval.persistence import compute
from topoeval.plot import barcode_page

EVIL = "<script>alert(1)</script>&'\""


class Tags(html.parser.HTMLParser):
    """The elements of a piece of HTML, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


def test_nothing_in_a_table_is_markup():
    """Heads, cells and captions."""
    found = Tags(table([EVIL], [[EVIL]], EVIL))
    assert set(found.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.text == EVIL * 3


def test_a_page_lies_whole_in_its_frame():
    """And does not end it."""
    page = f'</iframe>{EVIL}"'
    found = Tags(framed(page))
    assert found.tags == ["iframe"]
    assert dict(found.attributes)["srcdoc"] == page


def test_a_topology_shows_its_neighbours():
    """Of fore- and background, in 2D and 3D."""
    text = " ".join(Tags(Topology("V")._repr_html_()).text.split())
    assert text.startswith("Topology V-superlevel-plain")
    assert text.endswith("2D483D626")


def test_barcodes_show_the_longest_bars():
    """Five of each dimension, infinite ones first, and how many more there are."""
    image = np.zeros((1, 40, 40))
    image[0, ::4, ::4] = np.linspace(0.1, 1, 100).reshape(10, 10)
    shown = compute(image, Topology("V"), spatial_dims=2)._repr_html_()
    found = Tags(shown)
    assert found.tags.count("tr") == 1 + 5 + 1
    assert "100 bars of 1 image 40 x 40" in found.text
    assert "95 shorter bars" in found.text
    assert "01-inf1" in found.text.replace(" ", "")
    assert len(shown) < 3000


def test_barcodes_of_nothing():
    """A table without a row."""
    empty = compute(np.zeros((1, 4, 4)), spatial_dims=2).select(np.zeros(0, np.int64))
    assert "0 bars of 0 images 4 x 4" in Tags(empty._repr_html_()).text


def test_tensors_are_shown_as_arrays():
    """Also those that carry a gradient."""
    torch = pytest.importorskip("torch")
    image = torch.rand(1, 6, 6, requires_grad=True)
    bars = compute(image, spatial_dims=2)
    assert bars._repr_html_() == bars.numpy()._repr_html_()


def test_a_barcode_page_is_shown_in_a_frame():
    """It is a text as before, and the value of a cell."""
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) / 2
    page = barcode_page(ring, compute(ring[None], spatial_dims=2), title=EVIL)
    assert isinstance(page, str)
    found = Tags(page._repr_html_())
    assert found.tags == ["iframe"]
    assert dict(found.attributes)["srcdoc"] == page


@pytest.fixture
def folders(tmp_path, save_mask):
    """Predictions and truth of two cases with evil names."""
    ring = np.zeros((12, 12), np.uint8)
    ring[2:9, 2:9], ring[4:7, 4:7] = 1, 0
    for side, value in (("a", ring), ("b", np.ones_like(ring)), ("truth", ring)):
        (tmp_path / side).mkdir()
        for k in range(2):
            save_mask(tmp_path / side / f"<b>{k}.png", value)
    return tmp_path


def test_score_tables(folders):
    """Of an evaluation, an audit and a comparison: tables, and names stay texts."""
    options = Options(columns=("dice", "betti_error"))
    found = {
        f"<i>{side}</i>": evaluate(folders / side, folders / "truth", options) for side in "ab"
    }
    one = Tags(found["<i>a</i>"]._repr_html_())
    assert "betti_error" in one.text
    comparison = compare_predictions({name: each.cases for name, each in found.items()})
    looked = audit(folders / "truth")
    for shown in (one, Tags(comparison._repr_html_()), Tags(looked._repr_html_())):
        assert shown.tags.count("table") == 1
        assert not {"b", "i", "script"} & set(shown.tags)
    assert "<i>a</i>" in Tags(comparison._repr_html_()).text


def test_bars_follow_an_evaluation(folders, capsys):
    """One for each stage, up to its end."""
    evaluate(folders / "a", folders / "truth", Options(columns=("dice",)), listener=progress())
    shown = capsys.readouterr().err
    assert "files: 100%" in shown
    assert "cases: 100%" in shown
    assert "2/2" in shown
