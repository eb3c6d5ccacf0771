"""Lecture 03 · Gradient descent (第三讲 梯度下降)

The same three samples and y_pred = x * w, but now w is found by walking
downhill: w -= lr * gradient, from w = 1.0, 100 times. Gradient descent uses the
mean gradient of all samples, stochastic gradient descent (SGD) updates after
each sample, mini-batch is the compromise.

    python lecture03_gradient_descent.py                       # the video
    python lecture03_gradient_descent.py --method sgd --smooth 0.9
    python lecture03_gradient_descent.py --method all          # three curves
    python lecture03_gradient_descent.py --landscape saddle    # who gets stuck?
    python lecture03_gradient_descent.py --landscape local     # two valleys
"""

import argparse
import random
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

VIDEO_W = [1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66]
VIDEO_COST = [4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66]
# slide 3-21: epochs 0 to 10 above; epochs 90 to 99 all show w = 2.00, cost = 0.00


# ---------------------------------------------------------------- 1. Dataset
x_data = [1.0, 2.0, 3.0]  # hours of study
y_data = [2.0, 4.0, 6.0]  # points


# ------------------------------------------------------------------ 2. Model
def forward(x, w):
    """Predict the points for x hours."""
    return x * w


# ------------------------------------------------------ 3. Cost and gradients
def cost(xs, ys, w):
    """Mean squared error over all samples."""
    total = 0
    for x, y in zip(xs, ys):
        total += (forward(x, w) - y) ** 2
    return total / len(xs)


def gradient(xs, ys, w):
    """Derivative of the cost: the mean of 2x(xw - y) over all samples."""
    total = 0
    for x, y in zip(xs, ys):
        total += 2 * x * (forward(x, w) - y)
    return total / len(xs)


def gradient_sample(x, y, w):
    """SGD: the derivative of one sample's loss."""
    return 2 * x * (forward(x, w) - y)


def gradient_batch(xs, ys, w):
    """Mini-batch: the mean over a few samples, as one numpy expression."""
    x, y = np.array(xs), np.array(ys)
    return float(np.mean(2 * x * (x * w - y)))


# --------------------------------------------------------------- 4. Training
def train_gd(xs, ys, lr, epochs, history):
    """One update per epoch from all samples; history gets (w, cost) pairs."""
    w = 1.0
    for epoch in range(epochs):
        cost_val = cost(xs, ys, w)
        w -= lr * gradient(xs, ys, w)
        record(history, epoch, w, cost_val)


def train_sgd(xs, ys, lr, epochs, history):
    """One update per sample, in order 1, 2, 3; each sees the w of the one before."""
    w = 1.0
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            loss = (forward(x, w) - y) ** 2
            w -= lr * gradient_sample(x, y, w)
            record(history, epoch, w, loss, "loss")


def train_minibatch(xs, ys, lr, epochs, history, size=2):
    """One update per mini-batch: here samples 1 and 2, then sample 3."""
    w = 1.0
    for epoch in range(epochs):
        for i in range(0, len(xs), size):
            x_batch, y_batch = xs[i : i + size], ys[i : i + size]
            loss = cost(x_batch, y_batch, w)
            w -= lr * gradient_batch(x_batch, y_batch, w)
            record(history, epoch, w, loss, "loss")


TRAIN = {"gd": train_gd, "sgd": train_sgd, "minibatch": train_minibatch}
UPDATES = {"gd": 1, "sgd": 3, "minibatch": 2}  # per epoch


def record(history, epoch, w, value, name="cost"):
    """Keep and print one update; a cost without bounds ends the training."""
    history.append((w, value))
    print(f"Epoch: {epoch} w= {w:.2f} {name}= {value:.2f}")
    if not value < 1e9:  # also true for nan
        message = f"it diverges, {name} {value:.3g} in epoch {epoch}: try a smaller"
        raise FloatingPointError(message + " --lr")


def smooth(losses, beta):
    """Exponential smoothing: c'[i] = beta * c'[i-1] + (1 - beta) * c[i]."""
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(beta * smoothed[-1] + (1 - beta) * loss)
    return smoothed


# ------------------------------------------------------ 5. Inference and plot
def lecture(args, xs, ys):
    """Train by --method (or all three); return (status, table rows, figure)."""
    rows, status = [], 0
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    methods = list(TRAIN) if args.method == "all" else [args.method]
    for method in methods:
        history = []
        print("Predict (before training)", 4, forward(4, 1.0))
        new = run_training(TRAIN[method], xs, ys, args.lr, args.epochs, history)
        status = status or new
        if not history:  # Ctrl-C in the first epoch
            break
        prediction = forward(4, history[-1][0])
        print("Predict (after training)", 4, f"{prediction:.2f}")
        rows += compare(method, history, prediction, args)
        epoch_axis = [i / UPDATES[method] for i in range(len(history))]
        losses = [value for _, value in history]
        axes.plot(epoch_axis, losses, label=f"this run: {method}", alpha=0.8)
        if method == "sgd":
            label = f"sgd smoothed, beta = {args.smooth:g}"
            axes.plot(epoch_axis, smooth(losses, args.smooth), label=label)
        if status == 130:  # Ctrl-C
            break
    shown = min(len(VIDEO_COST), args.epochs)
    axes.plot(range(shown), VIDEO_COST[:shown], "ko", label="video (gd)", ms=4)
    if args.epochs >= 100:
        axes.plot(range(90, 100), [0] * 10, "ko", ms=4)
    if status:
        axes.set_yscale("log")
    elif args.method != "gd":
        axes.set_xlim(-0.5, 20)  # the other two are at the bottom by then
    axes.set(xlabel="Epoch", ylabel="Cost", title="Lecture 03 · Gradient descent")
    axes.legend()
    return status, rows, figure


def compare(method, history, prediction, args):
    """The table rows of one method: slide 3-21 shows gradient descent only."""
    rows = []
    if method == "gd":
        for i, (w, value) in enumerate(history[: len(VIDEO_W)]):
            video = f"{VIDEO_W[i]:.2f} / {VIDEO_COST[i]:.2f}"
            rows.append((f"epoch {i}: w / cost", f"{w:.2f} / {value:.2f}", video))
        if len(history) >= 100:
            w, value = history[99]
            rows.append(("epoch 99: w / cost", f"{w:.2f} / {value:.2f}", "2.00 / 0.00"))
        rows.append(("gd: w, first update", str(history[0][0]), "1.09"))
    video_w, video_prediction = ("2.00", "8.00") if method == "gd" else ("-", "-")
    rows.append((f"{method}: w, last update", str(history[-1][0]), video_w))
    rows.append((f"{method}: prediction for x = 4", str(prediction), video_prediction))
    return rows


# ------------------------------------ Landscapes: where gradient descent ends
def descend(gradient, start, lr, steps, noise=0.0):
    """Follow -gradient from start; noise plays the part of SGD's random samples.

    Returns the visited points, shape (steps + 1, number of weights).
    """
    path = [np.array(start)]
    for _ in range(steps):
        g = gradient(path[-1])
        g = g + np.array([random.gauss(0, noise) for _ in g])
        path.append(path[-1] - lr * g)
        if not np.all(np.abs(path[-1]) < 1e3):
            print("it diverges: try a smaller --lr", file=sys.stderr)
            break
    return np.array(path)


def saddle(args):
    """A saddle at (0, 0): valleys left and right, the start exactly on the ridge."""

    def f(w):
        return w[0] ** 2 + w[1] ** 4 / 4 - w[1] ** 2 / 2

    def f_gradient(w):
        return np.array([2 * w[0], w[1] ** 3 - w[1]])

    start = (1.5, 0.0)
    steps = args.epochs
    plain = descend(f_gradient, start, args.lr, steps)
    noisy = descend(f_gradient, start, args.lr, steps, noise=0.3)
    grid = np.meshgrid(np.linspace(-0.8, 1.8, 100), np.linspace(-1.6, 1.6, 100))
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    lines = axes.contour(*grid, f(grid), levels=25, cmap="Greys_r", alpha=0.7)
    figure.colorbar(lines, label="cost")
    axes.plot(*plain.T, ".-", label="gradient descent: stops at the saddle")
    axes.plot(*noisy.T, ".-", label="SGD: its noise leaves the saddle")
    axes.plot(0, 0, "rx", ms=10, label="saddle point, gradient 0")
    axes.set(xlabel="w1", ylabel="w2", title="Lecture 03 · A saddle point")
    axes.set(xlim=(-0.8, 1.8), ylim=(-1.6, 1.6))
    axes.legend(loc="upper right")
    rows = [("gradient descent ends at", where(plain[-1]), "stops at the saddle")]
    rows.append(("SGD ends at", where(noisy[-1]), "leaves the saddle"))
    rows.append(("cost of both", f"{f(plain[-1]):.3f}, {f(noisy[-1]):.3f}", "-"))
    return rows, figure


def local(args):
    """A cost with two valleys: the start decides which one is found."""

    def f(w):
        return (w**2 - 1) ** 2 + 0.3 * w

    def f_gradient(w):
        return 4 * w * (w**2 - 1) + 0.3

    w = np.linspace(-1.6, 1.6, 200)
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(w, f(w), color="grey", label="cost")
    rows = []
    for start in (-0.3, 0.4):
        path = descend(f_gradient, [start], args.lr, args.epochs)[:, 0]
        axes.plot(path, f(path), ".-", label=f"start at w = {start:g}")
        end = f"w = {path[-1]:.3f}, cost {f(path[-1]):.3f}"
        video = "global optimum" if start < 0 else "local optimum, not global"
        rows.append((f"start at w = {start:g} ends at", end, video))
    axes.set(xlabel="w", ylabel="Cost", title="Lecture 03 · Local and global optimum")
    axes.set(xlim=(-1.6, 1.6), ylim=(-0.5, 2))
    axes.legend()
    return rows, figure


LANDSCAPES = {"saddle": saddle, "local": local}


def where(point):
    """A point as text: (1.00, 2.00)."""
    return "(" + ", ".join(f"{abs(w) if abs(w) < 5e-3 else w:.2f}" for w in point) + ")"


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


def beta(text):
    """An argparse type: a smoothing factor, 0 <= beta < 1."""
    value = number(float, -1)(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0 <= beta < 1")
    return value


def parse_args(argv):
    """The options; --lr depends on what is run."""
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=100, metavar="N", help="[100]")
    rate = "[0.01, landscapes 0.1]"
    add("--lr", type=number(float, 0), metavar="X", help=f"learning rate {rate}")
    add("--method", choices=[*TRAIN, "all"], default="gd", help="[gd]")
    add("--smooth", type=beta, default=0.9, metavar="BETA", help="of sgd [0.9]")
    add("--landscape", choices=LANDSCAPES, help="show where descent ends")
    help_seed = "of the noise in --landscape saddle [0]"
    add("--seed", type=number(int, -1), default=0, metavar="N", help=help_seed)
    args = parser.parse_args(argv)
    args.lr = args.lr or (0.1 if args.landscape else 0.01)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    random.seed(args.seed)
    status = 0
    if args.landscape:
        rows, figure = LANDSCAPES[args.landscape](args)
        print_table("in words", rows)
    else:
        status, rows, figure = lecture(args, x_data, y_data)
        print_table("slide 3-21", rows)
    save_plot(figure, args)
    return status


if __name__ == "__main__":
    sys.exit(main())
