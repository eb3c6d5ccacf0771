"""Lecture 04 · Back propagation (第四讲 反向传播)

PyTorch finds the gradients itself. A tensor holds data and grad, and asks for no
gradient unless told (requires_grad). Forward builds a computational graph: each step
knows its value and its local derivative. Only when the loss is there can backward()
begin: it walks the graph in reverse and leaves d loss / d w in w.grad. Data, rate and
100 epochs of SGD as in lecture 3; w is a tensor that requires a gradient.

    python lecture04_backprop.py                     # the video: y_pred = w x
    python lecture04_backprop.py --model affine      # exercise: w x + b
    python lecture04_backprop.py --model quadratic   # exercise: w1 x^2 + w2 x + b

Each model's gradients are also worked out by hand with the chain rule and stand
beside autograd's. The picture shows the graph of slide 4-32, then the losses. A fully
connected layer is input times weight plus bias; two of them without a nonlinearity
between are one (lecture 7 shows it). Slides 4-34, 4-48 and 4-49 write the loss as
(x w - y)^2 for models with a b or an x^2: it is (y_pred - y)^2.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import torch

# ---------------------------------------------------------------- 1. Dataset
x_data = [1.0, 2.0, 3.0]  # hours of study
y_data = [2.0, 4.0, 6.0]  # points


# ------------------------------------------------------------------ 2. Model
def forward(x, w):
    """y_pred = w x."""
    return x * w


# ------------------------------------------------------------------- 3. Loss
def loss(x, y, w):
    """Squared error of one sample: a tensor, so calling this builds the graph."""
    y_pred = forward(x, w)
    return (y_pred - y) ** 2


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    print_gradients(args.model)
    two_surprises()
    if args.model != "linear":
        return exercise(args)

    # 4. Training: forward, backward, update, sample by sample
    w = torch.tensor([1.0], requires_grad=True)  # or it would get no gradient
    print("predict (before training)", 4, forward(4, w).item())
    gradients, losses = [], []
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = loss(x, y, w)
            l.backward()  # frees the graph; the next forward builds another
            print("\tgrad:", x, y, w.grad.item())
            gradients.append(w.grad.item())
            w.data = w.data - args.lr * w.grad.data  # .data: not part of the graph
            w.grad.data.zero_()  # or the next backward adds to it
        print("progress:", epoch, l.item())
        losses.append(l.item())  # .item(): a sum of tensors would be one more graph
        if not l.isfinite():  # more epochs do not help
            break

    # 5. Inference and plot
    prediction = forward(4, w).item()
    print("predict (after training)", 4, prediction)
    print_table("slides 4-22, 4-43", compare(gradients, losses, prediction))
    save_plot(draw(losses, "linear"), args)
    return diverged("linear", losses[-1])


# --------------------------- Exercises: 4-1 to 4-4, other models and chain rules
def affine(x, w, b):
    """y_pred = w x + b, exercise 4-2."""
    return x * w + b


def quadratic(x, w1, w2, b):
    """y_pred = w1 x^2 + w2 x + b, exercises 4-3 and 4-4."""
    return w1 * x**2 + w2 * x + b


# By hand: loss = r^2 with r = y_pred - y, so d loss / d w = 2r * d r / d w. The factor
# 2r is the same for each weight; what differs is the local derivative d r / d w: of
# r = w1 x^2 + w2 x + b - y it is x^2 for w1, x for w2, 1 for b.
ONES = dict.fromkeys(["w1", "w2", "b"], 1.0)
MODELS = {  # model: (forward, local derivatives, weights and their start)
    "linear": (forward, lambda x: [x], {"w": 1.0}),
    "affine": (affine, lambda x: [x, 1.0], {"w": 1.0, "b": 2.0}),
    "quadratic": (quadratic, lambda x: [x**2, x, 1.0], ONES),
}


def weights(start):
    """One tensor per weight, each told to collect its gradient."""
    return [torch.tensor(value, requires_grad=True) for value in start.values()]


def exercise(args):
    """The lecture's training with two or three weights."""
    predict, _, start = MODELS[args.model]
    w, losses = weights(start), []
    print("predict (before training)", 4, predict(4, *w).item())
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = (predict(x, *w) - y) ** 2
            l.backward()
            print("\tgrad:", x, y, *(weight.grad.item() for weight in w))
            for weight in w:
                weight.data = weight.data - args.lr * weight.grad.data
                weight.grad.data.zero_()
        print("progress:", epoch, l.item())
        losses.append(l.item())
        if not l.isfinite():
            break
    prediction = predict(4, *w).item()
    print("predict (after training)", 4, prediction)
    rows = [slide_4_22(), ("progress: 0", str(losses[0]), "-")]
    print_table("slide 4-22", [*rows, ("prediction for x = 4", str(prediction), "-")])
    save_plot(draw(losses, args.model), args)
    return diverged(args.model, losses[-1])


def print_gradients(name):
    """The chain rule by hand beside autograd, at the weights' start."""
    predict, derivatives, start = MODELS[name]
    values = ", ".join(f"{label} = {value:g}" for label, value in start.items())
    print(f"Gradients of the {name} model at {values}")
    print(f"{'':32} | {'by hand':>10} | {'autograd':>10} | expected")
    for x, y in zip(x_data, y_data):
        w = weights(start)
        r = predict(x, *w) - y
        (r**2).backward()
        source, answers = WORKED.get((name, x, y), ("", [""] * len(w)))
        for label, local, weight, answer in zip(start, derivatives(x), w, answers):
            sample = f"x = {x:g}, y = {y:g}: d loss / d {label}"
            hand, auto = f"{2 * r * local:10.4f}", f"{weight.grad:10.4f}"
            print(f"{sample:32} | {hand} | {auto} | {answer} {source}")


def two_surprises():
    """Gradients add up until they are zeroed, and a graph serves only once."""
    w = torch.tensor([1.0], requires_grad=True)
    for step in ("first backward", "second, not zeroed"):
        l = loss(1.0, 2.0, w)
        l.backward()
        print(f"w.grad after the {step}: {w.grad.item()}")
    try:
        l.backward()
    except RuntimeError as error:
        print("backward again through the same graph raises RuntimeError:")
        print("   ", str(error).split(".")[0] + ".")


def slide_4_22():
    """Table row: dL/dx and dL/dw of z = x w at x = 2, w = 3, if dL/dz = 5."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    (x * w).backward(torch.tensor(5.0))  # dL/dz, which comes from above
    return "4-22: dL/dx, dL/dw", f"{x.grad}, {w.grad}", "15.0, 10.0"


# ---------------------------------------------------------- Beside the video
# Slide 4-43, whose printout breaks off in epoch 6.
VIDEO_GRAD = [-2.0, -7.840000152587891, -16.228801727294922]  # first epoch's
VIDEO_PROGRESS = ["7.315943717956543", "3.9988", "2.1857", "1.1946", "0.6530", "0.3569"]
WORKED = {  # (model, x, y): where it stands, and the gradients at the start above
    ("linear", 1.0, 2.0): ("slide 4-32", [-2.0]),
    ("linear", 2.0, 4.0): ("computed, exercise 4-1", [-8.0]),
    ("affine", 1.0, 2.0): ("computed, exercise 4-2", [2.0, 2.0]),
}


def compare(gradients, losses, prediction):
    """Table rows: slide 4-22, the first epoch's gradients, epochs 0 to 5 (4-43)."""
    rows = [slide_4_22()]
    for x, ours, video in zip(x_data, gradients, VIDEO_GRAD):
        rows.append((f"first gradient at x = {x:g}", str(ours), str(video)))
    for epoch, (ours, video) in enumerate(zip(losses, VIDEO_PROGRESS)):
        rows.append((f"progress: {epoch}", str(ours), video))
    # what the slide's code gives: it is on no slide
    shown = "7.999998569488525 (computed)" if len(losses) == 100 else "-"
    return [*rows, ("prediction for x = 4", str(prediction), shown)]


def draw_graph(axes):
    """The graph of slide 4-32 (x = 1, y = 2, w = 1): values, derivatives, gradients."""
    x, y = torch.tensor([1.0, 2.0])
    w = torch.tensor(1.0, requires_grad=True)
    y_pred = x * w
    r = y_pred - y
    l = r**2
    for tensor in (y_pred, r):
        tensor.retain_grad()  # or only w keeps its gradient
    l.backward()

    places = {"w": (0, 1), "x": (0, -1), "y_pred": (1.6, 0)}
    places |= {"y": (1.6, -1.7), "r": (3.6, 0), "loss": (5.6, 0)}
    edges = [  # from, to, local derivative, gradient that flows back
        ("w", "y_pred", f"x = {x:g}", f"{w.grad:g}"),
        ("x", "y_pred", f"w = {w:g}", ""),
        ("y_pred", "r", "1", f"{y_pred.grad:g}"),
        ("y", "r", "-1", ""),
        ("r", "loss", f"2r = {2 * r:g}", f"{r.grad:g}"),
    ]
    arrow = {"arrowstyle": "-|>", "shrinkA": 24, "shrinkB": 24, "color": "grey"}
    near = {"ha": "center", "textcoords": "offset points"}
    for tail, head, local, back in edges:
        (x0, y0), (x1, y1) = places[tail], places[head]
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        shift = (22, -14) if tail == "y" else (0, 9)  # keep clear of the edge above
        axes.annotate(local, middle, shift, color="C0", **near)
        if back:
            axes.annotate(back, middle, (0, -18), color="C3", weight="bold", **near)
    box = {"boxstyle": "circle,pad=0.5", "facecolor": "white"}
    for name, value in zip(places, (w, x, y_pred, y, r, l)):
        text = f"{name}\n{value:g}"
        axes.text(*places[name], text, ha="center", va="center", bbox=box, fontsize=9)
    axes.text(3.6, 1.5, "local derivative", color="C0", ha="center")
    axes.text(3.6, 1.1, "gradient that flows back", color="C3", ha="center")
    axes.set(xlim=(-0.6, 6.3), ylim=(-2.3, 1.9), title="Graph of slide 4-32")
    axes.axis("off")


def draw(losses, name):
    """The worked graph above, the losses of this run below."""
    figure, (top, axes) = plt.subplots(2, 1, figsize=(8, 7.5), layout="constrained")
    draw_graph(top)
    style = ".-" if len(losses) < 5 else "-"
    axes.plot(losses, style, label=f"this run: {name}")
    if name == "linear":
        axes.plot([float(value) for value in VIDEO_PROGRESS], "ko", ms=4, label="video")
        if losses[-1] < 1e-9:
            text = "the steps are too small for float32"
            axes.annotate(text, (len(losses), 4 * losses[-1]), ha="right")
    axes.set(xlabel="Epoch", ylabel="Loss of the last sample (x = 3)", yscale="log")
    axes.set_title("Training")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle("Lecture 04 · Back propagation")
    return figure


def diverged(name, loss):
    """Exit status 1, and a line that says so, if the loss is out of bounds."""
    if abs(loss) < 1e9:  # nan is not, either
        return 0
    print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture04.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="[100]")
    add("--lr", type=float, default=0.01, metavar="X", help="[0.01]")
    add("--model", choices=MODELS, default="linear", help="[linear]")
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
