"""Lecture 06 · Logistic regression (第六讲 逻辑斯蒂回归)

看到 main 结束就够了，那就是视频里的程序；后面是选学和画图。这一讲做二分类：线性层的输出再经过 sigmoid
函数，得到 0 到 1 之间的数，也就是通过考试的概率；损失函数换成二元交叉熵（BCE）。训练之前先手算
幻灯片 6-11 上的四个损失，再用一个例子说明：交叉熵 = 熵 + KL 散度。

Read as far as the end of main: that is the lecture. Not how many points, but pass or
fail: the linear output goes through the logistic function, one of the S-shaped (sigmoid)
functions, and becomes the probability of a pass. The loss is the binary cross-entropy;
the first lines work it out by hand, and show that it is entropy + KL divergence.

    python lecture06_logistic_regression.py             # the video 视频
    python lecture06_logistic_regression.py --lr 0.1    # a larger rate 学习率大一些
"""

import argparse
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

# %% 1. Dataset 数据集 --------------------
x_data = torch.tensor([[1.0], [2.0], [3.0]])  # hours of study 学习时间, (3, 1)
y_data = torch.tensor([[0.0], [0.0], [1.0]])  # 0 fail 未通过, 1 pass 通过, (3, 1)


# %% 2. Model 模型 --------------------
class LogisticRegressionModel(torch.nn.Module):
    """P(pass | x hours) = sigma(x w + b): (N, 1) -> (N, 1), between 0 and 1."""

    def __init__(self):
        super().__init__()
        # sigmoid 没有参数，所以这里和线性回归一样，只有一个线性层
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        # 线性层的输出可以是任何实数，sigmoid 把它变到 0 和 1 之间
        y_pred = torch.sigmoid(self.linear(x))  # 幻灯片 6-12 写的是 F.sigmoid
        return y_pred


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the trained model."""
    # without options lr is 0.01, epochs 1000 不加选项就是视频里的值
    rows = explain_loss()  # 选学：手算幻灯片 6-11
    torch.manual_seed(args.seed)  # 固定随机种子：每次运行的初始权重都相同

    # 2. Model 模型
    model = LogisticRegressionModel()

    # 3. Loss and optimizer 损失函数和优化器
    # 二元交叉熵，对样本求和：幻灯片的 size_average=False 现在写作 reduction="sum"
    # 幻灯片 6-13 的公式有 1/N，但它下面的代码和 6-14 的训练都没有除以 N
    # 现在更推荐 BCEWithLogitsLoss：数值更稳定；它自带 sigmoid，forward 里就不要再写
    criterion = torch.nn.BCELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle 训练：forward, backward, update
    for epoch in range(args.epochs):
        y_pred = model(x_data)  # forward 前向：算出通过的概率
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())
        if not loss < 10:  # 损失到了 10，或者成了 nan，就是发散了
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

        optimizer.zero_grad()  # 梯度清零
        loss.backward()  # backward 反向
        optimizer.step()  # update 更新权重

    # 5. Inference and plot 推理与画图
    print("w =", model.linear.weight.item())
    print("b =", model.linear.bias.item())
    print("P(pass | 4 hours) =", infer(model, [4.0])[0])

    print_table("slides 6-11, 6-19", rows + compare(model), args)
    save_plot(draw(model, args), "lecture06_logistic_regression", args)
    return model


# %% More 选学：手算交叉熵，以及它的含义 --------------------
def bce(y, y_pred):
    """Binary cross-entropy of one sample: -(y log p + (1 - y) log(1 - p))."""
    return -(y * math.log(y_pred) + (1 - y) * math.log(1 - y_pred))


def explain_loss():
    """Slide 6-11 by hand and with BCELoss; returns the table rows."""
    rows = []
    losses = []
    for y, y_pred, video in VIDEO_BCE:
        loss = bce(y, y_pred)
        losses.append(loss)
        name = f"BCE of y = {y}, y_pred = {y_pred}"
        rows.append((name, f"{loss:.4f}", f"{video:.4f}"))
    mean = sum(losses) / 4
    rows.append(("mean of the four", f"{mean:.4f}", VIDEO_MEAN))
    y_pred = torch.tensor([0.2, 0.8, 0.3, 0.7])
    y = torch.tensor([1.0, 1.0, 0.0, 0.0])
    criterion = torch.nn.BCELoss()  # 不写 reduction 就是取平均
    print(f"BCELoss of slide 6-11: {criterion(y_pred, y).item():.4f}")

    p = 0.7  # the truth 真实概率
    q = 0.4  # what the model believes 模型给出的概率
    entropy = bce(p, p)
    kl = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    print(f"truth P = {p}, model Q = {q}:")
    print(f"  entropy H(P)             {entropy:.4f}")
    print(f"  + divergence KL(P || Q)  {kl:.4f}")
    print(f"  = cross-entropy H(P, Q)  {bce(p, q):.4f}  (sum {entropy + kl:.4f})")
    # 熵与模型无关，所以减小交叉熵就是减小 KL 散度
    print("Only KL depends on the model: less cross-entropy means closer to the truth.")
    return rows


# %% Beside the video 与视频对照（可以不看） --------------------
VIDEO_BCE = [  # slide 6-11: y, y_pred, loss
    (1, 0.2, 1.6094),
    (1, 0.8, 0.2231),
    (0, 0.3, 0.3567),
    (0, 0.7, 1.2040),
]
VIDEO_MEAN = 0.8483
# Slide 6-19 shows only a curve. Measured off it: sigma(w x + b) with these two.
VIDEO_W = 1.193
VIDEO_B = -2.859


def infer(model, hours):
    """P(pass) for a list of hours: numpy, shape (N,)."""
    x = torch.tensor(hours, dtype=torch.float32).view(-1, 1)  # 一列，每行一个样本
    with torch.no_grad():  # 只做推理，不需要梯度
        p = model(x)
    return p.view(-1).numpy()


def compare(model):
    """Table rows: the curve against slide 6-19."""
    w = model.linear.weight.item()
    b = model.linear.bias.item()
    p = infer(model, [4.0])[0]
    rows = []
    rows.append(("w, b", f"{w:.3f}, {b:.3f}", f"about {VIDEO_W}, {VIDEO_B}"))
    rows.append(("P(pass) = 0.5 at hours", f"{-b / w:.2f}", "about 2.40"))
    rows.append(("P(pass) after 4 hours", f"{p:.4f}", "about 0.87"))
    return rows


def draw(model, args):
    """The probability curve from 0 to 10 hours, the video's dashed beside it."""
    hours = np.linspace(0, 10, 200)
    w = model.linear.weight.item()
    b = model.linear.bias.item()
    crossing = -b / w
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(hours, infer(model, hours), label="this run")
    if not args.dry_run:
        video = 1 / (1 + np.exp(-(VIDEO_W * hours + VIDEO_B)))
        axes.plot(hours, video, "k--", label="video (slide 6-19, about)")
    axes.plot([0, 10], [0.5, 0.5], "r", lw=1)
    if 0 < crossing < 10:
        axes.plot(crossing, 0.5, "rD", label=f"P = 0.5 at {crossing:.2f} hours")
    axes.plot(x_data, y_data, "s", color="#E69F00", label="training data")
    axes.set(xlabel="Hours", ylabel="Probability of Pass")
    axes.set_title("Lecture 06 · Logistic regression")
    axes.grid(alpha=0.3)
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
    epochs = "training epochs 训练轮数, default 1000"
    add("--epochs", type=int, default=1000, help=epochs)
    add("--lr", type=float, default=0.01, help="learning rate 学习率, default 0.01")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    plot = "picture 图片, default plots/lecture06_logistic_regression.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr) <= 0:
        parser.error("--epochs and --lr must be above 0 必须大于 0")
    if args.dry_run:
        args.epochs = 1
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
