"""Lecture 09 · Softmax classifier (第九讲 多分类问题)

Ten outputs, one per digit: softmax makes them positive and lets them sum to one,
and cross-entropy compares them with the label. MNIST images (N, 1, 28, 28) are
flattened to 784 numbers and go through five linear layers with ReLU between. The
last layer has no activation: CrossEntropyLoss contains the softmax.

    python lecture09_softmax_mnist.py                                # the video
    python lecture09_softmax_mnist.py --dataset otto --csv train.csv # exercise 9-2

The first lines are exercise 9-1: CrossEntropyLoss = LogSoftmax + NLLLoss, by hand
in numpy. The data is on board; no network is needed.
"""

import argparse
import csv
import math
import shutil
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

# Slide 9-43: epoch: three printed losses, and test accuracy in whole percent.
VIDEO_LOSS = {
    1: (0.335, 0.154, 0.067),
    2: (0.048, 0.040, 0.035),
    9: (0.005, 0.006, 0.007),
    10: (0.005, 0.005, 0.005),
}
VIDEO_ACCURACY = {1: 90, 2: 93, 9: 97, 10: 97}
VIDEO_SCALE = 2000 / 300  # the video divides the sum of 300 losses by 2000


# ---------------------------------------------------------------- 1. Dataset
def load_mnist(data_dir):
    """MNIST from data_dir/MNIST/raw: (train_x, train_y, test_x, test_y).

    Images are float32 (60000 or 10000, 1, 28, 28), normalised with the mean and the
    standard deviation of the training set, once and for all instead of at every
    draw. Labels are int64. A damaged archive ends the program with one line.
    """
    raw = Path(data_dir, "MNIST", "raw")
    for name, md5 in datasets.MNIST.resources:
        if not check_integrity(raw / name, md5):
            back = "git checkout -- data/MNIST, or python data/build.py mnist"
            sys.exit(f"{raw / name} is missing or damaged; get it back with: {back}")
    tensors = []
    # Unpacked in a place of its own: it works in a read-only folder and beside
    # another lecture, and an interrupted start leaves no half file behind.
    with tempfile.TemporaryDirectory() as root:
        for name, _ in datasets.MNIST.resources:
            copy = Path(root, "MNIST", "raw", name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(raw / name, copy)
        for train in (True, False):
            dataset = datasets.MNIST(root=root, train=train, download=True)
            images = dataset.data.unsqueeze(1).float().div_(255)  # (N, 28, 28) bytes
            tensors += [images.sub_(0.1307).div_(0.3081), dataset.targets]
    return tensors


def make_loader(x, y, batch_size, shuffle):
    """A DataLoader over tensors that cuts out a whole batch at a time.

    By default a DataLoader draws samples one by one and stacks them; on images that
    are ready in a tensor this stacking would be most of its work.
    """
    dataset = TensorDataset(x, y)
    order = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    batches = BatchSampler(order, batch_size, drop_last=False)
    return DataLoader(dataset, sampler=batches, batch_size=None)


def load_otto(file):
    """Kaggle's Otto train.csv: features (N, 93) and labels 0 to 8 (N,).

    The features are counts, most of them 0 and a few in the hundreds: log(1 + x)
    brings them to one scale. Another file ends the program with one line.
    """
    names = ["id", *(f"feat_{i}" for i in range(1, 94)), "target"]
    classes = [f"Class_{i}" for i in range(1, 10)]
    x, y = [], []
    try:
        with open(file, encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text)
            if next(rows, None) != names:
                raise ValueError("its columns are not id, feat_1 to feat_93, target")
            for row in rows:
                x.append([float(value) for value in row[1:-1]])
                y.append(classes.index(row[-1]))
        x = torch.tensor(x)
        if x.ndim != 2 or x.shape[1] != 93 or len(x) < 10 or x.min() < 0:
            raise ValueError("not at least 10 rows of 93 counts")
    except (OSError, ValueError, csv.Error) as error:
        sys.exit(f"cannot use {file} ({error}); --csv takes Kaggle's Otto train.csv")
    return torch.log1p(x), torch.tensor(y)


# ------------------------------------------------------------------ 2. Model
class Net(torch.nn.Module):
    """Five linear layers with ReLU between: (N, ...) -> (N, outputs)."""

    def __init__(self, inputs=784, outputs=10):
        super().__init__()
        self.inputs = inputs
        self.l1 = torch.nn.Linear(inputs, 512)
        self.l2 = torch.nn.Linear(512, 256)
        self.l3 = torch.nn.Linear(256, 128)
        self.l4 = torch.nn.Linear(128, 64)
        self.l5 = torch.nn.Linear(64, outputs)

    def forward(self, x):
        x = x.view(-1, self.inputs)  # (N, 1, 28, 28) -> (N, 784)
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return self.l5(x)  # no activation: the loss holds the softmax


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Cross-entropy (softmax included) and SGD with momentum 0.5."""
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.5)
    return criterion, optimizer


def cross_entropy(z, y):
    """By hand: mean of -log softmax(z)[label]; z (N, classes), y (N,), in numpy."""
    exp = np.exp(z)
    softmax = exp / exp.sum(axis=1, keepdims=True)
    return -np.log(softmax[range(len(y)), y]).mean()


def explain_softmax():
    """Exercise 9-1 with the numbers of slides 9-16 to 9-21; returns table rows."""
    z = np.array([[0.2, 0.1, -0.1]])
    softmax = np.exp(z[0]) / np.exp(z[0]).sum()
    ours = ", ".join(f"{p:.2f}" for p in softmax)
    rows = [("softmax of 0.2, 0.1, -0.1", ours, "0.38, 0.34, 0.28")]
    rows.append(("its loss, y = [1, 0, 0]", f"{cross_entropy(z, [0]):.4f}", "0.9729"))
    target = [2, 0, 1]
    batches = {
        "0.4966": [[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]],
        "1.2389": [[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]],
    }
    print("Loss of a batch of 3    numpy   CrossEntropyLoss   LogSoftmax + NLLLoss")
    for i, (video, batch) in enumerate(batches.items(), start=1):
        hand = cross_entropy(np.array(batch), target)
        x, y = torch.tensor(batch), torch.tensor(target)
        whole = torch.nn.CrossEntropyLoss()(x, y)
        parts = torch.nn.NLLLoss()(torch.nn.LogSoftmax(dim=1)(x), y)
        print(
            f"    batch {i}            {hand:.4f}   {whole:.4f}             {parts:.4f}"
        )
        rows.append((f"cross-entropy, batch {i}", f"{hand:.4f}", video))
    return rows


# ------------------------------------------------------- 4. Training and test
def train(epoch, model, device, train_loader, criterion, optimizer, history):
    """One epoch; after every 300 batches print and record their mean loss."""
    every = min(300, len(train_loader))
    running_loss = 0.0
    for batch_idx, (inputs, target) in enumerate(train_loader, 0):
        inputs, target = inputs.to(device), target.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()

        running_loss += loss.item()
        if batch_idx % every == every - 1:
            mean = running_loss / every
            print(f"[{epoch + 1}, {batch_idx + 1:5d}] loss: {mean:.3f}")
            if not math.isfinite(mean):
                message = f"the loss is {mean} in epoch {epoch + 1}"
                raise FloatingPointError(f"{message}: try a smaller --lr")
            place = epoch + (batch_idx + 1) / len(train_loader)
            history["loss"].append((place, mean))
            running_loss = 0.0


def test(model, device, test_loader, history):
    """Record and print how many test samples are right; keep the outputs."""
    outputs, labels = [], []
    model.eval()
    with torch.no_grad():
        for inputs, target in test_loader:
            outputs.append(model(inputs.to(device)).cpu())
            labels.append(target)
    model.train()
    history["outputs"], labels = torch.cat(outputs), torch.cat(labels)
    correct = (history["outputs"].argmax(dim=1) == labels).sum().item()
    history["correct"].append(correct)
    total = len(labels)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")


def fit(epochs, model, device, loaders, criterion, optimizer, history):
    """Test before training, then train and test in turn, as in the video."""
    train_loader, test_loader = loaders
    test(model, device, test_loader, history)
    for epoch in range(epochs):
        train(epoch, model, device, train_loader, criterion, optimizer, history)
        test(model, device, test_loader, history)


# ------------------------------------------------------ 5. Inference and plot
def compare(name, history, total, video_loss, video_accuracy):
    """Table rows: losses of the epochs that the video shows, and all accuracies."""
    rows = []
    for epoch, losses in video_loss.items():
        ours = [
            f"{m:.3f}" for place, m in history["loss"] if epoch - 1 < place <= epoch
        ]
        video = [f"{loss * VIDEO_SCALE:.3f}" for loss in losses]
        if ours:
            rows.append(
                (f"{name} epoch {epoch}: loss", " ".join(ours), " ".join(video))
            )
    for epoch, correct in enumerate(history["correct"]):
        ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
        video = video_accuracy.get(epoch)
        shown = "not shown" if video is None else f"{video:g} %"
        when = f"epoch {epoch}" if epoch else "untrained"
        rows.append((f"{name} {when}: accuracy", ours, shown))
    return rows


def draw(title, runs, videos, test_x, test_y):
    """Loss, test accuracy and ten test digits of the last run, wrong ones first.

    runs: {name: history}; videos: {name: (losses, accuracies)} as on the slides.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 1])
    left, right = grid[0].subgridspec(1, 2).subplots()
    lowest = 100
    for i, (name, history) in enumerate(runs.items()):
        if history["loss"]:
            left.plot(*zip(*history["loss"]), f"C{i}", label=f"this run: {name}")
        percent = [100 * correct / len(test_y) for correct in history["correct"]]
        color = f"C{i}" if len(runs) > 1 else "C1"  # test is orange in all lectures
        right.plot(percent, ".-", color=color, label=f"this run: {name}")
        lowest = min([lowest, *percent[1:]])  # the guesses before training left out
    for (name, (losses, accuracies)), mark in zip(videos.items(), ("ko", "k^")):
        label = f"video: {name}" if len(videos) > 1 else "video"
        points = [
            (epoch - 1 + (i + 1) * 300 / 938, loss * VIDEO_SCALE)
            for epoch, triple in losses.items()
            for i, loss in enumerate(triple)
        ]
        left.plot(*zip(*points), mark, ms=4, label=label)
        right.plot(list(accuracies), list(accuracies.values()), mark, ms=4, label=label)
        lowest = min([lowest, *(accuracies[epoch] for epoch in accuracies if epoch)])
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)", ylim=(lowest - 1, 100))
    left.legend()
    right.legend()
    predicted = history["outputs"].argmax(dim=1)
    wrong_first = torch.argsort(predicted == test_y, stable=True)[:10].tolist()
    for i, axes in zip(wrong_first, grid[1].subgridspec(1, 10).subplots()):
        axes.imshow(test_x[i, 0].numpy(), cmap="gray_r")
        color = "black" if predicted[i] == test_y[i] else "red"
        axes.set_title(f"{predicted[i]}, not {test_y[i]}", color=color, fontsize=9)
        if predicted[i] == test_y[i]:
            axes.set_title(f"{predicted[i]}", fontsize=9)
        axes.axis("off")
    figure.suptitle(f"{title} (below: predictions of {name}, wrong ones first in red)")
    return figure


def draw_otto(history, total):
    """Exercise 9-2: loss and accuracy on the held-out rows."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    if history["loss"]:
        left.plot(*zip(*history["loss"]), label="this run: train")
    percent = [100 * correct / total for correct in history["correct"]]
    right.plot(percent, "C1.-", label="this run: held out")
    left.set(xlabel="Epoch", ylabel="Mean loss of 300 batches")
    right.set(xlabel="Epoch", ylabel="Accuracy (%)")
    left.legend()
    right.legend()
    figure.suptitle("Lecture 09 · Otto products, 9 classes")
    return figure


# -------------------------------------------------------------- Command line
def number(kind, above):
    """An argparse type: a number of kind int or float, greater than `above`."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = above
        if not above < value < 1e9:
            word = "whole number" if kind is int else "number"
            need = f"must be a {word} above {above} and below 1e9, not {text!r}"
            raise argparse.ArgumentTypeError(need)
        return value

    return parse


def device(name):
    """An argparse type: a device that works here; "auto": an accelerator or the CPU."""
    if name == "auto":
        found = torch.accelerator.is_available()
        return torch.accelerator.current_accelerator() if found else torch.device("cpu")
    try:
        torch.zeros(1, device=name).item()  # names of absent devices parse as well
        return torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError):
        message = f"{name!r} is not a device of this machine; leave --device out"
        raise argparse.ArgumentTypeError(message) from None


def make_parser():
    """A parser with the options of every lecture; --help is the file's docstring."""
    sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,  # one line of error is enough
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    default = Path("plots", Path(__file__).stem + ".png")
    add("--plot", type=Path, default=default, metavar="FILE", help=f"[{default}]")
    add("--show", action="store_true", help="also open the plot in a window")
    add("--dry-run", action="store_true", help="one tiny epoch, to try the script")
    return parser


def start(args):
    """Set the style of the plot, and find out before training if it can be written."""
    plt.rcParams.update({"axes.grid": True, "grid.alpha": 0.3})
    if not args.show:
        plt.switch_backend("agg")  # draw without a screen
    try:
        if args.plot.suffix.lower() not in (".png", ".pdf", ".svg"):
            raise OSError(None, "its name must end in .png, .pdf or .svg")
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        with args.plot.open("ab") as file:
            new = file.tell() == 0
        if new:
            args.plot.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(f"cannot write {args.plot}: {error.strerror}; see --plot")


def run_training(train, *args):
    """Call train(*args) and return the exit status: 0, 1 or 130.

    1: it raised FloatingPointError (the loss diverged); 130: Ctrl-C.
    What it had recorded by then is kept, and drawn.
    """
    try:
        train(*args)
    except FloatingPointError as error:
        print(f"training stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training interrupted: finished epochs are kept", file=sys.stderr)
        return 130
    return 0


def print_table(slide, rows):
    """Print (name, this run, video) rows, all strings, side by side."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, args):
    """Write the figure to args.plot; with --show also open a window."""
    figure.savefig(args.plot)
    print(f"plot saved to {args.plot}")
    if args.show and plt.get_backend().lower() == "agg":
        print("no window can be opened here: open the file", file=sys.stderr)
    elif args.show:
        plt.show()
    plt.close(figure)


def parse_args(argv):
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=10, metavar="N", help="[10]")
    add("--lr", type=number(float, 0), default=0.01, metavar="X", help="[0.01]")
    add("--batch-size", type=number(int, 0), default=64, metavar="N", help="[64]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    add("--device", type=device, default="auto", metavar="NAME", help="cpu, cuda ...")
    data = Path(__file__).resolve().parent / "data"
    add("--data-dir", type=Path, default=data, metavar="DIR", help="[data]")
    add("--dataset", choices=["mnist", "otto"], default="mnist", help="[mnist]")
    add("--csv", type=Path, metavar="FILE", help="Kaggle's train.csv, for otto")
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    if (args.dataset == "otto") != bool(args.csv):
        parser.error("--dataset otto and --csv FILE go together")
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    torch.manual_seed(args.seed)
    rows = explain_softmax()
    if args.dataset == "mnist":
        train_x, train_y, test_x, test_y = load_mnist(args.data_dir)
        model = Net()
    else:
        x, y = load_otto(args.csv)
        order = torch.randperm(len(x))
        train_rows, test_rows = order[len(x) // 5 :], order[: len(x) // 5]
        train_x, train_y, test_x, test_y = (
            part[rows] for rows in (train_rows, test_rows) for part in (x, y)
        )
        model = Net(inputs=93, outputs=9)
    if args.dry_run:
        train_x, train_y, test_x, test_y = (
            part[:256] for part in (train_x, train_y, test_x, test_y)
        )
    loaders = (
        make_loader(train_x, train_y, args.batch_size, shuffle=True),
        make_loader(test_x, test_y, 500, shuffle=False),
    )
    model.to(args.device)
    criterion, optimizer = construct(model, args.lr)
    history = {"loss": [], "correct": []}
    setting = model, args.device, loaders, criterion, optimizer, history
    status = run_training(fit, args.epochs, *setting)
    if not history["correct"]:
        return status

    if args.dataset == "otto":
        loss = criterion(history["outputs"], test_y).item()
        correct = history["correct"][-1]
        right = f"{100 * correct / len(test_y):.2f} % [{correct}/{len(test_y)}]"
        rows += [("otto: held-out accuracy", right, "no number")]
        rows += [("otto: held-out log loss", f"{loss:.4f}", "no number")]
        print_table("slides 9-16 to 9-21", rows)
        figure = draw_otto(history, len(test_y))
    else:
        rows += compare("softmax", history, len(test_y), VIDEO_LOSS, VIDEO_ACCURACY)
        print_table("slides 9-16 to 9-43", rows)
        print("The video prints sums of 300 losses / 2000: here times 2000/300.")
        videos = {"softmax": (VIDEO_LOSS, VIDEO_ACCURACY)}
        title = "Lecture 09 · Softmax classifier"
        figure = draw(title, {"softmax": history}, videos, test_x, test_y)
    save_plot(figure, args)
    return status


if __name__ == "__main__":
    sys.exit(main())
