"""Lecture 06 · Logistic regression (第六讲 逻辑斯蒂回归)

Not how many points, but pass or fail: the model puts the linear output through
the logistic function, sigma(x w + b), and reads it as the probability of a pass.
1, 2, 3 hours gave fail, fail, pass. Loss is the binary cross-entropy.

    python lecture06_logistic_regression.py

Before the training it works out the cross-entropy by hand (slide 6-11), and
shows that it is entropy + Kullback-Leibler divergence.
"""

import argparse
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

VIDEO_BCE = {  # slide 6-11: (y, y_pred): loss
    (1, 0.2): "1.6094",
    (1, 0.8): "0.2231",
    (0, 0.3): "0.3567",
    (0, 0.7): "1.2040",
}
VIDEO_MEAN = "0.8483"
VIDEO_W, VIDEO_B = 1.193, -2.859  # slide 6-19, measured off its curve


# ---------------------------------------------------------------- 1. Dataset
x_data = torch.tensor([[1.0], [2.0], [3.0]])  # hours of study, (3, 1)
y_data = torch.tensor([[0.0], [0.0], [1.0]])  # 0 fail, 1 pass, (3, 1)


# ------------------------------------------------------------------ 2. Model
class LogisticRegressionModel(torch.nn.Module):
    """P(pass | x hours) = sigma(x w + b): (N, 1) -> (N, 1), between 0 and 1."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Summed binary cross-entropy (size_average=False on the slide) and SGD."""
    criterion = torch.nn.BCELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return criterion, optimizer


def bce(y, y_pred):
    """Binary cross-entropy of one sample: -(y log p + (1 - y) log(1 - p))."""
    return -(y * math.log(y_pred) + (1 - y) * math.log(1 - y_pred))


def explain_loss():
    """Slide 6-11 by hand and with BCELoss; returns the table rows."""
    rows, total = [], 0
    for (y, y_pred), video in VIDEO_BCE.items():
        loss = bce(y, y_pred)
        total += loss
        rows.append((f"BCE of y = {y}, y_pred = {y_pred}", f"{loss:.4f}", video))
    rows.append(("mean of the four", f"{total / 4:.4f}", VIDEO_MEAN))
    y, y_pred = torch.tensor(list(VIDEO_BCE)).T
    print(f"BCELoss of slide 6-11: {torch.nn.BCELoss()(y_pred, y).item():.4f}")

    p, q = 0.7, 0.4  # the truth and the model's belief, of one event
    entropy = bce(p, p)
    divergence = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    print(f"truth P = {p}, model Q = {q}:")
    print(f"  entropy H(P)             {entropy:.4f}")
    print(f"  + divergence KL(P || Q)  {divergence:.4f}")
    print(
        f"  = cross-entropy H(P, Q)  {bce(p, q):.4f}  (sum {entropy + divergence:.4f})"
    )
    print("Only KL depends on the model: less cross-entropy means closer to the truth.")
    return rows


# --------------------------------------------------------------- 4. Training
def train(model, criterion, optimizer, x_data, y_data, epochs, losses):
    """Forward, backward, update, as in lecture 5."""
    for epoch in range(epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())
        if not math.isfinite(loss.item()):
            message = f"the loss is {loss.item()} in epoch {epoch}"
            raise FloatingPointError(f"{message}: try a smaller --lr")
        losses.append(loss.item())

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# ------------------------------------------------------ 5. Inference and plot
def infer(model, hours):
    """P(pass) for an array of hours."""
    x = torch.tensor(np.reshape(hours, (-1, 1)), dtype=torch.float32)
    with torch.no_grad():
        return model(x).numpy().ravel()


def video_curve(hours):
    """P(pass) as slide 6-19 draws it."""
    return 1 / (1 + np.exp(-(VIDEO_W * np.asarray(hours) + VIDEO_B)))


def compare(model):
    """Table rows: the curve against slide 6-19."""
    w, b = model.linear.weight.item(), model.linear.bias.item()
    video_crossing = f"about {-VIDEO_B / VIDEO_W:.2f}"
    rows = [("w, b", f"{w:.3f}, {b:.3f}", f"about {VIDEO_W}, {VIDEO_B}")]
    rows.append(("P(pass) = 0.5 at hours", f"{-b / w:.2f}", video_crossing))
    ours, video = infer(model, [4.0])[0], video_curve(4.0)
    rows.append(("P(pass) after 4 hours", f"{ours:.4f}", f"about {video:.2f}"))
    return rows


def draw(model):
    """The probability curve from 0 to 10 hours, the video's dashed beside it."""
    hours = np.linspace(0, 10, 200)
    crossing = -model.linear.bias.item() / model.linear.weight.item()
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(hours, infer(model, hours), label="this run")
    axes.plot(hours, video_curve(hours), "k--", label="video (slide 6-19)")
    axes.plot([0, 10], [0.5, 0.5], "r", lw=1)
    if 0 < crossing < 10:
        label = f"P = 0.5 at {crossing:.2f} hours"
        axes.plot(crossing, 0.5, "ro", label=label)
    axes.plot(x_data.numpy(), y_data.numpy(), "C2s", label="training data")
    axes.set(xlabel="Hours", ylabel="Probability of Pass")
    axes.set_title("Lecture 06 · Logistic regression")
    axes.legend(loc="lower right")
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
    add("--epochs", type=number(int, 0), default=1000, metavar="N", help="[1000]")
    add("--lr", type=number(float, 0), default=0.01, metavar="X", help="[0.01]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    torch.manual_seed(args.seed)
    rows = explain_loss()
    model = LogisticRegressionModel()
    criterion, optimizer = construct(model, args.lr)
    losses = []
    setting = model, criterion, optimizer, x_data, y_data, args.epochs, losses
    status = run_training(train, *setting)
    print("w =", model.linear.weight.item())
    print("b =", model.linear.bias.item())
    print("P(pass | 4 hours) =", infer(model, [4.0])[0])
    print_table("slides 6-11, 6-19", rows + compare(model))
    save_plot(draw(model), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
