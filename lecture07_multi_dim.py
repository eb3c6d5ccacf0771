"""Lecture 07 · Multiple dimension input (第七讲 处理多维特征的输入)

759 patients, 8 measurements each: did diabetes show within five years? A batch is a
matrix with one patient per row, a linear layer a matrix product plus bias that maps
one dimension to another. Three of them, 8 -> 6 -> 4 -> 1, with a sigmoid after each
(nn.Linear itself has none, though slides 7-12 to 7-14 draw one inside its box); all
rows at once (full batch). Label 1 means NO diabetes, 0 means diabetes.

    python lecture07_multi_dim.py                       # the video
    python lecture07_multi_dim.py --activation relu --epochs 5000
    python lecture07_multi_dim.py --activation all --epochs 5000   # the exercise

More hidden units learn more, noise included. Look at the majority baseline: with the
video's settings the network has learnt to answer "no diabetes" to everybody, and
reaches exactly the baseline's accuracy. Slide 7-7 writes x_N where x_8 is meant.
"""

import argparse
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


# ---------------------------------------------------------------- 1. Dataset
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
    if args.activation != "sigmoid":
        return exercise(args)

    # 1. Dataset
    x_data, y_data = load_diabetes(args.data_dir)
    two_linear_layers_are_one(x_data, args.seed)

    # 2. Model
    torch.manual_seed(args.seed)
    model = Model(activation=torch.nn.Sigmoid())

    # 3. Loss and optimizer
    criterion = torch.nn.BCELoss(reduction="mean")  # size_average=True on the slide
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update, with all rows at once
    losses, accuracies = [], []
    for epoch in range(args.epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())
        losses.append(loss.item())
        accuracies.append(accuracy(y_pred, y_data))

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # 5. Inference and plot
    infer("sigmoid", model)
    runs = {"sigmoid": (losses, accuracies)}
    print_table("slide 7-3", compare(x_data, y_data, runs))
    print("Label 1 means no diabetes: the majority answer is 'no diabetes' to all.")
    save_plot(draw(runs, majority(y_data)), args)


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    return 100 * ((y_pred >= 0.5) == (y >= 0.5)).float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    return 100 * max(y.mean().item(), 1 - y.mean().item())


# ------------------------------------- Exercises: the other activation functions
NAMES = ["sigmoid", "relu", "leaky_relu", "elu", "tanh", "softplus"]
ACTIVATIONS = {name: getattr(torch.nn.functional, name) for name in NAMES}


def exercise(args):
    """The lecture's training with other activations of the hidden layers.

    The exercise slide puts ReLU on the output, too: BCELoss then fails, since values
    leave 0 to 1. Here the output keeps its sigmoid.
    """
    x_data, y_data = load_diabetes(args.data_dir)
    two_linear_layers_are_one(x_data, args.seed)
    runs = {}
    for name in ACTIVATIONS if args.activation == "all" else [args.activation]:
        torch.manual_seed(args.seed)  # every activation starts at the same weights
        model = Model(ACTIVATIONS[name])
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
        history = []
        for epoch in range(args.epochs):
            y_pred = model(x_data)
            loss = torch.nn.functional.binary_cross_entropy(y_pred, y_data)  # BCELoss
            if args.activation != "all":
                print(epoch, loss.item())
            history.append((loss.item(), accuracy(y_pred, y_data)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        infer(name, model)
        runs[name] = tuple(zip(*history))  # all losses, all accuracies
    print_table("slide 7-3", compare(x_data, y_data, runs))
    print("Label 1 means no diabetes: the majority answer is 'no diabetes' to all.")
    save_plot(draw(runs, majority(y_data)), args)


def two_linear_layers_are_one(x, seed):
    """Why activations: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)."""
    torch.manual_seed(seed)
    layer1, layer2 = torch.nn.Linear(8, 6), torch.nn.Linear(6, 4)
    weight = layer2.weight @ layer1.weight  # (4, 6) @ (6, 8) -> (4, 8)
    bias = layer2.weight @ layer1.bias + layer2.bias
    difference = (layer2(layer1(x)) - (x @ weight.T + bias)).abs().max().item()
    print("Two linear layers 8 -> 6 -> 4 without an activation, against the one layer")
    print(f"that they multiply to: largest difference {difference:.1e} (rounding)")


# ---------------------------------------------------------- Beside the video
# Slide 7-3 shows the first rows of the data; no slide shows a result.
VIDEO_FIRST_ROW = "-0.29 0.49 0.18 -0.29", "0.00 0.00 -0.53 -0.03"
# One of the nine patients of the original study that the lecturer's file leaves
# out (row 24 of 768, counted from 0), scaled the same way. She has diabetes: label 0.
HELD_OUT = [0.294118, 0.437186, 0.540984, -0.333333, -0.654846, 0.0909091, -0.849701, 0]


def infer(name, model):
    """Print the model's answer for the held-out patient."""
    p = model(torch.tensor([HELD_OUT])).item()
    print(f"{name}: held-out patient with diabetes: P(no diabetes) = {p:.3f}")


def compare(x, y, runs):
    """Table rows: the slide's row of data, the last epoch, and the baseline."""
    first = [f"{value:.2f}" for value in x[0].tolist()]
    rows = [("first row, features 1 to 4", " ".join(first[:4]), VIDEO_FIRST_ROW[0])]
    rows += [("first row, features 5 to 8", " ".join(first[4:]), VIDEO_FIRST_ROW[1])]
    for name, (losses, accuracies) in runs.items():
        rows.append((f"{name}: last loss", f"{losses[-1]:.4f}", "not shown"))
        rows.append((f"{name}: accuracy", f"{accuracies[-1]:.2f} %", "not shown"))
    return [*rows, ("majority class, no training", f"{majority(y):.2f} %", "not shown")]


def draw(runs, baseline):
    """Loss above, accuracy below with the majority class as the bar to jump."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    label = f"always 'no diabetes': {baseline:.2f} %"
    bottom.axhline(baseline, color="lightgrey", lw=8, label=label)  # under the curves
    for name, (losses, accuracies) in runs.items():
        style = "o-" if len(losses) < 5 else "-"  # one point is no line
        top.plot(losses, style, label=f"this run: {name}")
        bottom.plot(accuracies, style)
    top.set(ylabel="Loss (mean BCE)", title="Lecture 07 · Diabetes, 8-6-4-1")
    bottom.set(xlabel="Epoch", ylabel="Training accuracy (%)")
    top.grid(alpha=0.3)
    bottom.grid(alpha=0.3)
    top.legend(ncols=2)
    bottom.legend(loc="lower right")
    return figure


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture07.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="[100]")
    add("--lr", type=float, default=0.1, metavar="X", help="[0.1]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    add("--activation", choices=[*NAMES, "all"], default="sigmoid", help="[sigmoid]")
    return parse(parser, argv)


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
