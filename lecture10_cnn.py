"""Lecture 10 · Basic CNN (第十讲 卷积神经网络基础篇)

A picture from a camera is a raster of pixels (栅格; a vector picture, 矢量, is not),
a colour picture has three channels: red, green, blue. A kernel slides over it patch
by patch and keeps the neighbourhood of pixels that flattening loses. Two rounds of
convolution, max-pooling and ReLU extract features, one linear layer classifies:
(N, 1, 28, 28) -> (N, 10, 12, 12) -> (N, 20, 4, 4) -> (N, 320) -> (N, 10).

    python lecture10_cnn.py                  # the video, on the GPU if there is one
    python lecture10_cnn.py --device cuda    # or say which
    python lecture10_cnn.py --model deep     # exercise 10-1: three rounds, 3 linear
    python lecture10_cnn.py --model all      # both on one plot

A kernel has as many channels as its input; there are as many kernels as output
channels; odd sizes have a middle. PyTorch's order is (N, C, height, width), where
slides 10-28 to 10-35 name width first. The convolution examples of the slides are
computed before the training, by the layers themselves.
"""

import argparse
import copy
import math
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

if "IPython" not in sys.modules:  # `!python` in a notebook inherits its backend
    os.environ.pop("MPLBACKEND", None)

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

# ---------------------------------------------------------------- 1. Dataset
GET_IT_BACK = (
    "git checkout -- data/MNIST, or python data/build.py mnist, brings it back"
)


def load_mnist(data_dir):
    """MNIST for training and for testing: images (N, 1, 28, 28), labels (N,).

    The video gives MNIST transform=transforms.Compose([transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,))]), and each image is transformed anew
    in each epoch. Here it happens once: the same numbers, several times as fast.
    """
    parts, raw = [], Path(data_dir, "MNIST", "raw")
    with tempfile.TemporaryDirectory() as root:  # unpacked here: data_dir is only read
        for name, md5 in datasets.MNIST.resources:
            if not check_integrity(raw / name, md5):
                sys.exit(f"{raw / name} is missing or damaged: {GET_IT_BACK}")
            Path(root, "MNIST", "raw").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(raw / name, Path(root, "MNIST", "raw", name))
        for train_part in (True, False):  # download=True unpacks what is there already
            mnist = datasets.MNIST(root, train_part, download=True)
            images = mnist.data.unsqueeze(1).float() / 255  # ToTensor: 0 to 1
            images = (images - 0.1307) / 0.3081  # Normalize: mean 0, deviation 1
            parts.append(TensorDataset(images, mnist.targets))
    return parts


# ------------------------------------------------------------------ 2. Model
class Net(torch.nn.Module):
    """The video's network: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = torch.nn.Conv2d(10, 20, kernel_size=5)
        # Pooling has no weights and keeps the channels; it halves height and width,
        # so that there is less to do after it. nn.AvgPool2d takes the mean instead.
        self.pooling = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(320, 10)

    def forward(self, x):
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 10, 24, 24) -> (N, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 20, 8, 8) -> (N, 20, 4, 4)
        x = x.flatten(1)  # -> (N, 320); the video: x.view(batch_size, -1)
        return self.fc(x)


# ------------------------------------------------------- 4. Training and test
def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints and returns [(place, mean loss)] of every 300 batches.

    place counts epochs: 0.32 is the 300th of the first epoch's 938 batches.
    """
    losses, running_loss = [], 0.0
    every = min(300, len(train_loader))  # fewer only in --dry-run
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
            outputs = model(inputs.to(device))
            predicted = outputs.argmax(dim=1).cpu()  # the largest of ten outputs wins
            correct += (predicted == target).sum().item()
            total += len(target)
    print(f"Accuracy on test set: {100 * correct // total} % [{correct}/{total}]")
    return correct, total


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    explain_convolution()
    if args.model != "basic":
        return exercise(args)

    # 1. Dataset
    torch.manual_seed(args.seed)
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 64 in the video, same result

    # 2. Model
    model = Net()
    print_shapes("basic", model)
    model.to(args.device)
    if args.device.type == "cpu":  # there this layout is 1.25 to 1.65 times as fast
        model.to(memory_format=torch.channels_last)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test
    losses, accuracies, status = [], [test(model, args.device, test_loader)], 0
    try:
        for epoch in range(args.epochs):
            losses += train(
                model, args.device, train_loader, criterion, optimizer, epoch
            )
            accuracies.append(test(model, args.device, test_loader))
            if not math.isfinite(losses[-1][1]):  # more epochs do not help
                break
    except KeyboardInterrupt:
        finished = len(accuracies) - 1
        print(f"interrupted: {finished} finished epochs are kept", file=sys.stderr)
        status = 130

    # 5. Inference and plot
    print_table("slide 10-63", compare("basic", losses, accuracies, VIDEO["basic"]))
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    runs = {"basic": (losses, accuracies)}
    digits = misread(model, args.device, test_loader)
    save_plot(draw("Lecture 10 · Basic CNN", runs, VIDEO, digits), args)
    return status or diverged("basic", losses[-1][1])


# ------------------------------------------------ Exercises: 10-1, a deeper CNN
class DeepNet(torch.nn.Module):
    """Three convolutions, ReLUs and poolings, three linear layers: -> (N, 10).

    As on the slide there is no ReLU between the linear layers: together they can do
    no more than one (lecture 4), though they learn along another path.
    """

    def __init__(self):
        super().__init__()
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
        return self.fc3(self.fc2(self.fc1(x)))


NETWORKS = {"basic": Net, "deep": DeepNet}


def exercise(args):
    """The lecture's training with the deeper network, or with both in turn."""
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)
    runs, rows, status = {}, [], 0
    try:
        for name in NETWORKS if args.model == "all" else [args.model]:
            torch.manual_seed(args.seed)  # each begins with the same numbers
            model = NETWORKS[name]()
            print_shapes(name, model)
            model.to(args.device)
            if args.device.type == "cpu":
                model.to(memory_format=torch.channels_last)
            criterion = torch.nn.CrossEntropyLoss()
            optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)
            losses, accuracies = [], []
            runs[name] = losses, accuracies
            accuracies.append(test(model, args.device, test_loader))
            for epoch in range(args.epochs):
                losses += train(
                    model, args.device, train_loader, criterion, optimizer, epoch
                )
                accuracies.append(test(model, args.device, test_loader))
    except KeyboardInterrupt:
        print("interrupted: finished epochs are kept", file=sys.stderr)
        status = 130
    for name, (losses, accuracies) in runs.items():
        rows += compare(name, losses, accuracies, VIDEO.get(name, (None, {}, {})))
        if not status and diverged(name, losses[-1][1]):
            status = 1
    print_table("slide 10-63", rows)
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    videos = VIDEO if args.model == "all" else {}
    digits = misread(model, args.device, test_loader)
    save_plot(draw("Lecture 10 · Basic CNN", runs, videos, digits), args)
    return status


# -------------------------------- Exercises: the slides' convolutions, computed
def explain_convolution():
    """The examples of slides 10-16 to 10-52, computed by the layers themselves."""
    conv = torch.nn.Conv2d(5, 10, kernel_size=3)
    output = conv(torch.zeros(1, 5, 100, 100))
    print("Conv2d(5, 10, 3) on (1, 5, 100, 100):", tuple(output.shape), end=", ")
    print("weight", tuple(conv.weight.shape))  # slide 10-35

    rows = [[3, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4]]
    rows += [[9, 7, 4, 6, 2], [3, 7, 5, 4, 1]]
    image = torch.tensor(rows, dtype=torch.float32).view(1, 1, 5, 5)
    kernel = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    for setting in ({}, {"padding": 1}, {"stride": 2}):  # slides 10-40 and 10-50
        text = ", ".join(f"{key} {value}" for key, value in setting.items())
        print(f"5x5 image, kernel 1 to 9, {text or 'no padding'}")
        print_matrix(F.conv2d(image, kernel, **setting))
    print("max-pooling 2x2 of its top left 4x4")
    print_matrix(torch.nn.MaxPool2d(2)(image[:, :, :4, :4]))  # slide 10-52
    # slides 10-16 to 10-26: a kernel of three channels gives one, their sum
    kernels = torch.cat([kernel, kernel.flip(2, 3), kernel.transpose(2, 3)], dim=1)
    print("three input channels, the image in each: kernel 1 to 9, 9 to 1, transposed")
    print_matrix(F.conv2d(image.expand(1, 3, 5, 5), kernels))


def print_matrix(tensor):
    """A (1, 1, height, width) tensor as rows of whole numbers."""
    for row in tensor[0, 0].tolist():
        print("   ", " ".join(f"{value:4.0f}" for value in row))


def print_shapes(name, model):
    """What every layer makes of one image, in the order of the forward pass."""

    def show(layer, inputs, output):
        before, after = tuple(inputs[0].shape), tuple(output.shape)
        print(f"    {type(layer).__name__:10} {before!s:18} -> {after}")

    print(f"Layers of {name}")
    model = copy.deepcopy(model)  # the hooks stay on the copy
    for layer in model.children():
        layer.register_forward_hook(show)
    model(torch.zeros(1, 1, 28, 28))


# ---------------------------------------------------------- Beside the video
# Slide 10-63: style in the plot, printed losses, accuracies by epoch. Its plot shows
# another run than its printout: measured off the curve, epochs 1 to 10.
CURVE = [97.07, 97.77, 98.23, 98.49, 98.55, 98.68, 98.56, 98.53, 98.87, 98.98]
# fmt: off
VIDEO = {
    "basic": ("ko", {1: (0.098, 0.035, 0.025), 2: (0.021, 0.017, 0.015),
                     9: (0.006, 0.006, 0.007), 10: (0.006, 0.006, 0.006)},
              {0: "6.37 %", 1: "96.05 %", 2: "97.09 %", 9: "98.57 %", 10: "98.69 %"}),
    "another run (curve)": ("k-", {}, {i: f"about {p} %" for i, p in enumerate(CURVE, 1)}),
}
# fmt: on
VIDEO_SCALE = 2000 / 300  # slide 10-59 divides the sum of 300 losses by 2000


def compare(name, losses, accuracies, video):
    """Table rows: the losses that the video prints, and the accuracy of each epoch."""
    rows = []
    _, video_losses, video_accuracies = video
    for epoch, triple in video_losses.items():
        ours = [f"{loss:.3f}" for place, loss in losses if epoch - 1 < place <= epoch]
        shown = " ".join(f"{loss * VIDEO_SCALE:.3f}" for loss in triple)
        if ours:
            rows.append((f"{name} epoch {epoch}: loss", " ".join(ours), shown))
    for epoch, (correct, total) in enumerate(accuracies):
        when = f"epoch {epoch}" if epoch else "untrained"
        ours = f"{100 * correct / total:.2f} % [{correct}/{total}]"
        shown = video_accuracies.get(epoch, "not shown")
        rows.append((f"{name} {when}: accuracy", ours, shown))
    return rows


def misread(model, device, test_loader):
    """The first ten test digits that are read wrongly: [(image, predicted, label)]."""
    found = []
    model.eval()
    for inputs, target in test_loader:
        with torch.no_grad():
            predicted = model(inputs.to(device)).argmax(dim=1).cpu()
        for i in (predicted != target).nonzero().flatten().tolist():
            found.append((inputs[i, 0].numpy(), predicted[i].item(), target[i].item()))
    return found[:10]


def draw(title, runs, videos, digits):
    """Loss, test accuracy, and test digits that the last network reads wrongly.

    runs: {name: (losses, accuracies)}; videos: {name: (style, losses, accuracies)}.
    """
    figure = plt.figure(figsize=(10, 7), layout="constrained")
    rows = 2 if digits else 1
    grid = figure.add_gridspec(rows, 1, height_ratios=[3, 1][:rows])
    left, right = grid[0].subgridspec(1, 2).subplots()
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
            means = [loss * VIDEO_SCALE for loss in triple]
            label = f"video: {name}" if epoch == 1 else None
            left.plot(places, means, style[:2], ms=4, label=label)
        percent = {e: float(text.split()[-2]) for e, text in accuracies.items() if e}
        right.plot(*zip(*percent.items()), style, ms=4, lw=0.8, label=f"video: {name}")
    left.set(xlabel="Epoch", ylabel="Mean training loss of 300 batches", yscale="log")
    right.set(xlabel="Epoch", ylabel="Test accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    if digits:
        title += f" (below: digits that {list(runs)[-1]} reads wrongly)"
    for i, (image, predicted, label) in enumerate(digits):
        axes = figure.add_subplot(grid[1].subgridspec(1, 10)[i])
        axes.imshow(image, cmap="gray_r")
        axes.set_title(f"{predicted}, not {label}", color="red", fontsize=9)
        axes.axis("off")
    figure.suptitle(title)
    return figure


def diverged(name, loss):
    """Exit status 1, and a line that says so, if the loss is out of bounds."""
    if abs(loss) < 1e9:  # nan is not, either
        return 0
    print(f"{name} diverged, loss {loss:.3g}: try a smaller --lr", file=sys.stderr)
    return 1


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture10.py")).resolve()


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
    add("--model", choices=[*NETWORKS, "all"], default="basic", help="[basic]")
    return parse(parser, argv)


def usable(name):
    """The torch.device of that name, if this machine has it (an argparse type)."""
    try:
        torch.zeros(1, device=name).item()
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
    if not args.show and "IPython" not in sys.modules:
        plt.switch_backend("agg")  # draw without a screen
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
    if hasattr(sys.stdout, "reconfigure"):  # IDLE and notebooks have other streams
        sys.stdout.reconfigure(errors="replace")  # some consoles lack some letters
    try:
        if "IPython" not in sys.modules:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
        status = main(None if "__file__" in globals() else [])
        print(end="", flush=True)
    except KeyboardInterrupt:
        if "IPython" not in sys.modules:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one adds nothing
        print("interrupted", file=sys.stderr)
        status = 130
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror}"
        if not error.filename and "IPython" not in sys.modules:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
