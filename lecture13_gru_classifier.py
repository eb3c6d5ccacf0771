"""Lecture 13 · RNN classifier (第十三讲 循环神经网络高级篇)

From which of 18 countries does a name come? A bidirectional GRU of two layers reads
it letter by letter in both directions; its two last hidden states together go into
a linear layer: (N, length) -> (length, N, 100) -> (N, 200) -> (N, 18).

    python lecture13_gru_classifier.py                         # the video, 100 epochs
    python lecture13_gru_classifier.py --epochs 20 --predict Schmidt "Guo Jing"
    python lecture13_gru_classifier.py --cell lstm --unidirectional
    python lecture13_gru_classifier.py --data-dir data/course  # the lecturer's names
    python lecture13_gru_classifier.py --dataset reviews --csv train.tsv

The last line is exercise 13-1: the sentiment of Kaggle's movie-review phrases, with
words in place of letters. The names on board are not the lecturer's: see
data/README.md, also for how to get his.
"""

import argparse
import csv
import gzip
import hashlib
import math
import sys
import time
import unicodedata
import zlib
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

# Slide 13-92: epoch: test accuracy in percent, measured off the curve, +-0.2.
# fmt: off
VIDEO_ACCURACY = {
    1: 59.1, 2: 67.9, 3: 72.1, 4: 76.1, 5: 78.4, 6: 79.4, 8: 81.3, 10: 82.4,
    12: 83.0, 15: 84.4, 18: 85.0, 20: 85.1, 22: 85.2, 25: 84.7, 30: 84.5,
    40: 84.1, 50: 84.1, 60: 83.8, 70: 83.9, 80: 84.0, 90: 83.9, 100: 83.9,
}
# fmt: on
VIDEO_BEST = 22  # the epoch that the slide marks
COURSE_NAMES = "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521"


# ---------------------------------------------------------------- 1. Dataset
class Sequences:
    """Index sequences of different lengths as one padded tensor, made only once.

    seqs (N, longest) int64, padded with 0; lengths (N,) and labels (N,).
    """

    def __init__(self, sequences, labels):
        tensors = [torch.tensor(sequence) for sequence in sequences]
        self.seqs = pad_sequence(tensors, batch_first=True)
        self.lengths = torch.tensor([len(sequence) for sequence in sequences])
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        """(seqs, lengths, labels) of the rows in a tensor, longest first, for packing.

        The columns that are padding in all of them are cut off.
        """
        index = index[self.lengths[index].argsort(descending=True)]
        lengths = self.lengths[index]
        return self.seqs[index, : lengths[0]], lengths, self.labels[index]


def batches(data, batch_size, shuffle=True):
    """Index tensors of batches, newly composed at every call.

    Names of like length go together: a batch takes as many steps as its longest
    name, and a batch drawn at random nearly always has a long one. Random pools of
    five batches are sorted, cut and shuffled, so that no two epochs are alike.
    """
    if not shuffle:
        return data.lengths.argsort().split(batch_size)
    cut = []
    for pool in torch.randperm(len(data)).split(5 * batch_size):
        cut += pool[data.lengths[pool].argsort()].split(batch_size)
    return [cut[i] for i in torch.randperm(len(cut))]


def name2list(name):
    """A name as ASCII codes: 'Li' -> [76, 105]."""
    return [ord(c) for c in name]


def read_names(file):
    """The (name, country) rows of a gzipped CSV file, and the SHA-256 of its text.

    A file that cannot be used ends the program with one line.
    """
    try:
        data = gzip.decompress(file.read_bytes())
        rows = [tuple(row) for row in csv.reader(data.decode("ascii").splitlines())]
        if not rows:
            raise ValueError("no names in it")
        for line, row in enumerate(rows, start=1):
            if len(row) != 2 or not all(row):
                raise ValueError(f"line {line} is not a name and a country")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        sys.exit(f"cannot use {file}: line {line} has a letter that is not ASCII")
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        back = f"git checkout -- data/{file.name}, or python data/build.py names"
        sys.exit(f"cannot use {file} ({error}); get it back with: {back}")
    return rows, hashlib.sha256(data).hexdigest()


def load_names(data_dir):
    """(training Sequences, test Sequences, countries): names_train/test.csv.gz."""
    files = [Path(data_dir, f"names_{part}.csv.gz") for part in ("train", "test")]
    (train_rows, digest), (test_rows, _) = map(read_names, files)
    countries = sorted({country for _, country in train_rows})
    parts = []
    for file, rows in zip(files, (train_rows, test_rows)):
        if unknown := {country for _, country in rows} - set(countries):
            sys.exit(f"cannot use {file}: no {min(unknown)} among the training names")
        labels = [countries.index(country) for _, country in rows]
        parts.append(Sequences([name2list(name) for name, _ in rows], labels))
    print(f"Names of {files[0].parent}: {len(train_rows)} train, {len(test_rows)} test")
    if digest == COURSE_NAMES:
        print("These are the lecturer's names: the video's curve belongs to them.")
    else:
        print("These are not the lecturer's names, and the video's curve belongs to")
        print("those: compare the shape, not the height.")
    return *parts, countries


def load_reviews(file):
    """Exercise 13-1: (training Sequences, test Sequences, sentiments, words).

    A fifth of the sentences, with all their phrases, is kept back for testing. Word
    numbers: 0 is padding, 1 a word that the training part does not have.
    """
    try:
        with open(file, encoding="utf-8", newline="") as text:
            rows = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
            if next(rows, None) != ["PhraseId", "SentenceId", "Phrase", "Sentiment"]:
                raise ValueError("its columns are not those of the movie reviews")
            phrases = [(int(s), text.lower().split(), "01234".index(y))
                       for _, s, text, y in rows]  # fmt: skip
        sentences = sorted({sentence for sentence, _, _ in phrases})
        if len(sentences) < 5:
            raise ValueError("fewer than five sentences")
    except (OSError, ValueError, csv.Error) as error:
        sys.exit(f"cannot use {file} ({error}); --csv takes Kaggle's train.tsv")
    order = torch.randperm(len(sentences))[: len(sentences) // 5]
    test_sentences = {sentences[i] for i in order}
    train_rows = [row for row in phrases if row[0] not in test_sentences]
    test_rows = [row for row in phrases if row[0] in test_sentences]
    words = sorted({word for _, text, _ in train_rows for word in text})
    numbers = {word: i for i, word in enumerate(words, start=2)}
    parts = []
    for rows in (train_rows, test_rows):
        texts = [[numbers.get(word, 1) for word in text] or [1] for _, text, _ in rows]
        parts.append(Sequences(texts, [label for _, _, label in rows]))
    print(f"{len(train_rows)} train and {len(test_rows)} test phrases", end=", ")
    print(f"no sentence in both; {len(words)} words")
    return *parts, ["negative", "-", "neutral", "+", "positive"], len(words) + 2


# ------------------------------------------------------------------ 2. Model
CELLS = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}


class RNNClassifier(torch.nn.Module):
    """Embedding -> GRU (or LSTM, RNN) -> linear: (N, length) -> (N, output_size)."""

    def __init__(
        self, input_size, hidden_size, output_size, bidirectional=True, cell="gru"
    ):
        super().__init__()
        self.embedding = torch.nn.Embedding(input_size, hidden_size)
        rnn = CELLS[cell]
        self.rnn = rnn(
            hidden_size, hidden_size, num_layers=2, bidirectional=bidirectional
        )
        self.bidirectional = bidirectional
        self.fc = torch.nn.Linear(
            hidden_size * (2 if bidirectional else 1), output_size
        )

    def forward(self, seqs, lengths):
        """seqs (N, length), longest first; lengths (N,) on the CPU."""
        x = self.embedding(seqs.t())  # (length, N) -> (length, N, hidden)
        packed = pack_padded_sequence(x, lengths)  # padding is not computed
        _, hidden = self.rnn(packed)  # (layers * directions, N, hidden)
        if isinstance(hidden, tuple):  # LSTM: beside it the cell state
            hidden = hidden[0]
        if self.bidirectional:  # last layer: forward's end and backward's end
            hidden = torch.cat([hidden[-2], hidden[-1]], dim=1)
        else:
            hidden = hidden[-1]
        return self.fc(hidden)


# ------------------------------------------------------ 3. Loss and optimizer
def construct(model, lr):
    """Cross-entropy and Adam."""
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return criterion, optimizer


# ------------------------------------------------------- 4. Training and test
def train(epoch, model, device, data, batch_size, criterion, optimizer, begin):
    """One epoch; prints every 10 batches; returns the mean loss of its batches."""
    total_loss, done = 0.0, 0
    for i, index in enumerate(batches(data, batch_size), start=1):
        seqs, lengths, target = data[index]
        output = model(seqs.to(device), lengths)
        loss = criterion(output, target.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        total_loss += loss.item()
        done += len(target)
        if i % 10 == 0:
            print(f"[{elapsed(begin)}] Epoch {epoch}", end=" ")
            print(f"[{done}/{len(data)}] loss={total_loss / i:.4f}")
    return total_loss / i


def test(model, device, data, batch_size):
    """(most likely class, label) of every row of data, two tensors (N,)."""
    predicted, labels = [], []
    model.eval()
    with torch.no_grad():
        for index in batches(data, batch_size, shuffle=False):
            seqs, lengths, target = data[index]
            predicted.append(model(seqs.to(device), lengths).argmax(dim=1).cpu())
            labels.append(target)
    model.train()
    return torch.cat(predicted), torch.cat(labels)


def fit(epochs, model, device, parts, batch_size, criterion, optimizer, history):
    """Train and test in turn; history gets a mean loss and a test accuracy (%)."""
    train_data, test_data = parts
    begin = time.time()
    print(f"Training for {epochs} epochs...")
    for epoch in range(1, epochs + 1):
        setting = model, device, train_data, batch_size, criterion, optimizer, begin
        loss = train(epoch, *setting)
        if not math.isfinite(loss):
            message = f"the loss is {loss} in epoch {epoch}"
            raise FloatingPointError(f"{message}: try a smaller --lr")
        predicted, labels = test(model, device, test_data, batch_size)
        correct, total = (predicted == labels).sum().item(), len(labels)
        print(f"Test set: Accuracy {correct}/{total} {100 * correct / total:.2f}%")
        history["loss"].append(loss)
        history["accuracy"].append(100 * correct / total)
        history["test"] = predicted, labels


def elapsed(begin):
    """Time since begin as in the video: 1m 5s."""
    minutes, seconds = divmod(int(time.time() - begin), 60)
    return f"{minutes}m {seconds}s"


# ------------------------------------------------------ 5. Inference and plot
def to_ascii(name):
    """The name without accents and foreign letters, as the data was reduced."""
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    return "".join(c for c in plain if c.isprintable()).strip()


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


def compare(history, is_video):
    """Table rows: test accuracy at the epochs measured off slide 13-92."""
    rows = []
    for epoch, video in VIDEO_ACCURACY.items():
        if is_video and epoch <= len(history["accuracy"]):
            ours = f"{history['accuracy'][epoch - 1]:.2f} %"
            rows.append((f"epoch {epoch}: accuracy", ours, f"about {video} %"))
    best = max(history["accuracy"])
    when = history["accuracy"].index(best) + 1
    video = f"about {VIDEO_ACCURACY[VIDEO_BEST]} %, epoch {VIDEO_BEST}"
    shown = video if is_video else "no number"
    return [*rows, ("best accuracy", f"{best:.2f} %, epoch {when}", shown)]


def draw(history, classes, is_video):
    """Accuracy and loss on the left, the confusion matrix on the right."""
    figure = plt.figure(figsize=(13, 7), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.2])
    top, bottom = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    epochs = range(1, len(history["accuracy"]) + 1)
    top.plot(epochs, history["accuracy"], color="C1", label="this run: test")
    if is_video:
        places, values = zip(*VIDEO_ACCURACY.items())
        top.plot(places, values, "ko", ms=3, label="video (lecturer's names)")
        best = VIDEO_ACCURACY[VIDEO_BEST]
        label = f"video's best, epoch {VIDEO_BEST}"
        top.plot(VIDEO_BEST, best, "ko", ms=10, fillstyle="none", label=label)
    top.set(xlabel="Epoch", ylabel="Accuracy (%)")
    top.legend()
    bottom.plot(epochs, history["loss"], color="C0", label="this run: train")
    bottom.set(xlabel="Epoch", ylabel="Mean training loss")
    bottom.legend()

    counts = np.zeros((len(classes), len(classes)), dtype=int)
    predicted, labels = (part.numpy() for part in history["test"])
    np.add.at(counts, (labels, predicted), 1)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.add_subplot(grid[:, 1])
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in zip(*np.nonzero(share >= 0.5)):
        color = "white" if share[row, column] > 50 else "black"
        text = f"{share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=7)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.grid(False)
    axes.set(xlabel="predicted", ylabel="true", title="Last epoch, test")
    figure.colorbar(image, label="% of the true class", shrink=0.7)
    figure.suptitle("Lecture 13 · RNN classifier")
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


def ascii_name(text):
    """An argparse type: a name in ASCII letters, reduced if necessary."""
    name = to_ascii(text)
    if not any(c.isalpha() for c in name):
        raise argparse.ArgumentTypeError(f"nothing of {text!r} is left in ASCII")
    return name


def parse_args(argv):
    parser = make_parser()
    add = parser.add_argument
    add("--epochs", type=number(int, 0), default=100, metavar="N", help="[100]")
    add("--lr", type=number(float, 0), default=0.001, metavar="X", help="[0.001]")
    add("--batch-size", type=number(int, 0), default=256, metavar="N", help="[256]")
    add("--seed", type=number(int, -1), default=0, metavar="N", help="[0]")
    add("--device", type=device, default="auto", metavar="NAME", help="cpu, cuda ...")
    data = Path(__file__).resolve().parent / "data"
    add("--data-dir", type=Path, default=data, metavar="DIR", help="[data]")
    add("--cell", choices=CELLS, default="gru", help="[gru]")
    add("--unidirectional", action="store_true", help="read in one direction only")
    help_predict = "names to classify after training"
    add("--predict", nargs="+", type=ascii_name, metavar="NAME", help=help_predict)
    add("--dataset", choices=["names", "reviews"], default="names", help="[names]")
    add("--csv", type=Path, metavar="FILE", help="Kaggle's train.tsv, for reviews")
    args = parser.parse_args(argv)
    args.epochs = 1 if args.dry_run else args.epochs
    if (args.dataset == "reviews") != bool(args.csv):
        parser.error("--dataset reviews and --csv FILE go together")
    if args.predict and args.dataset != "names":
        parser.error("--predict goes with --dataset names")
    return args


def main(argv=None):
    args = parse_args(argv)
    start(args)
    torch.manual_seed(args.seed)
    if args.dataset == "names":
        *parts, classes = load_names(args.data_dir)
        symbols = 128  # ASCII
    else:
        *parts, classes, symbols = load_reviews(args.csv)
    if args.dry_run:
        for part in parts:
            few = torch.arange(0, len(part), math.ceil(len(part) / 500))
            part.seqs, part.lengths, part.labels = part[few]

    model = RNNClassifier(
        symbols,
        100,
        len(classes),
        bidirectional=not args.unidirectional,
        cell=args.cell,
    ).to(args.device)
    criterion, optimizer = construct(model, args.lr)
    history = {"loss": [], "accuracy": []}
    setting = model, args.device, parts, args.batch_size, criterion, optimizer, history
    status = run_training(fit, args.epochs, *setting)
    if not history["accuracy"]:
        return status

    labels = parts[1].labels
    is_video = args.dataset == "names"
    rows = compare(history, is_video)
    majority = 100 * Counter(labels.tolist()).most_common(1)[0][1] / len(labels)
    rows.append(("majority class of the test part", f"{majority:.2f} %", "not shown"))
    print_table("slide 13-92", rows)
    if args.predict:
        predict(model, args.device, args.predict, classes)
    save_plot(draw(history, classes, is_video), args)
    return status


if __name__ == "__main__":
    sys.exit(main())
