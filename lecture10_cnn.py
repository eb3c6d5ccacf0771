"""Lecture 10 · Basic CNN (第十讲 卷积神经网络基础篇)

A picture from a camera is a raster of pixels (栅格; a vector picture, 矢量, is not),
a colour picture has three channels: red, green, blue. A kernel slides over it patch
by patch and keeps the neighbourhood of pixels that flattening loses. Two rounds of
convolution, max-pooling and ReLU extract features, one linear layer classifies:
(N, 1, 28, 28) -> (N, 10, 12, 12) -> (N, 20, 4, 4) -> (N, 320) -> (N, 10).

卷积核在图像上逐块滑动，保留了像素之间的空间关系；全连接层先把图像展平，就丢掉了这种关系。
两轮“卷积、池化、ReLU”提取特征，最后一个全连接层分类。先打印的是幻灯片上的卷积例题。
作业 10-1 是更深的网络：--model deep。训练好的网络可以保存（--save）、读取（--load），
还能识别自己画的数字：--predict digit.png（白纸黑字、黑底白字都可以）。

    python lecture10_cnn.py                   # the video 视频
    python lecture10_cnn.py --model deep      # 作业 10-1: three rounds, 3 linear
    python lecture10_cnn.py --model basic deep   # both on one plot 两个画在一起
    python lecture10_cnn.py --device cuda     # on the GPU 用显卡
    python lecture10_cnn.py --save cnn.pt     # 保存训练好的网络
    python lecture10_cnn.py --load cnn.pt --predict digit.png   # 识别自己画的数字

Before the training PyTorch computes the slides' own examples of convolution.
"""

import argparse
import math
import struct
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Subset, TensorDataset
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
        # The slides' pictures draw ReLU before the pooling: the same numbers.
        # ReLU 和最大池化都是取最大值，先后可以交换
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 10, 24, 24) -> (N, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 20, 8, 8) -> (N, 20, 4, 4)
        # 展平成 20 × 4 × 4 = 320 个数（幻灯片 10-55 至 10-58 的注释 (n, 784) 是笔误）
        # The video: x.view(batch_size, -1). Why that raises here on a cpu: channels_last,
        # in main 在本文件里用 CPU 会报错，原因见 main 里的 channels_last
        x = x.flatten(1)
        return self.fc(x)  # 最后一层不加激活，损失函数里已经有 softmax


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
    """The video's program; returns the trained model (of several, the last)."""
    # Without options: lr 0.01, epochs 10, batch size 64 不加选项就是视频里的值
    args = parse_args(argv)
    explain_convolution()  # slides 10-5 to 10-51

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
        for name in args.model:  # only "basic", unless --model says otherwise
            # 2. Model
            print_layers(name)
            torch.manual_seed(args.seed)  # the same numbers every time 结果可复现
            # the video: Net() 字典里存的是类，加上括号才创建网络
            model = NETWORKS[name]()
            model.to(device)  # 把网络的权重放到显卡（或 CPU）上
            if args.load:  # 读取保存过的网络；parse_args 把 epochs 设成 0，不再训练
                # In your own program 自己的程序里:
                # model.load_state_dict(torch.load("cnn.pt", weights_only=True))
                load_model(model, args.load, device)
            if device == "cpu":
                # 让同一像素的各个通道在内存里相邻: 1.25 to 1.65 times as fast on a cpu.
                # A network of yours needs x.flatten(1) then, not x.view(batch_size, -1).
                # 不写这一行，结果只差舍入误差，但慢一些
                model.to(memory_format=torch.channels_last)

            # 3. Loss and optimizer
            criterion = torch.nn.CrossEntropyLoss()
            # momentum 动量：本次更新 = 梯度下降一步 + 上次更新量的一半
            optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

            # 4. Training and test
            losses[name] = []
            accuracies[name] = []
            # about one in ten is right (with --load: all but a few) 训练前约一成正确
            untrained = test(model, device, test_loader)
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
    if args.save and losses[name]:
        model.to(memory_format=torch.contiguous_format)  # PyTorch's usual order again
        # In your own program 自己的程序里: torch.save(model.state_dict(), "cnn.pt")
        save_model(model.state_dict(), args.save)

    # 5. Inference and plot
    rows = compare(losses, accuracies, args)
    print_table("slide 10-63", rows, args)
    seen = predict_digits(model, device, args.predict)
    digits = misread(model, device, test_loader)
    if args.load:
        figure = draw_digits(seen, digits)
    else:
        figure = draw(losses, accuracies, len(train_loader), name, digits, seen, args)
    save_plot(figure, args)
    for trained, numbers in losses.items():
        tell_divergence(trained, numbers)
    return model


# %% Exercise 10-1 作业：更深的 CNN --------------------
class DeepNet(torch.nn.Module):
    """Three convolutions, ReLUs and poolings, three linear layers: -> (N, 10).

    Slide 10-64 says three linear layers and draws two; here are three. As on the slide
    there is no ReLU between them: together they can do no more than one (lecture 4),
    though they learn along another path. 线性层之间没有激活，三层合起来只相当于一层。
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
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 16, 14, 14)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 32, 7, 7)
        x = F.relu(self.pooling(self.conv3(x)))  # -> (N, 64, 3, 3)
        x = x.flatten(1)  # -> (N, 576)
        x = self.fc1(x)
        x = self.fc2(x)
        return self.fc3(x)  # -> (N, 10)


NETWORKS = {"basic": Net, "deep": DeepNet}


# %% Exercise 作业：保存和读取训练好的网络 --------------------
def save_model(state, file):
    """Write a state_dict; a file that was there stays until the new one is whole."""
    for tensor in state.values():
        if not tensor.isfinite().all():
            print(
                "no network saved, it holds nan: a smaller --lr 没有保存，请把 --lr 调小",
                file=sys.stderr,
            )
            return
    new = file.with_name(f"new-{file.name}")
    try:
        torch.save(state, new)
        new.replace(file)
    except (OSError, RuntimeError) as error:  # not allowed there, disk full
        reason = str(error).split("\n")[0]
        sys.exit(f"cannot write --save {file.as_posix()}: {reason} 无法写入")
    print("network saved to", file.as_posix())


def load_model(model, file, device):
    """Read a state_dict into a network of the same layers."""
    try:
        # weights_only: 只加载张量，不执行文件里的代码
        # map_location: 在显卡上保存的，只有 CPU 的电脑也能读
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about files of other kinds
            state = torch.load(file, weights_only=True, map_location=device)
        model.load_state_dict(state)
    except FileNotFoundError:
        sys.exit(f"no file {file.as_posix()}: make it with --save 请先用 --save 保存")
    except OSError as error:  # not allowed to read it, a folder
        reason = error.strerror or error
        sys.exit(f"cannot read {file.as_posix()}: {reason} 无法读取")
    except Exception:  # noqa: BLE001 another kind for every kind of wrong file
        sys.exit(
            f"cannot use {file.as_posix()}: it is not from --save, or from other options "
            "文件不是 --save 存下的，或者保存时的选项不同"
        )
    print("network loaded from", file.as_posix())


# %% Exercise 作业：识别自己画的数字 --------------------
# A network reads what looks like its training set, and nothing else. MNIST's digits are
# bright on black, 20 pixels long, with their centre of mass in the middle of 28×28. In
# a program of your own take the imports, read_digit() to middle(), and write
#
#     model.eval()
#     x, how = read_digit("digit.png")
#     p = model(x).softmax(dim=1)[0]
#     print(p.argmax().item(), p.max().item())
#
# 网络只认得和训练集相似的图，所以先把自己画的图处理成 MNIST 的样子，再交给网络。
def read_digit(file):
    """A picture of one digit -> (x (1, 1, 28, 28), how it was prepared).

    Dark on bright or bright on dark, of any size, anywhere on the paper. Raises
    ValueError in words if there is no single digit on plain paper.
    """
    gray = open_gray(file)  # (1, H, W): 0 black … 255 white
    ink, how = find_ink(gray)  # 裁出来的数字 (1, h, w): 0 paper … 1 ink

    # 笔画太细就加粗: max-pooling with stride 1 adds a pixel on every side
    if is_thin(ink):
        how += ", thickened"
    while is_thin(ink):
        ink = F.max_pool2d(F.pad(ink, (2, 2, 2, 2)), 3, stride=1)

    # 等比例缩放，较长的一边为 20
    scale = 20 / max(ink.shape)
    height = max(1, round(scale * ink.shape[1]))
    width = max(1, round(scale * ink.shape[2]))
    ink = ink.unsqueeze(0)  # (1, 1, h, w)
    ink = F.interpolate(ink, (height, width), mode="bilinear", antialias=True)
    ink = ink / ink.max()

    # 重心放在 28×28 的正中
    top = 14 - round(middle(ink.sum(dim=(0, 1, 3))))
    left = 14 - round(middle(ink.sum(dim=(0, 1, 2))))
    ink = F.pad(ink, (left, 28 - left - width, top, 28 - top - height))

    x = (ink - 0.1307) / 0.3081  # 和训练时一样归一化
    return x, f"{how}, cut out, scaled to 20, centred in 28"


NO_PAPER = (
    "no digit on plain paper: a photo? cut it so that there is only paper around it "
    "找不到白纸上的数字，请把图片裁剪到只剩数字和周围的纸"
)


def open_gray(file):
    """The picture in grey, (1, H, W), at most 1000 pixels long: 0 black … 255 white."""
    large = "too large, make it smaller 图片太大，请先缩小"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about odd files
            with Image.open(file) as picture:
                picture.draft("L", (2000, 2000))  # a large JPEG is read smaller
                if picture.width * picture.height > 5e7:
                    raise ValueError(large)
                picture = ImageOps.exif_transpose(picture)  # 手机拍的图可能要转正
                gray = to_gray(picture)
    except FileNotFoundError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(large) from None
    except OSError as error:
        if error.strerror:  # not allowed to read it, a folder
            raise ValueError(f"{error.strerror} 无法读取") from None
        raise ValueError(
            "no PNG or JPEG picture, or a damaged one 打不开，请转成 PNG 或 JPG"
        ) from None
    except (
        RuntimeError,
        SyntaxError,
        EOFError,
        TypeError,
        LookupError,
        struct.error,
        zlib.error,
    ):
        # what Pillow raises, too, where a file is damaged
        raise ValueError("a damaged picture 图片已损坏") from None
    gray = torch.from_numpy(gray).unsqueeze(0)
    step = math.ceil(max(gray.shape) / 1000)
    return F.avg_pool2d(gray, step, ceil_mode=True)


def to_gray(picture):
    """A Pillow image of any kind -> float32 (H, W): 0 black … 255 white."""
    if picture.mode.startswith(("I", "F")):  # 16 bits: any range of numbers
        gray = np.array(picture, dtype=np.float32)
        if not np.isfinite(gray).all():
            raise ValueError("a damaged picture 图片已损坏")
        return 255 * (gray - gray.min()) / max(gray.max() - gray.min(), 1)
    picture = picture.convert("RGBA")
    gray = np.array(picture.convert("L"), dtype=np.float32)
    alpha = np.array(picture.getchannel("A"), dtype=np.float32) / 255
    paper = 255  # 透明的地方当作纸
    if alpha.mean() > 0.5:  # most is not transparent: that is paper
        paper = np.median(gray[alpha > 0.5])
    elif (alpha * gray).sum() > 127 * alpha.sum():
        paper = 0  # bright ink
    return alpha * gray + (1 - alpha) * np.float32(paper)


def find_ink(gray):
    """The digit's ink, cut out: ((1, h, w), 0 paper … 1 ink; how it was found)."""
    difference = gray - paper_of(gray)
    smooth = F.avg_pool2d(difference, 3, stride=1, padding=1, count_include_pad=False)
    # The paper's own noise, its deviation if it is normal: 30 % lie within 0.385 of it.
    noise = smooth.abs().quantile(0.3).item() / 0.385
    dark = contrast(-smooth, noise)
    bright = contrast(smooth, noise)
    if noise > max(10, 0.12 * max(dark, bright)):  # paper is even, a photo is not
        raise ValueError(NO_PAPER)
    sides = [
        (dark, -1, "dark on bright: inverted"),  # MNIST 里背景是 0，笔迹是 255
        (bright, 1, "bright on dark"),
    ]
    sides.sort(reverse=True)  # first what stands out more
    reason = "nothing is drawn there, or too faintly 图上没有数字，或笔迹太淡"
    for level, sign, how in sides:
        if level < max(20, 0.3 * sides[0][0]):
            break
        try:
            return cut_out(sign * difference, sign * smooth, level), how
        except ValueError as error:
            if level == sides[0][0]:
                reason = error
    raise ValueError(reason)


def paper_of(gray):
    """How bright the paper is, everywhere, (1, H, W): a photo is darker at its edges.

    Lecture 5's linear model with six features, 1, x, y, x², xy and y². It begins with
    the picture's border; ink, which does not fit, counts less and less.
    纸面各处的亮度用二次曲面拟合：与纸面相差大的点（笔迹）权重越来越小。
    """
    small = F.adaptive_avg_pool2d(gray, 40)[0]
    border = torch.cat([small[0], small[-1], small[:, 0], small[:, -1]])
    target = small.reshape(-1, 1)
    inputs = surface(40, 40)
    error = target - border.median()
    for scale in (40, 40, 30, 30, 20, 20, 10, 10, 10, 10, 10, 10):
        weight = (1 / (1 + (error / scale) ** 2)).sqrt()
        w = torch.linalg.lstsq(weight * inputs, weight * target).solution
        error = target - inputs @ w
    return (surface(gray.shape[1], gray.shape[2]) @ w).view_as(gray)


def surface(height, width):
    """1, x, y, x², xy and y² of every pixel: (height * width, 6)."""
    y = torch.linspace(-1, 1, height).repeat_interleave(width)
    x = torch.linspace(-1, 1, width).repeat(height)
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], dim=1)


def contrast(ink, noise):
    """How far the ink stands out from the paper; 0 if there is none."""
    strong = ink[ink > max(5 * noise, 10)]
    if len(strong) == 0:
        return 0.0
    return strong.quantile(0.9).item()


def cut_out(ink, smooth, level):
    """The ink of the one digit, (1, h, w), 0 to 1, or ValueError in words."""
    mask = smooth > 0.4 * level
    if mask.float().mean() > 0.6:
        raise ValueError(NO_PAPER)
    digit = digit_of(mask)
    top, bottom, left, right = box(digit)
    height = bottom - top
    width = right - left
    if width > 1.5 * height:
        raise ValueError("wider than a digit: one at a time 太宽，一次只能识别一个数字")
    if max(height, width) < 8:
        raise ValueError("it is too small 数字太小")
    if stroke_width(digit) > 0.32 * max(height, width):
        raise ValueError("a filled shape, no strokes 是色块，不是笔画")
    around = F.max_pool2d(digit.float(), 3, stride=1, padding=1)  # soft edges, too
    ink = (ink / level).clamp(0, 1) * around
    return ink[:, top:bottom, left:right]


def digit_of(mask):
    """What belongs to the digit, a mask (1, H, W), of all that is not paper.

    Not the specks, and not what touches the picture's edge: a table, a shadow.
    """
    top, bottom, left, right = box(mask)
    border = torch.ones_like(mask)
    border[:, 1:-1, 1:-1] = False
    part = mask[:, top:bottom, left:right].float()
    border = border[:, top:bottom, left:right].float()
    step = math.ceil(max(part.shape) / 200)  # 先缩小，找得快
    number = number_parts(F.max_pool2d(part, step, ceil_mode=True))
    border = F.max_pool2d(border, step, ceil_mode=True)

    names, sizes = number[number > 0].unique(return_counts=True)
    inside = torch.isin(names, (number * border).unique(), invert=True)
    if sizes[inside].sum() == 0 or sizes[inside].max() < 0.02 * sizes.max():
        raise ValueError("it touches the edge: leave paper around it 数字四周要留空白")
    names = names[inside]
    sizes = sizes[inside]
    names = names[sizes > 0.03 * sizes.max()]  # the others are specks
    sizes = sizes[sizes > 0.03 * sizes.max()]
    if len(names) > 20:
        raise ValueError(NO_PAPER)
    largest = number == names[sizes.argmax()]
    digit = largest
    for name, size in zip(names, sizes):
        other = number == name
        if belongs(other, largest):
            digit = digit | other
        elif size > 0.1 * sizes.max():
            raise ValueError("several things: one digit at a time 一次只能识别一个数字")
    digit = digit.repeat_interleave(step, dim=1).repeat_interleave(step, dim=2)
    found = torch.zeros_like(mask)
    found[:, top:bottom, left:right] = digit[:, : bottom - top, : right - left]
    return found & mask


def number_parts(mask):
    """A number for each connected part of a mask (1, H, W); 0 is paper.

    Every pixel gets a number, and max-pooling hands the largest on to its neighbours
    until nothing changes. 用最大池化把最大的编号传遍整个连通块。
    """
    number = torch.arange(1.0, mask.numel() + 1).view_as(mask) * mask
    while True:
        spread = F.max_pool2d(number, 3, stride=1, padding=1) * mask
        if torch.equal(spread, number):
            return number
        number = spread


def belongs(part, largest):
    """True if a part is close to the largest, as a 5's bar, and no digit beside it."""
    top, bottom, left, right = box(largest)
    top2, bottom2, left2, right2 = box(part)
    gap = max(top2 - bottom, top - bottom2, left2 - right, left - right2)
    beside = left2 >= right or right2 <= left
    as_high = bottom2 - top2 > 0.6 * (bottom - top)
    near = gap < 0.12 * max(bottom - top, right - left)
    return near and not (beside and as_high)


def box(mask):
    """Where the True of a mask (1, H, W) lie: top, bottom, left, right."""
    rows = mask[0].any(dim=1).nonzero()
    columns = mask[0].any(dim=0).nonzero()
    top = rows.min().item()
    bottom = rows.max().item() + 1
    left = columns.min().item()
    right = columns.max().item() + 1
    return top, bottom, left, right


def stroke_width(mask):
    """About how many pixels wide the strokes are: twice their area by their outline."""
    mask = F.pad(mask.float(), (1, 1, 1, 1))
    ink = mask[:, 1:-1, 1:-1]
    above_below = mask[:, :-2, 1:-1] * mask[:, 2:, 1:-1]
    left_right = mask[:, 1:-1, :-2] * mask[:, 1:-1, 2:]
    inner = ink * above_below * left_right  # ink with ink on all four sides
    return (2 * ink.sum() / (ink.sum() - inner.sum())).item()


def is_thin(ink):
    """True if the strokes are thinner than those of MNIST mostly are: 2 of 20 pixels."""
    return stroke_width(ink > 0.5) < 0.1 * max(ink.shape)


def middle(weights):
    """Where the centre of mass lies: the mean place, weighted."""
    places = torch.arange(len(weights))
    return ((weights * places).sum() / weights.sum()).item()


def predict_digits(model, device, pictures):
    """Print the three likeliest digits of each picture with their probabilities.

    pictures: [(file, x, how it was prepared)], as parse_args has read them. Returns
    [(x, the likeliest as text)] for the plot.
    """
    seen = []
    model.eval()
    for file, x, how in pictures:
        with torch.no_grad():
            p = model(x.to(device)).softmax(dim=1)[0].cpu()
        likeliest = p.argsort(descending=True, stable=True)[:3]
        text = [f"{i} ({100 * p[i]:.1f} %)" for i in likeliest.tolist()]
        print(f"{file.name}, {how}:", ", ".join(text))
        if p.max() < 0.6:
            print("    The network is not sure.")
        seen.append((x, text[0]))
    return seen


# %% Exercise 作业：幻灯片上的卷积例题 --------------------
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


def print_layers(name):
    """What every layer makes of one image, in the order of the forward pass."""

    def show(layer, inputs, output):
        before = str(tuple(inputs[0].shape))
        print(f"    {type(layer).__name__:10} {before:18} -> {tuple(output.shape)}")

    print(f"Layers of {name}")
    model = NETWORKS[name]()  # one to look into; the next is trained
    for layer in model.children():
        layer.register_forward_hook(show)  # PyTorch calls show() after the layer
    model(torch.zeros(1, 1, 28, 28))


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 10-63 prints these losses after batches 300, 600 and 900, by epoch, and how
# many of the 10,000 test images were read rightly (0: untrained).
VIDEO_LOSSES = {
    1: [0.098, 0.035, 0.025],
    2: [0.021, 0.017, 0.015],
    9: [0.006, 0.006, 0.007],
    10: [0.006, 0.006, 0.006],
}
VIDEO_CORRECT = {0: 637, 1: 9605, 2: 9709, 9: 9857, 10: 9869}
# The plot on that slide is of another run: its accuracies after epochs 1 to 10 in %,
# measured off it by drawing it anew until both agree, to 0.01.
VIDEO_CURVE = [97.07, 97.77, 98.23, 98.49, 98.55, 98.68, 98.56, 98.53, 98.87, 98.98]
# Slides 10-59 and 10-60 divide the sum of 300 losses by 2000.
# 视频打印的是 300 个损失之和除以 2000；要与平均损失比较，须乘 2000/300。
VIDEO_SCALE = 2000 / 300


def compare(losses, accuracies, args):
    """Table rows of each network: losses where the video prints them, all accuracies."""
    rows = []
    for name, of_epochs in losses.items():
        for epoch, printed in VIDEO_LOSSES.items():
            if name == "basic" and epoch <= len(of_epochs):
                ours = " ".join(f"{loss:.3f}" for loss in of_epochs[epoch - 1])
                video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in printed)
                video += " (video x 2000/300)"
                rows.append((f"{name} epoch {epoch}: loss", ours, video))
        for epoch, (correct, total) in enumerate(accuracies[name]):
            when = "untrained"
            if epoch > 0:
                when = f"epoch {epoch}"
            if args.load:
                when = "loaded"
            ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
            video = "not shown"
            if name == "basic" and epoch in VIDEO_CORRECT and not args.load:
                video = f"{VIDEO_CORRECT[epoch] / 100:.2f} %"
            rows.append((f"{name} {when}: accuracy", ours, video))
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


# Blue and orange are told apart by colour-blind readers, too; the video is black.
NETWORK_COLORS = {"basic": "C0", "deep": "C1"}


def draw(losses, accuracies, batches, last, digits, seen, args):
    """Loss and test accuracy beside the video's; below, digits.

    batches: how many an epoch has; digits: what misread() found of the network `last`;
    seen: what predict_digits() returned.
    """
    lines = lines_of(seen)
    figure = plt.figure(figsize=(10, 5.25 + 1.75 * lines), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, lines])
    left, right = top.subplots(1, 2)
    every = min(300, batches)  # as in train()
    for name in losses:
        places = []
        means = []
        for epoch, loss in enumerate(losses[name]):
            for i, mean in enumerate(loss, start=1):
                places.append(epoch + i * every / batches)
                means.append(mean)
        style = {"color": NETWORK_COLORS.get(name, "C2"), "label": f"this run: {name}"}
        left.plot(places, means, ".-", ms=3, **style)
        percent = [100 * correct / total for correct, total in accuracies[name][1:]]
        right.plot(range(1, len(percent) + 1), percent, ".-", **style)
    if "basic" in losses and not args.dry_run:
        draw_slide(left, right)
    left.set(xlabel="Epoch", ylabel=f"Mean training loss of {every} batches")
    left.set_yscale("log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    left.grid(alpha=0.3)
    right.grid(alpha=0.3)
    left.legend()
    right.legend(loc="lower right")

    title = "Lecture 10 · Basic CNN"
    if seen:
        figure.suptitle(f"{title} (below: what {last} saw of your digits, and read)")
        draw_seen(bottom, seen)
    else:
        figure.suptitle(f"{title} (below: digits that {last} reads wrongly)")
        draw_misread(bottom, digits)
    return figure


def draw_slide(left, right):
    """The losses and accuracies of slide 10-63, in black."""
    places = []
    means = []
    for epoch, printed in VIDEO_LOSSES.items():
        for i, loss in enumerate(printed, start=1):
            places.append(epoch - 1 + i * 300 / 938)
            means.append(loss * VIDEO_SCALE)
    left.plot(places, means, "ko", ms=4, label="video × 2000/300")
    epochs = [1, 2, 9, 10]
    percent = [VIDEO_CORRECT[epoch] / 100 for epoch in epochs]
    right.plot(epochs, percent, "ko", ms=4, label="video: printed")
    label = "video: its plot, another run (about)"
    right.plot(range(1, 11), VIDEO_CURVE, "k-", lw=0.8, label=label)


def draw_misread(figure, digits):
    """A row of test digits that were read wrongly."""
    for i, (image, predicted, label) in enumerate(digits, start=1):
        axes = figure.add_subplot(1, 10, i, xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", fontsize=9)


def lines_of(seen):
    """How many lines your digits take, ten in a line: one to three."""
    return min(max(1, math.ceil(len(seen) / 10)), 3)


def draw_seen(figure, seen):
    """Your digits as the network got them, the first thirty, and what it read."""
    for i, (x, text) in enumerate(seen[:30], start=1):
        axes = figure.add_subplot(lines_of(seen), 10, i, xticks=[], yticks=[])
        axes.imshow(x[0, 0].numpy(), cmap="gray")  # white ink on black, as MNIST is
        axes.set_title(text, fontsize=9)


def draw_digits(seen, digits):
    """The picture after --load: your digits, and test digits read wrongly."""
    lines = lines_of(seen)
    figure = plt.figure(figsize=(10, 2.5 + 1.5 * lines), layout="constrained")
    figure.suptitle("Lecture 10 · Basic CNN, a network that was loaded")
    top, bottom = figure.subfigures(2, 1, height_ratios=[lines, 1])
    if seen:
        top.suptitle("what it saw of your digits, and read")
        draw_seen(top, seen)
    bottom.suptitle("test digits that it reads wrongly")
    draw_misread(bottom, digits)
    return figure


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
        default=["basic"],
        metavar="NAME",
        help=f"网络，可以写多个: {', '.join(names)}, default basic",
    )
    save = "save the trained network, default none 保存训练好的网络"
    add("--save", type=Path, metavar="FILE", help=save)
    load = "take this network and do not train, default none 读取后不再训练"
    add("--load", type=Path, metavar="FILE", help=load)
    text = "read these digits, PNG or JPEG, default none 识别自己画的数字"
    add("--predict", type=Path, nargs="+", default=[], metavar="PICTURE", help=text)
    plot = "plots/lecture10_cnn.png"
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
    if len(args.model) > 1 and (args.save or args.load):
        parser.error("--save and --load take one --model 只能用于一个网络")
    check_plot(parser, args)
    check_save(parser, args)
    args.device = pick_device(parser, args.device)
    if args.plot.resolve() in [file.resolve() for file in args.predict]:
        parser.error("--plot is a picture of --predict 会覆盖自己的图片，请换个名字")
    args.predict = read_pictures(args.predict)  # before the training 先读图片
    if args.dry_run:
        args.epochs = 1
        if args.save:  # a network that was trained stays
            args.save = args.save.with_name(f"dry-run-{args.save.name}")
        print("dry run: a try of the script, its numbers are no result")
    if args.load:
        args.epochs = 0
    return args


def read_pictures(files):
    """[(file, x, how it was prepared)] of --predict; one line for each that is bad."""
    pictures = []
    for file in files:
        try:
            x, how = read_digit(file)
            pictures.append((file, x, how))
        except FileNotFoundError:
            print(f"no picture {file.as_posix()} 找不到这张图片", file=sys.stderr)
        except ValueError as error:
            print(f"cannot read a digit in {file.as_posix()}: {error}", file=sys.stderr)
    if files and not pictures:
        sys.exit(1)  # nothing is left to read
    return pictures


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


def check_save(parser, args):
    """Say now if --save cannot be written after the training."""
    if args.save and args.load:
        parser.error("--save and --load: one of them 只能选一个")
    if not args.save:
        return
    if args.save.is_dir():
        parser.error(f"--save {args.save.as_posix()} is a folder 这是一个文件夹")
    if args.save.suffix.lower() not in (".pt", ".pth", ".pkl"):  # no script, no data
        parser.error("--save takes a name that ends in .pt, .pth or .pkl 扩展名不对")
    try:
        tempfile.TemporaryFile(dir=args.save.parent).close()
    except OSError as error:  # not allowed there, or no such folder
        reason = error.strerror or error
        parser.error(f"cannot write --save {args.save.as_posix()}: {reason} 无法写入")


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
