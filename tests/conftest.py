"""What every test file uses: the scripts by name, and a way to run one."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(ROOT.glob("lecture*.py"))
sys.path.insert(0, str(ROOT))


def run(script, *options, cwd):
    """Start a script as a user would, in the folder cwd; its CompletedProcess."""
    return subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, options)],
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call call(module, *options) for main() in this process: (status, out, err)."""
    monkeypatch.chdir(tmp_path)

    def start(module, *options):
        try:
            status = importlib.import_module(module).main([*map(str, options)])
        except SystemExit as stop:
            if isinstance(stop.code, str):  # what the interpreter would print
                print(stop.code, file=sys.stderr)
            status = 1 if isinstance(stop.code, str) else stop.code
        return (status or 0, *capsys.readouterr())

    return start


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
