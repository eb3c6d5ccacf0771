"""Lecture 08 · Dataset and DataLoader (第八讲 加载数据集)

The network of lecture 7, fed in mini-batches: a Dataset says how to get one sample
(it is abstract: write your own), a DataLoader shuffles and bundles 32 of them. An
epoch is one pass over every sample, forward and backward, the batch size how many of
them an update uses, an iteration one update: ceil(759 / 32) = 24 in an epoch.

    python lecture08_dataloader.py                         # the video
    python lecture08_dataloader.py --holdout 0.2           # watch it on unseen rows
    python lecture08_dataloader.py --holdout 0.2 --activation relu --lr 0.3 --epochs 500
    python lecture08_dataloader.py --titanic --holdout 0.2 # exercise 8-1
    python lecture08_dataloader.py --titanic train.csv     # with Kaggle's file

--num-workers is 0 here (2 in the video): 759 rows are in memory already, and
starting two processes in every epoch made the whole run take 2.9 times as long. Workers
need the guard `if __name__ == "__main__":` at the end of the file (8-13) on Windows, on
macOS, and from Python 3.14 on Linux. Slide 8-18 lists ready-made data sets of
torchvision: MNIST, Fashion-MNIST, EMNIST, COCO, LSUN, ImageFolder, CIFAR, STL10 ...
"""

import argparse
import csv
import gzip
import os
import signal
import sys
import zlib
from pathlib import Path

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split


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


def data_file(data_dir, name):
    """The path of a data file; if it is not there, one line says how to get it."""
    file, missing = Path(data_dir, name), f"no {name} in {data_dir}"
    if file.exists():
        return file
    if file.parent.exists() and data_dir == SCRIPT.parent / "data":
        sys.exit(f"{missing}: git checkout -- data/{name} brings it back")
    sys.exit(f"{missing}: --data-dir takes data/, which comes with the scripts")


def load_diabetes(data_dir):
    """Read diabetes.csv.gz: x_data (759, 8) and y_data (759, 1), float32.

    Label 1 means no diabetes, 0 means diabetes (the original study has it the
    other way round). A file that cannot be used ends the program with one line.
    """
    file = data_file(data_dir, "diabetes.csv.gz")
    try:
        with gzip.open(file, "rt", encoding="utf-8-sig") as text:
            lines = text.read().split() or ["an empty file"]  # numpy reads no word
        xy = np.loadtxt(lines, delimiter=",", dtype=np.float32, comments=None, ndmin=2)
        good = (abs(xy) <= 1).all(axis=1) & np.isin(xy[:, -1], (0, 1))  # nan is not
        if xy.shape[1] != 9 or not good.all():
            what = "is not 8 features from -1 to 1 and a label 0 or 1"
            raise ValueError(f"row {np.argmin(good) + 1} {what}")
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        back = "git checkout -- data/diabetes.csv.gz, or python data/build.py diabetes"
        sys.exit(f"cannot use {file}: {error}; get the one on board back with: {back}")
    return torch.from_numpy(xy[:, :-1]), torch.from_numpy(xy[:, [-1]])


# ------------------------------------------------------------------ 2. Model
class Model(torch.nn.Module):
    """(N, features) -> 6 -> 4 -> (N, 1): the probability of label 1.

    `activation` works on the two hidden layers, element by element. The output
    keeps its sigmoid: BCELoss needs values between 0 and 1.
    """

    def __init__(self, activation, features=8):
        super().__init__()
        self.linear1 = torch.nn.Linear(features, 6)  # x W^T + b: 8 numbers to 6
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        self.activation = activation
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        x = self.activation(self.linear1(x))  # (N, features) -> (N, 6)
        x = self.activation(self.linear2(x))  # (N, 6) -> (N, 4)
        return self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    torch.manual_seed(args.seed)
    if args.titanic or args.holdout or args.activation == "relu":
        return exercise(args)

    # 1. Dataset
    dataset = DiabetesDataset(args.data_dir)
    train_loader = DataLoader(
        dataset, batch_size=args.batch_size, shuffle=True, num_workers=args.num_workers
    )
    print_sizes(train_loader)

    # 2. Model
    model = Model(activation=torch.nn.Sigmoid())

    # 3. Loss and optimizer
    criterion = torch.nn.BCELoss(reduction="mean")  # size_average=True on the slide
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update
    history = []
    for epoch in range(args.epochs):
        for i, (inputs, labels) in enumerate(train_loader, 0):
            y_pred = model(inputs)
            loss = criterion(y_pred, labels)
            print(epoch, i, loss.item())

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(measure(model, dataset.x_data, dataset.y_data))  # all rows

    # 5. Inference and plot
    print_first("train", model, dataset.x_data, dataset.y_data, "no diabetes")
    runs = {"train": history}
    rows = compare(train_loader, runs, dataset.y_data, VIDEO_SIZES)
    print_table("lecture 8", rows)
    save_plot(draw(runs, majority(dataset.y_data), "diabetes"), args)


# --------------------------- Exercises: 8-1, Titanic, and a share of rows held out
class TitanicDataset(TensorDataset):
    """Exercise 8-1: passengers, x (6,), y (1,); label 1 means survived.

    x is first, second, third class (one of them 1), female, age in units of 80
    years, and "age unknown". A missing age is filled, and the last feature tells the
    network that it was. TensorDataset is a Dataset that brings __getitem__ and __len__
    along: they are the same as in DiabetesDataset.
    """

    def __init__(self, rows):
        x = []
        for row in rows:
            pclass = [row["Pclass"] == str(i) for i in (1, 2, 3)]
            age = float(row["Age"] or 0) / 80
            x.append([*pclass, row["Sex"] == "female", age, not row["Age"]])
        self.x_data = torch.tensor(x, dtype=torch.float32)
        self.y_data = torch.tensor([[float(row["Survived"])] for row in rows])
        super().__init__(self.x_data, self.y_data)

    def fill(self, known):
        """Give the missing ages the median age of the rows `known`, the training part.

        The test part must not be looked at: it stands for passengers unseen.
        """
        age, unknown = self.x_data[:, 4], self.x_data[:, 5] == 1
        ages = age[known][~unknown[known]]
        if len(ages) == 0:
            sys.exit("no age is known in the training part: try a smaller --holdout")
        median = ages.quantile(0.5)
        age[unknown] = median  # `age` is a view: this fills x_data
        print(f"{int(unknown.sum())} of {len(self)} ages missing", end=": ")
        print(f"filled with the median {80 * median:g} and marked as unknown")


def load_titanic(file):
    """The rows of a CSV file with the columns Survived, Pclass, Sex and Age.

    Reads plain and gzipped files; the bundled one and Kaggle's train.csv both
    fit. A file that cannot be used ends the program with one line.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    allowed = {"Survived": "0 1", "Pclass": "1 2 3", "Sex": "male female"}
    with opener(file, "rt", encoding="utf-8-sig", newline="") as text:
        rows, reader = [], csv.DictReader(map(str.strip, text))  # skips blank lines
        try:
            if missing := {*allowed, "Age"}.difference(reader.fieldnames or []):
                raise ValueError(f"no column {', '.join(sorted(missing))}")
            for row in reader:
                if None in [*row, *row.values()]:  # csv's mark for both
                    raise ValueError("too few or too many columns")
                for name, values in allowed.items():
                    if row[name] not in values.split():
                        raise ValueError(f"{name} {row[name]!r} is none of: {values}")
                if row["Age"] and not 0 < float(row["Age"]) < 120:  # nan is not, either
                    raise ValueError(f"age {row['Age']}")
                rows.append(row)
            if not any(row["Age"] for row in rows):
                raise ValueError("no passenger with an age")
        except (EOFError, ValueError, csv.Error, zlib.error, gzip.BadGzipFile) as error:
            hint = "without FILE --titanic takes data/titanic.csv.gz (git checkout it)"
            sys.exit(f"cannot use {file}, line {reader.line_num or 1}: {error}; {hint}")
    return rows


def split(dataset, holdout, seed):
    """(training part, test part, maybe empty): a seeded random share is held back."""
    size = round(holdout * len(dataset))
    if not 1 <= size < len(dataset):
        return Subset(dataset, range(len(dataset))), Subset(dataset, [])
    generator = torch.Generator().manual_seed(seed)
    return random_split(dataset, [len(dataset) - size, size], generator)


def exercise(args):
    """The lecture's training on other data, with another activation, or a test part."""
    if args.titanic:
        dataset = TitanicDataset(load_titanic(args.titanic))
        title, meaning, video = "titanic", "survived", ["-", "-", "-"]
    else:
        dataset = DiabetesDataset(args.data_dir)
        title, meaning, video = "diabetes", "no diabetes", VIDEO_SIZES
    train_set, test_set = split(dataset, args.holdout, args.seed)
    if args.titanic:
        dataset.fill(train_set.indices)
    sets = {"train": train_set, "test": test_set}
    parts = {part: dataset[rows.indices] for part, rows in sets.items() if rows}
    batch, workers = args.batch_size, args.num_workers
    train_loader = DataLoader(train_set, batch, shuffle=True, num_workers=workers)
    print_sizes(train_loader)
    # the hidden layers' activation is torch.sigmoid or torch.relu
    model = Model(getattr(torch, args.activation), features=dataset.x_data.shape[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    runs = {part: [] for part in parts}
    for epoch in range(args.epochs):
        for i, (inputs, labels) in enumerate(train_loader, 0):
            loss = torch.nn.BCELoss()(model(inputs), labels)
            print(epoch, i, loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for part, (x, y) in parts.items():
            runs[part].append(measure(model, x, y))
    part, (x, y) = list(parts.items())[-1]  # the test part, if there is one
    print_first(part, model, x, y, meaning)
    print_table("lecture 8", compare(train_loader, runs, y, video))
    save_plot(draw(runs, majority(y), title), args)


# ---------------------------------------------------------- Beside the video
# samples, batch size, iterations per epoch: 759 and 24 stand on no slide, they follow
# from the video's code and data
VIDEO_SIZES = ["759 (computed)", "32", "24 (computed)"]


def measure(model, x, y):
    """(mean loss, accuracy in %) on all rows at once, without touching the weights."""
    with torch.no_grad():
        y_pred = model(x)
    return torch.nn.BCELoss()(y_pred, y).item(), accuracy(y_pred, y)


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    return 100 * ((y_pred >= 0.5) == (y >= 0.5)).float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    return 100 * max(y.mean().item(), 1 - y.mean().item())


def print_sizes(train_loader):
    """Samples, batch size, and how many updates that makes an epoch."""
    print(f"{len(train_loader.dataset)} samples, batch", end=" ")
    print(f"size {train_loader.batch_size}: {len(train_loader)} iterations per epoch")


def print_first(part, model, x, y, meaning):
    """Inference: the model's answer for the first row of a part."""
    p = model(x[:1]).item()
    print(f"first {part} row: P({meaning}) = {p:.3f}, true label {y[0].item():g}")


def compare(train_loader, runs, y, video):
    """Table rows: the sizes, the last epoch, and the baseline of the labels y."""
    names = ["samples", "batch size", "iterations per epoch"]
    sizes = len(train_loader.dataset), train_loader.batch_size, len(train_loader)
    rows = [(name, str(ours), shown) for name, ours, shown in zip(names, sizes, video)]
    for part, history in runs.items():
        loss, correct = history[-1]
        rows.append((f"{part} loss", f"{loss:.4f}", "not shown"))
        rows.append((f"{part} accuracy", f"{correct:.2f} %", "not shown"))
    # `part` is now the last one: y are its labels
    return [*rows, (f"majority class of {part}", f"{majority(y):.2f} %", "not shown")]


def draw(runs, base, title):
    """Loss above, accuracy below, of the training part and, if any, the test part.

    `base` is the accuracy (%) of the majority class: the bar to jump.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    bottom.axhline(base, color="lightgrey", lw=8, label=f"majority class: {base:.2f} %")
    for part, history in runs.items():
        losses, accuracies = zip(*history)
        style = "o-" if len(losses) < 5 else "-"  # one point is no line
        top.plot(losses, style, label=f"this run: {part}")
        bottom.plot(accuracies, style)
    top.set(ylabel="Loss (mean BCE)", title=f"Lecture 08 · DataLoader, {title}")
    bottom.set(xlabel="Epoch", ylabel="Accuracy (%)")
    top.grid(alpha=0.3)
    bottom.grid(alpha=0.3)
    top.legend()
    bottom.legend(loc="lower right")
    return figure


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture08.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="[100]")
    add("--lr", type=float, metavar="X", help="[0.01, titanic 0.1]")
    add("--batch-size", type=int, default=32, metavar="N", help="[32]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    add("--num-workers", type=int, default=0, metavar="N", help="[0], 2 in the video")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    add("--titanic", type=Path, nargs="?", const=True, metavar="FILE")
    add("--holdout", type=float, default=0, metavar="SHARE", help="kept back [0]")
    add("--activation", choices=["sigmoid", "relu"], help="[sigmoid, titanic relu]")
    args = parse(parser, argv)
    if args.holdout >= 1 or args.num_workers > 99:
        parser.error("--holdout must be below 1, --num-workers below 100")
    if args.titanic is True:  # no FILE: the passengers on board
        args.titanic = data_file(args.data_dir, "titanic.csv.gz")
    # the video's sigmoids would stay at the majority class on titanic as well
    args.lr = args.lr or (0.1 if args.titanic else 0.01)
    args.activation = args.activation or ("relu" if args.titanic else "sigmoid")
    return args


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
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror or error}"
        if alone and not error.filename:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
