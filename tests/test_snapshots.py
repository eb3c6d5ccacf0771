"""Every variant prints, writes and draws what tests/snapshots/ says, but for rounding."""

import re

import pytest
from conftest import SCRIPTS, check_picture, draw_nothing, warnings_are_errors
from snapshots import COMMANDS, FOLDER, rounding, snapshot

NUMBER = re.compile(r"(?<![\w.#])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)")
PERCENT = re.compile(r" ?%")
OF = re.compile(r"/\d")
SIZES = re.compile(
    r" --(epochs|lr|batch-size|seed|holdout|submit) \S+|(?<=titanic) TITANIC"
)


def stored(command):
    """The part of the stored text that belongs to a command."""
    text = (FOLDER / f"{command[:9]}.txt").read_text(encoding="utf-8")
    parts = dict(part.split("\n", 1) for part in text[2:].split("\n$ "))
    return parts[command].splitlines()


def allowance(text, line, end):
    """How far an accuracy may be from the stored one: two of 256; 0 for what is none."""
    if line.endswith("(percent)"):  # a line of a figure
        return 0.8
    if "accuracy" not in line.lower():
        return 0
    if PERCENT.match(line, end):
        return 0.8 if "." in text else 1
    return 2 if OF.match(line, end) else 0


def tolerance(text, line):
    """How far another processor may be from a stored number."""
    if "." not in text and "e" not in text and not line.startswith("    "):
        return 0  # it counts something
    decimals = len(text.partition("e")[0].partition(".")[2])
    if not line.startswith("    ") and "e" not in text and decimals <= 4:
        return 1.01 * 10**-decimals  # printed with that many
    size = abs(float(text))
    return 1e-6 + 2e-4 * size if size > 1e-3 else 0.02 * size + 1e-12


def difference(ours, line, dry_run=False):
    """What differs between a line and the stored one, or None.

    Another processor may read a digit or two of the few differently, but not in a dry
    run, whose network has hardly learned.
    """
    if NUMBER.split(ours) != NUMBER.split(line):
        return "another text"
    if line.count(" | ") == 2:  # of a table's row only this run's part may move
        name, ours, video = ours.split(" | ")
        name_, our_stored, video_ = line.split(" | ")
        if (name, video) != (name_, video_):
            return "another row"
        line = f"{name} | {our_stored}"
        ours = f"{name} | {ours}"
    for a, found in zip(NUMBER.findall(ours), NUMBER.finditer(line)):
        b = found[0]
        most = tolerance(b, line)
        if not dry_run:
            most = max(most, allowance(b, line, found.end()))
        if a != b and not abs(float(a) - float(b)) <= most:
            return f"{a} is not {b}"
    return None


@warnings_are_errors
@pytest.mark.parametrize("command", COMMANDS)
def test_snapshot(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = "--dry-run" not in command  # those are drawn in test_places.py
    if not drawn:
        draw_nothing(monkeypatch)
    title, *ours = snapshot(command).splitlines()
    lines = stored(command)
    found = [
        f"{why}\n  now   {a[:300]}\n  stored {b[:300]}"
        for a, b in zip(ours, lines)
        if (why := difference(a, b, "--dry-run" in command))
    ]
    assert not found, "\n".join([title, *found[:5]])
    assert len(ours) == len(lines)
    end = next(i for i, line in enumerate(ours) if line.startswith("written:"))
    if drawn:
        for name in re.findall(r"\S+\.png", ours[end]):
            check_picture(tmp_path / name)
    "".join(ours[:end]).encode("gbk")  # what is printed a Chinese Windows can show
    assert not re.search("[\u2e80-\uffef]", "".join(ours[end:]))  # no font needed


def test_no_variant_overwrites_anothers_picture():
    """Its name has no size and no rate in it, but every other option."""
    drawn = {}
    for command in COMMANDS:
        variant = SIZES.sub("", command)
        if "--dry-run" in command:
            variant = "dry_run"
        (line,) = [line for line in stored(command) if line.startswith("written:")]
        for picture in re.findall(r"plots/(\S+)\.png", line):
            assert drawn.setdefault(picture, variant) == variant
    for script in SCRIPTS:
        name = f"{script.stem}_FEW" if "13" in script.stem else script.stem
        assert drawn[name].split()[0] == script.stem


def test_every_script_has_snapshots():
    assert {command.split()[0] for command in COMMANDS} == {s.stem for s in SCRIPTS}
    assert {file.stem for file in FOLDER.iterdir()} == {s.stem[:9] for s in SCRIPTS}


def test_the_comparison_notices():
    for line, same, other in (
        ("[1,     4] loss: 2.304", "[1,     4] loss: 2.305", "[1,     4] loss: 2.309"),
        ("[1,     4] loss: 2.304", "[1,     4] loss: 2.304", "[2,     4] loss: 2.304"),
        (
            "Accuracy on test set: 8 % [22/256]",
            "Accuracy on test set: 9 % [24/256]",
            "Accuracy on test set: 8 % [22/257]",
        ),
        (
            "loss 0.64, accuracy 9 %",
            "loss 0.65, accuracy 10 %",
            "loss 0.32, accuracy 9 %",
        ),
        ("[320/496] loss=2.10", "[320/496] loss=2.11", "[320/496] loss=1.68"),
        ("Li: Irish 58.3 %", "Li: Irish 58.4 %", "Li: Irish 58.0 %"),
        (
            "    y 8.2 9.3 (percent)",
            "    y 8.9 9.3 (percent)",
            "    y 8.2 7.3 (percent)",
        ),
        ("    y 2.3041 2.30241", "    y 2.30411 2.30242", "    y 2.3061 2.30241"),
        ("86 0.3036523759365082", "86 0.30365240573883", "86 0.3076523759365082"),
        ("  999 2.977e-07", "  999 2.975e-07", "  999 3.19e-07"),
        ("figure 'Lecture 09'", "figure 'Lecture 09'", "figure 'Lecture 10'"),
        (
            "accuracy 1 | 9 % | 90 %",
            "accuracy 1 | 10 % | 90 %",
            "accuracy 1 | 9 % | 91 %",
        ),
        (
            "accuracy 1 | 9 % | 90 %",
            "accuracy 1 | 10 % | 90 %",
            "accuracy 2 | 9 % | 90 %",
        ),
        ("majority | 9.00 % | -", "majority | 9.01 % | -", "majority | 9.40 % | -"),
        ("  line '' #1f77b4 - 1.5", "  line '' #1f77b4 - 1.5", "  line '' #1f77b5 -"),
    ):
        assert difference(line, line) is None
        assert difference(same, line) is None, (same, line)
        assert difference(other, line) is not None, (other, line)
    assert difference("accuracy 9.4 %", "accuracy 9.0 %", dry_run=True) is not None
    tiny = re.match(r"difference (\S+)", "difference 1.2e-07")
    assert rounding(tiny) == "difference tiny"
    assert rounding(re.match(r"difference (\S+)", "difference 0.1")) == "difference 0.1"
