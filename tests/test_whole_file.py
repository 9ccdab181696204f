"""A file is whole under its name or not there."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from topoeval.whole_file import whole_file, write_bytes, write_text


def test_folders_are_made_and_the_text_is_utf8(tmp_path):
    """What is written can be read, in a folder that was not there; nothing else is left."""
    path = tmp_path / "a" / "b.json"
    write_text(path, "Königsberg\n", durable=True)
    assert path.read_bytes() == "Königsberg\n".encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(tmp_path, failure):
    """Whatever ends the writing, the old bytes stand and no partial file stays."""
    path = tmp_path / "table.parquet"
    write_bytes(path, b"old")

    def write_half():
        with whole_file(path) as partial:
            partial.write_bytes(b"ne")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_write_the_same_file(tmp_path):
    """Each writes under a name of its own: what stands is whole, from one of them."""
    path = tmp_path / "record.json"
    texts = [str(digit) * 100_000 for digit in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_text(path, text), texts * 5))
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]
