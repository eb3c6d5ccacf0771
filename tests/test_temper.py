"""What survives: Ctrl-C, a full disk, a closed pipe, links, two runs at once."""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import (
    ENVIRONMENT,
    ROOT,
    SCRIPTS,
    check_line,
    check_picture,
    load_mnist,
    run,
    start,
    table,
    warnings_are_errors,
)
from torch.utils.data import TensorDataset

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
FAST = "lecture02_linear_model"  # without torch


# -------------------------------------------------- Ctrl-C and SIGTERM, in processes
def stopped(command, begun, signals, folder):
    """Send signals, 0.2 s apart, when a line of output begins so: (status, out, err)."""
    name, *options = command.split()
    env = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    lines = []
    with start(name, *options, cwd=folder, env=env) as process:
        for line in process.stdout:
            lines.append(line)
            if line.startswith(begun):
                break
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        out, err = process.communicate(timeout=120)
    return process.returncode, "".join(lines) + out, err


STOPS = {  # what is tried: the command, when, the signals
    "once": ("lecture04_backprop.py --epochs 999999", "progress: 5", [signal.SIGINT]),
    "twice": ("lecture08_dataloader.py --epochs 99999", "2 ", [signal.SIGINT] * 2),
    "terminated": ("lecture03_gradient_descent.py --epochs 999999", "Epoch: 3", [15]),
}


def stop_in_a_process(kind):
    with tempfile.TemporaryDirectory() as folder:
        return stopped(*STOPS[kind], folder), list(Path(folder).rglob("*.*"))


@POSIX
@pytest.mark.beside(work=stop_in_a_process)
@pytest.mark.parametrize("kind", STOPS)
def test_one_line(beside, kind):
    (status, out, err), files = beside
    assert (status, err) == (130, "interrupted\n")
    assert "this run | video" not in out
    assert files == []  # the folder plots, with nothing in it


def stop_lecture_9(times):
    with tempfile.TemporaryDirectory() as folder:
        command = "lecture09_softmax_mnist.py"
        result = stopped(command, "[2,   300]", [signal.SIGINT] * times, folder)
        files = list(Path(folder, "plots").iterdir())
        for file in files:
            check_picture(file)
        return result, [file.name for file in files]


@POSIX
@pytest.mark.beside(work=stop_lecture_9)
@pytest.mark.parametrize("times", [1, 2])
def test_finished_epochs_are_kept(beside, times):
    """One Ctrl-C: the first epoch's table and picture. A second ends these as well."""
    (status, out, err), files = beside
    assert status == 130 and len(err.splitlines()) == 1
    if times == 1:
        assert err == "interrupted: 1 finished epochs are kept\n"
        assert files == ["lecture09_softmax_mnist.png"]
        rows = table(out)
        assert "%" in rows["softmax epoch 1: accuracy"][0]
        assert not any("epoch 2" in row for row in rows)
    else:
        assert err.startswith("interrupted")
        assert set(files) <= {"lecture09_softmax_mnist.png"}


def stop_at_some_moments():
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for milliseconds in range(0, 400, 50):
            with start(f"{FAST}.py", cwd=folder, bufsize=1) as process:
                process.stdout.readline()
                time.sleep(milliseconds / 1000)
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
            names = {file.name for file in Path(folder, "plots").iterdir()}
            found.append((process.returncode, err, names))
    return found


@POSIX
@pytest.mark.beside(work=stop_at_some_moments)
def test_ctrl_c_at_any_moment(beside):
    """From the first line to the end of a short run: one line or none, no traceback."""
    for status, err, names in beside:
        assert (status, err) in ((130, "interrupted\n"), (0, ""), (-2, ""))
        assert names <= {f"{FAST}.png"}


# -------------------------------------------------------- Ctrl-C, in this process
KEEPING = {  # what keeps the finished epochs: a row of the first, one of the second
    "lecture09_softmax_mnist": "softmax epoch {}: accuracy",
    "lecture09_softmax_mnist --otto FILE": "otto epoch {}: accuracy",
    "lecture10_cnn": "basic epoch {}: accuracy",
    "lecture10_cnn --model all": "basic epoch {}: accuracy",
    "lecture11_googlenet_resnet": "googlenet epoch {}: accuracy",
    "lecture13_gru_classifier": "best accuracy",
    "lecture13_gru_classifier --reviews FILE": "best accuracy",
}


@pytest.mark.parametrize("finished", [0, 1])
@pytest.mark.parametrize("command", KEEPING)
@warnings_are_errors
def test_interrupt_keeps_finished_epochs(
    call, monkeypatch, tmp_path, command, finished
):
    """Ctrl-C in the epoch after the finished ones, which train nothing here."""
    name, *options = command.split()
    if options and options[-1] == "FILE":
        write = importlib.import_module("test_mnist").write_otto
        if name.startswith("lecture13"):
            write = importlib.import_module("test_rnn").write_reviews
        options[-1] = tmp_path / "train"
        write(options[-1])
    epochs = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        epochs.append(epoch)
        if len(epochs) > finished:
            raise KeyboardInterrupt
        return 1.0 if "13" in name else [(epoch + 0.5, 2.0), (epoch + 1, 1.0)]

    module = importlib.import_module(name)
    monkeypatch.setattr(module, "train", train)
    if hasattr(module, "load_mnist"):  # a few digits will do
        few = [TensorDataset(*part[:256]) for part in load_mnist()]
        monkeypatch.setattr(module, "load_mnist", lambda data_dir: few)
        options += ["--data-dir", tmp_path]
    status, out, err = call(name, *options)
    assert (status, err) == (130, f"interrupted: {finished} finished epochs are kept\n")
    row = KEEPING[command]
    assert (row.format(1) in table(out)) == finished
    assert row.format(2) not in table(out) or row.format(2) == row.format(1)
    if finished or "13" not in name:  # 13 does not test before its first epoch
        check_picture(tmp_path / "plots" / f"{name}.png")
    for axes in plt.gcf().axes:  # no format string was taken for data
        assert all(
            np.asarray(line.get_ydata()).dtype.kind in "if" for line in axes.lines
        )


# ------------------------------------------------------------- The picture of before
def break_off(monkeypatch, error):
    """Let matplotlib write half a picture and then fail so."""

    def savefig(figure, target, *args, **options):
        Path(target).write_bytes(b"half")
        raise error

    figure = importlib.import_module("matplotlib.figure").Figure
    monkeypatch.setattr(figure, "savefig", savefig)


def test_full_disk_leaves_the_old_picture(call, tmp_path, monkeypatch):
    file = tmp_path / "plot.png"
    file.write_bytes(b"the old picture")
    break_off(monkeypatch, OSError(28, "No space left on device"))
    result = call(FAST, "--plot", file)
    check_line(result, 1, "No space left on device")
    assert file.read_bytes() == b"the old picture" and [*tmp_path.iterdir()] == [file]


def test_ctrl_c_leaves_the_old_picture(call, tmp_path, monkeypatch):
    file = tmp_path / "plot.png"
    file.write_bytes(b"the old picture")
    break_off(monkeypatch, KeyboardInterrupt())
    assert call(FAST, "--plot", file)[0] == 130
    assert file.read_bytes() == b"the old picture" and [*tmp_path.iterdir()] == [file]


def test_no_empty_file_is_left(call, tmp_path, monkeypatch):
    """What fails before the plot leaves none, and what was there stays."""
    file = tmp_path / "new" / "plot.png"
    assert call(FAST, "--plot", file)[0] == 0
    before = file.read_bytes()
    options = ["--data-dir", tmp_path, "--plot", file]
    assert call("lecture07_multi_dim", *options)[0] == 1
    assert file.read_bytes() == before and [*file.parent.iterdir()] == [file]


def test_through_a_link(call, tmp_path):
    target, link = tmp_path / "deep" / "target.png", tmp_path / "link.png"
    target.parent.mkdir()
    target.write_bytes(b"the old picture")
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no links here")
    assert call(FAST, "--plot", link)[0] == 0
    assert link.is_symlink() and link.resolve() == target
    check_picture(target)
    assert [*target.parent.iterdir()] == [target]


def test_file_size_limit(tmp_path):
    resource = pytest.importorskip("resource")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

    file = tmp_path / "plot.png"
    file.write_bytes(b"the old picture")
    options = ["--plot", file]
    result = run(f"{FAST}.py", *options, cwd=tmp_path, preexec_fn=limit)
    check_line(result, 1, "output or plot: File too large")
    assert file.read_bytes() == b"the old picture" and [*tmp_path.iterdir()] == [file]


# ------------------------------------------------------------- Output that ends early
def test_closed_pipe(tmp_path):
    """As under `| head -1`: the reader goes away."""
    with start("lecture03_gradient_descent.py", cwd=tmp_path, bufsize=1) as process:
        assert process.stdout.readline().startswith("Predict")
        process.stdout.close()
        err = process.stderr.read()
    assert "Traceback" not in err and len(err.splitlines()) <= 1


@POSIX
def test_closed_output(tmp_path):
    command = f'"{sys.executable}" "{ROOT / FAST}.py" >&-'
    options = {"cwd": tmp_path, "env": ENVIRONMENT, "stderr": subprocess.PIPE}
    done = subprocess.run(command, shell=True, check=False, **options)
    assert done.returncode == 0 and done.stderr == b""
    check_picture(tmp_path / "plots" / f"{FAST}.png")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk_under_the_output(tmp_path):
    with open("/dev/full", "w", encoding="utf-8") as full:
        status, _, err = run(f"{FAST}.py", cwd=tmp_path, stdout=full)
    check_line((status, "", err), 1, "output or plot: No space left on device")


# ------------------------------------------------------ The last lines of every script
RAISES = {  # what main() may raise: status and what is told of it
    "open('absent.csv')": (1, "absent.csv: No such file or directory\n"),
    "raise KeyboardInterrupt": (130, "interrupted\n"),
    "raise OSError(28, 'No space left')": (1, "output or plot: No space left\n"),
    "return 1": (1, ""),
    "return None": (0, ""),
}
MEMORY = {
    "raise MemoryError": "not enough memory: try a smaller --batch-size\n",
    "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory')": (
        "not enough memory: try a smaller --batch-size\n"
    ),
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_end_of_the_file_tells_what_main_raises(tmp_path, script):
    """The handler, run by itself with a main that fails."""
    text = script.read_text(encoding="utf-8")
    guard = '\nif __name__ == "__main__":'
    _, _, handler = text.partition(guard)
    cases = {statement: told for statement, told in RAISES.items()}
    if '"--device"' in text:
        cases |= {statement: (1, told) for statement, told in MEMORY.items()}
    for statement, expected in cases.items():
        copy = tmp_path / "end.py"
        code = f"import os, signal, sys\n\ndef main(argv):\n    {statement}\n"
        copy.write_text(code + guard + handler, encoding="utf-8")
        status, out, err = run(copy, cwd=tmp_path)
        assert (status, out, err) == (expected[0], "", expected[1]), statement
    code = "import os, signal, sys\n\ndef main(argv):\n    1 / 0\n"
    copy.write_text(code + guard + handler, encoding="utf-8")
    assert "ZeroDivisionError" in run(copy, cwd=tmp_path)[2]  # ours keeps its traceback


def test_all_ends_are_equal():
    """But for the four that train long, which also tell of memory."""
    ends = {False: set(), True: set()}
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        ends['"--device"' in text].add(text.rpartition('\nif __name__ == "__main')[2])
    (short,), (long,) = ends.values()
    head, _, tail = long.partition("    except (MemoryError, RuntimeError) as error:\n")
    assert head + tail[tail.index("    except OSError") :] == short


# --------------------------------------------------------------------- Two at once
def two_at_once():
    with tempfile.TemporaryDirectory() as folder:
        commands = [("lecture10_cnn.py", "--plot", f"{i}.png") for i in "12"]
        both = [start(*command, "--dry-run", cwd=folder) for command in commands]
        return [(p.communicate(timeout=300), p.returncode) for p in both]


@pytest.mark.beside(work=two_at_once)
def test_two_at_the_same_time(beside):
    """They share the data folder and the numbers of the seed."""
    ((one, err), status), ((two, other_err), other_status) = beside
    assert (status, err) == (other_status, other_err) == (0, "")
    assert one.replace("1.png", "2.png") == two
