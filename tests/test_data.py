"""The bundled files: what data/README.md, data/build.py and the course say they are."""

import gzip
import hashlib
import importlib.util
import io
import os
import pickle
import re
import runpy
import string
import zipfile

import pytest
from conftest import DATA, data_copy

README = (DATA / "README.md").read_text(encoding="utf-8")


def script(name):
    """A Python file of data/ as a module."""
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = script("build")
course = script("download_course_names")


@pytest.mark.parametrize("name", build.SHA256)
def test_checksum(name):
    contents = gzip.decompress((DATA / name).read_bytes())
    digest = hashlib.sha256(contents).hexdigest()
    assert digest == build.SHA256[name]
    assert digest in README


@pytest.mark.parametrize("name", build.MNIST)
def test_mnist_archive_is_the_original(name):
    packed = (DATA / "MNIST" / "raw" / f"{name}.gz").read_bytes()
    assert hashlib.md5(packed).hexdigest() == build.MNIST[name][1]
    assert build.MNIST[name][1] in README


def test_build_refuses_unexpected_contents(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DATA", tmp_path)
    with pytest.raises(SystemExit, match="nothing written"):
        build.write("titanic.csv.gz", b"something else")
    assert not list(tmp_path.iterdir())


def test_unpickler_runs_no_foreign_code():
    foreign = pickle.dumps(print)
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        build.FrameUnpickler(foreign).load()
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        build.PlainUnpickler(io.BytesIO(foreign)).load()


# ------------------------------------------------------------------ The bundled names
def test_names_are_written_in_the_alphabet_of_57():
    """No hyphen, as in the lecturer's; and no row was lost or doubled without it."""
    rows = {}
    for part in ("train", "test"):
        text = gzip.decompress((DATA / f"names_{part}.csv.gz").read_bytes()).decode()
        rows[part] = re.findall('^"(.+)","(.+)"\r\n', text, re.MULTILINE)
        assert len(rows[part]) == text.count("\n")
        letters = {letter for name, country in rows[part] for letter in name}
        assert letters <= set(string.ascii_letters + " .,;'")
    assert [len(rows["train"]), len(rows["test"])] == [13374, 6700]
    assert len(set(rows["train"] + rows["test"])) == 13374 + 6700


# ------------------------------------------------------------ A program of your own
OWN_PROGRAM = "".join(re.findall("```python\n(.*?)```", README, re.DOTALL))
LOOK = """
for dataset in (train_set, test_set):
    image, label = dataset[0]
    print(len(dataset), tuple(image.shape), label)
print(xy.shape, len(rows), rows[0])
"""


def test_the_slides_own_lines_run_beside_this_folder(tmp_path, monkeypatch, capsys):
    """With no network: what a learner has typed after the video finds its data."""
    for line in (
        'datasets.MNIST(root="data", train=True, download=True, transform=',
        'np.loadtxt("data/diabetes.csv.gz", delimiter=",", dtype=np.float32)',
        'gzip.open("data/names_train.csv.gz", "rt")',
    ):
        assert line in OWN_PROGRAM
    file = tmp_path / "my_own.py"
    file.write_text(OWN_PROGRAM + LOOK, encoding="utf-8")
    monkeypatch.setattr("socket.socket", None)
    monkeypatch.chdir(data_copy().parent)
    runpy.run_path(str(file))
    assert capsys.readouterr().out.splitlines() == [
        "60000 (1, 28, 28) 5",
        "10000 (1, 28, 28) 7",
        "(759, 9) 13374 ['Aamer', 'Arabic']",
    ]


# -------------------------------------------------------------- The lecturer's names
def make_archive():
    """A small zip of the tutorial's form: four names per country."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for country in course.COUNTRIES:
            text = "Ábel\nOne \nO'Two, B\nÑandú\n"
            archive.writestr(f"data/names/{country}.txt", text)
    return packed.getvalue()


def test_course_names_are_rebuilt():
    files = course.convert(make_archive())
    train = files["names_train.csv"].decode("ascii")
    test = files["names_test.csv"].decode("ascii")
    assert train.startswith('"One ","Czech"\r\n"O\'Two, B","Czech"\r\n"One ","German"')
    assert test.startswith('"Abel","Czech"\r\n"Nandu","Czech"\r\n"Abel","German"')
    assert train.count("\r\n") == test.count("\r\n") == 36
    assert len(set(re.findall('"([A-Za-z]+)"\r', train))) == 18


def test_course_names_write_nothing_on_a_fault(tmp_path, monkeypatch):
    files = course.convert(make_archive())
    with pytest.raises(ValueError, match="names_train.csv is not the lecturer's"):
        course.write(files, tmp_path / "course", course.SHA256)
    assert not (tmp_path / "course").exists()
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}

    def fail(source, target):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            course.write(files, tmp_path / "course", sums)
    assert not list((tmp_path / "course").iterdir())
    course.write(files, tmp_path / "course", sums)
    for name, data in files.items():
        packed = (tmp_path / "course" / f"{name}.gz").read_bytes()
        assert gzip.decompress(packed) == data


def test_no_network_is_told_plainly(monkeypatch):
    def refuse(url, timeout):
        raise course.urllib.request.URLError("no route to host")

    monkeypatch.setattr(course.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(course.sys, "argv", ["download_course_names.py"])
    with pytest.raises(SystemExit, match="no route to host.*is there a network"):
        course.main()
