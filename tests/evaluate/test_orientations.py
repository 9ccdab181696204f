"""One volume in every orientation and format has one score."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from topoeval.evaluate import Options, evaluate
from topoeval.images.image import Image
from topoeval.images.orientation import reordered
from topoeval.metrics import Settings

AFFINE = np.array([[0.5, 0, 0, 7.0], [0, 0.75, 0, -3.0], [0, 0, 2.0, 11.0]])


def test_all_48_orientations_give_the_same_scores(tmp_path, save_mask):
    """Of a small asymmetric volume, with spacings that differ (A14)."""
    pytest.importorskip("nibabel", reason="the extra nifti")
    rng = np.random.default_rng(3)
    truth = (rng.random((5, 6, 7)) < 0.5).astype(np.uint8)
    other = np.where(rng.random(truth.shape) < 0.1, 1 - truth, truth).astype(np.uint8)
    turned = Image(other, (0.5, 0.75, 2.0), AFFINE)
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
    for k, (order, flips) in enumerate(product(permutations(range(3)), product([0, 1], repeat=3))):
        stored = reordered(turned, order, tuple(map(bool, flips)))
        save_mask(
            tmp_path / "p" / f"{k:02d}.nii", np.ascontiguousarray(stored.array), stored.affine
        )
        save_mask(tmp_path / "g" / f"{k:02d}.nii", truth, AFFINE)
    columns = ("dice", "betti_error", "b0", "b1", "b2", "hd", "hd95", "assd", "nsd", "cldice")
    found = evaluate(tmp_path / "p", tmp_path / "g", Options(columns=columns))
    assert (len(found.cases), found.notes, found.problems) == (48, [], [])
    assert len(found.cases.drop(columns="case").drop_duplicates()) == 1
    assert 0 < found.cases["dice"][0] < 1


FORMATS = ("nii", "nifti2.nii", "nii.gz", "mgz", "mha", "mhd", "nrrd", "seg.nrrd", "dcm", "npz")
WITHOUT_AXES = ("npy", "tif", "h5", "zarr")


@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(seed=st.integers(0, 2**32 - 1))
def test_every_format_in_any_orientation_gives_the_same_scores(save_mask, tmp_path_factory, seed):
    """One random labelled volume, its prediction written by every library."""
    for library in ("nibabel", "SimpleITK", "h5py", "zarr", "highdicom"):
        pytest.importorskip(library, reason="the extra files")
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.permutation([5, 6, 7]))
    truth = rng.integers(0, 3, shape).astype(np.uint8)
    truth[0, 0, :3] = 0, 1, 2
    other = np.where(rng.random(shape) < 0.2, 0, truth).astype(np.uint8)
    other[0, 0, :3] = 0, 1, 2
    folder = tmp_path_factory.mktemp("formats")
    for side in ("p", "g"):
        (folder / side).mkdir()
    for name in (*FORMATS, *WITHOUT_AXES):
        stored = Image(other, (0.5, 0.75, 2.0), AFFINE)
        if name in FORMATS:
            flips = tuple(bool(flip) for flip in rng.integers(0, 2, 3))
            stored = reordered(stored, tuple(int(n) for n in rng.permutation(3)), flips)
        affine = stored.affine if name in FORMATS else None
        stem = name.replace(".", "_")
        path = folder / "p" / f"{stem}.{name.removeprefix('nifti2.')}"
        save_mask(path, np.ascontiguousarray(stored.array), affine)
        save_mask(folder / "g" / f"{stem}.nii", truth, AFFINE)
    paths = folder / "p", folder / "g"
    columns = ("dice", "betti_error", "hd", "assd", "voi")
    found = evaluate(*paths, Options(columns=columns, settings=Settings()), jobs=1)
    assert (found.problems, len(found.pairs)) == ([], len(FORMATS) + len(WITHOUT_AXES))
    for _, rows in found.cases.groupby("class"):
        assert len(rows.drop(columns="case").drop_duplicates()) == 1
