"""Lecture 10 · Basic CNN (第十讲 卷积神经网络基础篇)

Convolution keeps the neighbourhood of pixels that flattening loses. Two rounds of
convolution, max-pooling and ReLU extract features, one linear layer classifies:
(N, 1, 28, 28) -> (N, 10, 12, 12) -> (N, 20, 4, 4) -> (N, 320) -> (N, 10).

    python lecture10_cnn.py                  # the video, on the GPU if there is one
    python lecture10_cnn.py --device cuda    # or say which
    python lecture10_cnn.py --model deep     # exercise 10-1: three rounds, 3 linear
    python lecture10_cnn.py --model all      # both on one plot

Before the training it computes the convolution examples of the slides.
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
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

# Slide 10-63: epoch: three printed losses, and test accuracy in percent.
VIDEO_LOSS = {
    1: (0.098, 0.035, 0.025),
    2: (0.021, 0.017, 0.015),
    9: (0.006, 0.006, 0.007),
    10: (0.006, 0.006, 0.006),
}
VIDEO_ACCURACY = {0: 6.37, 1: 96.05, 2: 97.09, 9: 98.57, 10: 98.69}
VIDEO_SCALE = 2000 / 300  # slide 10-59 divides the sum of 300 losses by 2000


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
class Net(torch.nn.Module):
    """The video's network: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = torch.nn.Conv2d(10, 20, kernel_size=5)
        self.pooling = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(320, 10)

    def forward(self, x):
        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 10, 24, 24) -> (N, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 20, 8, 8) -> (N, 20, 4, 4)
        x = x.flatten(1)  # -> (N, 320)
        return self.fc(x)


class DeepNet(torch.nn.Module):
    """Exercise 10-1: three convolutions, ReLUs and poolings, three linear layers."""

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
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


MODELS = {"basic": Net, "deep": DeepNet}


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
def explain_convolution():
    """The examples of slides 10-35 to 10-52, computed by the layers themselves."""
    conv = torch.nn.Conv2d(5, 10, kernel_size=3)
    output = conv(torch.zeros(1, 5, 100, 100))
    print("Conv2d(5, 10, 3) on (1, 5, 100, 100):", tuple(output.shape), end=", ")
    print("weight", tuple(conv.weight.shape))  # slide 10-35

    rows = [[3, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4]]
    rows += [[9, 7, 4, 6, 2], [3, 7, 5, 4, 1]]
    image = torch.tensor(rows, dtype=torch.float32).view(1, 1, 5, 5)
    kernel = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    for setting in ({}, {"padding": 1}, {"stride": 2}):  # slides 10-40 and 10-50
        conv = torch.nn.Conv2d(1, 1, kernel_size=3, bias=False, **setting)
        conv.weight.data = kernel
        text = ", ".join(f"{key} {value}" for key, value in setting.items())
        print_matrix(f"5x5 image, kernel 1 to 9, {text or 'no padding'}", conv(image))
    pooled = torch.nn.MaxPool2d(2)(image[:, :, :4, :4])  # slide 10-52
    print_matrix("max-pooling 2x2 of its top left 4x4", pooled)


def print_matrix(title, tensor):
    """A (1, 1, height, width) tensor as rows of whole numbers."""
    print(title)
    for row in tensor[0, 0].tolist():
        print("   ", " ".join(f"{value:4.0f}" for value in row))


def print_shapes(name, model):
    """What every layer makes of one image, in the order of the forward pass."""
    print(f"Layers of {name}")
    hooks = [
        layer.register_forward_hook(
            lambda layer, inputs, output: print(
                f"    {type(layer).__name__:10} {tuple(inputs[0].shape)!s:18} ->"
                f" {tuple(output.shape)}"
            )
        )
        for layer in model.children()
    ]
    with torch.no_grad():
        model(torch.zeros(1, 1, 28, 28))
    for hook in hooks:
        hook.remove()


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
    add("--model", choices=[*MODELS, "all"], default="basic", help="[basic]")
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    explain_convolution()
    train_x, train_y, test_x, test_y = load_mnist(args.data_dir)
    if args.dry_run:
        train_x, train_y, test_x, test_y = (
            part[:256] for part in (train_x, train_y, test_x, test_y)
        )
    runs, rows, status = {}, [], 0
    for name in MODELS if args.model == "all" else [args.model]:
        torch.manual_seed(args.seed)
        loaders = (
            make_loader(train_x, train_y, args.batch_size, shuffle=True),
            make_loader(test_x, test_y, 500, shuffle=False),
        )
        model = MODELS[name]()
        print_shapes(name, model)
        # channels_last: the layout in which convolutions are fastest
        model.to(args.device, memory_format=torch.channels_last)
        criterion, optimizer = construct(model, args.lr)
        history = {"loss": [], "correct": []}
        setting = model, args.device, loaders, criterion, optimizer, history
        status = run_training(fit, args.epochs, *setting) or status
        if history["correct"]:
            runs[name] = history
            video = (VIDEO_LOSS, VIDEO_ACCURACY) if name == "basic" else ({}, {})
            rows += compare(name, history, len(test_y), *video)
        if status == 130:  # Ctrl-C
            break
    print_table("slide 10-63", rows)
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    if runs:
        videos = {"basic": (VIDEO_LOSS, VIDEO_ACCURACY)}
        figure = draw("Lecture 10 · Basic CNN", runs, videos, test_x, test_y)
        save_plot(figure, args)
    return status


if __name__ == "__main__":
    sys.exit(main())
