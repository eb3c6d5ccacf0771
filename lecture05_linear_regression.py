"""Lecture 05 · Linear regression with PyTorch (第五讲 用PyTorch实现线性回归)

The four steps that every later lecture repeats: prepare the dataset, design the
model as a class, construct loss and optimizer, run the training cycle (forward,
backward, update). x and y are (3, 1) tensors: one row per sample. The shapes of
weight and bias follow from the sizes of input and output, and the bias is broadcast
over the rows.

    python lecture05_linear_regression.py                     # the video's program
    python lecture05_linear_regression.py --init video        # the slide's losses
    python lecture05_linear_regression.py --init video --epochs 100
    python lecture05_linear_regression.py --optimizer Adam    # exercise 5-1
    python lecture05_linear_regression.py --optimizer all     # ... all eight

--init video prints the slide's losses to the digit (epoch 99 of its shorter run to
six digits) and its weights to six, the bias of the longer run to five. Only runs of
100 or 1000 epochs have numbers on the slide to stand beside.

Exercise 5-2 (slide 5-27) is to read PyTorch's tutorial "Learning PyTorch with
Examples". Slide 5-7 writes the loss as (x w - y)^2; with a bias it is (y_pred - y)^2.
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
import torch

# ---------------------------------------------------------------- 1. Dataset
x_data = torch.tensor([[1.0], [2.0], [3.0]])  # hours of study, (3, 1)
y_data = torch.tensor([[2.0], [4.0], [6.0]])  # points, (3, 1)


# ------------------------------------------------------------------ 2. Model
class LinearModel(torch.nn.Module):
    """y_pred = x w + b: (N, 1) -> (N, 1)."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)  # weight (1, 1) and bias (1,)

    def forward(self, x):  # model(x) calls it, by Module's __call__(*args, **kwargs)
        return self.linear(x)


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    if args.optimizer != "SGD":
        return exercise(args)
    torch.manual_seed(args.seed)

    # 2. Model
    model = LinearModel()
    choose_start(model, args)  # random, but for --init video

    # 3. Loss and optimizer
    criterion = torch.nn.MSELoss(reduction="sum")  # size_average=False on the slide
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update
    losses = []
    for epoch in range(args.epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)  # one number: backward() needs a scalar
        print(epoch, loss.item())
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):  # inf or nan: the lr is too large
            break

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # 5. Inference and plot
    print("w =", model.linear.weight.item())
    print("b =", model.linear.bias.item())
    y_test = model(torch.tensor([[4.0]])).item()
    print("y_pred =", y_test)
    print_table("slide 5-24", compare(losses, model, y_test))
    save_plot(draw({"SGD": losses}), args)
    return diverged("SGD", losses[-1])


# -------------------------------------------- Exercises: 5-1, other optimizers
OPTIMIZERS = ["SGD", "Adagrad", "Adam", "Adamax", "ASGD", "LBFGS", "RMSprop", "Rprop"]


def optimise(name, args):
    """Training with the optimizer of that name, through a closure: (model, losses)."""
    torch.manual_seed(args.seed)  # each starts at the same point
    model = LinearModel()
    choose_start(model, args)
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=args.lr)

    def closure():  # LBFGS looks at the loss at several points per step
        optimizer.zero_grad()
        loss = criterion(model(x_data), y_data)
        loss.backward()
        return loss

    losses = []
    for epoch in range(args.epochs):
        losses.append(optimizer.step(closure).item())  # the loss before the step
        if args.optimizer != "all":
            print(epoch, losses[-1])
        if not math.isfinite(losses[-1]):
            break
    return model, losses


def exercise(args):
    """One other optimizer, or all eight on one plot."""
    curves, rows = {}, []
    for name in OPTIMIZERS if args.optimizer == "all" else [args.optimizer]:
        model, losses = optimise(name, args)
        curves[name] = losses
        y_test = model(torch.tensor([[4.0]])).item()
        ours = f"loss {losses[-1]:.3g}, x = 4: {y_test:.4f}"
        n = len(losses)
        video = f"x = 4: {VIDEO[n][1][2]}" if name == "SGD" and n in VIDEO else "-"
        rows.append((f"{name} after {n} epochs", ours, video))
    if args.optimizer != "all":
        print("w =", model.linear.weight.item())
        print("b =", model.linear.bias.item())
        print("y_pred =", y_test)
        rows = compare(losses, model, y_test)
    print_table("slide 5-24, SGD", rows)
    save_plot(draw(curves), args)
    return max(diverged(name, losses[-1]) for name, losses in curves.items())


# ---------------------------------------------------------- Beside the video
# fmt: off
VIDEO = {  # slide 5-24: number of epochs: {epoch: loss}, (w, b, prediction for 4)
    100: ({86: 0.3036523759365082, 90: 0.28656935691833496, 99: 0.2515641450881958},
          (1.666100263595581, 0.7590328454971313, 7.4234)),
    1000: ({986: 3.594939812501252e-07, 999: 2.977626536448952e-07},
           (1.9996366500854492, 0.0008257834706455469, 7.9994)),
}
# fmt: on
# The slide does not show the random starts of its two runs. Training is linear
# here, so they were solved for: w and b from which its losses come out.
VIDEO_INIT = {100: (1.31141861, 1.56530734), 1000: (1.49460685, 1.14887742)}


def choose_start(model, args):
    """With --init video: the w and b that were solved for, by the number of epochs."""
    if args.init == "video":
        w, b = VIDEO_INIT[100 if args.epochs <= 100 else 1000]
        torch.nn.init.constant_(model.linear.weight, w)
        torch.nn.init.constant_(model.linear.bias, b)


def compare(losses, model, y_test):
    """Table rows: beside the slide's run, if there is one of as many epochs."""
    video, (w, b, video_test) = VIDEO.get(len(losses), ({}, ["not shown"] * 3))
    rows = [(f"loss at epoch {e}", str(losses[e]), str(video[e])) for e in video]
    rows.append(("w", str(model.linear.weight.item()), str(w)))
    rows.append(("b", str(model.linear.bias.item()), str(b)))
    return [*rows, ("prediction for x = 4", str(y_test), str(video_test))]


STYLES = {"ASGD": "--", "Rprop": "."}  # one lies on SGD, one jumps to and fro


def draw(curves):
    """Loss curves on a log scale, with the slide's losses as dots."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, losses in curves.items():
        # at a high lr some reach 0 exactly, which a log scale cannot show
        shown = [max(loss, 1e-14) for loss in losses]
        style = STYLES.get(name, "-") if len(losses) > 1 else "o"  # --dry-run
        axes.plot(shown, style, ms=3, label=f"this run: {name}")
    dots, _ = VIDEO.get(max(map(len, curves.values())), ({}, ()))
    if dots:
        axes.plot(list(dots), list(dots.values()), "ko", ms=4, label="video (SGD)")
    axes.set(xlabel="Epoch", ylabel="Loss (summed squared error)", yscale="log")
    axes.set_title("Lecture 05 · Linear regression")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def diverged(name, loss):
    """Exit status 1, and a line that says so, if the loss is out of bounds."""
    if abs(loss) < 1e9:  # nan is not, either
        return 0
    print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture05.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=1000, metavar="N", help="[1000]")
    add("--lr", type=float, default=0.01, metavar="X", help="[0.01]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    add("--optimizer", choices=[*OPTIMIZERS, "all"], default="SGD", help="[SGD]")
    add("--init", choices=["random", "video"], default="random", help="[random]")
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
