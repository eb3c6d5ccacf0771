"""Lecture 11 · GoogLeNet, ResNet (第十一讲 卷积神经网络高级篇)

Two ideas for deeper networks, each a block: code that repeats becomes a class. An
Inception block looks at its input through four branches and joins their channels;
height and width must agree. A residual block adds its input to its output, then
activates: the gradient has a way around the layers and does not vanish (梯度消失)
in a product of numbers below one.

    python lecture11_googlenet_resnet.py                   # the video: both, in turn
    python lecture11_googlenet_resnet.py --model resnet    # one of them
    python lecture11_googlenet_resnet.py --model scaling   # exercise 11-1 (b)
    python lecture11_googlenet_resnet.py --model shortcut  # exercise 11-1 (e)
    python lecture11_googlenet_resnet.py --model preact    # the paper's own answer
    python lecture11_googlenet_resnet.py --model densenet  # exercise 11-2
    python lecture11_googlenet_resnet.py --model all       # all six on one plot

Why residual blocks (slide 11-28): a plain network of 56 layers is worse than one of
20 on CIFAR-10, in training too. Exercise 11-1 (slide 11-40) shows two blocks of He
et al. 2016 (arXiv 1603.05027), who find both worse than the plain shortcut; preact is
the block they propose (figure 4e, on no slide). DenseNet: Huang et al. 2016 (arXiv
1608.06993). preact and densenet have batch normalisation, the others have none:
compare with care.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from shutil import copytree, ignore_patterns

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import datasets
from torchvision.datasets.utils import check_integrity


# ---------------------------------------------------------------- 1. Dataset
def data_file(data_dir, name):
    """The path of a data file; if it is not there, one line says how to get it."""
    file, missing = Path(data_dir, name), f"no {name} in {data_dir}"
    if file.exists():
        return file
    if file.parent.exists() and data_dir == SCRIPT.parent / "data":
        sys.exit(f"{missing}: git checkout -- data/{name} brings it back")
    sys.exit(f"{missing}: --data-dir takes data/, which comes with the scripts")


def load_mnist(data_dir):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video gives MNIST transform=transforms.Compose([transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,))]), and each image is transformed anew
    in each epoch. Here it happens once: the same numbers, and less to do.
    """
    raw, root = Path(data_dir, "MNIST/raw"), os.environ.get("TMPDIR", "TEMP")
    for name, md5 in datasets.MNIST.resources:
        if not check_integrity(data_file(data_dir, f"MNIST/raw/{name}"), md5):
            sys.exit(f"{raw / name} is damaged; ours: git checkout -- data/MNIST")
    try:
        with tempfile.TemporaryDirectory() as root:  # data_dir is only read
            copytree(raw, f"{root}/MNIST/raw", ignore=ignore_patterns("*-ubyte"))
            os.chmod(f"{root}/MNIST/raw", 0o700)  # raw may be read-only
            # training, then test part; download=True unpacks what is there
            parts = [datasets.MNIST(root, t, download=True) for t in (True, False)]
    except OSError:  # full, or it cannot be written
        sys.exit(f"cannot unpack MNIST in {root} (full?): TMPDIR names another folder")
    # ToTensor: 0 to 1; Normalize: mean 0, deviation 1
    images = [(part.data.unsqueeze(1) / 255 - 0.1307) / 0.3081 for part in parts]
    return [TensorDataset(x, part.targets) for x, part in zip(images, parts)]


# ------------------------------------------------------------------ 2. Model
class InceptionA(nn.Module):
    """Four branches side by side: (N, in_channels, H, W) -> (N, 88, H, W)."""

    def __init__(self, in_channels):
        super().__init__()
        self.branch1x1 = nn.Conv2d(in_channels, 16, kernel_size=1)

        self.branch5x5_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(16, 24, kernel_size=5, padding=2)

        self.branch3x3_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.branch3x3_3 = nn.Conv2d(24, 24, kernel_size=3, padding=1)

        self.branch_pool = nn.Conv2d(in_channels, 24, kernel_size=1)

    def forward(self, x):
        branch1x1 = self.branch1x1(x)
        branch5x5 = self.branch5x5_2(self.branch5x5_1(x))
        branch3x3 = self.branch3x3_3(self.branch3x3_2(self.branch3x3_1(x)))
        branch_pool = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        branch_pool = self.branch_pool(branch_pool)
        # same height and width in every branch: 16 + 24 + 24 + 24 = 88 channels
        return torch.cat([branch1x1, branch5x5, branch3x3, branch_pool], dim=1)


class GoogLeNet(nn.Module):
    """The video's Inception network: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.incep1 = InceptionA(in_channels=10)
        self.conv2 = nn.Conv2d(88, 20, kernel_size=5)
        self.incep2 = InceptionA(in_channels=20)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(1408, 10)

    def forward(self, x):
        x = F.relu(self.mp(self.conv1(x)))  # -> (N, 10, 12, 12)
        x = self.incep1(x)  # -> (N, 88, 12, 12)
        x = F.relu(self.mp(self.conv2(x)))  # -> (N, 20, 4, 4)
        x = self.incep2(x)  # -> (N, 88, 4, 4)
        return self.fc(x.flatten(1))  # (N, 1408) -> (N, 10)


class ResidualBlock(nn.Module):
    """relu(x + F(x)): (N, channels, H, W) -> the same shape."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(x + y)  # add first, then activate


class ResNet(nn.Module):
    """The video's residual network: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self, block=ResidualBlock):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.rblock1 = block(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.rblock2 = block(32)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = self.mp(F.relu(self.conv1(x)))  # -> (N, 16, 12, 12)
        x = self.rblock1(x)
        x = self.mp(F.relu(self.conv2(x)))  # -> (N, 32, 4, 4)
        x = self.rblock2(x)
        return self.fc(x.flatten(1))  # (N, 512) -> (N, 10)


NETWORKS = {"googlenet": GoogLeNet, "resnet": ResNet}


# ------------------------------------------------------- 4. Training and test
def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints and returns [(place, mean loss)] of every 300 batches.

    place counts epochs: 0.32 is the 300th of the first epoch's 938 batches.
    """
    losses, running_loss = [], 0.0
    every = min(300, len(train_loader))  # fewer where an epoch has fewer
    model.train()
    for batch_idx, (inputs, target) in enumerate(train_loader, 0):
        inputs, target = inputs.to(device), target.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()

        running_loss += loss.item()
        if batch_idx % every == every - 1:
            print(f"[{epoch + 1}, {batch_idx + 1:5d}] loss: {running_loss / every:.3f}")
            place = epoch + (batch_idx + 1) / len(train_loader)
            losses.append((place, running_loss / every))
            running_loss = 0.0
    return losses


def test(model, device, test_loader):
    """Prints and returns the accuracy on the test set: (number right, number)."""
    correct, total = 0, 0
    model.eval()
    with torch.no_grad():  # no graph is built: a test needs no gradients
        for inputs, target in test_loader:
            # the largest of the ten outputs wins
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
            correct += (predicted == target).sum().item()
            total += len(target)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")
    return correct, total


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    rows = explain_1x1()

    # 1. Dataset
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 64 in the video, same result

    runs, device, interrupted = {}, args.device, False
    # all channels of a pixel side by side: 1.25 to 1.65 times as fast on our cpu
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    try:
        for name in NETWORKS if "all" in args.model else args.model:
            losses, accuracies = runs[name] = [], []

            # 2. Model
            print_size(name, NETWORKS[name]())
            torch.manual_seed(args.seed)  # each begins with the same numbers
            model = NETWORKS[name]().to(device, memory_format=layout)

            # 3. Loss and optimizer
            criterion = torch.nn.CrossEntropyLoss()
            optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

            # 4. Training and test
            accuracies.append(test(model, device, test_loader))
            for epoch in range(args.epochs):
                loss = train(model, device, train_loader, criterion, optimizer, epoch)
                accuracies.append(test(model, device, test_loader))
                losses += loss
                if not losses[-1][1] < 1e9:  # or nan: more epochs do not help
                    break
    except KeyboardInterrupt:
        interrupted = True  # the finished epochs are kept

    # 5. Inference and plot
    print_table("slides 11-5 to 11-39", rows + compare(runs))
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    videos = {name: VIDEO[name] for name in VIDEO if name in runs}
    digits = misread(model, device, test_loader) if accuracies else []
    save_plot(draw("Lecture 11 · Advanced CNN", runs, videos, digits), args)
    return exit_status(runs, interrupted)


# ------------------------------------------- Exercises: 11-1, identity mappings
class ScalingBlock(ResidualBlock):
    """Slide 11-40 (b), constant scaling: relu(0.5 x + 0.5 F(x))."""

    def forward(self, x):
        return F.relu(0.5 * x + 0.5 * self.conv2(F.relu(self.conv1(x))))


class ShortcutBlock(ResidualBlock):
    """Slide 11-40 (e), convolution shortcut: relu(conv1x1(x) + F(x))."""

    def __init__(self, channels):
        super().__init__(channels)
        self.shortcut = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x):
        return F.relu(self.shortcut(x) + self.conv2(F.relu(self.conv1(x))))


class PreActBlock(ResidualBlock):
    """x + F(x) with normalisation and ReLU before each convolution.

    Nothing stands on the shortcut, not even a ReLU: the input passes unchanged
    (full pre-activation, He et al. 2016, figure 4e; on no slide).
    """

    def __init__(self, channels):
        super().__init__(channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return x + y


NETWORKS["scaling"] = lambda: ResNet(block=ScalingBlock)
NETWORKS["shortcut"] = lambda: ResNet(block=ShortcutBlock)
NETWORKS["preact"] = lambda: ResNet(block=PreActBlock)


# ----------------------------------------------------- Exercises: 11-2, DenseNet
class DenseBlock(nn.Module):
    """Each layer sees the outputs of all layers before it.

    (N, channels, H, W) -> (N, channels + layers * growth, H, W)
    """

    def __init__(self, channels, growth=12, layers=3):
        super().__init__()
        self.layers = nn.ModuleList()
        for width in range(channels, channels + layers * growth, growth):
            conv = nn.Conv2d(width, growth, kernel_size=3, padding=1)
            self.layers.append(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(nn.Module):
    """Two dense blocks, a 1x1 convolution between: -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.dense1 = DenseBlock(16)  # 16 + 3 * 12 = 52 channels
        self.transition = nn.Conv2d(52, 26, kernel_size=1)
        self.dense2 = DenseBlock(26)  # 26 + 3 * 12 = 62 channels
        self.fc = nn.Linear(558, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # -> (N, 16, 12, 12)
        x = F.max_pool2d(self.transition(self.dense1(x)), 2)  # -> (N, 26, 6, 6)
        x = F.max_pool2d(F.relu(self.dense2(x)), 2)  # -> (N, 62, 3, 3)
        return self.fc(x.flatten(1))  # (N, 558) -> (N, 10)


NETWORKS["densenet"] = DenseNet


# ------------------------------------------------- Exercises: 1x1 convolutions
def multiplications(model, x):
    """Multiplications of all convolutions and linear layers of model(x)."""
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops() // 2  # to each belongs an addition


def print_size(name, model):
    """How many numbers a network learns, and how much work one image is."""
    size = sum(p.numel() for p in model.parameters())
    work = multiplications(model.eval(), torch.zeros(1, 1, 28, 28))
    print(f"{name}: {size:,} parameters, {work:,} multiplications per image")


def explain_1x1():
    """Slides 11-5 to 11-13 by the layers themselves; returns table rows."""
    # 1x1 over three channels is a weighted sum of them, a fusion of information
    one = torch.arange(1.0, 10.0).view(3, 3)  # 1 2 3, 4 5 6, 7 8 9
    image = torch.stack([one, one.T, one.flip(0, 1)]).unsqueeze(0)  # (1, 3, 3, 3)
    fused = F.conv2d(image, torch.tensor([0.5, 0.3, 0.2]).view(1, 3, 1, 1))[0, 0]
    rows = []
    for i, video in enumerate(("2.6 3.8 5.0", "3.8 5.0 6.2", "5.0 6.2 7.4")):
        ours = " ".join(f"{value:.1f}" for value in fused[i])
        rows.append((f"1x1 over 3 channels, row {i + 1}", ours, video))

    # a 1x1 convolution first makes the 5x5 ten times cheaper (slide 11-13)
    x = torch.zeros(1, 192, 28, 28)
    plain = nn.Conv2d(192, 32, 5, padding=2)
    through = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2))
    a, b = f"{multiplications(plain, x):,}", f"{multiplications(through, x):,}"
    print("The slide's second number is a slip: 28*28*(192*16 + 5*5*16*32) is", b)
    rows.append(("5x5, 192 to 32: multiplications", a, "120,422,400"))
    return [*rows, ("1x1 to 16 first", b, "12,433,648 (slip)")]


# ---------------------------------------------------------- Beside the video
# Slides 11-26 and 11-39: style in the plot, printed losses, accuracies by epoch. Those
# of epochs 3 to 8 are not printed: measured off the slides' plots.
# fmt: off
VIDEO = {
    "googlenet": ("ko-", {1: (0.141, 0.031, 0.020), 2: (0.015, 0.014, 0.012),
                          9: (0.005, 0.005, 0.005), 10: (0.005, 0.005, 0.005)},
                  {0: "9.82 %", 1: "95.54 %", 2: "97.93 %", 3: "about 98.35 %",
                   4: "about 98.43 %", 5: "about 98.61 %", 6: "about 98.80 %",
                   7: "about 98.91 %", 8: "about 98.84 %", 9: "98.88 %", 10: "98.66 %"}),
    "resnet": ("k^-", {1: (0.074, 0.021, 0.017), 2: (0.013, 0.011, 0.011),
                       9: (0.003, 0.004, 0.004), 10: (0.003, 0.003, 0.004)},
               {0: "9.16 %", 1: "97.36 %", 2: "98.31 %", 3: "about 98.72 %",
                4: "about 98.72 %", 5: "about 98.90 %", 6: "about 98.79 %",
                7: "about 99.07 %", 8: "about 98.96 %", 9: "99.00 %", 10: "99.01 %"})}
# fmt: on
VIDEO_SCALE = 2000 / 300  # slide 10-59 divides the sum of 300 losses by 2000


def compare(runs):
    """Table rows: the losses that the video prints, and the accuracy of each epoch.

    runs: {name: (losses, accuracies)}, as train() and test() return them.
    """
    rows = []
    for name, (losses, accuracies) in runs.items():
        _, triples, shown = VIDEO.get(name, (None, {}, {}))
        for epoch, triple in triples.items():
            ours = [f"{loss:.3f}" for t, loss in losses if epoch - 1 < t <= epoch]
            video = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in triple)
            if ours:
                rows += [(f"{name} epoch {epoch}: loss", " ".join(ours), video)]
        for epoch, (correct, total) in enumerate(accuracies):
            when = f"epoch {epoch}" if epoch else "untrained"
            ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
            rows += [(f"{name} {when}: accuracy", ours, shown.get(epoch, "not shown"))]
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, predicted, label)]."""
    found = []
    model.eval()
    for inputs, target in test_loader:
        with torch.no_grad():
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
        # d: one digit's image, what it is read as, what it is
        found += [d for d in zip(inputs, predicted, target) if d[1] != d[2]]
    return found[:10]


def draw(title, runs, videos, digits):
    """Loss, test accuracy, and test digits that the last network reads wrongly.

    runs: {name: (losses, accuracies)}; videos: {name: (style, losses, accuracies)}.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    grid = figure.add_gridspec(4 if digits else 3, 10)
    left, right = grid[:3, :].subgridspec(1, 2).subplots()
    for i, (name, (losses, accuracies)) in enumerate(runs.items()):
        x, y = [place for place, _ in losses], [loss for _, loss in losses]
        left.plot(x, y, ".-", ms=3, color=f"C{i}", label=f"this run: {name}")
        percent = [100 * correct / total for correct, total in accuracies[1:]]
        color = f"C{i}" if len(runs) > 1 else "C1"  # test is orange in all lectures
        epochs = range(1, len(percent) + 1)
        right.plot(epochs, percent, ".-", color=color, label=f"this run: {name}")
    for name, (style, losses, accuracies) in videos.items():
        for epoch, triple in losses.items():
            places = [epoch - 1 + i * 300 / 938 for i in (1, 2, 3)]
            label = f"video: {name}" if epoch == 1 else None
            means = [loss * VIDEO_SCALE for loss in triple]
            left.plot(places, means, style[:2], ms=4, label=label)
        percent = {e: float(text.split()[-2]) for e, text in accuracies.items() if e}
        right.plot(*zip(*percent.items()), style, ms=4, lw=0.8, label=f"video: {name}")
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    below = f" (below: digits that {list(runs)[-1]} reads wrongly)" if digits else ""
    figure.suptitle(title + below)
    for i, (image, predicted, label) in enumerate(digits):
        axes = figure.add_subplot(grid[3, i], xticks=[], yticks=[], frame_on=False)
        axes.imshow(image[0].numpy(), cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", color="red", fontsize=9)
    return figure


def exit_status(runs, interrupted):
    """The exit status; lines on standard error say why it is not 0."""
    if interrupted:
        finished = sum(len(accuracies[1:]) for _, accuracies in runs.values())
        print(f"interrupted: {finished} finished epochs are kept", file=sys.stderr)
        return 130
    last = {name: losses[-1][1] for name, (losses, _) in runs.items()}
    diverged = {name: loss for name, loss in last.items() if not loss < 1e9}  # or nan
    for name, loss in diverged.items():
        print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1 if diverged else 0


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture11.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=10, metavar="N", help="[10]")
    add("--lr", type=float, default=0.01, metavar="X", help="[0.01]")
    add("--batch-size", type=int, default=64, metavar="N", help="[64]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    add("--device", type=usable, default=gpu, metavar="NAME", help=f"[{gpu}]")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    names = [*NETWORKS, "all"]
    add("--model", nargs="+", choices=names, default=["googlenet", "resnet"])
    return parse(parser, argv)


def usable(name):
    """The torch.device of that name, if this machine has it (an argparse type)."""
    try:
        # torch warns of "mkldnn", which is no device any more
        torch.zeros(1, device=name.replace("mkldnn", "?")).item()
        return torch.device(name)
    except (RuntimeError, AssertionError, ImportError, AttributeError):
        raise argparse.ArgumentTypeError(f"{name!r} is not a device of this machine")


def parse(parser, argv):
    """Add the options of all lectures; say now what would fail after the training."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--plot", type=Path, default=f"plots/{SCRIPT.stem}.png", metavar="FILE")
    add("--show", action="store_true", help="also open the plot in a window")
    add("--dry-run", action="store_true", help="one tiny epoch, to try the script")
    args = parser.parse_args(argv)
    for name, value in vars(args).items():
        low = {"epochs": 1, "batch_size": 1, "lr": 1e-12}.get(name, 0)
        if isinstance(value, (int, float)) and not low <= value < 1e9:
            parser.error(f"--{name.replace('_', '-')} must be from {low} to 1e9")
    if args.plot.suffix.lower() not in (".png", ".pdf", ".svg") or args.plot.is_dir():
        parser.error("--plot takes a file name that ends in .png, .pdf or .svg")
    # the picture is written here before it takes the place of an earlier one
    args.part = args.plot.resolve().with_suffix(f".{os.getpid()}{args.plot.suffix}")
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    args.part.touch()  # what the machine refuses is told at the end of the file
    args.part.unlink()
    if args.dry_run:
        args.epochs = 1
    return args


def print_table(slide, rows):
    """Print (name, this run, video) rows, all strings, side by side."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, args):
    """Write the figure, whole or not at all; with --show also open a window."""
    try:
        figure.savefig(args.part)
        args.part.replace(args.plot.resolve())
    finally:
        args.part.unlink(missing_ok=True)
    print(f"plot saved to {args.plot}")
    if args.show:
        plt.show()


if __name__ == "__main__":
    if alone := hasattr(sys.stdout, "reconfigure"):  # not in IDLE, not in a notebook
        sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    try:
        status = main(None if "__file__" in globals() else [])
        print(end="", flush=True)
    except KeyboardInterrupt:
        if alone:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one adds nothing
        print("interrupted", file=sys.stderr)
        status = 130
    except (MemoryError, RuntimeError) as error:
        if "memory" not in repr(error).lower():
            raise
        status = "not enough memory: try a smaller --batch-size"
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror or error}"
        if alone and not error.filename:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
