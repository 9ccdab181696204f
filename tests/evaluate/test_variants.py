"""Files as strangers bring them: each reads as meant, or is refused or named in a line."""

import os
import unicodedata

import numpy as np
import PIL.Image
import pytest
import tifffile

from topoeval.errors import UserError
from topoeval.evaluate.audit import audit
from topoeval.evaluate.evaluation import evaluate
from topoeval.evaluate.scoring import Options
from topoeval.images.relabelling import parse_relabelling

RING = np.zeros((32, 32), np.uint8)
RING[8:24, 8:24] = 1
RING[12:20, 12:20] = 0
DICE = Options(columns=("dice",))


@pytest.fixture
def sides(tmp_path):
    """Make two folders, the truth ``g`` with the ring as ``a.png``."""
    for side in "pg":
        (tmp_path / side).mkdir()
    PIL.Image.fromarray(RING * 255).save(tmp_path / "g/a.png")
    return tmp_path / "p", tmp_path / "g"


def _only_problem(sides, options=DICE):
    found = evaluate(*sides, options)
    assert found.cases.empty
    (problem,) = found.problems
    return problem.message


@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_in_the_opacity_is_not_passed_over(sides, colour):
    """A picture of one colour is no mask (all foreground, or none); its opacity may be one."""
    picture = np.full((32, 32, 4), colour, np.uint8)
    picture[..., 3] = RING * 255
    PIL.Image.fromarray(picture).save(sides[0] / "a.png")
    assert "its opacity differs from pixel to pixel" in _only_problem(sides)


def test_an_opacity_that_says_what_the_colours_say(sides):
    """A background that is black and transparent is background."""
    picture = np.repeat(RING[..., None] * np.uint8(255), 4, axis=-1)
    PIL.Image.fromarray(picture).save(sides[0] / "a.png")
    assert evaluate(*sides, DICE).cases["dice"].tolist() == [1]


@pytest.mark.parametrize("kind", ["JPEG called PNG", "JPEG in TIFF"])
def test_a_lossy_file_is_known_by_what_it_is(sides, kind):
    """Not by its name: read as labels it has 18 of them (A23)."""
    picture = PIL.Image.fromarray(RING * 255)
    if kind == "JPEG called PNG":
        picture.save(sides[0] / "a.png", format="JPEG")
    else:
        picture.save(sides[0] / "a.tif", compression="jpeg")
    assert "compressed as JPEG or alike" in _only_problem(sides)
    lossy = evaluate(*sides, Options(columns=("dice",), lossy=True))
    assert lossy.cases["dice"].tolist() == [1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_that_a_tag_calls_white(sides, dtype):
    """Inverted they are 254 and 255, and there is no background (A12)."""
    tifffile.imwrite(sides[0] / "a.tif", RING.astype(dtype), photometric="miniswhite")
    assert "says that 0 is white, but holds values up to 1 of" in _only_problem(sides)


def test_a_mask_that_is_white_everywhere(sides):
    """Stored as zeros it is foreground, and nothing to refuse."""
    tifffile.imwrite(sides[0] / "a.tif", RING * 0, photometric="miniswhite")
    found = evaluate(*sides, DICE)
    assert found.cases["dice"].tolist() == pytest.approx([2 * RING.sum() / (1024 + RING.sum())])


def test_a_mask_among_probabilities(sides):
    """Of floats it is a mask; of bytes 1 is 1/255, and that is said."""
    np.save(sides[0] / "a.npy", RING)
    np.save(sides[0] / "b.npy", (RING * 0.7).astype(np.float32))
    PIL.Image.fromarray(RING).save(sides[1] / "b.png")
    (sides[1] / "a.png").unlink()
    PIL.Image.fromarray(RING).save(sides[1] / "a.png")
    options = Options(columns=("dice",), threshold=0.5)
    assert evaluate(*sides, options).cases["dice"].tolist() == [1, 1]
    np.save(sides[0] / "b.npy", RING * np.uint8(200))
    found = evaluate(*sides, options)
    assert found.cases["dice"].tolist() == [0, 1]
    assert "one file holds only 0 and 1, and 1 is read as 1/255" in found.readings["predictions"]


def test_class_255_of_files_in_which_255_is_1(sides):
    """The refusal says how the files were read (A1)."""
    PIL.Image.fromarray(RING * 255).save(sides[0] / "a.png")
    with pytest.raises(UserError, match=r"are: 1 \(0 and 255, 255 is read as 1\)"):
        evaluate(*sides, Options(columns=("dice",), classes=("255",)))


def test_masks_in_two_values_can_be_scored_as_one_class(sides):
    """128 and 1 may be one class or two; the note names the option for one."""
    np.save(sides[0] / "a.npy", RING * 128)
    found = evaluate(*sides, DICE)
    assert found.cases["dice"].tolist() == [0, 0, 1]
    assert any("--classes merged" in note for note in found.notes)
    merged = evaluate(*sides, Options(columns=("dice",), classes=("merged",)))
    assert merged.cases["dice"].tolist() == [1]


def test_formats_that_are_not_read_are_named(sides):
    """A case that both folders have in such a format would be missing in silence."""
    for side in sides:
        np.save(side / "a.npy", RING)
        (side / "b.webp").write_bytes(b"RIFF")
        (side / "c.png.gz").write_bytes(b"x")
        (side / "dataset.json").write_text("{}")
    (sides[1] / "a.png").unlink()
    notes = evaluate(*sides, DICE).notes
    assert [note.partition(";")[0] for note in notes] == [
        f"{side}: 2 files of no known format passed over, for example b.webp" for side in sides
    ]
    assert audit(sides[1]).notes == notes[1:]


def test_a_link_that_leads_nowhere(sides):
    """Both folders have it, so no name would be missing."""
    for side in sides:
        (side / "b.npy").symlink_to(side / "nothing.npy")
    with pytest.raises(UserError, match=r"b\.npy: a link that leads nowhere"):
        evaluate(*sides, DICE)


def test_a_folder_that_holds_itself_counts_once(sides):
    """Followed 40 times, one case would be most of every mean."""
    for side in sides:
        (side / "loop").symlink_to(side)
    PIL.Image.fromarray(RING).save(sides[0] / "a.png")
    assert evaluate(*sides, DICE).cases["case"].tolist() == ["a"]


def test_a_name_that_is_no_text(sides):
    """No table could hold it."""
    for side in sides:
        place = os.fsencode(side) + b"/\xff.npy"
        np.save(side / "x.npy", RING)
        try:
            os.rename(side / "x.npy", place)
        except OSError:
            pytest.skip("this file system refuses such names")
    with pytest.raises(UserError, match=r"the name '\\udcff\.npy' is no text in UTF-8; rename it"):
        evaluate(*sides, DICE)


def test_both_unicode_forms_of_one_name(sides):
    """The reason is told, and not that names do not occur."""
    for form in ("NFC", "NFD"):
        np.save(sides[0] / unicodedata.normalize(form, "Müller.npy"), RING)
    (sides[1] / "a.png").rename(sides[1] / "Müller.png")
    with pytest.raises(UserError, match="several files are called Müller"):
        evaluate(*sides, DICE)


def test_labels_that_begin_with_1(sides, save_mask):
    """Scored as they are, and told; with a map they are what was meant."""
    save_mask(sides[0] / "a.png", RING + 1)
    save_mask(sides[1] / "a.png", RING)
    found = evaluate(*sides, DICE)
    assert found.readings["predictions"] == "labels 1, 2"
    assert found.readings["truth"] == "labels 0, 1"
    (note,) = [note for note in found.notes if "is background" in note]
    assert note.startswith("no voxel of the predictions is 0")
    assert "--pred-map 1:0,2:1" in note
    mapping = parse_relabelling("1:0,2:1")
    mapped = evaluate(*sides, Options(columns=("dice",), map_prediction=mapping))
    assert mapped.cases["dice"].tolist() == [1]
    assert not [note for note in mapped.notes if "is background" in note]


def test_a_folder_against_itself_is_told(sides):
    """Every score is the best, which is no finding; two suffixes in one folder are two sides."""
    _, g = sides
    assert any("are the same" in note for note in evaluate(g, g, DICE).notes)
    assert any("are the same" in note for note in evaluate(g / "a.png", g / "a.png", DICE).notes)
    PIL.Image.fromarray(RING * 255).save(g / "b_pred.png")
    PIL.Image.fromarray(RING * 255).save(g / "b_true.png")
    options = Options(columns=("dice",), of_prediction="_pred", of_target="_true")
    assert not any("are the same" in note for note in evaluate(g, g, options).notes)
