"""Lecture 09 · Softmax classifier (第九讲 多分类问题)

Ten outputs, one per digit, compete: softmax makes them positive and lets them sum
to one, and cross-entropy compares them with the label. MNIST images (N, 1, 28, 28)
are flattened to 784 numbers and go through five linear layers with ReLU between.
The last layer has no activation: CrossEntropyLoss contains the softmax.

    python lecture09_softmax_mnist.py                    # the video
    python lecture09_softmax_mnist.py --otto train.csv   # exercise 9-2, Kaggle's file

The first lines are exercise 9-1: CrossEntropyLoss = LogSoftmax + NLLLoss, by hand
in numpy. Labels count from 0: the class that slides 9-13 to 9-20 call 1 is 0 in
PyTorch. Two things differ from the video: it does not test before the training, and
tests in batches of 64 (500 here: faster, the same result).
"""

import argparse
import csv
import math
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

if "IPython" not in sys.modules:  # `!python` in a notebook inherits its backend
    os.environ.pop("MPLBACKEND", None)

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

# ---------------------------------------------------------------- 1. Dataset
GET_IT_BACK = (
    "git checkout -- data/MNIST, or python data/build.py mnist, brings it back"
)


def load_mnist(data_dir):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video gives MNIST transform=transforms.Compose([transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,))]), and each image is transformed anew
    in each epoch. Here it happens once: the same numbers, several times as fast.
    """
    parts, raw = [], Path(data_dir, "MNIST", "raw")
    with tempfile.TemporaryDirectory() as root:  # unpacked here: data_dir is only read
        for name, md5 in datasets.MNIST.resources:
            if not check_integrity(raw / name, md5):
                sys.exit(f"{raw / name} is missing or damaged: {GET_IT_BACK}")
            Path(root, "MNIST", "raw").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(raw / name, Path(root, "MNIST", "raw", name))
        for train_part in (True, False):  # download=True unpacks what is there already
            mnist = datasets.MNIST(root, train_part, download=True)
            images = mnist.data.unsqueeze(1).float() / 255  # ToTensor: 0 to 1
            images = (images - 0.1307) / 0.3081  # Normalize: mean 0, deviation 1
            parts.append(TensorDataset(images, mnist.targets))
    return parts


# ------------------------------------------------------------------ 2. Model
class Net(torch.nn.Module):
    """Five linear layers with ReLU between: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.l1 = torch.nn.Linear(784, 512)
        self.l2 = torch.nn.Linear(512, 256)
        self.l3 = torch.nn.Linear(256, 128)
        self.l4 = torch.nn.Linear(128, 64)
        self.l5 = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)  # (N, 1, 28, 28) -> (N, 784); the video: x.view(-1, 784)
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return self.l5(x)  # no activation: the loss holds the softmax


# ------------------------------------------------------- 4. Training and test
def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints and returns [(place, mean loss)] of every 300 batches.

    place counts epochs: 0.32 is the 300th of the first epoch's 938 batches.
    """
    losses, running_loss = [], 0.0
    every = min(300, len(train_loader))  # fewer only in --dry-run
    model.train()
    for batch_idx, (inputs, target) in enumerate(train_loader, 0):
        inputs, target = inputs.to(device), target.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()

        running_loss += loss.item()
        if batch_idx % every == every - 1:
            print(f"[{epoch + 1}, {batch_idx + 1:5d}] loss: {running_loss / every:.3f}")
            place = epoch + (batch_idx + 1) / len(train_loader)
            losses.append((place, running_loss / every))
            running_loss = 0.0
    return losses


def test(model, device, test_loader):
    """Prints and returns the accuracy on the test set: (number right, number)."""
    correct, total = 0, 0
    model.eval()
    with torch.no_grad():  # no graph is built: a test needs no gradients
        for inputs, target in test_loader:
            outputs = model(inputs.to(device))
            predicted = outputs.argmax(dim=1).cpu()  # the largest of ten outputs wins
            correct += (predicted == target).sum().item()
            total += len(target)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")
    return correct, total


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    torch.manual_seed(args.seed)
    if args.otto:
        return otto(args)
    rows = explain_softmax()

    # 1. Dataset
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)

    # 2. Model
    model = Net().to(args.device)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test
    losses, accuracies, status = [], [test(model, args.device, test_loader)], 0
    try:
        for epoch in range(args.epochs):
            losses += train(
                model, args.device, train_loader, criterion, optimizer, epoch
            )
            accuracies.append(test(model, args.device, test_loader))
            if not math.isfinite(losses[-1][1]):  # more epochs do not help
                break
    except KeyboardInterrupt:
        finished = len(accuracies) - 1
        print(f"interrupted: {finished} finished epochs are kept", file=sys.stderr)
        status = 130

    # 5. Inference and plot
    rows += compare("softmax", losses, accuracies, VIDEO["softmax"])
    print_table("slides 9-16 to 9-43", rows)
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    runs = {"softmax": (losses, accuracies)}
    digits = misread(model, args.device, test_loader)
    save_plot(draw("Lecture 09 · Softmax classifier", runs, VIDEO, digits), args)
    return status or diverged("softmax", losses[-1][1])


# ----------------------------------- Exercises: 9-1, what CrossEntropyLoss does
def cross_entropy(z, y):
    """By hand: mean of -log softmax(z)[label]; z (N, classes), y (N,), in numpy."""
    exp = np.exp(z - z.max(axis=1, keepdims=True))  # the same quotient, no overflow
    softmax = exp / exp.sum(axis=1, keepdims=True)
    return -np.log(softmax[range(len(y)), y]).mean()


def explain_softmax():
    """Exercise 9-1 with the numbers of slides 9-16 to 9-21; returns table rows."""
    z = np.array([[0.2, 0.1, -0.1]])
    softmax = np.exp(z[0]) / np.exp(z[0]).sum()
    ours = ", ".join(f"{p:.2f}" for p in softmax)
    rows = [("softmax of 0.2, 0.1, -0.1", ours, "0.38, 0.34, 0.28")]
    ours = f"{cross_entropy(z, [0]):.4f}"
    rows.append(("its loss, y = [1, 0, 0]", ours, "0.9729 (computed)"))
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
        numbers = f"{hand:.4f}   {whole:.4f}             {parts:.4f}"
        print(f"    batch {i}            {numbers}")
        rows.append((f"cross-entropy, batch {i}", f"{hand:.4f}", video))
    return rows


# ------------------------------------------------- Exercises: 9-2, Otto products
class OttoNet(Net):
    """The lecture's network with other ends: (N, 93) -> (N, 9)."""

    def __init__(self):
        super().__init__()
        self.l1 = torch.nn.Linear(93, 512)
        self.l5 = torch.nn.Linear(64, 9)


def load_otto(file):
    """Kaggle's Otto train.csv: counts (N, 93) and labels 0 to 8 (N,).

    Most counts are 0 and a few in the hundreds: log(1 + x) brings them to one scale.
    """
    names = ["id", *(f"feat_{i}" for i in range(1, 94)), "target"]
    classes = [f"Class_{i}" for i in range(1, 10)]
    x, y = [], []
    with open(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text)
        try:
            if next(rows, None) != names:
                raise ValueError("its columns are not id, feat_1 to feat_93, target")
            for row in filter(None, rows):  # a file may end with a blank line
                x.append([float(count) for count in row[1:-1]])
                y.append(classes.index(row[-1]))
                if len(row) != 95 or not all(0 <= count < 1e6 for count in x[-1]):
                    raise ValueError("not 93 counts")
            if len(x) < 10:
                raise ValueError("fewer than ten rows")
        except (ValueError, csv.Error) as error:
            where = f"{file}, line {rows.line_num}"
            sys.exit(f"cannot use {where}: {error}; --otto takes Kaggle's train.csv")
    return torch.log1p(torch.tensor(x)), torch.tensor(y)


def otto(args):
    """The lecture's training on Kaggle's products; a fifth is held out for testing."""
    x, y = load_otto(args.otto)
    test_rows, train_rows = torch.randperm(len(x)).tensor_split([len(x) // 5])
    if args.dry_run:
        train_rows = train_rows[:256]
    train_set = TensorDataset(x[train_rows], y[train_rows])
    test_set = TensorDataset(x[test_rows], y[test_rows])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)
    model = OttoNet().to(args.device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)
    losses, accuracies = [], [test(model, args.device, test_loader)]
    for epoch in range(args.epochs):
        losses += train(model, args.device, train_loader, criterion, optimizer, epoch)
        accuracies.append(test(model, args.device, test_loader))
    with torch.no_grad():
        log_loss = criterion(model(x[test_rows].to(args.device)).cpu(), y[test_rows])
    rows = compare("otto", losses, accuracies, (None, {}, {}))
    rows.append(("otto: held-out log loss", f"{log_loss.item():.4f}", "not shown"))
    print_table("exercise 9-2", rows)
    runs = {"otto": (losses, accuracies)}
    save_plot(draw("Lecture 09 · Otto products, 9 classes", runs, {}, []), args)
    return diverged("otto", losses[-1][1])


# ---------------------------------------------------------- Beside the video
# fmt: off
VIDEO = {"softmax": (  # slide 9-43: style in the plot, printed losses, accuracies
    "ko", {1: (0.335, 0.154, 0.067), 2: (0.048, 0.040, 0.035),
           9: (0.005, 0.006, 0.007), 10: (0.005, 0.005, 0.005)},
    {1: "90 %", 2: "93 %", 9: "97 %", 10: "97 %"},
)}
# fmt: on
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000. That 9-43 does so too
# is our inference: 0.335 * 2000 / 300 = 2.23, close to log(10), an untrained network.
VIDEO_SCALE = 2000 / 300


def compare(name, losses, accuracies, video):
    """Table rows: the losses that the video prints, and the accuracy of each epoch."""
    rows = []
    _, video_losses, video_accuracies = video
    for epoch, triple in video_losses.items():
        ours = [f"{loss:.3f}" for place, loss in losses if epoch - 1 < place <= epoch]
        shown = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in triple)
        if ours:
            rows.append((f"{name} epoch {epoch}: loss", " ".join(ours), shown))
    for epoch, (correct, total) in enumerate(accuracies):
        when = f"epoch {epoch}" if epoch else "untrained"
        ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
        shown = video_accuracies.get(epoch, "not shown")
        rows.append((f"{name} {when}: accuracy", ours, shown))
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, predicted, label)]."""
    found = []
    model.eval()
    for inputs, target in test_loader:
        with torch.no_grad():
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
        for i in (predicted != target).nonzero().flatten().tolist():
            found.append((inputs[i, 0].numpy(), predicted[i].item(), target[i].item()))
    return found[:10]


def draw(title, runs, videos, digits):
    """Loss, test accuracy, and test digits that the last network reads wrongly.

    runs: {name: (losses, accuracies)}; videos: {name: (style, losses, accuracies)}.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    rows = 2 if digits else 1
    grid = figure.add_gridspec(rows, 1, height_ratios=[3, 1][:rows])
    left, right = grid[0].subgridspec(1, 2).subplots()
    for i, (name, (losses, accuracies)) in enumerate(runs.items()):
        x, y = [place for place, _ in losses], [loss for _, loss in losses]
        left.plot(x, y, ".-", ms=3, color=f"C{i}", label=f"this run: {name}")
        percent = [100 * correct / total for correct, total in accuracies[1:]]
        color = f"C{i}" if len(runs) > 1 else "C1"  # test is orange in all lectures
        epochs = range(1, len(percent) + 1)
        right.plot(epochs, percent, ".-", color=color, label=f"this run: {name}")
    for name, (style, losses, accuracies) in videos.items():
        for epoch, triple in losses.items():
            places = [epoch - 1 + i * 300 / 938 for i in (1, 2, 3)]
            means = [loss * VIDEO_SCALE for loss in triple]
            label = f"video: {name}" if epoch == 1 else None
            left.plot(places, means, style[:2], ms=4, label=label)
        percent = {e: float(text.split()[-2]) for e, text in accuracies.items() if e}
        right.plot(*zip(*percent.items()), style, ms=4, lw=0.8, label=f"video: {name}")
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    if digits:
        title += f" (below: digits that {list(runs)[-1]} reads wrongly)"
    for i, (image, predicted, label) in enumerate(digits):
        axes = figure.add_subplot(grid[1].subgridspec(1, 10)[i])
        axes.imshow(image, cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", color="red", fontsize=9)
        axes.axis("off")
    figure.suptitle(title)
    return figure


def diverged(name, loss):
    """Exit status 1, and a line that says so, if the loss is out of bounds."""
    if abs(loss) < 1e9:  # nan is not, either
        return 0
    print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture09.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=10, metavar="N", help="[10]")
    add("--lr", type=float, default=0.01, metavar="X", help="[0.01]")
    add("--batch-size", type=int, default=64, metavar="N", help="[64]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    add("--device", type=usable, default=gpu, metavar="NAME", help=f"[{gpu}]")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    add("--otto", type=Path, metavar="FILE", help="exercise 9-2: Kaggle's train.csv")
    return parse(parser, argv)


def usable(name):
    """The torch.device of that name, if this machine has it (an argparse type)."""
    try:
        torch.zeros(1, device=name).item()
        return torch.device(name)
    except (RuntimeError, AssertionError, ImportError, AttributeError):
        raise argparse.ArgumentTypeError(f"{name!r} is not a device of this machine")


def parse(parser, argv):
    """Add the options of all lectures; say now what would fail after the training."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--plot", type=Path, default=f"plots/{SCRIPT.stem}.png", metavar="FILE")
    add("--show", action="store_true", help="also open the plot in a window")
    add("--dry-run", action="store_true", help="one tiny epoch, to try the script")
    args = parser.parse_args(argv)
    for name, value in vars(args).items():
        low = {"epochs": 1, "batch_size": 1, "lr": 1e-12}.get(name, 0)
        if isinstance(value, (int, float)) and not low <= value < 1e9:
            parser.error(f"--{name.replace('_', '-')} must be from {low} to 1e9")
    if args.plot.suffix.lower() not in (".png", ".pdf", ".svg") or args.plot.is_dir():
        parser.error("--plot takes a file name that ends in .png, .pdf or .svg")
    # the picture is written here before it takes the place of an earlier one
    args.part = args.plot.resolve().with_suffix(f".{os.getpid()}{args.plot.suffix}")
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    args.part.touch()  # what the machine refuses is told at the end of the file
    args.part.unlink()
    if args.dry_run:
        args.epochs = 1
    if not args.show and "IPython" not in sys.modules:
        plt.switch_backend("agg")  # draw without a screen
    return args


def print_table(slide, rows):
    """Print (name, this run, video) rows, all strings, side by side."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, args):
    """Write the figure, whole or not at all; with --show also open a window."""
    try:
        figure.savefig(args.part)
        args.part.replace(args.plot.resolve())
    finally:
        args.part.unlink(missing_ok=True)
    print(f"plot saved to {args.plot}")
    if args.show:
        plt.show()


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):  # IDLE and notebooks have other streams
        sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
    try:
        if "IPython" not in sys.modules:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
        status = main(None if "__file__" in globals() else [])
        print(end="", flush=True)
    except KeyboardInterrupt:
        if "IPython" not in sys.modules:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one adds nothing
        print("interrupted", file=sys.stderr)
        status = 130
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror}"
        if not error.filename and "IPython" not in sys.modules:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
