"""When something is wrong: one line that names it, the right status, no traceback.

What stands in the same words in several scripts (test_rules.py sees to that) is tried
on one or two of them. The exercises' files have their faults in test_exercises.py.
"""

import gzip
import importlib
import os
import shutil
from pathlib import Path

import matplotlib.figure
import matplotlib.pyplot as plt
import pytest
from conftest import (
    DATA,
    SCRIPTS,
    check_line,
    check_picture,
    data_copy,
    load_mnist,
    options_of,
    run,
    warnings_are_errors,
)
from snapshots import few_names

MNIST = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]
NAMES = "lecture13_gru_classifier"
ADVICE = (
    "unpack the ZIP again, or: git checkout -- data (or is --data-dir wrong?) "
    "请重新解压，或执行 git checkout -- data"
)
FAST = "lecture02_linear_model"  # without torch

# ----------------------------------------------------------------------------- Options
WRONG = {  # option: what is wrong with it: the words for that
    "--epochs": {
        **dict.fromkeys(["0", "-3"], "--epochs must be 1 or more"),
        **dict.fromkeys(["x", "1.5", ""], "invalid int value"),
    },
    "--batch-size": {
        **dict.fromkeys(["0", "-3", "1" + 20 * "0"], "--batch-size must be 1 or more"),
        **dict.fromkeys(["x", "1.5"], "invalid int value"),
    },
    "--lr": {
        **dict.fromkeys(["0", "-0.1", "nan", "inf", "1e9"], "--lr must be above 0"),
        "fast": "invalid float value",
    },
    "--seed": {
        **dict.fromkeys(["-1", "1234567890"], "--seed must be 0 to 999999999"),
        "x": "invalid int value",
    },
    "--plot": dict.fromkeys(["plot.doc", "plot", ""], "--plot takes a name that ends"),
    "--smooth": dict.fromkeys(["0", "1.1", "-0.1", "nan"], "--smooth"),
    "--holdout": dict.fromkeys(["1", "-0.1", "nan", "x"], "--holdout"),
    "--num-workers": dict.fromkeys(["-1", "100000", "x"], "--num-workers"),
    "--method": {"adam": "invalid choice"},
    "--landscape": {"hill": "invalid choice"},
    "--optimizer": {"adam": "invalid choice"},
    "--init": {"zero": "invalid choice"},
    "--activation": {"step": "invalid choice"},
    "--model": {"vgg": "invalid choice"},
    "--cell": {"cnn": "invalid choice"},
}


@pytest.mark.parametrize("name", [script.stem for script in SCRIPTS])
@warnings_are_errors
def test_wrong_options(call, name):
    """Found before anything else is done."""
    for option in options_of(name).keys() & WRONG.keys():
        for value, words in WRONG[option].items():
            result = call(name, f"{option}={value}")
            check_line(result, 2, option, words)
            assert result.out == ""


def test_every_option_is_tried():
    options = {option for script in SCRIPTS for option in options_of(script.stem)}
    others = {"--help", "--show", "--dry-run", "--device", "--data-dir", "--predict"}
    others |= {"--titanic", "--otto", "--reviews", "--submit", "--save", "--load"}
    assert options - others - {"--unidirectional"} == WRONG.keys()


# ------------------------------------------------------------------------- The picture
def test_plot_that_cannot_be_written(call, tmp_path):
    """Said before the training: a folder, or one that cannot be made."""
    (tmp_path / "dir.png").mkdir()
    check_line(call(FAST, "--plot", "dir.png"), 2, "--plot dir.png is a folder")
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    result = call(FAST, "--plot", Path("file", "plot.png"))
    check_line(result, 2, "cannot write --plot file/plot.png")
    assert result.out == ""


def test_one_line_in_a_process_too(tmp_path):
    result = run(f"{FAST}.py", "--plot", "x.doc", cwd=tmp_path)
    check_line(result, 2, "lecture02_linear_model.py: error: --plot takes a name")


def test_full_disk_leaves_the_old_picture(call, tmp_path, monkeypatch):
    def savefig(figure, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    (tmp_path / "plot.png").write_bytes(b"the old picture")
    result = call.draw(FAST, "--plot", "plot.png")
    check_line(result, 1, "cannot write --plot plot.png: No space left on device")
    assert (tmp_path / "plot.png").read_bytes() == b"the old picture"


def test_picture_that_is_open_in_a_viewer(call, tmp_path, monkeypatch):
    """Windows refuses to replace it: the new one stays beside it, and is named."""

    def replace(file, target):
        raise PermissionError(13, "Access is denied", str(file), 5, str(target))

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "plots").mkdir()
    file = tmp_path / "plots" / f"{FAST}.png"
    file.write_bytes(b"the old picture")
    result = call.draw(FAST)
    check_line(result, 1, f"plots/{FAST}.png", f"plots/new-{FAST}.png", "open")
    assert file.read_bytes() == b"the old picture"
    check_picture(tmp_path / "plots" / f"new-{FAST}.png")


def test_show_without_a_window(call, monkeypatch):
    """Tried before the training; without --show no window system is asked."""
    assert call(FAST).status == 0
    check_line(call(f"{FAST} --show"), 2, "--show", "no screen")

    def broken():
        raise RuntimeError("Can't find a usable init.tcl\nin these folders")

    monkeypatch.setattr(plt, "figure", broken)
    result = call(f"{FAST} --show")
    check_line(result, 2, "--show", "Can't find a usable init.tcl")
    assert result.out == ""


def test_show_opens_the_window(call, monkeypatch):
    """Once, when the picture is saved; and no other time."""
    shown = []
    monkeypatch.setattr(plt, "get_backend", lambda: "TkAgg")
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    result = call(f"{FAST} --show")
    assert (result.status, shown) == (0, [[1]]) and "plot saved" in result.out
    assert call(FAST).status == 0 and shown == [[1]]


# ------------------------------------------------------------------------- Data files
ROW = "0.1," * 8 + "1"
DIABETES = {  # what is wrong with the file: its text or bytes, the words for it
    "not gzip": (b"1,2,3\n", ""),
    "empty": ("", "empty"),
    "blank": ("\n\n", "empty"),
    "foreign": ("a,b\n1,2\n", "a"),
    "one row": (f"{ROW}\n", "table of 9 columns"),
    "a column missing": (f"{ROW}\n0.1,0.2,1\n", ""),
    "another label": (f"{ROW}\n{ROW[:-1]}0.5\n", "row 2: its label"),
    "nan": (f"{ROW}\nnan{ROW[3:]}\n", "row 2"),
    "inf": (f"{ROW}\n{ROW}\ninf{ROW[3:]}\n", "row 3"),
    "absurd": (f"1e30{ROW[3:]}\n{ROW}\n", "row 1"),
    "not UTF-8": ("刘\n".encode("gbk"), ""),
    "half": (None, ""),
}


@pytest.mark.parametrize("name", ["lecture07_multi_dim", "lecture08_dataloader"])
@pytest.mark.parametrize("fault", DIABETES)
@warnings_are_errors
def test_diabetes(call, tmp_path, name, fault):
    text, words = DIABETES[fault]
    if text is None:
        text = (DATA / "diabetes.csv.gz").read_bytes()[:5000]
    elif isinstance(text, str):
        text = gzip.compress(text.encode())
    (tmp_path / "diabetes.csv.gz").write_bytes(text)
    result = call(name, "--data-dir", tmp_path)
    check_line(result, 1, "cannot use", "/diabetes.csv.gz: ", words, ADVICE)


NAMES_FILES = {
    "wrong columns": b'"Li"\r\n',
    "empty": b"",
    "no name": b'"","Chinese"\r\n',
    "non-ASCII": '"Lí","Chinese"\r\n'.encode(),
    "GBK": '"刘","Chinese"\r\n'.encode("gbk"),
    "another country": b'"Li","Martian"\r\n',
}


@pytest.mark.parametrize("fault", NAMES_FILES)
@pytest.mark.parametrize("part", ["train", "test"])
def test_names(call, tmp_path, part, fault):
    for name in ("train", "test"):
        data = NAMES_FILES[fault] if name == part else b'"Li","Chinese"\r\n'
        (tmp_path / f"names_{name}.csv.gz").write_bytes(gzip.compress(data))
    result = call(NAMES, "--data-dir", tmp_path)
    where = tmp_path.name if "country" in fault else f"names_{part}.csv.gz"
    check_line(result, 1, where, ADVICE)


@pytest.mark.parametrize("name", MNIST)
def test_mnist(call, tmp_path, name):
    """An archive that is cut, or another one, is told before anything is unpacked."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in data_copy().glob("MNIST/raw/*.gz"):
        shutil.copyfile(file, raw / file.name)
    for data in (b"cut", (raw / "t10k-labels-idx1-ubyte.gz").read_bytes()):
        (raw / "train-images-idx3-ubyte.gz").write_bytes(data)
        result = call(name, "--data-dir", tmp_path)
        check_line(result, 1, "train-images-idx3-ubyte.gz in", "is damaged", ADVICE)
        assert "Downloading" not in result.out
    assert len(list(raw.iterdir())) == 4


READS = {  # command: the file that it reads first
    "lecture07_multi_dim": "diabetes.csv.gz",
    "lecture08_dataloader": "diabetes.csv.gz",
    "lecture08_dataloader --titanic": "titanic.csv.gz",
    **dict.fromkeys(MNIST, "train-images-idx3-ubyte.gz"),
    NAMES: "names_train.csv.gz",
}


@pytest.mark.parametrize("command", READS)
def test_missing_data(call, tmp_path, command):
    """A folder without the file, or no folder: the advice fits a ZIP and a clone."""
    for folder in (tmp_path, tmp_path / "typo"):
        result = call(command, "--data-dir", folder)
        check_line(
            result, 1, f"no {'' if 'train-' in READS[command] else folder.as_posix()}"
        )
        check_line(result, 1, READS[command], ADVICE)


@pytest.mark.parametrize("command", [*READS][:3] + [NAMES])
def test_unpacked_data_files_serve_too(call, tmp_path, command):
    """As half of the learners have them."""
    for file in DATA.glob("*.csv.gz"):
        text = gzip.decompress(file.read_bytes())
        (tmp_path / file.stem).write_bytes(text)
    here = call(f"{command} --dry-run", "--data-dir", tmp_path)
    there = call(f"{command} --dry-run", "--data-dir", data_copy())
    assert (here.status, here.err) == (0, "")
    assert here.out.replace(tmp_path.as_posix(), data_copy().as_posix()) == there.out


def test_a_folder_that_torchvision_filled(tmp_path):
    """Unpacked files without the archives; with halves of them and the archives."""
    load_mnist()  # unpacks the copy
    check_mnist = importlib.import_module(MNIST[0]).check_mnist
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in data_copy().glob("MNIST/raw/*-ubyte"):
        shutil.copyfile(file, raw / file.name)
    check_mnist(tmp_path)
    labels = raw / "train-labels-idx1-ubyte"
    whole = labels.read_bytes()
    labels.write_bytes(b"half")
    with pytest.raises(SystemExit) as found:
        check_mnist(tmp_path)
    assert "no train-images" in str(found.value) and ADVICE in str(found.value)
    for file in data_copy().glob("MNIST/raw/*.gz"):
        shutil.copyfile(file, raw / file.name)
    check_mnist(tmp_path)
    assert labels.read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows' folders have no such mode")
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write")
def test_mnist_in_a_folder_that_cannot_be_written(call, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in data_copy().glob("MNIST/raw/*.gz"):
        shutil.copyfile(file, raw / file.name)
    raw.chmod(0o555)
    try:
        result = call("lecture10_cnn --dry-run", "--data-dir", tmp_path)
    finally:
        raw.chmod(0o755)
    check_line(result, 1, "cannot use MNIST", "Permission denied")


# -------------------------------------------------------------------------- Divergence
@pytest.mark.parametrize(
    "command, names",
    [
        ("lecture03_gradient_descent --lr 1", ["gd"]),
        ("lecture03_gradient_descent --lr 1 --method sgd", ["sgd"]),
        ("lecture03_gradient_descent --lr 1 --method all", ["gd", "minibatch", "sgd"]),
        ("lecture03_gradient_descent --lr 1 --landscape saddle", ["SGD"]),
        ("lecture04_backprop --lr 1", ["linear"]),
        ("lecture05_linear_regression --lr 1", ["SGD"]),
        ("lecture10_cnn --epochs 1 --lr 1e6 --model all", ["basic", "deep"]),
        ("lecture11_googlenet_resnet --epochs 1 --lr 1e6 --model resnet", ["resnet"]),
        (
            "lecture13_gru_classifier --epochs 1 --lr 1e6 --data-dir few",
            ["the training"],
        ),
    ],
)
def test_divergence_is_told_and_drawn(call, tmp_path, command, names):
    """One line for each method, network or optimizer that diverged, and no other."""
    few_names(tmp_path / "few")
    result = call.draw(command)
    told = [line.partition(" diverged, loss ") for line in result.err.splitlines()]
    assert result.status == 0 and sorted(name for name, _, _ in told) == names
    assert all(": try a smaller --lr " in end for _, _, end in told)
    check_picture(tmp_path / "plots" / f"{command.split()[0]}.png")
