"""Lecture 11 · GoogLeNet, ResNet (第十一讲 卷积神经网络高级篇)

看到 main 结束就够了，那就是视频里的程序；后面是作业、选学和画图。反复出现的结构写成一个类，也就是“块”。
Inception 块用四个并行的分支处理同一个输入，再按通道拼接：各分支的高和宽必须一致，通道数可以不同。
残差块把输入加到卷积层的输出上：高、宽、通道数都必须一致；梯度可以绕过卷积层直接传回去，缓解梯度
消失。densenet 有批归一化，其余四个没有，准确率不能直接比较。

Read as far as the end of main: that is the lecture. Code that repeats becomes a class, a
block. An Inception block looks at its input through four branches and joins their
channels. A residual block adds its input to its output, then activates: the gradient has
a way around the layers, and vanishes less. densenet alone has batch normalisation.

    python lecture11_googlenet_resnet.py                    # the video 视频：两个网络
    python lecture11_googlenet_resnet.py --model resnet     # one of them 只要一个
    python lecture11_googlenet_resnet.py --model scaling    # 作业 11-1 (b)
    python lecture11_googlenet_resnet.py --model shortcut   # 作业 11-1 (e)
    python lecture11_googlenet_resnet.py --model densenet   # 作业 11-2
    python lecture11_googlenet_resnet.py --model all        # all five 五个都画在一起
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
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
class InceptionA(nn.Module):
    """Four branches side by side: (N, in_channels, H, W) -> (N, 88, H, W).

    不知道用多大的卷积核好，就几种都用上，由训练决定各分支的权重。
    """

    def __init__(self, in_channels):
        super().__init__()
        self.branch1x1 = nn.Conv2d(in_channels, 16, kernel_size=1)

        # 先用 1x1 卷积把通道数变成 16：幻灯片上是 192 -> 16，5x5 卷积的计算量小得多；
        # 这里输入只有 10 或 20 个通道，省不了多少 (with 10 it even costs more)
        self.branch5x5_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(16, 24, kernel_size=5, padding=2)

        self.branch3x3_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.branch3x3_3 = nn.Conv2d(24, 24, kernel_size=3, padding=1)

        self.branch_pool = nn.Conv2d(in_channels, 24, kernel_size=1)

    def forward(self, x):
        branch1x1 = self.branch1x1(x)

        branch5x5 = self.branch5x5_1(x)
        branch5x5 = self.branch5x5_2(branch5x5)

        branch3x3 = self.branch3x3_1(x)
        branch3x3 = self.branch3x3_2(branch3x3)
        # 幻灯片 11-19 漏了下面这行（11-23 有）：漏了也不报错，只是第三个卷积白写了
        branch3x3 = self.branch3x3_3(branch3x3)

        branch_pool = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        branch_pool = self.branch_pool(branch_pool)

        # dim=1: 沿通道拼接，各分支的高和宽必须一致，通道数可以不同
        return torch.cat([branch1x1, branch5x5, branch3x3, branch_pool], dim=1)


class GoogLeNet(nn.Module):
    """The video's Inception network: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self, block=InceptionA):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.incep1 = block(10)  # the video: InceptionA(in_channels=10)
        # 块输出 16 + 24 + 24 + 24 = 88 个通道，下一层就接 88 个
        self.conv2 = nn.Conv2d(88, 20, kernel_size=5)
        self.incep2 = block(20)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(1408, 10)  # 88 channels of 4 x 4
        # 让同一像素的各个通道在内存里相邻，CPU 上快一些，结果只差舍入误差。代价：forward 里要用
        # flatten(1)，视频的 x.view(in_size, -1) 会报错；删掉下面这行，两种写法都能用
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        x = F.relu(self.mp(self.conv1(x)))  # -> (N, 10, 12, 12)
        x = self.incep1(x)  # -> (N, 88, 12, 12)
        x = F.relu(self.mp(self.conv2(x)))  # -> (N, 20, 4, 4)
        x = self.incep2(x)  # -> (N, 88, 4, 4)
        x = x.flatten(1)  # -> (N, 1408); the video: x.view(in_size, -1)
        return self.fc(x)  # 最后一层不加激活，损失函数里已经有 softmax


class ResidualBlock(nn.Module):
    """relu(x + F(x)): (N, channels, H, W) -> the same shape.

    Why (slide 11-28): on CIFAR-10 a plain network of 56 layers is worse than one of 20,
    in training, too. 视频的解释：许多小于 1 的数连乘会趋于 0（梯度消失）；加上 x，导数里
    就多了一个 1。
    """

    def __init__(self, channels):
        super().__init__()
        # 要和 x 相加，高、宽、通道数都必须与 x 一致：通道数不变，padding=1
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(x + y)  # add first, then activate 先相加，再激活


class ResNet(nn.Module):
    """The video's residual network: (N, 1, 28, 28) -> (N, 10).

    试自己的残差块：仿照 ResidualBlock 写一个类 MyBlock，输出的形状与输入相同，再用 ResNet(MyBlock)。
    """

    def __init__(self, block=ResidualBlock):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.rblock1 = block(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.rblock2 = block(32)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(512, 10)  # 32 channels of 4 x 4
        self.to(memory_format=torch.channels_last)  # 见 GoogLeNet

    def forward(self, x):
        x = self.mp(F.relu(self.conv1(x)))  # -> (N, 16, 12, 12)
        x = self.rblock1(x)  # 形状不变
        x = self.mp(F.relu(self.conv2(x)))  # -> (N, 32, 4, 4)
        x = self.rblock2(x)
        x = x.flatten(1)  # -> (N, 512)
        return self.fc(x)


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
def run(name, train_loader, test_loader, device, args):
    """Steps 2 to 4 for one network; returns (model, losses, accuracies, stopped)."""
    # 2. Model 模型
    print(f"{name}:")
    torch.manual_seed(args.seed)  # 固定随机种子，结果可复现
    model = NETWORKS[name]()  # 字典里存的是类，加上括号才创建网络；视频：model = Net()
    model.to(device)  # 把网络的权重放到显卡（或 CPU）上

    # 3. Loss and optimizer 损失函数和优化器
    criterion = torch.nn.CrossEntropyLoss()
    # momentum 动量：本次更新 = 梯度下降一步 + 上次更新量的一半
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test 训练与测试
    losses = []  # of every epoch a list 每轮一个列表
    accuracies = []
    stopped = False
    try:
        accuracies.append(test(model, device, test_loader))  # 还没训练，大约对十分之一
        for epoch in range(args.epochs):
            loss = train(model, device, train_loader, criterion, optimizer, epoch)
            losses.append(loss)
            accuracies.append(test(model, device, test_loader))
            if not loss[-1] < 10:  # nan 也算：它和任何数比大小都是 False
                print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
                break
    except KeyboardInterrupt:  # Ctrl-C：不再训练，只显示训练完的轮
        print("interrupted: only finished epochs are shown 已中断，只显示训练完的轮")
        stopped = True
    return model, losses, accuracies, stopped


def main(args):
    """The data, run() for each network, table and plot; returns the last model."""
    # without options lr is 0.01, epochs 10, batch size 64 不加选项就是视频里的值
    # 1. Dataset 数据集
    train_set, test_set = load_mnist(args.data_dir, args.dry_run)
    # 训练集每轮打乱；测试集不用打乱
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 视频里是 64，结果相同

    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    print("training on", device)
    names = args.model  # googlenet, then resnet 依次训练
    if "all" in names:
        names = list(NETWORKS)
    runs = {}
    for name in names:
        model, losses, accuracies, stopped = run(
            name, train_loader, test_loader, device, args
        )
        runs[name] = (losses, accuracies)
        if stopped:  # Ctrl-C：后面的网络也不训练了
            break

    # 5. Inference and plot 推理与画图
    rows = explain_1x1() + compare(runs)
    print_table("slides 11-5 to 11-39", rows, args)
    digits = misread(model, device, test_loader)
    figure = draw(runs, len(train_loader), digits, args)
    # 每种选择各有一张图片：lecture11_googlenet_resnet, lecture11_all …
    save_plot(figure, "_".join(["lecture11"] + args.model), args)
    return model


# %% Exercise 11-1 作业：另外几种残差块 --------------------
# Slide 11-40 shows two blocks of He et al. 2016 (arXiv 1603.05027), who find both worse
# than the plain shortcut. Ten epochs on MNIST do not show it: 99.02 % with (e), 98.79 %
# without. 论文的结论：捷径上什么都不加（恒等映射）最好；在 MNIST 上只训练十轮看不出来。
class ScalingBlock(ResidualBlock):
    """Slide 11-40 (b), constant scaling: relu(0.5 x + 0.5 F(x))."""

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(0.5 * x + 0.5 * y)


class ShortcutBlock(ResidualBlock):
    """Slide 11-40 (e), convolution shortcut: relu(conv1x1(x) + F(x))."""

    def __init__(self, channels):
        super().__init__(channels)
        self.shortcut = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(self.shortcut(x) + y)


# %% Exercise 11-2 作业：DenseNet --------------------
class DenseBlock(nn.Module):
    """Each layer sees the outputs of all layers before it.

    (N, channels, H, W) -> (N, channels + layers * growth, H, W). Huang et al. 2016
    (arXiv 1608.06993). 不是相加，而是拼接：每一层都用到前面所有层的输出。
    """

    def __init__(self, channels, growth=12, layers=3):
        super().__init__()
        self.layers = nn.ModuleList()  # 放进普通列表的层不会被训练
        for _ in range(layers):
            layer = nn.Sequential(
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, growth, kernel_size=3, padding=1),
            )
            self.layers.append(layer)
            channels += growth

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)  # 每一层都使通道变多
        return x


class DenseNet(nn.Module):
    """Two dense blocks, a 1x1 convolution between: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.dense1 = DenseBlock(16)  # 16 + 3 * 12 = 52 channels
        self.transition = nn.Conv2d(52, 26, kernel_size=1)
        self.dense2 = DenseBlock(26)  # 26 + 3 * 12 = 62 channels
        self.fc = nn.Linear(558, 10)  # 62 channels of 3 x 3
        self.to(memory_format=torch.channels_last)  # 见 GoogLeNet

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # -> (N, 16, 12, 12)
        x = self.dense1(x)  # -> (N, 52, 12, 12)
        x = F.max_pool2d(self.transition(x), 2)  # -> (N, 26, 6, 6)
        x = self.dense2(x)  # -> (N, 62, 6, 6)
        x = F.max_pool2d(F.relu(x), 2)  # -> (N, 62, 3, 3)
        return self.fc(x.flatten(1))  # (N, 558) -> (N, 10)


# %% More 选学：加上自己的网络 --------------------
# 自己的网络在这里加一行，就可以用 --model 选它 (your own network: one more row)
NETWORKS = {
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    # lambda: 一个函数，调用时才创建网络 (called like a class, it makes the network)
    "scaling": lambda: ResNet(ScalingBlock),
    "shortcut": lambda: ResNet(ShortcutBlock),
    "densenet": DenseNet,
}


# %% More 选学：1x1 卷积的作用 --------------------
def explain_1x1():
    """Slides 11-5 to 11-13 by the layer itself, and by hand; returns table rows."""
    # 1x1 卷积把各个通道加权求和，这就是信息融合
    one = torch.arange(1.0, 10.0).view(3, 3)  # 1 2 3, 4 5 6, 7 8 9
    two = one.T  # 1 4 7, 2 5 8, 3 6 9
    three = one.flip(0, 1)  # 9 8 7, 6 5 4, 3 2 1
    image = torch.stack([one, two, three]).unsqueeze(0)  # (1, 3, 3, 3)
    weight = torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1)  # one kernel of 1x1
    fused = F.conv2d(image, weight)[0, 0]  # (3, 3)
    rows = []
    for i, video in enumerate(("2.6 3.8 5.0", "3.8 5.0 6.2", "5.0 6.2 7.4")):
        ours = " ".join(f"{value:.1f}" for value in fused[i])
        rows.append((f"1x1 over 3 channels, row {i + 1}", ours, video))
    # 先用 1x1 卷积把通道数降到 16，乘法只剩约十分之一 (slide 11-13)
    direct = 28 * 28 * (5 * 5 * 192 * 32)
    through_1x1 = 28 * 28 * (192 * 16 + 5 * 5 * 16 * 32)
    rows.append(("5x5, 192 to 32: multiplications", f"{direct:,}", "120,422,400"))
    rows.append(("1x1 to 16 first", f"{through_1x1:,}", "12,433,648 (slip)"))
    return rows


# %% Beside the video 与视频对照（可以不看） --------------------
# Slides 11-26 and 11-39: what they print after batches 300, 600 and 900, by epoch.
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000. No slide of lecture 11
# shows train(): that it does so, too, is our inference. 0.141 * 2000 / 300 = 0.94, and
# we get 0.99; a mean of 0.141 this early would be seven times better.
# 视频打印的是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300
VIDEO_LOSSES = {
    "googlenet": {
        1: [0.141, 0.031, 0.020],
        2: [0.015, 0.014, 0.012],
        9: [0.005, 0.005, 0.005],
        10: [0.005, 0.005, 0.005],
    },
    "resnet": {
        1: [0.074, 0.021, 0.017],
        2: [0.013, 0.011, 0.011],
        9: [0.003, 0.004, 0.004],
        10: [0.003, 0.003, 0.004],
    },
}
# Test accuracies in %, untrained and after epochs 1 to 10. Those of 3 to 8 stand only in
# the slides' plots: measured off them, to 0.02 (googlenet) and 0.01 (resnet).
# fmt: off
VIDEO_ACCURACY = {
    "googlenet": [9.82, 95.54, 97.93, 98.35, 98.43, 98.61, 98.80, 98.91, 98.84, 98.88, 98.66],
    "resnet": [9.16, 97.36, 98.31, 98.72, 98.72, 98.90, 98.79, 99.07, 98.96, 99.00, 99.01],
}
# fmt: on
# Colors that every eye can tell apart 色盲也能分清的颜色
COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"]


def compare(runs):
    """Table rows of each network: losses where the video prints them, all accuracies."""
    rows = []
    for name, (losses, accuracies) in runs.items():
        for epoch, printed in VIDEO_LOSSES.get(name, {}).items():
            if epoch <= len(losses):
                ours = " ".join(f"{loss:.3f}" for loss in losses[epoch - 1])
                video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in printed)
                video += " (video x 2000/300)"
                rows.append((f"{name} epoch {epoch}: loss", ours, video))
        for epoch, percent in enumerate(accuracies):
            when = f"epoch {epoch}"
            if epoch == 0:
                when = "untrained"
            video = "not shown"
            if name in VIDEO_ACCURACY and epoch <= 10:
                video = f"{VIDEO_ACCURACY[name][epoch]:.2f} %"
                if 3 <= epoch <= 8:
                    video = f"about {video}"
            rows.append((f"{name} {when}: accuracy", f"{percent:.2f} %", video))
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


def draw(runs, batches, digits, args):
    """Loss and test accuracy beside the video's; below, what misread() found."""
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1])
    left, right = top.subplots(1, 2)
    left.set_prop_cycle(color=COLORS)
    right.set_prop_cycle(color=COLORS)
    for name, (losses, accuracies) in runs.items():
        draw_curves(left, right, name, losses, accuracies, batches)
        if name in VIDEO_LOSSES and not args.dry_run:
            draw_video(left, right, name)
    left.legend()
    right.legend(loc="lower right")
    title = "Lecture 11 · Advanced CNN"
    figure.suptitle(f"{title} (below: digits that {name} reads wrongly)")
    draw_digits(bottom, digits)
    return figure


def draw_video(left, right, name):
    """The video's losses and accuracies of a network, in black."""
    marker = {"googlenet": "o", "resnet": "^"}[name]
    style = {"color": "black", "marker": marker, "ms": 4}
    for epoch, printed in VIDEO_LOSSES[name].items():
        means = [loss * VIDEO_SCALE for loss in printed]
        where = [epoch - 1 + i * 300 / 938 for i in (1, 2, 3)]
        left.plot(where, means, ls="none", **style)
    left.plot([], [], ls="none", label=f"video × 2000/300: {name}", **style)
    label = f"video: {name} (3 to 8: about)"
    right.plot(range(1, 11), VIDEO_ACCURACY[name][1:], lw=0.8, label=label, **style)


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
    names = [*NETWORKS, "all"]
    video = ["googlenet", "resnet"]
    networks = "networks 网络，可以写多个, default googlenet resnet"
    add("--model", nargs="+", choices=names, default=video, help=networks)
    plot = "picture 图片, default plots/lecture11_googlenet_resnet.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr, args.batch_size) <= 0:
        parser.error("--epochs, --lr, --batch-size must be above 0 必须大于 0")
    if args.dry_run:
        args.epochs = 1
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
