"""What every test file uses: the scripts by name, and ways to run one."""

import argparse
import atexit
import contextlib
import functools
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from unittest import mock

# One thread: the numbers of the snapshots, and busy neighbours do no harm.
os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib as mpl

mpl.use("agg")  # before any script draws

import matplotlib.image
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
SCRIPTS = sorted(ROOT.glob("lecture*.py"))
sys.path.insert(0, str(ROOT))
TEMPORARY = tempfile.TemporaryDirectory(prefix="lectures-", ignore_cleanup_errors=True)
atexit.register(TEMPORARY.cleanup)
ENVIRONMENT = {
    **os.environ,
    "PYTHONIOENCODING": "utf-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# Of ours, that is: an old matplotlib beside a new pyparsing warns of itself.
warnings_are_errors = pytest.mark.filterwarnings(
    "error",
    "ignore::DeprecationWarning:matplotlib",
    "ignore::DeprecationWarning:pyparsing",
)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.stem)


def source(script):
    return script.read_text(encoding="utf-8")


def number(script):
    return int(script.name[7:9])


# ------------------------------------------------------------------------- The data
@functools.cache
def data_copy():
    """A copy of data/: MNIST is unpacked into it, so the checkout may be read-only."""
    copy = Path(TEMPORARY.name, "data")
    (copy / "MNIST" / "raw").mkdir(parents=True)
    for file in [*DATA.glob("*.gz"), *DATA.glob("MNIST/raw/*.gz")]:
        shutil.copyfile(file, copy / file.relative_to(DATA))
    return copy


@functools.cache
def load_mnist():
    """[training set, test set] as lectures 9 to 11 have them."""
    return importlib.import_module("lecture09_softmax_mnist").load_mnist(data_copy())


@functools.cache
def few_digits():
    """The first 256 of each."""
    data = importlib.import_module("torch.utils.data")
    return [data.TensorDataset(*part[:256]) for part in load_mnist()]


@pytest.fixture(scope="session")
def mnist():
    return load_mnist()


# ------------------------------------------------------------------ Running a script
class Result(NamedTuple):
    """What a script left: exit status, standard output and error, what main() gave."""

    status: int
    out: str
    err: str
    model: object = None


def run(script, *options, cwd, **others):
    """Run a script as a user would, in the folder cwd; its Result."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, options)],
        cwd=cwd,
        check=False,
        encoding="utf-8",
        **{"env": ENVIRONMENT, **streams, **others},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def output(script, *options, cwd):
    """What a script prints, however long it takes; its errors go to the terminal."""
    result = run(script, *options, cwd=cwd, stderr=None)
    if result.status:
        sys.exit(f"{script} {options} ended with status {result.status}")
    return result.out


def draw_nothing(patch):
    """Pictures are empty files from here on: drawing takes most of the time."""
    patch.setattr("matplotlib.figure.Figure.savefig", lambda _, file: file.touch())


class Call:
    """call("lecture10_cnn --epochs 2", …) runs the script in this process: its Result.

    Further arguments are options that may hold spaces. MNIST is few_digits(), unless
    --data-dir says where it is; the scripts' own load_mnist() runs in test_places.py.
    The picture is an empty file; call.draw(…) draws.
    """

    def __init__(self, monkeypatch, capsys):
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, command, *options):
        with self.monkeypatch.context() as patch:
            draw_nothing(patch)
            return self.draw(command, *options)

    def draw(self, command, *options):
        name, *words = command.split()
        words += map(str, options)
        lecture = importlib.import_module(name)
        if hasattr(lecture, "load_mnist") and "--data-dir" not in words:
            digits = few_digits()
            self.monkeypatch.setattr(lecture, "load_mnist", lambda *folder: digits)
        status, model = 0, None
        try:
            model = lecture.main(lecture.parse_args(words))
        except SystemExit as stop:
            status = stop.code or 0
            if isinstance(status, str):  # as the interpreter ends
                print(status, file=sys.stderr)
                status = 1
        return Result(status, *self.capsys.readouterr(), model)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Call(monkeypatch, capsys)


@pytest.fixture(scope="session", autouse=True)
def alone(request, tmp_path_factory):
    """{script: what test_places.run_alone() gives}: one by one, beside the tests."""
    items = request.session.items
    items = [item for item in items if item.name.startswith("test_script_works_alone")]
    if items:
        load_mnist()  # or two processes unpack it at once
    futures = {}
    with ThreadPoolExecutor(1) as pool:
        for item in items:
            script = item.callspec.params["script"]
            folder = tmp_path_factory.mktemp("alone")
            futures[script] = pool.submit(item.module.run_alone, folder, script)
        yield futures


@pytest.fixture(autouse=True)
def close_figures():
    """The figures that main() draws stay open; no test is to find another's."""
    yield
    plt.close("all")


def options_of(name):
    """{option: its argparse action} of a script."""
    found = []

    def stop(parser, *arguments):
        found.append(parser)
        sys.exit()

    instead = mock.patch.object(argparse.ArgumentParser, "parse_args", stop)
    with instead, contextlib.suppress(SystemExit):
        importlib.import_module(name).parse_args([])
    return {action.option_strings[-1]: action for action in found[0]._actions}


# -------------------------------------------------------------- Looking at the result
def check_picture(file):
    """The file is a picture: it decodes, has a picture's size, is not blank."""
    pixels = matplotlib.image.imread(file)
    assert min(pixels.shape[:2]) >= 200
    assert pixels.max() - pixels.min() > 0.5


def check_line(result, status, *words):
    """The status, and one line on standard error that has all the words.

    argparse says in a line before it where help is to be found.
    """
    assert result.status == status, result
    lines = [line for line in result.err.splitlines() if "see --help" not in line]
    assert len(lines) == 1, result.err
    for word in words:
        assert str(word) in lines[0]


def table(out):
    """{name: (this run, video)} of a printed table."""
    _, _, text = out.partition(" | ")
    rows = [line.split(" | ") for line in text.splitlines()[1:] if " | " in line]
    return {name.strip(): tuple(map(str.strip, cells)) for name, *cells in rows}
