"""The command line, called in the process of the tests."""

import sys

import pytest

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
