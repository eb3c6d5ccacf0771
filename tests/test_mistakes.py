"""The classic mistakes: they still fit the scripts, and page and table agree."""

import csv
import gzip
import re

import mistakes
import pytest
from conftest import DATA, check_picture
from mistakes import FOLDER, HEAD, LECTURES, MISTAKES, PAGE

ROWS = mistakes.read_rows()
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
CHINESE = r"[\u4e00-\u9fff]"
each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)


def page():
    return PAGE.read_text(encoding="utf-8")


@each_mistake
def test_change_fits(mistake):
    """The old text stands in the script as often as it should; the copy compiles."""
    text = mistakes.changed(mistake)  # ends with one line if it does not fit
    compile(text, mistake.name, "exec")
    assert bool(mistake.old) == (not mistake.key.startswith("none"))
    assert mistake.old != mistake.new or not mistake.old
    assert re.search(CHINESE, mistake.chinese) and mistake.title.isprintable()
    assert mistakes.right_one(mistake) is not None


def test_list():
    names = [mistake.name for mistake in MISTAKES]
    assert len(names) == len(set(names))
    assert len([mistake for mistake in MISTAKES if mistake.old]) >= 30
    assert {mistake.lecture for mistake in MISTAKES} == {*range(3, 14)} == {*LECTURES}


@each_mistake
def test_row(mistake):
    """It was measured, with the epochs that are said, and left a number or a message."""
    row = ROWS[mistake.name]
    assert list(row) == HEAD
    assert row["options"] == mistake.options
    assert int(row["epochs"]) == LECTURES[mistake.lecture].epochs
    assert row["loss"] or row["message"]
    if row["loss"]:
        float(row["loss"])
        assert row["losses"]
    if row["accuracy"]:
        assert row["accuracies"].endswith(row["accuracy"])


def test_csv_holds_nothing_else():
    text = mistakes.FILE.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + len(MISTAKES)
    assert "\r" not in mistakes.FILE.read_bytes().decode()


@pytest.mark.parametrize("name", ["4:leaf", "5:target_shape", "5:integer"])
def test_measured_again(name):
    """Three that take no time: still the same message, loss and answer."""
    (mistake,) = (m for m in MISTAKES if m.name == name)
    row = mistakes.measure(mistake)
    assert row["message"] == ROWS[name]["message"]
    assert row["answers"] == ROWS[name]["answers"]
    if row["loss"]:
        assert float(row["loss"]) == pytest.approx(float(ROWS[name]["loss"]), rel=1e-3)


def test_page_has_the_table():
    """python tests/mistakes.py --draw puts it there."""
    assert f"{mistakes.BEGIN}\n{mistakes.table(ROWS)}\n{mistakes.END}" in page()


def rows_of_page():
    """The hand-written rows of the page that say what was measured: lists of cells."""
    rows = []
    for line in page().split(mistakes.BEGIN)[0].splitlines():
        cells = re.split(r"(?<!\\)\|", line.strip("| "))
        if len(cells) == 4 and "Measured" not in line and "---" not in line:
            rows.append([cell.strip() for cell in cells])
    return rows


def named_in(cell):
    """The mistakes that a cell names, in the form `9:softmax`."""
    names = re.findall(r"`(\d+:\w+)`", cell)
    return [mistake for mistake in MISTAKES if mistake.name in names], names


def known_numbers(mistake):
    """All numbers that mistakes.csv has of a mistake, and of the right script."""
    numbers = set()
    for row in (ROWS[mistake.name], ROWS[mistakes.right_one(mistake).name]):
        for column in ("loss", "accuracy", "answers", "losses", "accuracies"):
            numbers |= {*re.findall(NUMBER, row[column])}
    return numbers


@pytest.mark.parametrize("row", rows_of_page() if PAGE.exists() else [])
def test_row_of_page(row):
    """What the page says was measured is what mistakes.csv holds."""
    symptom, cause, remedy, measured = row
    assert re.search(CHINESE, symptom + cause) and re.search("[a-z]{3}", cause + remedy)
    assert "`" in remedy
    found, names = named_in(measured)
    assert len(found) == len(names)
    if not found:
        assert "未实测" in measured  # needs a GPU, for example
        return
    known = {"1", "3", "4", "5", "8", "10", "12", "13"}  # lectures, epoch 1
    messages = ""
    for mistake in found:
        known |= known_numbers(mistake)
        messages += ROWS[mistake.name]["message"]
    text = re.sub("`[^`]+`", "", measured)
    assert {*re.findall(NUMBER, text)} <= known
    quoted = re.match(r"`(`?)(\w+(?:Error|Warning): .*?)\1`", symptom)
    if quoted:
        for piece in quoted[2].split("…"):
            assert piece in messages


def test_page_names_all():
    """Who changes numbers without a word is in the tables by symptom, who raises, too."""
    found, _ = named_in(page().split(mistakes.BEGIN)[0])
    assert {m.name for m in MISTAKES if m.old} <= {m.name for m in found}


def test_shares():
    """The accuracies of always the same answer."""
    labels = (DATA / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").read_bytes()
    labels = gzip.decompress(labels)[8:]
    shares = [f"{labels.count(digit) / 100:.2f}" for digit in range(10)]
    assert f"{', '.join(shares)}%" in page()
    with gzip.open(DATA / "names_test.csv.gz", "rt", encoding="utf-8") as text:
        countries = [country for _, country in csv.reader(text)]
    share = 100 * countries.count("Russian") / len(countries)
    assert f"| {share:.2f}% |" in page()
    assert (
        f"| {ROWS['7:none']['accuracy']}%, {ROWS['8:zero_grad']['accuracy']}% |"
        in page()
    )


@pytest.mark.parametrize("part", page().split("\n## ") if PAGE.exists() else [])
def test_both_languages(part):
    title = part.splitlines()[0]
    assert re.search(CHINESE, title) and re.search("[A-Za-z]{3}", title)
    assert re.search(CHINESE, part) and re.search("[a-z]{4} [a-z]{2}", part)


def test_picture():
    check_picture(mistakes.PICTURE)
    assert mistakes.PICTURE.stat().st_size < 400_000
    assert f"({mistakes.PICTURE.name})" in page()
    by_hand, _, _ = page().partition(mistakes.BEGIN)
    for link in re.findall(r"\]\(([^)#]+)\)", re.sub("`[^`\n]+`", "", by_hand)):
        assert link.startswith("https://") or (FOLDER / link).exists(), link
