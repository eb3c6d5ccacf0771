"""Other people's ways: learners' own programs run beside this folder's data, offline.

Each program stands in a folder with a copy of data/ in it, and trains a tiny epoch. What
cannot work says why, in the words that data/README.md quotes.
"""

import gzip
import re
import runpy
import shutil
import urllib.request

import pytest
import torch
from conftest import DATA, data_copy, load_mnist

README = (DATA / "README.md").read_text(encoding="utf-8")


def copy_csv(folder, unpacked=False):
    """The .csv.gz files in a folder data, or what `gzip -d` leaves of them."""
    (folder / "data").mkdir()
    for file in DATA.glob("*.csv.gz"):
        if unpacked:
            text = gzip.decompress(file.read_bytes())
            (folder / "data" / file.stem).write_bytes(text)
        else:
            shutil.copyfile(file, folder / "data" / file.name)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """program(text) runs it without a network, in tmp_path or where it is told: names."""

    def urlopen(*request, **options):
        raise urllib.request.URLError("there is no network here")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)

    def start(text, folder=tmp_path):
        monkeypatch.chdir(folder)
        torch.manual_seed(0)
        file = tmp_path / "my_own.py"
        file.write_text(text, encoding="utf-8")
        return runpy.run_path(str(file))

    return start


# ------------------------------------------------------------------------------ Names
EMBEDDED = """
import csv, gzip, string
import torch
from torch.utils.data import Dataset, DataLoader

all_letters = string.ascii_letters + " .,;'"

class Names(Dataset):
    def __init__(self, path):
        with gzip.open(path, "rt") as f:
            self.rows = list(csv.reader(f))
        self.countries = sorted({row[1] for row in self.rows})
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        name, country = self.rows[i]
        code = [all_letters.find(letter) + 1 for letter in name]
        assert min(code) > 0
        return torch.tensor(code + [0] * (30 - len(code))), self.countries.index(country)

class Classifier(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.emb = torch.nn.Embedding(len(all_letters) + 1, 16)
        self.gru = torch.nn.GRU(16, 32, batch_first=True)
        self.fc = torch.nn.Linear(32, n)
    def forward(self, x):
        out, h = self.gru(self.emb(x))
        return self.fc(h[-1])

dataset = Names("data/names_train.csv.gz")
model = Classifier(len(dataset.countries))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
losses = []
for x, y in DataLoader(dataset, batch_size=512, shuffle=True):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if len(losses) == 12:
        break
"""
ONE_HOT = """
import csv, gzip, random, string
import torch

letters = string.ascii_letters + " .,;'"

def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, len(letters))
    for i, letter in enumerate(line):
        tensor[i][0][letters.index(letter)] = 1
    return tensor

with gzip.open("data/names_train.csv.gz", "rt") as f:
    rows = list(csv.reader(f))
random.seed(0)
random.shuffle(rows)
countries = sorted({row[1] for row in rows})
rnn = torch.nn.RNN(len(letters), 32)
fc = torch.nn.Linear(32, len(countries))
optimizer = torch.optim.SGD([*rnn.parameters(), *fc.parameters()], lr=0.01)
losses = []
for name, country in rows[:300]:
    _, hidden = rnn(line_to_tensor(name))
    target = torch.tensor([countries.index(country)])
    loss = torch.nn.functional.cross_entropy(fc(hidden[-1]), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""


@pytest.mark.parametrize("text", [EMBEDDED, ONE_HOT], ids=["find", "one-hot"])
def test_names_by_the_alphabet_of_57(program, tmp_path, text):
    copy_csv(tmp_path)
    ran = program(text)
    assert len(ran["countries"] if text is ONE_HOT else ran["dataset"].countries) == 18
    losses = torch.tensor(ran["losses"])
    assert losses.isfinite().all() and losses[-5:].mean() < losses[:5].mean()


# ------------------------------------------------------------------- Unpacked by hand
UNPACKED = """
import csv
import numpy as np
import torch

xy = np.loadtxt("./data/diabetes.csv", delimiter=",", dtype=np.float32)
x, y = torch.from_numpy(xy[:, :-1]), torch.from_numpy(xy[:, [-1]])
model = torch.nn.Sequential(torch.nn.Linear(8, 1), torch.nn.Sigmoid())
loss = torch.nn.BCELoss()(model(x), y)
loss.backward()
with open("./data/names_train.csv") as f:
    rows = list(csv.reader(f))
"""


def test_data_unpacked_by_hand(program, tmp_path):
    """gzip -d, then np.loadtxt and a plain open()."""
    copy_csv(tmp_path, unpacked=True)
    ran = program(UNPACKED)
    assert ran["x"].shape == (759, 8) and ran["loss"] < 1
    assert len(ran["rows"]) == 13374 and {len(row) for row in ran["rows"]} == {2}


# ------------------------------------------------------------------------------ MNIST
CNN = """
import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 10, 5)
        self.pool = torch.nn.MaxPool2d(4)
        self.fc = torch.nn.Linear(360, 10)
    def forward(self, x):
        batch_size = x.size(0)
        x = torch.relu(self.pool(self.conv(x)))
        x = x.view(batch_size, -1)
        return self.fc(x)

train_set = datasets.MNIST(ROOT, train=True, download=DOWNLOAD, transform=TRANSFORM)
test_set = datasets.MNIST(ROOT, train=False, download=DOWNLOAD, transform=TRANSFORM)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
losses = []
for x, y in DataLoader(Subset(train_set, range(1024)), batch_size=32):
    loss = torch.nn.CrossEntropyLoss()(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""
TO_TENSOR = "transforms.ToTensor()"
BOTH = f"transforms.Compose([{TO_TENSOR}, transforms.Normalize((0.1307,), (0.3081,))])"


def cnn(root="./data", download=True, transform=TO_TENSOR):
    text = CNN.replace("ROOT", f"root={root!r}").replace("DOWNLOAD", str(download))
    return text.replace("TRANSFORM", transform)


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("transform", [TO_TENSOR, BOTH], ids=["ToTensor", "both"])
def test_mnist(program, transform, download):
    """download=False after a first run of a script, which has unpacked the archives."""
    load_mnist()
    ran = program(cnn("./data", download, transform), data_copy().parent)
    assert (len(ran["train_set"]), len(ran["test_set"])) == (60000, 10000)
    assert ran["losses"][0] > 2 and ran["losses"][-1] < 1.8


def test_mnist_without_a_first_run(program, tmp_path):
    """download=True unpacks a fresh copy and asks no network."""
    shutil.copytree(DATA / "MNIST", tmp_path / "data" / "MNIST", ignore=no_unpacked)
    assert program(cnn())["losses"]


def no_unpacked(folder, names):
    return [name for name in names if name.endswith("-ubyte")]


# -------------------------------------------------------------- What cannot work says so
def test_not_unpacked_and_no_download(program, tmp_path):
    shutil.copytree(DATA / "MNIST", tmp_path / "data" / "MNIST", ignore=no_unpacked)
    message = "Dataset not found. You can use download=True to download it"
    assert message in README
    with pytest.raises(RuntimeError, match=re.escape(message)):
        program(cnn(download=False))


@pytest.mark.parametrize("download", [True, False])
def test_a_folder_too_deep(program, tmp_path, download):
    """torchvision adds MNIST/raw by itself: it looks in data/MNIST/MNIST/raw."""
    shutil.copytree(DATA / "MNIST", tmp_path / "data" / "MNIST", ignore=no_unpacked)
    message = "Dataset not found. You can use download=True"
    if download:
        message = "Error downloading train-images-idx3-ubyte.gz"
    assert message in README and 'root="./data/MNIST"' in README
    with pytest.raises(RuntimeError, match=re.escape(message)):
        program(cnn("./data/MNIST", download))


def test_plain_open_on_a_packed_file(program, tmp_path):
    copy_csv(tmp_path)
    message = "can't decode byte 0x8b in position 1"
    assert message in README
    with pytest.raises(UnicodeDecodeError, match=message):
        program('open("data/names_train.csv.gz", encoding="utf-8").read()')
