"""The scripts keep their temper: no network, two at once, Ctrl-C, the same seed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, check_picture, run, table

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
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True)
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
    "command, begun, row",
    [
        ("lecture09_softmax_mnist.py", "[2,   300]", "softmax epoch 1: accuracy"),
        ("lecture10_cnn.py", "[2,   300]", "basic epoch 1: accuracy"),
        (
            "lecture11_googlenet_resnet.py",
            "[1,   300]",
            "googlenet untrained: accuracy",
        ),
        ("lecture13_gru_classifier.py", "Epoch 2 [", "epoch 1: accuracy"),
    ],
)
def test_interrupt_keeps_finished_epochs(tmp_path, command, begun, row):
    process = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / command)],
        cwd=tmp_path,
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
    assert process.returncode == 130
    assert err == "training interrupted: finished epochs are kept\n"
    rows = table(out)
    assert "%" in rows[row][0]
    assert not any("epoch 2" in name for name in rows if "loss" not in name)
    check_picture(tmp_path / "plots" / f"{command.removesuffix('.py')}.png")


@pytest.mark.parametrize(
    "command",
    ["lecture12_rnn", "lecture13_gru_classifier", "lecture11_googlenet_resnet"],
)
def test_same_seed_same_numbers(call, command):
    first, again, other = (
        call(command, "--dry-run", "--seed", seed)[1] for seed in (1, 1, 3)
    )
    assert table(first) == table(again)
    assert table(first) != table(other)
