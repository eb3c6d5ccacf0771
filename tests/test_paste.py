"""Pieces that paste: what a learner copies into an empty file works there.

A class of part 2, a data set, train() and test(), main() or the program of an exercise:
the file holds the imports, the piece, and the names of the script that it reaches.
"""

import ast
import importlib
import runpy
import time

import kaggle
import pytest
import torch
from conftest import DATA, SCRIPTS, data_copy, number, source
from snapshots import few_names
from test_rules import named_nodes, part_of, text_of
from torch.utils.data import DataLoader, TensorDataset

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
IMAGES = torch.zeros(3, 1, 28, 28)
USES = {  # a class of part 2: what it is made with, what it gets, the shape it gives
    "LinearModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "LogisticRegressionModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "Model": ((), [torch.zeros(3, 8)], (3, 1)),
    "Net": ((), [IMAGES], (3, 10)),
    "InceptionA": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 88, 9, 9)),
    "GoogLeNet": ((), [IMAGES], (3, 10)),
    "ResidualBlock": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 5, 9, 9)),
    "ResNet": ((), [IMAGES], (3, 10)),
    "RNNCellModel": ((), [torch.zeros(2, 4), torch.zeros(2, 4)], (2, 4)),
    "RNNModel": ((), [torch.zeros(5, 2, 4)], (10, 4)),
    "EmbeddingModel": ((), [torch.zeros(2, 5, dtype=torch.long)], (10, 4)),
    "RNNClassifier": ((128, 6, 18), [torch.full((2, 5), 65), torch.tensor([5, 4])], ()),
}
CLASSES = [
    (script, name)
    for script in SCRIPTS
    for name, node in named_nodes(script).items()
    if isinstance(node, ast.ClassDef) and part_of(script, name).startswith("2.")
]


def ids(value):
    return value if isinstance(value, str) else value.name[:9]


def test_no_class_is_forgotten():
    assert {name for _, name in CLASSES} == USES.keys()


@pytest.mark.parametrize("script, name", CLASSES, ids=ids)
def test_class(tmp_path, script, name):
    """Alone, or with the one class of which it is built."""
    needed = reached(script, name)
    assert len(needed) <= 2
    arguments, inputs, shape = USES[name]
    model = paste(tmp_path, script, *needed)[name](*arguments)
    assert model(*inputs).shape == (shape or (2, 18))


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "Path"])
def test_data_sets(tmp_path, kind):
    """As in the video, a file's name is enough."""
    pasted = paste(tmp_path, script_of(8), "DiabetesDataset")
    dataset = pasted["DiabetesDataset"](kind(DATA / "diabetes.csv.gz"))
    x, y = dataset[758]
    assert (len(dataset), x.shape, y.shape) == (759, (8,), (1,))
    assert x[0].item() == pytest.approx(-0.882353) and y.item() == 1
    pasted = paste(tmp_path, script_of(13), "NameDataset", "name2list")
    dataset = pasted["NameDataset"](kind(DATA / "names_train.csv.gz"))
    names = [dataset[index] for index in range(len(dataset))]
    assert len(names) == 13374 and {label for _, label in names} == {*range(18)}


@pytest.mark.parametrize("lecture", [9, 10, 11, 13])
def test_train_and_test(tmp_path, capsys, lecture):
    """The order of parameters that pytorch/examples has made usual."""
    needed = reached(script_of(lecture), "train") | {"test"}
    assert needed - {"time_since"} == {"train", "test"}
    pasted = paste(tmp_path, script_of(lecture), *needed)
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    if lecture == 13:
        model = lecture13.RNNClassifier(3, 6, 2)
        seqs = (labels + 1).unsqueeze(1).expand(40, 4)
        dataset, more = TensorDataset(seqs, torch.full((40,), 4), labels), [time.time()]
    else:
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        x = torch.stack([labels, 1 - labels] * 2, dim=1).float().view(40, 1, 2, 2)
        dataset, more = TensorDataset(x, labels), []
    loader = DataLoader(dataset, batch_size=4)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for epoch in range(9):
        loss = pasted["train"](model, "cpu", loader, criterion, optimizer, epoch, *more)
        losses.append(loss if lecture == 13 else loss[0])
    assert losses[-1] < losses[0] / 2
    assert pasted["test"](model, "cpu", loader) == 100
    assert "Accuracy" in capsys.readouterr().out


# --------------------------------------------------------------------------- Programs
@pytest.fixture
def files(tmp_path, monkeypatch):
    """A current folder with what the programs read."""
    monkeypatch.chdir(tmp_path)
    few_names(tmp_path / "few")
    for write in (kaggle.titanic, kaggle.otto, kaggle.reviews):
        write(tmp_path / f"{write.__name__}_train")
        write(tmp_path / f"{write.__name__}_test", 9, test=True)
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
    (3, "all_methods"): "--method all",
    (4, "exercise"): "--model affine --epochs 2",
    (5, "exercise"): "--optimizer LBFGS --epochs 2",
    (7, "exercise"): "--activation relu --epochs 2",
    (8, "titanic"): "--titanic titanic_train --submit titanic_test --epochs 1",
    (8, "holdout"): "--holdout 0.2 --dry-run",
    (9, "otto"): "--otto otto_train --submit otto_test --epochs 1",
    (10, "exercise"): "--model deep --dry-run",
    (10, "use_saved"): "--load cnn.pt --dry-run",
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
