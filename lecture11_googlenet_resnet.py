"""Lecture 11 · GoogLeNet, ResNet (第十一讲 卷积神经网络高级篇)

Two ideas for deeper networks, each a block: code that repeats becomes a class. An
Inception block looks at its input (N, C, H, W) through four branches and joins their
channels. A residual block adds its input to its output, then activates: the gradient
has a way around the layers and vanishes less in a product of numbers below one.

反复出现的结构写成一个类，也就是“块”。Inception 块用四个并行的分支处理同一个输入，再按通道
拼接：各分支的高和宽必须一致，通道数可以不同。残差块把输入加到卷积层的输出上：高、宽、通道数都
必须一致；梯度可以绕过卷积层直接传回去，缓解梯度消失。作业 11-1 是另外两种残差块（scaling 和
shortcut），作业 11-2 是 DenseNet。

    python lecture11_googlenet_resnet.py                    # the video 视频：两个网络
    python lecture11_googlenet_resnet.py --model resnet     # one of them 只要一个
    python lecture11_googlenet_resnet.py --model scaling    # 作业 11-1 (b)
    python lecture11_googlenet_resnet.py --model shortcut   # 作业 11-1 (e)
    python lecture11_googlenet_resnet.py --model densenet   # 作业 11-2
    python lecture11_googlenet_resnet.py --model preact resnet   # on one plot 画在一起
    python lecture11_googlenet_resnet.py --model all        # all six 六个都画在一起

preact is the residual block that its authors themselves propose. It and densenet have
batch normalisation, the other four have none: compare with care.
preact 和 densenet 有批归一化，其余四个没有，准确率不能直接比较。
"""

import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from torch.utils.flop_counter import FlopCounterMode
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
        self.out_channels = 16 + 24 + 24 + 24  # 88: the next layer asks for it

    def forward(self, x):
        branch1x1 = self.branch1x1(x)

        branch5x5 = self.branch5x5_1(x)
        branch5x5 = self.branch5x5_2(branch5x5)

        branch3x3 = self.branch3x3_1(x)
        branch3x3 = self.branch3x3_2(branch3x3)
        branch3x3 = self.branch3x3_3(branch3x3)

        branch_pool = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        branch_pool = self.branch_pool(branch_pool)

        # dim=1: 沿通道拼接，各分支的高和宽必须一致，通道数可以不同
        return torch.cat([branch1x1, branch5x5, branch3x3, branch_pool], dim=1)


class GoogLeNet(nn.Module):
    """The video's Inception network: (N, 1, 28, 28) -> (N, 10).

    A block of your own fits, too: GoogLeNet(block=MyBlock). MyBlock(in_channels) has to
    keep height and width, and to set self.out_channels to the channels that it returns.
    """

    def __init__(self, block=InceptionA):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.incep1 = block(10)
        # 块输出多少通道，下一层就接多少通道; the video writes 88
        self.conv2 = nn.Conv2d(self.incep1.out_channels, 20, kernel_size=5)
        self.incep2 = block(20)
        self.mp = nn.MaxPool2d(2)
        # 88 channels of 4 x 4 are 1408 numbers; the video writes 1408
        self.fc = nn.Linear(self.incep2.out_channels * 4 * 4, 10)

    def forward(self, x):
        x = F.relu(self.mp(self.conv1(x)))  # -> (N, 10, 12, 12)
        x = self.incep1(x)  # -> (N, 88, 12, 12)
        x = F.relu(self.mp(self.conv2(x)))  # -> (N, 20, 4, 4)
        x = self.incep2(x)  # -> (N, 88, 4, 4)
        x = x.flatten(1)  # -> (N, 1408); the video: x.view(…, -1)
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
        self.out_channels = channels  # so that it fits into GoogLeNet, too

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(x + y)  # add first, then activate 先相加，再激活


class ResNet(nn.Module):
    """The video's residual network: (N, 1, 28, 28) -> (N, 10).

    A block of your own fits, too: ResNet(block=MyBlock). MyBlock(channels) has to keep
    channels, height and width. 自己的残差块：照 ResidualBlock 写一个类，输出的形状与输入
    相同；再照下面的 scaling_net 写一个函数，加进 NETWORKS，就可以用 --model 选它。
    """

    def __init__(self, block=ResidualBlock):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.rblock1 = block(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.rblock2 = block(32)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(32 * 4 * 4, 10)  # 512: 32 channels of 4 x 4

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
    """The video's program, one network after the other; returns the last one trained."""
    # Without options: lr 0.01, epochs 10, batch size 64 不加选项就是视频里的值
    args = parse_args(argv)
    rows = explain_1x1()  # slides 11-5 to 11-13

    # 1. Dataset
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set = Subset(train_set, range(min(256, len(train_set))))
        test_set = Subset(test_set, range(min(256, len(test_set))))
    # 训练集每轮打乱；测试集不用打乱
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 64 in the video, same result

    device = args.device
    print(f"training on {device}")
    losses = {}
    accuracies = {}
    model = None
    try:
        for name in args.model:  # googlenet, then resnet 依次训练
            # 2. Model
            torch.manual_seed(args.seed)  # each begins with the same seed 结果可复现
            model = NETWORKS[name]()  # 字典里存的是类或函数，加上括号才创建网络
            print_size(name, model)
            model = model.to(device)
            if device == "cpu":
                # 让同一像素的各个通道在内存里相邻: 1.25 to 1.65 times as fast on a cpu.
                # A network of yours needs x.flatten(1) then, not x.view(batch_size, -1).
                # 不写这一行，结果只差舍入误差，但慢一些
                model = model.to(memory_format=torch.channels_last)

            # 3. Loss and optimizer
            criterion = torch.nn.CrossEntropyLoss()
            # momentum 动量：本次更新 = 梯度下降一步 + 上次更新量的一半
            optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

            # 4. Training and test
            losses[name] = []
            accuracies[name] = []
            untrained = test(model, device, test_loader)  # about one in ten
            accuracies[name].append(untrained)
            for epoch in range(args.epochs):
                loss = train(model, device, train_loader, criterion, optimizer, epoch)
                accuracy = test(model, device, test_loader)
                losses[name].append(loss)
                accuracies[name].append(accuracy)
    except KeyboardInterrupt:  # Ctrl-C: the finished epochs are kept 已训练完的轮会保留
        finished = 0
        for numbers in losses.values():
            finished += len(numbers)
        print(f"interrupted: {finished} finished epochs are kept", file=sys.stderr)
        if finished == 0:
            return model

    # 5. Inference and plot
    rows += compare(losses, accuracies)
    print_table("slides 11-5 to 11-39", rows, args)
    digits = misread(model, device, test_loader)
    figure = draw(losses, accuracies, len(train_loader), name, digits, args)
    save_plot(figure, args)
    for trained, numbers in losses.items():
        tell_divergence(trained, numbers)
    return model


# %% Exercise 11-1 作业：另外几种残差块 --------------------
# Slide 11-40 shows two blocks of He et al. 2016 (arXiv 1603.05027), who find both worse
# than the plain shortcut. 论文的结论：捷径上什么都不加（恒等映射）最好。
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


class PreActBlock(ResidualBlock):
    """x + F(x) with normalisation and ReLU before each convolution.

    The paper's own answer (full pre-activation, its figure 4e; on no slide): nothing
    stands on the shortcut, not even a ReLU, so that the input passes unchanged.
    Unlike the lecture's networks it has batch normalisation: compare with care.
    它有批量归一化，视频里的网络没有，准确率不能直接比较。
    """

    def __init__(self, channels):
        super().__init__(channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return x + y


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
        self.out_channels = channels

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
        self.transition = nn.Conv2d(self.dense1.out_channels, 26, kernel_size=1)
        self.dense2 = DenseBlock(26)  # 26 + 3 * 12 = 62 channels
        self.fc = nn.Linear(self.dense2.out_channels * 3 * 3, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # -> (N, 16, 12, 12)
        x = self.dense1(x)  # -> (N, 52, 12, 12)
        x = F.max_pool2d(self.transition(x), 2)  # -> (N, 26, 6, 6)
        x = self.dense2(x)  # -> (N, 62, 6, 6)
        x = F.max_pool2d(F.relu(x), 2)  # -> (N, 62, 3, 3)
        return self.fc(x.flatten(1))  # (N, 558) -> (N, 10)


# %% The networks 所有网络（在这里加上自己的） --------------------
def scaling_net():
    return ResNet(block=ScalingBlock)


def shortcut_net():
    return ResNet(block=ShortcutBlock)


def preact_net():
    return ResNet(block=PreActBlock)


NETWORKS = {
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    "scaling": scaling_net,
    "shortcut": shortcut_net,
    "preact": preact_net,
    "densenet": DenseNet,
}


# %% What a 1x1 convolution does 1x1 卷积的作用 --------------------
def explain_1x1():
    """Slides 11-5 to 11-13 by the layers themselves; returns table rows."""
    # 1x1 卷积把各个通道加权求和，这就是信息融合
    one = torch.arange(1.0, 10.0).view(3, 3)  # 1 2 3, 4 5 6, 7 8 9
    two = one.T  # 1 4 7, 2 5 8, 3 6 9
    three = one.flip(0, 1)  # 9 8 7, 6 5 4, 3 2 1
    image = torch.stack([one, two, three]).unsqueeze(0)  # (1, 3, 3, 3)
    weight = torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1)  # one kernel of 1x1
    fused = F.conv2d(image, weight)[0, 0]  # (3, 3)
    rows = []
    for i in range(3):
        ours = " ".join(f"{value:.1f}" for value in fused[i])
        video = " ".join(f"{value:.1f}" for value in VIDEO_FUSED[i])
        rows.append((f"1x1 over 3 channels, row {i + 1}", ours, video))

    # 先用 1x1 卷积把通道数降到 16，乘法只剩约十分之一 (slide 11-13)
    x = torch.zeros(1, 192, 28, 28)
    direct = nn.Conv2d(192, 32, kernel_size=5, padding=2)
    through_1x1 = nn.Sequential(
        nn.Conv2d(192, 16, kernel_size=1),
        nn.Conv2d(16, 32, kernel_size=5, padding=2),
    )
    many = f"{multiplications(direct, x):,}"
    few = f"{multiplications(through_1x1, x):,}"
    print("The slide's second number is a slip: 28*28*(192*16 + 5*5*16*32) is", few)
    video = f"{VIDEO_DIRECT:,}"
    rows.append(("5x5, 192 to 32: multiplications", many, video))
    video = f"{VIDEO_THROUGH_1X1:,} (slip)"
    rows.append(("1x1 to 16 first", few, video))
    return rows


def multiplications(model, x):
    """Multiplications of all convolutions and linear layers of model(x)."""
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops() // 2  # with an addition each 一次乘法配一次加法


def print_size(name, model):
    """How many numbers a network learns, and how much work one image is."""
    size = sum(p.numel() for p in model.parameters())
    model.eval()
    work = multiplications(model, torch.zeros(1, 1, 28, 28))
    print(f"{name}: {size:,} parameters, {work:,} multiplications per image")


# %% Beside the video 与视频对照（可以不看） --------------------
# Slides 11-5 to 11-11: what a 1x1 convolution makes of three channels.
VIDEO_FUSED = [[2.6, 3.8, 5.0], [3.8, 5.0, 6.2], [5.0, 6.2, 7.4]]
# Slide 11-13: multiplications. The second is a slip, 12,443,648 is right.
VIDEO_DIRECT = 120_422_400
VIDEO_THROUGH_1X1 = 12_433_648
# Slides 11-26 and 11-39: what they print after batches 300, 600 and 900, by epoch.
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
# The test images of 10,000 that they print as read rightly, by epoch (0: untrained).
VIDEO_CORRECT = {
    "googlenet": {0: 982, 1: 9554, 2: 9793, 9: 9888, 10: 9866},
    "resnet": {0: 916, 1: 9736, 2: 9831, 9: 9900, 10: 9901},
}
# The accuracies of epochs 3 to 8, in %, stand only in the slides' plots: measured off
# them by drawing them anew until both agree, to 0.02 (googlenet) and 0.01 (resnet).
VIDEO_CURVE = {
    "googlenet": {3: 98.35, 4: 98.43, 5: 98.61, 6: 98.80, 7: 98.91, 8: 98.84},
    "resnet": {3: 98.72, 4: 98.72, 5: 98.90, 6: 98.79, 7: 99.07, 8: 98.96},
}
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000. No slide of lecture 11
# shows train(): that it does so, too, is our inference. 0.141 * 2000 / 300 = 0.94, and
# we get 0.99; a mean of 0.141 this early would be seven times better.
# 视频打印的是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300


def compare(losses, accuracies):
    """Table rows of each network: losses where the video prints them, all accuracies."""
    rows = []
    for name, of_epochs in losses.items():
        for epoch, printed in VIDEO_LOSSES.get(name, {}).items():
            if epoch <= len(of_epochs):
                ours = " ".join(f"{loss:.3f}" for loss in of_epochs[epoch - 1])
                video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in printed)
                video += " (video x 2000/300)"
                rows.append((f"{name} epoch {epoch}: loss", ours, video))
        for epoch, (correct, total) in enumerate(accuracies[name]):
            when = "untrained"
            if epoch > 0:
                when = f"epoch {epoch}"
            ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
            video = video_accuracy(name, epoch)
            rows.append((f"{name} {when}: accuracy", ours, video))
    return rows


def video_accuracy(name, epoch):
    """The video's accuracy, as the table shows it."""
    if epoch in VIDEO_CORRECT.get(name, {}):
        return f"{VIDEO_CORRECT[name][epoch] / 100:.2f} %"
    if epoch in VIDEO_CURVE.get(name, {}):
        return f"about {VIDEO_CURVE[name][epoch]:.2f} %"
    return "not shown"


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


# Colours that colour-blind readers tell apart; those that come near each other for them
# have other lines, and each network has its own mark. The video's marks have the same
# form and are black; a network of your own is grey.
STYLES = {
    "googlenet": {"color": "#0072B2", "marker": "o"},
    "resnet": {"color": "#E69F00", "marker": "^"},
    "scaling": {"color": "#009E73", "marker": "s", "linestyle": "--"},
    "shortcut": {"color": "#CC79A7", "marker": "D"},
    "preact": {"color": "#56B4E9", "marker": "v"},
    "densenet": {"color": "#D55E00", "marker": "P", "linestyle": "--"},
}
OTHER_STYLE = {"color": "gray", "marker": "X"}


def draw(losses, accuracies, batches, last, digits, args):
    """Losses, test accuracies, how each network ends, and misread digits.

    batches: how many an epoch has; digits: what misread() found of the network `last`.
    """
    rows = len(losses)
    heights = [4.5, 0.8 + 0.35 * rows, 1.3]
    figure = plt.figure(figsize=(10, sum(heights)), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=heights)
    left, right = top.subplots(1, 2)
    draw_losses(left, losses, batches, args)
    draw_accuracies(right, accuracies, args)
    draw_ends(middle.subplots(), accuracies, args)

    title = "Lecture 11 · Advanced CNN"
    figure.suptitle(f"{title} (below: digits that {last} reads wrongly)")
    for i, (image, predicted, label) in enumerate(digits, start=1):
        axes = bottom.add_subplot(1, 10, i, xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", fontsize=9)
    return figure


def draw_losses(axes, losses, batches, args):
    """The mean losses that train() returned, and the video's on their scale."""
    every = min(300, batches)  # as in train()
    for name, of_epochs in losses.items():
        places = []
        means = []
        for epoch, loss in enumerate(of_epochs):
            for i, mean in enumerate(loss, start=1):
                places.append(epoch + i * every / batches)
                means.append(mean)
        style = STYLES.get(name, OTHER_STYLE)
        axes.plot(places, means, ms=3, lw=1, label=f"this run: {name}", **style)
    for name in with_video(losses, args):
        places = []
        means = []
        for epoch, printed in VIDEO_LOSSES[name].items():
            for i, loss in enumerate(printed, start=1):
                places.append(epoch - 1 + i * 300 / 938)
                means.append(loss * VIDEO_SCALE)
        marker = STYLES[name]["marker"]
        label = f"video × 2000/300: {name}"
        axes.plot(places, means, marker, color="black", ms=5, label=label)
    axes.set(xlabel="Epoch", ylabel=f"Mean training loss of {every} batches")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend()


def draw_accuracies(axes, accuracies, args):
    """Test accuracy by epoch; hollow marks were measured off the video's plot."""
    for name in accuracies:
        percents = in_percent(accuracies[name])
        epochs = range(1, len(percents) + 1)
        style = STYLES.get(name, OTHER_STYLE)
        axes.plot(epochs, percents, ms=4, label=f"this run: {name}", **style)
    for name in with_video(accuracies, args):
        marker = STYLES[name]["marker"]
        style = {"color": "black", "marker": marker, "ms": 5}
        label = f"video: {name} (hollow: about)"
        axes.plot(range(1, 11), video_percents(name), lw=0.8, label=label, **style)
        curve = VIDEO_CURVE[name]
        axes.plot(curve.keys(), curve.values(), ls="none", mfc="white", **style)
    axes.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def draw_ends(axes, accuracies, args):
    """A row for each network: its accuracy after the last epoch and after its best."""
    names = list(accuracies)
    for row, name in enumerate(names):
        percents = in_percent(accuracies[name])
        style = STYLES.get(name, OTHER_STYLE)
        draw_end(axes, row, percents, style["marker"], style["color"])
    note = "mark: last epoch, bar: best epoch"
    for name in with_video(accuracies, args):
        row = names.index(name) + 0.35
        draw_end(axes, row, video_percents(name), STYLES[name]["marker"], "black")
        note = "mark: last epoch, bar: best epoch; black: video, its bars are about"
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.2, -0.5)  # the first network on top
    axes.set_xlabel(f"Test accuracy (%); {note}")
    axes.grid(alpha=0.3)


def draw_end(axes, row, percents, marker, color):
    """The last and the best of the percents, and a line between."""
    if percents:
        last = percents[-1]
        best = max(percents)
        axes.plot([last, best], [row, row], lw=1, color=color)
        axes.plot(last, row, marker, ms=7, color=color)
        axes.plot(best, row, "|", ms=12, mew=2, color=color)


def in_percent(accuracies):
    """What test() returned after each epoch, in %, without the untrained network."""
    return [100 * correct / total for correct, total in accuracies[1:]]


def with_video(names, args):
    """Those of the networks that the video shows; in a dry run, none."""
    if args.dry_run:
        return []
    return [name for name in names if name in VIDEO_CORRECT]


def video_percents(name):
    """The video's accuracies of epochs 1 to 10, in %."""
    percents = []
    for epoch in range(1, 11):
        if epoch in VIDEO_CORRECT[name]:
            percents.append(VIDEO_CORRECT[name][epoch] / 100)
        else:
            percents.append(VIDEO_CURVE[name][epoch])
    return percents


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
    names = [*NETWORKS, "all"]
    add(
        "--model",
        nargs="+",
        choices=names,
        default=["googlenet", "resnet"],
        metavar="NAME",
        help=f"网络，可以写多个: {', '.join(names)}, default googlenet resnet",
    )
    plot = "plots/lecture11_googlenet_resnet.png"
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
    if "all" in args.model:
        args.model = list(NETWORKS)
    check_plot(parser, args)
    args.device = pick_device(parser, args.device)
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
