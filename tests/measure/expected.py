"""Make the pictures and tables of data/expected/ anew.

    python tests/measure/expected.py                     # all, an hour and a half
    python tests/measure/expected.py lecture02 lecture09_softmax_mnist

A whole name means that picture, its beginning all that begin so. Runs the scripts as a
user would, but with one thread: the numbers are then those of spread.csv, and two of
these can run side by side. Puts each picture in place, and says which rows of
its table differ from the table that was there (another processor may differ in last
digits).
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import ROOT, output

FOLDER = ROOT / "data" / "expected"
COURSE = ROOT / "data" / "course"
VARIANTS = {  # picture: options, besides the default runs
    "lecture02_linear_model_affine": ["--model", "affine"],
    "lecture05_linear_regression_all": ["--optimizer", "all"],
    "lecture07_multi_dim_all": ["--activation", "all", "--epochs", "5000"],
    "lecture08_dataloader_titanic": ["--titanic", "--holdout", "0.2"],
    "lecture10_cnn_deep": ["--model", "deep"],
    "lecture11_all": ["--model", "all"],
    "lecture13_gru_classifier_course": ["--data-dir", str(COURSE)],
}
TABLES = {  # of these the table is kept, too
    "lecture13_gru_classifier_course": "lecture13_course.txt",
}
TABLES |= {script.stem: f"{script.name[:9]}.txt" for script in ROOT.glob("lecture*.py")}


def table_of(out):
    """What a script prints from its table's head on, but for where the plot went."""
    lines = out.splitlines()
    (head,) = (i for i, line in enumerate(lines) if "this run | video" in line)
    kept = [line for line in lines[head:] if not line.startswith("plot saved to")]
    return "\n".join(line.rstrip() for line in kept) + "\n"


def make(picture):
    """Run a script, keep its picture and its table; prints what differs."""
    (script,) = ROOT.glob(f"{picture[:9]}_*.py")
    target = FOLDER / f"{picture}.png"
    options, begun = VARIANTS.get(picture, []), time.time()
    with tempfile.TemporaryDirectory() as folder:
        out = output(script, *options, "--plot", target, cwd=folder)
    print(f"{picture}: {time.time() - begun:.0f} s", flush=True)
    if picture in TABLES:
        file, new = FOLDER / TABLES[picture], table_of(out)
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        for row in new.splitlines():
            if row not in old.splitlines():
                print(f"  now {row}", flush=True)
        file.write_text(new, encoding="utf-8", newline="\n")


def main():
    pictures = sorted([*(s.stem for s in ROOT.glob("lecture*.py")), *VARIANTS])
    if not COURSE.exists():
        pictures.remove("lecture13_gru_classifier_course")
        print("no data/course: the lecturer's names are left out")
    wanted = sys.argv[1:] or pictures
    beginnings = tuple(name for name in wanted if name not in pictures)
    for picture in pictures:
        if picture in wanted or picture.startswith(beginnings):
            make(picture)


if __name__ == "__main__":
    main()
