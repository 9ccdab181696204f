"""Damaged files, read as a user would read them: ``python mutations.py KIND SEED COUNT``.

Each of COUNT files is a copy of a good one with a few random changes, made from SEED and its number
alone. The last line printed is JSON: how many gave the same result, how many one clear line, how
many other data, and what was wrong with the rest (a traceback, a message of several lines, memory
above the cap). A file that ends this process is the one after the last "at N" line.
"""

import json
import random
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from foreign_files import FOREIGN
from our_files import OURS

from topoeval.errors import UserError

CAP_MIB = 256
PATIENCE_S = 20
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(content, chance):
    """Return a copy with one to four changes."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        kind, place = chance.randrange(7), chance.randrange(len(data) + 1)
        # headers are a small part of a file and decide most
        if chance.random() < 0.4:
            place = min(place, chance.randrange(512))
        run = chance.choice((1, 2, 4, 8, 64))
        if kind == 0 and data:
            data[min(place, len(data) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place : place + run] = bytes([chance.choice(INTERESTING)]) * run
        elif kind == 2:
            data[place : place + run] = chance.randbytes(run)
        elif kind == 3:
            data[place:place] = chance.randbytes(run)
        elif kind == 4:
            del data[place : place + run]
        elif kind == 5:
            source = chance.randrange(len(data) + 1)
            data[place : place + run] = data[source : source + run]
        else:
            del data[place if chance.random() < 0.8 else 0 :]
    return bytes(data)


class TooSlowError(BaseException):
    """No reader may take it for an error of a file."""


def too_slow(number, frame):
    raise TooSlowError(f"not read after {PATIENCE_S} s")


def main(kind, seed, count):
    ending, write, read, _ = (OURS | FOREIGN)[kind]
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_slow)
    counts, wrong, lines = Counter(), [], Counter()
    with tempfile.TemporaryDirectory() as folder:
        good = Path(folder, f"good{ending}")
        write(good)
        content = good.read_bytes()
        copy = Path(folder, "copy", f"x{ending}")
        copy.parent.mkdir()

        def fresh(data):
            for left in copy.parent.rglob("*"):
                if left.is_file():
                    left.unlink()
            # the cache has folders of its own
            for left in sorted(copy.parent.rglob("*"), reverse=True):
                left.rmdir()
            if kind == "cache":
                (copy.parent / "datasets" / "strokes").mkdir(parents=True)
                from topoeval.datasets.cache import Cache

                Cache(copy.parent, "strokes", "1", {}).folder.mkdir()
            copy.write_bytes(data)

        fresh(content)
        expected = read(copy)
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            chance = random.Random(f"{kind} {seed} {number}")
            fresh(mutated(content, chance))
            print(f"at {number}", flush=True)
            signal.alarm(PATIENCE_S)
            try:
                same = read(copy) == expected
                counts["same" if same else "other"] += 1
            except UserError as error:
                told = str(error)
                counts["line"] += 1
                if "\n" in told or not told or len(told) > 600:
                    wrong.append(f"{number}: no clear line: {told[:300]!r}")
                lines[told.rpartition("/")[2][:60]] += 1
            except BaseException as error:
                counts["wrong"] += 1
                wrong.append(f"{number}: {type(error).__name__}: {str(error)[:300]}")
            finally:
                signal.alarm(0)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size
            if grown > CAP_MIB * 1024:
                wrong.append(f"{number}: {grown // 1024} MiB more than before")
                size += grown
    print(json.dumps({"kind": kind, **counts, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
