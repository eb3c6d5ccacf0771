"""Pieces that paste: a class or a loop, the imports, and one other name at most.

A learner copies a class of part 2, a data set, or train() and test(), into an empty
file. So does this test, and uses them.
"""

import ast
import importlib.util
import time
from pathlib import Path

import pytest
import torch
from conftest import DATA, SCRIPTS, TEMPORARY, number, source
from test_rules import named_nodes, part_of, text_of
from torch.utils.data import DataLoader, TensorDataset


def paste(script, name):
    """What `name` is in a file of the imports, itself, and what it reads."""
    nodes, wanted = named_nodes(script), {name}
    for node in ast.walk(nodes[name]):
        if isinstance(node, ast.Name) and node.id in nodes:
            wanted.add(node.id)
    assert len(wanted) <= 2, wanted
    texts = [
        text_of(script, node)
        for node in ast.parse(source(script)).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    texts += [text_of(script, node) for other, node in nodes.items() if other in wanted]
    file = Path(TEMPORARY.name, f"homework_{name}.py")
    file.write_text("\n".join(texts), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


IMAGES = torch.zeros(3, 1, 28, 28)
USES = {  # a class of part 2: what it is made with, what it gets, the shape it gives
    "LinearModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "LogisticRegressionModel": ((), [torch.zeros(3, 1)], (3, 1)),
    "Model": ((torch.nn.ReLU(),), [torch.zeros(3, 8)], (3, 1)),
    "Net": ((), [IMAGES], (3, 10)),
    "InceptionA": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 88, 9, 9)),
    "GoogLeNet": ((), [IMAGES], (3, 10)),
    "ResidualBlock": ((5,), [torch.zeros(3, 5, 9, 9)], (3, 5, 9, 9)),
    "ResNet": ((), [IMAGES], (3, 10)),
    "RNNCellModel": ((), [torch.zeros(2, 4), torch.zeros(2, 4)], (2, 4)),
    "RNNModel": ((), [torch.zeros(5, 2, 4)], (10, 4)),
    "EmbeddingModel": ((), [torch.zeros(2, 5, dtype=torch.long)], (10, 4)),
    "RNNClassifier": (
        (128, 6, 18),
        [torch.full((2, 5), 65), torch.tensor([5, 4])],
        (2, 18),
    ),
}
CLASSES = [
    (script, name)
    for script in SCRIPTS
    for name, node in named_nodes(script).items()
    if isinstance(node, ast.ClassDef) and part_of(script, node).startswith("2.")
]


def ids(value):
    return value if isinstance(value, str) else value.name[:9]


@pytest.mark.parametrize("script, name", CLASSES, ids=ids)
def test_classes(script, name):
    arguments, inputs, shape = USES[name]
    model = paste(script, name)(*arguments)
    assert model(*inputs).shape == shape
    model.to("meta")  # every tensor that forward() makes is where its input is
    if name != "RNNClassifier":  # packing wants its lengths on the CPU
        assert model(*(x.to("meta") for x in inputs)).device.type == "meta"


def test_no_class_is_forgotten():
    assert {name for _, name in CLASSES} == USES.keys()


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "Path"])
def test_data_sets(kind):
    """As in the video, a file's name is enough."""
    script = next(script for script in SCRIPTS if number(script) == 8)
    dataset = paste(script, "DiabetesDataset")(kind(DATA / "diabetes.csv.gz"))
    x, y = dataset[758]
    assert (len(dataset), x.shape, y.shape) == (759, (8,), (1,))
    assert x[0].item() == pytest.approx(-0.882353) and y.item() == 1
    script = next(script for script in SCRIPTS if number(script) == 13)
    dataset = paste(script, "NameDataset")(kind(DATA / "names_train.csv.gz"))
    names = [dataset[index] for index in range(len(dataset))]
    assert len(names) == 13374 and {label for _, label in names} == {*range(18)}
    assert all(name and name.isascii() for name, _ in names)


LOOPS = [script for script in SCRIPTS if "train" in named_nodes(script)]


@pytest.mark.parametrize("script", LOOPS, ids=ids)
def test_train_and_test(script, capsys):
    """The order of parameters that pytorch/examples has made usual."""
    train, test = paste(script, "train"), paste(script, "test")
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    if number(script) == 13:
        model = paste(script, "RNNClassifier")(3, 6, 2)
        seqs = (labels + 1).unsqueeze(1).expand(40, 4)
        dataset, more = TensorDataset(seqs, torch.full((40,), 4), labels), [time.time()]
    else:
        model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        x = torch.stack([labels, 1 - labels] * 2, dim=1).float().view(40, 1, 2, 2)
        dataset, more = TensorDataset(x, labels), []
    loader = DataLoader(dataset, batch_size=4)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = [
        train(model, "cpu", loader, criterion, optimizer, epoch, *more)[0]
        for epoch in range(9)
    ]
    assert losses[-1] < losses[0] / 2
    assert test(model, "cpu", loader) == (100 if number(script) == 13 else (40, 40))
    assert "Accuracy" in capsys.readouterr().out


def test_train_stands_in_the_lectures_that_have_it():
    assert [number(script) for script in LOOPS] == [9, 10, 11, 13]
