"""Lecture 05 · Linear regression with PyTorch (第五讲 用PyTorch实现线性回归)

The four steps that every later lecture repeats: prepare the dataset, design the
model as a class, construct loss and optimizer, run the training cycle (forward,
backward, update). x and y are (3, 1) tensors: one row per sample.

    python lecture05_linear_regression.py                     # the video
    python lecture05_linear_regression.py --init video        # and its very digits
    python lecture05_linear_regression.py --init video --epochs 100
    python lecture05_linear_regression.py --optimizer Adam    # exercise 5-1
    python lecture05_linear_regression.py --optimizer all     # ... all eight
"""

import argparse
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

VIDEO = {  # slide 5-24: number of epochs: {epoch: loss}, w, b, prediction for 4
    100: (
        {86: 0.3036523759365082, 90: 0.28656935691833496, 99: 0.2515641450881958},
        (1.666100263595581, 0.7590328454971313, 7.4234),
    ),
    1000: (
        {986: 3.594939812501252e-07, 999: 2.977626536448952e-07},
        (1.9996366500854492, 0.0008257834706455469, 7.9994),
    ),
}
# The slide does not show the random starts of its two runs. Training is linear
# here, so they were solved for: w and b from which its losses come out.
VIDEO_INIT = {100: (1.31141861, 1.56530734), 1000: (1.49460685, 1.14887742)}


# ---------------------------------------------------------------- 1. Dataset
x_data = torch.tensor([[1.0], [2.0], [3.0]])  # hours of study, (3, 1)
y_data = torch.tensor([[2.0], [4.0], [6.0]])  # points, (3, 1)


# ------------------------------------------------------------------ 2. Model
class LinearModel(torch.nn.Module):
    """y_pred = x w + b: (N, 1) -> (N, 1)."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)  # one weight, one bias

    def forward(self, x):
        return self.linear(x)


# ------------------------------------------------------ 3. Loss and optimizer
OPTIMIZERS = ["SGD", "Adagrad", "Adam", "Adamax", "ASGD", "LBFGS", "RMSprop", "Rprop"]


def construct(model, optimizer_name, lr):
    """Summed squared error (size_average=False on the slide) and the optimizer."""
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = getattr(torch.optim, optimizer_name)(model.parameters(), lr=lr)
    return criterion, optimizer


# --------------------------------------------------------------- 4. Training
def train(model, criterion, optimizer, x_data, y_data, epochs, losses, show=True):
    """Forward, backward, update; losses gets the loss before each update."""

    def closure():
        """Loss and gradients again: LBFGS looks at several points per step."""
        optimizer.zero_grad()
        loss = criterion(model(x_data), y_data)
        loss.backward()
        return loss

    again = closure if isinstance(optimizer, torch.optim.LBFGS) else None
    for epoch in range(epochs):
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        if show:
            print(epoch, loss.item())
        if not math.isfinite(loss.item()):
            message = f"the loss is {loss.item()} in epoch {epoch}"
            raise FloatingPointError(f"{message}: try a smaller --lr")
        losses.append(loss.item())

        optimizer.zero_grad()
        loss.backward()
        optimizer.step(again)


# ------------------------------------------------------ 5. Inference and plot
def infer(model):
    """(w, b, prediction for 4 hours)."""
    with torch.no_grad():
        y_test = model(torch.tensor([[4.0]]))
    return model.linear.weight.item(), model.linear.bias.item(), y_test.item()


def compare(losses, result, epochs):
    """Table rows: the slide's run of as many epochs, else its longer one."""
    video_losses, video_result = VIDEO[100 if epochs <= 100 else 1000]
    rows = []
    for epoch, video in video_losses.items():
        if epoch < len(losses):
            rows.append((f"loss at epoch {epoch}", str(losses[epoch]), str(video)))
    names = ("w", "b", "prediction for x = 4")
    for name, ours, video in zip(names, result, video_result):
        rows.append((name, str(ours), str(video)))
    return rows


def draw(curves, epochs):
    """Loss curves on a log scale, with the slide's losses as dots."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, losses in curves.items():
        # LBFGS reaches 0 exactly, which a log scale cannot show
        axes.plot([max(loss, 1e-14) for loss in losses], label=f"this run: {name}")
    video_losses, _ = VIDEO[100 if epochs <= 100 else 1000]
    axes.plot(list(video_losses), list(video_losses.values()), "ko", label="video")
    axes.set(xlabel="Epoch", ylabel="Loss (summed squared error)", yscale="log")
    axes.set_title("Lecture 05 · Linear regression")
    if len(curves) > 1:
        figure.legend(loc="outside right upper")
    else:
        axes.legend()
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
    add("--optimizer", choices=[*OPTIMIZERS, "all"], default="SGD", help="[SGD]")
    help_init = "random, or the start of the slide's run [random]"
    add("--init", choices=["random", "video"], default="random", help=help_init)
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    curves, rows, status = {}, [], 0
    names = OPTIMIZERS if args.optimizer == "all" else [args.optimizer]
    for name in names:
        torch.manual_seed(args.seed)  # every optimizer starts at the same point
        model = LinearModel()
        if args.init == "video":
            w, b = VIDEO_INIT[100 if args.epochs <= 100 else 1000]
            model.load_state_dict(
                {"linear.weight": torch.tensor([[w]]), "linear.bias": torch.tensor([b])}
            )
        criterion, optimizer = construct(model, name, args.lr)
        losses = curves[name] = []
        setting = model, criterion, optimizer, x_data, y_data, args.epochs, losses
        status = run_training(train, *setting, len(names) == 1) or status
        result = infer(model)
        if len(names) == 1:
            print("w =", result[0])
            print("b =", result[1])
            print("y_pred =", result[2])
            rows = compare(losses, result, args.epochs)
        else:
            loss = losses[-1] if losses else math.nan
            text = f"loss {loss:.3g}, x = 4: {result[2]:.4f}"
            video = "x = 4: 7.9994" if name == "SGD" else "-"
            rows.append((f"{name} after {len(losses)} epochs", text, video))
        if status == 130:  # Ctrl-C
            break
    print_table("slide 5-24", rows)
    save_plot(draw(curves, args.epochs), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
