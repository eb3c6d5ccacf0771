"""What every variant prints and draws, as text in tests/snapshots/.

    python tests/snapshots.py               # write all anew
    python tests/snapshots.py lecture09     # one lecture's

test_snapshots.py compares. A figure is described by what matplotlib knows of it (the
data of its lines, labels, legends, texts), not by pixels. Lectures 9 to 11 get the
first 256 digits of each part; FEW is a folder with some 500 names of each, TITANIC,
OTTO and REVIEWS are made-up files of Kaggle's, and … TEST the ones to hand in.
"""

import contextlib
import gzip
import importlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import kaggle
import matplotlib.pyplot as plt
import numpy as np
import torch
from conftest import DATA, ROOT, few_digits
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter

FOLDER = Path(__file__).resolve().parent / "snapshots"
COMMANDS = """
lecture02_linear_model
lecture02_linear_model --model affine
lecture02_linear_model --dry-run
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
lecture05_linear_regression --optimizer Adam --lr 0.1 --epochs 20
lecture05_linear_regression --optimizer LBFGS --epochs 20
lecture05_linear_regression --optimizer all --epochs 30
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
lecture08_dataloader --titanic TITANIC --submit TITANIC_TEST --epochs 20
lecture08_dataloader --dry-run
lecture09_softmax_mnist --epochs 2
lecture09_softmax_mnist --epochs 2 --lr 0.1 --batch-size 32 --seed 1
lecture09_softmax_mnist --otto OTTO --submit OTTO_TEST --epochs 2
lecture09_softmax_mnist --dry-run
lecture10_cnn --epochs 2
lecture10_cnn --epochs 2 --model deep
lecture10_cnn --epochs 2 --model all
lecture10_cnn --dry-run
lecture11_googlenet_resnet --epochs 2
lecture11_googlenet_resnet --epochs 2 --model preact resnet
lecture11_googlenet_resnet --dry-run --model all
lecture12_rnn
lecture12_rnn --model gru --lr 0.1
lecture12_rnn --dry-run
lecture13_gru_classifier --data-dir FEW --epochs 2 --predict Li Schmidt
lecture13_gru_classifier --data-dir FEW --epochs 2 --cell lstm
lecture13_gru_classifier --data-dir FEW --epochs 2 --cell rnn --unidirectional
lecture13_gru_classifier --reviews REVIEWS --submit REVIEWS_TEST --lr 0.01
lecture13_gru_classifier --dry-run
""".strip().splitlines()
MOST = 50  # points of a line, and lines of one kind in the output, that are kept whole


def commands(lecture):
    """The commands of a lecture by its script's name."""
    return [command for command in COMMANDS if command.split()[0] == lecture]


def few_names(folder):
    """Every 27th row of the training file and every 14th of the test file."""
    folder.mkdir()
    for name, step in (("names_train.csv.gz", 27), ("names_test.csv.gz", 14)):
        rows = gzip.decompress((DATA / name).read_bytes()).splitlines(keepends=True)
        (folder / name).write_bytes(gzip.compress(b"".join(rows[::step])))


def write_inputs():
    """The files that commands name, into the current folder."""
    few_names(Path("FEW"))
    for make in (kaggle.titanic, kaggle.otto, kaggle.reviews):
        name = make.__name__.upper()
        make(Path(name))
        make(Path(f"{name}_TEST"), 9, test=True)


def snapshot(command):
    """Run main() with the command's options: its output and its figures, as text.

    The current folder must be empty, or hold what write_inputs() writes.
    """
    if not Path("FEW").exists():
        write_inputs()
    name, *options = command.split()
    lecture = importlib.import_module(name)
    own = vars(lecture).copy()
    if hasattr(lecture, "load_mnist"):
        digits = few_digits()
        lecture.load_mnist = lambda data_dir: digits
    torch.set_num_threads(1)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            assert lecture.main(options) is not None
    finally:
        vars(lecture).update(own)
    text = out.getvalue().replace(DATA.as_posix(), "DATA")
    text = re.sub(r"\[\d+m \d+s\]", "[time]", text)
    text = re.sub(r"difference (\S+) \(rounding\)", rounding, text)
    lines = [f"$ {command}", *shorten(text.splitlines())]
    lines += [f"stderr: {line}" for line in err.getvalue().splitlines()]
    for figure in map(plt.figure, plt.get_fignums()):
        lines += describe(figure)
    plt.close("all")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def rounding(match):
    """A difference that is tiny differs from machine to machine; another one stays."""
    return match[0].replace(match[1], "tiny") if float(match[1]) < 1e-6 else match[0]


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


def labels(legend):
    return [text.get_text() for text in legend.get_texts()]


def describe(figure):
    """What a figure shows, line by line."""
    width, height = figure.get_size_inches()
    yield f"figure {width:g} x {height:g}"
    for part in (figure, *figure.subfigs):
        for text in part.texts:
            yield f"  text {text.get_text()!r}"
        for legend in part.legends:
            yield f"  legend {labels(legend)}"
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
            yield f"    sum {data.sum():.6g}"
            if high < 100:  # a share of few names in percent jumps when one is another
                yield f"    values {points(data)}"
        for collection in axes.collections:
            offsets = getattr(collection, "_offsets3d", collection.get_offsets())
            offsets = np.ravel(offsets)[:40]
            label = collection.get_label()
            label = "" if label.startswith("_") else label
            yield f"  {type(collection).__name__} {label!r} {points(offsets)}"
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        if bars:  # or frames
            boxes = [[bar.get_x(), bar.get_y(), *bar.get_bbox().size] for bar in bars]
            colors = sorted({to_hex(bar.get_edgecolor()) for bar in bars})
            yield f"  {len(bars)} bars {' '.join(colors)} {points(boxes)}"
        for text in axes.texts:
            if not text.get_text().isdigit():  # a share, see above
                yield f"  text {text.get_text()!r} {to_hex(text.get_color())}"
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), FixedFormatter):
                yield f"  ticks {[t.get_text() for t in axis.get_ticklabels()]}"
        if axes.get_legend():
            yield f"  legend {labels(axes.get_legend())}"


def main():
    wanted = sys.argv[1:] or ["lecture"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for lecture in dict.fromkeys(command.split()[0] for command in COMMANDS):
            if any(lecture.startswith(name) for name in wanted):
                text = "\n".join(map(snapshot, commands(lecture)))
                file = FOLDER / f"{lecture[:9]}.txt"
                file.write_text(text, encoding="utf-8", newline="\n")
                print(f"{lecture[:9]}.txt written")
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
