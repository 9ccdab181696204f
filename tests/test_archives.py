"""Archives: every changed byte is noticed, and other readers see nothing of the checksum."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch

from topoeval.archives import DamagedFileError, read_archive, set_aside, write_archive


def npz():
    """Return a small archive of arrays."""
    content = io.BytesIO()
    np.savez(content, a=np.arange(5), facts=np.array("x"))
    return content.getvalue()


def test_readers_of_such_archives_see_nothing_of_it(tmp_path):
    """NumPy, torch and zipfile read the file itself."""
    write_archive(tmp_path / "a.npz", npz())
    with np.load(tmp_path / "a.npz") as found:
        assert found["a"].tolist() == list(range(5))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
    content = io.BytesIO()
    torch.save({"weight": torch.arange(4.0)}, content)
    write_archive(tmp_path / "a.pt", content.getvalue())
    assert torch.load(tmp_path / "a.pt")["weight"].tolist() == [0, 1, 2, 3]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.npz", "a.pt"]


def test_every_changed_byte_is_noticed(tmp_path):
    """Of every third, in each of two ways, and each cut (D3)."""
    path = tmp_path / "a.npz"
    write_archive(path, npz())
    whole = path.read_bytes()
    assert read_archive(path) == whole
    for place in range(0, len(whole), 3):
        for changed in (
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
            whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :],
            whole[:place],
        ):
            path.write_bytes(changed)
            with pytest.raises(DamagedFileError, match="is damaged"):
                read_archive(path)


def test_archives_of_older_versions(tmp_path):
    """One without a checksum is read only where that is said."""
    path = tmp_path / "a.npz"
    path.write_bytes(npz())
    assert read_archive(path, sealed=False) == npz()
    with pytest.raises(DamagedFileError, match="does not end with its checksum"):
        read_archive(path)


def test_what_is_no_archive_is_not_written(tmp_path):
    """A comment that is there already would be lost."""
    write_archive(tmp_path / "a.npz", npz())
    for content in (b"", b"text", (tmp_path / "a.npz").read_bytes()):
        with pytest.raises(ValueError, match="an archive ends with"):
            write_archive(tmp_path / "b.npz", content)
    assert not (tmp_path / "b.npz").exists()


def test_a_damaged_file_keeps_its_content_under_another_name(tmp_path):
    """And its error is the same after a journey to another process."""
    (tmp_path / "a.pt").write_bytes(b"x")
    assert set_aside(tmp_path / "a.pt").name == "a.pt.damaged"
    error = pickle.loads(pickle.dumps(DamagedFileError(tmp_path / "a.pt", "cut")))
    assert str(error) == f"{tmp_path}/a.pt is damaged: cut"
