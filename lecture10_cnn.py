"""Lecture 10 · Basic CNN (第十讲 卷积神经网络基础篇)

看到 main 结束就够了，那就是视频里的程序；后面是作业、选学和画图。卷积核在图像上逐个位置滑动，保留了像素之间的
空间关系；全连接层先把图像展平，就丢掉了这种关系。两轮“卷积、池化、ReLU”提取特征，最后一个
全连接层分类。先打印的是幻灯片上的卷积例题。训练好的网络可以保存（--save），再读取（--load），
用来识别自己画的数字：--predict digit.png（白底黑字、黑底白字都可以）。

Read as far as the end of main: that is the lecture. A kernel slides over the image place
by place and keeps the neighbourhood of pixels that flattening loses. Two rounds of
convolution, max-pooling and ReLU extract features, one linear layer classifies. The
first lines printed are the slides' own examples of convolution.

    python lecture10_cnn.py                   # the video 视频
    python lecture10_cnn.py --model deep      # 作业 10-1: three rounds, 3 linear
    python lecture10_cnn.py --device cuda     # on the GPU 用显卡
    python lecture10_cnn.py --save cnn.pt     # 保存训练好的网络
    python lecture10_cnn.py --load cnn.pt --predict digit.png   # 识别自己画的数字
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
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
class Net(torch.nn.Module):
    """The video's network: (N, 1, 28, 28) -> (N, 10).

    PyTorch's order is (N, channels, height, width); slides 10-28 to 10-35 name the
    width first.
    """

    def __init__(self):
        super().__init__()
        # 卷积核的通道数 = 输入的通道数；卷积核的个数 = 输出的通道数
        self.conv1 = torch.nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = torch.nn.Conv2d(10, 20, kernel_size=5)
        # 池化没有权重，取 2×2 里的最大值：通道数不变，高和宽减半；AvgPool2d 取平均值
        self.pooling = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(320, 10)

    def forward(self, x):
        batch_size = x.size(0)
        # The slides' pictures draw ReLU before the pooling: the same numbers.
        # ReLU 和最大池化都是取最大值，先后可以交换
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 10, 24, 24) -> (N, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 20, 8, 8) -> (N, 20, 4, 4)
        # 展平成 20 × 4 × 4 = 320 个数（幻灯片 10-55 至 10-58 的注释 (n, 784) 是笔误）
        x = x.view(batch_size, -1)
        return self.fc(x)  # 最后一层不加激活，损失函数里已经有 softmax


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
    if args.load:
        return predict(args)  # 选学：读取保存的网络，识别自己画的数字
    if args.model != "basic":
        return exercise(args)  # 10-1 作业：更深的网络
    explain_convolution()  # slides 10-5 to 10-51 幻灯片上的卷积例题
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
    print_table("slide 10-63", compare(losses, accuracies), args)
    if args.save:
        save_model(model, args.save)  # 选学：保存训练好的网络
    digits = misread(model, device, test_loader)
    figure = draw(losses, accuracies, len(train_loader), digits, args)
    save_plot(figure, "lecture10_cnn", args)
    return model


# %% Exercise 10-1 作业：更深的 CNN --------------------
class DeepNet(torch.nn.Module):
    """Three convolutions, ReLUs and poolings, three linear layers: -> (N, 10).

    Slide 10-64 says three linear layers and draws two; here are three. As on the slide
    there is no ReLU between them: together they can do no more than one (lecture 4),
    though they learn along another path. 线性层之间没有激活，三层合起来只相当于一层。
    作业还要求试不同的配置并比较：改这里的通道数、卷积核、层数 (change them and compare).
    """

    def __init__(self):
        super().__init__()
        # 卷积核的边长取奇数，padding = (边长 - 1) / 2，高和宽就不变
        self.conv1 = torch.nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = torch.nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.conv3 = torch.nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.pooling = torch.nn.MaxPool2d(2)
        self.fc1 = torch.nn.Linear(576, 128)
        self.fc2 = torch.nn.Linear(128, 64)
        self.fc3 = torch.nn.Linear(64, 10)

    def forward(self, x):
        batch_size = x.size(0)
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 16, 14, 14)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 32, 7, 7)
        x = F.relu(self.pooling(self.conv3(x)))  # -> (N, 64, 3, 3)
        x = x.view(batch_size, -1)  # -> (N, 576)
        x = self.fc1(x)
        x = self.fc2(x)
        return self.fc3(x)  # -> (N, 10)


# 自己的网络加在这里，就可以用 --model 选它 (your own network: one more entry)
NETWORKS = {"basic": Net, "deep": DeepNet}


def exercise(args):
    """The video's program for another network; returns the trained model."""
    torch.manual_seed(args.seed)

    # 1. Dataset 数据集
    train_set, test_set = load_mnist(args.data_dir, args.dry_run)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)

    # 2. Model 模型
    model = NETWORKS[args.model]()  # 字典里存的是类，加上括号才创建网络
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
    print_table("slide 10-63, its network", compare(losses, accuracies), args)
    if args.save:
        save_model(model, args.save)
    digits = misread(model, device, test_loader)
    figure = draw(losses, accuracies, len(train_loader), digits, args)
    save_plot(figure, f"lecture10_cnn_{args.model}", args)
    return model


# %% More 选学：保存和读取网络，识别自己画的数字 --------------------
def save_model(model, file):
    """The trained weights into a file; one line if it cannot be written."""
    try:
        with open(file, "wb") as target:
            torch.save(model.state_dict(), target)
    except OSError as error:  # no such folder, not allowed there
        sys.exit(f"cannot write the network {file.as_posix()}: {error} 无法保存网络")


def load_model(model, file):
    """Read what --save wrote into a network of the same layers; or one line."""
    try:
        # weights_only: 只加载张量，不执行文件里的代码
        # map_location: 在显卡上保存的，只有 CPU 的电脑也能读
        state = torch.load(file, weights_only=True, map_location="cpu")
        model.load_state_dict(state)
    except Exception as error:  # noqa: BLE001 torch raises many kinds
        sys.exit(
            f"cannot use {file.as_posix()} ({type(error).__name__}): it must be from "
            "--save, with the same options 文件必须是用 --save 存下的，选项也要相同"
        )


def predict(args):
    """Load a saved network; the three likeliest digits of each picture; draw them."""
    model = NETWORKS[args.model]()
    load_model(model, args.load)
    seen = []
    model.eval()
    for file in args.predict:
        try:
            x = read_digit(file)
        except (OSError, ValueError) as error:
            sys.exit(f"cannot read {file.as_posix()}: {error} 读不了这张图片")
        with torch.no_grad():
            p = model(x).softmax(dim=1)[0]  # 十个概率
        likeliest = p.argsort(descending=True)[:3]
        text = [f"{i} ({100 * p[i]:.1f} %)" for i in likeliest.tolist()]
        print(f"{file.as_posix()}:", ", ".join(text))
        if p.max() < 0.6:
            print("    The network is not sure. 网络没有把握")
        seen.append((x[0], text[0]))
    figure = plt.figure(figsize=(10, 2), layout="constrained")
    figure.suptitle("Lecture 10 · what the network saw of your digits, and read")
    draw_digits(figure, seen)
    save_plot(figure, "lecture10_cnn_predict", args)
    return model


# A network reads what looks like its training set, and it answers whatever it is shown.
# 网络只认得和训练集相似的图，所以先把自己画的图处理成 MNIST 的样子，再交给网络；不是数字的图，它也会猜一个。
def read_digit(file):
    """A picture of one digit on plain paper -> (1, 1, 28, 28), as MNIST has them."""
    with Image.open(file) as picture:
        picture = ImageOps.exif_transpose(picture).convert("RGBA")  # 手机拍的要转正
    paper = Image.new("RGBA", picture.size, "white")  # 透明的地方当作白纸
    gray = Image.alpha_composite(paper, picture).convert("L")
    gray.thumbnail((400, 400))  # 大图缩小
    gray = ImageOps.crop(gray, min(gray.size) // 50)  # 四边各裁掉一点边框
    ink = torch.tensor(np.array(gray, dtype=np.float32)).view(1, 1, gray.height, -1)

    # MNIST 是黑底白字；大部分地方偏亮，就是白底黑字，要反过来
    if ink.median() > (ink.min() + ink.max()) / 2:
        ink = 255 - ink
    # Paper is 0, also where a photo is darker: 分成 8 行 8 列，每块里最暗的就是那里的纸
    paper = -F.adaptive_max_pool2d(-ink, 8)
    ink = ink - F.interpolate(paper, ink.shape[2:], mode="bilinear")
    if ink.max() < 25:
        raise ValueError(
            "nothing is drawn there, or too faintly 图上没有数字，或笔迹太淡"
        )
    ink = ink / ink.max()
    ink = ink * (ink > 0.4)

    # 裁出数字；笔画太细就加粗: max-pooling adds a pixel on every side
    rows = ink[0, 0].sum(dim=1).nonzero()
    columns = ink[0, 0].sum(dim=0).nonzero()
    ink = ink[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    while stroke_width(ink) < 0.1 * max(ink.shape):
        ink = F.max_pool2d(F.pad(ink, (2, 2, 2, 2)), 3, stride=1)

    # 等比例缩放，较长的边为 20 像素；重心放在 28×28 的正中
    scale = 20 / max(ink.shape)
    height = max(1, round(scale * ink.shape[2]))
    width = max(1, round(scale * ink.shape[3]))
    ink = F.interpolate(ink, (height, width), mode="bilinear", antialias=True)
    ink = ink / ink.max()
    top = 14 - middle(ink.sum(dim=(0, 1, 3)))
    left = 14 - middle(ink.sum(dim=(0, 1, 2)))
    ink = F.pad(ink, (left, 28 - left - width, top, 28 - top - height))
    return (ink - 0.1307) / 0.3081  # 和训练时一样归一化


def stroke_width(ink):
    """About how many pixels wide the strokes are: twice their area by their outline."""
    area = (ink > 0.5).float()
    inner = -F.max_pool2d(-F.pad(area, (1, 1, 1, 1)), 3, stride=1)  # ink all around
    return 2 * area.sum() / (area.sum() - inner.sum())


def middle(weights):
    """Where the centre of mass lies: the mean place, weighted."""
    places = torch.arange(len(weights))
    return round(((weights * places).sum() / weights.sum()).item())


# %% More 选学：幻灯片上的卷积例题 --------------------
def explain_convolution():
    """The examples of slides 10-5 to 10-51, computed by PyTorch itself."""
    conv = torch.nn.Conv2d(5, 10, kernel_size=3)  # slide 10-35
    out = conv(torch.zeros(1, 5, 100, 100))
    print("Conv2d(5, 10, 3) on (1, 5, 100, 100):", tuple(out.shape), end=", ")
    print("weight", tuple(conv.weight.shape))

    image = [
        [3.0, 4.0, 6.0, 5.0, 7.0],
        [2.0, 4.0, 6.0, 8.0, 2.0],
        [1.0, 6.0, 7.0, 8.0, 4.0],
        [9.0, 7.0, 4.0, 6.0, 2.0],
        [3.0, 7.0, 5.0, 4.0, 1.0],
    ]
    x = torch.tensor(image).view(1, 1, 5, 5)
    kernel = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    # slides 10-15 (no padding), 10-40 (padding), 10-49 (stride), 10-51 (pooling)
    print_rows("5x5 image, kernel 1 to 9, no padding", F.conv2d(x, kernel))
    print_rows("5x5 image, kernel 1 to 9, padding 1", F.conv2d(x, kernel, padding=1))
    print_rows("5x5 image, kernel 1 to 9, stride 2", F.conv2d(x, kernel, stride=2))
    print_rows("max-pooling 2x2 of its top left 4x4", F.max_pool2d(x[..., :4, :4], 2))
    # Slides 10-16 to 10-26: a kernel of three channels gives one, their sum.
    # 三个通道各自卷积，再相加，得到一个通道
    backwards = kernel.flip(2, 3)  # 9 8 7, 6 5 4, 3 2 1
    transposed = kernel.transpose(2, 3)  # 1 4 7, 2 5 8, 3 6 9
    kernels = torch.cat([kernel, backwards, transposed], dim=1)  # (1, 3, 3, 3)
    title = "three input channels, the image in each: kernel 1 to 9, 9 to 1, transposed"
    print_rows(title, F.conv2d(x.expand(1, 3, 5, 5), kernels))


def print_rows(title, tensor):
    """A (1, 1, height, width) tensor as rows of whole numbers."""
    print(title)
    for row in tensor[0, 0].tolist():
        print("   ", " ".join(f"{value:4.0f}" for value in row))


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 10-63 prints these losses after batches 300, 600 and 900, and these accuracies
# in %, by epoch (0: untrained).
VIDEO_LOSSES = {
    1: [0.098, 0.035, 0.025],
    2: [0.021, 0.017, 0.015],
    9: [0.006, 0.006, 0.007],
    10: [0.006, 0.006, 0.006],
}
VIDEO_ACCURACY = {0: 6.37, 1: 96.05, 2: 97.09, 9: 98.57, 10: 98.69}
# The plot on that slide is of another run: its accuracies after epochs 1 to 10 in %,
# measured off it by drawing it anew until both agree, to 0.01.
VIDEO_CURVE = [97.07, 97.77, 98.23, 98.49, 98.55, 98.68, 98.56, 98.53, 98.87, 98.98]
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000.
# 视频打印的是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300


def compare(losses, accuracies):
    """Table rows: losses and accuracy of the epochs that the slide shows."""
    rows = [("untrained: accuracy", f"{accuracies[0]:.2f} %", f"{VIDEO_ACCURACY[0]} %")]
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


def draw(losses, accuracies, batches, digits, args):
    """Loss and test accuracy beside the video's; below, what misread() found.

    losses: a list for each epoch; batches: how many an epoch has.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    figure.suptitle("Lecture 10 · Basic CNN (below: digits that it reads wrongly)")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 1])
    left, right = top.subplots(1, 2)
    every = min(300, batches)  # as in train()
    places = []
    means = []
    for epoch, loss in enumerate(losses):
        for i, mean in enumerate(loss, start=1):
            places.append(epoch + i * every / batches)
            means.append(mean)
    left.plot(places, means, ".-", ms=3, label=f"this run: {args.model}")
    left.set(xlabel="Epoch", ylabel=f"Mean training loss of {every} batches")
    left.set(yscale="log")
    left.grid(alpha=0.3)
    epochs = range(1, len(accuracies))  # accuracies[0]: 训练前
    right.plot(epochs, accuracies[1:], ".-", label=f"this run: {args.model}")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    right.grid(alpha=0.3)
    if not args.dry_run:
        draw_video(left, right)
    left.legend()
    right.legend(loc="lower right")
    draw_digits(bottom, digits)
    return figure


def draw_video(left, right):
    """The losses and accuracies of slide 10-63, in black."""
    places = []
    means = []
    for epoch, printed in VIDEO_LOSSES.items():
        for i, loss in enumerate(printed, start=1):
            places.append(epoch - 1 + i * 300 / 938)
            means.append(loss * VIDEO_SCALE)
    left.plot(places, means, "ko", ms=4, label="video × 2000/300")
    epochs = [1, 2, 9, 10]
    percent = [VIDEO_ACCURACY[epoch] for epoch in epochs]
    right.plot(epochs, percent, "ko", ms=4, label="video: printed")
    label = "video: its plot, another run (about)"
    right.plot(range(1, 11), VIDEO_CURVE, "k-", lw=0.8, label=label)


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
    model = "network 网络（作业 10-1）, default basic"
    add("--model", choices=NETWORKS, default="basic", help=model)
    save = "save the trained network 保存训练好的网络"
    add("--save", type=Path, metavar="FILE", help=save)
    saved = "take this network, no training 读取网络，不再训练"
    add("--load", type=Path, metavar="FILE", help=saved)
    pictures = "read these pictures with --load 识别自己画的数字"
    add("--predict", type=Path, nargs="+", metavar="PICTURE", help=pictures)
    plot = "picture 图片, default plots/lecture10_cnn.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr, args.batch_size) <= 0:
        parser.error("--epochs, --lr, --batch-size must be above 0 必须大于 0")
    if bool(args.load) != bool(args.predict):
        parser.error("--load cnn.pt and --predict PICTURE go together 要一起用")
    if args.dry_run:
        args.epochs = 1
        args.save = None  # 试运行不保存网络
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
