"""How fast lectures 9 to 11 train: against the video's pipeline and the bare network.

    python tests/benchmark.py                    # all, some minutes
    python tests/benchmark.py lecture09 resnet --rounds 3

Each line times an epoch (training and test) of the same network three ways, in one
process and in turn, and takes the fastest of --rounds rounds of each:

    script  the script's own loaders, train() and test()
    video   ToTensor and Normalize on every draw, batches of 64, contiguous tensors
    bare    the script's network on batches that are already cut: nothing but it

"share of bare" is bare / script: 100 % would mean that feeding it costs nothing.
"""

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import lecture09_softmax_mnist as lecture09
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11

NETWORKS = {  # name: (script, network)
    "lecture09": (lecture09, lecture09.Net),
    "lecture10": (lecture10, lecture10.Net),
    "googlenet": (lecture11, lecture11.GoogLeNet),
    "resnet": (lecture11, lecture11.ResNet),
}


def video_loaders(root, images):
    """The loaders of the video: PIL image, ToTensor and Normalize for every sample."""
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    loaders = []
    for train in (True, False):
        dataset = datasets.MNIST(root, train=train, download=True, transform=transform)
        part = Subset(dataset, range(min(images, len(dataset))))
        loaders.append(DataLoader(part, batch_size=64, shuffle=train))
    return loaders


def seconds(script, network, loaders, layout):
    """Time of one epoch of training and test of a new network."""
    torch.manual_seed(0)
    model = network().to(memory_format=layout)
    criterion, optimizer = script.construct(model, lr=0.01)
    history = {"loss": [], "correct": []}
    train_loader, test_loader = loaders
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        setting = model, "cpu", train_loader, criterion, optimizer, history
        script.train(0, *setting)
        script.test(model, "cpu", test_loader, history)
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--rounds", type=int, default=2, help="[2]")
    parser.add_argument("--images", type=int, default=60000, help="[60000]")
    args = parser.parse_args()
    names = args.names or list(NETWORKS)
    if unknown := set(names) - set(NETWORKS):
        parser.error(f"unknown: {', '.join(unknown)}")

    tensors = lecture09.load_mnist(ROOT / "data")
    train_x, train_y, test_x, test_y = (part[: args.images] for part in tensors)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    head = f"{'script':>8} {'video':>8} {'bare':>8}   times the video   share of bare"
    print(f"{'seconds an epoch':16} {head}")
    with tempfile.TemporaryDirectory() as root:
        shutil.copytree(ROOT / "data" / "MNIST", Path(root, "MNIST"))
        theirs = video_loaders(root, args.images)
        for name in names:
            script, network = NETWORKS[name]
            own = (
                script.make_loader(train_x, train_y, 64, shuffle=True),
                script.make_loader(test_x, test_y, 1000, shuffle=False),
            )
            ready = [list(loader) for loader in own]
            last, contiguous = torch.channels_last, torch.contiguous_format
            layout = contiguous if name == "lecture09" else last
            ways = [(own, layout), (theirs, contiguous), (ready, layout)]
            best = [float("inf")] * 3
            for _ in range(args.rounds):
                for i, (loaders, memory) in enumerate(ways):
                    best[i] = min(best[i], seconds(script, network, loaders, memory))
            ours, video, bare = best
            times = f"{video / ours:14.2f}x {100 * bare / ours:14.1f} %"
            print(f"{name:16} {ours:8.2f} {video:8.2f} {bare:8.2f} {times}", flush=True)


if __name__ == "__main__":
    main()
