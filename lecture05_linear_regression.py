"""Lecture 05 · Linear regression with PyTorch (第五讲 用PyTorch实现线性回归)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。从这一讲起，每一讲都是同样的四步：准备数据集，
把模型写成一个类，构造损失函数和优化器，训练（前向、反向、更新）。x 和 y 的形状都是 (3, 1)：
一行一个样本，一列一个特征。Linear(1, 1) 只有一个权重和一个偏置，偏置会加到每一行上（广播）。

Read as far as the end of main: that is the lecture. From here on every lecture has the
same four steps: dataset, model, loss and optimizer, training cycle. x and y have the
shape (3, 1): one row per sample. Linear(1, 1) has one weight and one bias.

    python lecture05_linear_regression.py                # the video 视频（随机初值）
    python lecture05_linear_regression.py --init video   # 损失与幻灯片 5-24 完全一致
    python lecture05_linear_regression.py --init video --epochs 100
    python lecture05_linear_regression.py --optimizer Adam --lr 0.1   # 作业 5-1
    python lecture05_linear_regression.py --optimizer all             # 作业 5-1

作业 5-2 是阅读 PyTorch 官方教程 Learning PyTorch with Examples (exercise 5-2: read it).
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

# %% 1. Dataset 数据集 --------------------
x_data = torch.tensor([[1.0], [2.0], [3.0]])  # hours of study 学习时间, (3, 1)
y_data = torch.tensor([[2.0], [4.0], [6.0]])  # points 分数, (3, 1)


# %% 2. Model 模型 --------------------
class LinearModel(torch.nn.Module):  # a model is a class from Module 继承 Module
    """y_pred = x w + b: (N, 1) -> (N, 1)."""

    def __init__(self):
        super().__init__()
        # 输入一个数，输出一个数：weight (1, 1), bias (1,)
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):  # model(x) calls it 调用 model(x) 就是调用 forward
        y_pred = self.linear(x)
        return y_pred


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the trained model."""
    # without options lr is 0.01, epochs 1000 不加选项就是视频里的值
    if args.optimizer != "SGD":
        return exercise(args)  # 5-1 作业：其他优化器
    torch.manual_seed(args.seed)  # 固定随机种子：每次运行的初始权重都相同

    # 2. Model 模型
    model = LinearModel()
    if args.init == "video":
        start_like_the_video(model, args.epochs)

    # 3. Loss and optimizer 损失函数和优化器
    # 损失对样本求和，不取平均：幻灯片的 size_average=False 现在写作 reduction="sum"
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle 训练：forward, backward, update
    losses = []
    for epoch in range(args.epochs):
        y_pred = model(x_data)  # forward 前向：算出预测值
        loss = criterion(y_pred, y_data)  # 一个数；不带参数的 backward() 要求标量
        print(epoch, loss.item())
        losses.append(loss.item())

        optimizer.zero_grad()  # 梯度会累加，所以先清零
        loss.backward()  # backward 反向：算出梯度
        optimizer.step()  # update 更新权重
        if not loss < 1e6:  # nan 也算：它和任何数比大小都是 False
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    print("w =", model.linear.weight.item())
    print("b =", model.linear.bias.item())
    x_test = torch.tensor([[4.0]])
    y_test = model(x_test).item()
    print("y_pred =", y_test)

    print_table("slide 5-24, SGD", compare(losses, model, args), args)
    figure = draw(losses, args)
    name = "lecture05_linear_regression"
    if args.init == "video":
        name = "lecture05_linear_regression_video"
    save_plot(figure, name, args)
    return model


# %% Exercise 5-1 作业：其他优化器 --------------------
OPTIMIZERS = {
    "SGD": torch.optim.SGD,
    "Adagrad": torch.optim.Adagrad,
    "Adam": torch.optim.Adam,
    "Adamax": torch.optim.Adamax,
    "ASGD": torch.optim.ASGD,
    "LBFGS": torch.optim.LBFGS,
    "RMSprop": torch.optim.RMSprop,
    "Rprop": torch.optim.Rprop,
}
# A rate that suits each of them here: of 0.01, 0.03, 0.1, 0.3 and 1 the one with which
# the loss is the first to stay below 1e-6 (seeds 0 to 2); RMSprop stays there with none
# of them, so the one that ends lowest. For a real network Adam usually begins with 0.001.
# 各自合适的学习率：只对这三个点而言；真正的网络用 Adam，一般从 0.001 开始试。
OWN_RATES = {
    "SGD": 0.03,
    "Adagrad": 1.0,
    "Adam": 1.0,
    "Adamax": 1.0,
    "ASGD": 0.03,
    "LBFGS": 1.0,
    "RMSprop": 0.01,
    "Rprop": 0.01,
}


def train_with(name, lr, args):
    """The training cycle with the optimizer of that name; returns (model, losses)."""
    torch.manual_seed(args.seed)  # every optimizer starts at the same weights
    model = LinearModel()
    if args.init == "video":
        start_like_the_video(model, args.epochs)
    criterion = torch.nn.MSELoss(reduction="sum")
    optimizer = OPTIMIZERS[name](model.parameters(), lr=lr)

    # LBFGS computes the loss several times in a step, so it wants a function to call.
    # LBFGS 每一步要多次计算损失，所以 step() 需要一个闭包 closure；别的优化器也能这样用。
    def closure():
        optimizer.zero_grad()
        loss = criterion(model(x_data), y_data)
        loss.backward()
        return loss

    losses = []
    for epoch in range(args.epochs):
        # step() 会自己调用 closure()，并返回更新之前的损失
        loss = optimizer.step(closure)
        losses.append(loss.item())
        if not loss < 1e6:
            print(f"{name} diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break
    return model, losses


def exercise(args):
    """One optimizer, as main has SGD, or all of them; returns the trained model."""
    if args.optimizer == "all":
        return compare_optimizers(args)
    model, losses = train_with(args.optimizer, args.lr, args)
    for epoch, loss in enumerate(losses):
        print(epoch, loss)
    print_table("slide 5-24, SGD", compare(losses, model, args), args)
    figure = draw(losses, args)
    save_plot(figure, f"lecture05_linear_regression_{args.optimizer}", args)
    return model


def compare_optimizers(args):
    """All eight from the same start; returns the last model trained.

    On the left with the same rate for all, on the right each with its own.
    用同一个学习率比较优化器并不公平（左图），应当各用适合自己的学习率（右图）。
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 7), sharey=True, layout="constrained"
    )
    left.set(title=f"The same rate for all: {args.lr:g}", ylabel="Loss")
    right.set(title="Each with a rate that suits it")
    same_rate = dict.fromkeys(OPTIMIZERS, args.lr)
    # Four colours that colour-blind readers tell apart, each once solid, once dashed.
    colors = ["#0072B2", "#E69F00", "#56B4E9", "#882255"]
    rows = []
    for axes, rates in ((left, same_rate), (right, OWN_RATES)):
        axes.set_prop_cycle(color=colors * 2, linestyle=["-"] * 4 + ["--"] * 4)
        for name, rate in rates.items():
            model, losses = train_with(name, rate, args)
            y_test = model(torch.tensor([[4.0]])).item()
            ours = f"loss {losses[-1]:.2g}, x = 4: {y_test:.4f}"
            rows.append((f"{name}, lr {rate:g}", ours, "-"))
            shown = [max(loss, 1e-14) for loss in losses]  # a log scale has no 0
            axes.plot(shown, label=f"{name}, lr {rate:g}")
        axes.set(xlabel="Epoch", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    figure.suptitle("Lecture 05 · Eight optimizers")
    print_table("slide 5-24, SGD", rows, args)
    save_plot(figure, "lecture05_linear_regression_all", args)
    return model


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 5-24 shows the end of two runs: the losses of the last 14 epochs, w, b, and the
# prediction for x = 4. By number of epochs:
# fmt: off
VIDEO_LOSSES = {
    100: [
        0.3036523759365082, 0.2992883026599884, 0.29498720169067383,
        0.2907477021217346, 0.28656935691833496, 0.28245046734809875,
        0.27839142084121704, 0.27439042925834656, 0.2704470157623291,
        0.2665606141090393, 0.262729674577713, 0.25895369052886963,
        0.2552322745323181, 0.2515641450881958,
    ],
    1000: [
        3.594939812501252e-07, 3.5411068211033125e-07, 3.4917979974125046e-07,
        3.4428359185767476e-07, 3.392528924450744e-07, 3.3442694302721065e-07,
        3.294019847999152e-07, 3.247135396122758e-07, 3.199925231456291e-07,
        3.1540417921860353e-07, 3.1097857799977646e-07, 3.0668098816022393e-07,
        3.020934400410624e-07, 2.977626536448952e-07,
    ],
}
# fmt: on
VIDEO_RESULT = {
    100: (1.666100263595581, 0.7590328454971313, 7.4234),
    1000: (1.9996366500854492, 0.0008257834706455469, 7.9994),
}
# The slide does not show the random starts of its two runs. These two were solved for:
# from them training gives every loss, w and b of the slide to the last digit. They are
# not the lecturer's starts: many starts end alike, and of his only that much is known.
# 幻灯片没有给出初始权重；这两组是反推出来的，能得到一样的结果，但不是老师当时的初值：
# 很多初值的结果都一样。
VIDEO_INIT = {100: (-0.9, 0.5925), 1000: (-0.6, 0.227475)}


def start_like_the_video(model, epochs):
    """Set w and b to a start of the slide's shorter or longer run."""
    if epochs <= 100:
        w, b = VIDEO_INIT[100]
    else:
        w, b = VIDEO_INIT[1000]
    torch.nn.init.constant_(model.linear.weight, w)
    torch.nn.init.constant_(model.linear.bias, b)


def compare(losses, model, args):
    """Table rows: this run, beside the slide's run of as many epochs if there is one."""
    epochs = len(losses)
    w, b, y_test = VIDEO_RESULT.get(epochs, ["-"] * 3)
    rows = []
    if epochs in VIDEO_LOSSES:
        video = VIDEO_LOSSES[epochs]
        rows.append((f"loss at epoch {epochs - 14}", losses[-14], video[0]))
        rows.append((f"loss at epoch {epochs - 1}", losses[-1], video[-1]))
    if epochs in VIDEO_LOSSES and args.init == "video":
        equal = torch.tensor(losses[-14:]) == torch.tensor(video)
        ours = f"{equal.sum()} of 14"
        rows.append(("losses equal to the last digit", ours, "14 shown"))
    elif epochs in VIDEO_LOSSES and args.optimizer == "SGD":
        print("\nThe random start is not the video's: --init video gives its losses.")
        print("初始权重与视频不同；加 --init video 可得到视频里的损失")
    rows.append(("w", model.linear.weight.item(), w))
    rows.append(("b", model.linear.bias.item(), b))
    prediction = model(torch.tensor([[4.0]])).item()
    rows.append(("prediction for x = 4", prediction, y_test))
    return rows


def draw(losses, args):
    """The loss by epoch, on a log scale, and the slide's losses as dots."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(losses, label=f"this run: {args.optimizer}")
    if args.epochs in VIDEO_LOSSES:
        last = range(args.epochs - 14, args.epochs)
        label = "video (SGD), its last 14 epochs"
        axes.plot(last, VIDEO_LOSSES[args.epochs], "ko", ms=4, label=label)
    axes.set(xlabel="Epoch", ylabel="Loss (summed squared error)", yscale="log")
    axes.set_title("Lecture 05 · Linear regression")
    axes.grid(alpha=0.3)
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
    epochs = "training epochs 训练轮数, default 1000"
    add("--epochs", type=int, default=1000, help=epochs)
    add("--lr", type=float, default=0.01, help="learning rate 学习率, default 0.01")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    optimizer = "optimizer 优化器（作业 5-1）, default SGD"
    add("--optimizer", choices=[*OPTIMIZERS, "all"], default="SGD", help=optimizer)
    init = "first weights 初始权重：随机，或与视频结果一致, default random"
    add("--init", choices=["random", "video"], default="random", help=init)
    plot = "picture 图片, default plots/lecture05_linear_regression.png"
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
