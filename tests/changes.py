"""Do the tests notice? One careless change at a time, on a copy of the project.

    python tests/changes.py            # all of the list, 25 minutes
    python tests/changes.py 09 12      # the changes of these lectures
    python tests/changes.py --list     # only check that the list fits the scripts

For each change the tests of its lecture run until the first one fails: first the
snapshots, then the other files. What no test noticed is printed at the end.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Lecture: [(what stands there, what a careless edit makes of it)]; each text stands
# once in the script, or the first place is meant.
CHANGES = {
    "02": [
        ("    return (y_pred - y) ** 2", "    return abs(y_pred - y)"),
        ("l_sum / len(x_data))\n        mse", "l_sum)\n        mse"),
        ("mse_list.append(l_sum / len(x_data))", "mse_list.append(l_sum)"),
        ("np.arange(0.0, 4.0 + step / 2", "np.arange(0.0, 4.0 - step / 2"),
        ("np.mean((w[..., None] * x", "np.sum((w[..., None] * x"),
        ('"18.7", "4.7", "0"', '"18.7", "4.8", "0"'),
        ('axes.plot(w_list, mse_list, label="this run")', "axes.plot(mse_list)"),
        ('"ko", label="video")', '"ko", label="this run")'),
        ("w_list - 2)  # b", "w_list - 1)  # b"),
    ],
    "03": [
        ("total += 2 * x * (forward(x, w) - y)", "total += x * (forward(x, w) - y)"),
        ("w -= args.lr * grad_val", "w += args.lr * grad_val"),
        ("    w = 1.0\n    w_list", "    w = 1.1\n    w_list"),
        ("beta * smoothed[-1] + (1 - beta)", "(1 - beta) * smoothed[-1] + beta"),
        ("1.44, 1.50, 1.54", "1.44, 1.51, 1.54"),
        ("0.80, 0.66]", "0.80, 0.69]"),
        ('add("--lr", type=float', 'add("--lr", type=float, default=0.02'),
        ("noise=0.3)", "noise=0.0)"),
        ("default=0.9, metavar", "default=0.8, metavar"),
        ('METHODS = {"gd": 1, "sgd": 3', 'METHODS = {"gd": 1, "sgd": 2'),
    ],
    "04": [
        ("w.grad.data.zero_()  #", "pass  #"),
        ("default=100, metavar", "default=90, metavar"),
        ("[x**2, x, 1.0]", "[2 * x, x, 1.0]"),
        (
            "w = torch.tensor([1.0], requires_grad=True)  #",
            "w = torch.tensor([1.1], requires_grad=True)  #",
        ),
        ("-16.228801727294922]", "-16.228801727294912]"),
        ('"0.6530"', '"0.6350"'),
        (
            "losses.append(l.item())  # .item()",
            "losses.append(2 * l.item())  # .item()",
        ),
        ('f"2r = {2 * r:g}"', 'f"2r = {r:g}"'),
        ("torch.tensor(5.0))  #", "torch.tensor(4.0))  #"),
    ],
    "05": [
        ('MSELoss(reduction="sum")  #', 'MSELoss(reduction="mean")  #'),
        (
            "torch.optim.SGD(model.parameters(), lr=args.lr)",
            "torch.optim.Adam(model.parameters(), lr=args.lr)",
        ),
        (
            "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n\n    # 5",
            "        loss.backward()\n        optimizer.step()\n\n    # 5",
        ),
        (
            "model(torch.tensor([[4.0]])).item()\n    print",
            "model(torch.tensor([[5.0]])).item()\n    print",
        ),
        ("0.28656935691833496", "0.28656935691833469"),
        ("default=1000, metavar", "default=100, metavar"),
        ('yscale="log")', 'yscale="linear")'),
        ("1.31141861", "1.31142861"),
        ('"RMSprop", "Rprop"]', '"Rprop"]'),
    ],
    "06": [
        ('BCELoss(reduction="sum")  #', 'BCELoss(reduction="mean")  #'),
        (
            "return torch.sigmoid(self.linear(x))",
            "return torch.tanh(self.linear(x)).abs()",
        ),
        ("[[0.0], [0.0], [1.0]])  #", "[[0.0], [1.0], [1.0]])  #"),
        ('"0.3567"', '"0.3657"'),
        ("VIDEO_W, VIDEO_B = 1.193, -2.859", "VIDEO_W, VIDEO_B = 1.139, -2.859"),
        ("(1 - y) * math.log(1 - y_pred)", "(1 + y) * math.log(1 - y_pred)"),
        ("hours = np.linspace(0, 10, 200)", "hours = np.linspace(0, 8, 200)"),
        ("crossing = -model", "crossing = model"),
        (
            'f"P = 0.5 at {crossing:.2f} hours"',
            'f"P = 0.5 at {2 * crossing:.2f} hours"',
        ),
    ],
    "07": [
        ("torch.nn.Linear(8, 6)", "torch.nn.Linear(8, 5)"),
        (
            "return self.sigmoid(self.linear3(x))",
            "return self.activation(self.linear3(x))",
        ),
        ("default=0.1, metavar", "default=0.01, metavar"),
        ('reduction="mean")', 'reduction="sum")'),
        (">= 0.5)", ">= 0.4)"),
        ('"-0.29 0.49 0.18 -0.29"', '"-0.29 0.94 0.18 -0.29"'),
        ("100 * max(y.mean()", "100 * min(y.mean()"),
        ('"softplus"', '"selu"'),
        ("optimizer.zero_grad()\n", "\n"),
    ],
    "08": [
        ("shuffle=True", "shuffle=False"),
        ("torch.nn.Linear(6, 4)", "torch.nn.Linear(6, 3)"),
        (
            "torch.optim.SGD(model.parameters(), lr=args.lr)",
            "torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)",
        ),
        ("default=32, metavar", "default=64, metavar"),
        ("/ 80", "/ 60"),
        ("ages.quantile(0.5)", "ages.mean()"),
        ('"24 (computed)"', '"23 (computed)"'),
        ("dataset.fill(train_set.indices)", "dataset.fill(range(len(dataset)))"),
        (
            '{"train": train_set, "test": test_set}',
            '{"train": train_set, "test": train_set}',
        ),
        ('row["Sex"] == "female"', 'row["Sex"] == "male"'),
        ("[len(dataset) - size, size]", "[size, len(dataset) - size]"),
    ],
    "09": [
        ("momentum=0.5)\n\n    # 4", "momentum=0.0)\n\n    # 4"),
        (
            "torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)\n\n",
            "torch.optim.Adam(model.parameters(), lr=args.lr)\n\n",
        ),
        (
            "shuffle=True)\n    test_loader = DataLoader(test_set, batch_size=500)\n\n",
            "shuffle=False)\n    test_loader = DataLoader(test_set, batch_size=500)\n\n",
        ),
        (
            "    model.eval()\n    with torch.no_grad():  #",
            "    with torch.no_grad():  #",
        ),
        ("    with torch.no_grad():  # no", "    if True:  # no"),
        ("    model.train()\n", ""),
        ("        optimizer.zero_grad()\n", ""),
        (
            "torch.nn.Linear(512, 256)",
            "torch.nn.Linear(512, 512)\n        self.l3 = torch.nn.Linear(512, 256)",
        ),
        ("torch.nn.Linear(128, 64)", "torch.nn.Linear(128, 32)"),
        ("x = F.relu(self.l3(x))", "x = F.sigmoid(self.l3(x))"),
        ("0.1307", "0.1370"),
        ("- 0.1307) / 0.3081", "- 0.1307) / 0.3018"),
        ("argmax(dim=1).cpu()", "argmin(dim=1).cpu()"),
        (
            "test(model, device, test_loader))\n            if",
            "test(model, device, train_loader))\n            if",
        ),
        ("running_loss / every:.3f}", "running_loss / 300:.3f}"),
        ("(0.048, 0.040, 0.035)", "(0.048, 0.040, 0.053)"),
        ('2: "93 %"', '2: "94 %"'),
        ("VIDEO_SCALE = 2000 / 300", "VIDEO_SCALE = 300 / 2000"),
        ("100 * correct / total for", "50 * correct / total for"),
        ('f"{predicted}, not {label}"', 'f"{label}, not {predicted}"'),
        ("if d[1] != d[2]", "if d[1] == d[2]"),
        ("default=64, metavar", "default=32, metavar"),
        ("for t in (True, False)", "for t in (True, True)"),
        ("torch.log1p(torch.tensor(x))", "torch.tensor(x)"),
        ("z - z.max(axis=1, keepdims=True)", "z"),
        ("range(1, len(percent) + 1)", "range(len(percent))"),
    ],
    "10": [
        (
            "kernel_size=5)\n        self.conv2",
            "kernel_size=3, padding=1)\n        self.conv2",
        ),
        ("torch.nn.MaxPool2d(2)", "torch.nn.AvgPool2d(2)"),
        ("x = F.relu(self.pooling(self.conv2(x)))", "x = self.pooling(self.conv2(x))"),
        ("momentum=0.5)", "momentum=0.9)"),
        ("    model.eval()\n    with", "    with"),
        ('layout = torch.channels_last if device.type == "cpu" else', "layout ="),
        ("98.87, 98.98", "98.87, 98.89"),
        ('10: "98.69 %"', '10: "98.96 %"'),
        ("(0.006, 0.006, 0.007)", "(0.006, 0.006, 0.006)"),
        ("default=10, metavar", "default=20, metavar"),
        (
            "if args.dry_run:\n        train_set, test_set = (TensorDataset(*s[:256])",
            "if args.dry_run:\n        train_set, test_set = (TensorDataset(*s[:128])",
        ),
        ("list(runs)[-1]} reads wrongly", "list(runs)[0]} reads wrongly"),
        (
            "losses.append((place, running_loss / every))",
            "losses.append((place, running_loss))",
        ),
        ("place = epoch + (batch_idx + 1)", "place = epoch + 1 + (batch_idx + 1)"),
    ],
    "11": [
        (
            "kernel_size=5, padding=2)\n\n        self.branch3x3_1",
            "kernel_size=3, padding=1)\n\n        self.branch3x3_1",
        ),
        ("F.avg_pool2d(x,", "F.max_pool2d(x,"),
        ("return F.relu(x + y)  #", "return x + F.relu(y)  #"),
        ("F.relu(0.5 * x + 0.5 * self", "F.relu(0.5 * x + self"),
        ("F.relu(self.shortcut(x) + self", "F.relu(x + self"),
        ("F.relu(self.bn1(x))", "self.bn1(F.relu(x))"),
        ("growth=12, layers=3", "growth=12, layers=2"),
        (
            "self.conv2 = nn.Conv2d(88, 20, kernel_size=5)",
            "self.conv2 = nn.Conv2d(88, 20, kernel_size=5, bias=False)",
        ),
        ("torch.manual_seed(args.seed)  #", "torch.manual_seed(0)  #"),
        ('7: "about 99.07 %"', '7: "about 99.70 %"'),
        ("(0.074, 0.021, 0.017)", "(0.074, 0.012, 0.017)"),
        ('0: "9.82 %"', '0: "9.28 %"'),
        ("momentum=0.5)", "momentum=0.5, weight_decay=1e-4)"),
        (
            "get_total_flops() // 2",
            "get_total_flops()",
        ),
        ("model.eval()\n    with torch.no_grad():  #", "with torch.no_grad():  #"),
    ],
    "12": [
        ("hidden = self.rnncell(x, hidden)", "hidden = self.rnncell(x)"),
        ("num_layers=2, batch_first=True", "num_layers=1, batch_first=True"),
        ('(RNNCellModel, vectors, "sum", 0.1)', '(RNNCellModel, vectors, "mean", 0.1)'),
        ('numbers, "mean", 0.05),', 'numbers, "mean", 0.1),'),
        ("torch.nn.Embedding(4, 10)", "torch.nn.Embedding(4, 8)"),
        ("torch.optim.Adam", "torch.optim.AdamW"),
        ("optimizer.zero_grad()\n", "\n"),
        ("outputs.argmax(dim=1)", "outputs.argmin(dim=1)"),
        ("rnncell 72, rnn 59", "rnncell 72, rnn 95"),
        ("default=2, metavar", "default=0, metavar"),
        ("loss / len(target) for", "loss for"),
        ("x_data = [1, 0, 2, 2, 3]", "x_data = [1, 0, 2, 2, 2]"),
        ("EmbeddingModel(torch.nn.GRU)", "EmbeddingModel(torch.nn.LSTM)"),
    ],
    "13": [
        (
            "torch.cat([hidden[-1], hidden[-2]], dim=1)",
            "torch.cat([hidden[-2], hidden[-1]], dim=1)",
        ),
        ("torch.cat([hidden[-1], hidden[-2]]", "torch.cat([hidden[0], hidden[1]]"),
        ("pack_padded_sequence(x, lengths)", "x"),
        ("hidden_size, 2, bidirectional", "hidden_size, 1, bidirectional"),
        (
            "    model.eval()\n    with torch.no_grad():\n        for seqs",
            "    with torch.no_grad():\n        for seqs",
        ),
        ("    model.train()\n", ""),
        ("optimizer.zero_grad()\n", "\n"),
        ("total_loss / i:.4f", "total_loss / done:.4f"),
        ("return total_loss / i", "return total_loss"),
        ("default=0.001, metavar", "default=0.01, metavar"),
        ('("--batch-size", 256)', '("--batch-size", 128)'),
        ("torch.optim.Adam(", "torch.optim.SGD("),
        ("85.0, 85.3, 84.8", "85.0, 83.5, 84.8"),
        ("VIDEO_BEST = 22", "VIDEO_BEST = 23"),
        ("descending=True", "descending=True)[:-1].argsort("),
        (
            "(train_rows, True), (test_rows, False)",
            "(train_rows, True), (train_rows, False)",
        ),
        ("int(row[1]) % 5", "int(row[1]) % 10"),
        ("correct / len(test_loader)", "correct / len(test_loader.seqs[0])"),
        ("(descending=True)[:3]", "(descending=True)[:2]"),
        ("torch.randperm(len(cut))", "range(len(cut))"),
    ],
}
FILES = ["settings", "numbers", "mnist", "rnn", "paste", "rules", "errors"]


def noticed(lecture, old, new):
    """The first test that fails, or None."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        skip = shutil.ignore_patterns(".git", "plots", ".venv", "venv", "course")
        shutil.copytree(ROOT, copy, ignore=skip)
        (script,) = copy.glob(f"lecture{lecture}_*.py")
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace(old, new, 1), encoding="utf-8")
        name = f"lecture{lecture}"
        for tests in (
            ["tests/test_snapshots.py", "-k", name],
            [f"tests/test_{file}.py" for file in FILES],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *tests],
                check=False,
                cwd=copy,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                encoding="utf-8",
            )
            if done.returncode:
                lines = done.stdout.splitlines()
                starts = ("FAILED ", "ERROR ")
                return next((t for t in lines if t.startswith(starts)), "an error")
    return None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lectures", nargs="*", metavar="NN")
    parser.add_argument("--list", action="store_true", help="run nothing")
    args = parser.parse_args()
    wrong, missed, total = [], [], 0
    for lecture, changes in CHANGES.items():
        (script,) = ROOT.glob(f"lecture{lecture}_*.py")
        text = script.read_text(encoding="utf-8")
        wrong += [(lecture, old) for old, new in changes if old not in text]
    for lecture, old in wrong:
        print(f"lecture {lecture} has no {old!r}", file=sys.stderr)
    if args.list or wrong:
        print(f"{sum(map(len, CHANGES.values()))} changes, {len(wrong)} do not fit")
        return bool(wrong)
    for lecture in args.lectures or CHANGES:
        for old, new in CHANGES[lecture]:
            total += 1
            test = noticed(lecture, old, new)
            missed += [] if test else [(lecture, old, new)]
            print(f"{lecture} {new!r}: {test or 'NOT NOTICED'}"[:150], flush=True)
    print(f"{total - len(missed)} of {total} noticed; not noticed:")
    for lecture, old, new in missed:
        print(f"  lecture {lecture}: {old!r} -> {new!r}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
