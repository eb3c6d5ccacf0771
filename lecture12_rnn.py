"""Lecture 12 · Basic RNN (第十二讲 循环神经网络基础篇)

A recurrent network reads "hello" letter by letter and learns to say "ohlol": its
hidden state carries what it has read so far. At heart a cell is linear layers that
change dimensions, and tanh. Dense layers have the most weights of a network; here the
same few work at every step (权重共享), whatever the length. It is slow, because each
step waits for the one before. Three models of the video, and the exercises:

    python lecture12_rnn.py                    # all five, one after the other
    python lecture12_rnn.py --model rnncell    # (a) RNNCell in a loop, one-hot input
    python lecture12_rnn.py --model rnn        # (b) the RNN module
    python lecture12_rnn.py --model embedding  # (c) embedding, 2-layer RNN, linear
    python lecture12_rnn.py --model lstm       # exercise; or gru

15 epochs are not enough from every random start. Of the seeds 0 to 99 these many
end on "ohlol" (torch 2.15, CPU): rnncell 72, rnn 59, embedding 100, lstm 61, gru 88.
The default seed is 2, the first with which all five do.

One-hot vectors are sparse, fixed by hand and as long as the vocabulary; an embedding
is dense and learned, and for real vocabularies much shorter (降维; not here: one-hot
has 4 numbers, the embedding 10).
"""

import argparse
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__" and "IPython" not in sys.modules:  # no window but by --show
    os.environ["MPLBACKEND"] = "" if "--show" in sys.argv else "agg"

import matplotlib.pyplot as plt
import numpy as np
import torch

# ---------------------------------------------------------------- 1. Dataset
idx2char = ["e", "h", "l", "o"]
x_data = [1, 0, 2, 2, 3]  # h e l l o
y_data = [3, 1, 2, 3, 2]  # o h l o l


def one_hot(indices, size=4):
    """Letters as rows with a single 1: (seq,) -> (seq, size)."""
    return torch.eye(size)[indices]


# ------------------------------------------------------------------ 2. Model
class RNNCellModel(torch.nn.Module):
    """(a) The loop over the sequence is ours; the hidden state is the output.

    inputs (seq, batch, 4) one-hot -> (seq * batch, 4), one score per letter.
    """

    def __init__(self):
        super().__init__()
        self.rnncell = torch.nn.RNNCell(input_size=4, hidden_size=4)

    def forward(self, inputs):
        hidden = inputs.new_zeros(inputs.shape[1], 4)  # (batch, hidden), same device
        outputs = []
        for x in inputs:  # (batch, 4), one letter
            hidden = self.rnncell(x, hidden)
            outputs.append(hidden)
        return torch.cat(outputs)


class RNNModel(torch.nn.Module):
    """(b) The module loops by itself: same shapes as (a)."""

    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.RNN(input_size=4, hidden_size=4, num_layers=1)

    def forward(self, inputs):
        out, _ = self.rnn(inputs)  # (seq, batch, 4), hidden (1, batch, 4)
        return out.view(-1, 4)


class EmbeddingModel(torch.nn.Module):
    """(c) Embedding 10 -> two layers of 8 -> linear 4; rnn is RNN, LSTM or GRU.

    inputs (batch, seq) of letter numbers -> (batch * seq, 4).
    """

    def __init__(self, rnn=torch.nn.RNN):
        super().__init__()
        self.emb = torch.nn.Embedding(4, 10)
        self.rnn = rnn(input_size=10, hidden_size=8, num_layers=2, batch_first=True)
        self.fc = torch.nn.Linear(8, 4)

    def forward(self, inputs):
        x = self.emb(inputs)  # (batch, seq, 10)
        x, _ = self.rnn(x)  # (batch, seq, 8), hidden (2, batch, 8)
        return self.fc(x).view(-1, 4)


vectors = one_hot(x_data).view(-1, 1, 4)  # (seq, batch, 4)
numbers = torch.tensor([x_data])  # (batch, seq)
MODELS = {  # the network, its input, how its loss joins the letters, Adam's lr
    "rnncell": (RNNCellModel, vectors, "sum", 0.1),
    "rnn": (RNNModel, vectors, "mean", 0.05),
    "embedding": (EmbeddingModel, numbers, "mean", 0.05),
}


# --------------------------------------------------------------- The lecture
def main(argv=None):
    args = parse_args(argv)
    explain_shapes()
    runs = {}
    for name in MODELS if args.model == "all" else [args.model]:
        print(f"\n{name}: hello -> ohlol")
        torch.manual_seed(args.seed)
        network, inputs, reduction, lr = MODELS[name]

        # 1. Dataset: for each letter of the inputs the one to say
        labels = torch.tensor(y_data)

        # 2. Model
        model = network()

        # 3. Loss and optimizer
        criterion = torch.nn.CrossEntropyLoss(reduction=reduction)
        optimizer = torch.optim.Adam(model.parameters(), lr=args.lr or lr)

        # 4. Training cycle: forward, backward, update
        runs[name] = []  # (loss, text, probabilities) of each epoch
        for epoch in range(args.epochs):
            optimizer.zero_grad()
            outputs = model(inputs)  # (5, 4), a score for each letter
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()

            text = spell(outputs)
            print(f"Predicted: {text}", end=", ")
            print(f"Epoch [{epoch + 1}/{args.epochs}] loss = {loss.item():.3f}")
            runs[name].append((loss.item(), text, outputs.detach().softmax(1).numpy()))

    # 5. Inference and plot
    print_table("lecture 12", compare(runs))
    save_plot(draw(runs), args)


def spell(outputs):
    """The letter with the highest score at each place, as a string."""
    return "".join(idx2char[i] for i in outputs.argmax(dim=1).tolist())


# ---------------------------------------------------- Exercises: LSTM and GRU
# The embedding model again; an LSTM has a cell state beside the hidden.
MODELS["lstm"] = lambda: EmbeddingModel(torch.nn.LSTM), numbers, "mean", 0.05
MODELS["gru"] = lambda: EmbeddingModel(torch.nn.GRU), numbers, "mean", 0.05


# ---------------------------------------------------- Exercises: which shapes?
def explain_shapes():
    """Input, hidden state and output of each model, for 5 letters and for 100."""
    print(f"{'':10} {'input':12} {'hidden':10} {'output':8} parameters  100 letters")
    for name, (network, inputs, _, _) in MODELS.items():
        model = network()
        x = inputs if inputs is vectors else model.emb(inputs)
        hidden = model.rnncell(x[0]) if name == "rnncell" else model.rnn(x)[1]
        hidden = hidden[0] if name == "lstm" else hidden  # beside it: the cell state
        long = torch.cat([inputs] * 20, dim=0 if inputs is vectors else 1)
        tensors = [inputs, hidden, model(inputs), model(long)]
        row = [str(tuple(tensor.shape)) for tensor in tensors]
        size = sum(p.numel() for p in model.parameters())
        print(f"{name:10} {row[0]:12} {row[1]:10} {row[2]:8} {size:10}  {row[3]}")
    print("The same weights read 5 letters or 100: no parameter depends on the length.")
    print("one-hot e, h, l, o: 4 numbers each, three of them 0, fixed by hand;")
    print("embedding: 10 numbers each, dense and learned, of any size you choose.")

    x = torch.zeros(3, 1, 4)  # the lecture's example: seq 3, batch 1, input 4, hidden 2
    state = torch.nn.RNNCell(4, 2)(x[0])
    print("RNNCell(4, 2): input", tuple(x[0].shape), "-> hidden", tuple(state.shape))
    out, state = torch.nn.RNN(4, 2)(x)
    print("RNN(4, 2): input", tuple(x.shape), "-> output", tuple(out.shape), end=" ")
    print("and hidden", tuple(state.shape))


# ---------------------------------------------------------- Beside the video
def compare(runs):
    """Table rows: what each model says, and since which epoch."""
    rows = []
    for name, history in runs.items():
        texts = [text for _, text, _ in history]
        ours = texts[-1]
        if "ohlol" in texts:
            ours += f", first in epoch {texts.index('ohlol') + 1}"
        video = "ohlol" if name in ("rnncell", "rnn", "embedding") else "-"
        rows.append((f"{name} after {len(history)} epochs", ours, video))
    return rows


def draw(runs):
    """Loss curves above; below, each model's letters per epoch with probabilities."""
    figure = plt.figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplot_mosaic([["loss"] * len(runs), [*runs]], height_ratios=[2, 3])
    curves = axes.pop("loss")
    target = [idx2char[i] for i in y_data]
    for name, panel in axes.items():
        losses, texts, probabilities = zip(*runs[name])
        if name == "rnncell":  # summed in the video: a fifth is the mean
            losses = [loss / len(target) for loss in losses]
        epochs = range(1, len(losses) + 1)
        curves.plot(epochs, losses, ".-", label=name)
        chosen = np.max(probabilities, axis=2)  # (epochs, 5)
        image = panel.imshow(chosen, "Greens", vmin=0.25, vmax=1, aspect="auto")
        for (row, place), probability in np.ndenumerate(chosen):
            letter = texts[row][place]
            color = "white" if probability > 0.7 else "black"
            color = color if letter == target[place] else "red"
            panel.text(place, row, letter, color=color, ha="center", va="center")
        panel.set(title=name, xlabel="target", ylabel="Epoch")
        panel.set_xticks(range(len(target)), target)
        panel.set_yticks(range(len(texts)), epochs, fontsize=8)
    curves.set(xlabel="Epoch", ylabel="Mean loss per letter")
    curves.grid(alpha=0.3)
    curves.legend(loc="upper right", ncols=5)
    figure.colorbar(image, ax=list(axes.values()), label="probability of the letter")
    figure.suptitle("Lecture 12 · hello -> ohlol (predicted letters, wrong ones red)")
    return figure


# -------------------------------------------------------------- Command line
# a notebook cell has no __file__
SCRIPT = Path(globals().get("__file__", "lecture12.py")).resolve()


def parse_args(argv):
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__)
    add = parser.add_argument
    add("--epochs", type=int, default=15, metavar="N", help="[15]")
    add("--lr", type=float, metavar="X", help="of Adam [rnncell 0.1, others 0.05]")
    add("--seed", type=int, default=2, metavar="N", help="[2]")
    add("--model", choices=[*MODELS, "all"], default="all", help="[all]")
    return parse(parser, argv)


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
    except OSError as error:  # a file that is missing or refused, a full disk
        status = f"{error.filename or 'output or plot'}: {error.strerror or error}"
        if alone and not error.filename:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # also for `| head -1`
    if status:  # a notebook would show even exit status 0
        sys.exit(status)
