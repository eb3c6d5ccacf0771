"""Lecture 09 · Softmax classifier (第九讲 多分类问题)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。十个输出互相竞争：softmax 把它们变成正数且
总和为 1（概率），再用交叉熵与标签比较。MNIST 的图像 (N, 1, 28, 28) 先展平成 784 个数，再经过
五个全连接层，层间用 ReLU。最后一层不加激活，因为 CrossEntropyLoss 里已经有 softmax。最先打印的
几行是作业 9-1（交叉熵的计算）。与视频不同：图像在读入时就归一化好；训练前先测试一次；有显卡就用显卡。

Read as far as the end of main: that is the lecture. Ten outputs compete: softmax makes
them positive and lets them sum to one, and cross-entropy compares them with the label.
The images are flattened to 784 numbers and go through five linear layers with ReLU
between. The first lines printed are exercise 9-1. Unlike the video: images are
normalised once, there is a test before the training, and a GPU is used if there is one.

    python lecture09_softmax_mnist.py                    # the video 视频
    python lecture09_softmax_mnist.py --otto train.csv   # 作业 9-2, Kaggle's file
    python lecture09_softmax_mnist.py --otto train.csv --submit test.csv
"""

import argparse
import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchvision import datasets


# %% 1. Dataset 数据集 --------------------
def load_mnist(data_dir, dry_run=False):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video's lines, datasets.MNIST("data", …, transform=transform), work on this
    folder, too. They transform every image again in every epoch; here it happens once,
    for the same numbers. 视频的写法也能用，不联网也行；它每轮都重新变换每张图，这里只做一次，数值相同，省时间。
    """
    if not Path(data_dir, "MNIST").is_dir():  # or else a download would begin
        sys.exit(f"no MNIST in {data_dir.as_posix()} 找不到 MNIST: {ADVICE}")
    sets = []
    try:
        for is_train in (True, False):  # 先训练集，后测试集
            # It only unpacks the archives 压缩包完好时只解压，不联网
            mnist = datasets.MNIST(data_dir, train=is_train, download=True)
            if dry_run:  # 试运行只要前 256 张
                mnist.data = mnist.data[:256]
                mnist.targets = mnist.targets[:256]
            # ToTensor：加上通道维 (N, 28, 28) -> (N, 1, 28, 28)，0…255 变成 0…1
            images = mnist.data.unsqueeze(1) / 255
            images = (images - 0.1307) / 0.3081  # Normalize: 均值 0，标准差 1
            sets.append(TensorDataset(images, mnist.targets))
    except (OSError, RuntimeError, ValueError) as error:  # missing, damaged, read-only
        reason = str(error).partition("\n")[0]
        sys.exit(f"cannot use MNIST in {data_dir.as_posix()} ({reason}): {ADVICE}")
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
        x = x.view(-1, 784)  # 每张图展平成一行: (N, 1, 28, 28) -> (N, 784)
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return self.l5(x)  # 最后一层不加激活，损失函数里已经有 softmax


# %% 4. Training and test 训练与测试 --------------------
def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints and returns the mean loss of every 300 batches, a list.

    Slides 10-59 and 10-60 print the sum of 300 losses divided by 2000: both are shown.
    幻灯片 10-59、10-60 打印的是 300 个损失之和除以 2000，这里两个数都打印。
    """
    losses = []
    running_loss = 0.0
    every = min(300, len(train_loader))  # 数据少时，一轮不到 300 批
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
    """Prints and returns the accuracy on the test set in percent."""
    correct = 0
    total = 0
    model.eval()  # test mode 测试模式
    with torch.no_grad():  # 测试不需要梯度，不构建计算图
        for inputs, target in test_loader:
            inputs, target = inputs.to(device), target.to(device)
            outputs = model(inputs)
            # 输出最大的那一类就是预测结果；视频：_, predicted = torch.max(outputs, dim=1)
            predicted = outputs.argmax(dim=1)
            correct += (predicted == target).sum().item()
            total += len(target)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")
    return 100 * correct / total


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the trained model."""
    # without options lr is 0.01, epochs 10, batch size 64 不加选项就是视频里的值
    if args.otto:
        return otto(args)  # 9-2 作业
    explain_softmax()  # 9-1 作业
    torch.manual_seed(args.seed)  # 固定随机种子，结果可复现

    # 1. Dataset 数据集
    train_set, test_set = load_mnist(args.data_dir, args.dry_run)
    # 训练集每轮打乱；测试集不用打乱
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 视频里是 64，结果相同

    # 2. Model 模型
    model = Net()
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    print("training on", device)
    model.to(device)  # 把网络的权重放到显卡（或 CPU）上

    # 3. Loss and optimizer 损失函数和优化器
    criterion = torch.nn.CrossEntropyLoss()
    # momentum 动量：本次更新 = 梯度下降一步 + 上次更新量的一半
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test 训练与测试
    losses = []  # of every epoch a list 每轮一个列表
    accuracies = [test(model, device, test_loader)]  # 还没训练，大约对十分之一
    for epoch in range(args.epochs):
        loss = train(model, device, train_loader, criterion, optimizer, epoch)
        losses.append(loss)
        accuracies.append(test(model, device, test_loader))
        if not loss[-1] < 10:  # nan 也算：它和任何数比大小都是 False
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    print_table("slide 9-43", compare(losses, accuracies), args)
    digits = misread(model, device, test_loader)
    figure = draw(losses, accuracies, len(train_loader), digits, args)
    save_plot(figure, "lecture09_softmax_mnist", args)
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
    """The numbers of slides 9-16 to 9-21, by hand and by PyTorch."""
    z = np.array([[0.2, 0.1, -0.1]])
    p = np.exp(z) / np.exp(z).sum()
    print("softmax of 0.2, 0.1, -0.1:", p[0].round(2), "(slide 9-16: 0.38, 0.34, 0.28)")
    print(f"its loss, y = [1, 0, 0]: {cross_entropy(z, [0]):.4f}")

    y = torch.tensor([2, 0, 1])
    first = torch.tensor([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    second = torch.tensor([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    print(
        "Loss of a batch of 3    numpy   CrossEntropyLoss   LogSoftmax + NLLLoss   9-21"
    )
    for name, z, video in (("batch 1", first, 0.4966), ("batch 2", second, 1.2389)):
        by_hand = cross_entropy(z.numpy(), y.numpy())
        in_one = torch.nn.CrossEntropyLoss()(z, y)
        log_softmax = torch.nn.LogSoftmax(dim=1)(z)
        in_two = torch.nn.NLLLoss()(log_softmax, y)
        print(f"    {name}{by_hand:18.4f}{in_one:9.4f}{in_two:19.4f}{video:17}")


# %% Exercise 9-2 作业：Otto 商品分类（Kaggle） --------------------
FEATURES = [f"feat_{i}" for i in range(1, 94)]
CLASSES = [f"Class_{i}" for i in range(1, 10)]


class OttoNet(torch.nn.Module):
    """The lecture's network with other ends, x is flat already: (N, 93) -> (N, 9)."""

    def __init__(self):
        super().__init__()
        self.l1 = torch.nn.Linear(93, 512)
        self.l2 = torch.nn.Linear(512, 256)
        self.l3 = torch.nn.Linear(256, 128)
        self.l4 = torch.nn.Linear(128, 64)
        self.l5 = torch.nn.Linear(64, 9)

    def forward(self, x):
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return self.l5(x)


def otto(args):
    """The lecture's program for Kaggle's products; returns the trained model."""
    torch.manual_seed(args.seed)

    # 1. Dataset 数据集：留出五分之一作测试 (a fifth is held out)
    _, x, y = read_otto(args.otto, with_labels=True)
    if args.dry_run:
        x = x[:256]
        y = y[:256]
    if args.submit:  # 训练前先读，文件有问题能马上发现
        ids, x_submit, _ = read_otto(args.submit, with_labels=False)
    fifth = len(x) // 5
    dataset = TensorDataset(x, y)
    test_set, train_set = random_split(dataset, [fifth, len(x) - fifth])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)

    # 2. Model 模型
    model = OttoNet()
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    print("training on", device)
    model.to(device)

    # 3. Loss and optimizer 损失函数和优化器
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test 训练与测试
    losses = []
    accuracies = [test(model, device, test_loader)]
    for epoch in range(args.epochs):
        loss = train(model, device, train_loader, criterion, optimizer, epoch)
        losses.append(loss)
        accuracies.append(test(model, device, test_loader))
        if not loss[-1] < 10:
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    inputs, target = dataset[test_set.indices]
    with torch.no_grad():
        # Kaggle ranks by this number 排名用的就是它: the mean cross-entropy
        log_loss = criterion(model(inputs.to(device)), target.to(device)).item()
    rows = [("held-out accuracy", f"{accuracies[-1]:.2f} %", "-")]
    rows.append(("held-out log loss", f"{log_loss:.4f}", "-"))
    print_table("exercise 9-2", rows, args)
    if args.submit:
        with torch.no_grad():
            # 提交的是概率，所以这里要加 softmax
            p = model(x_submit.to(device)).softmax(dim=1)
        answers = []
        for number, row in zip(ids, p.tolist()):
            answers.append([number] + [f"{value:.6f}" for value in row])
        write_submission(["id"] + CLASSES, answers)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    draw_curves(left, right, "otto", losses, accuracies, len(train_loader))
    figure.suptitle("Lecture 09 · Otto products, 9 classes")
    save_plot(figure, "lecture09_softmax_mnist_otto", args)
    return model


def read_otto(file, with_labels):
    """Kaggle's train.csv or test.csv: ids, x (N, 93), labels (none in test.csv).

    Most counts are 0 and a few in the hundreds: log(1 + count) brings them to one
    scale. 特征是计数，多数为 0，少数上百；取 log(1 + 计数)，范围就相近了。
    """
    ids = []
    counts = []
    labels = []
    line = 1
    try:
        with open(file, encoding="utf-8-sig", newline="") as text:
            for line, row in enumerate(csv.DictReader(text), start=2):
                ids.append(row["id"])
                numbers = [float(row[name]) for name in FEATURES]
                counts.append(np.array(numbers, dtype=np.float32))
                if with_labels:
                    labels.append(CLASSES.index(row["target"]))
        x = torch.log1p(torch.tensor(np.stack(counts)))
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        sys.exit(
            f"cannot use {file.as_posix()}, line {line}: {type(error).__name__} {error}; "
            "it takes Kaggle's train.csv, and --submit test.csv: unpack a zip; a "
            "spreadsheet must save CSV UTF-8 需要 Kaggle 的 train.csv 和 test.csv：压缩包"
            "请先解压；用 Excel 存过的，请另存为“CSV UTF-8（逗号分隔）”"
        )
    return ids, x, torch.tensor(labels)


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
# 我们推断，9-43 打印的也是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300


def compare(losses, accuracies):
    """Table rows: losses and accuracy of the epochs that the slide shows."""
    rows = []
    for epoch, printed in VIDEO_LOSSES.items():
        if epoch <= len(losses):
            ours = " ".join(f"{loss:.3f}" for loss in losses[epoch - 1])
            video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in printed)
            rows.append((f"epoch {epoch}: loss", ours, f"{video} (video x 2000/300)"))
            ours = f"{accuracies[epoch]:.2f} %"
            video = f"{VIDEO_ACCURACY[epoch]} %"
            rows.append((f"epoch {epoch}: accuracy", ours, video))
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, "5, not 6")]."""
    found = []
    model.eval()
    with torch.no_grad():
        for inputs, target in test_loader:
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
            for i in (predicted != target).nonzero().flatten():
                found.append((inputs[i], f"{predicted[i]}, not {target[i]}"))
    return found[:10]


def draw_curves(left, right, name, losses, accuracies, batches):
    """A run's mean losses on the left and its test accuracy on the right, by epoch.

    losses: a list for each epoch; batches: how many an epoch has.
    """
    every = min(300, batches)  # as in train()
    places = []
    means = []
    for epoch, loss in enumerate(losses):
        for i, mean in enumerate(loss, start=1):
            places.append(epoch + i * every / batches)
            means.append(mean)
    left.plot(places, means, ".-", ms=3, label=f"this run: {name}")
    left.set(xlabel="Epoch", ylabel=f"Mean training loss of {every} batches")
    left.set(yscale="log")
    left.grid(alpha=0.3)
    epochs = range(1, len(accuracies))  # accuracies[0]: 训练前
    right.plot(epochs, accuracies[1:], ".-", label=f"this run: {name}")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    right.grid(alpha=0.3)


def draw(losses, accuracies, batches, digits, args):
    """Loss and test accuracy beside the video's; below, what misread() found."""
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    figure.suptitle(
        "Lecture 09 · Softmax classifier (below: digits that it reads wrongly)"
    )
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1])
    left, right = top.subplots(1, 2)
    draw_curves(left, right, "softmax", losses, accuracies, batches)
    if not args.dry_run:
        draw_video(left, right)
    left.legend()
    right.legend(loc="lower right")
    draw_digits(bottom, digits)
    return figure


def draw_video(left, right):
    """The losses and accuracies of slide 9-43, in black and grey."""
    places = []
    means = []
    for epoch, printed in VIDEO_LOSSES.items():
        for i, loss in enumerate(printed, start=1):
            places.append(epoch - 1 + i * 300 / 938)
            means.append(loss * VIDEO_SCALE)
    left.plot(places, means, "ko", ms=4, label="video × 2000/300")
    # The slide's percents are rounded down: 97 stands for 97.00 to 97.99.
    epochs = list(VIDEO_ACCURACY)
    percent = list(VIDEO_ACCURACY.values())
    label = "video: this percent, rounded down"
    right.bar(epochs, 1, 0.3, percent, color="black", alpha=0.4, label=label)


def draw_digits(figure, digits):
    """A row of digits, each under its text: [(image (1, 28, 28), text)], at most ten."""
    for i, (image, text) in enumerate(digits[:10], start=1):
        axes = figure.add_subplot(1, 10, i, xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(text, fontsize=9)


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
    add("--epochs", type=int, default=10, help="training epochs 训练轮数, default 10")
    add("--lr", type=float, default=0.01, help="learning rate 学习率, default 0.01")
    add("--batch-size", type=int, default=64, help="batch size 批量大小, default 64")
    add("--seed", type=int, default=0, help="random seed 随机种子, default 0")
    device = "where to compute 在哪里计算, default cuda if torch finds one, else cpu"
    add("--device", choices=["cpu", "cuda", "mps", "xpu"], help=device)
    folder = "data folder 数据文件夹, default data beside the script"
    add("--data-dir", type=Path, default=DATA, metavar="DIR", help=folder)
    add("--otto", type=Path, metavar="FILE", help="作业 9-2: Kaggle's train.csv")
    submission = "Kaggle's test.csv: writes submission.csv 生成提交文件"
    add("--submit", type=Path, metavar="FILE", help=submission)
    plot = "picture 图片, default plots/lecture09_softmax_mnist.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr, args.batch_size) <= 0:
        parser.error("--epochs, --lr, --batch-size must be above 0 必须大于 0")
    if args.submit and not args.otto:
        parser.error("--submit needs --otto train.csv 还需要 --otto train.csv")
    if args.dry_run:
        args.epochs = 1
        args.submit = None  # 试运行不生成提交文件
        print("dry run: it only shows that the script works 试运行，结果不作数")
    if not args.show and "IPython" not in sys.modules:
        plt.switch_backend("agg")  # no window is needed 不开窗口
    return args


ADVICE = (  # where MNIST cannot be read
    "name this project's folder data with --data-dir; if it is damaged, delete MNIST in "
    "it and unpack the ZIP again 请用 --data-dir 指明 data 文件夹；文件损坏时，请删除其中的 "
    "MNIST，再重新解压下载的 ZIP"
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
