"""Lecture 07 · Multiple dimension input (第七讲 处理多维特征的输入)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。每个样本有 8 个特征，一个批量就是一个矩阵：一行一个人，
一列一个特征；标签 1 表示五年内没有得糖尿病。线性层把输入变换到维数不同的空间，激活函数再加入非线性。
按视频的设置，网络只学会了对所有人都预测“没有糖尿病”：准确率停在 65.35%，这不是程序的错。
作业（换激活函数）：--activation relu，或用 all 一次比较六种。

Read as far as the end of main: that is the lecture. 759 patients, 8 measurements each:
did diabetes show within five years? Label 1 means NO diabetes. A batch is a matrix with
one patient per row; three linear layers, each with a sigmoid, map 8 -> 6 -> 4 -> 1.

    python lecture07_multi_dim.py                                    # the video 视频
    python lecture07_multi_dim.py --activation relu --epochs 5000    # 作业
    python lecture07_multi_dim.py --activation all --epochs 5000     # 作业
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch


# %% 1. Dataset 数据集 --------------------
def load_diabetes(file):
    """x_data (759, 8) and y_data (759, 1), float32."""
    # 视频里的读法，.gz 不用先解压；网络的权重是 float32，所以数据也读成 float32
    xy = np.loadtxt(file, delimiter=",", dtype=np.float32)
    x_data = torch.from_numpy(xy[:, :-1])  # 前 8 列是特征
    y_data = torch.from_numpy(xy[:, [-1]])  # 最后一列是标签，[-1] 使它仍是矩阵 (759, 1)
    return x_data, y_data


# %% 2. Model 模型 --------------------
class Model(torch.nn.Module):
    """(N, 8) -> 6 -> 4 -> (N, 1): the probability of label 1; N samples 个样本."""

    def __init__(self):
        super().__init__()
        # 线性层不含 sigmoid，激活函数要另外写；幻灯片 7-12 至 7-15 把两者画在了一起
        self.linear1 = torch.nn.Linear(8, 6)  # x W^T + b: 8 numbers to 6
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        x = self.sigmoid(self.linear1(x))  # (N, 8) -> (N, 6)
        x = self.sigmoid(self.linear2(x))  # (N, 6) -> (N, 4)
        x = self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)，在 0 和 1 之间
        return x


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the trained model."""
    # without options lr is 0.1, epochs 100, activation sigmoid 不加选项就是视频里的值
    if args.activation != "sigmoid":
        return exercise(args)  # 作业：换激活函数
    torch.manual_seed(args.seed)  # 固定随机种子：每次运行的初始权重都相同

    # 1. Dataset 数据集
    # load 调用 load_diabetes；文件有问题时，打印一行说明就结束
    x_data, y_data = load(load_diabetes, args.data_dir / "diabetes.csv.gz")

    # 2. Model 模型
    model = Model()

    # 3. Loss and optimizer 损失函数和优化器
    # 对样本取平均：幻灯片的 size_average=True 现在写作 reduction="mean"
    criterion = torch.nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle 训练：forward, backward, update
    losses = []
    for epoch in range(args.epochs):
        # forward 前向：所有样本一次算完，还没有用 mini-batch（那是第八讲）
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())
        losses.append(loss.item())

        optimizer.zero_grad()  # 梯度清零
        loss.backward()  # backward 反向
        optimizer.step()  # update 更新
        if not loss < 10:  # 损失到了 10，或者成了 nan，就是发散了
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    rows = first_row(x_data) + ending("sigmoid", losses, y_pred, y_data)
    print_table("slide 7-3", rows + baseline(y_data), args)
    save_plot(draw({"sigmoid": losses}), "lecture07_multi_dim", args)
    return model


# %% Exercise 作业（幻灯片 7-26）：换激活函数 --------------------
# The exercise slide puts ReLU on the output, too. BCELoss then fails ("all elements of
# input should be between 0 and 1"), since ReLU gives any number from 0 up: here only
# the hidden layers change. 作业幻灯片把输出层也换成 ReLU，但它的输出可能大于 1，
# BCELoss 会报错，所以只换隐藏层。
ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid(),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "elu": torch.nn.ELU(),
    "tanh": torch.nn.Tanh(),
    "softplus": torch.nn.Softplus(),
}


class ActivationModel(Model):
    """The lecture's network with another activation in its hidden layers."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation

    def forward(self, x):
        x = self.activation(self.linear1(x))  # (N, 8) -> (N, 6)
        x = self.activation(self.linear2(x))  # (N, 6) -> (N, 4)
        # 输出层必须是 sigmoid：BCELoss 要求预测值在 0 和 1 之间
        x = self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)
        return x


def exercise(args):
    """The lecture's program with one of them, or with all; returns the last model."""
    x_data, y_data = load(load_diabetes, args.data_dir / "diabetes.csv.gz")
    two_linear_layers_are_one(x_data)  # why there are activations 为什么要有激活函数
    names = [args.activation]
    if args.activation == "all":
        names = list(ACTIVATIONS)
    rows = first_row(x_data)
    runs = {}
    for name in names:
        torch.manual_seed(args.seed)  # every activation starts at the same weights
        model = ActivationModel(ACTIVATIONS[name])
        criterion = torch.nn.BCELoss(reduction="mean")
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
        losses = []
        for epoch in range(args.epochs):
            y_pred = model(x_data)
            loss = criterion(y_pred, y_data)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if not loss < 10:
                print(f"{name} diverged: try a smaller --lr 训练发散，请把 --lr 调小")
                break
        print(f"{name}: loss {losses[-1]:.4f}")
        rows += ending(name, losses, y_pred, y_data)
        runs[name] = losses
    print_table("slide 7-3", rows + baseline(y_data), args)
    save_plot(draw(runs), f"lecture07_multi_dim_{args.activation}", args)
    return model


def two_linear_layers_are_one(x):
    """W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2): without an activation, one layer."""
    torch.manual_seed(0)
    layer1 = torch.nn.Linear(8, 6)
    layer2 = torch.nn.Linear(6, 4)
    weight = layer2.weight @ layer1.weight  # (4, 6) @ (6, 8) -> (4, 8)
    bias = layer2.weight @ layer1.bias + layer2.bias
    two_layers = layer2(layer1(x))
    one_layer = x @ weight.T + bias
    difference = (two_layers - one_layer).abs().max().item()
    print("Two linear layers 8 -> 6 -> 4 without an activation, against the one layer")
    print(f"that they multiply to: largest difference {difference:.1e} (rounding)")


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 7-3 shows the first rows of the data; no slide shows a result.
VIDEO_FIRST_ROW = [-0.29, 0.49, 0.18, -0.29, 0.00, 0.00, -0.53, -0.03]


def first_row(x):
    """Table rows: the first patient, as slide 7-3 shows her."""
    ours = [f"{value:.2f}" for value in x[0].tolist()]
    video = [f"{value:.2f}" for value in VIDEO_FIRST_ROW]
    return [
        ("first row, features 1 to 4", " ".join(ours[:4]), " ".join(video[:4])),
        ("first row, features 5 to 8", " ".join(ours[4:]), " ".join(video[4:])),
    ]


def ending(name, losses, y_pred, y):
    """Table rows: the last epoch's loss and accuracy."""
    right = (y_pred >= 0.5) == (y >= 0.5)  # 概率到了 0.5，就预测为 1
    percent = 100 * right.float().mean().item()
    return [
        (f"{name}: last loss", f"{losses[-1]:.4f}", "not shown"),
        (f"{name}: accuracy", f"{percent:.2f} %", "not shown"),
    ]


def baseline(y):
    """Table row: the accuracy of always predicting the more frequent label, 1."""
    percent = 100 * y.mean().item()
    return [("always 'no diabetes' (label 1)", f"{percent:.2f} %", "not shown")]


def draw(runs):
    """The loss of each run by epoch."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    # Three colours that colour-blind readers tell apart, each once solid, once dashed:
    # leaky_relu is dashed, as it nearly covers relu.
    colors = ["#0072B2", "#E69F00", "#CC79A7"] * 2
    axes.set_prop_cycle(color=colors, linestyle=["-", "-", "--", "--", "--", "-"])
    for name, losses in runs.items():
        axes.plot(losses, label=f"this run: {name}")
    axes.set(xlabel="Epoch", ylabel="Loss (mean BCE)")
    axes.set_title("Lecture 07 · Diabetes, 8-6-4-1")
    axes.grid(alpha=0.3)
    axes.legend(ncols=2)
    return figure


# %% Command line 命令行选项（可以不看） --------------------
DATA = Path(__file__).parent / "data"


def parse_args(argv=None):
    """The options of the command line; a wrong one ends in one line and status 2."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options], see --help",
    )
    add = parser.add_argument
    add("--epochs", type=int, default=100, help="training epochs 训练轮数, default 100")
    add("--lr", type=float, default=0.1, help="learning rate 学习率, default 0.1")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    folder = "data folder 数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    hidden = "activation 隐藏层的激活函数（作业）, default sigmoid"
    add("--activation", choices=[*ACTIVATIONS, "all"], default="sigmoid", help=hidden)
    plot = "picture 图片, default plots/lecture07_multi_dim.png"
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


def load(dataset, file):
    """dataset(file); if the file is missing or damaged one line, and the end."""
    try:
        return dataset(file)
    except (OSError, EOFError, ValueError, LookupError) as error:
        sys.exit(
            f"cannot use {file.as_posix()} ({error}): name this project's folder data with "
            "--data-dir; if it is damaged, unpack the ZIP again 请用 --data-dir 指明 data "
            "文件夹；文件损坏时，请重新解压下载的 ZIP"
        )


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
