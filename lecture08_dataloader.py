"""Lecture 08 · Dataset and DataLoader (第八讲 加载数据集)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。Dataset 是抽象类，需要自己继承它，并实现
__getitem__ 和 __len__；DataLoader 负责打乱顺序、拼成小批量（mini-batch）。所有样本都用过一遍，叫一轮（epoch）；
每次更新所用的样本数叫批量大小（batch size）；更新一次叫一个 iteration：759 / 32 向上取整，每轮 24 次。
按视频的设置，网络只学会了“全猜没有糖尿病”：准确率停在 65.35%，这不是程序的错（标签 1 表示没有）。
作业 8-1 是泰坦尼克号：--titanic 用自带的乘客数据，不需要 Kaggle 账号；换成 Kaggle 的 train.csv 和 test.csv，
会生成提交文件 submission.csv。加上 --holdout 0.2，就留出 20% 的乘客作为开发集（第二讲），不参加训练。

Read as far as the end of main: that is the lecture. The network of lecture 7, fed in
mini-batches: a Dataset says how to get one sample (it is abstract: write your own), a
DataLoader shuffles and bundles 32 of them. An epoch is one pass over every sample, an
iteration is one update: ceil(759 / 32) = 24 in an epoch. Slide 8-18 lists ready-made
data sets of torchvision: MNIST, Fashion-MNIST, EMNIST, COCO, CIFAR and others.

    python lecture08_dataloader.py                                       # the video 视频
    python lecture08_dataloader.py --titanic --holdout 0.2               # 作业 8-1
    python lecture08_dataloader.py --titanic train.csv --submit test.csv # 作业 8-1
"""

import argparse
import csv
import gzip
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


# %% 1. Dataset 数据集 --------------------
class DiabetesDataset(Dataset):
    """759 patients: x (8,), y (1,) each; label 1 means no diabetes."""

    def __init__(self, filepath):
        # 两种写法：数据不大时，像这里一样全部读进内存；数据很大时（比如图片），
        # 这里只存文件名的列表，到 __getitem__ 里再读那一个文件
        xy = np.loadtxt(filepath, delimiter=",", dtype=np.float32)
        self.len = xy.shape[0]
        self.x_data = torch.from_numpy(xy[:, :-1])
        self.y_data = torch.from_numpy(xy[:, [-1]])  # [-1] 保持二维: (759, 1)

    def __getitem__(self, index):  # dataset[index]: 按下标取样本
        return self.x_data[index], self.y_data[index]

    def __len__(self):  # len(dataset): 样本个数
        return self.len


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
    # without options lr is 0.01, epochs 100, batch size 32 不加选项就是视频里的值
    # （只有 num_workers 是 0，视频里是 2）
    if args.titanic:
        return titanic(args)  # 8-1 作业
    torch.manual_seed(args.seed)  # 固定随机种子，结果可复现

    # 1. Dataset 数据集
    # load 调用 DiabetesDataset；文件有问题时，打印一行说明就结束
    dataset = load(DiabetesDataset, args.data_dir / "diabetes.csv.gz")
    parts = {"train": dataset}  # 全部数据都参加训练
    # DataLoader：每轮先打乱，再把 32 个样本拼成一个 mini-batch；最后一批可能不满
    train_loader = DataLoader(
        dataset=dataset,
        batch_size=args.batch_size,
        shuffle=True,
        num_workers=args.num_workers,  # 用子进程时，文件末尾的 if __name__ 不能少
    )

    # 2. Model 模型
    model = Model()

    # 3. Loss and optimizer 损失函数和优化器
    criterion = torch.nn.BCELoss(reduction="mean")  # 对一个批量取平均
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle 训练：forward, backward, update
    losses = []  # of every iteration 每个批量的损失
    history = []  # after every epoch 每轮结束后，在全部样本上的损失和准确率
    for epoch in range(args.epochs):
        # 内层循环一次是一个 iteration：inputs (32, 8), labels (32, 1)
        for i, (inputs, labels) in enumerate(train_loader, 0):
            y_pred = model(inputs)  # forward 前向
            loss = criterion(y_pred, labels)
            losses.append(loss.item())
            # 视频每一轮都打印，这里只有第一轮和最后一轮
            if epoch in (0, args.epochs - 1):
                print(epoch, i, loss.item())

            optimizer.zero_grad()  # 梯度清零
            loss.backward()  # backward 反向
            optimizer.step()  # update 更新：每个批量更新一次
        history.append(evaluate(model, parts, epoch))
        if not loss < 10:  # 损失到了 10，或者成了 nan，就是发散了
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    rows = sizes(train_loader, args) + compare(history, parts)
    print_table("lecture 8", rows, args)
    figure = draw(losses, history, parts, "diabetes")
    save_plot(figure, "lecture08_dataloader", args)
    return model


# %% Exercise 8-1 作业：泰坦尼克号（Kaggle） --------------------
class TitanicModel(torch.nn.Module):
    """The lecture's network with six features, relu inside: (N, 6) -> (N, 1)."""

    def __init__(self):
        super().__init__()
        self.linear1 = torch.nn.Linear(6, 6)
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        self.relu = torch.nn.ReLU()  # 隐藏层如果用 sigmoid，就只会预测多数类
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        x = self.relu(self.linear1(x))  # (N, 6) -> (N, 6)
        x = self.relu(self.linear2(x))  # (N, 6) -> (N, 4)
        # 输出层必须是 sigmoid：BCELoss 要求预测值在 0 和 1 之间
        x = self.sigmoid(self.linear3(x))  # (N, 4) -> (N, 1)
        return x


def titanic(args):
    """The lecture's program with passengers; label 1 means survived.

    Without a FILE it reads data/titanic.csv.gz: all 1309 passengers, including those of
    Kaggle's test.csv. Train on Kaggle's train.csv for an honest submission.
    自带的文件里也有 test.csv 的乘客；要提交，请用 Kaggle 的 train.csv 训练。
    """
    torch.manual_seed(args.seed)

    # 1. Dataset 数据集
    x, y = read_passengers(args.titanic, "Survived")
    if args.submit:  # 训练前先读，文件有问题能马上发现
        x_submit, numbers = read_passengers(args.submit, "PassengerId")
    # TensorDataset 是现成的 Dataset，用法和上面的 DiabetesDataset 一样
    parts = split(TensorDataset(x, y), args)
    # 中位数只取自训练集：开发集代表没见过的乘客，不能偷看
    train_x, _ = parts["train"][:]
    median_age = float(np.nanmedian(train_x[:, 4]))
    fill_ages(x, median_age)  # 训练集和开发集共用同一个 x，填一次就够了
    train_loader = DataLoader(
        parts["train"], args.batch_size, shuffle=True, num_workers=args.num_workers
    )

    # 2. Model 模型
    model = TitanicModel()

    # 3. Loss and optimizer 损失函数和优化器
    criterion = torch.nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training and test 训练与测试
    losses = []
    history = []
    for epoch in range(args.epochs):
        for inputs, labels in train_loader:
            loss = criterion(model(inputs), labels)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(evaluate(model, parts, epoch))
        if not loss < 10:
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    print_table("lecture 8", compare(history, parts), args)
    if args.submit:
        fill_ages(x_submit, median_age)
        answers = model(x_submit) >= 0.5  # Kaggle 要的是 0 或 1，不是概率
        rows = []
        for number, answer in zip(numbers, answers):
            rows.append([int(number), int(answer)])
        write_submission(["PassengerId", "Survived"], rows)
    figure = draw(losses, history, parts, "titanic")
    save_plot(figure, "lecture08_dataloader_titanic", args)
    return model


def split(dataset, args):
    """{"train": the data set}; with --holdout a random share of it is "dev"."""
    if args.holdout == 0:
        return {"train": dataset}
    size = round(args.holdout * len(dataset))
    # 用单独的随机数发生器：种子相同，留出的就总是同一部分
    generator = torch.Generator().manual_seed(args.seed)
    lengths = [len(dataset) - size, size]
    train_set, dev_set = random_split(dataset, lengths, generator)
    return {"train": train_set, "dev": dev_set}


def read_passengers(file, last):
    """x (N, 6) and y (N, 1) of Kaggle's passengers; or one line, and the end.

    x: first, second, third class, female, age (nan where it is missing), "age
    unknown". y: the column `last`, Survived or, of the test file, PassengerId.
    """
    open_text = open
    if file.suffix == ".gz":
        open_text = gzip.open
    x = []
    y = []
    line = 1
    try:
        with open_text(file, "rt", encoding="utf-8-sig", newline="") as text:
            for line, row in enumerate(csv.DictReader(text), start=2):
                # 舱位等级用 one-hot：1、2、3 之间没有倍数关系
                pclass = {"1": [1, 0, 0], "2": [0, 1, 0], "3": [0, 0, 1]}[row["Pclass"]]
                female = {"male": 0, "female": 1}[row["Sex"]]
                age = float(row["Age"] or "nan") / 80  # 除以 80，使各特征的范围相近
                x.append(pclass + [female, age, 0])
                y.append([float(row[last])])
        if not x:
            raise ValueError("no rows 没有数据")
    except (OSError, EOFError, ValueError, LookupError, csv.Error) as error:
        sys.exit(
            f"cannot use {file.as_posix()}, line {line}: {type(error).__name__} {error}; "
            "it takes Kaggle's train.csv, and --submit test.csv: unpack a zip; a "
            "spreadsheet must save CSV UTF-8 需要 Kaggle 的 train.csv 和 test.csv：压缩包"
            "请先解压；用 Excel 存过的，请另存为“CSV UTF-8（逗号分隔）”"
        )
    return torch.tensor(x), torch.tensor(y)


def fill_ages(x, median_age):
    """Fill missing ages in place, and mark them as unknown in the last feature.

    年龄缺失：填中位数，再用最后一个特征告诉网络“这个年龄是填的”。
    """
    missing = x[:, 4].isnan()
    x[missing, 4] = median_age
    x[missing, 5] = 1.0
    print(f"{missing.sum()} of {len(x)} ages missing: filled with the median", end=" ")
    print(f"{80 * median_age:g} 缺失的年龄用中位数填充")


def write_submission(header, rows):
    """submission.csv for Kaggle; where it cannot be written, another name beside it."""
    for name in ("submission.csv", "submission_new.csv"):
        try:
            with open(name, "w", encoding="utf-8", newline="") as text:
                writer = csv.writer(text)
                writer.writerow(header)
                writer.writerows(rows)
        except OSError as error:  # a spreadsheet holds the old one, for example
            print(
                f"cannot write {name}: {error.strerror} 无法写入（被 Excel 打开了？）"
            )
        else:
            print(f"saved to {name}: {len(rows)} rows, for Kaggle 可以提交到 Kaggle")
            return


# %% Beside the video 与视频对照（可以不看） --------------------
def sizes(train_loader, args):
    """Table rows: 759 and 24 stand on no slide, they follow from its code and data."""
    return [
        ("samples", len(train_loader.dataset), "759 (computed)"),
        ("batch size", args.batch_size, "32"),
        ("iterations per epoch", len(train_loader), "24 (computed)"),
    ]


def evaluate(model, parts, epoch):
    """Prints and returns {part: (mean loss, accuracy in percent)}, on all its rows."""
    criterion = torch.nn.BCELoss()
    scores = {}
    for name, dataset in parts.items():
        x, y = dataset[:]  # all rows at once 一次取出全部样本
        with torch.no_grad():  # only a test, no gradients 只测试，不需要梯度
            y_pred = model(x)
        right = (y_pred >= 0.5) == (y >= 0.5)  # 概率到了 0.5，就预测为 1
        percent = 100 * right.float().mean().item()
        loss = criterion(y_pred, y).item()
        print(f"epoch {epoch}: {name} loss {loss:.4f}, accuracy {percent:.2f} %")
        scores[name] = (loss, percent)
    return scores


def majority(dataset):
    """The baseline: accuracy (%) of always predicting the more frequent label."""
    _x, y = dataset[:]
    ones = y.mean().item()
    return 100 * max(ones, 1 - ones)


def compare(history, parts):
    """Table rows: how the last epoch ended, and the baseline. No slide shows them."""
    rows = []
    for name, (loss, percent) in history[-1].items():
        rows.append((f"{name} loss", f"{loss:.4f}", "not shown"))
        rows.append((f"{name} accuracy", f"{percent:.2f} %", "not shown"))
        baseline = f"{majority(parts[name]):.2f} %"
        rows.append((f"majority class of {name}", baseline, "not shown"))
    return rows


def draw(losses, history, parts, title):
    """Loss of every mini-batch and after every epoch; below, the accuracy."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained")
    when = np.arange(len(losses)) * len(history) / len(losses)  # in epochs
    top.plot(when, losses, color="darkgrey", lw=0.8, label="of each mini-batch")
    epochs = range(1, len(history) + 1)
    colors = {"train": "#0072B2", "dev": "#E69F00"}
    for name, dataset in parts.items():
        means = [scores[name][0] for scores in history]
        percents = [scores[name][1] for scores in history]
        style = {"color": colors[name], "ms": 3, "label": f"{name}, after each epoch"}
        top.plot(epochs, means, ".-", **style)
        bottom.plot(epochs, percents, ".-", **style)
        baseline = majority(dataset)
        style = {"color": colors[name], "alpha": 0.2, "lw": 8}
        label = f"majority class of {name}: {baseline:.2f} %"
        bottom.axhline(baseline, label=label, **style)
    top.set(ylabel="Loss (mean BCE)", title=f"Lecture 08 · DataLoader, {title}")
    bottom.set(xlabel="Epoch", ylabel="Accuracy (%)", xlim=top.get_xlim())
    for panel in (top, bottom):
        panel.grid(alpha=0.3)
        panel.legend()
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
    rate = "learning rate 学习率, default 0.01, with --titanic 0.1"
    add("--lr", type=float, help=rate)
    add("--batch-size", type=int, default=32, help="batch size 批量大小, default 32")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    # Workers start anew in every epoch, and each imports torch: on Windows and macOS the
    # video's 2 cost about ten seconds an epoch, some twenty minutes in all 100.
    workers = "reading processes 读数据的子进程数, default 0, in the video 2 (slower)"
    add("--num-workers", type=int, default=0, help=workers)
    folder = "data folder 数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    bundled = DATA / "titanic.csv.gz"
    csv_file = {"type": Path, "metavar": "FILE"}
    passengers = "exercise 作业 8-1: Kaggle's train.csv, default the bundled file"
    add("--titanic", nargs="?", const=bundled, help=passengers, **csv_file)
    submission = "Kaggle's test.csv: writes submission.csv 生成提交文件"
    add("--submit", help=submission, **csv_file)
    share = "share of the development set 开发集的比例（8-1）, default 0"
    add("--holdout", type=float, default=0, help=share)
    plot = "picture 图片, default plots/lecture08_dataloader.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if args.lr is None:
        args.lr = 0.1 if args.titanic else 0.01
    if min(args.epochs, args.lr, args.batch_size) <= 0:
        parser.error("--epochs, --lr, --batch-size must be above 0 必须大于 0")
    if not 0 <= args.holdout <= 0.9:
        parser.error("--holdout must be 0 to 0.9 开发集的比例应在 0 和 0.9 之间")
    if (args.submit or args.holdout) and not args.titanic:
        parser.error("--submit and --holdout need --titanic 还需要 --titanic")
    if args.dry_run:
        args.epochs = 1
        args.submit = None  # 试运行不生成提交文件
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
# Workers import this file again where processes are spawned: on Windows, on macOS, on
# Linux from Python 3.14. Without this guard (8-14) each of them would begin a training
# of its own, and Python stops with a RuntimeError (8-13). The complete program of slide
# 8-17 has num_workers=2 and no guard: copied as it stands, it fails on Windows.
# 子进程会重新导入这个文件，所以训练代码必须放在这个判断里面；幻灯片 8-17 的完整程序漏掉了它。
if __name__ == "__main__":
    model = main(parse_args())
