"""The rules of the collection: the lecture first, standalone scripts, equal copies."""

import ast
import importlib
import io
import re
import subprocess
import sys
import tokenize
from collections import defaultdict

import pytest
from conftest import ROOT, SCRIPTS

# Names that mean something else in each lecture. Everything else that stands in
# two scripts under one name must be the same text.
OWN = {"main", "parse_args", "forward", "loss", "cost", "exercise", "Net", "infer"}
OWN |= {"affine"}
# Names that lectures 9 to 11 share, and that mean something else in the others.
MNIST = {"train", "test", "compare", "draw"}
ALLOWED = {"torch", "torchvision", "numpy", "matplotlib"}
PACKAGES = {  # lecture: what it may import besides numpy and matplotlib
    **{n: set() for n in (2, 3)},
    **{n: {"torch"} for n in (4, 5, 6, 7, 8, 12, 13)},
    **{n: {"torch", "torchvision"} for n in (9, 10, 11)},
}


# Lecture: how many code lines a reader meets until the end of main().
UNTIL_MAIN_ENDS = {**dict.fromkeys((2, 5, 6), 60), 7: 80, 11: 180, 13: 180}
UNTIL_MAIN_ENDS |= dict.fromkeys((3, 4, 8, 9, 10, 12), 120)
PARTS = ["Dataset", "Model", "Training", "The lecture", "Exercises"]
PARTS += ["Beside the video", "Command line"]
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.name)


def source(script):
    return script.read_text(encoding="utf-8")


def number(script):
    return int(script.name[7:9])


def banners(script):
    """[(line, title)] of the ruled lines between the parts of a script."""
    found = []
    for line, text in enumerate(source(script).splitlines(), start=1):
        if match := re.fullmatch(r"# -{3,} (.+)", text):
            found.append((line, match[1]))
    return found


def part_of(script, node):
    """The title of the part in which a node stands."""
    return [title for line, title in banners(script) if line < node.lineno][-1]


def named_nodes(script):
    """{name: node} of the functions, classes and constants of a file, in its order."""
    found = {}
    for node in ast.parse(source(script)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        found[name.id] = node
    return found


def code_lines(script):
    """The numbers of the lines that are not blank, comment or docstring."""
    thin = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT}
    thin |= {tokenize.DEDENT, tokenize.ENDMARKER}
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(source(script)).readline):
        if token.type not in thin:
            found |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source(script))):
        has_docstring = isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
        if has_docstring and ast.get_docstring(node) is not None:
            found -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return found


def test_copies_are_equal():
    texts = defaultdict(lambda: defaultdict(list))
    for script in SCRIPTS:
        for node in ast.parse(source(script)).body:
            named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            own = OWN | (set() if number(script) in (9, 10, 11) else MNIST)
            if named and node.name not in own:
                text = ast.get_source_segment(source(script), node)
                texts[node.name][text].append(script.name)
    different = {name: list(t.values()) for name, t in texts.items() if len(t) > 1}
    assert not different
    assert len(SCRIPTS) == max(len(v) for t in texts.values() for v in t.values())


@each_script
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
    assert foreign & {"torch", "torchvision"} == PACKAGES[number(script)]


@each_script
def test_parts_stand_in_order(script):
    """The lecture first, then its exercises, and the plumbing at the very end."""
    places = []
    for _, title in banners(script):
        step, name = re.fullmatch(r"(?:([1-5])\. )?(.*)", title).groups()
        if step in ("3", "4"):  # a step that the video has as functions
            name = "Training"
        elif step:
            name = {"1": "Dataset", "2": "Model"}[step] + name[5 + 2 * (step == "1") :]
        starts = [i for i, part in enumerate(PARTS) if name.startswith(part)]
        assert len(starts) == 1, title
        places += starts
    assert places == sorted(places)
    needed = {"Dataset", "Model", "The lecture", "Beside the video", "Command line"}
    assert needed <= {PARTS[i] for i in places}
    nodes = named_nodes(script)
    for name, part in {
        "main": "The lecture",
        "parse_args": "Command line",
        "parse": "Command line",
        "print_table": "Command line",
        "save_plot": "Command line",
    }.items():
        assert part_of(script, nodes[name]) == part
    assert source(script).rstrip().splitlines()[-1].startswith("        sys.exit(")


@each_script
def test_steps_stand_in_the_video_order(script):
    """1 to 5, as banners of functions or as comments in main(), none left out."""
    main = ast.get_source_segment(source(script), named_nodes(script)["main"])
    inside = re.findall(r"^ +# (\d)\. ", main, flags=re.MULTILINE)
    before = [title[0] for _, title in banners(script) if title[0].isdigit()]
    assert inside == sorted(set(inside)) and before == sorted(set(before))
    assert {*inside, *before} == set("12345")
    assert inside[-1] == "5"


@each_script
def test_main_shows_loss_and_optimizer(script):
    """Since lecture 5 they stand in plain sight, and so does the epoch loop."""
    main = ast.get_source_segment(source(script), named_nodes(script)["main"])
    if number(script) >= 5:
        assert "    criterion = " in main and "    optimizer = " in main
    if number(script) >= 3:
        assert "for epoch in " in main


@each_script
def test_sizes(script):
    lines, nodes = code_lines(script), named_nodes(script)
    end = nodes["main"].end_lineno
    assert sum(line <= end for line in lines) <= UNTIL_MAIN_ENDS[number(script)]
    begin = dict(map(reversed, banners(script)))["Command line"]
    most = 66 if number(script) == 2 else 80
    assert sum(line >= begin for line in lines) <= most
    for node in ast.walk(ast.parse(source(script))):
        if isinstance(node, ast.FunctionDef):
            a = node.args
            names = [arg.arg for arg in a.posonlyargs + a.args + a.kwonlyargs]
            names += [arg.arg for arg in (a.vararg, a.kwarg) if arg]
            assert len(set(names) - {"self"}) <= 6, node.name


def test_sizes_of_all():
    assert sum(len(code_lines(script)) for script in SCRIPTS) <= 3000
    texts = defaultdict(list)
    for script in SCRIPTS:
        lines = code_lines(script)
        for node in ast.parse(source(script)).body:
            if isinstance(node, ast.FunctionDef):
                size = sum(node.lineno <= line <= node.end_lineno for line in lines)
                text = ast.get_source_segment(source(script), node)
                texts[text].append(size)
    same = [sizes[0] for sizes in texts.values() if len(sizes) == len(SCRIPTS)]
    assert len(same) >= 3 and sum(same) <= 45


@each_script
def test_names_leave_the_learners_variables_alone(script):
    usual = {"device", "model", "criterion", "optimizer", "inputs", "labels", "target"}
    gone = {"fit", "construct", "run_training", "setting"}
    gone |= {"loss"} if number(script) > 4 else set()
    functions = {
        node.name
        for node in ast.walk(ast.parse(source(script)))
        if isinstance(node, ast.FunctionDef)
    }
    assert not functions & (usual | gone)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "script",
    [script for script in SCRIPTS if '"--device"' in source(script)],
    ids=lambda file: file.name,
)
def test_default_device(tmp_path, monkeypatch, script, there):
    """The video's line: cuda if there is one, else cpu; an accelerator by name only."""
    module = importlib.import_module(script.stem)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    monkeypatch.setattr(module, "usable", lambda name: f"device {name}")
    assert module.parse_args([]).device == f"device {'cuda' if there else 'cpu'}"
    assert module.parse_args(["--device", "mps"]).device == "device mps"
    assert "accelerator" not in source(script)


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
        assert f"?p={number(script)})" in readme
