"""Lecture 03 · Gradient descent (第三讲 梯度下降算法)

The same three samples and y_pred = x * w, but now w is found by walking downhill:
w = w - lr * gradient, from w = 1.0, 100 times. The sign of the derivative says which
way is down; every step is greedy. Gradient descent takes the mean gradient of all
samples (they can be computed in parallel). Stochastic gradient descent (SGD) updates
after each sample: it cannot be parallel, every update needs the one before, but it
often finds better weights. Mini-batch is the compromise.

梯度下降：沿梯度的反方向一步一步走，找到损失最小的 w。随机梯度下降（SGD）每个样本更新一次，
小批量（mini-batch）是两者的折中：--method all 画出三条曲线。
在深度学习里，局部最优点很少造成麻烦，真正的麻烦是鞍点：那里梯度为 0，梯度下降停住不动，
SGD 带噪声，有可能离开：--landscape saddle。学习率太大会发散，可以试试 --lr 1。

    python lecture03_gradient_descent.py                       # the video 视频
    python lecture03_gradient_descent.py --lr 1                # it diverges 发散
    python lecture03_gradient_descent.py --method sgd --smooth 0.1
    python lecture03_gradient_descent.py --method all          # three curves 三种方法
    python lecture03_gradient_descent.py --landscape saddle    # who gets stuck? 鞍点
    python lecture03_gradient_descent.py --landscape local     # two valleys 局部最优

Why not search, as in lecture 2? A coarse grid, then a finer one around its best point
(divide and conquer, 分治) misses the optimum where the cost is not convex, and a grid
over many weights has too many points.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# %% 1. Dataset 数据集 --------------------
x_data = [1.0, 2.0, 3.0]  # hours of study 学习时间
y_data = [2.0, 4.0, 6.0]  # points 分数


# %% 2. Model 模型 --------------------
def forward(x, w):
    """Predict the points for x hours: y_pred = x w."""
    return x * w


# %% 3. Cost and gradient 代价与梯度 --------------------
def cost(xs, ys, w):
    """The mean squared error over all samples 所有样本损失的平均值."""
    total = 0
    for x, y in zip(xs, ys):
        y_pred = forward(x, w)
        total += (y_pred - y) ** 2
    return total / len(xs)


def gradient(xs, ys, w):
    """The derivative of the cost: the mean of 2x(xw - y) over all samples."""
    total = 0
    for x, y in zip(xs, ys):
        total += 2 * x * (forward(x, w) - y)  # (xw - y)^2 对 w 求导
    return total / len(xs)


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(argv=None):
    """The video's program; returns the trained w (of a landscape: where it ended)."""
    # Without options: method gd, lr 0.01, epochs 100 不加选项就是视频里的值
    args = parse_args(argv)
    if args.landscape == "saddle":
        return saddle(args)
    if args.landscape == "local":
        return local(args)
    if args.method != "gd":
        return other_methods(args)

    # 4. Training: one update an epoch, from all samples 每轮用全部样本更新一次
    w = 1.0  # the first guess 初始权重，先猜一个
    w_list = []
    cost_list = []
    print("Predict (before training)", 4, forward(4, w))
    for epoch in range(args.epochs):
        cost_val = cost(x_data, y_data, w)
        grad_val = gradient(x_data, y_data, w)
        w -= args.lr * grad_val  # downhill 梯度指向上坡，所以减去它
        print(f"Epoch: {epoch} w= {w:.2f} cost= {cost_val:.2f}")
        w_list.append(w)
        cost_list.append(cost_val)
        if cost_val > 1e9:
            break  # it diverged, soon ** would raise OverflowError 已经发散，继续训练也没用

    # 5. Inference and plot
    print("Predict (after training)", 4, f"{forward(4, w):.2f}")

    rows = compare(w_list, cost_list)
    print_table("slide 3-21", rows, args)
    figure = draw(cost_list, args)
    save_plot(figure, args)
    tell_divergence("gd", cost_list)
    return w


# %% SGD and mini-batch 随机梯度下降与小批量 --------------------
def loss_sample(x, y, w):
    """The squared error of one sample."""
    return (forward(x, w) - y) ** 2


def gradient_sample(x, y, w):
    """The derivative of one sample's loss 只用一个样本的梯度."""
    return 2 * x * (forward(x, w) - y)


def train_sgd(lr, epochs):
    """One update per sample, in order 1, 2, 3; returns w and the loss after each.

    As on slides 3-23 to 3-25 the loss is taken after the update; gradient descent
    (slide 3-21) takes the cost before it.
    """
    w = 1.0
    w_list = []
    losses = []
    for epoch in range(epochs):
        for x, y in zip(x_data, y_data):  # 每个样本更新一次，一轮更新三次
            grad = gradient_sample(x, y, w)
            w -= lr * grad
            print("\tgrad:", x, y, grad)
            loss_val = loss_sample(x, y, w)
            w_list.append(w)
            losses.append(loss_val)
        print("progress:", epoch, "w=", w, "loss=", loss_val)
        if loss_val > 1e9:
            break
    return w_list, losses


def train_batches(lr, epochs, size):
    """One update per mini-batch; returns w after each, and the cost before it.

    size 3 is gradient descent; size 2 takes samples 1 and 2, then sample 3.
    """
    name = "loss"  # of a part of the samples
    if size == len(x_data):
        name = "cost"  # of all of them
    w = 1.0
    w_list = []
    costs = []
    for epoch in range(epochs):
        for i in range(0, len(x_data), size):  # 每个小批量更新一次
            x_batch = x_data[i : i + size]
            y_batch = y_data[i : i + size]
            cost_val = cost(x_batch, y_batch, w)
            w -= lr * gradient(x_batch, y_batch, w)
            print(f"Epoch: {epoch} w= {w:.2f} {name}= {cost_val:.2f}")
            w_list.append(w)
            costs.append(cost_val)
        if cost_val > 1e9:
            break
    return w_list, costs


def other_methods(args):
    """SGD, mini-batch, or all three: the cost over all samples after each update."""
    names = [args.method]
    if args.method == "all":
        names = ["gd", "sgd", "minibatch"]
    rows = []
    curves = {}
    losses = {}
    for name in names:
        print("Predict (before training)", 4, forward(4, 1.0))
        if name == "sgd":
            w_list, seen = train_sgd(args.lr, args.epochs)
        elif name == "minibatch":
            w_list, seen = train_batches(args.lr, args.epochs, 2)
        else:
            w_list, seen = train_batches(args.lr, args.epochs, 3)
        losses[name] = seen
        w = w_list[-1]
        print("Predict (after training)", 4, f"{forward(4, w):.2f}")
        rows.extend(ending(name, w_list))
        curves[name] = [cost(x_data, y_data, 1.0)]  # before the first update
        for w_then in w_list:
            curves[name].append(cost(x_data, y_data, w_then))

    print_table("slide 3-21", rows, args)
    figure = draw_methods(curves, losses, args)
    save_plot(figure, args)
    for name in names:
        tell_divergence(name, losses[name])
    return w


def smooth(losses, beta):
    """The exponentially weighted mean 指数加权均值, to read a jagged loss curve.

    c'[0] = c[0], then c'[i] = beta * c[i] + (1 - beta) * c'[i - 1]: the video's formula
    as two learners noted it (it is on no slide). beta is the weight of the new value,
    so a small one smooths; elsewhere it is often the weight of the past: 0.9 for 0.1.
    这里 β 是新值的权重，β 越小越平滑。
    """
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(beta * loss + (1 - beta) * smoothed[-1])
    return smoothed


# %% Landscapes 鞍点与局部最优 --------------------
def descend(gradient_at, start, lr, epochs, noise=0.0):
    """Gradient descent from start: the points visited, shape (epochs + 1, weights).

    noise plays the part of SGD: the gradient of one sample is not that of all.
    """
    w = np.array(start)
    path = [w]
    for _ in range(epochs):
        grad = gradient_at(w)
        for i in range(len(w)):
            grad[i] += random.gauss(0, noise)
        w = w - lr * grad
        path.append(w)
        if abs(w).max() > 1e3:
            break  # it diverged
    return np.array(path)


def saddle_cost(w1, w2):
    """A saddle at (0, 0) between two valleys, at (0, 1) and (0, -1)."""
    return w1**2 + w2**4 / 4 - w2**2 / 2


def saddle_gradient(w):
    """The two partial derivatives of saddle_cost."""
    w1, w2 = w
    return np.array([2 * w1, w2**3 - w2])


def saddle(args):
    """The trouble in deep learning is the saddle point 真正的麻烦是鞍点, not a local optimum.

    From a start exactly on the ridge plain gradient descent walks to the saddle, where
    the gradient is 0, and stops. 梯度为 0，权重不再更新；SGD 的噪声有可能带它离开。
    """
    random.seed(args.seed)  # the same noise every time
    start = [1.5, 0.0]
    gd = descend(saddle_gradient, start, args.lr, args.epochs)
    sgd = descend(saddle_gradient, start, args.lr, args.epochs, noise=0.3)
    gd_costs = saddle_cost(gd[:, 0], gd[:, 1])
    sgd_costs = saddle_cost(sgd[:, 0], sgd[:, 1])

    both = f"{gd_costs[-1]:.3f}, {sgd_costs[-1]:.3f}"
    rows = [
        ("gradient descent ends at", where(gd[-1]), "stops at the saddle"),
        ("SGD ends at", where(sgd[-1]), "leaves the saddle"),
        ("cost of both", both, "-"),
    ]
    print_table("in words", rows, args)
    figure = draw_saddle(gd, sgd)
    save_plot(figure, args)
    tell_divergence("gradient descent", gd_costs)
    tell_divergence("SGD", sgd_costs)
    return sgd[-1]


def local_cost(w):
    """Two valleys: the left one is deeper."""
    return (w**2 - 1) ** 2 + 0.3 * w


def local_gradient(w):
    """The derivative of local_cost."""
    return 4 * w * (w**2 - 1) + 0.3


def local(args):
    """The start decides which valley is found 起点决定走到哪个谷底."""
    left = descend(local_gradient, [-0.3], args.lr, args.epochs)[:, 0]
    right = descend(local_gradient, [0.4], args.lr, args.epochs)[:, 0]
    left_costs = local_cost(left)
    right_costs = local_cost(right)

    left_end = f"w = {left[-1]:.3f}, cost {left_costs[-1]:.3f}"
    right_end = f"w = {right[-1]:.3f}, cost {right_costs[-1]:.3f}"
    rows = [
        ("start at w = -0.3 ends at", left_end, "global optimum"),
        ("start at w = 0.4 ends at", right_end, "local optimum, not global"),
    ]
    print_table("in words", rows, args)
    figure = draw_local(left, right)
    save_plot(figure, args)
    tell_divergence("start at w = -0.3", left_costs)
    tell_divergence("start at w = 0.4", right_costs)
    return right[-1]


def where(point):
    """A point as text: (1.00, 2.00)."""
    w1, w2 = np.round(point, 2) + 0.0  # + 0.0 turns -0.00 into 0.00
    return f"({w1:.2f}, {w2:.2f})"


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 3-21 shows epochs 0 to 10, and 90 to 99, where all is w = 2.00, cost = 0.00. (Its
# output, with cost= to two decimals, is not that of the code beside it.)
VIDEO_W = [1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66]
VIDEO_COST = [4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66]
VIDEO_LAST_W = 2.00
VIDEO_LAST_COST = 0.00
VIDEO_PREDICTION = 8.00


def compare(w_list, cost_list):
    """Table rows: w after each update and the cost before it, as on slide 3-21."""
    rows = []
    for epoch in range(len(w_list)):
        ours = f"{w_list[epoch]:.2f} / {cost_list[epoch]:.2f}"
        if epoch < len(VIDEO_W):
            video = f"{VIDEO_W[epoch]:.2f} / {VIDEO_COST[epoch]:.2f}"
            rows.append((f"epoch {epoch}: w / cost", ours, video))
        if epoch == 99:
            video = f"{VIDEO_LAST_W:.2f} / {VIDEO_LAST_COST:.2f}"
            rows.append((f"epoch {epoch}: w / cost", ours, video))
    rows.append(("gd: w, first update", w_list[0], f"{VIDEO_W[0]:.2f}"))
    rows.extend(ending("gd", w_list))
    return rows


def ending(method, w_list):
    """Table rows: the last w and its prediction; 3-21 has gd's after 100 epochs."""
    w = w_list[-1]
    w_video = "-"
    y_video = "-"
    if method == "gd" and len(w_list) == 100:
        w_video = f"{VIDEO_LAST_W:.2f}"
        y_video = f"{VIDEO_PREDICTION:.2f}"
    return [
        (f"{method}: w, last update", w, w_video),
        (f"{method}: prediction for x = 4", forward(4, w), y_video),
    ]


def draw(cost_list, args):
    """The cost by epoch: left as in the video, right what "0.00" stands for."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    style = "-"
    if len(cost_list) < 5:
        style = ".-"  # a point is no line
    for axes in (left, right):
        axes.plot(cost_list, style, color="#0072B2", label="this run: gd")
        if not args.dry_run:
            axes.plot(VIDEO_COST[: args.epochs], "ko", label="video", ms=4)
        axes.set(xlabel="Epoch", ylabel="Cost")
        axes.grid(alpha=0.3)
    left.set_title("As in the video")
    left.set_ylim(-0.2, 5.2)
    right.set_title("The same on a log axis")
    right.set_yscale("log")
    if args.epochs >= 100:
        # A log axis has no place for 0.00: all that is printed so lies below 0.005.
        label = "video, epochs 90 to 99: 0.00, so below 0.005"
        right.plot([90, 99], [0.005, 0.005], "k-", lw=3, label=label)
    for axes in (left, right):
        axes.legend()
    figure.suptitle("Lecture 03 · Gradient descent")
    return figure


def new_plot(title, xlabel, ylabel, height=4.5):
    """A figure with one empty plot."""
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    axes.set(title=f"Lecture 03 · {title}", xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


UPDATES = {"gd": 1, "sgd": 3, "minibatch": 2}  # in an epoch
COLORS = {"gd": "#0072B2", "sgd": "#E69F00", "minibatch": "#009E73"}
LINES = {"gd": "-", "sgd": "-", "minibatch": "--"}


def draw_methods(curves, losses, args):
    """The cost over all samples after each update, {method: costs}, and the video's.

    losses: {method: what it saw of its own samples}; drawn for --method sgd.
    """
    figure, axes = new_plot("Gradient descent", "Epoch", "Cost")
    for method, costs in curves.items():
        epochs = np.arange(len(costs)) / UPDATES[method]
        style = {"color": COLORS[method], "linestyle": LINES[method]}
        if len(costs) < 5:
            style["marker"] = "."
        axes.plot(epochs, costs, label=f"this run: {method}", **style)
    if not args.dry_run:
        axes.plot(VIDEO_COST[: args.epochs], "ko", label="video (gd)", ms=4)
    if args.method == "sgd":  # one sample's loss is jagged: smoothing shows its way
        axes.plot(
            epochs[1:],
            losses["sgd"],
            ".-",
            color="grey",
            lw=0.8,
            ms=3,
            label="loss of each one sample",
        )
        smoothed = smooth(losses["sgd"], args.smooth)
        label = f"smoothed, beta = {args.smooth:g}"
        axes.plot(epochs[1:], smoothed, "--", color="#0072B2", lw=2, label=label)
    if costs[-1] < 1e9:
        axes.set_xlim(-0.5, 20)  # SGD and mini-batch are at the bottom by then
    else:
        axes.set_yscale("log")  # it diverged
    axes.legend()
    return figure


def draw_saddle(gd, sgd):
    """The two ways, each (points, 2), over the lines of equal cost."""
    figure, axes = new_plot("A saddle point", "w1", "w2", height=5)
    w1, w2 = np.meshgrid(np.linspace(-0.8, 1.8, 100), np.linspace(-1.6, 1.6, 100))
    height = saddle_cost(w1, w2)
    lines = axes.contour(w1, w2, height, levels=25, cmap="Greys_r", alpha=0.7)
    figure.colorbar(lines, label="cost")
    axes.plot(gd[:, 0], gd[:, 1], ".-", color="#0072B2", label="gradient descent")
    label = "SGD: the same with noise"
    axes.plot(sgd[:, 0], sgd[:, 1], ".-", color="#E69F00", label=label)
    axes.plot(0, 0, "kx", ms=11, mew=2, label="saddle point, gradient 0")
    axes.set(xlim=(-0.8, 1.8), ylim=(-1.6, 1.6))
    axes.legend(loc="upper right")
    return figure


def draw_local(left, right):
    """The two ways down, each (points,), on the curve of the cost."""
    figure, axes = new_plot("Local and global optimum", "w", "Cost")
    w = np.linspace(-1.6, 1.6, 200)
    axes.plot(w, local_cost(w), color="grey", label="cost")
    label = "start at w = -0.3"
    axes.plot(left, local_cost(left), ".-", color="#0072B2", label=label)
    label = "start at w = 0.4"
    axes.plot(right, local_cost(right), ".-", color="#E69F00", label=label)
    axes.set(xlim=(-1.6, 1.6), ylim=(-0.5, 2))
    axes.legend()
    return figure


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
    add("--lr", type=float, metavar="X", help="学习率, default 0.01, landscapes 0.1")
    add("--seed", type=int, default=0, metavar="N", help="鞍点的随机种子, default 0")
    add(
        "--method",
        choices=["gd", "sgd", "minibatch", "all"],
        default="gd",
        help="梯度下降、随机、小批量，或三种一起, default gd",
    )
    add(
        "--smooth",
        type=float,
        default=0.1,
        metavar="BETA",
        help="SGD 损失曲线的平滑：新值的权重，越小越平滑, default 0.1",
    )
    add(
        "--landscape",
        choices=["saddle", "local"],
        help="鞍点，或局部最优, default none",
    )
    plot = "plots/lecture03_gradient_descent.png"
    add("--plot", type=Path, default=plot, metavar="FILE", help=f"图片, default {plot}")
    add("--show", action="store_true", help="open the plot 训练后打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    args = parser.parse_args(argv)

    if args.lr is None:
        args.lr = 0.01
        if args.landscape:
            args.lr = 0.1
    if args.epochs < 1:
        parser.error("--epochs must be 1 or more 轮数至少为 1")
    if not 0 < args.lr < 1e9:
        parser.error("--lr must be above 0, below 1e9 学习率必须大于 0、小于 1e9")
    if not 0 <= args.seed < 1e9:
        parser.error("--seed must be 0 to 999999999 随机种子应为 0 到 999999999")
    if not 0 < args.smooth <= 1:
        parser.error("--smooth must be above 0, at most 1 平滑系数须大于 0，不超过 1")
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
