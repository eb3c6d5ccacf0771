"""Lecture 03 · Gradient descent (第三讲 梯度下降)

The same three samples and y_pred = x * w, but now w is found by walking downhill:
w -= lr * gradient, from w = 1.0, 100 times. The sign of the derivative says which way
is down; each step is greedy. Gradient descent uses the mean gradient of all samples
(they can be computed in parallel), stochastic gradient descent (SGD) updates after
each sample (it cannot: every update needs the one before, but it finds better
weights), mini-batch is the compromise.

    python lecture03_gradient_descent.py                       # the video
    python lecture03_gradient_descent.py --method sgd --smooth 0.9
    python lecture03_gradient_descent.py --method all          # three curves
    python lecture03_gradient_descent.py --landscape saddle    # who gets stuck?
    python lecture03_gradient_descent.py --landscape local     # two valleys

Why not search? A coarse grid, then a finer one around its best point (divide and
conquer, 分治) misses the optimum where the cost is not convex, and a grid over many
weights has too many points. Too large a rate diverges: try --lr 1.
"""

import argparse
import os
import random
import signal
import sys
from pathlib import Path

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import numpy as np

# ---------------------------------------------------------------- 1. Dataset
x_data = [1.0, 2.0, 3.0]  # hours of study
y_data = [2.0, 4.0, 6.0]  # points


# ------------------------------------------------------------------ 2. Model
def forward(x, w):
    """Predict the points for x hours."""
    return x * w


# ------------------------------------------------------ 3. Cost and gradient
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


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    if args.landscape or args.method != "gd":
        return exercise(args)

    # 4. Training: one update per epoch, from all samples
    w = 1.0
    w_list, cost_list = [], []
    print("Predict (before training)", 4, forward(4, w))
    for epoch in range(args.epochs):
        cost_val = cost(x_data, y_data, w)
        grad_val = gradient(x_data, y_data, w)
        w -= args.lr * grad_val
        print(f"Epoch: {epoch} w= {w:.2f} cost= {cost_val:.2f}")
        w_list.append(w)
        cost_list.append(cost_val)
        if not cost_val < 1e9:  # it diverges: soon ** would raise OverflowError
            break

    # 5. Inference and plot
    print("Predict (after training)", 4, f"{forward(4, w):.2f}")
    print_table("slide 3-21", compare(w_list, cost_list))
    save_plot(draw({"gd": cost_list}, args), args)
    return diverged("gd", cost_list[-1])


# ---------------------- Exercises: SGD, mini-batch, all three; where descent ends
def exercise(args):
    """What methods(), saddle() or local() finds: its table and its plot."""
    variant = {"saddle": saddle, "local": local}.get(args.landscape, methods)
    rows, figure, ends = variant(args)
    print_table("in words" if args.landscape else "slide 3-21", rows)
    save_plot(figure, args)
    return max(diverged(name, end) for name, end in ends.items())


def gradient_sample(x, y, w):
    """SGD: the derivative of one sample's loss."""
    return 2 * x * (forward(x, w) - y)


def train_sgd(lr, epochs):
    """One update per sample, in order 1, 2, 3: (w after each, its sample's loss).

    As on slides 3-23 to 3-25 the loss is taken after the update, where gradient
    descent (3-21) takes the cost before it.
    """
    w, w_list, losses = 1.0, [], []
    for epoch in range(epochs):
        for x, y in zip(x_data, y_data):
            grad = gradient_sample(x, y, w)
            w -= lr * grad
            print("\tgrad:", x, y, grad)
            w_list.append(w)
            losses.append((forward(x, w) - y) ** 2)
        print("progress:", epoch, "w=", w, "loss=", losses[-1])
        if not losses[-1] < 1e9:
            break
    return w_list, losses


def train_batches(lr, epochs, size):
    """One update per mini-batch of that size: (w after each, the cost before it).

    size 3 is gradient descent; size 2 takes samples 1 and 2, then sample 3.
    """
    w, w_list, costs = 1.0, [], []
    for epoch in range(epochs):
        for i in range(0, len(x_data), size):
            x_batch, y_batch = x_data[i : i + size], y_data[i : i + size]
            costs.append(cost(x_batch, y_batch, w))
            w -= lr * gradient(x_batch, y_batch, w)
            w_list.append(w)
            name = "cost" if size == 3 else "loss"
            print(f"Epoch: {epoch} w= {w:.2f} {name}= {costs[-1]:.2f}")
        if not costs[-1] < 1e9:
            break
    return w_list, costs


METHODS = {"gd": 1, "sgd": 3, "minibatch": 2}  # updates per epoch


def smooth(losses, beta):
    """Exponential smoothing: c'[i] = beta * c'[i-1] + (1 - beta) * c[i]."""
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(beta * smoothed[-1] + (1 - beta) * loss)
    return smoothed


def methods(args):
    """One method, or all three: the cost over all samples after each update."""
    rows, curves, ends = [], {}, {}
    for method in METHODS if args.method == "all" else [args.method]:
        print("Predict (before training)", 4, forward(4, 1.0))
        if method == "sgd":
            w_list, losses = train_sgd(args.lr, args.epochs)
        else:
            size = 3 if method == "gd" else 2
            w_list, losses = train_batches(args.lr, args.epochs, size)
        print("Predict (after training)", 4, f"{forward(4, w_list[-1]):.2f}")
        curves[method] = [cost(x_data, y_data, w) for w in [1.0, *w_list]]
        rows += ending(method, w_list)
        ends[method] = losses[-1]
    return rows, draw(curves, args, losses), ends


def descend(f, start, lr, steps, noise=0.0):
    """Follow -gradient from start; noise plays the part of SGD's random samples.

    f gives (cost, gradient) at the weights. Returns the visited points, shape
    (steps + 1, number of weights); if it diverges, fewer, and 1e9 as the last.
    """
    path = [np.array(start)]
    while len(path) <= steps and path[-1].max() < 1e9:
        g = f(*path[-1])[1] + np.array([random.gauss(0, noise) for _ in start])
        w = path[-1] - lr * g
        path.append(w if np.all(np.abs(w) < 1e3) else np.full_like(w, 1e9))
    return np.array(path)


def saddle(args):
    """A saddle at (0, 0): valleys above and below, the start exactly on the ridge."""

    def f(w1, w2):  # (cost, gradient)
        return w1**2 + w2**4 / 4 - w2**2 / 2, np.array([2 * w1, w2**3 - w2])

    random.seed(args.seed)
    gd = descend(f, (1.5, 0.0), args.lr, args.epochs)
    sgd = descend(f, (1.5, 0.0), args.lr, args.epochs, noise=0.3)
    grid = np.meshgrid(np.linspace(-0.8, 1.8, 100), np.linspace(-1.6, 1.6, 100))
    figure, axes = new_plot("A saddle point", "w1", "w2", height=5)
    lines = axes.contour(*grid, f(*grid)[0], levels=25, cmap="Greys_r", alpha=0.7)
    figure.colorbar(lines, label="cost")
    axes.plot(*gd.T, ".-", label="gradient descent")
    axes.plot(*sgd.T, ".-", label="SGD: the same with noise")
    axes.plot(0, 0, "rx", ms=10, label="saddle point, gradient 0")
    axes.set(xlim=(-0.8, 1.8), ylim=(-1.6, 1.6))
    axes.legend(loc="upper right")
    rows = [("gradient descent ends at", where(gd[-1]), "stops at the saddle")]
    rows.append(("SGD ends at", where(sgd[-1]), "leaves the saddle"))
    ends = {"gradient descent": f(*gd[-1])[0], "SGD": f(*sgd[-1])[0]}
    rows.append(("cost of both", ", ".join(f"{end:.3f}" for end in ends.values()), "-"))
    return rows, figure, ends


def local(args):
    """A cost with two valleys: the start decides which one is found."""

    def f(w):  # (cost, gradient)
        return (w**2 - 1) ** 2 + 0.3 * w, 4 * w * (w**2 - 1) + 0.3

    w = np.linspace(-1.6, 1.6, 200)
    figure, axes = new_plot("Local and global optimum", "w", "Cost")
    axes.plot(w, f(w)[0], color="grey", label="cost")
    rows, ends = [], {}
    for start, words in (-0.3, "global optimum"), (0.4, "local optimum, not global"):
        name = f"start at w = {start:g}"
        path = descend(f, [start], args.lr, args.epochs)[:, 0]
        axes.plot(path, f(path)[0], ".-", label=name)
        end = f"w = {path[-1]:.3f}, cost {f(path[-1])[0]:.3f}"
        rows.append((f"{name} ends at", end, words))
        ends[name] = f(path[-1])[0]
    axes.set(xlim=(-1.6, 1.6), ylim=(-0.5, 2))
    axes.legend()
    return rows, figure, ends


def where(point):
    """A point as text: (1.00, 2.00)."""
    return "(" + ", ".join(f"{abs(w) if abs(w) < 5e-3 else w:.2f}" for w in point) + ")"


# ---------------------------------------------------------- Beside the video
# Slide 3-21, epochs 0 to 10; epochs 90 to 99 all show w = 2.00, cost = 0.00. (Its
# output, with cost= to two decimals, is not that of the code beside it.)
VIDEO_W = [1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66]
VIDEO_COST = [4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66]


def compare(w_list, cost_list):
    """Table rows: w after each update and the cost before it, as on slide 3-21."""
    rows = []
    video = {i: f"{VIDEO_W[i]:.2f} / {VIDEO_COST[i]:.2f}" for i in range(len(VIDEO_W))}
    for epoch, shown in {**video, 99: "2.00 / 0.00"}.items():
        if epoch < len(w_list):
            ours = f"{w_list[epoch]:.2f} / {cost_list[epoch]:.2f}"
            rows.append((f"epoch {epoch}: w / cost", ours, shown))
    rows.append(("gd: w, first update", str(w_list[0]), "1.09"))
    return rows + ending("gd", w_list)


def ending(method, w_list):
    """Table rows: the last w and its prediction; 3-21 has gd's after 100 epochs."""
    w, video = w_list[-1], ("-", "-")
    if method == "gd" and len(w_list) == 100:
        video = ("2.00", "8.00")
    rows = [(f"{method}: w, last update", str(w), video[0])]
    return [*rows, (f"{method}: prediction for x = 4", str(forward(4, w)), video[1])]


def new_plot(title, xlabel, ylabel, height=4.5):
    """A figure with one empty plot."""
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    axes.set(title=f"Lecture 03 · {title}", xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


def draw(curves, args, losses=None):
    """The cost over all samples by epoch, and the video's points.

    curves: {method: costs}, of gd one an epoch, of the others one an update; losses:
    of the samples, one after each update, for --method sgd.
    """
    figure, axes = new_plot("Gradient descent", "Epoch", "Cost")
    for method, costs in curves.items():
        places = [i / METHODS[method] for i in range(len(costs))]
        style = ".-" if len(costs) < 5 else "-"
        axes.plot(places, costs, style, label=f"this run: {method}", alpha=0.8)
        if not costs[-1] < 1e9:
            axes.set_yscale("log")
    axes.plot(VIDEO_COST[: args.epochs], "ko", label="video (gd)", ms=4)
    if args.epochs >= 100:
        axes.plot(range(90, 100), [0] * 10, "ko", ms=4)
    if args.method == "sgd":  # one sample's loss is jagged: smoothing shows its way
        places, label = places[1:], f"smoothed, beta = {args.smooth:g}"
        axes.plot(places, losses, ".-", lw=0.8, ms=3, label="loss of each one sample")
        axes.plot(places, smooth(losses, args.smooth), label=label)
    if args.method != "gd" and axes.get_yscale() == "linear":
        axes.set_xlim(-0.5, 20)  # the other two are at the bottom by then
    axes.legend()
    return figure


def diverged(name, loss):
    """Exit status 1, and a line that says so, if the loss is out of bounds."""
    if abs(loss) < 1e9:  # nan is not, either
        return 0
    print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture03.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="[100]")
    add("--lr", type=float, metavar="X", help="[0.01, landscapes 0.1]")
    add("--method", choices=[*METHODS, "all"], default="gd", help="[gd]")
    add("--smooth", type=float, default=0.9, metavar="BETA", help="of sgd [0.9]")
    add("--landscape", choices=["saddle", "local"], help="show where descent ends")
    add("--seed", type=int, default=0, metavar="N", help="of SGD at the saddle [0]")
    args = parse(parser, argv)
    if args.smooth >= 1:
        parser.error(f"--smooth must be below 1, not {args.smooth}")
    args.lr = args.lr or (0.1 if args.landscape else 0.01)
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
