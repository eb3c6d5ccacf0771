"""When something is wrong: one line that names it, the right status, no traceback.

One error of each kind, where a beginner gets to. Everything else is Python's own
traceback: a learner who edits a script needs it.
"""

import gzip
import importlib
import re
import shutil
import urllib.request

import kaggle
import pytest
import torch
from conftest import (
    DATA,
    SCRIPTS,
    check_line,
    check_picture,
    data_copy,
    options_of,
    run,
    warnings_are_errors,
)
from snapshots import draw_digit, few_names

MNIST = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]
NAMES = "lecture13_gru_classifier"
FAST = "lecture02_linear_model"  # without torch

# ----------------------------------------------------------------------------- Options
WRONG = {  # option: what is wrong with it, and a word of the message
    "--epochs": {"0": "above 0", "-3": "above 0", "1.5": "invalid int value"},
    "--batch-size": {"0": "above 0", "x": "invalid int value"},
    "--lr": {"0": "above 0", "-0.1": "above 0", "fast": "invalid float value"},
    "--seed": {"x": "invalid int value"},
    "--holdout": {"1": "0 to 0.9", "-0.1": "0 to 0.9", "nan": "0 to 0.9"},
    "--num-workers": {"x": "invalid int value"},
    "--method": {"adam": "invalid choice"},
    "--optimizer": {"adam": "invalid choice"},
    "--init": {"zero": "invalid choice"},
    "--activation": {"step": "invalid choice"},
    "--model": {"vgg": "invalid choice"},
    "--device": {"gpu": "invalid choice"},
}
CASES = [
    (script.stem, option, value)
    for script in SCRIPTS
    for option in sorted(options_of(script.stem).keys() & WRONG.keys())
    for value in WRONG[option]
]


@pytest.mark.parametrize("name, option, value", CASES)
@warnings_are_errors
def test_wrong_options(call, name, option, value):
    result = call(name, f"{option}={value}")
    check_line(result, 2, option, WRONG[option][value])
    assert result.out == ""


NEEDS = {  # options that need another, and what the message names
    "lecture08_dataloader --submit test.csv": "--titanic",
    "lecture08_dataloader --holdout 0.2": "--titanic",
    "lecture09_softmax_mnist --submit test.csv": "--otto train.csv",
    "lecture10_cnn --predict digit.png": "--load cnn.pt",
    "lecture10_cnn --load cnn.pt": "--predict PICTURE",
    f"{NAMES} --submit test.tsv": "--reviews train.tsv",
    f"{NAMES} --load names.pt": "--predict NAME",
    f"{NAMES} --predict Li": "--load names.pt",
    f"{NAMES} --load names.pt --predict 刘": "拼音",
    f"{NAMES} --reviews train.tsv --save names.pt": "--save",
    f"{FAST} --epoch5": "--epoch5",
}


@pytest.mark.parametrize("command", NEEDS)
def test_options_that_need_another(call, command):
    result = call(command)
    check_line(result, 2, NEEDS[command])
    assert result.out == ""


def test_one_line_in_a_process_too(tmp_path):
    result = run(f"{FAST}.py", "--model", "vgg", cwd=tmp_path)
    check_line(result, 2, f"{FAST}.py: error: argument --model: invalid choice")


# ------------------------------------------------------------------------- The picture
def test_picture_that_cannot_be_written(call, tmp_path):
    """A folder that is a file; a name that is no picture's. The table is there."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for name in ("file/plot.png", "plot.doc"):
        result = call.draw(FAST, "--plot", name)
        check_line(result, 1, f"cannot write the picture {name}: ", "图片无法保存")
        assert "this run | video" in result.out


def test_picture_without_a_suffix(call, tmp_path):
    result = call.draw(FAST, "--plot", "my picture")
    assert result.status == 0 and "plot saved to my picture.png" in result.out
    check_picture(tmp_path / "my picture.png")


# ------------------------------------------------------------------------- Data files
READS = {
    "lecture07_multi_dim": "diabetes.csv.gz",
    "lecture08_dataloader": "diabetes.csv.gz",
    NAMES: "names_train.csv.gz",
}
DAMAGES = {
    "absent": lambda data: None,
    "cut": lambda data: data[: len(data) // 2],
    "unpacked": gzip.decompress,
    "a page": lambda data: gzip.compress(b"<html>\n<body>not found\n"),
    "GBK": lambda data: gzip.compress("刘\n".encode("gbk")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", READS)
@warnings_are_errors
def test_data_file(call, tmp_path, command, damage):
    data = DAMAGES[damage]((DATA / READS[command]).read_bytes())
    if data is not None:
        (tmp_path / READS[command]).write_bytes(data)
    result = call(command, "--data-dir", tmp_path)
    check_line(result, 1, "cannot use", f"/{READS[command]} (", "--data-dir", "解压")


@pytest.mark.parametrize("name", MNIST)
def test_no_mnist(call, tmp_path, monkeypatch, name):
    """No download begins in a folder without it."""
    monkeypatch.setattr("torchvision.datasets.MNIST", None)
    for folder in (tmp_path, tmp_path / "typo"):
        result = call(name, "--data-dir", folder)
        check_line(result, 1, f"no MNIST in {folder.as_posix()}", "--data-dir", "解压")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MNIST)
def test_damaged_mnist(call, tmp_path, monkeypatch, name):
    """An archive is cut, and there is no network to fetch another."""

    def urlopen(*request, **options):
        raise urllib.request.URLError("there is no network here")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in data_copy().glob("MNIST/raw/*.gz"):
        shutil.copyfile(file, raw / file.name)
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"cut")
    result = call(name, "--data-dir", tmp_path)
    check_line(result, 1, "cannot use MNIST in", tmp_path.name, "--data-dir", "解压")


# ------------------------------------------------------------------- Files of Kaggle's
KAGGLE = {  # exercise: script, what writes its files
    "titanic": ("lecture08_dataloader", kaggle.titanic),
    "otto": ("lecture09_softmax_mnist", kaggle.otto),
    "reviews": (NAMES, kaggle.reviews),
}


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("fault", ["absent", *kaggle.FAULTS])
@pytest.mark.parametrize("exercise", KAGGLE)
def test_wrong_kaggle_file(call, tmp_path, exercise, fault, part):
    """Told before the training, with what is wanted; nothing is handed in."""
    script, write = KAGGLE[exercise]
    files = {"train": tmp_path / "train file", "test": tmp_path / "test file"}
    write(files["train"])
    write(files["test"], test=True)
    spoilt = files[part]
    if fault == "absent":
        spoilt.unlink()
    else:
        spoilt.write_bytes(kaggle.FAULTS[fault](spoilt.read_bytes()))
    files = f"--{exercise}", files["train"], "--submit", files["test"]
    result = call(script, "--epochs", 1, *files)
    wanted = "train.tsv" if exercise == "reviews" else "train.csv"
    check_line(result, 1, f"cannot use {spoilt.as_posix()}, line ", wanted, "解压")
    if fault == "a cut row":
        assert ", line 4: " in result.err
    assert not list(tmp_path.glob("submission*"))


# --------------------------------------------------------------------------- Networks
NETWORKS = {
    "lecture10_cnn": ["--predict", "digit.png"],
    NAMES: ["--predict", "Li", "--data-dir", DATA],
}


@pytest.mark.parametrize("script", NETWORKS)
def test_network_that_cannot_be_read(call, tmp_path, script):
    """Absent, garbage, no network, one of other layers: nothing is run from it."""
    file = tmp_path / "net.pt"
    options = ["--load", file, *NETWORKS[script]]
    check_line(call(script, *options), 1, "cannot use", "net.pt", "--save")
    for data in (b"", b"a text\n", b"PK\x03\x04"):
        file.write_bytes(data)
        check_line(call(script, *options), 1, "cannot use", "net.pt", "--save")
    for state in ([1, 2], {"fc.weight": torch.zeros(1)}):
        torch.save(state, file)
        check_line(call(script, *options), 1, "cannot use", "net.pt", "--save")


def test_network_of_another_model(call):
    assert call("lecture10_cnn --epochs 1 --model deep --save net.pt").status == 0
    load = "lecture10_cnn --load net.pt --predict seven.png"
    draw_digit("seven.png")
    assert call(f"{load} --model deep").status == 0
    check_line(call(load), 1, "cannot use net.pt", "选项")


@pytest.mark.parametrize("script", NETWORKS)
def test_network_that_cannot_be_written(call, tmp_path, script):
    few_names(tmp_path / "few")
    for place in ("absent/net.pt", "few"):
        options = ["--data-dir", "few"] if script == NAMES else []
        result = call(script, "--epochs", 1, "--save", place, *options)
        check_line(result, 1, f"cannot write the network {place}: ", "无法保存")
        assert "ccuracy" in result.out  # its training is not silent


# -------------------------------------------------------------------------- Divergence
DIVERGES = [
    "lecture03_gradient_descent --lr 1",
    "lecture03_gradient_descent --lr 1 --method sgd",
    "lecture04_backprop --lr 1",
    "lecture04_backprop --lr 1 --model affine",
    "lecture05_linear_regression --lr 1",
    "lecture05_linear_regression --lr 1e9 --optimizer Adam",
    "lecture09_softmax_mnist --lr 1e6",
    "lecture10_cnn --lr 1e6",
    "lecture10_cnn --lr 1e6 --model deep",
    "lecture11_googlenet_resnet --lr 1e6 --model resnet",
    f"{NAMES} --lr 1e6 --data-dir few",
]


@pytest.mark.parametrize("command", DIVERGES)
def test_divergence_is_one_printed_line(call, tmp_path, command):
    """Also a loss that is nan; then table and picture, and no further epoch."""
    few_names(tmp_path / "few")
    for lr in ("", " --lr nan"):
        if lr and (NAMES in command or "Adam" in command):
            continue  # Adam itself refuses nan
        draws = "softmax" in command  # the snapshots draw 3 to 5
        result = (call.draw if draws else call)(command + lr)
        assert (result.status, result.err) == (0, "")
        told = re.findall(".*diverged.*", result.out)
        assert len(told) == 1
        assert told[0].endswith("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
        assert "plot saved to" in result.out
        assert isinstance(result.model, (float, dict, torch.Tensor, torch.nn.Module))


def test_every_optimizer_tells_for_itself(call):
    out = call("lecture05_linear_regression --lr 1 --epochs 30 --optimizer all").out
    assert re.findall("(.*) diverged: ", out) == ["SGD", "ASGD"]


def test_an_error_in_a_learners_own_code_keeps_its_traceback(call, monkeypatch):
    """What the one line is for is the file, not the network."""
    lecture = importlib.import_module("lecture10_cnn")

    def forward(model, x):
        return model.fc(x)

    monkeypatch.setattr(lecture.Net, "forward", forward)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        call("lecture10_cnn --epochs 1 --save net.pt")
