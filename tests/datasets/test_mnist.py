"""MNIST: where files are found, what is refused, and how the seed paper's split is kept."""

import gzip
import hashlib
import os
import struct
from dataclasses import replace

import numpy as np
import pytest

from topoeval.datasets import mnist
from topoeval.datasets.digit_task import DIGIT_PRIORS
from topoeval.datasets.mnist import Mnist
from topoeval.errors import UserError

LARGEST = {"train": 3000, "unlabelled": 4000, "val": 1000, "test": 2000, "judge": 50_000}


@pytest.fixture(scope="module")
def content():
    """Return a stand-in of full length: image n shows n in two voxels; labels count up."""
    number = np.arange(mnist.TOTAL)
    images = np.zeros((mnist.TOTAL, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = number // 256, number % 256
    images[:, 14, 14] = 255
    return {
        mnist.IMAGES.name: struct.pack(">IIII", 0x803, *images.shape) + images.tobytes(),
        mnist.LABELS.name: struct.pack(">II", 0x801, mnist.TOTAL)
        + (number % 10).astype(np.uint8).tobytes(),
    }


@pytest.fixture
def packed(content, monkeypatch):
    """Return the stand-in as .gz files, which are now taken for the published ones."""
    result = {}
    for attribute in ("IMAGES", "LABELS"):
        file = getattr(mnist, attribute)
        data = gzip.compress(content[file.name], compresslevel=1, mtime=0)
        result[f"{file.name}.gz"] = data
        sums = {
            "packed": hashlib.sha256(data).hexdigest(),
            "unpacked": hashlib.sha256(content[file.name]).hexdigest(),
        }
        monkeypatch.setattr(mnist, attribute, replace(file, **sums))
    monkeypatch.delenv("TOPOEVAL_DATA", raising=False)
    return result


def write(folder, files):
    """Write the files and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_found_in_each_place(packed, content, tmp_path, monkeypatch):
    """Packed or not, in the folder or below it, by argument or by environment: one result."""
    flat = write(tmp_path / "flat", packed)
    unpacked = write(tmp_path / "unpacked", content)
    write(tmp_path / "data" / "mnist", packed)
    found = [Mnist("test", 3, root=root)[2] for root in (flat, unpacked, tmp_path / "data")]
    monkeypatch.setenv("TOPOEVAL_DATA", str(tmp_path / "data"))
    found.append(Mnist("test", 3)[2])
    for sample in found:
        assert sample.case == found[0].case
        np.testing.assert_array_equal(sample.image, found[0].image)


def test_case_image_and_label_belong_together(packed, tmp_path):
    """The case is the place in the published file; the target is that image over 255."""
    for sample in Mnist("val", 20, root=write(tmp_path, packed)):
        high, low = (sample.target[0, 0, :2] * 255).round().astype(int)
        assert int(sample.case) == high * 256 + low
        assert sample.label == int(sample.case) % 10
        assert sample.prior == DIGIT_PRIORS[sample.label]
        assert sample.target[0, 14, 14] == 1


@pytest.mark.parametrize("seed", [0, 3])
def test_splits_are_those_of_the_seed_paper(packed, tmp_path, seed):
    """The first 10,000 images are dealt out once each; the judge has all the others."""
    write(tmp_path, packed)
    drawn = {
        split: set(Mnist(split, size, seed=seed, root=tmp_path).indices.tolist())
        for split, size in LARGEST.items()
    }
    assert drawn["judge"] == set(range(10_000, 60_000))
    pool = [index for split in drawn if split != "judge" for index in drawn[split]]
    assert sorted(pool) == list(range(10_000))


def test_seed_deals_out_the_pool_only(packed, tmp_path):
    """Training data vary with the seed, the test images do not."""
    write(tmp_path, packed)

    def drawn(split, seed):
        return Mnist(split, 500, seed=seed, root=tmp_path).indices.tolist()

    assert drawn("test", 0) == drawn("test", 1)
    assert set(drawn("train", 0)) != set(drawn("train", 1))


def test_missing_files_name_the_folder_and_the_remedy(packed, tmp_path):
    """One line says where was looked and what to do."""
    with pytest.raises(UserError, match=rf"{tmp_path}.*download=True"):
        Mnist("test", 1, root=tmp_path)


def test_no_folder_at_all(packed):
    """Without a folder there is nothing to look in or download to."""
    with pytest.raises(UserError, match="TOPOEVAL_DATA"):
        Mnist("test", 1, download=True)


def test_other_content_is_refused(packed, tmp_path):
    """A file of the right name and form with one voxel changed is not the published one."""
    write(tmp_path, packed)
    path = tmp_path / f"{mnist.IMAGES.name}.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(data), compresslevel=1))
    with pytest.raises(UserError, match="not the published file"):
        Mnist("test", 1, root=tmp_path)


def test_truncated_archive_is_refused(packed, tmp_path):
    """Half a file ends in one line that names it, not in a traceback of gzip."""
    write(tmp_path, packed)
    path = tmp_path / f"{mnist.LABELS.name}.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=rf"{path}.*delete it"):
        Mnist("test", 1, root=tmp_path)


def test_download_fetches_what_is_missing(packed, tmp_path, monkeypatch):
    """Only the missing file is fetched, into the subfolder, with the published checksum."""
    images, labels = packed
    write(tmp_path, {labels: packed[labels]})
    fetched = []

    def fetch(urls, path, sha256):
        fetched.append((path.relative_to(tmp_path).as_posix(), sha256))
        write(path.parent, {path.name: packed[path.name]})

    monkeypatch.setattr(mnist, "fetch", fetch)
    assert len(Mnist("test", 2, root=tmp_path, download=True)) == 2
    assert fetched == [(f"mnist/{images}", hashlib.sha256(packed[images]).hexdigest())]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": 3001}, "size of split 'train' .* 1 to 3000, got 3001"),
        ({"split": "judges"}, "did you mean 'judge'"),
        ({"lines": 40}, "lines .* 0 to 28, got 40"),
    ],
)
def test_refuses_parameters_before_looking_for_files(params, message, tmp_path):
    """A slip in a suite is reported as such on a machine without the data."""
    given = {"split": "train", "size": 1} | params
    with pytest.raises(UserError, match=message):
        Mnist(**given, root=tmp_path)


def test_revision_names_the_content():
    """Records of runs say which bytes were seen."""
    assert mnist.IMAGES.unpacked[:16] in Mnist.info.revision
    assert mnist.LABELS.unpacked[:16] in Mnist.info.revision


@pytest.mark.skipif(
    "TOPOEVAL_DATA" not in os.environ, reason="TOPOEVAL_DATA names no folder with the real MNIST"
)
def test_real_files_meet_the_stated_ceiling():
    """Four of five true masks have their class's topology, as the card says."""
    met = [sample.betti["T"] == sample.prior for sample in Mnist("test", 2000)]
    assert np.mean(met) == pytest.approx(0.804, abs=0.02)
