"""Lecture 02 · Linear model (第二讲 线性模型)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。学习 1、2、3 小时分别得 2、4、6 分，那么学习
4 小时得几分？每一讲都分四步：数据集、模型、训练、推理。权重先随机猜一个，用损失衡量好坏。这一讲还没有训练：
用穷举法把 w 的取值逐个试一遍，均方误差（MSE）最小的那个 w 就是结果。作业给模型加上偏置 b，
画出损失随 w 和 b 变化的曲面：--model affine。

Read as far as the end of main: that is the lecture. How many points does a student get
after 4 hours of study, if 1, 2 and 3 hours gave 2, 4 and 6 points? The model is
y_pred = x * w. There is no training yet: every w from 0.0 to 4.0 is tried, and the one
with the smallest mean squared error (MSE) wins.

    python lecture02_linear_model.py                  # the video 视频：逐个试 w
    python lecture02_linear_model.py --model affine   # exercise 作业：逐个试 w 和 b
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# %% 1. Dataset 数据集 --------------------
x_data = [1.0, 2.0, 3.0]  # hours of study 学习时间
y_data = [2.0, 4.0, 6.0]  # points 分数：标签


# %% 2. Model 模型 --------------------
def forward(x, w):
    """Predict the points for x hours: y_pred = x w."""
    return x * w


# %% 3. Loss 损失函数 --------------------
def loss(x, y, w):
    """The squared error of one sample 一个样本的损失."""
    y_pred = forward(x, w)
    return (y_pred - y) ** 2  # 差得越远，损失越大


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the best w."""
    # without options model is linear 不加选项就是视频里的值
    if args.model == "affine":
        return affine(args)  # 作业：加上偏置 b

    # 4. Search, no training yet 穷举法：每个 w 都试一遍
    w_list = np.arange(0.0, 4.1, 0.1)  # 0.0, 0.1, 0.2 … 4.0
    mse_list = []
    for w in w_list:
        print("w=", w)
        l_sum = 0
        for x_val, y_val in zip(x_data, y_data):  # 逐个取出样本
            y_pred_val = forward(x_val, w)
            loss_val = loss(x_val, y_val, w)
            l_sum += loss_val
            print("\t", x_val, y_val, y_pred_val, loss_val)
        # 代价是所有样本损失的平均值，即均方误差 MSE；幻灯片 2-23 写成求和，
        # 2-14 和 2-15 算的都是平均 (the cost is the mean, not the sum)
        mse = l_sum / len(x_data)
        print("MSE=", mse)
        mse_list.append(mse)

    # 5. Inference and plot 推理与画图
    best = w_list[np.argmin(mse_list)]  # argmin 给出最小值的位置
    y_test = forward(4.0, best)  # 推理：用最好的 w 预测 x = 4
    print(f"smallest MSE at w = {best:.1f}; x = 4 gives {y_test:.1f}")

    print_table("slides 2-15, 2-16, 2-25", compare(mse_list, best, y_test), args)
    figure = draw(w_list, mse_list, args)
    save_plot(figure, "lecture02_linear_model", args)
    return best


# %% Exercise 作业（幻灯片 2-26）：y_pred = x * w + b 的损失曲面 --------------------
def affine(args):
    """Try every w with every b, and draw the cost as a surface; returns the best two."""
    w_list = np.arange(0.0, 4.1, 0.1)
    b_list = w_list - 2  # from -2.0 to 2.0
    # 网格 grid: every w stands beside every b, both of shape (41, 41)
    w, b = np.meshgrid(w_list, b_list)
    cost = cost_grid(x_data, y_data, w, b)

    row, column = np.unravel_index(np.argmin(cost), cost.shape)  # 最小值在第几行第几列
    best_w = w[row, column]
    best_b = b[row, column]
    y_test = forward(4.0, best_w) + best_b
    print(f"{cost.size} points (w, b) tried, smallest cost {cost.min():.4f}")
    print(f"x = 4 gives {y_test:.1f}")

    rows = [
        ("w of the smallest cost", f"{best_w:.1f}", "2 (computed)"),
        ("b of the smallest cost", f"{best_b:.1f}", "0 (computed)"),
    ]
    print_table("exercise of slide 2-26", rows, args)
    figure = draw_surface(w, b, cost, best_w, best_b)
    save_plot(figure, "lecture02_linear_model_affine", args)
    return best_w, best_b


def cost_grid(xs, ys, w, b):
    """The MSE of y_pred = x w + b at every point of a grid.

    w and b come from np.meshgrid, shape (rows, columns); the result has that shape.
    """
    total = np.zeros(w.shape)
    for x, y in zip(xs, ys):
        y_pred = forward(x, w) + b  # the whole grid at once 一次算完整个网格，不用循环
        total += (y_pred - y) ** 2
    return total / len(xs)


# %% Beside the video 与视频对照（可以不看） --------------------
VIDEO_MSE = {0: 18.7, 1: 4.7, 2: 0, 3: 4.7, 4: 18.7}  # slide 2-15, by w
VIDEO_FIRST = [  # slide 2-25, at w = 0.0, 0.1 … 0.5, all digits
    18.666666666666668,
    16.846666666666668,
    15.120000000000003,
    13.486666666666665,
    11.946666666666667,
    10.5,
]


def compare(mse_list, best, y_test):
    """Table rows: the costs of two slides, the best w, and the prediction."""
    rows = []
    for w, video in VIDEO_MSE.items():
        rows.append((f"MSE at w = {w}", f"{mse_list[10 * w]:.4f}", video))
    for i, video in enumerate(VIDEO_FIRST):
        rows.append((f"MSE at w = 0.{i}, all digits", mse_list[i], video))
    rows.append(("w of the smallest MSE", f"{best:.1f}", "2"))
    # the slides ask "?" for x = 4
    rows.append(("prediction for x = 4", f"{y_test:.1f}", "8 (computed)"))
    return rows


def draw(w_list, mse_list, args):
    """The loss over w, as on slide 2-25, and the five points of slide 2-15."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(w_list, mse_list, label="this run")
    if not args.dry_run:
        axes.plot(VIDEO_MSE.keys(), VIDEO_MSE.values(), "ko", label="video")
    axes.set(xlabel="w", ylabel="Loss")
    axes.set_title("Lecture 02 · Loss (MSE) of y = x·w")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def draw_surface(w, b, cost, best_w, best_b):
    """The loss over the plane of w and b, and its smallest point."""
    figure = plt.figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot(projection="3d", computed_zorder=False)
    axes.plot_surface(w, b, cost, cmap="viridis", alpha=0.8)
    label = f"minimum: w = {best_w:.1f}, b = {best_b:.1f}"
    style = {"color": "#E69F00", "edgecolors": "black", "s": 70}
    axes.scatter(best_w, best_b, cost.min(), label=label, **style)
    axes.set(xlabel="w", ylabel="b", zlabel="Loss")
    axes.set_title("Lecture 02 · Loss (MSE) of y = x·w + b")
    axes.legend()
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
    model = "model 模型：x * w，或作业的 x * w + b, default linear"
    add("--model", choices=["linear", "affine"], default="linear", help=model)
    plot = "picture 图片, default plots/lecture02_linear_model.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if args.dry_run:
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
