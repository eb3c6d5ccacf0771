"""Wherever a learner presses Run: another folder, notebooks, IDLE, no network, workers.

Cells are tried in one kernel, which is started once; where it does not start, the tests
that look at it fail with the same reason, and none starts another.
"""

import ast
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from conftest import (
    ENVIRONMENT,
    ROOT,
    check_picture,
    data_copy,
    each_script,
    number,
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
    reads = '"--data-dir"' in source(script)
    return ["--data-dir", data_copy()] * reads


# -------------------------------------------------------------------------- A console
def test_the_network_would_be_noticed(tmp_path):
    file = tmp_path / "online.py"
    code = "import urllib.request as u; u.urlopen('http://192.0.2.1:9')"
    file.write_text(code, encoding="utf-8")
    result = run(file, cwd=tmp_path, env=environment(tmp_path, NO_NETWORK))
    assert result.status == 1 and "there is no network here" in result.err


@each_script
def test_a_chinese_console_can_print_it(script):
    """--help and every text, but those that are drawn: GBK has no ², for one."""
    for node in ast.parse(source(script)).body:
        drawn = getattr(node, "name", "").startswith("draw")
        for part in ast.walk(node):
            text = getattr(part, "value", "")
            if isinstance(part, ast.Constant) and isinstance(text, str) and not drawn:
                text.encode("gbk")


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_console_of_another_code_page(tmp_path, encoding):
    """A Chinese path, or --help; what has no sign there comes as \\u56fe."""
    env = {**ENVIRONMENT, "PYTHONIOENCODING": f"{encoding}:backslashreplace"}
    options = ["--help"] if encoding == "ascii" else ["--dry-run", "--plot", "图.png"]
    with open(tmp_path / "out", "wb") as out:
        where = {"cwd": tmp_path, "env": env, "stdout": out}
        result = run("lecture02_linear_model.py", *options, **where)
    assert (result.status, result.err) == (0, "")
    printed = (tmp_path / "out").read_bytes().decode(encoding)
    if encoding == "gbk":
        assert "试运行" in printed and "图.png" in printed
        check_picture(tmp_path / "图.png")
    else:
        assert "\\u" in printed


def test_show_opens_the_window(call, monkeypatch):
    """Once, when the picture is saved; and no other time."""
    shown = []
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: shown.append(True))
    assert call("lecture02_linear_model").status == 0 and shown == []
    out = call("lecture02_linear_model --show").out
    assert shown == [True] and "plot saved" in out


# -------------------------------------------------------------------------- Notebooks
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


def script_of(lecture):
    (script,) = ROOT.glob(f"lecture{lecture:02}_*.py")
    return script


@pytest.mark.parametrize("lecture", [3, 6])
def test_run_in_a_notebook(kernel, lecture):
    """%run: output, model, and the picture once."""
    script = script_of(lecture)
    shutil.copyfile(script, kernel.home / script.name)
    options = " ".join(f'"{word}"' for word in data(script))
    out, pictures, errors = kernel.cell(f"%run {script.name} --dry-run {options}")
    assert errors == [] and len(pictures) == 1 and pictures[0] is not None
    assert table(out) and "plot saved to plots/dry_run.png" in out
    assert kernel.cell("print(model is not None)")[0] == "True\n"


@pytest.mark.parametrize("lecture", [2, 5, 8])
def test_cells_from_the_top(kernel, lecture):
    """Those before Run define and print nothing, Run trains and leaves the model.

    The kernel knows __file__, as in VS Code, and sys.argv is its own: "-f …json".
    Afterwards another cell trains anew.
    """
    script = script_of(lecture)
    *cells, last = re.split("(?=\n# %% )", source(script))
    assert last.startswith("\n# %% Run ")
    start = f"__file__ = {str(script)!r}; model = None; import sys; sys.argv[-1]"
    assert kernel.cell(start)[2] == []
    assert [kernel.cell(cell) for cell in cells] == [("", [], [])] * len(cells)
    if lecture == 8:
        last = last.replace("parse_args()", 'parse_args(["--epochs", "1"])')
    out, pictures, errors = kernel.cell(last)
    assert errors == [] and len(pictures) == 1 and "this run | video" in out
    assert kernel.cell("print(model is not None)")[0] == "True\n"
    if lecture == 5:
        code = (
            'model = main(parse_args(["--epochs", "3"])); print(type(model).__name__)'
        )
        out, _, errors = kernel.cell(code)
        assert errors == [] and out.endswith("LinearModel\n")
        assert re.findall(r"^\d+ ", out, re.MULTILINE) == ["0 ", "1 ", "2 "]


@pytest.mark.parametrize("lecture", [4, 7])
def test_whole_file_in_an_editor(kernel, lecture):
    """VS Code's Run Current File in Interactive Window."""
    script = script_of(lecture)
    assert kernel.cell(f"__file__ = {str(script)!r}; model = None")[2] == []
    out, pictures, errors = kernel.cell(source(script))
    assert errors == [] and len(pictures) == 1 and "this run | video" in out
    assert kernel.cell("print(model is not None)")[0] == "True\n"


# ------------------------------------------------------------------------------- IDLE
def test_idle(monkeypatch, tmp_path):
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
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["", "--dry-run"])
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    runpy.run_path(str(ROOT / "lecture02_linear_model.py"), run_name="__main__")
    check_picture(tmp_path / "plots" / "dry_run.png")
    assert table("".join(text for tags, text in written if tags == "o"))
    assert not [text for tags, text in written if tags == "e"]


# -------------------------------------------------------------- A process of its own
def run_alone(folder, script):
    """Run a copy in another folder, without a network; MPLBACKEND as `!python` has it.

    Lecture 8 has workers, which are spawned, as on Windows and macOS.
    """
    home = folder / HOMEWORK
    home.mkdir()
    shutil.copyfile(script, home / script.name)
    options = data(script)
    if number(script) == 8:
        options = [*options, "--num-workers", 2]
    code = NO_NETWORK + SPAWN
    env = environment(folder, code, MPLBACKEND="module://not_there.backend")
    return home, run(home / script.name, "--dry-run", *options, cwd=home, env=env)


@each_script
def test_script_works_alone(alone, script):
    home, result = alone[script].result()
    assert (result.status, result.err) == (0, "")
    files = [file for file in home.rglob("*.*") if "__pycache__" not in file.parts]
    found = {file.relative_to(home).as_posix() for file in files}
    assert found == {script.name, "plots/dry_run.png"}
    check_picture(home / "plots" / "dry_run.png")
    assert result.out.startswith("dry run: ") and "试运行" in result.out
    assert "plot saved to plots/dry_run.png" in result.out
    rows = re.findall(".* [|] .*", result.out.partition("| video (")[2])
    assert rows and all(row.endswith("| (dry run)") for row in rows)
