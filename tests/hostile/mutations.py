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

import numpy as np

from topoeval.errors import UserError

CAP_MIB = 256
PATIENCE_S = 20
VOLUME = np.zeros((6, 9, 8), np.uint8)
VOLUME[1:5, 2:7, 1:6] = 1
VOLUME[2:4, 3:6, 2:4] = 2
FLAT = VOLUME[2]


def nifti(path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(VOLUME, np.diag([0.5, 0.5, 2.0, 1.0])), path)


def mgz(path):
    import nibabel

    nibabel.save(nibabel.MGHImage(VOLUME.astype(np.int32), np.eye(4)), path)


def itk(path):
    import SimpleITK as sitk  # noqa: N813  # the name that everybody gives it

    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(path), useCompression=True)


def tiff(path):
    import tifffile

    tifffile.imwrite(path, VOLUME, photometric="minisblack", compression="zlib")


def picture(path):
    import PIL.Image

    PIL.Image.fromarray(FLAT).save(path)


def npz(path):
    np.savez_compressed(path, labels=VOLUME, spacing=[2.0, 0.5, 0.5])


def npy(path):
    np.save(path, VOLUME)


def hdf5(path):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("mask", data=VOLUME, compression="gzip", fletcher32=True)


def image(path):
    from topoeval.images import read_image
    from topoeval.images.survey import Terms, survey

    survey(path, Terms("prediction"))
    found = read_image(path)
    return found.array.tolist(), found.spacing, found.channel_axis


def cached(path):
    from topoeval.datasets.cache import Cache
    from topoeval.datasets.sample import Sample

    cache = Cache(path.parent, "strokes", "1", {})
    sample = Sample(
        case="a", image=np.linspace(0, 1, 36, dtype=np.float32).reshape(1, 6, 6),
        target=FLAT[None, :6, :6].clip(0, 1).astype(np.float32), prior=((1, 0),),
        betti={"V": ((1, 0),)}, spacing=None,
    )  # fmt: skip
    cache.write(sample)
    cache._path("a").rename(path)


def read_cached(path):
    from topoeval.datasets.cache import Cache

    cache = Cache(path.parent, "strokes", "1", {})
    path.rename(cache._path("a"))
    found = cache.read("a")
    if found is None:
        raise UserError("counts as absent")
    return found.image.tolist(), found.target.tolist(), str(found.prior), found.spacing


def state(path):
    import torch

    from topoeval.training import checkpoint

    checkpoint.save({"epoch": 2, "network": {"weight": torch.arange(9.0)}}, path)


def read_state(path):
    from topoeval.training import checkpoint

    found = checkpoint.resume(path)
    if found is None:
        raise UserError("counts as absent")
    return found["epoch"], found["network"]["weight"].tolist()


def good_record():
    """Return the smallest committed record of a training."""
    root = Path(__file__).parents[2] / "results"
    return min(root.glob("*/records/*.json"), key=lambda path: (path.stat().st_size, path.name))


def record(path):
    path.write_bytes(good_record().read_bytes())


def read_record(path):
    from topoeval.records.files import read_record as read
    from topoeval.records.files import record_text

    named = path.with_name(good_record().name)
    path.rename(named)
    return record_text(read(named))


def bundle(path):
    from topoeval.results.submission import pack

    folder = path.parent / "ours"
    folder.mkdir()
    (folder / "submission.toml").write_text(
        'method = "ours"\ndataset = "discs 1"\ntopology = "T"\nclasses = "1"\n'
    )
    (folder / "scores.csv").write_text(
        "case,class,dice\n" + "".join(f"c{k},1,0.{k}\n" for k in range(1, 10))
    )
    pack(folder, path)


def read_bundle(path):
    from topoeval.results.submission import check

    found = check(path)
    return found.about, found.status, found.reason, found.scores.to_csv()


def suite(path):
    source = Path(__file__).parents[2] / "bench" / "suites" / "quickstart.toml"
    path.write_bytes(source.read_bytes())


def read_suite(path):
    from topoeval.harness.suites.catalogue import load_suite

    return load_suite(str(path)).model_dump_json()


# kind: ending, writer, reader, whether its format lets any change of its content be noticed
KINDS = {
    "record": (".json", record, read_record, False),
    "bundle": (".zip", bundle, read_bundle, True),
    "cache": (".npz", cached, read_cached, True),
    "state": (".pt", state, read_state, True),
    "toml": (".toml", suite, read_suite, False),
    "nifti": (".nii", nifti, image, False),
    "nifti-gz": (".nii.gz", nifti, image, True),
    "mgz": (".mgz", mgz, image, True),
    "tiff": (".tif", tiff, image, False),
    "png": (".png", picture, image, True),
    "npz": (".npz", npz, image, True),
    "npy": (".npy", npy, image, False),
    "mha": (".mha", itk, image, False),
    "nrrd": (".nrrd", itk, image, False),
    "hdf5": (".h5", hdf5, image, False),
}
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
    ending, write, read, _ = KINDS[kind]
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
