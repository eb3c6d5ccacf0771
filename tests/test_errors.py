"""When something is wrong: one line that names it, the right status, no traceback."""

import gzip
import os
import subprocess
import sys

import pytest
from conftest import ROOT, SCRIPTS, check_picture, run

DATA = ROOT / "data"
SOURCES = {file.stem: file.read_text(encoding="utf-8") for file in SCRIPTS}


def having(option):
    """The lectures that have an option."""
    return [name for name, text in SOURCES.items() if f'"{option}"' in text]


def check_line(result, status, *words):
    """The status, and one line on standard error that has all the words."""
    found, _, err = result
    assert found == status
    assert len(err.splitlines()) == 1
    for word in words:
        assert str(word) in err


@pytest.mark.parametrize("value", ["0", "-3", "x", "1.5"])
@pytest.mark.parametrize("name", having("--epochs"))
def test_bad_epochs(call, name, value):
    check_line(call(name, "--epochs", value), 2, "--epochs", "whole number above 0")


@pytest.mark.parametrize("value", ["0", "-3", "x"])
@pytest.mark.parametrize("name", having("--batch-size"))
def test_bad_batch_size(call, name, value):
    result = call(name, "--batch-size", value)
    check_line(result, 2, "--batch-size", "whole number above 0")


@pytest.mark.parametrize("value", ["0", "-0.1", "nan", "inf", "fast"])
@pytest.mark.parametrize("name", having("--lr"))
def test_bad_rate(call, name, value):
    check_line(call(name, f"--lr={value}"), 2, "--lr", "number above 0", value)


@pytest.mark.parametrize("name", having("--seed"))
def test_bad_seed(call, name):
    check_line(call(name, "--seed", "-1"), 2, "--seed")


@pytest.mark.parametrize("name", SOURCES)
def test_unknown_option(call, name):
    check_line(call(name, "--epoch5"), 2, "--epoch5")


@pytest.mark.parametrize("name", SOURCES)
def test_plot_that_cannot_be_written(call, tmp_path, name):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    result = call(name, "--plot", tmp_path / "file" / "plot.png")
    check_line(result, 1, "cannot write", "plot.png", "--plot")
    assert result[1] == ""  # found before anything else was done


@pytest.mark.parametrize("name", SOURCES)
def test_plot_of_unknown_kind(call, name):
    check_line(call(name, "--plot", "plot.doc"), 1, "plot.doc", ".png")


def test_plot_that_is_a_folder(call, tmp_path):
    (tmp_path / "dir.png").mkdir()
    result = call("lecture02_linear_model", "--plot", tmp_path / "dir.png")
    check_line(result, 1, "cannot write", "dir.png")


def test_plot_check_leaves_an_old_picture_alone(call, tmp_path):
    file = tmp_path / "new" / "plot.png"
    assert call("lecture06_logistic_regression", "--dry-run", "--plot", file)[0] == 0
    before = file.read_bytes()
    result = call("lecture07_multi_dim", "--data-dir", tmp_path, "--plot", file)
    assert result[0] == 1 and file.read_bytes() == before


TEXTS = {  # what can be wrong with a data file: its bytes
    "missing": None,
    "not gzip": b"1,2,3\n",
    "foreign": gzip.compress(b"a,b\n1,2\n"),
    "empty": gzip.compress(b""),
    "cut": "cut",  # the bundled file, its second half missing
}
READS = {
    "diabetes.csv.gz": [("lecture07_multi_dim",), ("lecture08_dataloader",)],
    "titanic.csv.gz": [("lecture08_dataloader", "--dataset", "titanic")],
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("file, command", [(f, c) for f in READS for c in READS[f]])
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_bad_data_file(call, tmp_path, file, command, kind):
    if kind == "cut":
        whole = (DATA / file).read_bytes()
        (tmp_path / file).write_bytes(whole[: len(whole) // 2])
    elif kind != "missing":
        (tmp_path / file).write_bytes(TEXTS[kind])
    result = call(*command, "--data-dir", tmp_path)
    check_line(result, 1, file, "git checkout -- data/", "data/build.py")


@pytest.mark.parametrize("row", ["2,1,male,3", "1,4,male,3", "1,1,cat,3", "1,1,male,x"])
def test_bad_passenger(call, tmp_path, row):
    file = tmp_path / "train.csv"
    file.write_text(f"Survived,Pclass,Sex,Age\n{row}\n", encoding="utf-8")
    check_line(
        call("lecture08_dataloader", "--dataset", "titanic", "--csv", file), 1, file
    )


def test_csv_without_titanic(call):
    check_line(call("lecture08_dataloader", "--csv", "x.csv"), 2, "--dataset titanic")


@pytest.mark.parametrize("value", ["1", "-0.1", "x"])
def test_bad_shares(call, value):
    check_line(call("lecture08_dataloader", f"--holdout={value}"), 2, "--holdout")
    check_line(call("lecture03_gradient_descent", f"--smooth={value}"), 2, "--smooth")


@pytest.mark.parametrize(
    "command",
    [
        "lecture03_gradient_descent --lr 1",
        "lecture03_gradient_descent --lr 1 --method sgd",
        "lecture04_backprop --lr 1",
        "lecture05_linear_regression --lr 1",
    ],
)
def test_divergence_is_told_and_drawn(call, tmp_path, command):
    result = call(*command.split())
    check_line(result, 1, "in epoch", "try a smaller --lr")
    assert "plot saved" in result[1]
    check_picture(tmp_path / "plots" / f"{command.split()[0]}.png")


def test_one_line_in_a_real_process(tmp_path):
    done = run("lecture07_multi_dim.py", "--data-dir", tmp_path, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ascii_console(tmp_path):
    """A console that knows ASCII only: --help and a Chinese plot path still work."""
    command = [sys.executable, str(ROOT / "lecture02_linear_model.py"), "--dry-run"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*command, "--plot", "图.png"],
        check=False,
        cwd=tmp_path,
        env=env,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    check_picture(tmp_path / "图.png")
    done = subprocess.run(
        [*command, "--help"], check=False, env=env, capture_output=True
    )
    assert done.returncode == 0, done.stderr
