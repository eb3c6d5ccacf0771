"""Lecture 08 · Dataset and DataLoader (第八讲 加载数据集)

The network of lecture 7, fed in mini-batches: a Dataset says how to get one sample (it
is abstract: write your own), a DataLoader shuffles and bundles 32 of them. An epoch is
one pass over every sample, forward and backward; the batch size is how many of them an
update uses; an iteration is one update: ceil(759 / 32) = 24 in an epoch.

Dataset 是抽象类，需要自己继承它，并实现 __getitem__ 和 __len__；DataLoader 负责打乱顺序、
拼成小批量（mini-batch）。加上 --holdout 0.2 会留出 20% 的数据作为测试集。作业 8-1 是泰坦尼克号：
--titanic 用自带的乘客数据；换成 Kaggle 的 train.csv 和 test.csv，会生成提交文件 submission.csv。
视频的设置只学会了“全猜没有糖尿病”：准确率停在 65.35%，这不是程序的错。

    python lecture08_dataloader.py                         # the video 视频
    python lecture08_dataloader.py --holdout 0.2           # 用没见过的数据测试
    python lecture08_dataloader.py --holdout 0.2 --activation relu --lr 0.3 --epochs 500
    python lecture08_dataloader.py --titanic --holdout 0.2               # 作业 8-1
    python lecture08_dataloader.py --titanic train.csv --submit test.csv # 作业 8-1

Slide 8-18 lists ready-made data sets of torchvision: MNIST, Fashion-MNIST, EMNIST,
COCO, LSUN, ImageFolder, CIFAR, STL10 and others.
"""

import argparse
import csv
import gzip
import io
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, random_split

DATA = Path(__file__).parent / "data"


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
    # Without options: lr 0.01, epochs 100, batch size 32 不加选项就是视频里的值（除了 num_workers）
    args = parse_args(argv)
    torch.manual_seed(args.seed)  # the same random numbers every time 结果可复现

    # 1. Dataset
    if args.titanic:  # exercise 8-1 作业
        parts = load_titanic(args)
    else:
        file = find_diabetes(args.data_dir)
        dataset = DiabetesDataset(file)
        parts = split(dataset, args)
    train_set = parts["train"]  # everything, unless --holdout keeps back parts["test"]
    # DataLoader：每轮先打乱，再把 32 个样本拼成一个 mini-batch；最后一批可能不满
    train_loader = DataLoader(
        dataset=train_set,
        batch_size=args.batch_size,
        shuffle=True,
        # The video has 2, here it is 0 数据小，开子进程反而慢；要用就必须有文件末尾的判断
        num_workers=args.num_workers,
    )
    print_sizes(train_loader, args)

    # 2. Model
    x, _ = train_set[0]  # one sample 一个样本: x (8,), titanic (6,)
    # HIDDEN (below 在下面) holds them by name; the video: torch.nn.Sigmoid()
    model = Model(HIDDEN[args.activation], features=len(x))

    # 3. Loss and optimizer
    criterion = torch.nn.BCELoss(reduction="mean")  # 对一个 batch 取平均
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    # 4. Training cycle: forward, backward, update
    losses = []  # of every iteration 每个 batch 的损失
    history = []  # after every epoch 每轮之后，在全部样本上
    for epoch in range(args.epochs):
        # 内层循环一次是一个 iteration：inputs (32, 8), labels (32, 1)
        for i, (inputs, labels) in enumerate(train_loader, 0):
            y_pred = model(inputs)  # forward 前向
            loss = criterion(y_pred, labels)
            losses.append(loss.item())
            if shows_iterations(epoch, args):
                print(epoch, i, loss.item())  # the video's line

            optimizer.zero_grad()  # 梯度清零
            loss.backward()  # backward 反向
            optimizer.step()  # update 更新：每个 batch 更新一次
        history.append(evaluate(epoch, model, parts))

    # 5. Inference and plot
    print_first(model, parts, args)
    rows = compare(history, train_loader, parts, args)
    print_table("lecture 8", rows, args)
    if args.submit:  # exercise 8-1 作业
        submit(model, train_set.median_age, args)
    figure = draw(losses, history, parts, args)
    save_plot(figure, args)
    tell_divergence(losses)
    return model


# %% Exercise 作业：换激活函数，留出一部分数据做测试 --------------------
HIDDEN = {"sigmoid": torch.nn.Sigmoid(), "relu": torch.nn.ReLU()}


def split(dataset, args):
    """{"train": the data set}; with --holdout a random share of it is "test"."""
    if args.holdout == 0:
        return {"train": dataset}
    size = round(args.holdout * len(dataset))
    if size == 0 or size == len(dataset):
        sys.exit(
            f"--holdout {args.holdout:g} of {len(dataset)} rows leaves a part empty: "
            "try 0.2 划分后有一部分为空，请换一个比例"
        )
    # 用单独的随机数发生器：种子相同，留出的就总是同一部分
    generator = torch.Generator().manual_seed(args.seed)
    sizes = [len(dataset) - size, size]
    train_set, test_set = random_split(dataset, sizes, generator)
    return {"train": train_set, "test": test_set}


# %% Exercise 8-1 作业：泰坦尼克号（Kaggle） --------------------
class TitanicDataset(Dataset):
    """Passengers like ["3", "male", "22", "0"]: x (6,), y (1,) each.

    The texts of Pclass, Sex, Age and Survived; label 1 means survived. A missing age,
    "", becomes median_age.
    """

    def __init__(self, passengers, median_age):
        x = []
        y = []
        for pclass, sex, age, survived in passengers:
            x.append(titanic_features(pclass, sex, age, median_age))
            y.append([float(survived)])
        self.x_data = torch.tensor(x, dtype=torch.float32)
        self.y_data = torch.tensor(y)
        self.len = len(passengers)
        self.median_age = median_age

    def __getitem__(self, index):
        return self.x_data[index], self.y_data[index]

    def __len__(self):
        return self.len


def titanic_features(pclass, sex, age, median_age):
    """Six numbers: first, second, third class, female, age, and "age unknown"."""
    x = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    x[int(pclass) - 1] = 1.0  # 舱位等级用 one-hot：1、2、3 之间没有倍数关系
    if sex == "female":
        x[3] = 1.0
    if age == "":
        # 年龄缺失：填中位数，再用最后一个特征告诉网络“这个年龄是填的”
        x[4] = median_age / 80
        x[5] = 1.0
    else:
        x[4] = float(age) / 80  # 除以 80，使各特征的范围相近
    return x


def load_titanic(args):
    """{"train": data set}, with --holdout also "test", of a file of Kaggle's form.

    Without a FILE it is data/titanic.csv.gz: all 1309 passengers, those of Kaggle's
    test.csv among them, so that only train.csv makes an honest submission.
    """
    file = args.titanic
    advice = "--titanic takes Kaggle's train.csv 需要 Kaggle 的 train.csv"
    if file is True:  # no FILE: the passengers of the data folder 自带的数据
        file = find_data(args.data_dir, "titanic.csv")
        advice = ADVICE
    passengers = read_passengers(file, "Survived", advice)
    parts = split(passengers, args)
    # 中位数只取自训练集：测试集代表没见过的乘客，不能偷看
    ages = [float(age) for _, _, age, _ in parts["train"] if age != ""]
    if not ages:
        sys.exit(
            f"cannot use {file.as_posix()}: no passenger with an age in the training "
            "part (a smaller --holdout?) 训练集里没有年龄，请把 --holdout 调小"
        )
    median_age = float(np.median(ages))
    missing = [age for _, _, age, _ in passengers if age == ""]
    print(f"{len(missing)} of {len(passengers)} ages missing", end=": ")
    print(f"filled with the median {median_age:g} and marked as unknown")
    sets = {}
    for name, part in parts.items():
        sets[name] = TitanicDataset(part, median_age)
    return sets


def submit(model, median_age, args):
    """Kaggle's test.csv -> submission.csv: PassengerId and 0 or 1, row by row."""
    answers = []
    for pclass, sex, age, number in args.submit:
        x = titanic_features(pclass, sex, age, median_age)
        p = model(torch.tensor([x])).item()
        answers.append([number, int(p >= 0.5)])  # Kaggle 要的是 0 或 1，不是概率
    write_submission(["PassengerId", "Survived"], answers, args)


# %% Beside the video 与视频对照（可以不看） --------------------
# Samples and iterations per epoch stand on no slide, they follow from the video's code
# and data: ceil(759 / 32) = 24.
VIDEO_SAMPLES = 759
VIDEO_BATCH_SIZE = 32
VIDEO_ITERATIONS = 24


def print_sizes(train_loader, args):
    """Samples, batch size, and how many updates that makes an epoch."""
    print(f"{len(train_loader.dataset)} samples, batch", end=" ")
    print(f"size {train_loader.batch_size}: {len(train_loader)} iterations per epoch")
    if shows_iterations(0, args):
        print("Below: epoch, iteration, loss, only of the first and last epoch (the")
        print("video: of all); after each epoch, loss and accuracy on all rows.")


def shows_iterations(epoch, args):
    """True in the lecture's first and last epoch: 2400 lines would say no more."""
    if args.titanic or args.holdout:
        return False
    return epoch in (0, args.epochs - 1)


def evaluate(epoch, model, parts):
    """{part: (mean loss, accuracy in %)} on all rows of it, printed in one line."""
    criterion = torch.nn.BCELoss()
    scores = {}
    texts = []
    for name, dataset in parts.items():
        x, y = dataset[:]  # all rows at once 一次取出全部样本
        with torch.no_grad():  # only a test: the weights stay 只测试，不更新
            y_pred = model(x)
        loss = criterion(y_pred, y).item()
        percent = accuracy(y_pred, y)
        scores[name] = (loss, percent)
        texts.append(f"{name} loss {loss:.4f}, accuracy {percent:.2f} %")
    print(f"epoch {epoch}:", "; ".join(texts))
    return scores


def accuracy(y_pred, y):
    """Percentage of rows where the likelier label is the true one."""
    right = (y_pred >= 0.5) == (y >= 0.5)
    return 100 * right.float().mean().item()


def majority(y):
    """Accuracy (%) of always answering the label that is more frequent in y."""
    ones = y.mean().item()
    return 100 * max(ones, 1 - ones)


def print_first(model, parts, args):
    """Inference: the model's answer for the first row of the last part."""
    meaning = "no diabetes"
    if args.titanic:
        meaning = "survived"
    name = list(parts)[-1]  # the test part, if there is one
    x, y = parts[name][0]
    p = model(x).item()
    print(f"first {name} row: P({meaning}) = {p:.3f}, true label {y.item():g}")


def compare(history, train_loader, parts, args):
    """Table rows: the sizes, the last epoch, and the baseline of the last part."""
    samples = f"{VIDEO_SAMPLES} (computed)"
    batch_size = f"{VIDEO_BATCH_SIZE}"
    iterations = f"{VIDEO_ITERATIONS} (computed)"
    if args.titanic:
        samples = "-"
        batch_size = "-"
        iterations = "-"
    rows = []
    rows.append(("samples", len(train_loader.dataset), samples))
    rows.append(("batch size", train_loader.batch_size, batch_size))
    rows.append(("iterations per epoch", len(train_loader), iterations))
    for name, (loss, percent) in history[-1].items():
        rows.append((f"{name} loss", f"{loss:.4f}", "not shown"))
        rows.append((f"{name} accuracy", f"{percent:.2f} %", "not shown"))
    name = list(parts)[-1]
    _, y = parts[name][:]
    rows.append((f"majority class of {name}", f"{majority(y):.2f} %", "not shown"))
    return rows


def draw(losses, history, parts, args):
    """Loss of every mini-batch and after every epoch; below, the accuracy.

    The panel on the right enlarges the first epochs: an epoch is many iterations.
    """
    figure, axes = plt.subplot_mosaic(
        [["loss", "loss", "first"], ["accuracy", "accuracy", "accuracy"]],
        figsize=(10, 7),
        layout="constrained",
    )
    iterations = len(losses) // len(history)  # in an epoch
    when = np.arange(len(losses)) / iterations  # when each of them was, in epochs
    few = min(3, len(history))
    cut = few * iterations
    style = {"color": "darkgrey", "lw": 0.8, "label": "of each mini-batch"}
    axes["loss"].plot(when, losses, **style)
    axes["first"].plot(when[:cut], losses[:cut], **style)
    for epoch in range(few + 1):
        axes["first"].axvline(epoch, color="black", lw=1, ls=":")

    last = list(parts)[-1]
    _, y = parts[last][:]
    label = f"majority class of {last}: {majority(y):.2f} %"
    axes["accuracy"].axhline(majority(y), color="lightgrey", lw=8, label=label)
    epochs = np.arange(1, len(history) + 1)
    colors = {"train": "#0072B2", "test": "#E69F00"}
    for name in parts:
        style = {"color": colors[name], "label": f"{name}, after each epoch"}
        part_losses = [scores[name][0] for scores in history]
        percents = [scores[name][1] for scores in history]
        axes["first"].plot(epochs[:few], part_losses[:few], "o", **style)
        if len(history) < 5:
            style["marker"] = "o"  # one point is no line
        axes["loss"].plot(epochs, part_losses, **style)
        axes["accuracy"].plot(epochs, percents, **style)

    title = "Lecture 08 · DataLoader, diabetes"
    if args.titanic:
        title = "Lecture 08 · DataLoader, titanic"
    axes["loss"].set(ylabel="Loss (mean BCE)", title=title)
    axes["first"].set(title=f"{iterations} iterations an epoch")
    axes["accuracy"].set(ylabel="Accuracy (%)")
    for panel in axes.values():
        panel.set(xlabel="Epoch")
        panel.grid(alpha=0.3)
    axes["loss"].legend(loc="upper right")
    axes["accuracy"].set_xlim(axes["loss"].get_xlim())
    axes["accuracy"].legend()
    return figure


def tell_divergence(losses):
    """A line on standard error if the loss ended far above where it can begin."""
    if losses[-1] < 10:  # nan < 10 is False
        return
    print(
        f"the training diverged, loss {losses[-1]:.3g}: try a smaller --lr",
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
    rate = "学习率, default 0.01, with --titanic 0.1"
    add("--lr", type=float, metavar="X", help=rate)
    add("--batch-size", type=int, default=32, metavar="N", help="批量大小, default 32")
    add("--seed", type=int, default=0, metavar="N", help="随机种子, default 0")
    # The video has 2 workers: processes that fetch the next batches meanwhile. These 759
    # rows are in memory already, and two processes begin anew in every epoch. Measured,
    # the whole run takes 2.9 times as long where they are forked (Linux), and 17 times
    # where each imports torch again (Windows, macOS, Linux from Python 3.14: 120 s and
    # not 6.8 s for ten epochs). 数据已在内存里，多进程反而慢；读很多图片文件时才划算。
    workers = "读数据的子进程数, default 0; 2 in the video, but slower here"
    add("--num-workers", type=int, default=0, metavar="N", help=workers)
    folder = "数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    titanic = "作业 8-1, default none: FILE is Kaggle's train.csv; without FILE, data's"
    add("--titanic", type=Path, nargs="?", const=True, metavar="FILE", help=titanic)
    submit = "default none: Kaggle's test.csv; writes submission.csv 生成提交文件"
    add("--submit", type=Path, metavar="FILE", help=submit)
    holdout = "留出做测试的比例, default 0"
    add("--holdout", type=float, default=0, metavar="SHARE", help=holdout)
    hidden = "隐藏层的激活函数, default sigmoid, with --titanic relu"
    add("--activation", choices=[*HIDDEN], help=hidden)
    plot = "plots/lecture08_dataloader.png"
    add("--plot", type=Path, default=plot, metavar="FILE", help=f"图片, default {plot}")
    add("--show", action="store_true", help="open the plot 训练后打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    args = parser.parse_args(argv)

    # 泰坦尼克号用视频的设置也只会预测多数类，所以换 relu 和更大的学习率
    if args.lr is None:
        args.lr = 0.1 if args.titanic else 0.01
    if args.activation is None:
        args.activation = "relu" if args.titanic else "sigmoid"
    if args.epochs < 1:
        parser.error("--epochs must be 1 or more 轮数至少为 1")
    if not 0 < args.lr < 1e9:
        parser.error("--lr must be above 0, below 1e9 学习率必须大于 0、小于 1e9")
    if not 1 <= args.batch_size < 1e9:
        parser.error("--batch-size must be 1 or more, below 1e9 批量至少为 1、小于 1e9")
    if not 0 <= args.seed < 1e9:
        parser.error("--seed must be 0 to 999999999 随机种子应为 0 到 999999999")
    if not 0 <= args.num_workers < 100:
        parser.error("--num-workers must be from 0 to 99 子进程数应为 0 到 99")
    if not 0 <= args.holdout < 1:
        parser.error("--holdout must be 0 or more and below 1 比例应在 0 和 1 之间")
    if args.submit and not args.titanic:
        parser.error("--submit needs --titanic train.csv 还需要 --titanic train.csv")
    check_plot(parser, args)
    if args.submit:
        args.submit = load_titanic_test(args.submit)  # read before the training
        if args.titanic is True:
            print(
                "note: the bundled file holds Kaggle's test passengers, too",
                "自带数据里有测试集的乘客，正式提交请用 Kaggle 的 train.csv",
                file=sys.stderr,
            )
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


def read_passengers(file, last, advice, without=None):
    """Rows [Pclass, Sex, Age, and the column `last`]; one line, and the end, if bad.

    `last` is Survived for training, PassengerId for Kaggle's test.csv, which is
    `without` Survived.
    """
    try:
        rows = read_table(file, ",", ["Pclass", "Sex", "Age", last], without)
        for line, pclass, sex, age, value in rows:
            check_passenger(line, pclass, sex, age)
            if last == "Survived" and value not in ("0", "1"):
                raise ValueError(f"line {line}: Survived {value!r} is not 0 or 1")
            if last == "PassengerId" and not value.isdecimal():
                raise ValueError(f"line {line}: PassengerId {value!r} is no number")
    except UNREADABLE as error:
        sys.exit(f"cannot use {file.as_posix()}: {error}; {advice}")
    return [row[1:] for row in rows]  # without the line numbers 去掉行号


def check_passenger(line, pclass, sex, age):
    """Raise ValueError if a value is none that the columns can have."""
    if pclass not in ("1", "2", "3"):
        raise ValueError(f"line {line}: Pclass {pclass!r} is not 1, 2 or 3")
    if sex not in ("male", "female"):
        raise ValueError(f"line {line}: Sex {sex!r} is not male or female")
    try:
        good = age == "" or 0 < float(age) < 120
    except ValueError:  # not a number 不是数字
        good = False
    if not good:
        raise ValueError(f"line {line}: Age {age!r} is not between 0 and 120")


def load_titanic_test(file):
    """Kaggle's test.csv: rows [Pclass, Sex, Age, PassengerId]."""
    advice = "--submit takes Kaggle's test.csv 需要 Kaggle 的 test.csv"
    return read_passengers(file, "PassengerId", advice, without="Survived")


def read_table(file, delimiter, columns, without=None):
    """The rows of a file from Kaggle: [line number, value of each wanted column].

    A zip or gzip file is read as it comes. The columns may stand in any order, others
    are left out; `without` is the answers' column, which Kaggle's test file lacks.
    Raises ValueError in words, if it is not such a file.
    """
    remedy = (
        "was it saved by Excel? Save it as CSV UTF-8 请另存为“CSV UTF-8（逗号分隔）”"
    )
    quoting = csv.QUOTE_MINIMAL
    if delimiter == "\t":  # in Kaggle's .tsv a quotation mark is only a letter
        remedy = "was it saved by Excel? Download it again 请重新下载"
        quoting = csv.QUOTE_NONE
    data = Path(file).read_bytes()
    if data.startswith(b"PK"):  # a zip 压缩包
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = []
            for name in archive.namelist():
                if "MACOSX" not in name and not name.endswith("/"):
                    names.append(name)
            if "xl/workbook.xml" in names:
                raise ValueError(f"an Excel workbook Excel 工作簿; {remedy}")
            if len(names) != 1:
                raise ValueError(f"a zip of {len(names)} files: unpack it 请先解压")
            data = archive.read(names[0])
    if data.startswith(b"\x1f\x8b"):  # gzip
        data = gzip.decompress(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"it is not in UTF-8 编码不是 UTF-8; {remedy}") from None
    if not text.strip():
        raise ValueError("it is empty 文件是空的")
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    head = next(reader, [])
    missing = [name for name in columns if name not in head]
    if missing and len(head) <= 1:
        raise ValueError(
            f"its columns are not separated by {delimiter!r} 分隔符不对: "
            f"{text[:40]!r}; {remedy}"
        )
    if without in head:
        raise ValueError(f"it has {without}: train, not test 这是训练集，不是测试集")
    if missing:
        raise ValueError(f"no column {', '.join(missing[:5])} 缺少这些列")
    places = [head.index(name) for name in columns]
    rows = []
    for row in reader:
        if not row:
            continue  # an empty line
        if len(row) != len(head):
            raise ValueError(
                f"line {reader.line_num} has {len(row)} columns, not {len(head)} 列数不对"
            )
        values = [row[place] for place in places]
        rows.append([reader.line_num, *values])
    if not rows:
        raise ValueError("it has no rows 没有数据")
    return rows


UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    csv.Error,
    zlib.error,
    zipfile.BadZipFile,
)


def write_submission(head, rows, args):
    """Write submission.csv; one that was there stays until the new one is whole."""
    name = "submission.csv"
    if args.dry_run:
        name = "dry-run-submission.csv"
    new = Path(f"new-{name}")
    try:
        with open(new, "w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)
    except OSError as error:  # not allowed here, disk full
        reason = error.strerror or error
        sys.exit(f"cannot write {new}: {reason} 无法写入（是否正被 Excel 打开？）")
    try:
        new.replace(name)
    except OSError:  # Windows: Excel has it open
        sys.exit(
            f"cannot replace {name}: is it open in another program? The new one is "
            f"{new} 旧文件可能正被 Excel 打开，新文件另存在旁边"
        )
    print(f"submission saved to {name}: {len(rows)} rows, for Kaggle")


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


# Workers import this file again where processes are spawned: on Windows, on macOS, on
# Linux from Python 3.14. Without this guard each of them would begin a training of its
# own, and Python stops with a RuntimeError (8-13). The complete program of slide 8-17
# has num_workers=2 and no guard: copied as it stands, it fails on Windows.
# 子进程会重新导入这个文件，所以训练代码必须放在这个判断里面；幻灯片 8-17 的完整程序漏掉了它。
if __name__ == "__main__":
    in_a_cell = sys.argv[-1].endswith(".json")  # the kernel's argument: no options
    model = main([] if in_a_cell else None)
