"""Lecture 04 · Back propagation (第四讲 反向传播)

PyTorch finds the gradients itself: forward builds a computational graph,
backward() walks it in reverse and leaves d loss / d w in w.grad. Data, rate and
100 epochs of SGD as in lecture 3; w is a tensor that requires a gradient.

    python lecture04_backprop.py                     # the video: y_pred = w x
    python lecture04_backprop.py --model affine      # exercise: w x + b
    python lecture04_backprop.py --model quadratic   # exercise: w1 x^2 + w2 x + b

Each model's gradients are also worked out by hand with the chain rule and stand
beside autograd's. The picture shows the graph of slide 4-32, then the losses.
"""

import argparse
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

VIDEO_GRAD = [-2.0, -7.840000152587891, -16.228801727294922]  # first epoch's
VIDEO_PROGRESS = 7.315943717956543  # the loss printed after epoch 0
VIDEO_PREDICTION = 7.999998569488525  # for x = 4, after 100 epochs


# ---------------------------------------------------------------- 1. Dataset
x_data = [1.0, 2.0, 3.0]  # hours of study
y_data = [2.0, 4.0, 6.0]  # points


# -------------------------------------------- 2. Models, and their hand-made twins
def linear(x, w):
    """y_pred = w x, the model of the video."""
    return x * w


def affine(x, w, b):
    """y_pred = w x + b, exercise 4-2."""
    return x * w + b


def quadratic(x, w1, w2, b):
    """y_pred = w1 x^2 + w2 x + b, exercises 4-3 and 4-4."""
    return w1 * x**2 + w2 * x + b


def linear_by_hand(x, y, w):
    """Chain rule: loss = r^2, r = w x - y, so d loss / d w = 2 r * x."""
    r = x * w - y
    return [2 * r * x]


def affine_by_hand(x, y, w, b):
    """d r / d w = x and d r / d b = 1."""
    r = x * w + b - y
    return [2 * r * x, 2 * r]


def quadratic_by_hand(x, y, w1, w2, b):
    """d r / d w1 = x^2, d r / d w2 = x, d r / d b = 1."""
    r = w1 * x**2 + w2 * x + b - y
    return [2 * r * x**2, 2 * r * x, 2 * r]


MODELS = {  # model: (forward, gradients by hand, weights and their start)
    "linear": (linear, linear_by_hand, {"w": 1.0}),
    "affine": (affine, affine_by_hand, {"w": 1.0, "b": 2.0}),
    "quadratic": (quadratic, quadratic_by_hand, {"w1": 1.0, "w2": 1.0, "b": 1.0}),
}
WORKED = {  # (model, x, y): the answers that the slides give, at the start above
    ("linear", 1.0, 2.0): ("slide 4-32", [-2.0]),
    ("linear", 2.0, 4.0): ("exercise 4-1", [-8.0]),
    ("affine", 1.0, 2.0): ("exercise 4-2", [2.0, 2.0]),
}


def weights(start):
    """One tensor per weight, each told to collect its gradient."""
    return [torch.tensor([value], requires_grad=True) for value in start.values()]


# ------------------------------------------------------------------- 3. Loss
def loss(forward, x, y, w):
    """Squared error of one sample: a tensor, so calling this builds the graph."""
    y_pred = forward(x, *w)
    return (y_pred - y) ** 2


# --------------------------------------------------------------- 4. Training
def train(forward, w, xs, ys, lr, epochs, gradients, losses):
    """SGD, sample by sample.

    gradients gets one list per update, losses the last loss of every epoch.
    """
    for epoch in range(epochs):
        for x, y in zip(xs, ys):
            l = loss(forward, x, y, w)
            l.backward()
            gradients.append([weight.grad.item() for weight in w])
            print("\tgrad:", x, y, *gradients[-1])
            for weight in w:
                # .data: this update is not part of the graph
                weight.data = weight.data - lr * weight.grad.data
                weight.grad.data.zero_()  # or the next backward adds to it
        if not math.isfinite(l.item()):
            message = f"the loss is {l.item()} in epoch {epoch}: try a smaller --lr"
            raise FloatingPointError(message)
        print("progress:", epoch, l.item())
        losses.append(l.item())


# ------------------------------------- What autograd does, seen from close by
def gradient_rows(name, xs, ys):
    """Rows (sample, by hand, autograd, slide), one per weight and sample."""
    forward, by_hand, start = MODELS[name]
    rows = []
    for x, y in zip(xs, ys):
        w = weights(start)
        loss(forward, x, y, w).backward()
        slide, answers = WORKED.get((name, x, y), ("", [""] * len(w)))
        pairs = zip(start, by_hand(x, y, *start.values()), w, answers)
        for label, hand, weight, answer in pairs:
            sample = f"x = {x:g}, y = {y:g}: d loss / d {label}"
            rows.append((sample, hand, weight.grad.item(), f"{answer} {slide}"))
    return rows


def print_gradients(name, xs, ys):
    """The chain rule by hand beside autograd, before any training."""
    start = ", ".join(f"{label} = {v:g}" for label, v in MODELS[name][2].items())
    print(f"Gradients of the {name} model at {start}")
    print(f"{'':32} | {'by hand':>10} | {'autograd':>10} | slide")
    for sample, hand, auto, slide in gradient_rows(name, xs, ys):
        print(f"{sample:32} | {hand:10.4f} | {auto:10.4f} | {slide}")


def two_surprises():
    """Gradients add up until they are zeroed, and a graph serves only once."""
    w = torch.tensor([1.0], requires_grad=True)
    for step in ("first backward", "second, not zeroed"):
        (1.0 * w - 2.0).pow(2).backward()
        print(f"w.grad after the {step}: {w.grad.item()}")
    l = (1.0 * w - 2.0).pow(2)
    l.backward()
    try:
        l.backward()
    except RuntimeError as error:
        print("backward again through the same graph raises RuntimeError:")
        print("   ", str(error).split(".")[0] + ".")


def slide_4_22():
    """z = x w with x = 2, w = 3; from above comes dL/dz = 5."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    z = x * w
    z.backward(torch.tensor(5.0))
    return x.grad.item(), w.grad.item()


# ------------------------------------------------------ 5. Inference and plot
def draw_graph(axes):
    """The graph of slide 4-32 (x = 1, y = 2, w = 1): values, derivatives, gradients."""
    x, y = 1.0, 2.0
    w = torch.tensor([1.0], requires_grad=True)
    y_pred = x * w
    r = y_pred - y
    l = r**2
    for tensor in (y_pred, r):
        tensor.retain_grad()  # or only w keeps its gradient
    l.backward()

    nodes = {  # name: (place, text)
        "w": ((0, 1), f"w\n{w.item():g}"),
        "x": ((0, -1), f"x\n{x:g}"),
        "*": ((1.6, 0), f"y_pred\n{y_pred.item():g}"),
        "y": ((1.6, -1.7), f"y\n{y:g}"),
        "-": ((3.6, 0), f"r\n{r.item():g}"),
        "^": ((5.6, 0), f"loss\n{l.item():g}"),
    }
    edges = [  # from, to, local derivative, gradient that flows back
        ("w", "*", f"x = {x:g}", w.grad.item()),
        ("x", "*", f"w = {w.item():g}", None),
        ("*", "-", "1", y_pred.grad.item()),
        ("y", "-", "-1", None),
        ("-", "^", f"2r = {2 * r.item():g}", r.grad.item()),
    ]
    for tail, head, local, back in edges:
        (x0, y0), (x1, y1) = nodes[tail][0], nodes[head][0]
        style = {"arrowstyle": "-|>", "shrinkA": 24, "shrinkB": 24, "color": "grey"}
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=style)
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        shift = (22, -14) if tail == "y" else (0, 9)  # keep clear of the edge above
        above = {"ha": "center", "xytext": shift, "textcoords": "offset points"}
        axes.annotate(local, middle, color="C0", **above)
        if back is not None:
            below = {**above, "xytext": (0, -18)}
            axes.annotate(f"{back:g}", middle, color="C3", weight="bold", **below)
    for (x0, y0), text in nodes.values():
        box = {
            "boxstyle": "circle,pad=0.35",
            "facecolor": "white",
            "edgecolor": "black",
        }
        axes.text(x0, y0, text, ha="center", va="center", bbox=box, fontsize=9)
    axes.text(3.6, 1.5, "local derivative", color="C0", ha="center")
    axes.text(
        3.6, 1.1, "gradient that flows back, d loss / d value", color="C3", ha="center"
    )
    axes.set(xlim=(-0.6, 6.3), ylim=(-2.3, 1.9), title="Graph of slide 4-32")
    axes.axis("off")


def draw(losses, name):
    """The worked graph above, the losses of this run below."""
    figure, (top, axes) = plt.subplots(2, 1, figsize=(8, 7.5), layout="constrained")
    draw_graph(top)
    axes.plot(losses, label=f"this run: {name}")
    if name == "linear":
        axes.plot(0, VIDEO_PROGRESS, "ko", label="video")
    axes.set(xlabel="Epoch", ylabel="Loss of the last sample (x = 3)", yscale="log")
    axes.set_title("Training")
    axes.legend()
    figure.suptitle("Lecture 04 · Back propagation")
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
    add("--lr", type=number(float, 0), default=0.01, metavar="X", help="[0.01]")
    add("--model", choices=MODELS, default="linear", help="[linear]")
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)

    print_gradients(args.model, x_data, y_data)
    two_surprises()

    forward, _, begin = MODELS[args.model]
    w, gradients, losses = weights(begin), [], []
    print("predict (before training)", 4, forward(4, *w).item())
    setting = forward, w, x_data, y_data, args.lr, args.epochs, gradients, losses
    status = run_training(train, *setting)
    prediction = forward(4, *w).item()
    print("predict (after training)", 4, prediction)

    rows = [("4-22: dL/dx, dL/dw", "{}, {}".format(*slide_4_22()), "15.0, 10.0")]
    video = args.model == "linear"  # the only model that the video runs
    if video:
        for x, ours, grad in zip(x_data, gradients, VIDEO_GRAD):
            rows.append((f"first gradient at x = {x:g}", str(ours[0]), str(grad)))
    if losses:
        shown = str(VIDEO_PROGRESS) if video else "-"
        rows.append(("progress: 0", str(losses[0]), shown))
    shown = str(VIDEO_PREDICTION) if video else "-"
    rows.append(("prediction for x = 4", str(prediction), shown))
    print_table("slides 4-22, 4-32 and the run", rows)
    save_plot(draw(losses, args.model), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
