"""Pieces that paste: what a learner copies into an empty file works there.

A class of part 2, a data set, train() and test(), main() or the program of an exercise:
the file holds the imports, the piece, and the names of the script that it reaches.
"""

import ast
import importlib
import runpy

import kaggle
import pytest
import torch
from conftest import DATA, SCRIPTS, data_copy, draw_nothing, number, source
from snapshots import draw_digit, few_names
from test_rules import named_nodes, part_of, text_of

import lecture10_cnn as lecture10
import lecture13_gru_classifier as lecture13


def script_of(lecture):
    return next(script for script in SCRIPTS if number(script) == lecture)


def reached(script, name):
    """The top-level names that a name reaches, itself among them."""
    nodes = named_nodes(script)
    found, todo = set(), [name]
    while todo:
        name = todo.pop()
        found.add(name)
        names = {n.id for n in ast.walk(nodes[name]) if isinstance(n, ast.Name)}
        todo += names & nodes.keys() - found
    return found


def paste(folder, script, *names):
    """What an empty file defines, with the imports and these names pasted into it."""
    texts = [
        text_of(script, node)
        for node in ast.parse(source(script)).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    nodes = named_nodes(script)
    texts += [text_of(script, node) for name, node in nodes.items() if name in names]
    file = folder / "homework.py"
    file.write_text("\n".join(texts), encoding="utf-8")
    return runpy.run_path(str(file))


# -------------------------------------------------------------------- Classes, loops
def ids(value):
    return value if isinstance(value, str) else value.name[:9]


@pytest.mark.parametrize("script", SCRIPTS, ids=ids)
def test_a_piece_needs_nothing_else(script):
    """A class alone, or with the block of which it is built; train(), test(); a data set."""
    for name, node in named_nodes(script).items():
        needed = reached(script, name) - {name}
        if isinstance(node, ast.ClassDef) and part_of(script, name).startswith("2."):
            assert needed <= {"InceptionA", "ResidualBlock"}
        elif name in ("train", "test") and number(script) > 8:
            assert needed <= {"time_since"}
        elif name.endswith("Dataset"):
            assert needed <= {"name2list"}


def test_data_sets(tmp_path):
    """As in the video, a file's name is enough."""
    pasted = paste(tmp_path, script_of(8), "DiabetesDataset")
    dataset = pasted["DiabetesDataset"](str(DATA / "diabetes.csv.gz"))
    x, y = dataset[758]
    assert (len(dataset), x.shape, y.shape) == (759, (8,), (1,))
    assert x[0].item() == pytest.approx(-0.882353) and y.item() == 1
    pasted = paste(tmp_path, script_of(13), "NameDataset", "name2list")
    dataset = pasted["NameDataset"](str(DATA / "names_train.csv.gz"))
    names = [dataset[index] for index in range(len(dataset))]
    assert len(names) == 13374 and {label for _, label in names} == {*range(18)}


# --------------------------------------------------------------------------- Programs
@pytest.fixture
def files(tmp_path, monkeypatch):
    """A current folder with what the programs read."""
    monkeypatch.chdir(tmp_path)
    draw_nothing(monkeypatch)
    few_names(tmp_path / "few")
    for write in (kaggle.titanic, kaggle.otto, kaggle.reviews):
        write(tmp_path / f"{write.__name__}_train")
        write(tmp_path / f"{write.__name__}_test", 9, test=True)
    draw_digit("seven.png")
    torch.save(lecture10.Net().state_dict(), "cnn.pt")
    torch.save(lecture13.RNNClassifier(128, 100, 18, 2).state_dict(), "names.pt")
    return tmp_path


def start(folder, script, name, options):
    """Paste a program, and what it reaches, into an empty file; run it: its result."""
    module = importlib.import_module(script.stem)
    options = options.split()
    if "--data-dir" in source(script) and "--data-dir" not in options:
        options += ["--data-dir", str(data_copy())]
    program = paste(folder, script, *reached(script, name))[name]
    return program(module.parse_args(options))


@pytest.mark.parametrize("script", SCRIPTS, ids=ids)
def test_main(files, capsys, script):
    result = start(files, script, "main", "--dry-run")
    assert result is not None
    assert "this run | video" in capsys.readouterr().out
    assert (files / "plots" / "dry_run.png").exists()


PROGRAMS = {  # exercises of other data, and what is a program of its own beside main
    (2, "affine"): "--model affine",
    (3, "landscape"): "--landscape",
    (3, "sgd"): "--method sgd",
    (4, "exercise"): "--model affine --epochs 2",
    (5, "exercise"): "--optimizer LBFGS --epochs 2",
    (7, "exercise"): "--activation relu --epochs 2",
    (8, "titanic"): "--titanic titanic_train --submit titanic_test --epochs 1",
    (9, "otto"): "--otto otto_train --submit otto_test --epochs 1",
    (10, "exercise"): "--model deep --dry-run",
    (10, "predict"): "--load cnn.pt --predict seven.png",
    (13, "reviews"): "--reviews reviews_train --submit reviews_test --epochs 1",
    (13, "predict"): "--load names.pt --predict Li --data-dir few",
}


@pytest.mark.parametrize("lecture, name", PROGRAMS)
def test_program(files, lecture, name):
    options = PROGRAMS[lecture, name]
    assert start(files, script_of(lecture), name, options) is not None
    assert (files / "submission.csv").exists() == ("--submit" in options)


def test_no_program_is_forgotten():
    """main() leaves to them in one line: if args.titanic: return titanic(args)."""
    found = set()
    for script in SCRIPTS:
        for node in named_nodes(script)["main"].body:
            if isinstance(node, ast.If) and isinstance(node.body[0], ast.Return):
                found.add((number(script), node.body[0].value.func.id))
    assert found == PROGRAMS.keys()
