"""What every test file uses: the scripts by name, and ways to run one."""

import functools
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
    return subprocess.Popen(
        [sys.executable, str(ROOT / script), *map(str, options)],
        cwd=cwd,
        encoding="utf-8",
        **{
            "env": ENVIRONMENT,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **others,
        },
    )


def run(script, *options, cwd, **others):
    """Run a script to its end: (status, standard output, standard error)."""
    with start(script, *options, cwd=cwd, **others) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def output(script, *options, cwd):
    """What a script prints, however long it takes; its errors go to the terminal."""
    with start(script, *options, cwd=cwd, stderr=None) as process:
        out, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return out


# Of ours, that is: an old matplotlib beside a new pyparsing warns of itself.
warnings_are_errors = pytest.mark.filterwarnings(
    "error",
    "ignore::DeprecationWarning:matplotlib",
    "ignore::DeprecationWarning:pyparsing",
)


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
    do, test_temper.py tries in processes. MNIST is loaded once for all calls, unless
    --data-dir says from where; each script's own load_mnist() runs in test_places.py.
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
            told = f"{error.filename or 'output or plot'}: {error.strerror or error}"
            print(told, file=sys.stderr)
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


def check_line(result, status, *words):
    """The status, and one line on standard error that has all the words."""
    found, _, err = result
    assert found == status, result
    assert len(err.splitlines()) == 1, err
    for word in words:
        assert str(word) in err


def table(out):
    """{name: (this run, video)} of a printed table."""
    _, _, text = out.partition("this run | video")
    rows = [line.split(" | ") for line in text.splitlines()[1:] if " | " in line]
    return {name.strip(): (ours.strip(), video.strip()) for name, ours, video in rows}


# ------------------------------------------------ Processes beside the tests
# @pytest.mark.beside(work=work): work(**parameters of the test) begins in another
# thread before the first test; the test finds what it returns in the fixture `beside`.
# There it waits for processes of its own, and the other tests need not wait.
POOL = ThreadPoolExecutor(2)
STARTED = {}


def pytest_configure(config):
    config.addinivalue_line("markers", "beside(work=…): begun before the first test")


def pytest_collection_modifyitems(items):
    """What waits for processes comes last: by then they have ended."""
    items.sort(key=lambda item: item.get_closest_marker("beside") is not None)


def pytest_collection_finish(session):
    if session.config.option.collectonly:
        return
    for item in session.items:
        if marker := item.get_closest_marker("beside"):
            work = marker.kwargs["work"]
            params = item.callspec.params if hasattr(item, "callspec") else {}
            STARTED[item.nodeid] = POOL.submit(work, **params)


def pytest_sessionfinish():
    POOL.shutdown(cancel_futures=True)


@pytest.fixture
def beside(request):
    return STARTED[request.node.nodeid].result()
