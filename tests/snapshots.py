"""What every variant prints, writes and draws, as text in tests/snapshots/.

    python tests/snapshots.py               # write all anew
    python tests/snapshots.py lecture09     # one lecture's

test_snapshots.py compares. A figure is described by what matplotlib knows of it (the
data of its lines, labels, legends, texts), not by pixels. Lectures 9 to 11 get the
first 256 digits of each part. A word in capitals is a file that INPUTS makes: some
names, made-up files of Kaggle's (… TEST the ones to hand in), a small trained network.
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
from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent / "snapshots"
COMMANDS = """
lecture02_linear_model
lecture02_linear_model --model affine
lecture02_linear_model --dry-run
lecture03_gradient_descent
lecture03_gradient_descent --lr 1
lecture03_gradient_descent --method sgd --epochs 9
lecture03_gradient_descent --landscape
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
lecture10_cnn --load CNN --predict DIGIT
lecture10_cnn --dry-run
lecture11_googlenet_resnet --epochs 2
lecture11_googlenet_resnet --epochs 2 --model scaling resnet
lecture11_googlenet_resnet --dry-run --model all
lecture12_rnn
lecture12_rnn --model gru --lr 0.1
lecture12_rnn --dry-run
lecture13_gru_classifier --data-dir FEW --epochs 2
lecture13_gru_classifier --data-dir FEW --epochs 1 --batch-size 16 --lr 0.003
lecture13_gru_classifier --data-dir FEW --load RNN --predict Li Schmidt
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


def draw_digit(file):
    """A 7 on white paper."""
    picture = Image.new("L", (280, 280), "white")
    ImageDraw.Draw(picture).line([(80, 60), (200, 60), (120, 230)], width=22)
    picture.save(file, "png")


INPUTS = {  # word of a command: what makes the file of that name
    "FEW": few_names,
    "TITANIC": kaggle.titanic,
    "TITANIC_TEST": lambda file: kaggle.titanic(file, 9, test=True),
    "OTTO": kaggle.otto,
    "OTTO_TEST": lambda file: kaggle.otto(file, 9, test=True),
    "REVIEWS": kaggle.reviews,
    "REVIEWS_TEST": lambda file: kaggle.reviews(file, 9, test=True),
    "CNN": lambda file: run(f"lecture10_cnn --epochs 9 --lr 0.1 --save {file}"),
    "RNN": lambda file: run(
        "lecture13_gru_classifier --data-dir FEW --epochs 2 --batch-size 16 --lr 0.01 "
        f"--save {file}"
    ),
    "DIGIT": draw_digit,
}


def run(command):
    """Run main() with the command's options; what it prints, on both streams."""
    name, *options = command.split()
    lecture = importlib.import_module(name)
    own = vars(lecture).copy()
    if hasattr(lecture, "load_mnist"):
        digits = few_digits()
        lecture.load_mnist = lambda *arguments: digits
    torch.set_num_threads(1)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            assert lecture.main(lecture.parse_args(options)) is not None
    finally:
        vars(lecture).update(own)
    return out.getvalue(), err.getvalue()


def snapshot(command):
    """What main() with the command's options prints, writes and draws, as text.

    It works in the current folder, which must be empty.
    """
    for word in command.split():
        if word in INPUTS:
            INPUTS[word](Path(word))
    plt.close("all")
    before = {*Path().rglob("*")}
    out, err = run(command)
    out = re.sub(r"\[\d+m \d+s\]", "[time]", out)
    out = re.sub(r"difference (\S+) \(rounding\)", rounding, out)
    lines = [f"$ {command}", *shorten(out.splitlines())]
    lines += [f"stderr: {line}" for line in err.splitlines()]
    written = sorted(p.as_posix() for p in {*Path().rglob("*")} - before if p.is_file())
    lines.append(f"written: {' '.join(written)}")
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
            ours = not re.match("video|its best|majority|always", str(line.get_label()))
            accuracy = ours and "accuracy" in axes.get_ylabel().lower()
            percent = " (percent)" if accuracy else ""
            yield f"    y {points(line.get_ydata())}{percent}"
        for image in axes.images:
            data = np.asarray(image.get_array(), dtype=float)
            low, high = image.get_clim()
            yield f"  image {data.shape} {low:.4g} to {high:.4g} {image.cmap.name}"
            yield f"    sum {data.sum():.6g}"
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
            yield f"  text {text.get_text()!r} {to_hex(text.get_color())}"
        if axes.get_legend():
            yield f"  legend {labels(axes.get_legend())}"


def main():
    wanted = tuple(sys.argv[1:]) or "lecture"
    for lecture in dict.fromkeys(command.split()[0] for command in COMMANDS):
        if lecture.startswith(wanted):
            texts = []
            for command in commands(lecture):
                with tempfile.TemporaryDirectory() as folder:
                    os.chdir(folder)
                    texts.append(snapshot(command))
                    os.chdir(ROOT)
            file = FOLDER / f"{lecture[:9]}.txt"
            file.write_text("\n".join(texts), encoding="utf-8", newline="\n")
            print(f"{lecture[:9]}.txt written")


if __name__ == "__main__":
    main()
