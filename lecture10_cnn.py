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
channels. An odd size has a middle, and padding (size - 1) / 2 keeps height and width.
PyTorch's order is (N, C, height, width), where slides 10-28 to 10-35 name width first.
Before the training PyTorch computes the slides' own examples of convolution.
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
from torch.utils.data import DataLoader, TensorDataset
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
        return self.fc(x)  # no activation: the loss holds the softmax


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
    explain_convolution()
    if args.model != "basic":
        return exercise(args)

    # 1. Dataset
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)  # 64 in the video, same result

    # 2. Model
    print_shapes("basic", Net())  # one to look into, the next to train
    torch.manual_seed(args.seed)
    device = args.device
    # all channels of a pixel side by side: 1.25 to 1.65 times as fast on our cpu
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    model = Net().to(device, memory_format=layout)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)

    # 4. Training and test
    losses, accuracies, interrupted = [], [test(model, device, test_loader)], False
    try:
        for epoch in range(args.epochs):
            losses += train(model, device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, device, test_loader))
            if not losses[-1][1] < 1e9:  # or nan: more epochs do not help
                break
    except KeyboardInterrupt:
        interrupted = True  # the finished epochs are kept

    # 5. Inference and plot
    runs = {"basic": (losses, accuracies)}
    print_table("slide 10-63", compare(runs))
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    digits = misread(model, device, test_loader)
    save_plot(draw("Lecture 10 · Basic CNN", runs, VIDEO, digits), args)
    return exit_status(runs, interrupted)


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
        return self.fc3(self.fc2(self.fc1(x.flatten(1))))  # (N, 576) -> (N, 10)


NETWORKS = {"basic": Net, "deep": DeepNet}


def exercise(args):
    """The lecture's training with the deeper network, or with both in turn."""
    train_set, test_set = load_mnist(args.data_dir)
    if args.dry_run:
        train_set, test_set = (TensorDataset(*s[:256]) for s in (train_set, test_set))
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)
    runs, device, interrupted = {}, args.device, False
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    try:
        for name in NETWORKS if args.model == "all" else [args.model]:
            losses, accuracies = runs[name] = [], []
            print_shapes(name, NETWORKS[name]())
            torch.manual_seed(args.seed)  # each begins with the same numbers
            net = NETWORKS[name]().to(device, memory_format=layout)
            criterion = torch.nn.CrossEntropyLoss()
            optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.5)
            accuracies.append(test(net, device, test_loader))
            for epoch in range(args.epochs):
                losses += train(net, device, train_loader, criterion, optimizer, epoch)
                accuracies.append(test(net, device, test_loader))
    except KeyboardInterrupt:
        interrupted = True  # the finished epochs are kept
    print_table("slide 10-63", compare(runs))
    print("The video prints sums of 300 losses / 2000: here times 2000/300.")
    videos = VIDEO if args.model == "all" else {}
    digits = misread(net, device, test_loader) if accuracies else []
    save_plot(draw("Lecture 10 · Basic CNN", runs, videos, digits), args)
    return exit_status(runs, interrupted)


# -------------------------------- Exercises: the slides' convolutions, computed
def explain_convolution():
    """The examples of slides 10-16 to 10-52, computed by PyTorch itself."""
    conv = torch.nn.Conv2d(5, 10, kernel_size=3)  # slide 10-35
    out, weight = conv(torch.zeros(1, 5, 100, 100)).shape, conv.weight.shape
    print(f"Conv2d(5, 10, 3) on (1, 5, 100, 100): {tuple(out)}, weight {tuple(weight)}")

    rows = [[3, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4]]
    rows += [[9, 7, 4, 6, 2], [3, 7, 5, 4, 1]]
    x = torch.tensor([[rows]]).float()  # (1, 1, 5, 5)
    kernel = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    # slides 10-40, 10-50 and 10-52
    print_rows("5x5 image, kernel 1 to 9, no padding", F.conv2d(x, kernel))
    print_rows("5x5 image, kernel 1 to 9, padding 1", F.conv2d(x, kernel, padding=1))
    print_rows("5x5 image, kernel 1 to 9, stride 2", F.conv2d(x, kernel, stride=2))
    print_rows("max-pooling 2x2 of its top left 4x4", F.max_pool2d(x[..., :4, :4], 2))
    # slides 10-16 to 10-26: a kernel of three channels gives one, their sum
    kernels = torch.cat([kernel, kernel.flip(2, 3), kernel.transpose(2, 3)], dim=1)
    title = "three input channels, the image in each: kernel 1 to 9, 9 to 1, transposed"
    print_rows(title, F.conv2d(x.expand(1, 3, 5, 5), kernels))


def print_rows(title, tensor):
    """A (1, 1, height, width) tensor as rows of whole numbers."""
    print(title)
    for row in tensor[0, 0].tolist():
        print("   ", " ".join(f"{value:4.0f}" for value in row))


def print_shapes(name, model):
    """What every layer makes of one image, in the order of the forward pass.

    The hooks stay on the model: give it one that is used for nothing else.
    """

    def show(layer, inputs, output):
        before, after = tuple(inputs[0].shape), tuple(output.shape)
        print(f"    {type(layer).__name__:10} {before!s:18} -> {after}")

    print(f"Layers of {name}")
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
    "another run (curve)": ("k-", {}, {i: f"about {p} %" for i, p in enumerate(CURVE, 1)})}
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
