"""How the long four and the others train and test: what no printed number shows."""

import importlib
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from conftest import (
    SCRIPTS,
    check_line,
    check_picture,
    options_of,
    table,
    warnings_are_errors,
)
from kaggle import otto, reviews
from snapshots import few_names
from torch.utils.data import DataLoader, TensorDataset

MNIST = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]
NAMES = "lecture13_gru_classifier"
LONG = [*MNIST, NAMES]


# --------------------------------------------------------------- train() and test()
class Spy(torch.nn.Module):
    """A network that notes in which state it is called."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 10)
        self.calls = []

    def forward(self, x, lengths=None):
        self.calls.append((self.training, torch.is_grad_enabled()))
        return self.linear(x.flatten(1)[:, :1].float())


def loader_of(name):
    """Two batches of whatever the lecture's train() reads."""
    y = torch.arange(8) % 2
    if name != NAMES:
        return DataLoader(TensorDataset(torch.ones(8, 1, 2, 2), y), batch_size=4)
    collate = importlib.import_module(name).make_tensors
    return DataLoader([("AB", label) for label in y.tolist()], 4, collate_fn=collate)


def train(name, model, loader, epoch=0, lr=0.1):
    """Call the lecture's train() with SGD; what it returns."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    more = [time.time()] if name == NAMES else []
    parts = model, "cpu", loader, torch.nn.CrossEntropyLoss(), optimizer, epoch, *more
    return importlib.import_module(name).train(*parts)


@pytest.fixture
def moved(monkeypatch):
    """The devices of all Tensor.to(...) calls."""
    devices, own = [], torch.Tensor.to

    def to(tensor, *args, **options):
        devices.append(args[0])
        return own(tensor, *args, **options)

    monkeypatch.setattr(torch.Tensor, "to", to)
    return devices


@pytest.mark.parametrize("name", LONG)
def test_train(name, moved):
    """In training mode, whatever came before; inputs and target go to the device."""
    model = Spy().eval()
    train(name, model, loader_of(name))
    assert model.calls == [(True, True)] * 2
    assert moved.count("cpu") == 4


@pytest.mark.parametrize("name", LONG)
def test_test(name, moved):
    """In evaluation mode and without a graph; inputs go to the device."""
    model = Spy()
    importlib.import_module(name).test(model, "cpu", loader_of(name))
    assert model.calls == [(False, False)] * 2
    assert moved.count("cpu") >= 2


@pytest.mark.parametrize("name", LONG)
def test_what_is_drawn_after_training(name):
    """misread(), confusion() and predict_names() look as test() does."""
    lecture, model = importlib.import_module(name), Spy()
    if name == NAMES:
        lecture.confusion(model, "cpu", loader_of(name), 10)
        model.train()
        lecture.predict_names(model, "cpu", ["Li"], list("abcdefghij"))
    else:
        lecture.misread(model, "cpu", loader_of(name))
    assert set(model.calls) == {(False, False)}


@pytest.mark.parametrize("name", MNIST)
def test_loss_lines_are_means_and_accuracy_counts(name, capsys):
    """A network that never learns: the mean loss of every batch is log(10)."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    torch.nn.init.zeros_(model[1].weight)
    torch.nn.init.zeros_(model[1].bias)
    x, y = torch.zeros(600, 1, 28, 28), torch.arange(600) % 10
    loader = DataLoader(TensorDataset(x, y))
    assert train(name, model, loader, lr=1e-9) == pytest.approx([np.log(10)] * 2)
    assert importlib.import_module(name).test(model, "cpu", loader) == (60, 600)
    out = capsys.readouterr().out
    assert "[1,   300] loss: 2.303 (video's scale, sum/2000: 0.345)\n[1,   600]" in out
    assert "Accuracy on test set: 10 % [60/600]" in out


def says_nine():
    """A network that says 9 to everything."""
    model = Spy()
    torch.nn.init.zeros_(model.linear.weight)
    model.linear.bias.data = torch.arange(10.0)
    return model


def test_misread_finds_the_wrong_ones():
    x = torch.arange(40.0).view(40, 1, 1, 1)
    loader = DataLoader(TensorDataset(x, torch.tensor([9, 1] * 20)), 4)
    found = importlib.import_module(MNIST[0]).misread(says_nine(), "cpu", loader)
    assert [(predicted, label) for _, predicted, label in found] == [(9, 1)] * 10
    assert [image.item() for image, _, _ in found] == list(range(1, 20, 2))


def test_confusion_has_true_classes_in_rows():
    lecture = importlib.import_module(NAMES)
    share = lecture.confusion(says_nine(), "cpu", loader_of(NAMES), 10)
    share = torch.as_tensor(share)
    assert share[0, 9] == share[1, 9] == 100 and share.sum() == 200
    axes = plt.figure().subplots()
    names = list("abcdefghij")
    lecture.draw_confusion(axes, share, names)
    assert [t.get_position() for t in axes.texts if t.get_text() == "100"] == [
        (9, 0),
        (9, 1),
    ]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names


# ----------------------------------------------------------- What main() gives to them
@pytest.mark.parametrize("name", MNIST)
def test_which_digits_are_used_for_what(call, monkeypatch, name):
    """The training set trains in batches of 64, shuffled; the test set tests."""
    lecture = importlib.import_module(name)
    parts = [
        TensorDataset(torch.full((256, 1, 28, 28), value), torch.zeros(256).long())
        for value in (1.0, 2.0)
    ]
    results = {"train": [1.0], "test": (1, 256), "misread": []}
    seen = {kind: [] for kind in results}

    def spy(kind):
        def look(model, device, loader, *others):
            ((x, _), *_) = loader
            sampler = type(loader.sampler).__name__
            seen[kind].append((x.unique().tolist(), loader.batch_size, sampler))
            contiguous = all(p.is_contiguous() for p in model.parameters())
            assert contiguous == (name == MNIST[0])  # channels_last in 10 and 11
            return results[kind]

        return look

    for kind in results:
        monkeypatch.setattr(lecture, kind, spy(kind))
    monkeypatch.setattr(lecture, "load_mnist", lambda data_dir: parts)
    call(f"{name} --dry-run --device cpu", "--data-dir", "x")
    networks = 2 if name == MNIST[2] else 1
    assert seen["train"] == [([1.0], 64, "RandomSampler")] * networks
    assert seen["test"] == [([2.0], 500, "SequentialSampler")] * 2 * networks
    assert seen["misread"] == [([2.0], 500, "SequentialSampler")]


def test_which_names_are_used_for_what(call, monkeypatch):
    lecture, seen = importlib.import_module(NAMES), []

    def look(loader, result):
        seen.append((len(loader.dataset), type(loader.sampler).__name__))
        return result

    monkeypatch.setattr(lecture, "train", lambda *args: look(args[2], (1.0, 50.0)))
    monkeypatch.setattr(lecture, "test", lambda *args: look(args[2], 50.0))
    call(f"{NAMES} --epochs 1")
    assert seen == [(13374, "RandomSampler"), (6700, "SequentialSampler")]


SGD_5, ADAM = {"lr": 0.01, "momentum": 0.5}, [0.1, 0.05, 0.05, 0.05, 0.05]
OPTIMIZERS = {  # command: what it trains with, in its order
    "lecture05_linear_regression": [("SGD", {"lr": 0.01})],
    "lecture06_logistic_regression": [("SGD", {"lr": 0.01})],
    "lecture07_multi_dim": [("SGD", {"lr": 0.1})],
    "lecture08_dataloader": [("SGD", {"lr": 0.01})],
    "lecture08_dataloader --titanic": [("SGD", {"lr": 0.1})],
    "lecture09_softmax_mnist": [("SGD", SGD_5)],
    "lecture10_cnn --model all": [("SGD", SGD_5)] * 2,
    "lecture11_googlenet_resnet": [("SGD", SGD_5)] * 2,
    "lecture12_rnn": [("Adam", {"lr": lr}) for lr in ADAM],
    "lecture13_gru_classifier": [("Adam", {"lr": 0.001})],
}


@pytest.mark.parametrize("command", OPTIMIZERS)
def test_optimizers(call, monkeypatch, command):
    """The kind, the given settings, and no other that is not torch's own default."""
    made, own = [], torch.optim.Optimizer.__init__

    def init(optimizer, parameters, defaults):
        made.append((type(optimizer).__name__, dict(defaults)))
        own(optimizer, parameters, defaults)

    expected = []
    for kind, settings in OPTIMIZERS[command]:
        optimizer = getattr(torch.optim, kind)([torch.zeros(1)], **settings)
        expected.append((kind, dict(optimizer.defaults)))
    monkeypatch.setattr(torch.optim.Optimizer, "__init__", init)
    lecture = importlib.import_module(command.split()[0])
    monkeypatch.setattr(lecture, "hide_broken_gpu", lambda: None, raising=False)
    assert call(f"{command} --dry-run").status == 0
    assert made == expected


MORE = {  # where --dry-run shows it late
    "lecture03_gradient_descent": "--landscape saddle --epochs 9",
    "lecture11_googlenet_resnet": "--dry-run --model resnet",
    "lecture13_gru_classifier": "--dry-run --batch-size 32",
}


@pytest.mark.parametrize("name", [script.stem for script in SCRIPTS])
def test_another_seed_gives_other_numbers(call, name):
    """That the same seed gives the same numbers, the snapshots show."""
    if "--seed" in options_of(name):
        command = f"{name} {MORE.get(name, '--dry-run')} --seed"
        assert table(call(f"{command} 1").out) != table(call(f"{command} 3").out)
    else:
        assert name in ("lecture02_linear_model", "lecture04_backprop")


# ------------------------------------------------------------------------------ Ctrl-C
KEEPING = {  # what keeps the finished epochs: a row of the first, one of the second
    "lecture09_softmax_mnist": "softmax epoch {}: accuracy",
    "lecture09_softmax_mnist --otto FILE": "otto epoch {}: accuracy",
    "lecture10_cnn": "basic epoch {}: accuracy",
    "lecture10_cnn --model all": "basic epoch {}: accuracy",
    "lecture11_googlenet_resnet": "googlenet epoch {}: accuracy",
    "lecture13_gru_classifier": "best accuracy",
    "lecture13_gru_classifier --reviews FILE": "best accuracy",
}


@pytest.mark.parametrize("finished", [0, 1])
@pytest.mark.parametrize("command", KEEPING)
@warnings_are_errors
def test_ctrl_c_keeps_finished_epochs(call, monkeypatch, tmp_path, command, finished):
    """Ctrl-C in the epoch after the finished ones, which train nothing here.

    In the first epoch there is nothing to show: an earlier picture stays.
    """
    name = command.split()[0]
    write = reviews if name == NAMES else otto
    write(tmp_path / "FILE")
    picture = tmp_path / "plots" / f"{name}.png"
    picture.parent.mkdir()
    picture.write_bytes(b"earlier")
    epochs = []

    def train(model, device, train_loader, criterion, optimizer, epoch, *start):
        epochs.append(epoch)
        if len(epochs) > finished:
            raise KeyboardInterrupt
        return (1.0, 50.0) if name == NAMES else [2.0, 1.0]

    few_names(tmp_path / "few")
    if command == NAMES:
        command += " --data-dir few"
    monkeypatch.setattr(importlib.import_module(name), "train", train)
    result = call.draw(command) if finished else call(command)
    check_line(result, 0, f"interrupted: {finished} finished epochs are kept")
    assert isinstance(result.model, torch.nn.Module)
    row = KEEPING[command.removesuffix(" --data-dir few")]
    found = table(result.out) if " | " in result.out else {}
    assert (row.format(1) in found) == finished
    assert row.format(2) not in found or row.format(2) == row.format(1)
    if finished:
        check_picture(picture)
    else:
        assert picture.read_bytes() == b"earlier"


# ------------------------------------------------------------------------------ Devices
@pytest.mark.parametrize("name", LONG)
def test_device(call, monkeypatch, capsys, name):
    """cuda if it works, else the cpu; where it does not work, the reason is told."""
    lecture = importlib.import_module(name)
    assert "\ntraining on cpu\n" in call(f"{name} --dry-run --device cpu").out
    check_line(
        call(f"{name} --device nonsense"), 2, "--device nonsense", "--device cpu"
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert lecture.parse_args([]).device == "cpu"
    own = torch.zeros

    def zeros(*args, device=None, **options):
        if str(device).startswith("cuda"):
            raise RuntimeError("CUDA error: no kernel image is available\nmore lines")
        return own(*args, device=device, **options)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", zeros)
    assert lecture.parse_args([]).device == "cpu"
    (told,) = capsys.readouterr().err.splitlines()
    assert "no kernel image is available" in told and ": cpu " in told
    result = call(f"{name} --device cuda")
    check_line(result, 2, "--device cuda", "no kernel image", "--device cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", lambda *args, device=None, **options: own(1))
    assert lecture.parse_args([]).device == "cuda"


@pytest.mark.parametrize(
    "name", ["lecture05_linear_regression", "lecture12_rnn", NAMES]
)
def test_broken_card_is_hidden(monkeypatch, tmp_path, name):
    """Adam asks the card on the CPU, too: one that raises would end the lecture."""

    def busy(optimizer):
        raise RuntimeError("CUDA-capable device(s) is/are busy or unavailable")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda optimizer: None)
    lecture = importlib.import_module(name)
    options = ["--device", "cpu"] if name == NAMES else []
    lecture.parse_args(options)
    assert torch.cuda.is_available()  # one that works is left alone
    monkeypatch.setattr(torch.optim.Adam, "step", busy)
    lecture.parse_args(options)
    assert not torch.cuda.is_available()
