"""Lecture 07 · Multiple dimension input (第七讲 处理多维特征的输入)

759 patients, 8 measurements each: does diabetes follow within a year? Three
linear layers 8 -> 6 -> 4 -> 1 with a sigmoid after each, all rows at once (full
batch). Label 1 means NO diabetes, 0 means diabetes.

    python lecture07_multi_dim.py                       # the video
    python lecture07_multi_dim.py --activation relu --epochs 5000
    python lecture07_multi_dim.py --activation all --epochs 5000   # the exercise

Look at the majority baseline: with the video's settings the network has learnt
to answer "no diabetes" to everybody, and reaches exactly the baseline's accuracy.
"""

import argparse
import math
import sys
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

# Slide 7-3 shows the first rows of the data; no slide shows a result.
VIDEO_FIRST_ROW = [-0.29, 0.49, 0.18, -0.29, 0.00, 0.00, -0.53, -0.03]


# ---------------------------------------------------------------- 1. Dataset
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


# One of the nine patients of the original study that the lecturer's file leaves
# out (row 24 of 768), scaled the same way. She has diabetes: label 0.
HELD_OUT = [0.294118, 0.437186, 0.540984, -0.333333, -0.654846, 0.0909091]
HELD_OUT += [-0.849701, 0.0]


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


ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid(),  # the video
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "elu": torch.nn.ELU(),
    "tanh": torch.nn.Tanh(),
    "softplus": torch.nn.Softplus(),
}


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Mean binary cross-entropy (size_average=True on the slide) and SGD."""
    criterion = torch.nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return criterion, optimizer


# --------------------------------------------------------------- 4. Training
def train(model, criterion, optimizer, x_data, y_data, epochs, history, show=True):
    """Full batch; history gets (loss, accuracy in %) of every epoch."""
    for epoch in range(epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        if show:
            print(epoch, loss.item())
        if not math.isfinite(loss.item()):
            message = f"the loss is {loss.item()} in epoch {epoch}"
            raise FloatingPointError(f"{message}: try a smaller --lr")
        history.append((loss.item(), accuracy(y_pred, y_data)))

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    return 100 * ((y_pred >= 0.5) == (y >= 0.5)).float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    ones = y.mean().item()
    return 100 * max(ones, 1 - ones)


# ------------------------------------------------------ 5. Inference and plot
def two_linear_layers_are_one(x):
    """Why activations: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)."""
    layer1, layer2 = torch.nn.Linear(8, 6), torch.nn.Linear(6, 4)
    with torch.no_grad():
        weight = layer2.weight @ layer1.weight  # (4, 6) @ (6, 8) -> (4, 8)
        bias = layer2.weight @ layer1.bias + layer2.bias
        difference = (layer2(layer1(x)) - (x @ weight.T + bias)).abs().max().item()
    print("Two linear layers 8 -> 6 -> 4 without an activation, against the one layer")
    print(f"that they multiply to: largest difference {difference:.1e} (rounding)")


def draw(curves, baseline):
    """Loss above, accuracy below with the majority class as the bar to jump."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    for name, history in curves.items():
        loss, correct = zip(*history)
        top.plot(loss, label=f"this run: {name}")
        bottom.plot(correct)
    label = f"always 'no diabetes': {baseline:.2f} %"
    bottom.axhline(baseline, color="grey", ls="--", label=label)
    top.set(ylabel="Loss (mean BCE)", title="Lecture 07 · Diabetes, 8-6-4-1")
    bottom.set(xlabel="Epoch", ylabel="Training accuracy (%)")
    top.legend(ncols=2)
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


def parse_args(argv):
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=100, metavar="N", help="[100]")
    add("--lr", type=number(float, 0), default=0.1, metavar="X", help="[0.1]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    data = Path(__file__).resolve().parent / "data"
    add("--data-dir", type=Path, default=data, metavar="DIR", help="[data]")
    names = [*ACTIVATIONS, "all"]
    help_activation = f"hidden layers: {', '.join(names)} [sigmoid]"
    add("--activation", choices=names, default="sigmoid", help=help_activation)
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    x_data, y_data = load_diabetes(args.data_dir)
    baseline = majority(y_data)
    torch.manual_seed(args.seed)
    two_linear_layers_are_one(x_data)

    rows = []
    for i in (0, 4):
        ours = " ".join(f"{value:.2f}" for value in x_data[0, i : i + 4].tolist())
        video = " ".join(f"{value:.2f}" for value in VIDEO_FIRST_ROW[i : i + 4])
        rows.append((f"first row, features {i + 1} to {i + 4}", ours, video))
    curves, status = {}, 0
    names = ACTIVATIONS if args.activation == "all" else [args.activation]
    for name in names:
        torch.manual_seed(args.seed)  # every activation starts at the same weights
        model = Model(ACTIVATIONS[name])
        criterion, optimizer = construct(model, args.lr)
        history = []
        setting = model, criterion, optimizer, x_data, y_data, args.epochs, history
        status = run_training(train, *setting, len(names) == 1) or status
        if not history:  # Ctrl-C in the first epoch
            break
        curves[name] = history
        loss, correct = history[-1]
        rows.append((f"{name}: last loss", f"{loss:.4f}", "not shown"))
        rows.append((f"{name}: accuracy", f"{correct:.2f} %", "not shown"))
        with torch.no_grad():
            p = model(torch.tensor([HELD_OUT])).item()
        print(f"{name}: held-out patient with diabetes: P(no diabetes) = {p:.3f}")
        if status == 130:  # Ctrl-C
            break
    rows.append(("majority class, no training", f"{baseline:.2f} %", "not shown"))
    print_table("slide 7-3", rows)
    print("Label 1 means no diabetes: the majority answer is 'no diabetes' to all.")
    if curves:
        save_plot(draw(curves, baseline), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
