"""Defaults, the lecture's settings, and every number of the slides, a second time.

The snapshots show that nothing moved; this file says what is right.
"""

import importlib
import inspect
import re

import pytest
import torch
from conftest import ROOT, SCRIPTS, table
from torch.utils.data import DataLoader, TensorDataset

MNIST = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]
LONG = [*MNIST, "lecture13_gru_classifier"]
DEFAULTS = {  # the video's, and what the options of exercises are without them
    "lecture02_linear_model": {"model": "linear"},
    "lecture03_gradient_descent": {
        "epochs": 100,
        "lr": 0.01,
        "method": "gd",
        "smooth": 0.9,
        "landscape": None,
        "seed": 0,
    },
    "lecture04_backprop": {"epochs": 100, "lr": 0.01, "model": "linear"},
    "lecture05_linear_regression": {
        "epochs": 1000,
        "lr": 0.01,
        "seed": 0,
        "optimizer": "SGD",
        "init": "random",
    },
    "lecture06_logistic_regression": {"epochs": 1000, "lr": 0.01, "seed": 0},
    "lecture07_multi_dim": {
        "epochs": 100,
        "lr": 0.1,
        "seed": 0,
        "activation": "sigmoid",
    },
    "lecture08_dataloader": {
        "epochs": 100,
        "lr": 0.01,
        "batch_size": 32,
        "seed": 0,
        "num_workers": 0,
        "titanic": None,
        "holdout": 0,
        "activation": "sigmoid",
    },
    "lecture09_softmax_mnist": {
        "epochs": 10,
        "lr": 0.01,
        "batch_size": 64,
        "seed": 0,
        "otto": None,
    },
    "lecture10_cnn": {
        "epochs": 10,
        "lr": 0.01,
        "batch_size": 64,
        "seed": 0,
        "model": "basic",
    },
    "lecture11_googlenet_resnet": {
        "epochs": 10,
        "lr": 0.01,
        "batch_size": 64,
        "seed": 0,
        "model": ["googlenet", "resnet"],
    },
    "lecture12_rnn": {"epochs": 15, "lr": None, "seed": 2, "model": "all"},
    "lecture13_gru_classifier": {
        "epochs": 100,
        "lr": 0.001,
        "batch_size": 256,
        "seed": 0,
        "cell": "gru",
        "unidirectional": False,
        "predict": [],
        "reviews": None,
    },
}
OTHERS = {  # options: the defaults that they change
    "lecture03_gradient_descent --landscape saddle": {"lr": 0.1},
    "lecture03_gradient_descent --landscape local": {"lr": 0.1},
    "lecture03_gradient_descent --landscape local --lr 0.2": {"lr": 0.2},
    "lecture08_dataloader --titanic": {
        "titanic": ROOT / "data" / "titanic.csv.gz",
        "activation": "relu",
    },
    "lecture08_dataloader --titanic --activation sigmoid": {"activation": "sigmoid"},
    "lecture10_cnn --dry-run": {"epochs": 1, "batch_size": 64},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = vars(importlib.import_module(name).parse_args([]))
    assert str(found.pop("plot")).replace("\\", "/") == f"plots/{name}.png"
    assert found.pop("part").parent == tmp_path / "plots"
    assert found.pop("data_dir", ROOT / "data") == ROOT / "data"
    assert found.pop("device", torch.device("cpu")).type in ("cpu", "cuda")
    assert (found.pop("show"), found.pop("dry_run")) == (False, False)
    assert found == DEFAULTS[name]


@pytest.mark.parametrize("command", OTHERS)
def test_other_defaults(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, *options = command.split()
    found = vars(importlib.import_module(name).parse_args(options))
    assert OTHERS[command].items() <= found.items()


def test_every_lecture_has_its_defaults_here():
    assert DEFAULTS.keys() == {script.stem for script in SCRIPTS}


# --------------------------------------------------- Training and test, looked into
class Spy(torch.nn.Module):
    """A network that notes in which state it is called."""

    def __init__(self, name):
        super().__init__()
        self.linear = torch.nn.Linear(1, 10)
        self.names = name.startswith("lecture13")
        self.calls = []

    def forward(self, x, lengths=None):
        self.calls.append((self.training, torch.is_grad_enabled()))
        assert (lengths is not None) == self.names
        return self.linear(x.flatten(1)[:, :1].float())


def loader_of(name):
    """Two batches of whatever the lecture's train() reads."""
    y = torch.arange(8) % 2
    if name.startswith("lecture13"):
        lecture = importlib.import_module(name)
        return lecture.Loader([[65, 66]] * 8, y.tolist(), 4, shuffle=False)
    return DataLoader(TensorDataset(torch.ones(8, 1, 2, 2), y), batch_size=4)


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
    lecture, model = importlib.import_module(name), Spy(name)
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = torch.nn.CrossEntropyLoss()
    lecture.train(model, "cpu", loader_of(name), criterion, optimizer, 1)
    assert model.calls == [(True, True)] * 2
    assert moved.count("cpu") == 4


@pytest.mark.parametrize("name", LONG)
def test_test(name, moved):
    """In evaluation mode and without a graph; inputs go to the device."""
    lecture, model = importlib.import_module(name), Spy(name)
    model.train()
    lecture.test(model, "cpu", loader_of(name))
    assert model.calls == [(False, False)] * 2
    assert moved.count("cpu") == 2


@pytest.mark.parametrize("name", LONG)
def test_what_is_drawn_after_training(name, moved):
    """misread(), confusion() and predict() look as test() does."""
    lecture, model = importlib.import_module(name), Spy(name)
    model.train()
    if name in MNIST:
        lecture.misread(model, "cpu", loader_of(name))
        count = 2
    else:
        lecture.confusion(model, "cpu", loader_of(name), 10)
        assert model.calls == [(False, False)] * 2
        model.train()
        lecture.predict(model, "cpu", ["Li"], list("abcdefghij"))
        count = 3
    assert model.calls == [(False, False)] * count
    assert moved.count("cpu") == count


def says_nine(name):
    """A network that says 9 to everything."""
    model = Spy(name)
    torch.nn.init.zeros_(model.linear.weight)
    model.linear.bias.data = torch.arange(10.0)
    return model


def test_misread_finds_the_wrong_ones():
    lecture, model = importlib.import_module(MNIST[0]), says_nine(MNIST[0])
    x = torch.arange(40.0).view(40, 1, 1, 1)
    y = torch.tensor([9, 1] * 20)
    found = lecture.misread(model, "cpu", DataLoader(TensorDataset(x, y), 4))
    assert [(predicted, label) for _, predicted, label in found] == [(9, 1)] * 10
    assert [image.item() for image, _, _ in found] == list(range(1, 20, 2))


def test_confusion_has_true_classes_in_rows():
    lecture, model = importlib.import_module(LONG[-1]), says_nine(LONG[-1])
    counts = lecture.confusion(model, "cpu", loader_of(LONG[-1]), 10)
    counts = torch.as_tensor(counts)
    assert counts[0, 9] > 0 and counts[1, 9] > 0
    assert (counts[:, :9] == 0).all() and (counts[2:] == 0).all()


@pytest.mark.parametrize("name", MNIST)
def test_which_data_is_used_for_what(call, monkeypatch, name):
    """The training set trains in batches of 64, shuffled; the test set tests."""
    lecture = importlib.import_module(name)
    parts = [
        TensorDataset(torch.full((256, 1, 28, 28), value), torch.zeros(256).long())
        for value in (1.0, 2.0)
    ]
    seen = {"train": [], "test": [], "misread": []}

    def look(kind, loader):
        ((x, _), *_) = loader
        size, sampler = loader.batch_size, type(loader.sampler).__name__
        seen[kind].append((x.unique().tolist(), size, sampler))

    def train(model, device, train_loader, criterion, optimizer, epoch):
        look("train", train_loader)
        return [(epoch + 1, 1.0)]

    def test(model, device, test_loader):
        look("test", test_loader)
        return 1, 256

    def misread(model, device, test_loader):
        look("misread", test_loader)
        return []

    for function in (train, test, misread):
        monkeypatch.setattr(lecture, function.__name__, function)
    monkeypatch.setattr(lecture, "load_mnist", lambda data_dir: parts)
    assert call(name, "--dry-run", "--data-dir", ROOT)[0] == 0
    networks = 2 if name.startswith("lecture11") else 1
    assert seen["train"] == [([1.0], 64, "RandomSampler")] * networks
    assert seen["test"] == [([2.0], 500, "SequentialSampler")] * 2 * networks
    assert seen["misread"] == [([2.0], 500, "SequentialSampler")]


def test_13_trains_on_one_part_and_tests_on_the_other(call, monkeypatch):
    lecture = importlib.import_module(LONG[-1])
    sizes = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        sizes.append((len(train_loader), train_loader.shuffle, epoch))
        return 1.0

    def test(model, device, test_loader):
        sizes.append((len(test_loader), test_loader.shuffle))
        return 50.0

    monkeypatch.setattr(lecture, "train", train)
    monkeypatch.setattr(lecture, "test", test)
    assert call(LONG[-1], "--epochs", 1)[0] == 0
    assert sizes == [(13374, True, 1), (6700, False)]


def test_08_batches():
    """Shuffled, and the last one is smaller."""
    text = inspect.getsource(importlib.import_module("lecture08_dataloader").main)
    assert "shuffle=True" in text and "drop_last" not in text


# ------------------------------------------------------------- Optimizers and seeds
ADAM = [("Adam", {"lr": lr}) for lr in (0.1, 0.05, 0.05, 0.05, 0.05)]
OPTIMIZERS = {  # lecture: what it trains with, in its order
    "lecture05_linear_regression": [("SGD", {"lr": 0.01})],
    "lecture06_logistic_regression": [("SGD", {"lr": 0.01})],
    "lecture07_multi_dim": [("SGD", {"lr": 0.1})],
    "lecture08_dataloader": [("SGD", {"lr": 0.01})],
    "lecture08_dataloader --titanic": [("SGD", {"lr": 0.1})],
    "lecture09_softmax_mnist": [("SGD", {"lr": 0.01, "momentum": 0.5})],
    "lecture10_cnn": [("SGD", {"lr": 0.01, "momentum": 0.5})],
    "lecture10_cnn --model all": [("SGD", {"lr": 0.01, "momentum": 0.5})] * 2,
    "lecture11_googlenet_resnet": [("SGD", {"lr": 0.01, "momentum": 0.5})] * 2,
    "lecture12_rnn": ADAM,
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
    assert call(*command.split(), "--dry-run")[0] == 0
    assert made == expected


SEEDED = [name for name in DEFAULTS if "seed" in DEFAULTS[name]]


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_gives_other_numbers(call, name):
    """That the same seed gives the same numbers, the snapshots show."""
    options = {"03": ["--landscape", "saddle", "--epochs", 9]}
    options |= {"11": ["--dry-run", "--model", "resnet"]}
    options |= {"12": ["--dry-run", "--model", "rnn"]}
    options |= {"13": ["--dry-run", "--batch-size", 8]}
    command = [name, *options.get(name[7:9], ["--dry-run"]), "--seed"]
    assert table(call(*command, 1)[1]) != table(call(*command, 3)[1])


# ------------------------------------------------------- The numbers of the slides
def numbers(value):
    """All numbers in nested dicts, lists, tuples and texts, in their order."""
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in numbers(part)]
    if isinstance(value, str):
        return [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", value)]
    return [float(value)]


def slide(epochs, losses, accuracies):
    """A printout as the scripts keep it, without the style of its marks."""
    return numbers([dict(zip(epochs, losses)), accuracies])


FOUR = 1, 2, 9, 10  # the epochs that the slides print
SLIDES = {  # script: its constants with numbers of the video, in its order
    "lecture02_linear_model": {"VIDEO_MSE": [18.7, 4.7, 0, 4.7, 18.7]},
    "lecture03_gradient_descent": {
        "VIDEO_W": [1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.5, 1.54, 1.59, 1.62, 1.66],
        "VIDEO_COST": [4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.8, 0.66],
    },
    "lecture04_backprop": {
        "VIDEO_GRAD": [-2.0, -7.840000152587891, -16.228801727294922],
        "VIDEO_PROGRESS": [7.315943717956543, 3.9988, 2.1857, 1.1946, 0.653, 0.3569],
    },
    "lecture05_linear_regression": {
        "VIDEO": [
            *(100, 86, 0.3036523759365082, 90, 0.28656935691833496),
            *(99, 0.2515641450881958),
            *(1.666100263595581, 0.7590328454971313, 7.4234),
            *(1000, 986, 3.594939812501252e-07, 999, 2.977626536448952e-07),
            *(1.9996366500854492, 0.0008257834706455469, 7.9994),
        ],
    },
    "lecture06_logistic_regression": {
        "VIDEO_BCE": [1, 0.2, 1.6094, 1, 0.8, 0.2231, 0, 0.3, 0.3567, 0, 0.7, 1.204],
        "VIDEO_MEAN": [0.8483],
        "VIDEO_W": [1.193],
        "VIDEO_B": [-2.859],
    },
    "lecture07_multi_dim": {
        "VIDEO_FIRST_ROW": [-0.29, 0.49, 0.18, -0.29, 0.0, 0.0, -0.53, -0.03],
    },
    "lecture08_dataloader": {"VIDEO_SIZES": [759, 32, 24]},
    "lecture09_softmax_mnist": {  # 9-43
        "VIDEO": slide(
            FOUR,
            [
                (0.335, 0.154, 0.067),
                (0.048, 0.040, 0.035),
                (0.005, 0.006, 0.007),
                (0.005, 0.005, 0.005),
            ],
            {1: 90, 2: 93, 9: 97, 10: 97},
        ),
        "VIDEO_SCALE": [2000 / 300],
    },
    "lecture10_cnn": {  # 10-63, the printout and the plot
        "VIDEO": [
            *slide(
                FOUR,
                [
                    (0.098, 0.035, 0.025),
                    (0.021, 0.017, 0.015),
                    (0.006, 0.006, 0.007),
                    (0.006, 0.006, 0.006),
                ],
                {0: 6.37, 1: 96.05, 2: 97.09, 9: 98.57, 10: 98.69},
            ),
            *(1, 97.07, 2, 97.77, 3, 98.23, 4, 98.49, 5, 98.55),
            *(6, 98.68, 7, 98.56, 8, 98.53, 9, 98.87, 10, 98.98),
        ],
        "VIDEO_SCALE": [2000 / 300],
    },
    "lecture11_googlenet_resnet": {  # 11-26 and 11-39; epochs 3 to 8 off their plots
        "VIDEO": [
            *slide(
                FOUR,
                [
                    (0.141, 0.031, 0.020),
                    (0.015, 0.014, 0.012),
                    (0.005, 0.005, 0.005),
                    (0.005, 0.005, 0.005),
                ],
                [0, 9.82, 1, 95.54, 2, 97.93, 3, 98.35, 4, 98.43, 5, 98.61]
                + [6, 98.80, 7, 98.91, 8, 98.84, 9, 98.88, 10, 98.66],
            ),
            *slide(
                FOUR,
                [
                    (0.074, 0.021, 0.017),
                    (0.013, 0.011, 0.011),
                    (0.003, 0.004, 0.004),
                    (0.003, 0.003, 0.004),
                ],
                [0, 9.16, 1, 97.36, 2, 98.31, 3, 98.72, 4, 98.72, 5, 98.90]
                + [6, 98.79, 7, 99.07, 8, 98.96, 9, 99.00, 10, 99.01],
            ),
        ],
        "VIDEO_SCALE": [2000 / 300],
    },
    "lecture12_rnn": {},
    "lecture13_gru_classifier": {  # 13-92
        "VIDEO_CURVE": [
            *(58.2, 67.8, 72.4, 76.0, 78.1, 79.3, 80.4, 81.3, 82.3, 82.3),
            *(83.1, 83.0, 83.9, 84.1, 84.3, 84.8, 84.7, 85.0, 85.0, 85.2),
            *(85.0, 85.3, 84.8, 85.1, 84.8, 84.6, 84.8, 84.9, 84.5, 84.5),
            *(84.5, 84.5, 84.3, 84.3, 84.1, 84.1, 84.0, 84.0, 83.7, 84.1),
            *(83.8, 84.4, 84.0, 84.1, 84.1, 84.1, 84.1, 84.0, 84.2, 84.0),
            *(83.6, 83.9, 84.0, 83.9, 84.0, 84.0, 84.0, 84.1, 84.0, 83.7),
            *(83.9, 84.1, 84.2, 83.8, 83.8, 84.3, 84.1, 84.2, 83.8, 83.9),
            *(83.9, 83.9, 84.0, 83.9, 84.0, 84.0, 84.1, 84.1, 84.0, 84.0),
            *(83.9, 84.1, 83.9, 83.9, 83.7, 83.9, 84.0, 83.9, 84.1, 83.9),
            *(83.8, 83.9, 83.6, 84.0, 84.1, 83.9, 83.7, 84.2, 84.0, 83.9),
        ],
        "VIDEO_BEST": [22],
    },
}


def constants(name):
    """{name: value} of a script's constants with numbers of the video."""
    found = vars(importlib.import_module(name)).items()
    return {key: value for key, value in found if key.startswith("VIDEO")}


@pytest.mark.parametrize("name", SLIDES)
def test_numbers_of_the_slides(name):
    found = constants(name)
    found.pop("VIDEO_INIT", None)  # computed: test_numbers.py sees what it leads to
    assert found.keys() == SLIDES[name].keys()
    for key, value in found.items():
        if name in MNIST and key == "VIDEO":  # (style of the marks, losses, accuracies)
            value = [list(run[1:]) for run in value.values()]
        assert numbers(value) == numbers(SLIDES[name][key]), key


def test_every_lecture_has_its_slides_here():
    assert SLIDES.keys() == DEFAULTS.keys()


def test_video_rescaling(call):
    """[1, 300] 0.335 on the slide is a mean of 2.233, near log(10): untrained."""
    rows = table(call(MNIST[0], "--dry-run")[1])
    assert rows["softmax epoch 1: loss"][1] == "2.233 1.027 0.447"
    rows = table(call(MNIST[1], "--dry-run")[1])
    assert rows["basic epoch 1: loss"][1] == "0.653 0.233 0.167"
