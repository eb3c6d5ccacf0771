"""The common mistakes, each put into a copy of a script and measured.

    python tests/measure/mistakes.py                # all that is not measured yet
    python tests/measure/mistakes.py 9 13           # only of these lectures
    python tests/measure/mistakes.py 9:zero_grad    # only this one
    python tests/measure/mistakes.py --list         # what there is
    python tests/measure/mistakes.py --draw         # only the picture and the pages

mistakes.json holds them, as the rows of the pages: what one sees, why, what to write, and
the mistakes that show it. A mistake is a change of a script, `old` to `new`, or a
`program` of a learner's own. The remedy puts the script's line back, or is another
change, `fix`, of the text with the mistake: it is run, too.

A changed script runs with the lecture's own settings and seed (lecture 11 with 1 epoch,
13 with 10) and leaves a row in data/expected/mistakes.csv; key "none" is the unchanged
script. Rows that stand there are not measured again: delete a row to have it anew. All
took about an hour. At the end it draws mistakes.png and puts the rows into mistakes.md and
mistakes.en.md; what stands above and below them is written by hand.
"""

import argparse
import contextlib
import csv
import functools
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
import types
import warnings
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import matplotlib.pyplot as plt
import torch
from conftest import ENVIRONMENT, ROOT, SCRIPTS, data_copy, number, source

FOLDER = ROOT / "data" / "expected"
FILE = FOLDER / "mistakes.csv"
PICTURE = FOLDER / "mistakes.png"
PAGES = {"zh": FOLDER / "mistakes.md", "en": FOLDER / "mistakes.en.md"}
HEAD = ["lecture", "key", "options", "epochs", "loss", "accuracy", "predictions"]
HEAD += ["message", "remedy", "torch", "losses", "accuracies"]
SECTIONS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
UNCHANGED = {  # name of the unchanged script: its options
    **{f"{lecture}:none": "" for lecture in range(3, 11)},
    "11:none": "--model googlenet",
    "11:none_resnet": "--model resnet",
    "11:none_densenet": "--model densenet",
    "12:none": "--model rnncell",
    "12:none_rnn": "--model rnn",
    "12:none_embedding": "--model embedding",
    "13:none": "",
}


class Lecture(NamedTuple):
    """How long a lecture's script trains, and how to read what it prints."""

    epochs: int
    loss: str  # pattern of the losses that it prints
    every: int = 1  # keep each so-manieth of them for the curve
    predicted: str = ""  # pattern of what the network predicts
    accuracy: str = ""  # pattern of the accuracy in percent, or of right and number


DIGITS = Lecture(
    10,
    r"^\[\d+, +\d+\] loss: (\S+)",
    accuracy=r"^Accuracy on test set: .*\[(\d+)/(\d+)\]",
)
LECTURES = {
    3: Lecture(100, r"^Epoch: .* cost= (\S+)", 2, r"\(after training\) 4 (\S+)"),
    4: Lecture(100, r"^progress: \d+ (\S+)", 2, r"\(after training\) 4 (\S+)"),
    5: Lecture(1000, r"^\d+ (\S+)$", 20, r"^y_pred = (\S+)"),
    6: Lecture(1000, r"^\d+ (\S+)$", 20, r"^P\(pass \| 4 hours\) = (\S+)"),
    7: Lecture(100, r"^\d+ (\S+)$", 2, "", r"^sigmoid: accuracy +\| +(\S+) %"),
    8: Lecture(
        100, r"^epoch \d+: train loss (\S+),", 2, "", r"^epoch .*accuracy (\S+) %"
    ),
    9: DIGITS,
    10: DIGITS,
    11: DIGITS._replace(epochs=1),  # 10 in the lecture
    12: Lecture(15, r"loss=(\S+)$", 1, r"^Predicted string: (\w+)"),
    13: Lecture(  # 100 in the lecture
        10, r" loss=(\S+) ", accuracy=r"^Test set: Accuracy (\d+)/(\d+)"
    ),
}


# -------------------------------------------------------------------- The mistakes
def list_mistakes():
    """{name: mistake} in the order of the pages; after the unchanged scripts."""
    mistakes = {}
    for name, options in UNCHANGED.items():
        lecture, key = name.split(":")
        mistakes[name] = {"lecture": int(lecture), "key": key, "options": options}
    for section in SECTIONS:
        for row in section["rows"]:
            for mistake in row["mistakes"]:
                mistakes[f"{mistake['lecture']}:{mistake['key']}"] = mistake
    return mistakes


def text_of(lines):
    """A text of the JSON: a string, or a list of lines."""
    return lines if isinstance(lines, str) else "\n".join(lines)


def right_text(mistake):
    """The text of the lecture's unchanged script."""
    (script,) = (s for s in SCRIPTS if number(s) == mistake["lecture"])
    return source(script)


def replaced(text, old, new, mistake):
    """The text with new in place of old, which it has once."""
    old = text_of(old)
    if text.count(old) != 1:
        sys.exit(f"{mistake['lecture']}:{mistake['key']}: not once there: {old!r}")
    return text.replace(old, text_of(new))


def wrong_text(mistake):
    """The program with the mistake in it."""
    if "program" in mistake:
        return text_of(mistake["program"])
    if "old" not in mistake:
        return right_text(mistake)
    return replaced(right_text(mistake), mistake["old"], mistake["new"], mistake)


def mended_texts(mistake):
    """The program with the mistake and its remedy; more than one if there are more."""
    changes = list(mistake.get("also", []))
    if "fix" in mistake:
        changes.insert(0, mistake["fix"])
    texts = [replaced(wrong_text(mistake), old, new, mistake) for old, new in changes]
    if "fix" not in mistake:  # the line of the script; a file's name
        program = "program" in mistake
        texts.insert(0, wrong_text(mistake) if program else right_text(mistake))
    return texts


def right_name(mistake):
    """The unchanged script that a mistake is to be held beside, '9:none'."""
    wanted = str(mistake["lecture"]), mistake.get("options", "")
    for name, options in UNCHANGED.items():
        if (name.partition(":")[0], options) == wanted:
            return name
    return ""


# --------------------------------------------------------------------- Running them
class Run(NamedTuple):
    """What a run left: the last line of its traceback or a warning, and what it printed."""

    raised: str
    warned: str
    out: str
    model: object
    tested: list  # the last network and the data that it was tested on
    calls: set  # of forward(): (in training mode, with gradients)


def run(text, mistake, options):
    """Run the text of a script, or a program of its own (options None); its Run."""
    torch.set_num_threads(1)
    module = types.ModuleType("copy_with_mistake")
    (script,) = (s for s in SCRIPTS if number(s) == mistake["lecture"])
    module.__file__ = str(script)  # so that it finds its data
    raised = ""
    model = None
    tested = []
    calls = set()

    def called(network, _inputs):
        calls.add((network.training, torch.is_grad_enabled()))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(called)
    out = io.StringIO()
    with (
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("always")
        try:
            program = compile(text, script.name, "exec")
            exec(program, vars(module))  # noqa: S102 the project's own text
            if options is not None:
                watch(module, tested)
                if "--dry-run" in options:  # ten panels take longer than the training
                    module.draw_digits = lambda *parts: None
                model = module.main(module.parse_args(options))
        except Exception as error:  # noqa: BLE001 that is what is measured
            raised = traceback.format_exception_only(error)[-1].strip().split("\n")[0]
            raised = re.sub(r"\x1b\[\d*m", "", raised).strip()  # bold on a terminal
    hook.remove()
    plt.close("all")
    return Run(raised, warning_of(warned), out.getvalue(), model, tested, calls)


def watch(module, tested):
    """Let the module's test() tell which network it was given, and which data."""
    if hasattr(module, "test"):
        test = module.test

        def watched(model, device, test_loader):
            tested[:] = [model, test_loader]
            return test(model, device, test_loader)

        module.test = watched


def warning_of(warned):
    """The first UserWarning as one line, or ''."""
    for warning in warned:
        if issubclass(warning.category, UserWarning):
            return "UserWarning: " + str(warning.message).strip().split("\n")[0]
    return ""


@functools.cache
def program_folder():
    """A folder with a copy of data/ in it, where the programs of their own run."""
    return data_copy().parent


def run_program(text, mistake, file="program.py"):
    """A program of a learner's own, beside data/: (message, what it printed)."""
    if not mistake.get("process"):
        here = Path.cwd()
        os.chdir(program_folder())
        try:
            done = run(text, mistake, None)
        finally:
            os.chdir(here)
        return done.raised, done.out
    with tempfile.TemporaryDirectory(dir=program_folder()) as folder:
        Path(folder, file).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, file],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    lines = [line for line in done.stderr.splitlines() if re.match(r"\w+Error: ", line)]
    raised = re.sub(r"\(pid\(s\) .*?\)", "(pid(s) …)", lines[-1]) if lines else ""
    return raised, done.stdout


def computed(text, mistake):
    """All that a short run computes: a tuple to compare, the message first."""
    options = ["--dry-run", "--data-dir", str(data_copy())]
    if mistake["lecture"] in (3, 4, 5, 6, 12):  # they take no time, and have no data
        options = ["--epochs", "100" if mistake["lecture"] == 6 else "15"]
    with tempfile.TemporaryDirectory() as folder:
        options += ["--plot", str(Path(folder, "plot.png"))]
        options += mistake.get("options", "").split()
        done = run(text, mistake, options)
    out = re.sub(r"^plot saved to .*|\[\d+m \d+s\]", "", done.out, flags=re.MULTILINE)
    weights = [done.model]
    if isinstance(done.model, torch.nn.Module):
        weights = done.model.state_dict().values()
    weights = [
        w.detach().numpy().tobytes() if torch.is_tensor(w) else w for w in weights
    ]
    return done.raised or done.warned, out, weights, done.calls


# ----------------------------------------------------------------------- Measuring
def measure(mistake):
    """Run the copy with the mistake, and with its remedy; its row for mistakes.csv."""
    row = dict.fromkeys(HEAD, "")
    for column in ("lecture", "key", "options"):
        row[column] = str(mistake.get(column, ""))
    row["torch"] = torch.__version__.partition("+")[0]
    if "program" in mistake:
        file = mistake.get("file", "program.py")
        row["message"], _ = run_program(wrong_text(mistake), mistake, file)
        raised, out = run_program(mended_texts(mistake)[0], mistake)
        row["remedy"] = raised or out.strip().replace("\n", " ")
        return row
    lecture = LECTURES[mistake["lecture"]]
    row["epochs"] = str(lecture.epochs)
    with tempfile.TemporaryDirectory() as folder:
        options = ["--epochs", str(lecture.epochs), *row["options"].split()]
        options += ["--plot", str(Path(folder, "plot.png"))]
        done = run(wrong_text(mistake), mistake, options)
    row["message"] = done.raised or done.warned
    losses = re.findall(lecture.loss, done.out, re.MULTILINE)
    accuracies = []
    if lecture.accuracy:
        for found in re.finditer(lecture.accuracy, done.out, re.MULTILINE):
            accuracies.append(percent(*found.groups()))
    if len(losses) >= lecture.epochs or not done.raised:  # trained to the end
        row["losses"] = " ".join(losses[:: lecture.every])
        row["accuracies"] = " ".join(accuracies)
        row["loss"] = f"{float(losses[-1]) + 0:.4g}"  # + 0: no "-0"
        row["predictions"] = predictions(done.out, lecture, done.tested)
        if accuracies:
            row["accuracy"] = accuracies[-1]
    if "old" in mistake:
        row["remedy"] = remedy(mistake)
    return row


def remedy(mistake):
    """What the mended copy is or computes, beside the unchanged script."""
    found = []
    for mended in mended_texts(mistake):
        results = computed(mended, mistake)
        if mended == right_text(mistake):
            found.append("the script's text")
        elif results == computed(right_text(mistake), mistake):
            found.append("the script's numbers")
        else:
            found.append(results[0] or "trains")
    return ", ".join(found)


def percent(right, number=None):
    """'97.48' of 9748 and 10000, or of 97.48 itself."""
    if number is None:
        return right
    return f"{100 * int(right) / int(number):.2f}"


def predictions(out, lecture, tested):
    """What the network predicts: its last printed number, or how often which class."""
    if lecture.predicted:
        found = re.findall(lecture.predicted, out, re.MULTILINE)
        if not found:
            return ""
        if re.search(r"\d", found[-1]):
            return f"{float(found[-1]):.4g}"
        return found[-1]
    if not tested:
        return ""
    model, test_loader = tested
    counts = 0
    with torch.no_grad():
        for *inputs, _ in test_loader:
            scores = model(*inputs)
            counts += scores.argmax(dim=1).bincount(minlength=scores.shape[1])
    share = 100 * counts.max().item() / counts.sum().item()
    never = (counts == 0).sum().item()
    return f"{counts.argmax().item()}: {share:.2f} %, {never} never"


# ------------------------------------------------------------------------ The rows
def read_rows():
    """The rows of mistakes.csv in the order of the pages: {name: row}."""
    rows = {}
    if FILE.exists():
        with open(FILE, encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                rows[f"{row['lecture']}:{row['key']}"] = row
    return {name: rows[name] for name in list_mistakes() if name in rows}


def write_rows(rows):
    """Write the whole file anew."""
    with open(FILE, "w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, HEAD, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


# --------------------------------------------------------------------- The picture
def curve(row):
    """The column whose curve is drawn: the accuracies, if there is one an epoch."""
    return "accuracies" if len(row["accuracies"].split()) > 3 else "losses"


def draw(rows):
    """Small curves, one mistake each (orange), beside the right one (blue, dashed).

    Those that raise have no curve; those that change no number need none.
    """
    drawn = []
    for name, mistake in list_mistakes().items():
        right = rows.get(right_name(mistake))
        if name in rows and right:
            numbers = rows[name][curve(right)]
            if numbers and numbers != right[curve(right)]:
                drawn.append((name, rows[name], right))
    columns = 7
    lines = -(-len(drawn) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(15, 1.4 * lines), layout="constrained"
    )
    for axes in panels.flat[len(drawn) :]:
        axes.axis("off")
    for axes, (name, row, right) in zip(panels.flat, drawn):
        if curve(right) == "accuracies":
            axes.set_ylim(0, 102)
        elif int(row["lecture"]) <= 5:
            axes.set_yscale("log")
        for style, numbers in (("C0--", right), ("C1-", row)):
            values = [float(number) for number in numbers[curve(right)].split()]
            marker = "o" if len(values) == 1 else ""  # a line of one point is none
            axes.plot(values, style, lw=2, marker=marker)
        axes.set_title(name, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.set_xticks([])
    figure.savefig(PICTURE, dpi=80)
    plt.close(figure)


# ----------------------------------------------------------------------- The pages
BEGIN = "<!-- rows of tests/measure/mistakes.json -->"
END = "<!-- end of the rows -->"
HEADS = {
    "zh": ["看到的现象", "原因", "正确写法"],
    "en": ["What you see", "Why", "What to write"],
}


def value(name, column, rows):
    """A number for a page: a column of mistakes.csv, or a part of one."""
    row = rows.get(name, {})
    if column == "first":  # the accuracy after the first epoch
        return (row.get("accuracies", "") + " ? ?").split()[1]
    if column == "class":
        return row.get("predictions", "").partition(":")[0]
    if column == "never":
        return re.sub(r".*, (\d+) never", r"\1", row.get("predictions", ""))
    return row.get(column, "?")


def cells(texts, rows):
    """The texts of a row with the measured numbers in place of {9:none loss}."""
    filled = []
    for text in texts:
        text = re.sub(
            r"\{(\d+:\w+) (\w+)\}", lambda found: value(*found.groups(), rows), text
        )
        filled.append(text.replace("|", "\\|"))
    return filled


def table(language, rows):
    """All sections for a page; each row begins with the names of its mistakes, hidden."""
    lines = []
    for section in SECTIONS:
        lines += [f"## {section[language]}", ""]
        lines += ["| " + " | ".join(HEADS[language]) + " |", "| --- | --- | --- |"]
        for row in section["rows"]:
            names = [f"{m['lecture']}:{m['key']}" for m in row["mistakes"]]
            see, why, write = cells(row[language], rows)
            lines.append(f"| <!-- {' '.join(names)} -->{see} | {why} | {write} |")
        lines.append("")
    return "\n".join(lines)


def write_pages(rows):
    """Put the rows between the two marks of each page."""
    for language, page in PAGES.items():
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        text = f"{before}{BEGIN}\n{table(language, rows)}\n{END}{after}"
        page.write_text(text, encoding="utf-8", newline="\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="lectures, or lecture:key")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    args = parser.parse_args()
    rows = read_rows()
    for name, mistake in list_mistakes().items():
        lecture, _ = name.split(":")
        if args.names and not {name, lecture} & {*args.names}:
            continue
        if args.list:
            print(name)
        elif not args.draw and name not in rows:
            rows[name] = measure(mistake)
            write_rows(rows)
            print(name, *[rows[name][c] for c in HEAD[4:9]], sep=" | ", flush=True)
    if not args.list and not args.names:
        rows = read_rows()
        write_rows(rows)
        draw(rows)
        write_pages(rows)


if __name__ == "__main__":
    main()
