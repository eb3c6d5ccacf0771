"""Lecture 07 · Multiple dimension input (第七讲 处理多维特征的输入)

759 patients, 8 measurements each: did diabetes show within five years? A batch is a
matrix with one patient per row, and a linear layer is a matrix product plus bias that
maps one dimension to another. Here are three of them, 8 -> 6 -> 4 -> 1, with a sigmoid
after each; all rows are used at once (full batch). Label 1 means NO diabetes.

每个样本有 8 个特征，一个 batch 就是一个矩阵：一行一个病人，一列一个特征。线性层把输入变换到
另一个维数的空间，激活函数再加入非线性。注意看多数类基线：按视频的设置，网络只学会了对所有人
都回答“没有糖尿病”。作业（换激活函数）：--activation relu，或用 all 一次比较六种。

    python lecture07_multi_dim.py                                    # the video 视频
    python lecture07_multi_dim.py --activation relu --epochs 5000    # 作业
    python lecture07_multi_dim.py --activation all --epochs 5000     # 作业

Slides 7-23 to 7-25 give three pages on activation functions to read.
"""

import argparse
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

DATA = Path(__file__).parent / "data"


# %% 1. Dataset 数据集 --------------------
def load_diabetes(file):
    """x_data (759, 8) and y_data (759, 1), float32."""
    # 视频里的读法，.gz 不用先解压；网络的权重是 float32，所以数据也读成 float32
    xy = np.loadtxt(file, delimiter=",", dtype=np.float32)
    x_data = torch.from_numpy(xy[:, :-1])  # 前 8 列是特征
    y_data = torch.from_numpy(xy[:, [-1]])  # 最后一列是标签，[-1] 使它仍是矩阵 (759, 1)
    return x_data, y_data


# %% 2. Model 模型 --------------------
# nn.Linear has no sigmoid of its own, though slides 7-12 to 7-15 draw one inside its
# box; 7-7 writes x_N where x_8 is meant. 线性层里没有 sigmoid，激活函数要另外写。
class Model(torch.nn.Module):
    """(N, features) -> 6 -> 4 -> (N, 1): the probability of label 1."""

    def __init__(self, activation, features=8):
        super().__init__()
        self.linear1 = torch.nn.Linear(features, 6)  # x W^T + b: 8 numbers to 6
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        self.activation = activation  # of the two hidden layers 隐藏层的激活函数
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        x = self.activation(self.linear1(x))  # (N, features) -> (N, 6)
        x = self.activation(self.linear2(x))  # (N, 6) -> (N, 4)
        # 输出层必须是 sigmoid：BCELoss 要求预测值在 0 和 1 之间
        x = self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)
        return x


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(argv=None):
    """The video's program; returns the trained model."""
    # Without options: lr 0.1, epochs 100, activation sigmoid 不加选项就是视频里的值
    args = parse_args(argv)

    # 1. Dataset
    file = find_diabetes(args.data_dir)
    x_data, y_data = load_diabetes(file)
    two_linear_layers_are_one(x_data, args.seed)  # 为什么要有激活函数
    if args.activation == "all":  # exercise 作业
        return all_activations(x_data, y_data, args)

    # 2. Model
    torch.manual_seed(args.seed)  # the same random start every time 每次起点相同
    model = Model(ACTIVATIONS[args.activation])  # the video: torch.nn.Sigmoid()

    # 3. Loss and optimizer
    # 对样本取平均; the slide's size_average=True is today's "mean"
    criterion = torch.nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update
    losses = []
    accuracies = []
    for epoch in range(args.epochs):
        # forward 前向：所有样本一次算完，还没有用 mini-batch（那是第八讲）
        y_pred = model(x_data)
        loss = criterion(y_pred, y_data)
        print(epoch, loss.item())
        losses.append(loss.item())
        accuracies.append(accuracy(y_pred, y_data))

        optimizer.zero_grad()  # 梯度清零
        loss.backward()  # backward 反向
        optimizer.step()  # update 更新

    # 5. Inference and plot
    diagnose(args.activation, model)
    runs = {args.activation: (losses, accuracies)}
    finish(x_data, y_data, runs, args)
    return model


# %% Exercise 作业：换激活函数 --------------------
# The exercise slide puts ReLU on the output, too. BCELoss then fails ("all elements of
# input should be between 0 and 1"), since ReLU gives any number from 0 up: here only
# the hidden layers change. 作业幻灯片把输出层也换成 ReLU，BCELoss 会报错，所以只换隐藏层。
ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid(),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "elu": torch.nn.ELU(),
    "tanh": torch.nn.Tanh(),
    "softplus": torch.nn.Softplus(),
}


def all_activations(x_data, y_data, args):
    """The lecture's training with each of them; returns the last model."""
    runs = {}
    for name, activation in ACTIVATIONS.items():
        torch.manual_seed(args.seed)  # every activation starts at the same weights
        model = Model(activation)
        criterion = torch.nn.BCELoss(reduction="mean")
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
        losses = []
        accuracies = []
        for _ in range(args.epochs):
            y_pred = model(x_data)
            loss = criterion(y_pred, y_data)
            losses.append(loss.item())
            accuracies.append(accuracy(y_pred, y_data))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        diagnose(name, model)
        runs[name] = (losses, accuracies)
    finish(x_data, y_data, runs, args)
    return model


def two_linear_layers_are_one(x, seed):
    """Why activations: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)."""
    torch.manual_seed(seed)
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
# One of the nine patients of the original study that the lecturer's file leaves
# out (row 24 of 768, counted from 0), scaled the same way. She has diabetes: label 0.
HELD_OUT = [0.294118, 0.437186, 0.540984, -0.333333, -0.654846, 0.0909091, -0.849701, 0]


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    right = (y_pred >= 0.5) == (y >= 0.5)
    return 100 * right.float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    ones = y.mean().item()
    return 100 * max(ones, 1 - ones)


def diagnose(name, model):
    """Inference: the model's answer for the held-out patient."""
    p = model(torch.tensor([HELD_OUT])).item()
    print(f"{name}: held-out patient with diabetes: P(no diabetes) = {p:.3f}")


def finish(x_data, y_data, runs, args):
    """Table and plot of runs {activation: (losses, accuracies)}."""
    rows = compare(x_data, y_data, runs)
    print_table("slide 7-3", rows, args)
    print("Label 1 means no diabetes: the majority answer is 'no diabetes' to all.")
    figure = draw(runs, majority(y_data))
    save_plot(figure, args)
    for name, (losses, _) in runs.items():
        tell_divergence(name, losses)


def compare(x, y, runs):
    """Table rows: the slide's row of data, the last epoch, and the baseline."""
    ours = [f"{value:.2f}" for value in x[0].tolist()]
    video = [f"{value:.2f}" for value in VIDEO_FIRST_ROW]
    rows = []
    rows.append(("first row, features 1 to 4", " ".join(ours[:4]), " ".join(video[:4])))
    rows.append(("first row, features 5 to 8", " ".join(ours[4:]), " ".join(video[4:])))
    for name, (losses, accuracies) in runs.items():
        rows.append((f"{name}: last loss", f"{losses[-1]:.4f}", "not shown"))
        rows.append((f"{name}: accuracy", f"{accuracies[-1]:.2f} %", "not shown"))
    rows.append(("majority class, no training", f"{majority(y):.2f} %", "not shown"))
    return rows


def draw(runs, baseline):
    """Loss above, accuracy below with the majority class as the bar to jump."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    # Three colours that colour-blind readers tell apart, each once solid, once dashed
    # (dashed ones above: relu and leaky_relu nearly coincide).
    colors = ["#0072B2", "#E69F00", "#CC79A7"]
    label = f"always 'no diabetes': {baseline:.2f} %"
    bottom.axhline(baseline, color="lightgrey", lw=8, label=label)  # under the curves
    for i, (name, (losses, accuracies)) in enumerate(runs.items()):
        style = {"color": colors[i // 2]}
        if i % 2 == 1:
            style["linestyle"] = "--"
            style["zorder"] = 3
        if len(losses) < 5:
            style["marker"] = "o"  # one point is no line
        top.plot(losses, label=f"this run: {name}", **style)
        bottom.plot(accuracies, **style)
    top.set(ylabel="Loss (mean BCE)", title="Lecture 07 · Diabetes, 8-6-4-1")
    bottom.set(xlabel="Epoch", ylabel="Training accuracy (%)")
    top.grid(alpha=0.3)
    bottom.grid(alpha=0.3)
    top.legend(ncols=2)
    bottom.legend(loc="lower right")
    return figure


def tell_divergence(name, losses):
    """A line on standard error if the loss ended far above where it began."""
    if losses[-1] < 10:
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
    add("--lr", type=float, default=0.1, metavar="X", help="学习率, default 0.1")
    add("--seed", type=int, default=0, metavar="N", help="随机种子, default 0")
    folder = "数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    add(
        "--activation",
        choices=[*ACTIVATIONS, "all"],
        default="sigmoid",
        help="隐藏层的激活函数（作业）, default sigmoid",
    )
    plot = "plots/lecture07_multi_dim.png"
    add("--plot", type=Path, default=plot, metavar="FILE", help=f"图片, default {plot}")
    add("--show", action="store_true", help="open the plot 训练后打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    args = parser.parse_args(argv)

    if args.epochs < 1:
        parser.error("--epochs must be 1 or more 轮数至少为 1")
    if not 0 < args.lr < 1e9:
        parser.error("--lr must be above 0, below 1e9 学习率必须大于 0、小于 1e9")
    if not 0 <= args.seed < 1e9:
        parser.error("--seed must be 0 to 999999999 随机种子应为 0 到 999999999")
    check_plot(parser, args)
    if args.dry_run:
        args.epochs = 1
        print("dry run: a try of the script, its numbers are no result")
    return args


ADVICE = (
    "unpack the ZIP again, or: git checkout -- data (or is --data-dir wrong?) "
    "请重新解压，或执行 git checkout -- data；用了 --data-dir 的请检查"
)


def find_data(data_dir, name):
    """The path of a data file: name.gz, or what was unpacked from it; or one line."""
    file = data_dir / f"{name}.gz"
    try:
        if not file.exists() and (data_dir / name).exists():
            file = data_dir / name  # unpacked by hand 已经解压的文件
        file.open("rb").close()
    except FileNotFoundError:
        sys.exit(f"no {file.as_posix()}: {ADVICE}")
    except OSError as error:  # not allowed there, for example
        reason = error.strerror or error
        sys.exit(f"cannot read {file.as_posix()}: {reason} 无法读取")
    return file


def find_diabetes(data_dir):
    """The path of the patients' file; one line, and the end, if it cannot be used."""
    file = find_data(data_dir, "diabetes.csv")
    try:
        check_diabetes(file)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        sys.exit(f"cannot use {file.as_posix()}: {error}; {ADVICE}")
    return file


def check_diabetes(file):
    """Raise ValueError if it is not rows of 8 features from -1 to 1 and a label."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns of an empty file
        xy = np.loadtxt(file, delimiter=",", dtype=np.float32)
    if xy.size == 0:
        raise ValueError("it is empty 文件是空的")
    if xy.ndim != 2 or xy.shape[1] != 9:
        raise ValueError("it is not a table of 9 columns 应有多行，每行 9 列")
    for number, row in enumerate(xy, start=1):
        if row[8] not in (0, 1):
            raise ValueError(f"row {number}: its label is not 0 or 1 标签只能是 0 或 1")
        if not (abs(row) <= 1).all():  # 也能发现 nan
            raise ValueError(f"row {number}: not all from -1 to 1 数值超出 -1 到 1")


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
