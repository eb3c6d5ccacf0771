"""Pieces that paste: a class or a loop, the imports, and one other name at most.

A learner copies a class of part 2, or train() and test(), into an empty file. So
does this test, and uses them.
"""

import ast
import builtins
import importlib.util
import symtable

import pytest
import torch
from conftest import SCRIPTS
from test_rules import named_nodes, number, part_of, source
from torch.utils.data import DataLoader, TensorDataset

WITH_TORCH = [script for script in SCRIPTS if "\nimport torch\n" in source(script)]


def used(text):
    """The global names that a piece of code reads."""
    names, tables = set(), [symtable.symtable(text, "piece", "exec")]
    while tables:
        scope = tables.pop()
        tables += scope.get_children()
        top = scope.get_type() == "module"
        names |= {
            symbol.get_name()
            for symbol in scope.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or top)
        }
    return names - {*dir(builtins), "__class__"}


@pytest.fixture
def paste(tmp_path):
    """Call paste(script, name): a module of the imports, the piece, what it needs."""

    def make(script, name):
        texts = {
            other: ast.get_source_segment(source(script), node)
            for other, node in named_nodes(script).items()
        }
        imports = [
            ast.get_source_segment(source(script), node)
            for node in ast.parse(source(script)).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        wanted, more = {name}, {name}
        while more:
            more = set().union(*(used(texts[other]) for other in more))
            more = (more & texts.keys()) - wanted
            wanted |= more
        assert len(wanted) <= 2, wanted
        pasted = [texts[other] for other in texts if other in wanted]
        file = tmp_path / f"homework_{name}.py"
        file.write_text("\n".join([*imports, *pasted]), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, name)

    return make


def pieces(wanted):
    """(script, name) of what `wanted(script, name, node)` chooses."""
    found = [
        (script, name)
        for script in WITH_TORCH
        for name, node in named_nodes(script).items()
        if wanted(script, name, node)
    ]
    ids = [f"{script.name[:9]} {name}" for script, name in found]
    return pytest.mark.parametrize("script, name", found, ids=ids)


def is_model(script, name, node):
    return isinstance(node, ast.ClassDef) and part_of(script, node)[:2] == "2."


IMAGES = torch.zeros(3, 1, 28, 28)
USES = {  # a class: what it is made with, what it gets, and the shape that it gives
    "LinearModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "LogisticRegressionModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "Model": ((torch.nn.ReLU(),), [torch.zeros(3, 8)], (3, 1)),
    "Net": ((), [IMAGES], (3, 10)),
    "InceptionA": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 88, 9, 9)),
    "GoogLeNet": ((), [IMAGES], (3, 10)),
    "ResidualBlock": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 5, 9, 9)),
    "ResNet": ((), [IMAGES], (3, 10)),
    "RNNCellModel": ((), [torch.zeros(5, 2, 4)], (10, 4)),
    "RNNModel": ((), [torch.zeros(5, 2, 4)], (10, 4)),
    "EmbeddingModel": ((), [torch.zeros(2, 5, dtype=torch.long)], (10, 4)),
    "RNNClassifier": (
        (128, 6, 18),
        [torch.full((2, 5), 65), torch.tensor([5, 4])],
        (2, 18),
    ),
}


@pieces(is_model)
def test_classes(paste, script, name):
    arguments, inputs, shape = USES[name]
    model = paste(script, name)(*arguments)
    assert model(*inputs).shape == shape
    model.to("meta")  # every tensor that forward() makes is where its input is
    if name != "RNNClassifier":  # packing wants its lengths on the CPU
        assert model(*(x.to("meta") for x in inputs)).device.type == "meta"


def test_no_class_is_forgotten():
    found = {
        name
        for script in WITH_TORCH
        for name, node in named_nodes(script).items()
        if is_model(script, name, node)
    }
    assert found == USES.keys()


@pieces(lambda script, name, node: name == "train")
def test_train_and_test(paste, script, name, capsys):
    """The order of parameters that pytorch/examples has made usual."""
    train, test = paste(script, "train"), paste(script, "test")
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    if number(script) == 13:
        model = paste(script, "RNNClassifier")(3, 6, 2)
        seqs = (labels + 1).unsqueeze(1).expand(40, 4)
        loader = Batches([(seqs, torch.full((40,), 4), labels)] * 10)
    else:
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        x = torch.stack([labels, 1 - labels] * 2, dim=1).float().view(40, 1, 2, 2)
        loader = DataLoader(TensorDataset(x, labels), batch_size=4)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = [train(model, "cpu", loader, criterion, optimizer, e) for e in range(9)]
    first, last = (
        loss if number(script) == 13 else loss[-1][1]
        for loss in (losses[0], losses[-1])
    )
    assert last < first / 2
    result = test(model, "cpu", loader)
    assert result == (100 if number(script) == 13 else (40, 40))
    assert "Accuracy" in capsys.readouterr().out


class Batches(list):
    """Lecture 13's Loader by another hand: len() counts the sequences of a batch."""

    def __len__(self):
        return 400


def test_train_stands_in_the_lectures_that_have_it():
    found = {number(s) for s in WITH_TORCH if "train" in named_nodes(s)}
    assert found >= {9, 10, 11, 13}
