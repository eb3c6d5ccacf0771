"""How many digits lecture 10 reads rightly: drawn ones, and MNIST's on sheets of paper.

    python tests/measure/digits.py                   # trains three epochs first
    python tests/measure/digits.py --load cnn.pt     # a network of lecture 10's --save
    python tests/measure/digits.py --folder drawn    # keeps the pictures, to look at

Prints a table: style, right, of how many. See ../digits.py for the drawings.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from conftest import DATA
from digits import STROKES, STYLES, draw_digit, photograph, sheet
from torch.utils.data import DataLoader

import lecture10_cnn as lecture

SHEETS = 200  # test digits on each kind of paper


def pictures(test_set):
    """(style, digit, picture, suffix), one after the other."""
    for style, (draw, suffix) in STYLES.items():
        for digit in STROKES:
            yield style, digit, draw(digit), suffix
    for width in (3, 6, 12, 24, 48):
        for digit in STROKES:
            picture = draw_digit(digit, width=width)
            yield f"pen of {width} pixels, 260 high", digit, picture, "png"
            picture = photograph(draw_digit(digit, width=width, ink=70, paper=230))
            yield f"the same, uneven paper, {width}", digit, picture, "jpg"
    for paper in (255, 200, 128):
        for i in range(SHEETS):
            image, target = test_set[i]
            yield (
                f"MNIST on paper of {paper}",
                target.item(),
                sheet(image, paper),
                "png",
            )


def main():
    parser = argparse.ArgumentParser(description="See the head of this file.")
    parser.add_argument("--load", type=Path)
    parser.add_argument("--folder", type=Path, help="keep the pictures here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    train_set, test_set = lecture.load_mnist(DATA)
    torch.manual_seed(0)
    model = lecture.Net()
    if args.load:
        lecture.load_model(model, args.load)
    else:
        loader = DataLoader(train_set, batch_size=64, shuffle=True)
        criterion = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
        for epoch in range(3):
            lecture.train(model, "cpu", loader, criterion, optimizer, epoch)
    model.eval()
    counts = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for i, (style, digit, picture, suffix) in enumerate(pictures(test_set)):
            file = folder / f"{i:04} {digit}.{suffix}"
            picture.save(file)
            with torch.no_grad():
                right = model(lecture.read_digit(file)).argmax().item() == digit
            counts.setdefault(style, []).append(right)
            if not args.folder:
                file.unlink()
    print("style | right | of")
    print("--- | ---: | ---:")
    for style, answers in counts.items():
        print(f"{style} | {sum(answers)} | {len(answers)}")


if __name__ == "__main__":
    main()
