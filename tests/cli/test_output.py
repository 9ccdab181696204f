"""Output in terminals that show less, and places that cannot be written."""

import os
import subprocess
import sys

import numpy as np
import pytest

from topoeval.cli import output


def printed(program, **environ):
    """What a program prints after the command line has set up its output."""
    text = f"from topoeval.cli import output; output.set_up()\n{program}"
    return subprocess.run(
        [sys.executable, "-P", "-c", text],
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
    )


def test_an_ascii_terminal_gets_plain_characters():
    """No UnicodeEncodeError: what has a plain form has it, the rest is a question mark (D13)."""
    program = "print('0.5 \\u00b1 0.1 \\u00d7 2 \\u2014 M\\u00fcller \\u2265 3')"
    done = printed(program, PYTHONIOENCODING="ascii")
    assert done.stdout == b"0.5 +/- 0.1 x 2 - M?ller >= 3\n"
    done = printed(program, PYTHONIOENCODING="utf-8")
    assert done.stdout.decode() == "0.5 \u00b1 0.1 \u00d7 2 \u2014 M\u00fcller \u2265 3\n"


def test_tables_in_ascii():
    """Rich draws their lines with characters that the terminal has."""
    program = (
        "from rich.console import Console; from rich.table import Table\n"
        "table = Table('a \\u00b1'); table.add_row('\\u2026'); Console().print(table)"
    )
    done = printed(program, PYTHONIOENCODING="ascii")
    assert b"a +/-" in done.stdout
    assert b"..." in done.stdout


@pytest.mark.skipif(not os.path.exists("/proc"), reason="a folder that even root cannot write")
def test_a_cache_that_cannot_be_written_is_one_line():
    """Samples are drawn all the same, by whoever may not write to the home folder (D10)."""
    program = (
        "from topoeval import datasets\n"
        "print([sample.case for sample in datasets.load('network', 'test', 2)])"
    )
    environ = {"HOME": "/proc/nowhere", "PYTHONWARNINGS": "default"}
    kept = {k: v for k, v in os.environ.items() if k not in ("TOPOEVAL_CACHE", "XDG_CACHE_HOME")}
    text = f"from topoeval.cli import output; output.set_up()\n{program}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", text], env={**kept, **environ}, capture_output=True, text=True
    )
    assert done.stdout == "['test-00000', 'test-00001']\n", done.stderr
    ours = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert len(ours) == 1
    assert ours[0].startswith("topoeval: the cache /proc/nowhere/.cache/topoeval/datasets/network/")


EVIL = ["esc\x1b[2Jape", "bell\x07", "turned\u202egnp", "[/b]v[2]", "csi\x9b31m"]


@pytest.mark.parametrize("name", EVIL)
def test_control_characters_of_names_are_written_out(name, capsys):
    """In tables and lines by rich, and its markup is shown as it is (D4)."""
    from rich.console import Console

    Console(width=200).print(output.escape(name), highlight=False)
    shown = capsys.readouterr().out
    assert shown == output.visible(name) + "\n"
    assert shown[:-1].isprintable()


@pytest.mark.parametrize("name", ["esc\x1b[2Jape", "turned\u202egnp", "a\tb"])
def test_names_in_problems_and_errors(name, call, tmp_path):
    """Of `evaluate` and `audit`, on both streams: what is printed clears no terminal (D4)."""
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 2:5] = 1
    for side in ("p", "g[/b]"):
        (tmp_path / side).mkdir(parents=True)
        np.save(tmp_path / side / "fine.npy", mask)
    np.save(tmp_path / "p" / f"{name}.npy", mask)
    (tmp_path / "g[/b]" / f"{name}.npy").write_bytes(b"no array")
    status, shown, told = call("evaluate", "p", "g[/b]", "--metrics", "dice", "--jobs", "1")
    assert status == 1
    assert output.visible(name) in shown + told
    assert all(line.isprintable() for line in (shown + told).split("\n"))
    status, shown, told = call("audit", f"g[/b]/{name}.npy")
    assert status in (1, 2)
    assert all(line.isprintable() for line in (shown + told).split("\n"))
    status, shown, told = call("evaluate", f"{name}.png", "g[/b]")
    assert status == 2
    assert f"{output.visible(name)}.png: no such file or folder" in told
