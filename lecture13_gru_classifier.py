"""Lecture 13 · RNN classifier (第十三讲 循环神经网络高级篇)

From which of 18 countries does a name come? Embed the letters, let a GRU read them,
take its last hidden state, classify it with a linear layer. The GRU has two layers and
reads from both ends: each letter also knows what follows it, and the last hidden
states of the two directions are joined. Most of the code turns names into the shape
that the layer wants: names -> lists of codes -> padded (N, length) -> (length, N,
100) -> (N, 200), 100 per direction -> (N, 18).

    python lecture13_gru_classifier.py                         # the video's settings
    python lecture13_gru_classifier.py --epochs 20 --predict Schmidt "Guo Jing"
    python lecture13_gru_classifier.py --cell lstm --unidirectional
    python lecture13_gru_classifier.py --data-dir data/course  # the lecturer's names
    python lecture13_gru_classifier.py --reviews train.tsv     # exercise 13-1

Exercise 13-1 is the sentiment of Kaggle's movie-review phrases, with words in place
of letters. The names on board are not the lecturer's: see data/README.md, also for
how to get his.
"""

import argparse
import contextlib
import csv
import gzip
import hashlib
import os
import signal
import sys
import time
import zlib
from pathlib import Path
from unicodedata import normalize

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
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
        self.seqs = pad_sequence([torch.tensor(s) for s in sequences], batch_first=True)
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


def data_file(data_dir, name):
    """The path of a data file; if it is not there, one line says how to get it."""
    file, missing = Path(data_dir, name), f"no {name} in {data_dir}"
    if file.exists():
        return file
    if file.parent.exists() and data_dir == SCRIPT.parent / "data":
        sys.exit(f"{missing}: git checkout -- data/{name} brings it back")
    sys.exit(f"{missing}: --data-dir takes data/, which comes with the scripts")


def read_names(file):
    """The [name, country] rows of a gzipped CSV file."""
    rows = []
    with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        try:
            for row in filter(None, reader):  # a file may end with a blank line
                if len(row) != 2 or not all(row) or not "".join(row).isascii():
                    raise ValueError("not a name and a country in ASCII")
                rows.append(row)
            if not rows:
                raise ValueError("no names in it")
        except (ValueError, EOFError, csv.Error, zlib.error, gzip.BadGzipFile) as error:
            advice = f"git checkout -- data/{file.name} brings back the one on board"
            sys.exit(f"cannot use {file}, line {reader.line_num}: {error}; {advice}")
    return rows


def load_names(args):
    """(training loader, test loader, countries) from names_train/test.csv.gz."""
    if args.data_dir.name == "course" and not args.data_dir.exists():
        advice = "python data/download_course_names.py gets the lecturer's names"
        sys.exit(f"no {args.data_dir} yet: {advice}")
    train_rows = read_names(data_file(args.data_dir, "names_train.csv.gz"))
    test_rows = read_names(data_file(args.data_dir, "names_test.csv.gz"))
    countries = sorted({country for _, country in train_rows})
    if unknown := {country for _, country in test_rows} - set(countries):
        sys.exit(f"cannot use names_test.csv.gz: no {min(unknown)} in names_train")
    print(f"Names of {args.data_dir}: {len(train_rows)} train, {len(test_rows)} test")
    loaders = []
    for rows, shuffle in ((train_rows, True), (test_rows, False)):
        # --dry-run takes some 500 rows, from all over the file
        rows = rows[:: 1 + len(rows) // 500] if args.dry_run else rows
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
        # two layers; without a first hidden state they start at zeros
        self.rnn = rnn(hidden_size, hidden_size, 2, bidirectional=bidirectional)
        self.directions = 2 if bidirectional else 1
        self.fc = torch.nn.Linear(hidden_size * self.directions, output_size)

    def forward(self, seqs, lengths):
        """seqs (N, length), longest first; lengths (N,) on the CPU."""
        x = self.embedding(seqs.t())  # (length, N) -> (length, N, hidden)
        packed = pack_padded_sequence(x, lengths)  # padding is not computed
        _, hidden = self.rnn(packed)  # (layers * directions, N, hidden)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden  # LSTM: (h, c)
        if self.directions == 2:  # last layer: backward's end and forward's end
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
        # slides 13-80 and 13-86 move lengths to the GPU, too: today's torch refuses that
        output = model(seqs.to(device), lengths)
        loss = criterion(output, target.to(device))
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
    course = is_course(args.data_dir)

    # 2. Model: 128 ASCII codes, vectors of 100
    model = RNNClassifier(128, 100, len(countries), not args.unidirectional, args.cell)
    model.to(args.device)

    # 3. Loss and optimizer
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    # 4. Training and test
    print(f"Training for {args.epochs} epochs...")
    losses, accuracies = [], []
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C: the finished epochs are kept
        for epoch in range(1, args.epochs + 1):
            loss = train(model, args.device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, args.device, test_loader))
            losses.append(loss)

    # 5. Inference and plot
    label = "video (slide 13-92)" if course else "video: lecturer's names, not these"
    if accuracies:
        print_table("slide 13-92", compare(accuracies, test_loader.labels, course))
        print("The losses that the video prints are 256 times too small (see train).")
        predict(model, args.device, args.predict, countries)
        share = confusion(model, args.device, test_loader, len(countries))
        save_plot(draw(losses, accuracies, label, share, countries), args)
    if len(losses) < args.epochs:
        print(f"interrupted: {len(losses)} finished epochs are kept", file=sys.stderr)
        return 130


# ------------------------------------------------- Exercises: names of your own
def to_ascii(name):
    """The name without accents and without letters beyond ASCII."""
    plain = "".join(c for c in normalize("NFD", name) if " " <= c <= "~").strip()
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
        top = p.argsort(descending=True)[:3]
        print(f"{name}:", ", ".join(f"{countries[i]} {100 * p[i]:.1f} %" for i in top))


# ----------------------------------------- Exercises: 13-1, movie-review phrases
def read_reviews(file):
    """Training and test rows (words, sentiment 0 to 4) from Kaggle's train.tsv.

    Every fifth sentence, with all its phrases, is kept back for testing.
    """
    train_rows, test_rows = [], []
    with open(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            if next(rows, None) != ["PhraseId", "SentenceId", "Phrase", "Sentiment"]:
                raise ValueError("not the columns of Kaggle's train.tsv")
            for row in filter(None, rows):  # a file may end with a blank line
                if len(row) != 4 or not row[1].isdigit() or row[3] not in list("01234"):
                    raise ValueError("not two ids, a phrase and a sentiment 0 to 4")
                part = train_rows if int(row[1]) % 5 else test_rows
                part.append((row[2].lower().split(), int(row[3])))
            if not train_rows or not test_rows:
                raise ValueError("fewer than five sentences")
        except (ValueError, csv.Error) as error:
            sys.exit(f"cannot use {file}, line {rows.line_num}: {error}")
    return train_rows, test_rows


def load_reviews(args):
    """(training loader, test loader, number of symbols) from Kaggle's phrases.

    Word numbers: 0 is padding, 1 a word that the training part does not have.
    """
    train_rows, test_rows = read_reviews(args.reviews)
    words = sorted({word for phrase, _ in train_rows for word in phrase})
    numbers = {word: i for i, word in enumerate(words, start=2)}
    print(f"{len(train_rows)} train and {len(test_rows)} test phrases", end=", ")
    print(f"no sentence in both; {len(words)} words")
    loaders = []
    for rows, shuffle in ((train_rows, True), (test_rows, False)):
        rows = rows[:: 1 + len(rows) // 500] if args.dry_run else rows
        texts = [[numbers.get(word, 1) for word in phrase] or [1] for phrase, _ in rows]
        labels = [sentiment for _, sentiment in rows]
        loaders.append(Loader(texts, labels, args.batch_size, shuffle))
    return *loaders, len(words) + 2


def reviews(args):
    """The lecture's training on phrases: how negative or positive are they?"""
    train_loader, test_loader, symbols = load_reviews(args)
    model = RNNClassifier(symbols, 100, 5, not args.unidirectional, args.cell)
    model.to(args.device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    losses, accuracies = [], []
    with contextlib.suppress(KeyboardInterrupt):
        for epoch in range(1, args.epochs + 1):
            loss = train(model, args.device, train_loader, criterion, optimizer, epoch)
            accuracies.append(test(model, args.device, test_loader))
            losses.append(loss)
    if accuracies:
        print_table("exercise 13-1", compare(accuracies, test_loader.labels, False))
        classes = ["negative", "-", "neutral", "+", "positive"]
        share = confusion(model, args.device, test_loader, len(classes))
        save_plot(draw(losses, accuracies, None, share, classes), args)
    if len(losses) < args.epochs:
        print(f"interrupted: {len(losses)} finished epochs are kept", file=sys.stderr)
        return 130


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
    83.8, 83.9, 83.6, 84.0, 84.1, 83.9, 83.7, 84.2, 84.0, 83.9]
# fmt: on
VIDEO_BEST = 22  # the epoch that the slide marks
COURSE_NAMES = "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521"


def is_course(data_dir):
    """Say and return whether these are the names that the video's curve is of."""
    with gzip.open(data_dir / "names_train.csv.gz") as file:
        course = hashlib.sha256(file.read()).hexdigest() == COURSE_NAMES
    print("Names in the video:", "these" if course else "others, the lecturer's")
    return course


def compare(accuracies, labels, course):
    """Table rows: some epochs beside the video's curve, the best, the baseline."""
    rows = []
    for epoch, (ours, video) in enumerate(zip(accuracies, VIDEO_CURVE), start=1):
        if course and epoch in (1, 2, 3, 5, 10, 15, 20, 22, 30, 50, 70, 100):
            name = f"epoch {epoch}: accuracy"
            rows.append((name, f"{ours:.2f} %", f"about {video} %"))
    best = max(accuracies)
    ours = f"{best:.2f} %, epoch {accuracies.index(best) + 1}"
    video = "about 85.3 %, epoch 22" if course else "not shown"
    rows.append(("best accuracy", ours, video))
    majority = 100 * labels.bincount().max().item() / len(labels)
    rows.append(("majority class of the test part", f"{majority:.2f} %", "not shown"))
    return rows


def confusion(model, device, test_loader, classes):
    """In percent, how often each true class (row) is taken for each class (column)."""
    counts = torch.zeros(classes, classes)
    model.eval()
    for seqs, lengths, target in test_loader:
        with torch.no_grad():
            predicted = model(seqs.to(device), lengths).argmax(dim=1).cpu()
        counts.index_put_((target, predicted), torch.ones(1), accumulate=True)
    return 100 * counts / counts.sum(dim=1, keepdim=True).clamp(min=1)


def draw(losses, accuracies, video, share, classes):
    """Accuracy and loss on the left, the confusion matrix on the right.

    video: the label of the video's curve, None leaves it out; share: confusion().
    """
    figure = plt.figure(figsize=(13, 7), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.2])
    top, bottom = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    epochs = range(1, len(accuracies) + 1)
    line = ".-" if len(accuracies) < 10 else "-"
    top.plot(epochs, accuracies, "C1" + line, label="this run: test")
    if video:
        top.plot(range(1, 101), VIDEO_CURVE, "k-", lw=0.8, label=video)
        best = "its best: about 85.3 %, epoch 22"
        top.plot(VIDEO_BEST, 85.3, "ko", ms=8, fillstyle="none", label=best)
    top.set(xlabel="Epoch", ylabel="Accuracy (%)")
    bottom.plot(epochs[: len(losses)], losses, "C0" + line, label="this run: train")
    bottom.set(xlabel="Epoch", ylabel="Mean training loss")
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
        axes.legend()

    axes = figure.add_subplot(grid[:, 1])
    image = axes.imshow(share.numpy(), cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for y, x in (share >= 0.5).nonzero().tolist():
        color = "white" if share[y, x] > 50 else "black"
        axes.text(x, y, f"{share[y, x]:.0f}", ha="center", va="center", c=color, size=7)
    axes.set_xticks(range(len(classes)), classes, rotation=90, parse_math=False)
    axes.set_yticks(range(len(classes)), classes, parse_math=False)  # $ is no formula
    axes.set(xlabel="predicted", ylabel="true", title="Test set, model at the end")
    figure.colorbar(image, label="% of the true class", shrink=0.7)
    figure.suptitle("Lecture 13 · RNN classifier")
    return figure


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture13.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    for name, default in ("--epochs", 100), ("--batch-size", 256), ("--seed", 0):
        add(name, type=int, default=default, metavar="N", help=f"[{default}]")
    add("--lr", type=float, default=0.001, metavar="X", help="[0.001]")
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    add("--device", type=usable, default=gpu, metavar="NAME", help=f"[{gpu}]")
    add("--data-dir", type=Path, default=SCRIPT.parent / "data", metavar="DIR")
    add("--cell", choices=["gru", "lstm", "rnn"], default="gru", help="[gru]")
    add("--unidirectional", action="store_true", help="read in one direction only")
    add = parser.add_mutually_exclusive_group().add_argument  # names or words
    add("--predict", nargs="+", type=to_ascii, default=[], metavar="NAME")
    add("--reviews", type=Path, metavar="FILE", help="exercise 13-1: train.tsv")
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
