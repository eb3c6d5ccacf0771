"""What every variant prints and draws, as text in tests/snapshots/.

    python tests/snapshots.py               # write all anew
    python tests/snapshots.py lecture09     # one lecture's

test_snapshots.py compares. A figure is described by what matplotlib knows of it (the
data of its lines, labels, legends, texts), not by pixels. --dry-run means two epochs
here, so that the second is seen, too.
"""

import contextlib
import importlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from conftest import ROOT, load_mnist
from matplotlib.colors import to_hex
from matplotlib.ticker import FixedFormatter

FOLDER = Path(__file__).resolve().parent / "snapshots"
COMMANDS = """
lecture02_linear_model
lecture02_linear_model --model affine
lecture03_gradient_descent
lecture03_gradient_descent --method sgd --smooth 0.8 --epochs 9
lecture03_gradient_descent --method minibatch --epochs 9
lecture03_gradient_descent --method all --epochs 9
lecture03_gradient_descent --method all --lr 1
lecture03_gradient_descent --landscape saddle
lecture03_gradient_descent --landscape saddle --lr 1
lecture03_gradient_descent --landscape local
lecture03_gradient_descent --dry-run
lecture04_backprop
lecture04_backprop --model affine --epochs 5
lecture04_backprop --model quadratic --epochs 5
lecture04_backprop --lr 1
lecture04_backprop --dry-run
lecture05_linear_regression
lecture05_linear_regression --init video
lecture05_linear_regression --init video --epochs 100
lecture05_linear_regression --optimizer LBFGS --epochs 20
lecture05_linear_regression --optimizer all --epochs 100
lecture05_linear_regression --lr 1
lecture05_linear_regression --dry-run
lecture06_logistic_regression
lecture06_logistic_regression --dry-run
lecture07_multi_dim
lecture07_multi_dim --activation relu --epochs 50
lecture07_multi_dim --activation all --epochs 50
lecture07_multi_dim --dry-run
lecture08_dataloader --epochs 3
lecture08_dataloader --holdout 0.2 --activation relu --lr 0.3 --epochs 3
lecture08_dataloader --titanic --epochs 3
lecture08_dataloader --titanic --holdout 0.2 --epochs 20
lecture08_dataloader --dry-run
lecture09_softmax_mnist --dry-run
lecture09_softmax_mnist --dry-run --lr 0.1 --batch-size 32 --seed 1
lecture10_cnn --dry-run
lecture10_cnn --dry-run --model deep
lecture10_cnn --dry-run --model all
lecture11_googlenet_resnet --dry-run
lecture11_googlenet_resnet --dry-run --model all
lecture11_googlenet_resnet --dry-run --model preact resnet
lecture12_rnn
lecture12_rnn --seed 0
lecture12_rnn --model gru --lr 0.1
lecture12_rnn --dry-run
lecture13_gru_classifier --dry-run --predict Li Schmidt
lecture13_gru_classifier --dry-run --cell lstm
lecture13_gru_classifier --dry-run --cell rnn --unidirectional --batch-size 32
""".strip().splitlines()
MOST = 50  # points of a line, and lines of one kind in the output, that are kept whole


def commands(lecture):
    """The commands of a lecture by its script's name."""
    return [command for command in COMMANDS if command.split()[0] == lecture]


def snapshot(command):
    """Run main() with the command's options: its output and its figure, as text."""
    name, *options = command.split()
    lecture = importlib.import_module(name)
    own = {key: getattr(lecture, key) for key in ("parse_args", "save_plot")}
    figures = []

    def parse_args(argv):
        args = own["parse_args"](argv)
        if args.dry_run and hasattr(args, "epochs"):
            args.epochs = 2
        return args

    def save_plot(figure, args):
        own["save_plot"](figure, args)
        figures.append(figure)

    if hasattr(lecture, "load_mnist"):
        once = load_mnist()
        own["load_mnist"] = lecture.load_mnist
        lecture.load_mnist = lambda data_dir: once
    lecture.parse_args, lecture.save_plot = parse_args, save_plot
    out, err = io.StringIO(), io.StringIO()
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = lecture.main(options)
    finally:
        vars(lecture).update(own)
    text = out.getvalue().replace(str(ROOT), "ROOT")
    text = re.sub(r"\[\d+m \d+s\]", "[time]", text)
    text = re.sub(r"difference \S+ \(rounding\)", "difference tiny (rounding)", text)
    lines = [f"$ {command}", *shorten(text.splitlines())]
    lines += [f"stderr: {line}" for line in err.getvalue().splitlines()]
    lines += [f"status: {status or 0}"]
    for figure in figures:
        lines += describe(figure)
    plt.close("all")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def shorten(lines):
    """Of more than MOST lines of output in a row that begin alike, some."""
    groups, group_of_line = {}, []
    for line in lines:
        kind = re.sub(r"[-\d.e+]+", "0", line)[:12]
        groups.setdefault(kind, []).append(line)
        group_of_line.append(groups[kind])
    return [
        line
        for line, same in zip(lines, group_of_line)
        if len(same) <= MOST or same.index(line) % (len(same) // 20) == 0
    ]


def points(values):
    """Numbers as text, of many only some."""
    values = np.ravel(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan))
    if len(values) > MOST:
        values = values[np.linspace(0, len(values) - 1, 20).astype(int)]
    return " ".join(f"{value:.6g}" for value in values)


def describe(figure):
    """What a figure shows, line by line."""
    width, height = figure.get_size_inches()
    title = figure.get_suptitle()
    yield f"figure {width:g} x {height:g} {title!r}"
    for legend in figure.legends:
        yield f"  legend {[text.get_text() for text in legend.get_texts()]}"
    for axes in figure.axes:
        yield (
            f"axes {axes.get_title()!r} x {axes.get_xlabel()!r} {axes.get_xscale()} "
            f"y {axes.get_ylabel()!r} {axes.get_yscale()}"
        )
        for line in axes.lines:
            style = f"{to_hex(line.get_color())} {line.get_linestyle()}"
            style += f" {line.get_marker()} {line.get_linewidth():g}"
            yield f"  line {line.get_label()!r} {style}"
            yield f"    x {points(line.get_xdata())}"
            ours = not re.match("video|its best", str(line.get_label()))
            accuracy = ours and "accuracy" in axes.get_ylabel().lower()
            percent = " (percent)" if accuracy else ""
            yield f"    y {points(line.get_ydata())}{percent}"
        for image in axes.images:
            data = np.asarray(image.get_array(), dtype=float)
            low, high = image.get_clim()
            yield f"  image {data.shape} {low:.4g} to {high:.4g} {image.cmap.name}"
            yield f"    sum {data.sum():.6g} values {points(data)}"
        for collection in axes.collections:
            offsets = np.ravel(collection.get_offsets())[:40]
            label = collection.get_label()
            label = "" if label.startswith("_") else label
            yield f"  {type(collection).__name__} {label!r} {points(offsets)}"
        for text in axes.texts:
            yield f"  text {text.get_text()!r} {to_hex(text.get_color())}"
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), FixedFormatter):
                yield f"  ticks {[t.get_text() for t in axis.get_ticklabels()]}"
        if axes.get_legend():
            yield f"  legend {[t.get_text() for t in axes.get_legend().get_texts()]}"


def main():
    wanted = sys.argv[1:] or ["lecture"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for lecture in dict.fromkeys(command.split()[0] for command in COMMANDS):
            if any(lecture.startswith(name) for name in wanted):
                text = "\n".join(map(snapshot, commands(lecture)))
                (FOLDER / f"{lecture[:9]}.txt").write_text(text, encoding="utf-8")
                print(f"{lecture[:9]}.txt written")
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
