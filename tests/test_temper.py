"""The scripts keep their temper: no network, two at once, Ctrl-C, the same seed."""

import importlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import ENVIRONMENT, ROOT, check_picture, run, table

# Runs a script in a Python in which nothing can reach a network.
NO_NETWORK = """
import runpy, socket, sys

def refuse(*args, **options):
    raise OSError("there is no network here")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "script",
    [
        "lecture02_linear_model.py",
        "lecture08_dataloader.py",
        "lecture10_cnn.py",
        "lecture13_gru_classifier.py",
    ],
)
def test_no_network(tmp_path, script):
    """One script of each kind: numpy alone, torch, torchvision, names."""
    command = [sys.executable, "-c", NO_NETWORK, str(ROOT / script), "--dry-run"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=ENVIRONMENT, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    check_picture(tmp_path / "plots" / f"{script.removesuffix('.py')}.png")


def test_the_network_would_be_noticed(tmp_path):
    file = tmp_path / "online.py"
    code = "import urllib.request as u; u.urlopen('http://localhost:9')"
    file.write_text(code, encoding="utf-8")
    command = [sys.executable, "-c", NO_NETWORK, str(file)]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    assert done.returncode == 1 and "there is no network here" in done.stderr


def test_two_at_the_same_time(tmp_path):
    """The same lecture twice and another one beside it, in the same folder."""
    scripts = ["lecture09_softmax_mnist.py"] * 2 + ["lecture10_cnn.py"]
    with ThreadPoolExecutor(3) as pool:
        started = [pool.submit(run, s, "--dry-run", cwd=tmp_path) for s in scripts]
    for future in started:
        assert future.result().returncode == 0, future.result().stderr
    for script in scripts:
        check_picture(tmp_path / "plots" / f"{script.removesuffix('.py')}.png")


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to a child")
@pytest.mark.parametrize(
    "script, begun, message, kept",
    [
        ("lecture08_dataloader.py --epochs 999999", "\n", "interrupted", False),
        (
            "lecture09_softmax_mnist.py",
            "[2,   300]",
            "interrupted: 1 finished epochs are kept",
            True,
        ),
    ],
)
def test_interrupt(tmp_path, script, begun, message, kept):
    """Ctrl-C in a real process, in the middle of the training."""
    name, *options = script.split()
    process = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / name), *options],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        for line in process.stdout:
            if begun in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, f"{message}\n")
    pictures = [*tmp_path.glob("plots/*")]
    assert [file.name for file in pictures] == [f"{name[:-3]}.png"] * kept
    if kept:
        rows = table(out)
        assert "%" in rows["softmax epoch 1: accuracy"][0]
        assert not any("epoch 2" in row for row in rows)
        check_picture(*pictures)


KEEPING = {  # what keeps the finished epochs: a row of the first, one of the second
    "lecture09_softmax_mnist": (
        "softmax epoch 1: accuracy",
        "softmax epoch 2: accuracy",
    ),
    "lecture10_cnn": ("basic epoch 1: accuracy", "basic epoch 2: accuracy"),
    "lecture10_cnn --model all": ("basic epoch 1: accuracy", "basic epoch 2: accuracy"),
    "lecture11_googlenet_resnet": (
        "googlenet epoch 1: accuracy",
        "googlenet epoch 2: accuracy",
    ),
    "lecture13_gru_classifier": ("best accuracy", "epoch 2: accuracy"),
}


@pytest.mark.parametrize("finished", [0, 1])
@pytest.mark.parametrize("command", KEEPING)
@pytest.mark.filterwarnings("error")
def test_interrupt_keeps_finished_epochs(
    call, monkeypatch, tmp_path, command, finished
):
    """Ctrl-C in the epoch after the finished ones, which train nothing here."""
    name, *options = command.split()
    epochs = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        epochs.append(epoch)
        if len(epochs) > finished:
            raise KeyboardInterrupt
        return 1.0 if "13" in name else [(epoch + 0.5, 2.0), (epoch + 1, 1.0)]

    module = importlib.import_module(name)
    monkeypatch.setattr(module, "train", train)
    status, out, err = call(name, *options)
    assert status == 130 and len(err.splitlines()) == 1
    assert err.startswith("interrupted: ") and err.endswith("epochs are kept\n")
    rows = table(out)
    first, second = KEEPING[command]
    assert (first in rows) == finished and second not in rows
    if finished or "13" not in name:  # 13 does not test before its first epoch
        check_picture(tmp_path / "plots" / f"{name}.png")
    for axes in plt.gcf().axes:  # no format string was taken for data
        assert all(
            np.asarray(line.get_ydata()).dtype.kind in "if" for line in axes.lines
        )


@pytest.mark.parametrize(
    "command",
    [
        "lecture12_rnn",
        "lecture13_gru_classifier --batch-size 8",
        "lecture11_googlenet_resnet",
    ],
)
def test_same_seed_same_numbers(call, command):
    first, again, other = (
        call(*command.split(), "--dry-run", "--seed", seed)[1] for seed in (1, 1, 3)
    )
    assert table(first) == table(again)
    assert table(first) != table(other)
