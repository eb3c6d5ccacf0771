"""Lecture 11 · GoogLeNet, ResNet (第十一讲 卷积神经网络高级篇)

Two ideas for deeper networks. An Inception block looks at its input through four
branches and joins their channels. A residual block adds its input to its output,
so that the gradient has a way around the layers.

    python lecture11_googlenet_resnet.py                  # the video: both, in turn
    python lecture11_googlenet_resnet.py --model resnet   # one of them
    python lecture11_googlenet_resnet.py --model preact   # exercise 11-1
    python lecture11_googlenet_resnet.py --model densenet # exercise 11-2
    python lecture11_googlenet_resnet.py --model all      # all four on one plot

Exercises: identity mappings (He et al. 2016, arXiv 1603.05027) and DenseNet (Huang
et al. 2016, arXiv 1608.06993), both at the size of the video's networks.
"""

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

# Slides 11-26 and 11-39: epoch: three printed losses, and test accuracy in percent.
VIDEO = {
    "googlenet": (
        {1: (0.141, 0.031, 0.020), 2: (0.015, 0.014, 0.012), 10: (0.005, 0.005, 0.005)},
        {0: 9.82, 1: 95.54, 2: 97.93, 9: 98.88, 10: 98.66},
    ),
    "resnet": (
        {
            1: (0.074, 0.021, 0.017),
            2: (0.013, 0.011, 0.011),
            9: (0.003, 0.004, 0.004),
            10: (0.003, 0.003, 0.004),
        },
        {0: 9.16, 1: 97.36, 2: 98.31, 9: 99.00, 10: 99.01},
    ),
}
VIDEO_SCALE = 2000 / 300  # the video divides the sum of 300 losses by 2000


# ---------------------------------------------------------------- 1. Dataset
def load_mnist(data_dir):
    """MNIST from data_dir/MNIST/raw: (train_x, train_y, test_x, test_y).

    Images are float32 (60000 or 10000, 1, 28, 28), normalised with the mean and the
    standard deviation of the training set, once and for all instead of at every
    draw. Labels are int64. A damaged archive ends the program with one line.
    """
    raw = Path(data_dir, "MNIST", "raw")
    for name, md5 in datasets.MNIST.resources:
        if not check_integrity(raw / name, md5):
            back = "git checkout -- data/MNIST, or python data/build.py mnist"
            sys.exit(f"{raw / name} is missing or damaged; get it back with: {back}")
    tensors = []
    # Unpacked in a place of its own: it works in a read-only folder and beside
    # another lecture, and an interrupted start leaves no half file behind.
    with tempfile.TemporaryDirectory() as root:
        for name, _ in datasets.MNIST.resources:
            copy = Path(root, "MNIST", "raw", name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(raw / name, copy)
        for train in (True, False):
            dataset = datasets.MNIST(root=root, train=train, download=True)
            images = dataset.data.unsqueeze(1).float().div_(255)  # (N, 28, 28) bytes
            tensors += [images.sub_(0.1307).div_(0.3081), dataset.targets]
    return tensors


def make_loader(x, y, batch_size, shuffle):
    """A DataLoader over tensors that cuts out a whole batch at a time.

    By default a DataLoader draws samples one by one and stacks them; on images that
    are ready in a tensor this stacking would be most of its work.
    """
    dataset = TensorDataset(x, y)
    order = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    batches = BatchSampler(order, batch_size, drop_last=False)
    return DataLoader(dataset, sampler=batches, batch_size=None)


# ----------------------------------------------------------------- 2. Models
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


class PreActBlock(nn.Module):
    """Exercise 11-1: x + F(x) with normalisation and ReLU before each convolution.

    Nothing stands on the shortcut, not even a ReLU: the input passes unchanged
    (full pre-activation, He et al. 2016, figure 4e).
    """

    def __init__(self, channels):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return x + y


class DenseBlock(nn.Module):
    """Exercise 11-2: each layer sees the outputs of all layers before it.

    (N, channels, H, W) -> (N, channels + layers * growth, H, W)
    """

    def __init__(self, channels, growth=12, layers=3):
        super().__init__()
        widths = [channels + i * growth for i in range(layers)]
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(
            nn.Conv2d(width, growth, kernel_size=3, padding=1) for width in widths
        )

    def forward(self, x):
        for bn, conv in zip(self.bns, self.convs):
            x = torch.cat([x, conv(F.relu(bn(x)))], dim=1)
        return x


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


class DenseNet(nn.Module):
    """Exercise 11-2: two dense blocks, a 1x1 convolution between: -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.dense1 = DenseBlock(16)  # 16 + 3 * 12 = 52 channels
        self.transition = nn.Conv2d(52, 26, kernel_size=1)
        self.dense2 = DenseBlock(26)  # 26 + 3 * 12 = 62 channels
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(558, 10)

    def forward(self, x):
        x = self.mp(F.relu(self.conv1(x)))  # -> (N, 16, 12, 12)
        x = self.mp(self.transition(self.dense1(x)))  # -> (N, 26, 6, 6)
        x = self.mp(F.relu(self.dense2(x)))  # -> (N, 62, 3, 3)
        return self.fc(x.flatten(1))  # (N, 558) -> (N, 10)


def PreActResNet():
    """Exercise 11-1: the video's ResNet with the other block."""
    return ResNet(block=PreActBlock)


MODELS = {
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    "preact": PreActResNet,
    "densenet": DenseNet,
}


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Cross-entropy (softmax included) and SGD with momentum 0.5."""
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.5)
    return criterion, optimizer


# ------------------------------------------------------- 4. Training and test
def train(epoch, model, device, train_loader, criterion, optimizer, history):
    """One epoch; after every 300 batches print and record their mean loss."""
    every = min(300, len(train_loader))
    running_loss = 0.0
    for batch_idx, (inputs, target) in enumerate(train_loader, 0):
        inputs, target = inputs.to(device), target.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()

        running_loss += loss.item()
        if batch_idx % every == every - 1:
            mean = running_loss / every
            print(f"[{epoch + 1}, {batch_idx + 1:5d}] loss: {mean:.3f}")
            if not math.isfinite(mean):
                message = f"the loss is {mean} in epoch {epoch + 1}"
                raise FloatingPointError(f"{message}: try a smaller --lr")
            place = epoch + (batch_idx + 1) / len(train_loader)
            history["loss"].append((place, mean))
            running_loss = 0.0


def test(model, device, test_loader, history):
    """Record and print how many test samples are right; keep the outputs."""
    outputs, labels = [], []
    model.eval()
    with torch.no_grad():
        for inputs, target in test_loader:
            outputs.append(model(inputs.to(device)).cpu())
            labels.append(target)
    model.train()
    history["outputs"], labels = torch.cat(outputs), torch.cat(labels)
    correct = (history["outputs"].argmax(dim=1) == labels).sum().item()
    history["correct"].append(correct)
    total = len(labels)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")


def fit(epochs, model, device, loaders, criterion, optimizer, history):
    """Test before training, then train and test in turn, as in the video."""
    train_loader, test_loader = loaders
    test(model, device, test_loader, history)
    for epoch in range(epochs):
        train(epoch, model, device, train_loader, criterion, optimizer, history)
        test(model, device, test_loader, history)


# ------------------------------------------------------ 5. Inference and plot
def multiplications(model, x):
    """Multiplications of all convolutions and linear layers of model(x)."""
    counts = []

    def count(layer, inputs, output):
        # every output number is a sum over one kernel, or over one row of weights
        counts.append(output.numel() * layer.weight[0].numel())

    hooks = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return sum(counts)


def explain_1x1():
    """Slide 11-13: a 1x1 convolution first makes the 5x5 ten times cheaper."""
    x = torch.zeros(1, 192, 28, 28)
    plain = nn.Conv2d(192, 32, kernel_size=5, padding=2)
    through = nn.Sequential(
        nn.Conv2d(192, 16, kernel_size=1), nn.Conv2d(16, 32, kernel_size=5, padding=2)
    )
    a, b = f"{multiplications(plain, x):,}", f"{multiplications(through, x):,}"
    print("The slide's second number is a slip: 28*28*(192*16 + 5*5*16*32) is", b)
    rows = [("5x5, 192 to 32: multiplications", a, "120,422,400")]
    return [*rows, ("1x1 to 16 first", b, "12,433,648 (slip)")]


def compare(name, history, total, video_loss, video_accuracy):
    """Table rows: losses of the epochs that the video shows, and all accuracies."""
    rows = []
    for epoch, losses in video_loss.items():
        ours = [
            f"{m:.3f}" for place, m in history["loss"] if epoch - 1 < place <= epoch
        ]
        video = [f"{loss * VIDEO_SCALE:.3f}" for loss in losses]
        if ours:
            rows.append(
                (f"{name} epoch {epoch}: loss", " ".join(ours), " ".join(video))
            )
    for epoch, correct in enumerate(history["correct"]):
        ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
        video = video_accuracy.get(epoch)
        shown = "not shown" if video is None else f"{video:g} %"
        when = f"epoch {epoch}" if epoch else "untrained"
        rows.append((f"{name} {when}: accuracy", ours, shown))
    return rows


def draw(title, runs, videos, test_x, test_y):
    """Loss, test accuracy and ten test digits of the last run, wrong ones first.

    runs: {name: history}; videos: {name: (losses, accuracies)} as on the slides.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 1])
    left, right = grid[0].subgridspec(1, 2).subplots()
    lowest = 100
    for i, (name, history) in enumerate(runs.items()):
        if history["loss"]:
            left.plot(*zip(*history["loss"]), f"C{i}", label=f"this run: {name}")
        percent = [100 * correct / len(test_y) for correct in history["correct"]]
        color = f"C{i}" if len(runs) > 1 else "C1"  # test is orange in all lectures
        right.plot(percent, ".-", color=color, label=f"this run: {name}")
        lowest = min([lowest, *percent[1:]])  # the guesses before training left out
    for (name, (losses, accuracies)), mark in zip(videos.items(), ("ko", "k^")):
        label = f"video: {name}" if len(videos) > 1 else "video"
        points = [
            (epoch - 1 + (i + 1) * 300 / 938, loss * VIDEO_SCALE)
            for epoch, triple in losses.items()
            for i, loss in enumerate(triple)
        ]
        left.plot(*zip(*points), mark, ms=4, label=label)
        right.plot(list(accuracies), list(accuracies.values()), mark, ms=4, label=label)
        lowest = min([lowest, *(accuracies[epoch] for epoch in accuracies if epoch)])
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)", ylim=(lowest - 1, 100))
    left.legend()
    right.legend()
    predicted = history["outputs"].argmax(dim=1)
    wrong_first = torch.argsort(predicted == test_y, stable=True)[:10].tolist()
    for i, axes in zip(wrong_first, grid[1].subgridspec(1, 10).subplots()):
        axes.imshow(test_x[i, 0].numpy(), cmap="gray_r")
        color = "black" if predicted[i] == test_y[i] else "red"
        axes.set_title(f"{predicted[i]}, not {test_y[i]}", color=color, fontsize=9)
        if predicted[i] == test_y[i]:
            axes.set_title(f"{predicted[i]}", fontsize=9)
        axes.axis("off")
    figure.suptitle(f"{title} (below: predictions of {name}, wrong ones first in red)")
    return figure


# -------------------------------------------------------------- Command line
def number(kind, above):
    """An argparse type: a number of kind int or float, greater than `above`."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = above
        if not above < value < 1e9:
            word = "whole number" if kind is int else "number"
            need = f"must be a {word} above {above} and below 1e9, not {text!r}"
            raise argparse.ArgumentTypeError(need)
        return value

    return parse


def device(name):
    """An argparse type: a device that works here; "auto": an accelerator or the CPU."""
    if name == "auto":
        found = torch.accelerator.is_available()
        return torch.accelerator.current_accelerator() if found else torch.device("cpu")
    try:
        torch.zeros(1, device=name).item()  # names of absent devices parse as well
        return torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError):
        message = f"{name!r} is not a device of this machine; leave --device out"
        raise argparse.ArgumentTypeError(message) from None


def make_parser():
    """A parser with the options of every lecture; --help is the file's docstring."""
    sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,  # one line of error is enough
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    default = Path("plots", Path(__file__).stem + ".png")
    add("--plot", type=Path, default=default, metavar="FILE", help=f"[{default}]")
    add("--show", action="store_true", help="also open the plot in a window")
    add("--dry-run", action="store_true", help="one tiny epoch, to try the script")
    return parser


def start(args):
    """Set the style of the plot, and find out before training if it can be written."""
    plt.rcParams.update({"axes.grid": True, "grid.alpha": 0.3})
    if not args.show:
        plt.switch_backend("agg")  # draw without a screen
    try:
        if args.plot.suffix.lower() not in (".png", ".pdf", ".svg"):
            raise OSError(None, "its name must end in .png, .pdf or .svg")
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        with args.plot.open("ab") as file:
            new = file.tell() == 0
        if new:
            args.plot.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(f"cannot write {args.plot}: {error.strerror}; see --plot")


def run_training(train, *args):
    """Call train(*args) and return the exit status: 0, 1 or 130.

    1: it raised FloatingPointError (the loss diverged); 130: Ctrl-C.
    What it had recorded by then is kept, and drawn.
    """
    try:
        train(*args)
    except FloatingPointError as error:
        print(f"training stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training interrupted: finished epochs are kept", file=sys.stderr)
        return 130
    return 0


def print_table(slide, rows):
    """Print (name, this run, video) rows, all strings, side by side."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, args):
    """Write the figure to args.plot; with --show also open a window."""
    figure.savefig(args.plot)
    print(f"plot saved to {args.plot}")
    if args.show and plt.get_backend().lower() == "agg":
        print("no window can be opened here: open the file", file=sys.stderr)
    elif args.show:
        plt.show()
    plt.close(figure)


def parse_args(argv):
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=10, metavar="N", help="[10]")
    add("--lr", type=number(float, 0), default=0.01, metavar="X", help="[0.01]")
    add("--batch-size", type=number(int, 0), default=64, metavar="N", help="[64]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    add("--device", type=device, default="auto", metavar="NAME", help="cpu, cuda ...")
    data = Path(__file__).resolve().parent / "data"
    add("--data-dir", type=Path, default=data, metavar="DIR", help="[data]")
    help_model = f"{', '.join(MODELS)} or all [googlenet, then resnet]"
    add("--model", choices=[*MODELS, "all"], help=help_model)
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    train_x, train_y, test_x, test_y = load_mnist(args.data_dir)
    if args.dry_run:
        train_x, train_y, test_x, test_y = (
            part[:256] for part in (train_x, train_y, test_x, test_y)
        )
    names = {None: VIDEO, "all": MODELS}.get(args.model, [args.model])
    runs, rows, status = {}, explain_1x1(), 0
    for name in names:
        torch.manual_seed(args.seed)
        loaders = (
            make_loader(train_x, train_y, args.batch_size, shuffle=True),
            make_loader(test_x, test_y, 500, shuffle=False),
        )
        model = MODELS[name]()
        size = sum(p.numel() for p in model.parameters())
        work = multiplications(model, test_x[:1])
        print(f"{name}: {size:,} parameters, {work:,} multiplications per image")
        # channels_last: the layout in which convolutions are fastest
        model.to(args.device, memory_format=torch.channels_last)
        criterion, optimizer = construct(model, args.lr)
        history = {"loss": [], "correct": []}
        setting = model, args.device, loaders, criterion, optimizer, history
        status = run_training(fit, args.epochs, *setting) or status
        if history["correct"]:
            runs[name] = history
            rows += compare(name, history, len(test_y), *VIDEO.get(name, ({}, {})))
        if status == 130:  # Ctrl-C
            break
    print_table("slides 11-13, 11-26, 11-39", rows)
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    if runs:
        videos = {name: VIDEO[name] for name in VIDEO if name in runs}
        figure = draw("Lecture 11 · Advanced CNN", runs, videos, test_x, test_y)
        save_plot(figure, args)
    return status


if __name__ == "__main__":
    sys.exit(main())
