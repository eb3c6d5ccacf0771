"""Lecture 08 · Dataset and DataLoader (第八讲 加载数据集)

The network of lecture 7, fed in mini-batches: a Dataset says how to get one
sample, a DataLoader shuffles and bundles 32 of them. An epoch is one pass over
every sample, an iteration one update: ceil(759 / 32) = 24 iterations per epoch.

    python lecture08_dataloader.py                      # the video
    python lecture08_dataloader.py --holdout 0.2        # watch it on unseen rows
    python lecture08_dataloader.py --holdout 0.2 --activation relu --lr 0.3 --epochs 500
    python lecture08_dataloader.py --dataset titanic --holdout 0.2  # exercise 8-1
    python lecture08_dataloader.py --dataset titanic --csv train.csv  # Kaggle's file

--num-workers is 0 here (2 in the video): 759 rows are in memory already, and
starting two processes in every epoch made the whole run take 2.9 times as long.
"""

import argparse
import csv
import gzip
import math
import statistics
import sys
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, random_split

VIDEO_SAMPLES, VIDEO_BATCH, VIDEO_ITERATIONS = 759, 32, 24  # its code and data


# ---------------------------------------------------------------- 1. Dataset
class DiabetesDataset(Dataset):
    """759 patients: x (8,), y (1,); label 1 means no diabetes."""

    def __init__(self, data_dir):
        self.x_data, self.y_data = load_diabetes(data_dir)
        self.len = self.x_data.shape[0]

    def __getitem__(self, index):
        return self.x_data[index], self.y_data[index]

    def __len__(self):
        return self.len


class TitanicDataset(Dataset):
    """Exercise 8-1: passengers, x (6,), y (1,); label 1 means survived.

    x is first, second, third class (one of them 1), female, age in units of 80
    years, and "age unknown". A missing age is filled with the median of the known
    ones, and the last feature tells the network that it was.
    """

    def __init__(self, file):
        rows = load_titanic(file)
        known = [float(row["Age"]) for row in rows if row["Age"]]
        self.missing = len(rows) - len(known)
        self.median = statistics.median(known)
        x, y = [], []
        for row in rows:
            age = float(row["Age"]) if row["Age"] else self.median
            pclass = [row["Pclass"] == str(i) for i in (1, 2, 3)]
            x.append([*pclass, row["Sex"] == "female", age / 80, not row["Age"]])
            y.append([row["Survived"] == "1"])
        self.x_data = torch.tensor(x, dtype=torch.float32)
        self.y_data = torch.tensor(y, dtype=torch.float32)
        self.len = len(rows)

    def __getitem__(self, index):
        return self.x_data[index], self.y_data[index]

    def __len__(self):
        return self.len


def split(dataset, holdout, seed):
    """(training part, test part or None): a seeded random share is held back."""
    size = round(holdout * len(dataset))
    if not 1 <= size < len(dataset):
        return dataset, None
    generator = torch.Generator().manual_seed(seed)
    return random_split(dataset, [len(dataset) - size, size], generator)


def load_diabetes(data_dir):
    """Read diabetes.csv.gz: x_data (759, 8) and y_data (759, 1), float32.

    Label 1 means no diabetes, 0 means diabetes (the original study has it the
    other way round). A file that cannot be used ends the program with one line.
    """
    file = Path(data_dir, "diabetes.csv.gz")
    try:
        xy = np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
        if xy.shape[1] != 9 or not np.isin(xy[:, -1], (0, 1)).all():
            raise ValueError("not 8 features and a label 0 or 1 per row")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        back = f"git checkout -- data/{file.name}, or python data/build.py diabetes"
        sys.exit(f"cannot use {file} ({error}); get it back with: {back}")
    return torch.from_numpy(xy[:, :-1]), torch.from_numpy(xy[:, [-1]])


def load_titanic(file):
    """The rows of a CSV file with the columns Survived, Pclass, Sex and Age.

    Reads plain and gzipped files; the bundled one and Kaggle's train.csv both
    fit. A file that cannot be used ends the program with one line.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            need = {"Survived", "Pclass", "Sex", "Age"}
            if missing := need - set(reader.fieldnames or []):
                raise ValueError(f"no column {', '.join(sorted(missing))}")
            rows = list(reader)
        for line, row in enumerate(rows, start=2):
            good = row["Survived"] in ("0", "1") and row["Pclass"] in ("1", "2", "3")
            if not good or row["Sex"] not in ("male", "female"):
                raise ValueError(f"row {line} is not a passenger")
            if row["Age"] and not 0 < float(row["Age"]) < 120:
                raise ValueError(f"row {line} has age {row['Age']}")
        if not any(row["Age"] for row in rows):
            raise ValueError("no passenger with an age")
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        back = "git checkout -- data/titanic.csv.gz, or python data/build.py titanic"
        sys.exit(f"cannot use {file} ({error}); get the bundled one with: {back}")
    return rows


# ------------------------------------------------------------------ 2. Model
class Model(torch.nn.Module):
    """(N, features) -> 6 -> 4 -> (N, 1): the probability of label 1.

    `activation` works on the two hidden layers (torch.nn.Sigmoid() in the video).
    The output keeps its sigmoid: BCELoss needs values between 0 and 1.
    """

    def __init__(self, activation, features=8):
        super().__init__()
        self.linear1 = torch.nn.Linear(features, 6)
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        self.activation = activation
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        x = self.activation(self.linear1(x))  # (N, features) -> (N, 6)
        x = self.activation(self.linear2(x))  # (N, 6) -> (N, 4)
        return self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Mean binary cross-entropy (size_average=True on the slide) and SGD."""
    criterion = torch.nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return criterion, optimizer


# ------------------------------------------------------- 4. Training and test
def train(model, criterion, optimizer, train_loader, parts, epochs, history):
    """Mini-batches; history gets {part: (loss, accuracy)} after every epoch."""
    for epoch in range(epochs):
        for i, (inputs, labels) in enumerate(train_loader, 0):
            y_pred = model(inputs)
            loss = criterion(y_pred, labels)
            print(epoch, i, loss.item())
            if not math.isfinite(loss.item()):
                message = f"the loss is {loss.item()} in epoch {epoch}"
                raise FloatingPointError(f"{message}: try a smaller --lr")

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append({p: test(model, criterion, *xy) for p, xy in parts.items()})


def test(model, criterion, x, y):
    """(loss, accuracy in %) on all rows at once, without touching the weights."""
    with torch.no_grad():
        y_pred = model(x)
        return criterion(y_pred, y).item(), accuracy(y_pred, y)


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    return 100 * ((y_pred >= 0.5) == (y >= 0.5)).float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    ones = y.mean().item()
    return 100 * max(ones, 1 - ones)


# ------------------------------------------------------ 5. Inference and plot
def gather(dataset):
    """All rows of a dataset as two tensors: x (N, features), y (N, 1)."""
    x, y = zip(*(dataset[i] for i in range(len(dataset))))
    return torch.stack(x), torch.stack(y)


def draw(history, baseline, title):
    """Loss above, accuracy below; the training part and, if any, the test part."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    for part in history[0]:
        loss, correct = zip(*(epoch[part] for epoch in history))
        epochs = range(1, len(history) + 1)
        top.plot(epochs, loss, label=f"this run: {part}")
        bottom.plot(epochs, correct)
    label = f"majority class: {baseline:.2f} %"
    bottom.axhline(baseline, color="grey", ls="--", label=label)
    top.set(ylabel="Loss (mean BCE)", title=f"Lecture 08 · DataLoader, {title}")
    bottom.set(xlabel="Epoch", ylabel="Accuracy (%)")
    top.legend()
    bottom.legend(loc="lower right")
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


def share(text):
    """An argparse type: a part of the data, 0 <= share < 1."""
    value = number(float, -1)(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0 <= share < 1")
    return value


def parse_args(argv):
    """The options; --lr depends on the dataset."""
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=100, metavar="N", help="[100]")
    rate = "learning rate [diabetes 0.01, titanic 0.1]"
    add("--lr", type=number(float, 0), metavar="X", help=rate)
    add("--batch-size", type=number(int, 0), default=32, metavar="N", help="[32]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    workers = "processes that load batches [0]"
    add("--num-workers", type=number(int, -1), default=0, metavar="N", help=workers)
    data = Path(__file__).resolve().parent / "data"
    add("--data-dir", type=Path, default=data, metavar="DIR", help="[data]")
    sets = ["diabetes", "titanic"]
    add("--dataset", choices=sets, default="diabetes", help="[diabetes]")
    add("--csv", type=Path, metavar="FILE", help="Kaggle's train.csv for titanic")
    keep = "share of the rows kept back for testing [0]"
    add("--holdout", type=share, default=0, metavar="SHARE", help=keep)
    names = "hidden layers [diabetes sigmoid, titanic relu]"
    add("--activation", choices=["sigmoid", "relu"], help=names)
    args = parser.parse_args(argv)
    if args.csv and args.dataset != "titanic":
        parser.error("--csv goes with --dataset titanic")
    # The sigmoids of the video would stay at the majority class on titanic as well.
    defaults = {"diabetes": (0.01, "sigmoid"), "titanic": (0.1, "relu")}[args.dataset]
    args.lr = args.lr or defaults[0]
    args.activation = args.activation or defaults[1]
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    torch.manual_seed(args.seed)
    if args.dataset == "diabetes":
        dataset = DiabetesDataset(args.data_dir)
    else:
        dataset = TitanicDataset(args.csv or args.data_dir / "titanic.csv.gz")
        filled = f"filled with the median {dataset.median:g} and marked as unknown"
        print(f"{dataset.missing} of {len(dataset)} ages missing: {filled}")
    train_set, test_set = split(dataset, args.holdout, args.seed)
    train_loader = DataLoader(
        train_set, args.batch_size, shuffle=True, num_workers=args.num_workers
    )
    print(f"{len(train_set)} samples, batch size {args.batch_size}", end=": ")
    print(f"{len(train_loader)} iterations per epoch")

    parts = {"train": gather(train_set)}
    if test_set:
        parts["test"] = gather(test_set)
    activation = {"sigmoid": torch.nn.Sigmoid(), "relu": torch.nn.ReLU()}
    model = Model(activation[args.activation], features=dataset.x_data.shape[1])
    criterion, optimizer = construct(model, args.lr)
    history = []
    setting = model, criterion, optimizer, train_loader, parts, args.epochs, history
    status = run_training(train, *setting)

    rows = [("samples", str(len(train_set)), str(VIDEO_SAMPLES))]
    rows.append(("batch size", str(args.batch_size), str(VIDEO_BATCH)))
    rows.append(("iterations per epoch", str(len(train_loader)), str(VIDEO_ITERATIONS)))
    if args.dataset == "titanic":
        rows = [(name, ours, "-") for name, ours, _ in rows]
    last = history[-1] if history else {}
    for part, (loss, correct) in last.items():
        rows.append((f"{part} loss", f"{loss:.4f}", "not shown"))
        rows.append((f"{part} accuracy", f"{correct:.2f} %", "not shown"))
    label = "test" if test_set else "train"
    baseline = majority(parts[label][1])
    rows.append((f"majority class of {label}", f"{baseline:.2f} %", "not shown"))
    x, y = parts[label]
    with torch.no_grad():
        p = model(x[:1]).item()
    meaning = {"diabetes": "no diabetes", "titanic": "survived"}[args.dataset]
    print(f"first {label} row: P({meaning}) = {p:.3f}, true label {y[0].item():g}")
    print_table("lecture 8", rows)
    if history:
        save_plot(draw(history, baseline, args.dataset), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
