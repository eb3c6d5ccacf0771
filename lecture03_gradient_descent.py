"""Lecture 03 · Gradient descent (第三讲 梯度下降算法)

看到 main 结束就够了，那就是视频里的程序；后面是它的第二个程序（SGD）、选学和画图。从 w = 1.0 出发，沿梯度的
反方向一步一步走到损失最小的地方：w = w - lr * 梯度。梯度下降每轮用全部样本更新一次；随机梯度下降（SGD）每个样本
更新一次，不能并行，但往往能找到更好的权重；小批量（mini-batch）是两者的折中。学习率太大会发散，可以试试 --lr 1。
为什么不像第二讲那样搜索？先用稀疏的网格，再在最好的点附近加密（分治），在非凸函数上可能错过最优点；权重一多，
网格上的点就太多了。

Read as far as the end of main: that is the lecture. The same three samples and
y_pred = x * w as in lecture 2, but now w is found by walking downhill: the sign of the
derivative says which way is down. Gradient descent updates once per epoch with the mean
gradient; stochastic gradient descent (SGD) updates after each sample, cannot be done in
parallel, but often finds better weights; mini-batch is the compromise. A grid search
may miss the optimum where the cost is not convex, and has too many points.

    python lecture03_gradient_descent.py                # the video 视频
    python lecture03_gradient_descent.py --lr 1         # it diverges 发散
    python lecture03_gradient_descent.py --method sgd   # its second program 视频的第二个程序
    python lecture03_gradient_descent.py --landscape    # saddle point 鞍点与局部最优
"""

import argparse
import random
import sys
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
def main(args):
    """The video's program; returns the trained w."""
    # without options lr is 0.01, epochs 100 不加选项就是视频里的值
    if args.landscape:
        return landscape(args)  # 选学：鞍点
    if args.method == "sgd":
        return sgd(args)  # 视频的第二个程序

    # 4. Training 训练：每轮用全部样本更新一次
    w = 1.0  # the first guess 初始权重，先猜一个
    w_list = []
    cost_list = []
    print("Predict (before training)", 4, forward(4, w))
    for epoch in range(args.epochs):
        cost_val = cost(x_data, y_data, w)
        grad_val = gradient(x_data, y_data, w)
        w -= args.lr * grad_val  # 梯度指向上坡，所以减去它
        # 和视频一样：打印的 w 是更新以后的，cost 是更新以前的
        print(f"Epoch: {epoch} w= {w:.2f} cost= {cost_val:.2f}")
        w_list.append(w)
        cost_list.append(cost_val)
        if not cost_val < 1e6:  # 再算下去，** 会引发 OverflowError
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    print("Predict (after training)", 4, f"{forward(4, w):.2f}")
    print_table("slide 3-21", compare(w_list, cost_list), args)
    figure = draw({"gd": (range(len(cost_list)), cost_list)}, args)
    save_plot(figure, "lecture03_gradient_descent", args)
    return w


# %% More 选学：视频的第二个程序，随机梯度下降 --------------------
def loss_sample(x, y, w):
    """The squared error of one sample."""
    return (forward(x, w) - y) ** 2


def gradient_sample(x, y, w):
    """The derivative of one sample's loss 只用一个样本的梯度."""
    return 2 * x * (forward(x, w) - y)


def sgd(args):
    """SGD as on slides 3-23 to 3-25: one update per sample, in order; returns w.

    The loss is taken after the update; gradient descent (3-21) takes the cost before it.
    """
    w = 1.0
    losses = []
    print("Predict (before training)", 4, forward(4, w))
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):  # 每个样本更新一次，一轮更新三次
            grad = gradient_sample(x, y, w)
            w -= args.lr * grad
            print("\tgrad:", x, y, grad)
            loss_val = loss_sample(x, y, w)
            losses.append(loss_val)
        print("progress:", epoch, "w=", w, "loss=", loss_val)
        if not loss_val < 1e6:
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    print("Predict (after training)", 4, f"{forward(4, w):.2f}")
    epochs = np.arange(1, len(losses) + 1) / len(x_data)  # 三次更新是一轮
    curves = {
        "sgd, loss of each sample": (epochs, losses),
        "the same, smoothed 0.3": (epochs, smooth(losses, 0.3)),
    }
    save_plot(draw(curves, args), "lecture03_gradient_descent_sgd", args)
    return w


def smooth(losses, beta):
    """The exponentially weighted mean 指数加权均值, to read a jagged loss curve.

    c'[0] = c[0], then c'[i] = beta * c[i] + (1 - beta) * c'[i - 1]: the video's formula
    as two learners noted it (it is on no slide). beta is the weight of the new value,
    so a small one smooths; elsewhere it is often the weight of the past: 0.7 for 0.3.
    这里 β 是新值的权重，β 越小越平滑，但也越滞后。
    """
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(beta * loss + (1 - beta) * smoothed[-1])
    return smoothed


# %% More 选学：鞍点与局部最优 --------------------
def surface(w1, w2):
    """Two valleys, the lower one is deeper, and a saddle between them at (0, 0)."""
    return w1**2 + w2**4 / 4 + w2**3 / 10 - w2**2 / 2


def descend(start, args, noise=0.0):
    """Gradient descent on the surface: all points of the way, the start first.

    noise plays the part of SGD 模拟 SGD：单个样本的梯度和全部样本的梯度有偏差。
    """
    w1, w2 = start
    way = [start]
    for epoch in range(args.epochs):
        w1 -= 0.1 * (2 * w1 + random.gauss(0, noise))
        w2 -= 0.1 * (w2**3 + 0.3 * w2**2 - w2 + random.gauss(0, noise))
        way.append((w1, w2))
    return way


def landscape(args):
    """Three ways down, and where they end; returns the end of the noisy one.

    局部最优不一定是全局最优，但在深度学习里它很少造成麻烦，真正的麻烦是鞍点：那里梯度为 0，权重不再更新；
    SGD 的噪声有可能带它离开。
    """
    random.seed(args.seed)  # the same noise every time 结果可复现
    ridge = (1.5, 0.0)  # exactly between the two valleys 正好在两个谷之间的山脊上
    stopped = descend(ridge, args)
    noisy = descend(ridge, args, noise=0.3)
    local = descend((1.5, 0.3), args)
    ways = [
        ("gradient descent from (1.5, 0)", stopped, "stops at the saddle"),
        ("the same with noise, like SGD", noisy, "may leave the saddle"),
        ("gradient descent from (1.5, 0.3)", local, "a local optimum"),
    ]
    for name, way, words in ways:
        w1, w2 = way[-1]
        print(f"{name}: ends at ({w1:.2f}, {w2:.2f}), {words}")
    save_plot(draw_landscape(ways), "lecture03_gradient_descent_landscape", args)
    return noisy[-1]


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 3-21 shows epochs 0 to 10, and 90 to 99, where all is w = 2.00, cost = 0.00. (Its
# output, with cost= to two decimals, is not that of the code beside it.)
VIDEO_W = [1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66]
VIDEO_COST = [4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66]
# Colors that every eye can tell apart 色盲也能分清的颜色
COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"]


def compare(w_list, cost_list):
    """Table rows: w after each update and the cost before it, as on slide 3-21."""
    rows = []
    for epoch in range(len(w_list)):
        ours = f"{w_list[epoch]:.2f} / {cost_list[epoch]:.2f}"
        if epoch < len(VIDEO_W):
            video = f"{VIDEO_W[epoch]:.2f} / {VIDEO_COST[epoch]:.2f}"
            rows.append((f"epoch {epoch}: w / cost", ours, video))
        if epoch == 99:  # 90 to 98 are the same
            rows.append(("epoch 99: w / cost", ours, "2.00 / 0.00"))
            rows.append(("prediction for x = 4", forward(4, w_list[99]), "8.00"))
    return rows


def draw(curves, args):
    """The cost by epoch, {name: (epochs, costs)}, and the video's."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.set_prop_cycle(color=COLORS)
    for name, (epochs, costs) in curves.items():
        axes.plot(epochs, costs, ".-", ms=4, label=f"this run: {name}")
    if not args.dry_run:
        axes.plot(VIDEO_COST, "ko", ms=4, label="video: gd")
        axes.plot(range(90, 100), [0.0] * 10, "ko", ms=4)  # the slide has 0.00
    axes.set(title="Lecture 03 · Gradient descent", xlabel="Epoch", ylabel="Cost")
    if args.method != "gd":
        axes.set_xlim(-0.5, 20)  # all are at the bottom by then 之后都接近 0
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def draw_landscape(ways):
    """The ways over the lines of equal cost 等高线."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    w1, w2 = np.meshgrid(np.linspace(-0.8, 1.8, 100), np.linspace(-1.7, 1.4, 100))
    lines = axes.contour(w1, w2, surface(w1, w2), 25, cmap="Greys_r", alpha=0.7)
    figure.colorbar(lines, label="cost")
    axes.set_prop_cycle(color=COLORS)
    for name, way, _ in ways:
        w1, w2 = np.array(way).T  # (points, 2) -> (2, points)
        axes.plot(w1, w2, ".-", label=name)
    axes.plot(0, 0, "kx", ms=11, mew=2, label="saddle point, gradient 0")
    axes.plot(0, 0.86, "k^", fillstyle="none", label="local optimum")
    axes.plot(0, -1.16, "k*", ms=12, fillstyle="none", label="global optimum")
    axes.set(title="Lecture 03 · Saddle point and local optimum")
    axes.set(xlabel="w1", ylabel="w2")
    axes.legend(loc="lower right")
    return figure


# %% Command line 命令行选项（可以不看） --------------------
def parse_args(argv=None):
    """The options of the command line; a wrong one ends in one line and status 2."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options], see --help",
    )
    add = parser.add_argument
    add("--epochs", type=int, default=100, help="training epochs 训练轮数, default 100")
    add("--lr", type=float, default=0.01, help="learning rate 学习率, default 0.01")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    methods = "gradient descent, or SGD 第二个程序, default gd"
    add("--method", choices=["gd", "sgd"], default="gd", help=methods)
    saddle = "a saddle point and two valleys (lr 0.1) 鞍点与局部最优"
    add("--landscape", action="store_true", help=saddle)
    plot = "picture 图片, default plots/lecture03_gradient_descent.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr) <= 0:
        parser.error("--epochs and --lr must be above 0 必须大于 0")
    if args.dry_run:
        args.epochs = 2
        print("dry run: it only shows that the script works 试运行，结果不作数")
    if not args.show and "IPython" not in sys.modules:
        plt.switch_backend("agg")  # no window is needed 不开窗口
    return args


def print_table(slide, rows, args):
    """Print rows (name, this run, video); a dry run stands beside no video."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        if args.dry_run:
            video = "(dry run)"
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, name, args):
    """Write the picture to plots/name.png, or to --plot; --show opens a window, too."""
    if args.dry_run:
        name = "dry_run"
    file = args.plot or Path("plots", f"{name}.png")
    try:
        if file.suffix == "":
            file = file.with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)
    except (OSError, ValueError) as error:  # not allowed, disk full, no picture's name
        sys.exit(f"cannot write the picture {file.as_posix()}: {error} 图片无法保存")
    print("plot saved to", file.as_posix(), "(--show opens a window)")
    if args.show:
        plt.show()


# %% Run 运行：从这里开始训练 --------------------
if __name__ == "__main__":
    model = main(parse_args())
