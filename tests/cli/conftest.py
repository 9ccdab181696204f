"""The command line, called in the process of the tests."""

import sys

import numpy as np
import pytest
from PIL import Image

from topoeval.cli import main


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder; return exit status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOPOEVAL_DATA", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["topoeval", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


def write_rings(folder, **spoilt):
    """Write six rings as ``truth`` and, by name, what functions of ring, number and a rng make."""
    rng = np.random.default_rng(0)
    for i in range(6):
        truth = np.zeros((24, 24), np.uint8)
        truth[4:20, 4:20] = 255
        truth[9:15, 9:15] = 0
        made = {name: spoil(truth.copy(), i, rng) for name, spoil in spoilt.items()}
        for name, mask in {"truth": truth, **made}.items():
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(mask).save(folder / name / f"case{i}.png")
    return folder
