"""Lectures 9 to 11: worked numbers, shapes, the normalised data, faults of the files."""

import random
import shutil

import numpy as np
import pytest
import torch
from conftest import ROOT, check_line, table
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset
from torchvision import datasets, transforms

import lecture09_softmax_mnist as lecture09
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11

DATA = ROOT / "data"


def test_tensors_equal_the_videos_transform(mnist, tmp_path):
    shutil.copytree(DATA / "MNIST", tmp_path / "MNIST")
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    for train, part in zip((True, False), mnist, strict=True):
        x, y = part.tensors
        dataset = datasets.MNIST(tmp_path, train, transform, download=True)
        assert x.shape == (len(dataset), 1, 28, 28) and y.dtype == torch.int64
        for i in random.Random(0).sample(range(len(dataset)), 200):
            image, label = dataset[i]
            assert (x[i] - image).abs().max() <= 1e-6
            assert y[i] == label
    images = mnist[0].tensors[0]
    assert abs(images.mean()) < 1e-3 and abs(images.std() - 1) < 1e-3


@pytest.mark.parametrize("module", [lecture09, lecture10, lecture11])
def test_batches_are_those_of_the_seed(call, monkeypatch, module):
    """Every image once, newly ordered; the order is a seed's since the first version.

    That one cut whole batches out of the tensors with a BatchSampler.
    """
    seen = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        seen.append(train_loader)
        return [(epoch + 1, 1.0)]

    monkeypatch.setattr(module, "train", train)
    assert call(module.__name__, "--dry-run", "--batch-size", 100)[0] == 0
    loader = seen[0]
    torch.manual_seed(5)
    batches, again = list(loader), list(loader)
    order = BatchSampler(RandomSampler(loader.dataset), 100, drop_last=False)
    torch.manual_seed(5)
    for whole, (x, y) in zip(
        DataLoader(loader.dataset, sampler=order, batch_size=None), batches, strict=True
    ):
        assert torch.equal(whole[0], x) and torch.equal(whole[1], y)
    assert [len(y) for _, y in batches] == [100, 100, 56]
    images, labels = loader.dataset.tensors
    sums = torch.cat([x for x, _ in batches]).sum(dim=(1, 2, 3)).sort().values
    assert torch.equal(sums, images.sum(dim=(1, 2, 3)).sort().values)
    assert not torch.equal(torch.cat([y for _, y in batches]), labels)
    assert not torch.equal(batches[0][1], again[0][1])


@pytest.mark.parametrize("module", [lecture09, lecture10, lecture11])
def test_training_is_the_videos(call, monkeypatch, module):
    """Adam or another batch size would print other numbers; here it has a name."""
    seen = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        seen.append((train_loader.batch_size, criterion, optimizer))
        contiguous = all(p.is_contiguous() for p in model.parameters())
        assert contiguous == (module is lecture09)  # channels_last in 10 and 11
        return [(epoch + 1, 1.0)]

    monkeypatch.setattr(module, "train", train)
    assert call(module.__name__, "--dry-run", "--device", "cpu")[0] == 0
    for batch_size, criterion, optimizer in seen:
        assert batch_size == 64 and type(criterion) is torch.nn.CrossEntropyLoss
        assert type(optimizer) is torch.optim.SGD
        assert optimizer.defaults["lr"] == 0.01
        assert optimizer.defaults["momentum"] == 0.5


def test_09_worked_numbers(call):
    rows = table(call("lecture09_softmax_mnist", "--dry-run")[1])
    for name in ("softmax of 0.2, 0.1, -0.1", "its loss, y = [1, 0, 0]"):
        ours, video = rows[name]
        assert ours == video.removesuffix(" (computed)")
    assert rows["cross-entropy, batch 1"] == ("0.4966", "0.4966")
    assert rows["cross-entropy, batch 2"] == ("1.2389", "1.2389")


def test_09_cross_entropy_three_ways():
    torch.manual_seed(0)
    z, y = torch.randn(7, 5), torch.randint(5, (7,))
    hand = lecture09.cross_entropy(z.numpy(), y.numpy())
    assert hand == pytest.approx(torch.nn.CrossEntropyLoss()(z, y).item(), rel=1e-5)


def test_09_cross_entropy_of_large_outputs():
    """exp(1000) is too large for a float: the maximum is subtracted first."""
    z = np.array([[1000.0, 0.0, 0.0], [0.0, 2000.0, 0.0]])
    with np.errstate(over="raise", invalid="raise"):
        assert lecture09.cross_entropy(z, [0, 1]) == 0


def test_loss_lines_are_means_and_accuracy_counts(capsys):
    """A network that never learns: the mean loss of every batch is log(10)."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    torch.nn.init.zeros_(model[1].weight)
    torch.nn.init.zeros_(model[1].bias)
    x, y = torch.zeros(600, 1, 28, 28), torch.arange(600) % 10
    loader = DataLoader(TensorDataset(x, y))
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-8, momentum=0.5)
    losses = lecture09.train(model, "cpu", loader, criterion, optimizer, 0)
    assert [mean for _, mean in losses] == pytest.approx([np.log(10)] * 2)
    assert [place for place, _ in losses] == pytest.approx([0.5, 1])
    assert lecture09.test(model, "cpu", loader) == (60, 600)
    out = capsys.readouterr().out
    assert "[1,   300] loss: 2.303" in out
    assert "Accuracy on test set: 10 % [60/600]" in out


def test_10_convolution_examples(call):
    out = " ".join(call("lecture10_cnn", "--dry-run")[1].split())
    assert "(1, 10, 98, 98), weight (10, 5, 3, 3)" in out
    assert "no padding 211 295 262 259 282 214 251 253 169 5x5" in out
    padded = "91 168 224 215 127 114 211 295 262 149 192 259 282 214 122"
    assert f"padding 1 {padded} 194 251 253 169 86 96 112 110 68 31 5x5" in out
    assert "stride 2 211 262 251 169 max-pooling 2x2 of its top left 4x4 4 8 9 8" in out
    assert "MaxPool2d (1, 20, 8, 8) -> (1, 20, 4, 4)" in out


NETWORKS = {"softmax": lecture09.Net, **lecture10.NETWORKS, **lecture11.NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    torch.manual_seed(0)
    model = NETWORKS[name]()
    outputs = model(torch.randn(3, 1, 28, 28))
    assert outputs.shape == (3, 10)
    outputs.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_11_blocks():
    x = torch.randn(2, 10, 7, 9)
    inception = lecture11.InceptionA(10)(x)
    assert inception.shape == (2, 88, 7, 9)
    for block in (lecture11.ResidualBlock(10), lecture11.PreActBlock(10)):
        assert block(x).shape == x.shape
    dense = lecture11.DenseBlock(10, growth=5, layers=4)(x)
    assert dense.shape == (2, 30, 7, 9)
    assert torch.equal(dense[:, :10], x)  # the input itself is kept


def test_11_shortcuts():
    """With the last convolution at zero a block is relu(x), or x itself."""
    x = torch.randn(2, 10, 7, 9)
    plain, preact = lecture11.ResidualBlock(10), lecture11.PreActBlock(10)
    for block in (plain, preact):
        torch.nn.init.zeros_(block.conv2.weight)
        torch.nn.init.zeros_(block.conv2.bias)
    assert torch.equal(plain(x), torch.relu(x))
    assert torch.equal(preact(x), x)


def test_11_1x1_convolution():
    """Slides 11-5 to 11-13: a sum of three channels, and what it saves."""
    rows = {name: (ours, video) for name, ours, video in lecture11.explain_1x1()}
    for row in (1, 2, 3):
        ours, video = rows[f"1x1 over 3 channels, row {row}"]
        assert ours == video
    assert rows["5x5, 192 to 32: multiplications"] == ("120,422,400", "120,422,400")
    assert rows["1x1 to 16 first"][0] == "12,443,648"
    layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    x = torch.zeros(1, 1, 28, 28)
    assert lecture11.multiplications(layers, x) == 7840


def write_otto(file, rows=120, columns=93):
    """A file of the form of Kaggle's: the class shows in which feature counts."""
    names = ["id", *(f"feat_{i}" for i in range(1, columns + 1)), "target"]
    lines = [",".join(names)]
    for i in range(rows):
        label = i % 9
        counts = [(20 if column == label else i % 2) for column in range(columns)]
        lines.append(",".join(map(str, [i + 1, *counts, f"Class_{label + 1}"])))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_09_otto_counts(tmp_path):
    """log(1 + x) of the counts, labels from 0; blank lines and a BOM are no rows."""
    file = tmp_path / "train.csv"
    write_otto(file, rows=12)
    text = file.read_text(encoding="utf-8").replace("\n", "\n\n")
    file.write_text("\ufeff" + text, encoding="utf-8")
    x, y = lecture09.load_otto(file)[:]
    assert x.shape == (12, 93) and y.tolist() == [i % 9 for i in range(12)]
    assert x[0, 0].item() == pytest.approx(np.log(21))
    assert x[1].unique().tolist() == pytest.approx([np.log(2), np.log(21)])


def test_09_otto_holds_a_fifth_back(call, tmp_path, monkeypatch):
    file = tmp_path / "train.csv"
    write_otto(file, rows=64)
    sizes = []

    def train(model, device, train_loader, criterion, optimizer, epoch):
        sizes.append(len(train_loader.dataset))
        return [(epoch + 1, 1.0)]

    monkeypatch.setattr(lecture09, "train", train)
    out = call("lecture09_softmax_mnist", "--otto", file, "--epochs", 1)[1]
    assert sizes == [52] and "/12]" in table(out)["otto epoch 1: accuracy"][0]


def test_09_otto(call, tmp_path):
    file = tmp_path / "train.csv"
    write_otto(file, rows=1800)
    options = ["--otto", file, "--lr", 0.1]
    status, out, err = call("lecture09_softmax_mnist", *options)
    assert (status, err) == (0, "")
    rows = table(out)
    assert float(rows["otto epoch 10: accuracy"][0].split()[0]) > 95
    assert "/360]" in rows["otto epoch 10: accuracy"][0]
    assert float(rows["otto: held-out log loss"][0]) < 0.3


def test_09_otto_wrong_files(call, tmp_path):
    file = tmp_path / "train.csv"
    options = ["--otto", file]
    status, _, err = call("lecture09_softmax_mnist", *options)
    assert status == 1 and err == f"{file}: No such file or directory\n"
    for make in (
        lambda: file.write_text("", encoding="utf-8"),
        lambda: file.write_text("a,b\n1,2\n", encoding="utf-8"),
        lambda: write_otto(file, columns=92),
        lambda: write_otto(file, rows=0),
        lambda: file.write_bytes(bytes(range(256))),
    ):
        make()
        status, _, err = call("lecture09_softmax_mnist", *options)
        assert status == 1 and len(err.splitlines()) == 1
        assert str(file) in err and "--otto takes Kaggle's train.csv" in err
    assert call("lecture09_softmax_mnist", "--otto")[0] == 2


@pytest.mark.parametrize("count", ["nan", "inf", "-1", "1e30", "many", ""])
def test_09_otto_wrong_counts(call, tmp_path, count):
    """One line, with the line's number: a nan would only show as a nan loss."""
    file = tmp_path / "train.csv"
    write_otto(file, rows=12)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace(",0,", f",{count},", 1)
    file.write_text("\n".join(lines), encoding="utf-8")
    result = call("lecture09_softmax_mnist", "--otto", file)
    check_line(result, 1, f"{file}, line 4", "--otto takes Kaggle's train.csv")


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(DATA / "MNIST" / "raw", tmp_path / "data" / "MNIST" / "raw")
    return tmp_path / "data" / "MNIST" / "raw"


SCRIPTS = ["lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"]


@pytest.mark.parametrize("fault", ["truncated", "foreign"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_bad_archive(call, copy, script, fault):
    file = copy / "train-images-idx3-ubyte.gz"
    if fault == "truncated":
        file.write_bytes(file.read_bytes()[:5_000_000])
    else:
        shutil.copy(copy / "t10k-images-idx3-ubyte.gz", file)
    status, out, err = call(script, "--data-dir", copy.parent.parent)
    assert status == 1 and len(err.splitlines()) == 1
    assert str(file) in err and "git checkout -- data/MNIST" in err
    assert "Downloading" not in out


def test_truncated_raw_file_does_no_harm(call, copy):
    """Left by an interrupted unpacking, of whatever program."""
    (copy / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    options = "--dry-run", "--data-dir", copy.parent.parent
    status, out, err = call("lecture10_cnn", *options)
    assert (status, err) == (0, "") and "plot saved" in out


def test_data_folder_is_only_read(call, copy):
    """So a read-only clone works, and two lectures at once do not meet."""
    before = sorted((file.name, file.stat().st_mtime) for file in copy.iterdir())
    copy.chmod(0o555)
    options = "--dry-run", "--data-dir", copy.parent.parent
    try:
        status, _, err = call("lecture09_softmax_mnist", *options)
    finally:
        copy.chmod(0o755)
    assert (status, err) == (0, "")
    after = sorted((file.name, file.stat().st_mtime) for file in copy.iterdir())
    assert after == before
