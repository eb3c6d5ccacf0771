"""Wherever a learner presses Run: another folder, notebooks, IDLE, no network, workers.

Cells are tried in one kernel, which is started once; where it does not start, the tests
that look at it fail with the same reason, and none starts another.
"""

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from conftest import (
    ENVIRONMENT,
    ROOT,
    SCRIPTS,
    check_picture,
    data_copy,
    number,
    options_of,
    run,
    source,
    table,
)

HOMEWORK = "my homework 作业"
# Python imports a sitecustomize by itself, in the workers of lecture 8, too. What stays
# on this machine is allowed: on Windows asyncio talks to itself through 127.0.0.1.
NO_NETWORK = """
import socket

def local(host):
    return host in (None, "", "localhost", "127.0.0.1", "::1")

def guard(name):
    own = getattr(socket.socket, name)
    def connect(self, address):
        if isinstance(address, tuple) and not local(address[0]):
            raise OSError("there is no network here")
        return own(self, address)
    setattr(socket.socket, name, connect)

def getaddrinfo(host, *args, own=socket.getaddrinfo, **options):
    if not local(host):
        raise OSError("there is no network here")
    return own(host, *args, **options)

guard("connect")
guard("connect_ex")
socket.getaddrinfo = getaddrinfo
"""
SPAWN = """
import multiprocessing

if multiprocessing.current_process().name == "MainProcess":
    multiprocessing.set_start_method("spawn", force=True)
"""


def environment(folder, code, **others):
    """The environment of a Python that runs the code before anything else."""
    Path(folder, "site").mkdir()
    Path(folder, "site", "sitecustomize.py").write_text(code, encoding="utf-8")
    return {**ENVIRONMENT, "PYTHONPATH": str(Path(folder, "site")), **others}


def data(script):
    """The option that a copy of a script needs to find the data, if it reads any."""
    reads = "--data-dir" in options_of(script.stem)
    return ["--data-dir", data_copy()] * reads


# -------------------------------------------------------------- A process of its own
# One of each kind, for each is a Python that imports torch; the notebook has the others.
ALONE = [script for script in SCRIPTS if number(script) in (2, 8, 10)]


@pytest.mark.parametrize("script", ALONE, ids=lambda script: script.stem)
def test_script_works_alone(tmp_path, script):
    """A copy in another folder, no network; MPLBACKEND as `!python` inherits it.

    Lecture 8 has workers, which are spawned, as on Windows and macOS.
    """
    home = tmp_path / HOMEWORK
    home.mkdir()
    shutil.copyfile(script, home / script.name)
    options = data(script)
    if number(script) == 8:
        options = [*options, "--num-workers", 2]
    code = NO_NETWORK + SPAWN
    env = environment(tmp_path, code, MPLBACKEND="module://not_there.backend")
    result = run(home / script.name, "--dry-run", *options, cwd=home, env=env)
    assert (result.status, result.err) == (0, "")
    picture = f"plots/{script.stem}.png"
    files = [file for file in home.rglob("*.*") if "__pycache__" not in file.parts]
    found = {file.relative_to(home).as_posix() for file in files}
    assert found == {script.name, picture}
    check_picture(home / picture)
    assert table(result.out) and f"plot saved to {picture}" in result.out
    assert result.out.startswith("dry run") and "video (" not in result.out
    assert result.out.count("24 iterations per epoch") == (number(script) == 8)


def test_the_network_would_be_noticed(tmp_path):
    file = tmp_path / "online.py"
    code = "import urllib.request as u; u.urlopen('http://192.0.2.1:9')"
    file.write_text(code, encoding="utf-8")
    result = run(file, cwd=tmp_path, env=environment(tmp_path, NO_NETWORK))
    assert result.status == 1 and "there is no network here" in result.err


def test_console_of_another_code_page(tmp_path):
    """ASCII only: --help, a Chinese path, an error line with its Chinese remedy."""
    env = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    script = "lecture02_linear_model.py"
    result = run(script, "--dry-run", "--plot", "图.png", cwd=tmp_path, env=env)
    assert (result.status, result.err) == (0, "")
    check_picture(tmp_path / "图.png")
    result = run(script, "--help", cwd=tmp_path, env=env)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Lecture 02") and "--dry-run" in result.out
    result = run(script, "--plot", "图.doc", cwd=tmp_path, env=env)
    assert result.status == 2 and "--plot takes a name" in result.err
    assert len(result.err.splitlines()) == 1


# -------------------------------------------------------------------------- Notebooks
STATE = """
import json, os, signal, sys
import matplotlib as mpl, matplotlib.pyplot as plt
plt.close(plt.figure())  # the notebook's backend settles with the first figure
state = {
    "figures": plt.get_fignums(),
    **{k: str(v) for k, v in mpl.rcParams.items()},
    "signals": [str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM)],
    "folder": os.getcwd(),
    "backend": os.environ["MPLBACKEND"],
    "streams": [str(type(sys.stdout)), str(type(sys.stderr))],
}
print(json.dumps(state))
"""


class Kernel:
    """A Jupyter kernel in a folder of homework, without a network."""

    def __init__(self, folder):
        from jupyter_client.manager import KernelManager

        env = environment(folder, NO_NETWORK)
        env.pop("MPLBACKEND", None)  # the kernel brings its own
        self.home = Path(folder, HOMEWORK)
        self.home.mkdir()
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(self.home), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)

    def cell(self, code):
        """Run a cell: what it printed, its pictures, what went wrong."""
        texts, pictures, errors = [], [], []

        def listen(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                where = texts if content["name"] == "stdout" else errors
                where.append(content["text"])
            elif message["msg_type"] == "display_data":
                pictures.append(content["data"].get("image/png"))
            elif message["msg_type"] == "error":
                errors.append(f"{content['ename']}: {content['evalue']}")

        self.client.execute_interactive(code, output_hook=listen, timeout=600)
        return "".join(texts), pictures, errors

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """The kernel, or the exception with which it did not start."""
    try:
        kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    except Exception as error:  # noqa: BLE001 told by every test that needs it
        yield error
        return
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(started):
    if isinstance(started, Exception):
        pytest.fail(f"no kernel: {started!r}")
    return started


@pytest.mark.parametrize(
    "script",
    [script for script in SCRIPTS if script not in ALONE],
    ids=lambda script: script.stem,
)
def test_run_in_a_notebook(kernel, script):
    """%run: output, model, and the picture once."""
    shutil.copyfile(script, kernel.home / script.name)
    options = " ".join(f'"{word}"' for word in data(script))
    out, pictures, errors = kernel.cell(f"%run {script.name} --dry-run {options}")
    assert errors == [] and len(pictures) == 1 and pictures[0] is not None
    assert table(out) and f"plot saved to plots/{script.stem}.png" in out
    assert kernel.cell("print(model is not None)")[0] == "True\n"


def test_a_notebook_is_left_as_it_was(kernel):
    """The second %run as the first, and nothing of either is left behind."""
    shutil.copyfile(ROOT / "lecture05_linear_regression.py", kernel.home / "05.py")
    before = kernel.cell(STATE)
    first, again = [kernel.cell("%run 05.py --epochs 20") for _ in range(2)]
    after = kernel.cell(STATE)
    assert first == again and before[1:] == after[1:] == ([], [])
    before, after = json.loads(before[0]), json.loads(after[0])
    assert [key for key in before if before[key] != after[key]] == []


IN_CELLS = [script for script in SCRIPTS if number(script) in (2, 4, 7)]


@pytest.mark.parametrize("script", IN_CELLS, ids=lambda script: script.stem)
@pytest.mark.parametrize("whole", [True, False], ids=["file", "cells"])
def test_cells_of_an_editor(kernel, script, whole):
    """VS Code's Run Current File in Interactive Window, and Run Cell from the top.

    The kernel knows __file__, and sys.argv is its own: "-f …json".
    """
    name = str(ROOT / script.name)
    assert kernel.cell(f"__file__ = {name!r}; import sys; sys.argv[-1][-5:]")[2] == []
    parts = [source(script)] if whole else re.split("(?=\n# %% )", source(script))
    results = [kernel.cell(part) for part in parts]
    assert [errors for _, _, errors in results] == [[]] * len(parts)
    out, pictures, _ = results[-1]
    assert "this run | video" in out and len(pictures) == 1
    assert kernel.cell("print(model is not None)")[0] == "True\n"


# ------------------------------------------------------------------------------- IDLE
def run_here(monkeypatch, folder, script, out, err):
    """Run a file in this process with these streams."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [script, "--dry-run"])
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    runpy.run_path(str(ROOT / script), run_name="__main__")
    check_picture(folder / "plots" / f"{script[:-3]}.png")


PLAIN = ["lecture02_linear_model.py", "lecture06_logistic_regression.py"]


@pytest.mark.parametrize("script", PLAIN)
def test_idle(monkeypatch, tmp_path, script):
    why = "this Python has no IDLE (a bare Debian, Windows' embeddable package)"
    for name in ("HOME", "USERPROFILE"):  # IDLE makes a folder there
        monkeypatch.setenv(name, str(tmp_path))
    idle = pytest.importorskip("idlelib.run", reason=why)
    written = []

    class Shell:
        def write(self, text, tags):
            written.append((tags, text))
            return len(text)

    streams = [idle.StdOutputFile(Shell(), tag, "utf-8", "replace") for tag in "oe"]
    run_here(monkeypatch, tmp_path, script, *streams)
    assert table("".join(text for tags, text in written if tags == "o"))
    assert not [text for tags, text in written if tags == "e"]


@pytest.mark.parametrize("script", PLAIN)
def test_no_streams_at_all(monkeypatch, tmp_path, script):
    """As under pythonw."""
    run_here(monkeypatch, tmp_path, script, None, None)
