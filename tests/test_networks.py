"""What the networks of lectures 9 to 13 are made of, and the tensors that they get."""

import gzip
import random

import pytest
import torch
import torch.nn.functional as F
from conftest import DATA, data_copy
from torch import nn
from torchvision import datasets, transforms

import lecture09_softmax_mnist as lecture09
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11
import lecture13_gru_classifier as lecture13

NETWORKS = {"softmax": lecture09.Net, **lecture10.NETWORKS, **lecture11.NETWORKS}


def test_mnist_equals_the_videos_transform(mnist):
    """ToTensor and Normalize, once for all images: the numbers of the video's lines."""
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    for train, part in zip((True, False), mnist, strict=True):
        x, y = part.tensors
        dataset = datasets.MNIST(data_copy(), train, transform, download=True)
        assert x.shape == (len(dataset), 1, 28, 28) and y.dtype == torch.int64
        for i in random.Random(0).sample(range(len(dataset)), 200):
            image, label = dataset[i]
            assert (x[i] - image).abs().max() <= 1e-6
            assert y[i] == label


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    torch.manual_seed(0)
    model = NETWORKS[name]()
    outputs = model(torch.randn(3, 1, 28, 28))
    assert outputs.shape == (3, 10)
    outputs.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    normalised = any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert normalised == (name == "densenet")


def test_10_deep_has_three_linear_layers():
    """Slide 10-64's text, not its picture; no activation between them."""
    layers = [type(layer).__name__ for layer in lecture10.DeepNet().children()]
    assert layers.count("Linear") == layers.count("Conv2d") == 3


# ------------------------------------------------- A learner's own, as on the slides
class OwnNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5)
        self.conv2 = nn.Conv2d(8, 12, kernel_size=5)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(192, 10)

    def forward(self, x):
        batch_size = x.size(0)
        x = F.relu(self.mp(self.conv1(x)))
        x = F.relu(self.mp(self.conv2(x)))
        x = x.view(batch_size, -1)
        return self.fc(x)


class OwnInception(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.one = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.five1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.five2 = nn.Conv2d(16, 24, kernel_size=5, padding=2)
        self.three1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.three2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.three3 = nn.Conv2d(24, 24, kernel_size=3, padding=1)
        self.pool = nn.Conv2d(in_channels, 24, kernel_size=1)

    def forward(self, x):
        one = self.one(x)
        five = self.five2(self.five1(x))
        three = self.three3(self.three2(self.three1(x)))
        pool = self.pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([one, five, three, pool], dim=1)


class OwnResidual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        return F.relu(x + self.conv(x))


@pytest.mark.parametrize(
    ("lecture", "network"),
    [
        (lecture10, OwnNet),
        (lecture11, OwnNet),
        (lecture11, lambda: lecture11.GoogLeNet(block=OwnInception)),
        (lecture11, lambda: lecture11.ResNet(OwnResidual)),
    ],
    ids=["10-net", "11-net", "11-inception", "11-residual"],
)
def test_own_network_trains(call, monkeypatch, lecture, network):
    """One row in NETWORKS, and --model takes it."""
    monkeypatch.setitem(lecture.NETWORKS, "mine", network)
    result = call(f"{lecture.__name__} --model mine --dry-run")
    assert result.status == 0
    torch.manual_seed(0)
    changed = zip(network().parameters(), result.model.parameters(), strict=True)
    assert all(not torch.equal(before, after) for before, after in changed)


# ------------------------------------------------------------------ Lecture 11: blocks
def test_11_blocks():
    x = torch.randn(2, 10, 7, 9)
    assert lecture11.InceptionA(10)(x).shape == (2, 88, 7, 9)
    dense = lecture11.DenseBlock(10, growth=5, layers=4)
    assert dense(x).shape == (2, 30, 7, 9)
    assert torch.equal(dense(x)[:, :10], x)  # the input itself is kept


def test_11_shortcuts():
    """What is left of a block when F(x) is 0: slide 11-40 (b) and (e), and the plain."""
    x = torch.randn(2, 10, 7, 9)
    found = {}
    for name in ("ResidualBlock", "ScalingBlock", "ShortcutBlock"):
        block = getattr(lecture11, name)(10)
        nn.init.zeros_(block.conv2.weight)
        nn.init.zeros_(block.conv2.bias)
        if name == "ShortcutBlock":
            nn.init.zeros_(block.shortcut.weight)
            nn.init.constant_(block.shortcut.bias, 3.0)
        found[name] = block(x)
    assert torch.equal(found["ResidualBlock"], torch.relu(x))
    assert torch.equal(found["ScalingBlock"], torch.relu(0.5 * x))
    assert torch.equal(found["ShortcutBlock"], torch.full_like(x, 3.0))
    scaling = lecture11.ScalingBlock(10)
    plain = lecture11.ResidualBlock(10)
    plain.load_state_dict(scaling.state_dict())
    assert torch.allclose(2 * scaling(x), plain(x), atol=1e-6)


# ------------------------------------------------------------------ Lecture 13: names
def test_13_names_are_of_the_lecturers_form():
    """His sizes of classes; each name once per country, in one part; no junk."""
    both = []
    for part, rows in (("train", 13374), ("test", 6700)):
        text = gzip.decompress((DATA / f"names_{part}.csv.gz").read_bytes())
        lines = text.decode("ascii").splitlines()
        assert len(lines) == rows
        both += [tuple(line[1:-1].split('","')) for line in lines]
    assert len(set(both)) == len(both)
    countries = [country for _, country in both]
    sizes = [countries.count(country) for country in sorted(set(countries))]
    expected = [2000, 268, 519, 297, 3668, 277, 724, 203, 232, 709, 991, 94]
    assert sizes == [*expected, 139, 74, 9408, 100, 298, 73]
    names = {name for name, _ in both}
    assert not names & {"Baronet", "France", "Russia", "King", "Jr"}
    assert all(name[0].isupper() for name in names)


def test_13_make_tensors():
    """Padded with 0, the longest first, names of one length in their order."""
    names = [("Li", 1), ("Smith", 2), ("Wu", 1), ("Jones", 3), ("Ng", 4)]
    batch = [(lecture13.name2list(name), country) for name, country in names]
    seqs, lengths, labels = lecture13.make_tensors(batch)
    assert lengths.tolist() == [5, 5, 2, 2, 2] and labels.tolist() == [2, 3, 1, 1, 4]
    assert seqs.shape == (5, 5) and seqs[2].tolist() == [76, 105, 0, 0, 0]
    assert bytes(seqs[1].tolist()) == b"Jones"


@pytest.mark.parametrize("bidirectional", [True, False])
def test_13_packing_and_join(bidirectional):
    """A padded name in a batch gives what the single name gives, without packing."""
    torch.manual_seed(0)
    model = lecture13.RNNClassifier(128, 6, 18, 2, bidirectional)
    batch = [([70, 71, 72, 73, 74], 0), ([80, 81], 1), ([90, 91, 92], 2)]
    seqs, lengths, target = lecture13.make_tensors(batch)
    assert target.tolist() == [0, 2, 1]
    packed = model(seqs, lengths)
    assert packed.shape == (3, 18)
    for i, length in enumerate(lengths):
        x = model.embedding(seqs[i, :length]).unsqueeze(1)  # (length, 1, 6)
        output, _ = model.gru(x)  # (length, 1, 6 * directions)
        state = output[-1]
        if bidirectional:  # backward ends at the first letter, forward at the last
            state = torch.cat([output[0, :, 6:], output[-1, :, :6]], dim=1)
        assert torch.allclose(model.fc(state)[0], packed[i], atol=1e-6)
