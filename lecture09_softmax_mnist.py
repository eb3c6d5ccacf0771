"""Lecture 09 · Softmax classifier (第九讲 多分类问题)

Ten outputs, one per digit, compete: softmax makes them positive and lets them sum
to one, and cross-entropy compares them with the label. MNIST images (N, 1, 28, 28)
are flattened to 784 numbers and go through five linear layers with ReLU between.
The last layer has no activation: CrossEntropyLoss contains the softmax.

    python lecture09_softmax_mnist.py                    # the video
    python lecture09_softmax_mnist.py --otto train.csv   # exercise 9-2, Kaggle's file

The first lines are exercise 9-1: CrossEntropyLoss = LogSoftmax + NLLLoss, by hand
in numpy. Labels count from 0: the class that slides 9-13 to 9-20 call 1 is 0 in
PyTorch. This differs from the video: the images are normalised once, there is a test
before the training too, and it takes batches of 500 (the same result, faster).
"""

import argparse
import csv
import os
import signal
import sys
import tempfile
from pathlib import Path
from shutil import copytree, ignore_patterns

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchvision import datasets
from torchvision.datasets.utils import check_integrity


# ---------------------------------------------------------------- 1. Dataset
def data_file(data_dir, name):
    """The path of a data file; if it is not there, one line says how to get it."""
    file, missing = Path(data_dir, name), f"no {name} in {data_dir}"
    if file.exists():
        return file
    if file.parent.exists() and data_dir == SCRIPT.parent / "data":
        sys.exit(f"{missing}: git checkout -- data/{name} brings it back")
    sys.exit(f"{missing}: --data-dir takes data/, which comes with the scripts")


def load_mnist(data_dir):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video gives MNIST transform=transforms.Compose([transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,))]), and each image is transformed anew
    in each epoch. Here it happens once: the same numbers, and less to do.
    """
    raw, root = Path(data_dir, "MNIST/raw"), os.environ.get("TMPDIR", "TEMP")
    for name, md5 in datasets.MNIST.resources:
        if not check_integrity(data_file(data_dir, f"MNIST/raw/{name}"), md5):
            sys.exit(f"{raw / name} is damaged; ours: git checkout -- data/MNIST")
    try:
        with tempfile.TemporaryDirectory() as root:  # data_dir is only read
            copytree(raw, f"{root}/MNIST/raw", ignore=ignore_patterns("*-ubyte"))
            os.chmod(f"{root}/MNIST/raw", 0o700)  # raw may be read-only
            # training, then test part; download=True unpacks what is there
            parts = [datasets.MNIST(root, t, download=True) for t in (True, False)]
    except OSError:  # full, or it cannot be written
        sys.exit(f"cannot unpack MNIST in {root} (full?): TMPDIR names another folder")
    # ToTensor: 0 to 1; Normalize: mean 0, deviation 1
    images = [(part.data.unsqueeze(1) / 255 - 0.1307) / 0.3081 for part in parts]
    return [TensorDataset(x, part.targets) for x, part in zip(images, parts)]


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
    every = min(300, len(train_loader))  # fewer where an epoch has fewer
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
            # the largest of the ten outputs wins
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
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
    device = args.device
    model = Net().to(device)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test
    losses, accuracies, interrupted = [], [test(model, device, test_loader)], False
    try:
        for epoch in range(args.epochs):
            losses += train(model, device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, device, test_loader))
            if not losses[-1][1] < 1e9:  # or nan: more epochs do not help
                break
    except KeyboardInterrupt:
        interrupted = True  # the finished epochs are kept

    # 5. Inference and plot
    runs = {"softmax": (losses, accuracies)}
    print_table("slides 9-16 to 9-43", rows + compare(runs))
    print("The video prints, we infer, sums of 300 losses / 2000: here times 2000/300.")
    digits = misread(model, device, test_loader)
    save_plot(draw("Lecture 09 · Softmax classifier", runs, VIDEO, digits), args)
    return exit_status(runs, interrupted)


# ----------------------------------- Exercises: 9-1, what CrossEntropyLoss does
def cross_entropy(z, y):
    """By hand: mean of -log softmax(z)[label]; z (N, classes), y (N,), in numpy."""
    exp = np.exp(z - z.max(axis=1, keepdims=True))  # the same quotient, no overflow
    softmax = exp / exp.sum(axis=1, keepdims=True)
    return -np.log(softmax[range(len(y)), y]).mean()


def explain_softmax():
    """Exercise 9-1 with the numbers of slides 9-16 to 9-21; returns table rows."""
    z = np.array([[0.2, 0.1, -0.1]])
    ours = ", ".join(f"{p:.2f}" for p in np.exp(z[0]) / np.exp(z[0]).sum())
    rows = [("softmax of 0.2, 0.1, -0.1", ours, "0.38, 0.34, 0.28")]
    ours = f"{cross_entropy(z, [0]):.4f}"
    rows.append(("its loss, y = [1, 0, 0]", ours, "0.9729 (computed)"))
    print("Loss of a batch of 3    numpy   CrossEntropyLoss   LogSoftmax + NLLLoss")
    first = torch.tensor([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    second = torch.tensor([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    y = torch.tensor([2, 0, 1])
    for i, x, video in ((1, first, "0.4966"), (2, second, "1.2389")):
        hand = cross_entropy(x.numpy(), y.numpy())
        whole = torch.nn.CrossEntropyLoss()(x, y)
        parts = torch.nn.NLLLoss()(torch.nn.LogSoftmax(dim=1)(x), y)
        print(f"    batch {i}{hand:18.4f}{whole:9.4f}{parts:19.4f}")
        rows.append((f"cross-entropy, batch {i}", f"{hand:.4f}", video))
    return rows


# ------------------------------------------------- Exercises: 9-2, Otto products
def load_otto(file):
    """Kaggle's Otto train.csv as a data set: log(1 + count) (N, 93), labels 0 to 8 (N,).

    Most counts are 0 and a few in the hundreds: the logarithm brings them to one scale.
    """
    names = ["id", *(f"feat_{i}" for i in range(1, 94)), "target"]
    classes = [f"Class_{i}" for i in range(1, 10)]
    x, y = [], []
    with open(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.DictReader(text)
        try:
            if rows.fieldnames != names:
                raise ValueError("its columns are not id, feat_1 to feat_93, target")
            for row in rows:  # without blank lines
                x.append([float(row[name] or "nan") for name in names[1:-1]])
                if len(row) != 95 or not all(0 <= count < 1e6 for count in x[-1]):
                    raise ValueError("not 93 counts")
                y.append(classes.index(row["target"]))
            if len(x) < 10:
                raise ValueError("fewer than ten rows")
        except (ValueError, csv.Error) as error:
            where = f"{file}, line {rows.line_num}"
            sys.exit(f"cannot use {where}: {error}; --otto takes Kaggle's train.csv")
    return TensorDataset(torch.log1p(torch.tensor(x)), torch.tensor(y))


def otto(args):
    """The lecture's training on Kaggle's products; a fifth is held out for testing."""
    rows = load_otto(args.otto)
    fifth = len(rows) // 5
    test_set, train_set = random_split(rows, [fifth, len(rows) - fifth])
    if args.dry_run:
        train_set = TensorDataset(*train_set[:256])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)
    device = args.device
    model = Net()  # with other ends: (N, 93) -> (N, 9)
    model.l1, model.l5 = torch.nn.Linear(93, 512), torch.nn.Linear(64, 9)
    model.to(device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)
    losses, accuracies, interrupted = [], [test(model, device, test_loader)], False
    try:
        for epoch in range(args.epochs):
            losses += train(model, device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, device, test_loader))
    except KeyboardInterrupt:
        interrupted = True  # the finished epochs are kept
    x, y = test_set[:]
    log_loss = criterion(model(x.to(device)).cpu(), y)
    runs = {"otto": (losses, accuracies)}
    rows = [*compare(runs), ("otto: held-out log loss", f"{log_loss:.4f}", "not shown")]
    print_table("exercise 9-2", rows)
    save_plot(draw("Lecture 09 · Otto products, 9 classes", runs, {}, []), args)
    return exit_status(runs, interrupted)


# ---------------------------------------------------------- Beside the video
# Slide 9-43: style in the plot, printed losses, accuracies by epoch.
# fmt: off
VIDEO = {"softmax": ("ko", {1: (0.335, 0.154, 0.067), 2: (0.048, 0.040, 0.035),
                            9: (0.005, 0.006, 0.007), 10: (0.005, 0.005, 0.005)},
                     {1: "90 %", 2: "93 %", 9: "97 %", 10: "97 %"})}
# fmt: on
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000. That 9-43 does so too
# is our inference: 0.335 * 2000 / 300 = 2.23, close to log(10), an untrained network.
VIDEO_SCALE = 2000 / 300


def compare(runs):
    """Table rows: the losses that the video prints, and the accuracy of each epoch.

    runs: {name: (losses, accuracies)}, as train() and test() return them.
    """
    rows = []
    for name, (losses, accuracies) in runs.items():
        _, triples, shown = VIDEO.get(name, (None, {}, {}))
        for epoch, triple in triples.items():
            ours = [f"{loss:.3f}" for t, loss in losses if epoch - 1 < t <= epoch]
            video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in triple)
            if ours:
                rows += [(f"{name} epoch {epoch}: loss", " ".join(ours), video)]
        for epoch, (correct, total) in enumerate(accuracies):
            when = f"epoch {epoch}" if epoch else "untrained"
            ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
            rows += [(f"{name} {when}: accuracy", ours, shown.get(epoch, "not shown"))]
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, predicted, label)]."""
    found = []
    model.eval()
    for inputs, target in test_loader:
        with torch.no_grad():
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
        # d: one digit's image, what it is read as, what it is
        found += [d for d in zip(inputs, predicted, target) if d[1] != d[2]]
    return found[:10]


def draw(title, runs, videos, digits):
    """Loss, test accuracy, and test digits that the last network reads wrongly.

    runs: {name: (losses, accuracies)}; videos: {name: (style, losses, accuracies)}.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    grid = figure.add_gridspec(4 if digits else 3, 10)
    left, right = grid[:3, :].subgridspec(1, 2).subplots()
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
            label = f"video: {name}" if epoch == 1 else None
            means = [loss * VIDEO_SCALE for loss in triple]
            left.plot(places, means, style[:2], ms=4, label=label)
        percent = {e: float(text.split()[-2]) for e, text in accuracies.items() if e}
        right.plot(*zip(*percent.items()), style, ms=4, lw=0.8, label=f"video: {name}")
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    below = f" (below: digits that {list(runs)[-1]} reads wrongly)" if digits else ""
    figure.suptitle(title + below)
    for i, (image, predicted, label) in enumerate(digits):
        axes = figure.add_subplot(grid[3, i], xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", color="red", fontsize=9)
    return figure


def exit_status(runs, interrupted):
    """The exit status; lines on standard error say why it is not 0."""
    if interrupted:
        finished = sum(len(accuracies[1:]) for _, accuracies in runs.values())
        print(f"interrupted: {finished} finished epochs are kept", file=sys.stderr)
        return 130
    last = {name: losses[-1][1] for name, (losses, _) in runs.items()}
    diverged = {name: loss for name, loss in last.items() if not loss < 1e9}  # or nan
    for name, loss in diverged.items():
        print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1 if diverged else 0


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
        # torch warns of "mkldnn", which is no device any more
        torch.zeros(1, device=name.replace("mkldnn", "?")).item()
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
    if alone := hasattr(sys.stdout, "reconfigure"):  # not in IDLE, not in a notebook
        sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    try:
        status = main(None if "__file__" in globals() else [])
        print(end="", flush=True)
    except KeyboardInterrupt:
        if alone:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one adds nothing
        print("interrupted", file=sys.stderr)
        status = 130
    except (MemoryError, RuntimeError) as error:
        if "memory" not in repr(error).lower():
            raise
        status = "not enough memory: try a smaller --batch-size"
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror or error}"
        if alone and not error.filename:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
