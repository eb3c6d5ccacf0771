"""What the networks of lectures 9 to 13 are made of, and the tensors that they get."""

import gzip
import random

import pytest
import torch
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
    assert normalised == (name in ("preact", "densenet"))


def test_10_deep_has_three_linear_layers():
    """Slide 10-64's text, not its picture; no activation between them."""
    layers = [type(layer).__name__ for layer in lecture10.DeepNet().children()]
    assert layers.count("Linear") == layers.count("Conv2d") == 3


class Double(nn.Module):
    """A block of a learner's own."""

    def __init__(self, channels):
        super().__init__()
        self.out_channels = 2 * channels

    def forward(self, x):
        return torch.cat([x, x], dim=1)


def test_11_a_block_of_your_own():
    images = torch.randn(3, 1, 28, 28)
    assert lecture11.GoogLeNet(block=Double)(images).shape == (3, 10)
    assert lecture11.GoogLeNet(block=lecture11.ResidualBlock)(images).shape == (3, 10)
    assert lecture11.GoogLeNet(block=lecture11.DenseBlock)(images).shape == (3, 10)
    assert lecture11.ResNet(block=lambda channels: nn.Identity())(images).shape == (
        3,
        10,
    )


def test_11_blocks():
    x = torch.randn(2, 10, 7, 9)
    inception = lecture11.InceptionA(10)
    assert inception(x).shape == (2, inception.out_channels, 7, 9) == (2, 88, 7, 9)
    dense = lecture11.DenseBlock(10, growth=5, layers=4)
    assert dense(x).shape == (2, dense.out_channels, 7, 9) == (2, 30, 7, 9)
    assert torch.equal(dense(x)[:, :10], x)  # the input itself is kept


def test_11_shortcuts():
    """What is left of a block when F(x) is 0: slide 11-40 (b) and (e), and the plain."""
    x = torch.randn(2, 10, 7, 9)
    found = {}
    for name in ("ResidualBlock", "ScalingBlock", "ShortcutBlock", "PreActBlock"):
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
    assert torch.equal(found["PreActBlock"], x)
    scaling = lecture11.ScalingBlock(10)
    plain = lecture11.ResidualBlock(10)
    plain.load_state_dict(scaling.state_dict())
    assert torch.allclose(2 * scaling(x), plain(x), atol=1e-6)


def test_11_counts_multiplications():
    layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert lecture11.multiplications(layers, torch.zeros(1, 1, 28, 28)) == 7840


# ------------------------------------------------------------------ Lecture 13: names
def rows_of(part):
    """[(name, country)] of a file, by another reader than the script's."""
    text = gzip.decompress((DATA / f"names_{part}.csv.gz").read_bytes()).decode("ascii")
    return [tuple(line[1:-1].split('","')) for line in text.splitlines()]


def test_13_names_are_of_the_lecturers_form():
    """His sizes of classes; each name once per country, in one part; no junk."""
    rows = {part: rows_of(part) for part in ("train", "test")}
    assert [len(part) for part in rows.values()] == [13374, 6700]
    both = [row for part in rows.values() for row in part]
    assert len(set(both)) == len(both)
    countries = [country for _, country in both]
    sizes = [countries.count(country) for country in sorted(set(countries))]
    expected = [2000, 268, 519, 297, 3668, 277, 724, 203, 232, 709, 991, 94]
    assert sizes == [*expected, 139, 74, 9408, 100, 298, 73]
    names = {name for name, _ in both}
    assert not names & {"Baronet", "France", "Russia", "King", "Jr"}
    assert all(name[0].isupper() and " " not in name for name in names)


def test_13_make_tensors():
    """Padded with 0, the longest first, names of one length in their order."""
    batch = [("Li", 1), ("Smith", 2), ("Wu", 1), ("Jones", 3), ("Ng", 4)]
    seqs, lengths, labels = lecture13.make_tensors(batch)
    assert lengths.tolist() == [5, 5, 2, 2, 2] and labels.tolist() == [2, 3, 1, 1, 4]
    assert seqs.shape == (5, 5) and seqs[2].tolist() == [76, 105, 0, 0, 0]
    assert bytes(seqs[1].tolist()) == b"Jones"


@pytest.mark.parametrize("cell", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_13_packing_and_join(cell, bidirectional):
    """A padded name in a batch gives what the single name gives, without packing."""
    torch.manual_seed(0)
    model = lecture13.RNNClassifier(128, 6, 18, bidirectional, getattr(nn, cell))
    batch = [("FGHIJ", 0), ("PQ", 1), ("Z[a", 2)]
    seqs, lengths, target = lecture13.make_tensors(batch)
    assert target.tolist() == [0, 2, 1]
    packed = model(seqs, lengths)
    assert packed.shape == (3, 18)
    for i, length in enumerate(lengths):
        x = model.embedding(seqs[i, :length]).unsqueeze(1)  # (length, 1, 6)
        output, _ = model.rnn(x)  # (length, 1, 6 * directions)
        state = output[-1]
        if bidirectional:  # backward ends at the first letter, forward at the last
            state = torch.cat([output[0, :, 6:], output[-1, :, :6]], dim=1)
        assert torch.allclose(model.fc(state)[0], packed[i], atol=1e-6)
