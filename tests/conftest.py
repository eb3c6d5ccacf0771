"""What every test file uses: the scripts by name, and ways to run one."""

import functools
import importlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # before any script draws

import matplotlib.image
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(ROOT.glob("lecture*.py"))
sys.path.insert(0, str(ROOT))
# One thread each: processes run beside the tests, and threads would wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
ENVIRONMENT = {
    **os.environ,
    "PYTHONIOENCODING": "utf-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def start(script, *options, cwd, **others):
    """Start a script as a user would, in the folder cwd; its Popen."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **others} | {
        "args": [sys.executable, str(ROOT / script), *map(str, options)]
    }
    return subprocess.Popen(
        cwd=cwd,
        encoding="utf-8",
        **{"env": ENVIRONMENT, **options},
    )


def run(script, *options, cwd, **others):
    """Run a script to its end: (status, standard output, standard error)."""
    process = start(script, *options, cwd=cwd, **others)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@functools.cache
def load_mnist():
    """[training set, test set] as lectures 9 to 11 have them."""
    return importlib.import_module("lecture09_softmax_mnist").load_mnist(ROOT / "data")


@pytest.fixture(scope="session")
def mnist():
    return load_mnist()


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call call(module, *options) for main() in this process: (status, out, err).

    What main() raises is told as the last lines of every script tell it; that they
    do, test_errors.py tries in processes. MNIST is loaded once for all calls, unless
    --data-dir says from where: that load_mnist() is the same in three scripts, and
    that it works in each, test_rules.py and test_places.py see.
    """
    monkeypatch.chdir(tmp_path)

    def start(module, *options):
        lecture = importlib.import_module(module)
        if hasattr(lecture, "load_mnist") and "--data-dir" not in options:
            once = load_mnist()
            monkeypatch.setattr(lecture, "load_mnist", lambda data_dir: once)
        try:
            status = lecture.main([*map(str, options)])
        except SystemExit as stop:
            if isinstance(stop.code, str):  # what the interpreter would print
                print(stop.code, file=sys.stderr)
            status = 1 if isinstance(stop.code, str) else stop.code
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            status = 130
        except OSError as error:
            print(f"{error.filename or 'output'}: {error.strerror}", file=sys.stderr)
            status = 1
        return (status or 0, *capsys.readouterr())

    return start


@pytest.fixture(autouse=True)
def close_figures():
    """The figures that main() draws stay open; no test is to find another's."""
    yield
    plt.close("all")


def check_picture(file):
    """The file is a picture: it decodes, has a picture's size, is not blank."""
    pixels = matplotlib.image.imread(file)
    assert min(pixels.shape[:2]) >= 400
    assert pixels.max() - pixels.min() > 0.5


def table(out):
    """{name: (this run, video)} of a printed table."""
    _, _, text = out.partition("this run | video")
    rows = [line.split(" | ") for line in text.splitlines()[1:] if " | " in line]
    return {name.strip(): (ours.strip(), video.strip()) for name, ours, video in rows}
