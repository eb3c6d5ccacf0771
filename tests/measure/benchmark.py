"""Training speed of lectures 9, 10, 11 and 13: script, video's way, bare network.

    python tests/measure/benchmark.py                    # all, ten minutes
    python tests/measure/benchmark.py lecture09 resnet --seconds 60

Each line times an epoch (training and test) of the same network three ways, in one
process and in turn, round after round, and takes the fastest of each. For lectures 9
and 10 a round is a third of an epoch, for lecture 11 a tenth, and its time is taken
three or ten times: rounds of whole epochs would be few, and other work on the machine
would spoil them.

    script  the script's own loaders, train() and test()
    video   lectures 9 to 11: ToTensor and Normalize on every draw, batches of 64,
            contiguous tensors; lecture 13: names from the DataLoader as strings,
            turned into a padded tensor one by one in every batch. The script follows
            the video there, with collate_fn and pad_sequence: about as fast
    bare    the script's network on batches that are already made: nothing but it

"share of bare" is bare / script: 100 % would mean that feeding it costs nothing.
"""

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset, TensorDataset
from torchvision import datasets, transforms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import lecture09_softmax_mnist as lecture09
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11
import lecture13_gru_classifier as lecture13

NETWORKS = {  # name: (script, network)
    "lecture09": (lecture09, lecture09.Net),
    "lecture10": (lecture10, lecture10.Net),
    "googlenet": (lecture11, lecture11.GoogLeNet),
    "resnet": (lecture11, lecture11.ResNet),
}
PARTS = {
    "lecture09": 3,
    "lecture10": 3,
    "googlenet": 10,
    "resnet": 10,
    "lecture13": 1,
}  # rounds an epoch


# ------------------------------------------------------------ Lectures 9 to 11
def video_loaders(root, sizes):
    """The video's loaders: PIL image, ToTensor and Normalize for every sample.

    sizes: how many training and test images.
    """
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    loaders = []
    for train, size in zip((True, False), sizes):
        dataset = datasets.MNIST(root, train=train, download=True, transform=transform)
        part = Subset(dataset, range(size))
        loaders.append(DataLoader(part, batch_size=64, shuffle=train))
    return loaders


def mnist_epoch(script, make_network, loaders):
    """One epoch of training and test of a new network."""
    model = make_network()
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    train_loader, test_loader = loaders
    script.train(model, "cpu", train_loader, criterion, optimizer, 0)
    script.test(model, "cpu", test_loader)


def mnist_ways(name, root, parts):
    """The arguments of mnist_epoch for script, video and bare."""
    script, network = NETWORKS[name]
    sizes = [len(part) // PARTS[name] for part in parts]
    train_set, test_set = (TensorDataset(*p[:size]) for p, size in zip(parts, sizes))
    own = (
        DataLoader(train_set, batch_size=64, shuffle=True),
        DataLoader(test_set, batch_size=500),
    )
    video = video_loaders(root, sizes)
    ready = [list(loader) for loader in own]

    def contiguous():
        return network().to(memory_format=torch.contiguous_format)

    ways = (network, own), (contiguous, video), (network, ready)
    return [(mnist_epoch, script, *way) for way in ways]


# ------------------------------------------------------------------ Lecture 13
def video_tensors(names, countries):
    """The video's way: a batch of strings to (seqs, lengths, labels), name by name."""
    codes = [[ord(c) for c in name] for name in names]
    lengths = torch.LongTensor([len(name) for name in codes])
    seqs = torch.zeros(len(names), lengths.max()).long()
    for i, (name, length) in enumerate(zip(codes, lengths)):
        seqs[i, :length] = torch.LongTensor(name)
    lengths, order = lengths.sort(dim=0, descending=True)
    return seqs[order], lengths, torch.as_tensor(countries)[order]


class VideoLoader:
    """A DataLoader that gives names as they are; each batch becomes tensors then."""

    def __init__(self, names, shuffle):
        numbers = [names.country_dict[country] for country in names.countries]
        self.dataset = list(zip(names.names, numbers))
        self.loader = DataLoader(self.dataset, batch_size=256, shuffle=shuffle)

    def __iter__(self):
        for names, countries in self.loader:
            yield video_tensors(names, countries)

    def __len__(self):
        return len(self.loader)


class ReadyLoader:
    """Batches that are already made."""

    def __init__(self, loader):
        self.dataset = loader.dataset
        self.batches = list(loader)

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def names_epoch(train_loader, test_loader):
    """One epoch of training and test of a new classifier."""
    model = lecture13.RNNClassifier(128, 100, 18, n_layers=2)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    begin = time.time()
    lecture13.train(model, "cpu", train_loader, criterion, optimizer, 1, begin)
    lecture13.test(model, "cpu", test_loader)


def names_ways():
    """names_epoch and its loaders for script, video and bare."""
    train_set = lecture13.NameDataset(ROOT / "data" / "names_train.csv.gz")
    test_set = lecture13.NameDataset(ROOT / "data" / "names_test.csv.gz")
    collate = lecture13.make_tensors
    own = (
        DataLoader(train_set, batch_size=256, shuffle=True, collate_fn=collate),
        DataLoader(test_set, batch_size=256, collate_fn=collate),
    )
    video = VideoLoader(train_set, True), VideoLoader(test_set, False)
    bare = ReadyLoader(own[0]), ReadyLoader(own[1])
    return [(names_epoch, *own), (names_epoch, *video), (names_epoch, *bare)]


# ---------------------------------------------------------------- Measurement
def measure(ways, budget):
    """The fastest time of each way; at least two rounds, more within the budget (s)."""
    best, rounds, begin = [float("inf")] * len(ways), 0, time.perf_counter()
    while rounds < 2 or time.perf_counter() - begin < budget * rounds / (rounds + 1):
        for i, (run, *arguments) in enumerate(ways):
            torch.manual_seed(0)
            with contextlib.redirect_stdout(io.StringIO()):
                start = time.perf_counter()
                run(*arguments)
                best[i] = min(best[i], time.perf_counter() - start)
        rounds += 1
    return *best, rounds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=120, help="per network [120]")
    args = parser.parse_args()
    names = args.names or list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"unknown: {', '.join(unknown)}")

    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    head = f"{'script':>8} {'video':>8} {'bare':>8}   times the video   share of bare"
    print(f"{'seconds an epoch':16} {head}   rounds")
    with tempfile.TemporaryDirectory() as root:
        packed = shutil.ignore_patterns("*-ubyte")
        shutil.copytree(ROOT / "data" / "MNIST", Path(root, "MNIST"), ignore=packed)
        parts = lecture09.load_mnist(Path(root))
        for name in names:
            with contextlib.redirect_stdout(io.StringIO()):
                if name == "lecture13":
                    ways = names_ways()
                else:
                    ways = mnist_ways(name, root, parts)
            *best, rounds = measure(ways, args.seconds)
            ours, theirs, bare = (PARTS[name] * seconds for seconds in best)
            times = f"{theirs / ours:14.2f}x {100 * bare / ours:14.1f} % {rounds:8}"
            print(
                f"{name:16} {ours:8.2f} {theirs:8.2f} {bare:8.2f} {times}", flush=True
            )


if __name__ == "__main__":
    main()
