"""Lecture 09 · Softmax classifier (第九讲 多分类问题)

Ten outputs, one per digit, compete: softmax makes them positive and lets them sum
to one, and cross-entropy compares them with the label. MNIST images (N, 1, 28, 28)
are flattened to 784 numbers and go through five linear layers with ReLU between.
The last layer has no activation: CrossEntropyLoss contains the softmax.

十个输出互相竞争：softmax 把它们变成正数且总和为 1（概率），再用交叉熵与标签比较。最后一层
不加激活，因为 CrossEntropyLoss 里已经有 softmax。最先打印的几行是作业 9-1（交叉熵的计算）。
作业 9-2 用 Kaggle 的 Otto 数据：--otto train.csv --submit test.csv。

    python lecture09_softmax_mnist.py                    # the video 视频
    python lecture09_softmax_mnist.py --otto train.csv   # 作业 9-2, Kaggle's file
    python lecture09_softmax_mnist.py --otto train.csv --submit test.csv

The first lines are exercise 9-1: CrossEntropyLoss = LogSoftmax + NLLLoss, by hand
in numpy. What differs from the video: images are normalised once and not again in
every epoch, there is a test before the training, too, and it trains on the GPU if
there is one (in the video that comes in lecture 10).
与视频不同：图像只归一化一次；训练前先测试一次；有显卡就用显卡。
"""

import argparse
import csv
import gzip
import io
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

DATA = Path(__file__).parent / "data"


# %% 1. Dataset 数据集 --------------------
def load_mnist(data_dir):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video's lines work on this folder, too, without internet 不联网也行:

        from torchvision import datasets, transforms

        transform = transforms.Compose([
            transforms.ToTensor(),
            transforms.Normalize((0.1307,), (0.3081,)),
        ])
        train_set = datasets.MNIST("data", train=True, download=True, transform=transform)

    They transform every image again in every epoch. Here it happens once: the same
    numbers, and an epoch takes about a quarter of the time.
    """
    check_mnist(data_dir)  # all four files are there: nothing is downloaded 不会联网
    sets = []
    for is_train in (True, False):  # 先训练集，后测试集
        mnist = datasets.MNIST(data_dir, train=is_train, download=True)
        images = mnist.data.unsqueeze(1) / 255  # ToTensor: 0…255 变成 0…1
        images = (images - 0.1307) / 0.3081  # Normalize: 均值 0，标准差 1
        sets.append(TensorDataset(images, mnist.targets))
    return sets


# %% 2. Model 模型 --------------------
class Net(torch.nn.Module):
    """Five linear layers with ReLU between: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.l1 = torch.nn.Linear(784, 512)
        self.l2 = torch.nn.Linear(512, 256)
        self.l3 = torch.nn.Linear(256, 128)
        self.l4 = torch.nn.Linear(128, 64)
        self.l5 = torch.nn.Linear(64, 10)

    def forward(self, x):
        # 每张图展平成一行: (N, 1, 28, 28) -> (N, 784); the video: x.view(-1, 784)
        x = x.flatten(1)
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return self.l5(x)  # 最后一层不加激活，损失函数里已经有 softmax


# %% 4. Training and test 训练与测试 --------------------
def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints and returns the mean loss of every 300 batches, a list.

    The video prints the sum of 300 losses divided by 2000: both numbers are shown.
    """
    losses = []
    running_loss = 0.0
    every = min(300, len(train_loader))  # a small data set has fewer batches
    model.train()  # training mode 训练模式
    for batch, (inputs, target) in enumerate(train_loader, start=1):
        inputs, target = inputs.to(device), target.to(device)
        optimizer.zero_grad()  # 梯度清零
        outputs = model(inputs)  # forward 前向
        loss = criterion(outputs, target)
        loss.backward()  # backward 反向
        optimizer.step()  # update 更新

        running_loss += loss.item()  # .item() 取出数值，不然计算图会越积越大
        if batch % every == 0:
            text = f"[{epoch + 1}, {batch:5d}] loss: {running_loss / every:.3f}"
            if every == 300:
                text += f" (video's scale, sum/2000: {running_loss / 2000:.3f})"
            print(text)
            losses.append(running_loss / every)
            running_loss = 0.0
    return losses


def test(model, device, test_loader):
    """Prints and returns the accuracy on the test set: (number right, number)."""
    correct = 0
    total = 0
    model.eval()  # test mode 测试模式
    with torch.no_grad():  # 测试不需要梯度，不构建计算图
        for inputs, target in test_loader:
            inputs, target = inputs.to(device), target.to(device)
            outputs = model(inputs)
            # 输出最大的那一类就是答案; the video: _, predicted = torch.max(outputs, dim=1)
            predicted = outputs.argmax(dim=1)
            correct += (predicted == target).sum().item()
            total += len(target)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")
    return correct, total


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(argv=None):
    """The video's program; returns the trained model."""
    # Without options: lr 0.01, epochs 10, batch size 64 不加选项就是视频里的值
    args = parse_args(argv)
    torch.manual_seed(args.seed)  # the same random numbers every time 结果可复现

    # 1. Dataset
    if args.otto:  # exercise 9-2 作业
        train_set, test_set = load_otto(args.otto)
    else:
        rows = explain_softmax()  # exercise 9-1 作业
        train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set = Subset(train_set, range(min(256, len(train_set))))
        test_set = Subset(test_set, range(min(256, len(test_set))))
    # 训练集每轮打乱；测试集不用打乱
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 64 in the video, same result

    # 2. Model
    device = args.device
    print(f"training on {device}")
    if args.otto:
        model = OttoNet().to(device)
    else:
        model = Net().to(device)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    # momentum 动量：本次更新 = 梯度下降一步 + 上次更新量的一半
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test
    losses = []
    accuracies = [test(model, device, test_loader)]  # untrained: about one in ten
    try:
        for epoch in range(args.epochs):
            loss = train(model, device, train_loader, criterion, optimizer, epoch)
            accuracy = test(model, device, test_loader)
            losses.append(loss)
            accuracies.append(accuracy)
    except KeyboardInterrupt:  # Ctrl-C: the finished epochs are kept 已训练完的轮会保留
        print(f"interrupted: {len(losses)} finished epochs are kept", file=sys.stderr)
    if not losses:  # interrupted in the first epoch
        return model

    # 5. Inference and plot
    if args.otto:
        finish_otto(model, losses, accuracies, train_loader, test_loader, args)
        return model
    rows += compare(losses, accuracies)
    print_table("slides 9-16 to 9-43", rows, args)
    digits = misread(model, device, test_loader)
    figure = draw(losses, accuracies, len(train_loader), digits, args)
    save_plot(figure, args)
    tell_divergence("softmax", losses)
    return model


# %% Exercise 9-1 作业：CrossEntropyLoss 做了什么 --------------------
# Slides 9-13 to 9-20, 9-35 and 9-44 count the classes from 1; PyTorch counts from 0:
# y = [1, 0, 0] is label 0. 幻灯片从 1 编号，PyTorch 从 0：y = [1, 0, 0] 的标签是 0
def cross_entropy(z, y):
    """By hand: mean of -log softmax(z)[label]; z (N, classes), y (N,), in numpy."""
    # 减去最大值，结果不变，exp 不会溢出 (the same quotient, no overflow)
    exp = np.exp(z - z.max(axis=1, keepdims=True))
    softmax = exp / exp.sum(axis=1, keepdims=True)
    return -np.log(softmax[range(len(y)), y]).mean()


def explain_softmax():
    """The numbers of slides 9-16 to 9-21, printed; returns their table rows."""
    z = np.array([0.2, 0.1, -0.1])
    p = np.exp(z) / np.exp(z).sum()
    loss = cross_entropy(z.reshape(1, 3), [0])
    ours = f"{p[0]:.2f}, {p[1]:.2f}, {p[2]:.2f}"
    rows = []
    rows.append(("softmax of 0.2, 0.1, -0.1", ours, "0.38, 0.34, 0.28"))
    rows.append(("its loss, y = [1, 0, 0]", f"{loss:.4f}", "0.9729 (computed)"))

    y = torch.tensor([2, 0, 1])
    first = torch.tensor([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    second = torch.tensor([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    print("Loss of a batch of 3    numpy   CrossEntropyLoss   LogSoftmax + NLLLoss")
    for name, z, video in (("batch 1", first, 0.4966), ("batch 2", second, 1.2389)):
        by_hand = cross_entropy(z.numpy(), y.numpy())
        in_one = torch.nn.CrossEntropyLoss()(z, y)
        log_softmax = torch.nn.LogSoftmax(dim=1)(z)
        in_two = torch.nn.NLLLoss()(log_softmax, y)
        print(f"    {name}{by_hand:18.4f}{in_one:9.4f}{in_two:19.4f}")
        rows.append((f"cross-entropy, {name}", f"{by_hand:.4f}", f"{video}"))
    return rows


# %% Exercise 9-2 作业：Otto 商品分类（Kaggle） --------------------
FEATURES = [f"feat_{i}" for i in range(1, 94)]
CLASSES = [f"Class_{i}" for i in range(1, 10)]


class OttoNet(Net):
    """The lecture's network with other ends: (N, 93) -> (N, 9)."""

    def __init__(self):
        super().__init__()  # the five layers of Net; two are replaced 换掉首尾两层
        self.l1 = torch.nn.Linear(93, 512)
        self.l5 = torch.nn.Linear(64, 9)


def otto_features(rows):
    """x (N, 93) of read_table's rows [line, id, feat_1 … feat_93, maybe target].

    Most counts are 0 and a few in the hundreds: log(1 + count) brings them to one
    scale. 多数为 0，少数上百，取对数后范围相近。
    """
    counts = []
    for row in rows:
        try:
            count = np.array(row[2:95], dtype=float)
        except ValueError as error:
            raise ValueError(f"line {row[0]}: {error} 不是数字") from None
        if not (count.min() >= 0 and count.max() < 1e9):  # nan is neither
            raise ValueError(f"line {row[0]}: a count below 0, or too large 计数不对")
        counts.append(count)
    return torch.log1p(torch.tensor(np.stack(counts), dtype=torch.float32))


def load_otto(file):
    """Kaggle's train.csv as data sets for training and, a fifth of it, for testing."""
    labels = []
    try:
        rows = read_table(file, ",", ["id"] + FEATURES + ["target"])
        x = otto_features(rows)
        for row in rows:
            if row[-1] not in CLASSES:
                raise ValueError(
                    f"line {row[0]}: {row[-1][:20]!r} is not Class_1 to Class_9"
                )
            labels.append(CLASSES.index(row[-1]))
        if len(rows) < 5:
            raise ValueError("fewer than 5 rows 行数太少")
    except UNREADABLE as error:
        advice = "--otto takes Kaggle's train.csv 需要 Kaggle 的 train.csv"
        sys.exit(f"cannot use {file.as_posix()}: {error}; {advice}")
    dataset = TensorDataset(x, torch.tensor(labels))
    fifth = len(dataset) // 5
    test_set, train_set = random_split(dataset, [fifth, len(dataset) - fifth])
    return train_set, test_set


def load_otto_test(file):
    """Kaggle's test.csv: (ids, x (N, 93))."""
    try:
        rows = read_table(file, ",", ["id"] + FEATURES, without="target")
        x = otto_features(rows)
    except UNREADABLE as error:
        advice = "--submit takes Kaggle's test.csv 需要 Kaggle 的 test.csv"
        sys.exit(f"cannot use {file.as_posix()}: {error}; {advice}")
    ids = [row[1] for row in rows]
    return ids, x


def log_loss(model, device, loader):
    """The mean cross-entropy, which is what Kaggle ranks by."""
    total = 0.0
    with torch.no_grad():
        for inputs, target in loader:
            outputs = model(inputs.to(device)).cpu()
            total += F.cross_entropy(outputs, target, reduction="sum").item()
    return total / len(loader.dataset)


def submit(model, args):
    """Write submission.csv: nine probabilities for each row of Kaggle's test.csv."""
    ids, x = args.submit
    with torch.no_grad():
        # 提交的是概率，所以这里要加 softmax
        p = model(x.to(args.device)).softmax(dim=1).cpu()
    if p.isnan().any():
        print(
            "no submission, the network answers nan 没有提交文件，请把 --lr 调小",
            file=sys.stderr,
        )
        return
    answers = []
    for number, row in zip(ids, p.tolist()):
        probabilities = [f"{value:.6f}" for value in row]
        answers.append([number] + probabilities)
    write_submission(["id"] + CLASSES, answers, args)


def finish_otto(model, losses, accuracies, train_loader, test_loader, args):
    """Table and plot of the held-out fifth, and the submission if it is wanted."""
    held_out = log_loss(model, args.device, test_loader)
    rows = accuracy_rows("otto", accuracies, video={})
    rows.append(("otto: held-out log loss", f"{held_out:.4f}", "not shown"))
    print_table("exercise 9-2", rows, args)
    if args.submit:
        submit(model, args)
    figure = draw_otto(losses, accuracies, len(train_loader))
    save_plot(figure, args)
    tell_divergence("otto", losses)


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 9-43: what it prints after batches 300, 600 and 900, and the accuracy in whole
# percent, both by epoch.
VIDEO_LOSSES = {
    1: [0.335, 0.154, 0.067],
    2: [0.048, 0.040, 0.035],
    9: [0.005, 0.006, 0.007],
    10: [0.005, 0.005, 0.005],
}
VIDEO_ACCURACY = {1: 90, 2: 93, 9: 97, 10: 97}
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000. That 9-43 does so too
# is our inference: 0.335 * 2000 / 300 = 2.23, close to log(10), an untrained network.
# 视频打印的是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300


def compare(losses, accuracies):
    """Table rows: the losses of the epochs that the video prints, all accuracies."""
    rows = []
    for epoch, printed in VIDEO_LOSSES.items():
        if epoch <= len(losses):
            ours = " ".join(f"{loss:.3f}" for loss in losses[epoch - 1])
            video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in printed)
            video += " (video x 2000/300)"
            rows.append((f"softmax epoch {epoch}: loss", ours, video))
    return rows + accuracy_rows("softmax", accuracies, VIDEO_ACCURACY)


def accuracy_rows(name, accuracies, video):
    """Table rows: the accuracy before the training and after each epoch."""
    rows = []
    for epoch, (correct, total) in enumerate(accuracies):
        when = "untrained"
        if epoch > 0:
            when = f"epoch {epoch}"
        ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
        shown = "not shown"
        if epoch in video:
            shown = f"{video[epoch]} %"
        rows.append((f"{name} {when}: accuracy", ours, shown))
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, predicted, label)]."""
    found = []
    model.eval()
    with torch.no_grad():
        for inputs, target in test_loader:
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
            for i in range(len(target)):
                if predicted[i] != target[i] and len(found) < 10:
                    found.append((inputs[i], predicted[i], target[i]))
    return found


def draw(losses, accuracies, batches, digits, args):
    """Loss and test accuracy beside the video's; below, misread digits.

    batches: how many an epoch has; digits: what misread() found.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1])
    left, right = top.subplots(1, 2)
    draw_curves(left, right, "softmax", losses, accuracies, batches)
    if not args.dry_run:
        for epoch, printed in VIDEO_LOSSES.items():
            places = [epoch - 1 + i * 300 / 938 for i in (1, 2, 3)]
            means = [loss * VIDEO_SCALE for loss in printed]
            label = None
            if epoch == 1:  # once in the legend
                label = "video × 2000/300"
            left.plot(places, means, "ko", ms=4, label=label)
        # The slide's percents are rounded down: 97 stands for 97.00 to 97.99.
        epochs = list(VIDEO_ACCURACY)
        percent = list(VIDEO_ACCURACY.values())
        label = "video: this percent, rounded down"
        right.bar(epochs, 1, 0.3, percent, color="black", alpha=0.4, label=label)
    left.legend()
    right.legend(loc="lower right")

    title = "Lecture 09 · Softmax classifier"
    figure.suptitle(f"{title} (below: digits that softmax reads wrongly)")
    for i, (image, predicted, label) in enumerate(digits, start=1):
        axes = bottom.add_subplot(1, 10, i, xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", fontsize=9)
    return figure


def draw_otto(losses, accuracies, batches):
    """Loss and accuracy on the held-out fifth; no slide shows any."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    draw_curves(left, right, "otto", losses, accuracies, batches)
    left.legend()
    right.legend(loc="lower right")
    figure.suptitle("Lecture 09 · Otto products, 9 classes")
    return figure


def draw_curves(left, right, name, losses, accuracies, batches):
    """This run's loss on the left and its accuracy on the right, over epochs."""
    every = min(300, batches)  # as in train()
    places = []
    means = []
    for epoch, loss in enumerate(losses):
        for i, mean in enumerate(loss, start=1):
            places.append(epoch + i * every / batches)
            means.append(mean)
    left.plot(places, means, ".-", ms=3, color="C0", label=f"this run: {name}")
    left.set(xlabel="Epoch", ylabel=f"Mean training loss of {every} batches")
    left.set_yscale("log")
    left.grid(alpha=0.3)

    percent = [100 * correct / total for correct, total in accuracies[1:]]
    epochs = range(1, len(percent) + 1)
    right.plot(epochs, percent, ".-", color="C1", label=f"this run: {name}")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    right.grid(alpha=0.3)


def tell_divergence(name, losses):
    """A line on standard error if the last loss grew out of bounds, or is nan."""
    if not losses or losses[-1][-1] < 10:  # untrained it is 2.3; nan < 10 is False
        return
    print(
        f"{name} diverged, loss {losses[-1][-1]:.3g}: try a smaller --lr",
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
    add("--epochs", type=int, default=10, metavar="N", help="训练轮数, default 10")
    add("--lr", type=float, default=0.01, metavar="X", help="学习率, default 0.01")
    add("--batch-size", type=int, default=64, metavar="N", help="批量大小, default 64")
    add("--seed", type=int, default=0, metavar="N", help="随机种子, default 0")
    device = "default cuda if it works, else cpu 有可用的显卡就用显卡"
    add("--device", metavar="NAME", help=device)
    folder = "数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    otto = "作业 9-2, default none: Kaggle's train.csv"
    add("--otto", type=Path, metavar="FILE", help=otto)
    submit = "default none: Kaggle's test.csv; writes submission.csv 生成提交文件"
    add("--submit", type=Path, metavar="FILE", help=submit)
    plot = "plots/lecture09_softmax_mnist.png"
    add("--plot", type=Path, default=plot, metavar="FILE", help=f"图片, default {plot}")
    add("--show", action="store_true", help="open the plot 训练后打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    args = parser.parse_args(argv)

    if args.epochs < 1:
        parser.error("--epochs must be 1 or more 轮数至少为 1")
    if not 0 < args.lr < 1e9:
        parser.error("--lr must be above 0, below 1e9 学习率必须大于 0、小于 1e9")
    if not 1 <= args.batch_size < 1e9:
        parser.error("--batch-size must be 1 or more, below 1e9 批量至少为 1、小于 1e9")
    if not 0 <= args.seed < 1e9:
        parser.error("--seed must be 0 to 999999999 随机种子应为 0 到 999999999")
    if args.submit and not args.otto:
        parser.error("--submit needs --otto train.csv, too 还需要 --otto train.csv")
    check_plot(parser, args)
    args.device = pick_device(parser, args.device)
    if args.submit:
        args.submit = load_otto_test(args.submit)  # read before the training
    if args.dry_run:
        args.epochs = 1
        print("dry run: a try of the script, its numbers are no result")
    return args


def pick_device(parser, name):
    """The device to train on: the named one, or cuda if it works, or the cpu."""
    if name is None and not torch.cuda.is_available():
        return "cpu"
    try:
        torch.zeros(1, device=name or "cuda").add(1).item()  # does it compute?
        return name or "cuda"
    except Exception as error:  # noqa: BLE001 torch raises five kinds
        reason = str(error).split("\n")[0]
    if name is None:
        print(
            f"cuda cannot be used ({reason}): cpu 显卡用不了，改用 CPU", file=sys.stderr
        )
        return "cpu"
    parser.error(f"--device {name}: {reason}; --device cpu works 请用 --device cpu")


ADVICE = (
    "unpack the ZIP again, or: git checkout -- data (or is --data-dir wrong?) "
    "请重新解压，或执行 git checkout -- data；用了 --data-dir 的请检查"
)
# MD5 of the unpacked files; those of the archives are in datasets.MNIST.resources.
UNPACKED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def check_mnist(data_dir):
    """Find MNIST and unpack it once, so that datasets.MNIST downloads nothing.

    One line, and the end, if a file is missing or damaged. The folder may be ours, or
    one that datasets.MNIST itself has filled.
    """
    raw = data_dir / "MNIST" / "raw"
    try:
        if all(check_integrity(raw / name, md5) for name, md5 in UNPACKED.items()):
            return
        for name, md5 in datasets.MNIST.resources:
            if not (raw / name).exists():
                sys.exit(f"no {name} in {raw.as_posix()}: {ADVICE}")
            if not check_integrity(raw / name, md5):
                sys.exit(f"{name} in {raw.as_posix()} is damaged: {ADVICE}")
        for name in UNPACKED:
            (raw / name).unlink(missing_ok=True)  # unpacked by halves
        datasets.MNIST(data_dir, download=True)  # unpacks the four archives
    except OSError as error:  # not allowed to read or write there, disk full
        reason = error.strerror or error
        sys.exit(f"cannot use MNIST in {raw.as_posix()}: {reason} 无法读取或解压")


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


if __name__ == "__main__":
    in_a_cell = sys.argv[-1].endswith(".json")  # the kernel's argument: no options
    model = main([] if in_a_cell else None)
