"""Wherever a learner presses Run: another folder, notebooks, IDLE, pythonw, no network."""

import functools
import importlib
import json
import os
import runpy
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import ENVIRONMENT, ROOT, SCRIPTS, check_picture, run, table

NAMES = [script.name for script in SCRIPTS]
HOMEWORK = "my homework 作业"
# Python imports a sitecustomize by itself, in the workers of lecture 8, too.
NO_NETWORK = """
import socket

def refuse(*args, **options):
    raise OSError("there is no network here")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse
"""
SPAWN = """
import multiprocessing

if multiprocessing.current_process().name == "MainProcess":
    multiprocessing.set_start_method("spawn")
"""


def environment(folder, code, **others):
    """The environment of a Python that runs the code before anything else."""
    Path(folder, "site").mkdir()
    Path(folder, "site", "sitecustomize.py").write_text(code, encoding="utf-8")
    return {**ENVIRONMENT, "PYTHONPATH": str(Path(folder, "site")), **others}


def data(script):
    """The option that a copy of a script needs to find the data, if it reads any."""
    reads = '"--data-dir"' in (ROOT / script).read_text(encoding="utf-8")
    return ["--data-dir", ROOT / "data"] * reads


# ------------------------------------------------------------ a process of its own
def alone(script):
    """A copy in an otherwise empty folder; MPLBACKEND as `!python` inherits it."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(folder, NO_NETWORK, MPLBACKEND="module://not_there.backend")
        home = Path(folder, HOMEWORK)
        home.mkdir()
        copy = shutil.copy(ROOT / script, home)
        result = run(copy, "--dry-run", *data(script), cwd=home, env=env)
        names = sorted(str(file.relative_to(home)) for file in home.rglob("*.*"))
        for file in home.glob("plots/*"):
            check_picture(file)
    return result, names


@pytest.mark.beside(work=alone)
@pytest.mark.parametrize("script", NAMES)
def test_script_works_alone(beside, script):
    (status, out, err), names = beside
    assert (status, err) == (0, "")
    picture = str(Path("plots", f"{script[:-3]}.png"))
    assert names == [script, picture]
    assert table(out) and f"plot saved to {picture}" in out


def test_the_network_would_be_noticed(tmp_path):
    file = tmp_path / "online.py"
    code = "import urllib.request as u; u.urlopen('http://localhost:9')"
    file.write_text(code, encoding="utf-8")
    status, _, err = run(file, cwd=tmp_path, env=environment(tmp_path, NO_NETWORK))
    assert status == 1 and "there is no network here" in err


def workers():
    with tempfile.TemporaryDirectory() as folder:
        options = ["--dry-run", "--num-workers", 2]
        env = environment(folder, SPAWN)
        return run("lecture08_dataloader.py", *options, cwd=folder, env=env)


@pytest.mark.beside(work=workers)
def test_workers_that_are_spawned(beside):
    """As on Windows and macOS: each worker imports the script anew."""
    status, out, err = beside
    assert (status, err) == (0, "")
    assert "plot saved" in out and out.count("iterations per epoch:") == 0
    assert out.count("24 iterations per epoch") == 1


# --------------------------------------------------------------------- notebooks
LEFT = """
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
LOCK = threading.Lock()


def in_notebook(folder):
    """{cell: (printed, number of pictures, what went wrong)} of cells run in turn.

    The cells: what there is before, %run of each script twice, what is left, and
    the sources of two scripts as cells.
    """
    from jupyter_client.manager import KernelManager

    found = {}

    def cell(name, code):
        texts, pictures, errors = [], [], []

        def listen(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                (texts if content["name"] == "stdout" else errors).append(
                    content["text"]
                )
            elif message["msg_type"] == "display_data":
                pictures.append(content["data"].get("image/png"))
            elif message["msg_type"] == "error":
                errors.append(f"{content['ename']}: {content['evalue']}")

        client.execute_interactive(code, output_hook=listen, timeout=300)
        found[name] = "".join(texts), pictures, errors

    env = environment(folder, NO_NETWORK)
    env.pop("MPLBACKEND", None)  # the kernel brings its own
    home = Path(folder, HOMEWORK)
    home.mkdir()
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(home), env=env)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        cell("before", LEFT)
        for script in NAMES:
            shutil.copy(ROOT / script, home)
            options = " ".join(f'"{word}"' for word in data(script))
            for time in ("once", "again"):
                cell((script, time), f"%run {script} --dry-run {options}")
        cell("after", LEFT)
        for script in ("lecture02_linear_model.py", "lecture07_multi_dim.py"):
            cell(script, (ROOT / script).read_text(encoding="utf-8"))
        found["files"] = sorted(str(p.relative_to(home)) for p in home.rglob("*.png"))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return found


@functools.cache
def one_notebook():
    with tempfile.TemporaryDirectory() as folder:
        return in_notebook(folder)


def notebook(**params):
    """The same notebook for all tests that look at it."""
    with LOCK:
        return one_notebook()


@pytest.mark.beside(work=notebook)
@pytest.mark.parametrize("script", NAMES)
def test_run_in_a_notebook(beside, script):
    """%run: the output, and the picture once, also the second time."""
    (first, pictures, errors), again = beside[script, "once"], beside[script, "again"]
    assert errors == [] and again[2] == []
    assert table(first) and f"plots/{script[:-3]}.png" in first.replace(os.sep, "/")
    assert table(first) == table(again[0])
    assert len(pictures) == len(again[1]) == 1
    assert pictures[0] is not None and pictures == again[1]


@pytest.mark.beside(work=notebook)
def test_a_notebook_is_left_as_it_was(beside):
    before, after = beside["before"], beside["after"]
    assert before[1:] == after[1:] == ([], [])
    before, after = json.loads(before[0]), json.loads(after[0])
    assert [key for key in before if before[key] != after[key]] == []
    assert after["figures"] == []
    pictures = {str(Path("plots", f"{name[:-3]}.png")) for name in NAMES}
    assert pictures <= set(beside["files"])


@pytest.mark.beside(work=notebook)
def test_source_in_a_cell(beside):
    """No __file__ there: it runs where it needs no file, else says what is missing."""
    out, pictures, errors = beside["lecture02_linear_model.py"]
    assert errors == [] and len(pictures) == 1
    assert table(out)["w of the smallest MSE"] == ("2.0", "2")
    assert str(Path("plots", "lecture02.png")) in beside["files"]
    out, pictures, errors = beside["lecture07_multi_dim.py"]
    told = [line for text in errors for line in text.splitlines() if "data" in line]
    assert pictures == [] and len(told) == 1 and "diabetes.csv.gz" in told[0]
    assert "Traceback" not in "".join(errors)


# ------------------------------------------------------------- IDLE and pythonw
def run_here(monkeypatch, folder, script, out, err):
    """Run a file in this process with these streams; its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [script, "--dry-run"])
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as stop:
        return stop.code
    return 0


IDLE_AND_PYTHONW = ["lecture02_linear_model.py", "lecture06_logistic_regression.py"]


@pytest.mark.parametrize("script", IDLE_AND_PYTHONW)
def test_idle(monkeypatch, tmp_path, script):
    idle = pytest.importorskip("idlelib.run")
    written = []

    class Shell:
        def write(self, text, tags):
            written.append((tags, text))
            return len(text)

    streams = [idle.StdOutputFile(Shell(), tag, "utf-8", "replace") for tag in "oe"]
    assert run_here(monkeypatch, tmp_path, script, *streams) == 0
    assert table("".join(text for tags, text in written if tags == "o"))
    assert not [text for tags, text in written if tags == "e"]
    check_picture(tmp_path / "plots" / f"{script[:-3]}.png")


@pytest.mark.parametrize("script", IDLE_AND_PYTHONW)
def test_no_streams_at_all(monkeypatch, tmp_path, script):
    assert run_here(monkeypatch, tmp_path, script, None, None) == 0
    check_picture(tmp_path / "plots" / f"{script[:-3]}.png")


def test_a_stream_that_can_only_write(monkeypatch, tmp_path):
    class Stream:
        written = ""

        def write(self, text):
            Stream.written += text

        def flush(self):
            pass

    script = IDLE_AND_PYTHONW[0]
    assert run_here(monkeypatch, tmp_path, script, Stream(), Stream()) == 0
    assert table(Stream.written)


def test_ascii_console(tmp_path):
    """A console that knows ASCII only: --help and a Chinese plot path still work."""
    env = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    script = "lecture02_linear_model.py"
    status, _, err = run(script, "--dry-run", "--plot", "图.png", cwd=tmp_path, env=env)
    assert (status, err) == (0, "")
    check_picture(tmp_path / "图.png")
    status, out, err = run(script, "--help", cwd=tmp_path, env=env)
    assert (status, err) == (0, "") and out.startswith("Lecture 02")


def test_show_opens_the_window(call, monkeypatch):
    """--show: plt.show() once the picture is saved, and no other time."""
    shown = []
    plt = importlib.import_module("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    assert call("lecture02_linear_model", "--show")[0] == 0
    assert shown == [[1]]
    plt.close("all")
    assert call("lecture02_linear_model")[0] == 0
    assert shown == [[1]]


@pytest.mark.parametrize("options, backend", [([], "agg"), (["--show"], "")])
@pytest.mark.parametrize("inherited", ["TkAgg", "module://not_there.backend"])
def test_backend(monkeypatch, options, backend, inherited):
    """Without --show no window; a backend from outside is not asked."""
    monkeypatch.setenv("MPLBACKEND", inherited)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)  # of the notebook above
    monkeypatch.setattr(sys, "argv", ["lecture02", *options, "--help"])
    with pytest.raises(SystemExit):  # of --help, before anything is drawn
        runpy.run_path(str(ROOT / "lecture02_linear_model.py"), run_name="__main__")
    assert os.environ["MPLBACKEND"] == backend


def test_importing_a_script_leaves_the_backend_alone(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    runpy.run_path(str(ROOT / "lecture02_linear_model.py"), run_name="homework")
    assert os.environ["MPLBACKEND"] == "TkAgg"
