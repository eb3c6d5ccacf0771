"""How much the accuracy moves with the seed: is my result normal?

    python tests/measure/spread.py                         # all, hours
    python tests/measure/spread.py softmax basic --seeds 3
    python tests/measure/spread.py --seeds 0               # only say what there is

Trains with the lectures' own settings, script by script, and writes one row per run to
data/expected/spread.csv: network, seed, final and best accuracy in percent, epoch of
the best. Runs that stand there already are not done again, so it goes on where it was
interrupted. At the end it prints the lowest, median and highest of what there is.

Seeds are 0 to 9, for lecture 13 (names, course) 0 to 4. `course` needs the lecturer's
names in data/course (data/download_course_names.py) and is left out without them.

Each run has one thread, so that on two cores this can be started twice, with different
networks. More threads round differently: a seed's accuracy moves by some hundredths.
"""

import argparse
import csv
import re
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import ROOT, output

FILE = ROOT / "data" / "expected" / "spread.csv"
HEAD = ["network", "seed", "final", "best", "best_epoch"]
COURSE = ROOT / "data" / "course"
NETWORKS = {  # network: (script, its options, number of seeds)
    "softmax": ("lecture09_softmax_mnist.py", [], 10),
    "basic": ("lecture10_cnn.py", [], 10),
    "googlenet": ("lecture11_googlenet_resnet.py", ["--model", "googlenet"], 10),
    "resnet": ("lecture11_googlenet_resnet.py", ["--model", "resnet"], 10),
    "names": ("lecture13_gru_classifier.py", [], 5),
    "course": ("lecture13_gru_classifier.py", ["--data-dir", str(COURSE)], 5),
}


def read_rows():
    """The rows of spread.csv as dicts of strings; [] if there is no such file."""
    if not FILE.exists():
        return []
    with open(FILE, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def write_row(row):
    """Append one row, with the head before the first."""
    new = not FILE.exists()
    with open(FILE, "a", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([HEAD, row] if new else [row])


def accuracies(script, options):
    """Test accuracy in percent after each epoch of a run of the script."""
    with tempfile.TemporaryDirectory() as folder:
        out = output(script, *options, cwd=folder)
    lines = re.findall(r"^(?:Accuracy on test|Test) set: .*", out, re.MULTILINE)
    pairs = [re.search(r"(\d+)/(\d+)", line).groups() for line in lines]
    percent = [100 * int(correct) / int(total) for correct, total in pairs]
    # lectures 9 to 11 test once before the training
    return percent[1:] if lines[0].startswith("Accuracy") else percent


def summary():
    """Print lowest, median and highest of every network."""
    print(f"{'':10} {'seeds':>5} {'final: low':>12} {'median':>8} {'high':>8}", end="")
    print(f" {'best: low':>12} {'median':>8} {'high':>8}")
    rows = read_rows()
    for name in NETWORKS:
        own = [row for row in rows if row["network"] == name]
        if own:
            print(f"{name:10} {len(own):5}", end="")
            for column, width in (("final", 12), ("best", 12)):
                values = [float(row[column]) for row in own]
                low, high = min(values), max(values)
                middle = statistics.median(values)
                print(f" {low:{width}.2f} {middle:8.2f} {high:8.2f}", end="")
            print()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--seeds", type=int, default=10, help="at most so many [10]")
    args = parser.parse_args()
    if unknown := set(args.names) - set(NETWORKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    names = args.names or [n for n in NETWORKS if n != "course" or COURSE.exists()]
    done = {(row["network"], int(row["seed"])) for row in read_rows()}
    try:
        for seed in range(args.seeds):  # interrupted, all networks have as many
            for name in names:
                script, options, seeds = NETWORKS[name]
                if seed < seeds and (name, seed) not in done:
                    percent = accuracies(script, [*options, "--seed", str(seed)])
                    best = max(percent)
                    numbers = f"{percent[-1]:.2f}", f"{best:.2f}"
                    write_row([name, seed, *numbers, percent.index(best) + 1])
                    print(name, seed, *numbers, flush=True)
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept")
    summary()


if __name__ == "__main__":
    main()
