"""Lecture 06 · Logistic regression (第六讲 逻辑斯蒂回归)

Not how many points, but pass or fail: the model puts the linear output through
the logistic function, sigma(x w + b), one of the S-shaped (sigmoid, saturating)
functions, and reads it as the probability of a pass. 1, 2, 3 hours gave fail, fail,
pass. Loss is the binary cross-entropy.

    python lecture06_logistic_regression.py

Before the training it works out the cross-entropy by hand (slide 6-11), and shows
that it is entropy + Kullback-Leibler divergence. The training sums the losses of the
samples (slide 6-14; 6-13 writes 1/N before the sum).
"""

import argparse
import math
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import numpy as np
import torch

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
        return torch.sigmoid(self.linear(x))  # F.sigmoid (6-12) is deprecated


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    torch.manual_seed(args.seed)
    rows = explain_loss()

    # 2. Model
    model = LogisticRegressionModel()

    # 3. Loss and optimizer
    # PyTorch recommends BCEWithLogitsLoss today: the sigmoid inside, more exact
    criterion = torch.nn.BCELoss(reduction="sum")  # size_average=False on the slide
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update
    for epoch in range(args.epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # 5. Inference and plot
    print("w =", model.linear.weight.item())
    print("b =", model.linear.bias.item())
    print("P(pass | 4 hours) =", infer(model, [4.0])[0])
    print_table("slides 6-11, 6-19", rows + compare(model))
    save_plot(draw(model), args)


def infer(model, hours):
    """P(pass) for an array of hours, shape (N,)."""
    x = torch.tensor(np.reshape(hours, (-1, 1)), dtype=torch.float32)
    with torch.no_grad():
        return model(x).numpy().ravel()


# ------------------------------ Exercises: the loss by hand, and what it means
def bce(y, y_pred):
    """Binary cross-entropy of one sample: -(y log p + (1 - y) log(1 - p))."""
    return -(y * math.log(y_pred) + (1 - y) * math.log(1 - y_pred))


def explain_loss():
    """Slide 6-11 by hand and with BCELoss; returns the table rows."""
    rows, losses = [], []
    for (y, y_pred), video in VIDEO_BCE.items():
        losses.append(bce(y, y_pred))
        rows.append((f"BCE of y = {y}, y_pred = {y_pred}", f"{losses[-1]:.4f}", video))
    rows.append(("mean of the four", f"{np.mean(losses):.4f}", VIDEO_MEAN))
    y, y_pred = torch.tensor(list(VIDEO_BCE)).T
    print(f"BCELoss of slide 6-11: {torch.nn.BCELoss()(y_pred, y).item():.4f}")

    p, q = 0.7, 0.4  # the truth and the model's belief, of one event
    entropy = bce(p, p)
    kl = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    print(f"truth P = {p}, model Q = {q}:")
    print(f"  entropy H(P)             {entropy:.4f}")
    print(f"  + divergence KL(P || Q)  {kl:.4f}")
    print(f"  = cross-entropy H(P, Q)  {bce(p, q):.4f}  (sum {entropy + kl:.4f})")
    print("Only KL depends on the model: less cross-entropy means closer to the truth.")
    return rows


# ---------------------------------------------------------- Beside the video
# slide 6-11: (y, y_pred): loss
VIDEO_BCE = {(1, 0.2): "1.6094", (1, 0.8): "0.2231"}
VIDEO_BCE |= {(0, 0.3): "0.3567", (0, 0.7): "1.2040"}
VIDEO_MEAN = "0.8483"
VIDEO_W, VIDEO_B = 1.193, -2.859  # slide 6-19, measured off its curve


def compare(model):
    """Table rows: the curve against slide 6-19."""
    w, b = model.linear.weight.item(), model.linear.bias.item()
    rows = [("w, b", f"{w:.3f}, {b:.3f}", f"about {VIDEO_W}, {VIDEO_B}")]
    rows.append(("P(pass) = 0.5 at hours", f"{-b / w:.2f}", "about 2.40"))
    rows.append(("P(pass) after 4 hours", f"{infer(model, [4])[0]:.4f}", "about 0.87"))
    return rows


def draw(model):
    """The probability curve from 0 to 10 hours, the video's dashed beside it."""
    hours = np.linspace(0, 10, 200)
    crossing = -model.linear.bias.item() / model.linear.weight.item()
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(hours, infer(model, hours), label="this run")
    video = 1 / (1 + np.exp(-(VIDEO_W * hours + VIDEO_B)))
    axes.plot(hours, video, "k--", label="video (slide 6-19, about)")
    axes.plot([0, 10], [0.5, 0.5], "r", lw=1)
    if 0 < crossing < 10:
        axes.plot(crossing, 0.5, "ro", label=f"P = 0.5 at {crossing:.2f} hours")
    axes.plot(x_data.numpy(), y_data.numpy(), "C2s", label="training data")
    axes.set(xlabel="Hours", ylabel="Probability of Pass")
    axes.set_title("Lecture 06 · Logistic regression")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


# -------------------------------------------------------------- Command line
SCRIPT = Path(globals().get("__file__", "lecture06.py"))  # a notebook cell has none


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=1000, metavar="N", help="[1000]")
    add("--lr", type=float, default=0.01, metavar="X", help="[0.01]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
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
