"""Checkpoints: what is damaged is never used, and never ends a training."""

import pytest
import torch

from topoeval.archives import DamagedFileError
from topoeval.training import checkpoint
from topoeval.training.checkpoint import DamagedStateWarning

STATE = {"epoch": 3, "network": {"weight": torch.arange(6.0)}}


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.97, 1.0])
def test_a_state_that_is_cut_or_changed_counts_as_absent(tmp_path, kept):
    """It is set aside by name with a warning (D3); a byte that changed is as bad as a cut."""
    path = tmp_path / "state.pt"
    checkpoint.save(STATE, path)
    whole = path.read_bytes()
    cut = whole[: int(kept * len(whole))]
    path.write_bytes(cut if kept < 1 else whole.replace(b"weight", b"Weight", 1))
    with pytest.warns(DamagedStateWarning, match=r"state\.pt\.damaged, the training begins anew"):
        assert checkpoint.resume(path) is None
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt.damaged"]
    assert checkpoint.resume(path) is None
    assert checkpoint.resume(None) is None


def test_a_whole_state_is_resumed(tmp_path):
    """As it was saved."""
    checkpoint.save(STATE, tmp_path / "state.pt")
    found = checkpoint.resume(tmp_path / "state.pt")
    assert found["epoch"] == 3
    torch.testing.assert_close(found["network"], STATE["network"])


def test_a_network_without_a_checksum_is_read_and_half_of_one_refused(tmp_path):
    """Older versions wrote none."""
    path = tmp_path / "network.pt"
    torch.save(STATE, path)
    assert checkpoint.load(path)["epoch"] == 3
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DamagedFileError, match=r"network\.pt is damaged"):
        checkpoint.load(path)
    with pytest.raises(DamagedFileError, match="it is not there"):
        checkpoint.load(tmp_path / "none.pt")
