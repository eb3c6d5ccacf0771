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


def mended_text(mistake):
    """The program with the mistake and its remedy."""
    if "fix" in mistake:
        return replaced(wrong_text(mistake), *mistake["fix"], mistake)
    return right_text(mistake)


def right_name(mistake):
    """The unchanged script that a mistake is to be held beside, '9:none'."""
    for name, options in UNCHANGED.items():
        if name.startswith(f"{mistake['lecture']}:"):
            if options == mistake.get("options", ""):
                return name
    return ""  # a program of its own


# --------------------------------------------------------------------- Running them
class Run(NamedTuple):
    """What a run left: the last line of its traceback or a warning, and what it printed."""

    raised: str
    warned: str
    out: str
    model: object
    tested: list  # the last network and the data that it was tested on


def run(text, mistake, options):
    """Run the text of a script, or a program of its own (options None); its Run."""
    torch.set_num_threads(1)
    module = types.ModuleType("copy_with_mistake")
    (script,) = (s for s in SCRIPTS if number(s) == mistake["lecture"])
    module.__file__ = str(script)  # so that it finds its data
    raised = ""
    model = None
    tested = []
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
                model = module.main(module.parse_args(options))
        except Exception as error:  # noqa: BLE001 that is what is measured
            raised = traceback.format_exception_only(error)[-1].strip().split("\n")[0]
    plt.close("all")
    return Run(raised, warning_of(warned), out.getvalue(), model, tested)


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


def run_program(text, mistake):
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
        file = Path(folder, mistake.get("file", "program.py"))
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, file.name],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    lines = [line for line in done.stderr.splitlines() if re.match(r"\w+Error: ", line)]
    return (lines[-1] if lines else ""), done.stdout


def computed(text, mistake):
    """What a dry run computes: message, print, weights, what the outputs carry along."""
    options = ["--dry-run", "--data-dir", str(data_copy())]
    if mistake["lecture"] < 7 or mistake["lecture"] == 12:
        options = ["--dry-run"]
    with tempfile.TemporaryDirectory() as folder:
        options += ["--plot", str(Path(folder, "plot.png"))]
        options += mistake.get("options", "").split()
        done = run(text, mistake, options)
    out = re.sub(r"^plot saved to .*|\[\d+m \d+s\]", "", done.out, flags=re.MULTILINE)
    weights = done.model
    if isinstance(weights, torch.nn.Module):
        weights = [value.tolist() for value in weights.state_dict().values()]
    return done.raised, done.warned, out, repr(weights)


# ----------------------------------------------------------------------- Measuring
def measure(mistake):
    """Run the copy with the mistake, and with its remedy; its row for mistakes.csv."""
    row = dict.fromkeys(HEAD, "")
    for column in ("lecture", "key", "options"):
        row[column] = str(mistake.get(column, ""))
    row["torch"] = torch.__version__.partition("+")[0]
    if "program" in mistake:
        row["message"], out = run_program(wrong_text(mistake), mistake)
        if not row["message"]:
            row["predictions"] = out.strip()
        row["remedy"] = ": ".join(run_program(mended_text(mistake), mistake)).strip(": ")
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
    mended = mended_text(mistake)
    if mended == right_text(mistake):
        return "the script's text"
    if computed(mended, mistake) == computed(right_text(mistake), mistake):
        return "the script's numbers"
    raised, _, out, _ = computed(mended, mistake)
    return raised or f"trains: {out.strip().splitlines()[-1]}"


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
