"""The rules of the collection: standalone scripts, equal copies, a tidy top level."""

import ast
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from conftest import ROOT, SCRIPTS

# Names that mean something else in each lecture. Everything else that stands in
# two scripts under one name must be the same text.
OWN = {"main", "parse_args", "forward", "loss", "cost", "lecture", "exercise", "Net"}
# Names that lectures 9 to 11 share, and that mean something else in the others.
MNIST = {"train", "test", "fit", "construct", "compare", "infer", "draw"}
ALLOWED = {"torch", "torchvision", "numpy", "matplotlib"}
PACKAGES = {  # lecture: what it may import besides numpy and matplotlib
    **{n: set() for n in (2, 3)},
    **{n: {"torch"} for n in (4, 5, 6, 7, 8, 12, 13)},
    **{n: {"torch", "torchvision"} for n in (9, 10, 11)},
}


def source(script):
    return script.read_text(encoding="utf-8")


def test_copies_are_equal():
    texts = defaultdict(lambda: defaultdict(list))
    for script in SCRIPTS:
        for node in ast.parse(source(script)).body:
            named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            own = OWN | (set() if int(script.name[7:9]) in (9, 10, 11) else MNIST)
            if named and node.name not in own:
                text = ast.get_source_segment(source(script), node)
                texts[node.name][text].append(script.name)
    different = {name: list(t.values()) for name, t in texts.items() if len(t) > 1}
    assert not different
    assert len(SCRIPTS) == max(len(v) for t in texts.values() for v in t.values())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_imports(script):
    found = set()
    for node in ast.walk(ast.parse(source(script))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module.split(".")[0])
    foreign = found - sys.stdlib_module_names
    assert foreign <= ALLOWED
    assert foreign & {"torch", "torchvision"} == PACKAGES[int(script.name[7:9])]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_steps_stand_in_the_video_order(script):
    steps = re.findall(r"^# -+ (\d)\. ", source(script), flags=re.MULTILINE)
    assert steps == list("12345")


def test_top_level():
    listing = subprocess.run(
        ["git", "ls-files"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in listing.stdout.splitlines()}
    scripts = {script.name for script in SCRIPTS}
    fixed = {"README.md", "requirements.txt", "data", "tests", ".ci", ".gitignore"}
    assert names == fixed | scripts


def test_requirements_are_the_four_with_lower_bounds():
    lines = source(ROOT / "requirements.txt").split()
    assert {line.split(">=")[0] for line in lines} == ALLOWED
    assert all(re.fullmatch(r"[a-z]+>=[\d.]+", line) for line in lines)


def test_readme_links_every_script():
    readme = source(ROOT / "README.md")
    for script in SCRIPTS:
        assert f"]({script.name})" in readme
        assert f"?p={int(script.name[7:9])})" in readme
