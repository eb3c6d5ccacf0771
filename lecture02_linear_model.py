"""Lecture 02 · Linear model (第二讲 线性模型)

How many points does a student get after 4 hours of study, if 1, 2, 3 hours gave
2, 4, 6 points? The model is y_pred = x * w. There is no training yet: every w
from 0.0 to 4.0 is tried, and the one with the smallest mean squared error wins.

    python lecture02_linear_model.py                  # the video: scan w
    python lecture02_linear_model.py --model affine   # exercise: scan w and b

The exercise is y_pred = x * w + b: its cost over the (w, b) plane is a surface.
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

VIDEO_MSE = {0: "18.7", 1: "4.7", 2: "0", 3: "4.7", 4: "18.7"}  # slide 2-15: w: MSE


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


# ------------------------------------- 4. Search: try every w (no training yet)
def scan(x_data, y_data, w_list):
    """Print every sample's loss for every w, as in the video; return the MSEs."""
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
    return mse_list


def cost_grid(x_data, y_data, w, b):
    """Exercise: the MSE of y_pred = x * w + b at every point of a grid.

    w and b come from np.meshgrid, shape (rows, columns), as does the result.
    Their last axis is added here, so that broadcasting pairs each grid point
    with each sample: (rows, columns, 1) against (samples,).
    """
    x, y = np.array(x_data), np.array(y_data)
    return np.mean((w[..., None] * x + b[..., None] - y) ** 2, axis=-1)


# ------------------------------------------------------ 5. Inference and plot
def lecture(x_data, y_data, step):
    """The video: scan w, predict x = 4; return (table rows, figure)."""
    w_list = np.arange(0.0, 4.0 + step / 2, step)
    mse_list = scan(x_data, y_data, w_list)
    best = w_list[np.argmin(mse_list)]
    print(f"smallest MSE at w = {best:.1f}; x = 4 gives {forward(4.0, best):.1f}")

    rows = []
    for w, video in VIDEO_MSE.items():
        ours = mse_list[round(w / step)]
        rows.append((f"MSE at w = {w}", f"{ours:.4f}", video))
    rows.append(("w of the smallest MSE", f"{best:.1f}", "2.0"))
    rows.append(("prediction for x = 4", f"{forward(4.0, best):.1f}", "8"))

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(w_list, mse_list, label="this run")
    video_mse = [float(mse) for mse in VIDEO_MSE.values()]
    axes.plot(list(VIDEO_MSE), video_mse, "ko", label="video")
    axes.set(xlabel="w", ylabel="Loss", title="Lecture 02 · Cost of y = x·w")
    axes.legend()
    return rows, figure


def exercise(x_data, y_data, step):
    """Exercise 2-26: the cost of y = x * w + b as a surface; (rows, figure)."""
    w, b = np.meshgrid(
        np.arange(0.0, 4.0 + step / 2, step), np.arange(-2.0, 2.0 + step / 2, step)
    )
    cost = cost_grid(x_data, y_data, w, b)
    row, column = np.unravel_index(np.argmin(cost), cost.shape)
    best_w, best_b = w[row, column], b[row, column]
    print(f"{cost.size} points (w, b) tried, smallest cost {cost.min():.4f}")
    print(f"x = 4 gives {forward(4.0, best_w) + best_b:.1f}")

    rows = [("w of the smallest cost", f"{best_w:.1f}", "2 (true line)")]
    rows.append(("b of the smallest cost", f"{abs(best_b):.1f}", "0 (true line)"))

    figure = plt.figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot(projection="3d", computed_zorder=False)
    axes.plot_surface(w, b, cost, cmap="viridis", alpha=0.8)
    label = f"minimum: w = {best_w:.1f}, b = {abs(best_b):.1f}"
    axes.scatter(best_w, best_b, cost.min(), color="red", s=60, label=label)
    axes.legend()
    axes.set(xlabel="w", ylabel="b", zlabel="Loss")
    axes.set_title("Lecture 02 · Cost of y = x·w + b")
    axes.view_init(elev=30, azim=-60)
    return rows, figure


MODELS = {"linear": lecture, "affine": exercise}


# -------------------------------------------------------------- Command line
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
    parser.add_argument("--model", choices=MODELS, default="linear", help="[linear]")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    start(args)
    step = 1.0 if args.dry_run else 0.1
    rows, figure = MODELS[args.model](x_data, y_data, step)
    print_table("slide 2-15" if args.model == "linear" else "exercise 2-26", rows)
    save_plot(figure, args)


if __name__ == "__main__":
    sys.exit(main())
