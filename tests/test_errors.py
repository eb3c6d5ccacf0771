"""When something is wrong: one line that names it, the right status, no traceback."""

import gzip
import importlib
import os
import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, ROOT, SCRIPTS, check_picture, run

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


WRONG = {  # what is wrong with a number: the words for it
    "epochs": dict.fromkeys(["0", "-3", "9999999999"], "must be from 1 to 1e9"),
    "batch-size": dict.fromkeys(["0", "-3"], "must be from 1 to 1e9"),
    "lr": dict.fromkeys(["0", "-0.1", "nan", "inf"], "must be from 1e-12 to 1e9"),
}
WRONG["epochs"] |= dict.fromkeys(["x", "1.5", ""], "invalid int value")
WRONG["batch-size"] |= dict.fromkeys(["x", "1.5"], "invalid int value")
WRONG["lr"] |= {"fast": "invalid float value"}


@pytest.mark.parametrize(
    "name, option, value",
    [
        (name, f"--{option}", value)
        for option, values in WRONG.items()
        for name in having(f"--{option}")
        for value in values
    ],
)
def test_bad_number(call, name, option, value):
    words = WRONG[option[2:]][value]
    check_line(call(name, f"{option}={value}"), 2, option, words, value)


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
    check_line(result, 1, "plot.", ".png: Not a directory")
    assert result[1] == ""  # found before anything else was done


@pytest.mark.parametrize("name", SOURCES)
def test_plot_of_unknown_kind(call, name):
    check_line(call(name, "--plot", "plot.doc"), 2, "--plot", ".png, .pdf or .svg")


def test_plot_that_is_a_folder(call, tmp_path):
    (tmp_path / "dir.png").mkdir()
    result = call("lecture02_linear_model", "--plot", tmp_path / "dir.png")
    check_line(result, 2, "--plot", "file name")


def test_plot_check_leaves_an_old_picture_alone(call, tmp_path):
    file = tmp_path / "new" / "plot.png"
    assert call("lecture06_logistic_regression", "--dry-run", "--plot", file)[0] == 0
    before = file.read_bytes()
    result = call("lecture07_multi_dim", "--data-dir", tmp_path, "--plot", file)
    assert result[0] == 1 and file.read_bytes() == before
    assert [*file.parent.iterdir()] == [file]


def test_plot_is_replaced_as_a_whole(call, tmp_path, monkeypatch):
    """A picture that breaks off, as on a full disk, leaves the old one in place."""
    file = tmp_path / "plot.png"
    file.write_bytes(b"the old picture")

    def savefig(figure, target, *args, **options):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(
        importlib.import_module("matplotlib.figure").Figure, "savefig", savefig
    )
    result = call("lecture02_linear_model", "--plot", file)
    check_line(result, 1, "No space left on device", "plot")
    assert file.read_bytes() == b"the old picture" and [*tmp_path.iterdir()] == [file]


TEXTS = {  # what can be wrong with a data file: its bytes
    "missing": None,
    "not gzip": b"1,2,3\n",
    "foreign": gzip.compress(b"a,b\n1,2\n"),
    "empty": gzip.compress(b""),
    "cut": "cut",  # the bundled file, its second half missing
}
READS = {
    "diabetes.csv.gz": [("lecture07_multi_dim",), ("lecture08_dataloader",)],
    "titanic.csv.gz": [("lecture08_dataloader", "--titanic")],
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("file, command", [(f, c) for f in READS for c in READS[f]])
@pytest.mark.filterwarnings("error")
def test_bad_data_file(call, tmp_path, file, command, kind):
    if kind == "cut":
        whole = (DATA / file).read_bytes()
        (tmp_path / file).write_bytes(whole[: len(whole) // 2])
    elif kind != "missing":
        (tmp_path / file).write_bytes(TEXTS[kind])
    result = call(*command, "--data-dir", tmp_path)
    check_line(result, 1, file)
    if kind == "missing":
        assert "No such file or directory" in result[2]
    else:
        check_line(result, 1, "git checkout -- data/", "data/build.py")


@pytest.mark.parametrize("row", ["2,1,male,3", "1,4,male,3", "1,1,cat,3", "1,1,male,x"])
def test_bad_passenger(call, tmp_path, row):
    file = tmp_path / "train.csv"
    file.write_text(f"Survived,Pclass,Sex,Age\n{row}\n", encoding="utf-8")
    check_line(call("lecture08_dataloader", "--titanic", file), 1, file)


@pytest.mark.parametrize(
    "command",
    [
        "lecture08_dataloader --titanic",
        "lecture09_softmax_mnist --otto",
        "lecture13_gru_classifier --reviews",
    ],
)
def test_exercise_file_that_is_not_there(call, command):
    result = call(*command.split(), "absent.csv")
    check_line(result, 1, "absent.csv: No such file or directory")


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
    check_line(result, 1, " diverged, loss ", ": try a smaller --lr")
    assert "plot saved" in result[1]
    check_picture(tmp_path / "plots" / f"{command.split()[0]}.png")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_end_of_the_file_tells_what_main_raises(tmp_path, script):
    """The handler, run by itself with a main that the machine refuses a file."""
    _, guard, handler = script.read_text(encoding="utf-8").partition(
        '\nif __name__ == "__main__":'
    )
    code = f"""
import os, sys

def main(argv):
    if len(sys.argv) > 1:
        raise KeyboardInterrupt
    open("absent.csv")
{guard}{handler}"""
    copy = tmp_path / "end.py"
    copy.write_text(code, encoding="utf-8")
    check_line(process(copy, tmp_path), 1, "absent.csv: No such file or directory")
    assert process(copy, tmp_path, "ctrl-c") == (130, "", "interrupted\n")


def process(script, folder, *options):
    done = run(script, *options, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def test_one_line_in_a_real_process(tmp_path):
    result = process("lecture07_multi_dim.py", tmp_path, "--data-dir", tmp_path)
    check_line(result, 1, "diabetes.csv.gz: No such file or directory")
    result = process("lecture02_linear_model.py", tmp_path, "--plot", "x.doc")
    check_line(result, 2, "--plot")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk_under_the_output(tmp_path):
    command = [sys.executable, str(ROOT / "lecture02_linear_model.py"), "--dry-run"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            check=False,
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    result = done.returncode, "", done.stderr
    check_line(result, 1, "output: No space left on device")


def test_ascii_console(tmp_path):
    """A console that knows ASCII only: --help and a Chinese plot path still work."""
    command = [sys.executable, str(ROOT / "lecture02_linear_model.py"), "--dry-run"]
    env = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
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
