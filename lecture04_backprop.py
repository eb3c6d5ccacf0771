"""Lecture 04 · Back propagation (第四讲 反向传播)

PyTorch finds the gradients itself. A tensor holds data and grad, and asks for no
gradient unless told (requires_grad). The forward pass builds a computational graph:
each step knows its value and its local derivative. Only when the loss is there can
backward() begin: it walks the graph in reverse and leaves d loss / d w in w.grad.
Data, rate and 100 epochs of SGD are those of lecture 3; w is now a tensor.

反向传播：前向计算时建立计算图，记下每一步的值和局部导数；算出损失以后，backward() 沿着图
反向走，按链式法则求出损失对 w 的梯度，存在 w.grad 里。不用再自己推导梯度公式。
作业 4-1 至 4-4：手算的梯度和 autograd 的结果并排打印；--model affine、--model quadratic。

    python lecture04_backprop.py                     # the video 视频: w x
    python lecture04_backprop.py --model affine      # exercise 作业 4-2: w x + b
    python lecture04_backprop.py --model quadratic   # 作业 4-3, 4-4: w1 x^2 + w2 x + b

The picture shows the graph of slide 4-32, and the losses. A fully connected layer is
input times weight plus bias; two of them without a nonlinearity between are one
(lecture 7 shows it).
"""

import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

# %% 1. Dataset 数据集 --------------------
x_data = [1.0, 2.0, 3.0]  # hours of study 学习时间
y_data = [2.0, 4.0, 6.0]  # points 分数


# %% 2. Model 模型 --------------------
def forward(x, w):
    """y_pred = w x; w is a tensor, so y_pred is one, too."""
    return x * w


# %% 3. Loss 损失函数 --------------------
def loss(x, y, w):
    """The squared error of one sample; calling this builds the graph 建立计算图."""
    y_pred = forward(x, w)
    r = y_pred - y  # the residual 残差
    return r**2


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(argv=None):
    """The video's program; returns w, of the exercises' models all weights by name."""
    # Without options: model linear, lr 0.01, epochs 100 不加选项就是视频里的值
    args = parse_args(argv)
    print_gradients(args)
    two_surprises()
    if args.model != "linear":
        return exercise(args)

    # 4. Training: forward, backward, update, sample by sample
    # 默认不计算梯度，requires_grad=True 才会算
    w = torch.tensor([1.0], requires_grad=True)
    print("predict (before training)", 4, forward(4, w).item())
    gradients = []
    losses = []
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = loss(x, y, w)  # forward 前向：建立计算图，算出损失
            l.backward()  # backward 反向：梯度存进 w.grad，计算图随即释放
            print("\tgrad:", x, y, w.grad.item())
            gradients.append(w.grad.item())
            # update 更新权重；用 .data 只改数值，不会再建计算图
            w.data = w.data - args.lr * w.grad.data
            w.grad.data.zero_()  # 梯度清零，否则下一次会累加上去
        print("progress:", epoch, l.item())
        losses.append(l.item())  # .item() 取出数值；把张量相加会不断建图，占内存
        if not torch.isfinite(l):
            break  # it diverged: more epochs do not help 已经发散，继续训练也没用

    # 5. Inference and plot
    y_test = forward(4, w).item()
    print("predict (after training)", 4, y_test)

    rows = compare(gradients, losses, y_test, args)
    print_table("slides 4-22, 4-43", rows, args)
    figure = draw(losses, args)
    save_plot(figure, args)
    tell_divergence("linear", losses)
    return w


def two_surprises():
    """Gradients add up until they are zeroed, and a graph serves only once."""
    w = torch.tensor([1.0], requires_grad=True)
    l = loss(1.0, 2.0, w)
    l.backward()
    print(f"w.grad after the first backward: {w.grad.item()}")
    l = loss(1.0, 2.0, w)
    l.backward()  # 没有清零，梯度加到了一起
    print(f"w.grad after the second, not zeroed: {w.grad.item()}")
    try:
        l.backward()  # 同一个计算图不能反向走两次
    except RuntimeError as error:
        sentence = str(error).split(".")[0]
        print("backward again through the same graph raises RuntimeError:")
        print(f"    {sentence}.")


# %% Exercises 4-1 to 4-4 作业：手算梯度，另外两个模型 --------------------
# Slides 4-34, 4-48 and 4-49 write the loss as (x w - y)^2 for these models, too, which
# have a b or an x^2: it is (y_pred - y)^2.
def affine(x, w, b):
    """y_pred = w x + b, exercise 4-2."""
    return x * w + b


def quadratic(x, w1, w2, b):
    """y_pred = w1 x^2 + w2 x + b, exercises 4-3 and 4-4."""
    return w1 * x**2 + w2 * x + b


# By hand: loss = r^2 with the residual r = y_pred - y, so the chain rule says
# d loss / d w = 2r * d r / d w. 2r is the same for every weight; what differs is the
# local derivative d r / d w. 链式法则：损失对残差的导数 2r，乘以残差对权重的局部导数。
def linear_by_hand(r, x):
    """The gradient for w of y_pred = w x."""
    return {"w": 2 * r * x}


def affine_by_hand(r, x):
    """The gradients for w and b of y_pred = w x + b."""
    return {"w": 2 * r * x, "b": 2 * r}


def quadratic_by_hand(r, x):
    """The gradients for w1, w2 and b of y_pred = w1 x^2 + w2 x + b."""
    return {"w1": 2 * r * x**2, "w2": 2 * r * x, "b": 2 * r}


FORWARD = {"linear": forward, "affine": affine, "quadratic": quadratic}
BY_HAND = {
    "linear": linear_by_hand,
    "affine": affine_by_hand,
    "quadratic": quadratic_by_hand,
}
START = {
    "linear": {"w": 1.0},
    "affine": {"w": 1.0, "b": 2.0},
    "quadratic": {"w1": 1.0, "w2": 1.0, "b": 1.0},
}


def start_weights(name):
    """The weights of a model, {name: tensor}, each told to collect its gradient."""
    weights = {}
    for label, value in START[name].items():
        weights[label] = torch.tensor(value, requires_grad=True)
    return weights


def print_gradients(args):
    """The chain rule by hand beside autograd, at the weights' start."""
    name = args.model
    predict = FORWARD[name]
    by_hand = BY_HAND[name]
    values = ", ".join(f"{label} = {value:g}" for label, value in START[name].items())
    print(f"Gradients of the {name} model at {values}")
    print(f"{'':32} | {'by hand':>10} | {'autograd':>10} | expected")
    for x, y in zip(x_data, y_data):
        weights = start_weights(name)
        # **weights 按名字传参数: affine(x, **weights) is affine(x, w=…, b=…)
        r = predict(x, **weights) - y
        l = r**2
        l.backward()
        hand = by_hand(r.item(), x)
        for label, weight in weights.items():
            sample = f"x = {x:g}, y = {y:g}: d loss / d {label}"
            numbers = f"{hand[label]:10.4f} | {weight.grad.item():10.4f}"
            expected = EXPECTED.get((name, x, label), " ")
            if args.dry_run:
                expected = " "  # a dry run stands beside no number of the video
            print(f"{sample:32} | {numbers} | {expected}")


def exercise(args):
    """The lecture's training with two or three weights; returns them by name."""
    predict = FORWARD[args.model]
    weights = start_weights(args.model)
    losses = []
    print("predict (before training)", 4, predict(4, **weights).item())
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = (predict(x, **weights) - y) ** 2
            l.backward()
            gradients = [weight.grad.item() for weight in weights.values()]
            print("\tgrad:", x, y, *gradients)
            for weight in weights.values():  # 每个权重都更新，都清零
                weight.data = weight.data - args.lr * weight.grad.data
                weight.grad.data.zero_()
        print("progress:", epoch, l.item())
        losses.append(l.item())
        if not torch.isfinite(l):
            break
    y_test = predict(4, **weights).item()
    print("predict (after training)", 4, y_test)

    rows = [
        slide_4_22(),
        ("progress: 0", losses[0], "-"),
        ("prediction for x = 4", y_test, "-"),
    ]
    print_table("slide 4-22", rows, args)
    figure = draw(losses, args)
    save_plot(figure, args)
    tell_divergence(args.model, losses)
    return weights


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 4-43, all digits; its printout breaks off in epoch 6. Three gradients an epoch:
VIDEO_GRADIENTS = [
    -2.0,
    -7.840000152587891,
    -16.228801727294922,
    -1.478623867034912,
    -5.796205520629883,
    -11.998146057128906,
    -1.0931644439697266,
    -4.285204887390137,
    -8.870372772216797,
    -0.8081896305084229,
    -3.1681032180786133,
    -6.557973861694336,
    -0.5975041389465332,
    -2.3422164916992188,
    -4.848389625549316,
    -0.4417421817779541,
    -1.7316293716430664,
    -3.58447265625,
    -0.3265852928161621,
    -1.2802143096923828,
    -2.650045394897461,
]
VIDEO_PROGRESS = [  # the loss of the last sample, epochs 0 to 5
    7.315943717956543,
    3.9987640380859375,
    2.1856532096862793,
    1.1946394443511963,
    0.6529689431190491,
    0.35690122842788696,
]
# On no slide: it is what the slide's code gives.
COMPUTED_PREDICTION = 7.999998569488525
# The gradients at the start above: (model, x, weight). The exercises ask "= ?".
EXPECTED = {
    ("linear", 1.0, "w"): "-2.0 slide 4-32",
    ("linear", 2.0, "w"): "-8.0 (computed, exercise 4-1)",
    ("affine", 1.0, "w"): "2.0 (computed, exercise 4-2)",
    ("affine", 1.0, "b"): "2.0 (computed, exercise 4-2)",
}


def slide_4_22():
    """Table row: dL/dx and dL/dw of z = x w at x = 2, w = 3, if dL/dz = 5."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    z = x * w
    z.backward(torch.tensor(5.0))  # dL/dz, which comes from above
    return "4-22: dL/dx, dL/dw", f"{x.grad}, {w.grad}", "15.0, 10.0"


def count_equal(ours, video):
    """How many of the numbers that both have are equal to the last digit."""
    both = min(len(ours), len(video))
    equal = 0
    for i in range(both):
        if ours[i] == video[i]:
            equal += 1
    return f"{equal} of {both}"


def compare(gradients, losses, y_test, args):
    """Table rows: slide 4-22, the gradients and losses of 4-43, the prediction."""
    rows = [slide_4_22()]
    for i in range(3):
        name = f"first gradient at x = {x_data[i]:g}"
        rows.append((name, gradients[i], VIDEO_GRADIENTS[i]))
    for epoch in range(min(len(losses), 6)):
        rows.append((f"progress: {epoch}", losses[epoch], VIDEO_PROGRESS[epoch]))
    if not args.dry_run:
        equal = count_equal(gradients, VIDEO_GRADIENTS)
        rows.append(("grads equal to the last digit", equal, "21 shown"))
        equal = count_equal(losses, VIDEO_PROGRESS)
        rows.append(("losses equal to the last digit", equal, "6 shown"))
    video = "-"
    if len(losses) == 100:
        video = f"{COMPUTED_PREDICTION} (computed)"
    rows.append(("prediction for x = 4", y_test, video))
    return rows


def draw(losses, args):
    """The graph of slide 4-32 above, the losses of this run below."""
    figure, (top, axes) = plt.subplots(2, 1, figsize=(8, 7.5), layout="constrained")
    draw_graph(top)
    style = "-"
    if len(losses) < 5:
        style = ".-"  # a point is no line
    axes.plot(losses, style, label=f"this run: {args.model}")
    if args.model == "linear" and not args.dry_run:
        axes.plot(VIDEO_PROGRESS[: args.epochs], "ko", ms=4, label="video")
    if args.model == "linear" and losses[-1] < 1e-9:
        text = "the steps are too small for float32"
        axes.annotate(text, (len(losses), 4 * losses[-1]), ha="right")
    axes.set(xlabel="Epoch", ylabel="Loss of the last sample (x = 3)", yscale="log")
    axes.set_title("Lecture 04 · Training")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


BLUE = "#0072B2"
ORANGE = "#D55E00"  # red-green blind readers tell these two apart


def draw_graph(axes):
    """The graph of slide 4-32 (x = 1, y = 2, w = 1): values, derivatives, gradients.

    All numbers are computed here; the pairs are places in the picture.
    """
    x = torch.tensor(1.0)
    y = torch.tensor(2.0)
    w = torch.tensor(1.0, requires_grad=True)
    y_pred = x * w
    r = y_pred - y
    l = r**2
    y_pred.retain_grad()  # or only w keeps its gradient
    r.retain_grad()
    l.backward()

    draw_edge(axes, (0, 1), (1.6, 0))
    draw_edge(axes, (0, -1), (1.6, 0))
    draw_edge(axes, (1.6, 0), (3.6, 0))
    draw_edge(axes, (1.6, -1.7), (3.6, 0))
    draw_edge(axes, (3.6, 0), (5.6, 0))
    derivative = {"color": BLUE, "ha": "center"}
    axes.text(0.85, 0.65, f"x = {x:g}", **derivative)
    axes.text(0.6, -0.35, f"w = {w:g}", **derivative)
    axes.text(2.6, 0.15, "1", **derivative)
    axes.text(2.45, -1.45, "-1", **derivative)
    axes.text(4.6, 0.15, f"2r = {2 * r:g}", **derivative)
    gradient = {"color": ORANGE, "ha": "center", "weight": "bold"}
    axes.text(0.55, 0.25, f"← {w.grad:g}", **gradient)
    axes.text(2.6, -0.35, f"← {y_pred.grad:g}", **gradient)
    axes.text(4.6, -0.35, f"← {r.grad:g}", **gradient)
    draw_node(axes, (0, 1), "w", w)
    draw_node(axes, (0, -1), "x", x)
    draw_node(axes, (1.6, 0), "y_pred", y_pred)
    draw_node(axes, (1.6, -1.7), "y", y)
    draw_node(axes, (3.6, 0), "r", r)
    draw_node(axes, (5.6, 0), "loss", l)
    axes.text(3.6, -0.75, "residual\nr = y_pred - y", ha="center", va="top")
    axes.text(5.6, -0.75, "loss = r²", ha="center", va="top")
    axes.text(3.6, 1.5, "local derivative", **derivative)
    axes.text(3.6, 1.1, "← gradient that flows back", **gradient)
    axes.set(xlim=(-0.6, 6.3), ylim=(-2.3, 1.9))
    axes.set_title("Lecture 04 · Back propagation: the graph of slide 4-32")
    axes.axis("off")


def draw_node(axes, place, name, value):
    """A circle with a name and a value."""
    box = {"boxstyle": "circle,pad=0.5", "facecolor": "white"}
    style = {"ha": "center", "va": "center", "fontsize": 9}
    axes.text(*place, f"{name}\n{value:g}", bbox=box, **style)


def draw_edge(axes, tail, head):
    """An arrow from one node to the next."""
    arrow = {"arrowstyle": "-|>", "shrinkA": 24, "shrinkB": 24, "color": "grey"}
    axes.annotate("", head, tail, arrowprops=arrow)


def tell_divergence(name, losses):
    """A line on standard error if the loss grew out of bounds, or is nan."""
    if losses[-1] < 1e9:  # nan < 1e9 is False
        return
    print(
        f"{name} diverged, loss {losses[-1]:.3g}: try a smaller --lr",
        "训练发散，请把 --lr 调小",
        file=sys.stderr,
    )


# %% Command line 命令行选项（可以不看） --------------------
def parse_args(argv):
    """The options of the command line; one line and exit status 2 if one is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,  # so that an error is one line
    )
    if hasattr(sys.stdout, "reconfigure"):  # not in a notebook, not in IDLE
        sys.stdout.reconfigure(errors="replace")  # "?" for what a console cannot show
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="训练轮数, default 100")
    add("--lr", type=float, default=0.01, metavar="X", help="学习率, default 0.01")
    add(
        "--model",
        choices=["linear", "affine", "quadratic"],
        default="linear",
        help="模型（作业 4-2 至 4-4）, default linear",
    )
    plot = "plots/lecture04_backprop.png"
    add("--plot", type=Path, default=plot, metavar="FILE", help=f"图片, default {plot}")
    add("--show", action="store_true", help="open the plot 训练后打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    args = parser.parse_args(argv)

    if args.epochs < 1:
        parser.error("--epochs must be 1 or more 轮数至少为 1")
    if not 0 < args.lr < 1e9:
        parser.error("--lr must be above 0, below 1e9 学习率必须大于 0、小于 1e9")
    check_plot(parser, args)
    if args.dry_run:
        args.epochs = 1
        print("dry run: a try of the script, its numbers are no result")
    return args


def check_plot(parser, args):
    """Say now what would otherwise fail after the training."""
    if args.plot.suffix.lower() not in (".png", ".pdf", ".svg"):
        parser.error(
            "--plot takes a name that ends in .png, .pdf or .svg 图片扩展名不对"
        )
    if args.plot.is_dir():
        parser.error(f"--plot {args.plot.as_posix()} is a folder 这是一个文件夹")
    try:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=args.plot.parent).close()
    except OSError as error:  # not allowed there, for example
        reason = error.strerror or error
        parser.error(f"cannot write --plot {args.plot.as_posix()}: {reason} 无法写入")
    if args.show:
        try:
            plt.close(plt.figure())  # can a window be opened?
        except Exception as error:  # noqa: BLE001 each window system has its own
            reason = str(error).split("\n")[0]
            parser.error(f"--show: no window ({reason}) 打不开窗口，请去掉 --show")
        if plt.get_backend().lower() == "agg":
            parser.error("--show: there is no screen here 打不开窗口，请去掉 --show")
    elif "IPython" not in sys.modules:
        plt.switch_backend("agg")  # draw without windows: works on every machine


def print_table(slide, rows, args):
    """Print rows (name, this run, video) side by side; a dry run has no video."""
    if args.dry_run:
        print(f"\n{'':32} | {'dry run, no result':>24}")
        for name, ours, video in rows:
            print(f"{name:32} | {ours:>24}")
        return
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, args):
    """Write the picture; one of an earlier run stays until the new one is whole."""
    if args.dry_run:
        style = {"size": 36, "rotation": 20, "alpha": 0.3, "ha": "center"}
        figure.text(0.5, 0.4, "dry run, no result", **style)
    new = args.plot.with_name(f"new-{args.plot.name}")
    try:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(new)
    except OSError as error:  # not allowed there, disk full
        reason = error.strerror or error
        sys.exit(f"cannot write --plot {args.plot.as_posix()}: {reason} 无法保存图片")
    try:
        new.replace(args.plot)
    except OSError:  # Windows: a program that shows the earlier picture holds it
        sys.exit(
            f"cannot replace {args.plot.as_posix()}: is it open in another program? "
            f"The new picture is {new.as_posix()} 旧图片可能正被其他程序占用，新图片另存在旁边"
        )
    print("plot saved to", args.plot.as_posix(), "(--show opens a window)")
    if args.show:
        plt.show()


if __name__ == "__main__":
    in_a_cell = sys.argv[-1].endswith(".json")  # the kernel's argument: no options
    model = main([] if in_a_cell else None)
