"""Lecture 13 · RNN classifier (第十三讲 循环神经网络高级篇)

From which of 18 countries does a name come? Embed the letters, let a GRU read them,
take its last output, classify it with a linear layer. The GRU has two layers and
reads from both ends: each letter also knows what follows it, and the last hidden
states of the two directions are joined. Most of the code turns names into the shape
that the layer wants: names -> lists of codes -> padded (N, length) -> (length, N,
100) -> (N, 200) -> (N, 18).

    python lecture13_gru_classifier.py                         # the video, 100 epochs
    python lecture13_gru_classifier.py --epochs 20 --predict Schmidt "Guo Jing"
    python lecture13_gru_classifier.py --cell lstm --unidirectional
    python lecture13_gru_classifier.py --data-dir data/course  # the lecturer's names
    python lecture13_gru_classifier.py --reviews train.tsv     # exercise 13-1

Exercise 13-1 is the sentiment of Kaggle's movie-review phrases, with words in place
of letters. The names on board are not the lecturer's: see data/README.md, also for
how to get his.
"""

import argparse
import csv
import gzip
import hashlib
import math
import os
import signal
import sys
import time
import unicodedata
import zlib
from pathlib import Path

if "IPython" not in sys.modules:  # `!python` in a notebook inherits its backend
    os.environ.pop("MPLBACKEND", None)

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence


# ---------------------------------------------------------------- 1. Dataset
class Loader:
    """Batches of padded sequences, as the video's DataLoader and make_tensors give.

    Iterating gives (seqs (N, longest) int64 padded with 0, lengths (N,), target
    (N,)), longest first, for packing. len() is the number of sequences.

    The video turns every name into a tensor anew in every batch. Here it happens
    once, and names of like length go together, since a batch takes as many steps as
    its longest name. Random pools of five batches are sorted, cut and shuffled, so
    that no two epochs are alike.
    """

    def __init__(self, sequences, labels, batch_size, shuffle):
        tensors = [torch.tensor(sequence) for sequence in sequences]
        self.seqs = pad_sequence(tensors, batch_first=True)  # padded with 0
        self.lengths = torch.tensor([len(sequence) for sequence in sequences])
        self.labels = torch.tensor(labels)
        self.batch_size, self.shuffle = batch_size, shuffle

    def __len__(self):
        return len(self.labels)

    def __iter__(self):
        for index in self.batches():
            index = index[self.lengths[index].argsort(descending=True)]
            lengths = self.lengths[index]
            yield self.seqs[index, : lengths[0]], lengths, self.labels[index]

    def batches(self):
        """Index tensors, one a batch."""
        if not self.shuffle:
            return self.lengths.argsort().split(self.batch_size)
        cut = []
        for pool in torch.randperm(len(self)).split(5 * self.batch_size):
            cut += pool[self.lengths[pool].argsort()].split(self.batch_size)
        return [cut[i] for i in torch.randperm(len(cut))]


def name2list(name):
    """A name as ASCII codes: 'Li' -> [76, 105]."""
    return [ord(c) for c in name]


def read_names(file):
    """The [name, country] rows of a gzipped CSV file."""
    rows = []
    try:
        with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as text:
            for row in csv.reader(text):
                rows.append(row)
                if len(row) != 2 or not all(row) or not "".join(row).isascii():
                    raise ValueError(f"line {len(rows)}: not a name and a country")
        if not rows:
            raise ValueError("no names in it")
    except (ValueError, EOFError, csv.Error, zlib.error, gzip.BadGzipFile) as error:
        back = f"git checkout -- data/{file.name}, or python data/build.py names"
        sys.exit(f"cannot use {file} ({error}); get the one on board back with: {back}")
    return rows


def load_names(args):
    """(training loader, test loader, countries) from names_train/test.csv.gz."""
    files = [args.data_dir / f"names_{part}.csv.gz" for part in ("train", "test")]
    train_rows, test_rows = map(read_names, files)
    countries = sorted({country for _, country in train_rows})
    if unknown := {country for _, country in test_rows} - set(countries):
        sys.exit(f"cannot use {files[1]}: no {min(unknown)} among the training names")
    print(f"Names of {args.data_dir}: {len(train_rows)} train, {len(test_rows)} test")
    whose = (
        "the lecturer's, as" if is_course(args.data_dir) else "not the lecturer's, as"
    )
    print(f"These names are {whose} those of the video's curve are.")
    loaders = []
    for rows, shuffle in ((train_rows, True), (test_rows, False)):
        rows = rows[:: math.ceil(len(rows) / 500)] if args.dry_run else rows
        names = [name2list(name) for name, _ in rows]
        labels = [countries.index(country) for _, country in rows]
        loaders.append(Loader(names, labels, args.batch_size, shuffle))
    return *loaders, countries


# ------------------------------------------------------------------ 2. Model
class RNNClassifier(torch.nn.Module):
    """Embedding -> GRU (or LSTM, RNN) -> linear: (N, length) -> (N, output_size)."""

    def __init__(
        self, input_size, hidden_size, output_size, bidirectional=True, cell="gru"
    ):
        super().__init__()
        rnn = getattr(torch.nn, cell.upper())  # GRU in the video
        self.embedding = torch.nn.Embedding(input_size, hidden_size)
        self.rnn = rnn(hidden_size, hidden_size, 2, bidirectional=bidirectional)
        self.bidirectional = bidirectional
        directions = 2 if bidirectional else 1
        self.fc = torch.nn.Linear(hidden_size * directions, output_size)

    def forward(self, seqs, lengths):
        """seqs (N, length), longest first; lengths (N,) on the CPU."""
        x = self.embedding(seqs.t())  # (length, N) -> (length, N, hidden)
        packed = pack_padded_sequence(x, lengths)  # padding is not computed
        _, hidden = self.rnn(packed)  # (layers * directions, N, hidden)
        if isinstance(hidden, tuple):  # LSTM: beside it the cell state
            hidden = hidden[0]
        if self.bidirectional:  # last layer: backward's end and forward's end
            hidden = torch.cat([hidden[-1], hidden[-2]], dim=1)
        else:
            hidden = hidden[-1]
        return self.fc(hidden)


# ------------------------------------------------------- 4. Training and test
start = time.time()


def train(model, device, train_loader, criterion, optimizer, epoch):
    """One epoch; prints every 10 batches; returns the mean loss of its batches.

    The video prints that mean divided by the batch size once more, 256 times less.
    """
    total_loss, done = 0.0, 0
    model.train()
    for i, (seqs, lengths, target) in enumerate(train_loader, 1):
        output = model(seqs.to(device), lengths)  # slide 13-80 moves lengths, too:
        loss = criterion(output, target.to(device))  # today's torch refuses that
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        total_loss += loss.item()
        done += len(target)
        if i % 10 == 0:
            minutes, seconds = divmod(int(time.time() - start), 60)
            print(f"[{minutes}m {seconds}s] Epoch {epoch}", end=" ")
            print(f"[{done}/{len(train_loader)}] loss={total_loss / i:.4f}")
    return total_loss / i


def test(model, device, test_loader):
    """Prints and returns the accuracy on the test set in percent."""
    correct = 0
    model.eval()
    with torch.no_grad():
        for seqs, lengths, target in test_loader:
            predicted = model(seqs.to(device), lengths).argmax(dim=1).cpu()
            correct += (predicted == target).sum().item()
    percent = 100 * correct / len(test_loader)
    print(f"Test set: Accuracy {correct}/{len(test_loader)} {percent:.2f}%")
    return percent


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    torch.manual_seed(args.seed)
    if args.reviews:
        return reviews(args)

    # 1. Dataset
    train_loader, test_loader, countries = load_names(args)

    # 2. Model
    model = RNNClassifier(128, 100, len(countries), not args.unidirectional, args.cell)
    model.to(args.device)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    # 4. Training and test
    print(f"Training for {args.epochs} epochs...")
    losses, accuracies, status = [], [], 0
    try:
        for epoch in range(1, args.epochs + 1):
            loss = train(model, args.device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, args.device, test_loader))
            losses.append(loss)
    except KeyboardInterrupt:
        print(f"interrupted: {len(losses)} finished epochs are kept", file=sys.stderr)
        status = 130

    # 5. Inference and plot
    if not accuracies:
        return status
    course = is_course(args.data_dir)
    print_table("slide 13-92", compare(accuracies, test_loader.labels, course))
    print("The losses that the video prints are 256 times too small (see train).")
    predict(model, args.device, args.predict, countries)
    label = "video (slide 13-92)" if course else "video: lecturer's names, not these"
    counts = confusion(model, args.device, test_loader, len(countries))
    save_plot(draw(losses, accuracies, label, counts, countries), args)
    return status


# ------------------------------------------------- Exercises: names of your own
def to_ascii(name):
    """The name without accents and foreign letters, as the data was reduced."""
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    plain = "".join(c for c in plain if c.isprintable()).strip()
    if not any(c.isalpha() for c in plain):
        raise argparse.ArgumentTypeError(f"nothing of {name!r} is left in ASCII")
    return plain


def predict(model, device, names, countries):
    """Print the three likeliest countries of each name with their probabilities."""
    model.eval()
    for name in names:
        seqs = torch.tensor([name2list(name)]).to(device)
        with torch.no_grad():
            p = model(seqs, torch.tensor([len(name)])).softmax(dim=1)[0].cpu()
        values, places = p.topk(min(3, len(countries)))
        pairs = zip(places.tolist(), values.tolist())
        text = ", ".join(f"{countries[i]} {100 * value:.1f} %" for i, value in pairs)
        print(f"{name}: {text}")


# ----------------------------------------- Exercises: 13-1, movie-review phrases
def read_reviews(file):
    """Kaggle's train.tsv as rows (sentence, words, sentiment 0 to 4)."""
    phrases = []
    with open(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            if next(rows, None) != ["PhraseId", "SentenceId", "Phrase", "Sentiment"]:
                raise ValueError("its columns are not those of the movie reviews")
            for _, sentence, phrase, sentiment in filter(None, rows):
                if sentiment not in list("01234"):
                    raise ValueError(f"sentiment {sentiment!r} is not 0 to 4")
                phrases.append((int(sentence), phrase.lower().split(), int(sentiment)))
            if len({sentence for sentence, _, _ in phrases}) < 5:
                raise ValueError("fewer than five sentences")
        except (ValueError, csv.Error) as error:
            where = f"{file}, line {rows.line_num}"
            sys.exit(f"cannot use {where}: {error}; --reviews takes Kaggle's train.tsv")
    return phrases


def load_reviews(args):
    """(training loader, test loader, number of words).

    A fifth of the sentences, with all their phrases, is kept back for testing. Word
    numbers: 0 is padding, 1 a word that the training part does not have.
    """
    phrases = read_reviews(args.reviews)
    sentences = sorted({sentence for sentence, _, _ in phrases})
    order = torch.randperm(len(sentences))[: len(sentences) // 5]
    kept_back = {sentences[i] for i in order}
    train_rows = [row for row in phrases if row[0] not in kept_back]
    test_rows = [row for row in phrases if row[0] in kept_back]
    words = sorted({word for _, phrase, _ in train_rows for word in phrase})
    numbers = {word: i for i, word in enumerate(words, start=2)}
    loaders = []
    for rows, shuffle in ((train_rows, True), (test_rows, False)):
        rows = rows[:: math.ceil(len(rows) / 500)] if args.dry_run else rows
        texts = [[numbers.get(word, 1) for word in row[1]] or [1] for row in rows]
        labels = [sentiment for _, _, sentiment in rows]
        loaders.append(Loader(texts, labels, args.batch_size, shuffle))
    print(f"{len(train_rows)} train and {len(test_rows)} test phrases", end=", ")
    print(f"no sentence in both; {len(words)} words")
    return *loaders, len(words) + 2


def reviews(args):
    """The lecture's training on phrases: how negative or positive are they?"""
    train_loader, test_loader, symbols = load_reviews(args)
    model = RNNClassifier(symbols, 100, 5, not args.unidirectional, args.cell)
    model.to(args.device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    losses, accuracies = [], []
    for epoch in range(1, args.epochs + 1):
        loss = train(model, args.device, train_loader, criterion, optimizer, epoch)
        losses.append(loss)
        accuracies.append(test(model, args.device, test_loader))
    print_table("exercise 13-1", compare(accuracies, test_loader.labels, False))
    classes = ["negative", "-", "neutral", "+", "positive"]
    counts = confusion(model, args.device, test_loader, len(classes))
    save_plot(draw(losses, accuracies, None, counts, classes), args)


# ---------------------------------------------------------- Beside the video
# Slide 13-92: test accuracy in percent after epochs 1 to 100, measured off the curve.
# fmt: off
VIDEO_CURVE = [
    58.2, 67.8, 72.4, 76.0, 78.1, 79.3, 80.4, 81.3, 82.3, 82.3,
    83.1, 83.0, 83.9, 84.1, 84.3, 84.8, 84.7, 85.0, 85.0, 85.2,
    85.0, 85.3, 84.8, 85.1, 84.8, 84.6, 84.8, 84.9, 84.5, 84.5,
    84.5, 84.5, 84.3, 84.3, 84.1, 84.1, 84.0, 84.0, 83.7, 84.1,
    83.8, 84.4, 84.0, 84.1, 84.1, 84.1, 84.1, 84.0, 84.2, 84.0,
    83.6, 83.9, 84.0, 83.9, 84.0, 84.0, 84.0, 84.1, 84.0, 83.7,
    83.9, 84.1, 84.2, 83.8, 83.8, 84.3, 84.1, 84.2, 83.8, 83.9,
    83.9, 83.9, 84.0, 83.9, 84.0, 84.0, 84.1, 84.1, 84.0, 84.0,
    83.9, 84.1, 83.9, 83.9, 83.7, 83.9, 84.0, 83.9, 84.1, 83.9,
    83.8, 83.9, 83.6, 84.0, 84.1, 83.9, 83.7, 84.2, 84.0, 83.9,
]
# fmt: on
VIDEO_BEST = 22  # the epoch that the slide marks
COURSE_NAMES = "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521"


def is_course(data_dir):
    """Whether these are the lecturer's names, to which the video's curve belongs."""
    with gzip.open(data_dir / "names_train.csv.gz") as file:
        return hashlib.sha256(file.read()).hexdigest() == COURSE_NAMES


def compare(accuracies, labels, course):
    """Table rows: some epochs beside the video's curve, the best, the baseline."""
    rows = []
    for epoch in (1, 2, 3, 5, 10, 15, 20, 22, 30, 50, 70, 100):
        if course and epoch <= len(accuracies):
            ours = f"{accuracies[epoch - 1]:.2f} %"
            video = f"about {VIDEO_CURVE[epoch - 1]} %"
            rows.append((f"epoch {epoch}: accuracy", ours, video))
    best = accuracies.index(max(accuracies)) + 1
    ours = f"{accuracies[best - 1]:.2f} %, epoch {best}"
    video = f"about {VIDEO_CURVE[VIDEO_BEST - 1]} %, epoch {VIDEO_BEST}"
    rows.append(("best accuracy", ours, video if course else "other data"))
    majority = 100 * labels.bincount().max().item() / len(labels)
    rows.append(("majority class of the test part", f"{majority:.2f} %", "not shown"))
    return rows


def confusion(model, device, test_loader, classes):
    """How often each true class (row) is taken for each class (column), numpy."""
    counts = np.zeros((classes, classes), dtype=int)
    model.eval()
    for seqs, lengths, target in test_loader:
        with torch.no_grad():
            predicted = model(seqs.to(device), lengths).argmax(dim=1).cpu()
        np.add.at(counts, (target.numpy(), predicted.numpy()), 1)
    return counts


def draw(losses, accuracies, video, counts, classes):
    """Accuracy and loss on the left, the confusion matrix on the right.

    video: the label of the video's curve; None leaves it out.
    """
    figure = plt.figure(figsize=(13, 7), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.2])
    top, bottom = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    epochs = range(1, len(accuracies) + 1)
    marker = "." if len(accuracies) < 10 else ""
    top.plot(epochs, accuracies, "C1" + marker + "-", label="this run: test")
    if video:
        top.plot(range(1, 101), VIDEO_CURVE, "k-", lw=0.8, label=video)
        best = VIDEO_CURVE[VIDEO_BEST - 1]
        label = f"its best: about {best} %, epoch {VIDEO_BEST}"
        top.plot(VIDEO_BEST, best, "ko", ms=8, fillstyle="none", label=label)
    top.set(xlabel="Epoch", ylabel="Accuracy (%)")
    bottom.plot(epochs, losses, "C0" + marker + "-", label="this run: train")
    bottom.set(xlabel="Epoch", ylabel="Mean training loss")
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
        axes.legend()

    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.add_subplot(grid[:, 1])
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in zip(*np.nonzero(share >= 0.5)):
        color = "white" if share[row, column] > 50 else "black"
        text = f"{share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=7)
    names = [name.replace("$", r"\$") for name in classes]  # $ begins a formula
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true", title="Last epoch, test")
    figure.colorbar(image, label="% of the true class", shrink=0.7)
    figure.suptitle("Lecture 13 · RNN classifier")
    return figure


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture13.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=100, metavar="N", help="[100]")
    add("--lr", type=float, default=0.001, metavar="X", help="[0.001]")
    add("--batch-size", type=int, default=256, metavar="N", help="[256]")
    add("--seed", type=int, default=0, metavar="N", help="[0]")
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    add("--device", type=usable, default=gpu, metavar="NAME", help=f"[{gpu}]")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    add("--cell", choices=["gru", "lstm", "rnn"], default="gru", help="[gru]")
    add("--unidirectional", action="store_true", help="read in one direction only")
    add("--predict", nargs="+", type=to_ascii, default=[], metavar="NAME")
    add("--reviews", type=Path, metavar="FILE", help="exercise 13-1: train.tsv")
    args = parse(parser, argv)
    if args.reviews and args.predict:
        parser.error("--predict takes names, --reviews is about words")
    return args


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
