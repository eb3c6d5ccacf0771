"""How the long four and the others train and test: what no printed number shows."""

import importlib
import time
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import each_script, options_of, table
from kaggle import otto, reviews
from torch.utils.data import DataLoader, TensorDataset

MNIST = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]
NAMES = "lecture13_gru_classifier"
LONG = [*MNIST, NAMES]


# --------------------------------------------------------------- train() and test()
class Spy(torch.nn.Module):
    """A network that gives 0 for every class, and notes in which state it is called."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 10)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)
        self.calls = []

    def forward(self, x, lengths=None):
        self.calls.append((self.training, torch.is_grad_enabled()))
        return self.linear(x.flatten(1)[:, :1].float())


def loader_of(name, batches=2):
    """Batches of four of whatever the lecture's train() reads, labels 0 and 1."""
    y = torch.arange(4 * batches) % 2
    if name != NAMES:
        return DataLoader(TensorDataset(torch.ones(len(y), 1, 2, 2), y), batch_size=4)
    collate = importlib.import_module(name).make_tensors
    return DataLoader(
        [([65, 66], label) for label in y.tolist()], 4, collate_fn=collate
    )


def train(name, model, loader, lr=0.1):
    """Call the lecture's train() with SGD; what it returns."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    more = [time.time()] if name == NAMES else []
    parts = model, "cpu", loader, torch.nn.CrossEntropyLoss(), optimizer, 0, *more
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


@pytest.mark.parametrize("function", ["test", "misread"])
@pytest.mark.parametrize("name", LONG)
def test_test(name, function, moved):
    """In evaluation mode and without a graph; inputs go to the device."""
    if (name, function) != (NAMES, "misread"):  # 13 has none
        model = Spy()
        look = getattr(importlib.import_module(name), function)
        look(model, "cpu", loader_of(name))
        assert model.calls == [(False, False)] * 2
        assert moved.count("cpu") >= 2


@pytest.mark.parametrize("name", LONG)
def test_losses_are_means_and_accuracy_is_a_percentage(name, capsys):
    """A network that never learns: its loss is log(10), and it says 0 to everything."""
    lecture, model, loader = importlib.import_module(name), Spy(), loader_of(name, 600)
    losses = train(name, model, loader, lr=1e-12)
    assert losses == pytest.approx(np.log(10) if name == NAMES else [np.log(10)] * 2)
    assert lecture.test(model, "cpu", loader) == 50
    out = capsys.readouterr().out
    if name == NAMES:
        assert "[40/2400] loss=2.3026 (video's scale, /4: 0.575646)\n" in out
        assert "Test set: Accuracy 1200/2400 50.00%" in out
    else:
        line = "loss: 2.303 (video's scale, sum/2000: 0.345)\n"
        assert f"[1,   300] {line}[1,   600] {line}" in out
        assert "Accuracy on test set: 50 % [1200/2400]" in out


# --------------------------------------------------------------------- What main() does
@pytest.mark.parametrize("more", ["", "--titanic"])
def test_08_workers_and_shuffle(call, monkeypatch, more):
    """The loader gets the option's number of workers (and none starts here)."""
    lecture, made = importlib.import_module("lecture08_dataloader"), []

    class Loader(DataLoader):
        def __init__(self, *args, num_workers, **options):
            super().__init__(*args, **options)
            made.append((num_workers, type(self.sampler).__name__))

    monkeypatch.setattr(lecture, "DataLoader", Loader)
    assert call(f"lecture08_dataloader --dry-run --num-workers 3 {more}").status == 0
    assert made == [(3, "RandomSampler")]


MORE = {  # where --dry-run shows it late
    "lecture03_gradient_descent": "--landscape --epochs 9",
    "lecture11_googlenet_resnet": "--dry-run --model resnet",
    "lecture13_gru_classifier": "--dry-run --batch-size 64 --lr 0.03",
}


@each_script
def test_another_seed_gives_other_numbers(call, script):
    """That the same seed gives the same numbers, the snapshots show."""
    name = script.stem
    if "--seed" in options_of(name):
        command = f"{name} {MORE.get(name, '--dry-run')} --seed"
        outs = [call(f"{command} {seed}").out for seed in (1, 3)]
        ours, other = [table(out) or out for out in outs]  # landscape has no table
        assert ours != other
    else:
        assert name in ("lecture02_linear_model", "lecture04_backprop")


DEVICES = [
    *MNIST,
    NAMES,
    "lecture09_softmax_mnist --otto OTTO",
    "lecture10_cnn --model deep",
    "lecture13_gru_classifier --reviews REVIEWS",
]


@pytest.mark.parametrize("command", DEVICES)
def test_device(call, tmp_path, monkeypatch, command):
    """cuda if torch finds one, else the cpu; --device has the last word."""
    otto(tmp_path / "OTTO")
    reviews(tmp_path / "REVIEWS")

    def to(module, device=None, **options):
        if device:  # or else it is channels_last
            raise SystemExit(f"moved to {device}")

    monkeypatch.setattr(torch.nn.Module, "to", to)
    for found, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", mock.Mock(return_value=found))
        assert call(f"{command} --dry-run").err == f"moved to {device}\n"
        assert call(f"{command} --dry-run --device mps").err == "moved to mps\n"
