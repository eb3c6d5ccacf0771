"""Lecture 02 · Linear model (第二讲 线性模型)

How many points does a student get after 4 hours of study, if 1, 2, 3 hours gave
2, 4, 6 points? The model is y_pred = x * w. There is no training yet: every w
from 0.0 to 4.0 is tried, and the one with the smallest mean squared error wins.

    python lecture02_linear_model.py                  # the video: scan w
    python lecture02_linear_model.py --model affine   # exercise: scan w and b

The loss belongs to one sample, the cost is the mean of all losses (slide 2-23
says sum; 2-14 and 2-15 compute the mean). The exercise (slide 2-26) is
y_pred = x * w + b: its cost over the (w, b) plane is a surface.
"""

import argparse
import os
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


# ------------------------------------------------------------------- 3. Loss
def loss(x, y, w):
    """Squared error of one sample; the cost (MSE) is its mean over all samples."""
    y_pred = forward(x, w)
    return (y_pred - y) ** 2


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    step = 1.0 if args.dry_run else 0.1
    if args.model == "affine":
        return affine(args, step)

    # 4. Search: every w is tried (no training yet)
    w_list = np.arange(0.0, 4.0 + step / 2, step)
    mse_list = []
    for w in w_list:
        print("w=", w)
        l_sum = 0
        for x_val, y_val in zip(x_data, y_data):
            y_pred_val = forward(x_val, w)
            loss_val = loss(x_val, y_val, w)
            l_sum += loss_val
            print("\t", x_val, y_val, y_pred_val, loss_val)
        print("MSE=", l_sum / len(x_data))
        mse_list.append(l_sum / len(x_data))

    # 5. Inference and plot
    best = w_list[np.argmin(mse_list)]
    print(f"smallest MSE at w = {best:.1f}; x = 4 gives {forward(4.0, best):.1f}")
    print_table("slide 2-15", compare(w_list, mse_list, best))
    save_plot(draw(w_list, mse_list), args)


# ----------------------------------------- Exercises: 2-26, y_pred = x * w + b
def affine(args, step):
    """The cost of y_pred = x * w + b over a grid of w and b, drawn as a surface."""
    w_list = np.arange(0.0, 4.0 + step / 2, step)
    w, b = np.meshgrid(w_list, w_list - 2)  # b from -2.0 to 2.0
    cost = cost_grid(x_data, y_data, w, b)
    row, column = np.unravel_index(np.argmin(cost), cost.shape)
    best_w, best_b = w[row, column], b[row, column]
    print(f"{cost.size} points (w, b) tried, smallest cost {cost.min():.4f}")
    print(f"x = 4 gives {forward(4.0, best_w) + best_b:.1f}")
    rows = [("w of the smallest cost", f"{best_w:.1f}", "2 (computed)")]
    rows.append(("b of the smallest cost", f"{best_b:.1f}", "0 (computed)"))
    print_table("exercise 2-26", rows)

    figure = plt.figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot(projection="3d", computed_zorder=False)
    axes.plot_surface(w, b, cost, cmap="viridis", alpha=0.8)
    label = f"minimum: w = {best_w:.1f}, b = {best_b:.1f}"
    axes.scatter(best_w, best_b, cost.min(), color="red", s=60, label=label)
    axes.legend()
    axes.set(xlabel="w", ylabel="b", zlabel="Loss")
    axes.set_title("Lecture 02 · Cost of y = x·w + b")
    save_plot(figure, args)


def cost_grid(x_data, y_data, w, b):
    """The MSE of y_pred = x * w + b at every point of a grid.

    w and b come from np.meshgrid, shape (rows, columns); the result has that shape.
    Their last axis is added here, so that broadcasting pairs each grid point
    with each sample: (rows, columns, 1) against (samples,).
    """
    x, y = np.array(x_data), np.array(y_data)
    return np.mean((w[..., None] * x + b[..., None] - y) ** 2, axis=-1)


# ---------------------------------------------------------- Beside the video
VIDEO_MSE = ["18.7", "4.7", "0", "4.7", "18.7"]  # slide 2-15, at w = 0, 1, 2, 3, 4


def compare(w_list, mse_list, best):
    """Table rows: the slide's five costs, the best w, and the prediction."""
    rows = []
    for w, video in enumerate(VIDEO_MSE):
        ours = mse_list[np.argmin(abs(w_list - w))]
        rows.append((f"MSE at w = {w}", f"{ours:.4f}", video))
    rows.append(("w of the smallest MSE", f"{best:.1f}", "2"))
    rows.append(("prediction for x = 4", f"{forward(4.0, best):.1f}", "8"))
    return rows


def draw(w_list, mse_list):
    """The cost over w, and the video's five points."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(w_list, mse_list, label="this run")
    axes.plot([float(mse) for mse in VIDEO_MSE], "ko", label="video")
    axes.set(xlabel="w", ylabel="Loss", title="Lecture 02 · Cost of y = x·w")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


# -------------------------------------------------------------- Command line
SCRIPT = Path(globals().get("__file__", "lecture02.py"))  # a notebook cell has none


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    names = ["linear", "affine"]
    parser.add_argument("--model", choices=names, default="linear", help="[linear]")
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
