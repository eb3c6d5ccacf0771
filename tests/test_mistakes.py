"""The common mistakes: each still changes something, its remedy mends it, the pages agree.

What takes long, the full runs and the programs in a process of their own, is measured by
tests/measure/mistakes.py.
"""

import csv
import functools
import gzip
import re
import sys
import types

import pytest
import torch
from conftest import DATA, ROOT, check_picture, draw_nothing
from torchvision import datasets

sys.path.insert(0, str(ROOT / "tests" / "measure"))

import mistakes
from mistakes import FOLDER, HEAD, LECTURES, PAGES, SECTIONS, UNCHANGED

MISTAKES = mistakes.list_mistakes()
ROWS = mistakes.read_rows()
ON_PAGE = [row for section in SECTIONS for row in section["rows"]]
CHINESE = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
CODE = r"``.+?``|`[^`]+`"
SCRIPTS = [name for name, mistake in MISTAKES.items() if "old" in mistake]
PROGRAMS = [
    name
    for name, mistake in MISTAKES.items()
    if "program" in mistake and "process" not in mistake
]
# The remedy is where a line stands, a line less or a file's name: no text to be found.
NO_TEXT = {"8:step_outside", "4:twice", "5:file_name"}


@functools.cache
def read_mnist(folder, train, download):
    return datasets.MNIST(folder, train=train, download=download)


@pytest.fixture
def quick(monkeypatch):
    """MNIST is read once, and no picture is drawn."""
    kept = types.SimpleNamespace(MNIST=read_mnist)
    monkeypatch.setattr("torchvision.datasets", kept)
    draw_nothing(monkeypatch)


@functools.cache
def right_results(lecture, options):
    mistake = {"lecture": lecture, "key": "none", "options": options}
    return mistakes.computed(mistakes.right_text(mistake), mistake)


def check_message(name, message):
    """It is the one that was recorded; another torch may say it in other words."""
    recorded = ROWS[name]["message"]
    assert message.split()[:1] == recorded.split()[:1]
    if torch.__version__.startswith(ROWS[name]["torch"]):
        assert message.split()[:4] == recorded.split()[:4]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.usefixtures("quick")
def test_script(name):
    """The copy computes something else than the script, or raises; mended, the same."""
    mistake = MISTAKES[name]
    right = right_results(mistake["lecture"], mistake.get("options", ""))
    assert right[0] == ""
    wrong = mistakes.computed(mistakes.wrong_text(mistake), mistake)
    assert wrong != right, "the mistake changes nothing"
    check_message(name, wrong[0])
    for mended in mistakes.mended_texts(mistake):
        if mended != mistakes.right_text(mistake):
            results = mistakes.computed(mended, mistake)
            assert results == right or (wrong[0] and not results[0])


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    mistake = MISTAKES[name]
    message, _ = mistakes.run_program(mistakes.wrong_text(mistake), mistake)
    assert message
    check_message(name, message)
    (mended,) = mistakes.mended_texts(mistake)
    message, out = mistakes.run_program(mended, mistake)
    assert message == "" and out.split() == ROWS[name]["remedy"].split()


def test_rows():
    """mistakes.csv has a row of each and no other, with a number or a message."""
    assert len(MISTAKES) == len(UNCHANGED) + sum(
        len(row["mistakes"]) for row in ON_PAGE
    )
    text = mistakes.FILE.read_text(encoding="utf-8")
    assert list(ROWS) == list(MISTAKES) and len(text.splitlines()) == 1 + len(ROWS)
    for name, mistake in MISTAKES.items():
        row = ROWS[name]
        assert list(row) == HEAD and row["options"] == mistake.get("options", "")
        assert row["loss"] or row["message"]
        assert bool(row["remedy"]) == (name not in UNCHANGED)
        if "program" not in mistake:
            assert int(row["epochs"]) == LECTURES[mistake["lecture"]].epochs


def spans(text):
    """The code in a text of a page, without its quotes."""
    return [span.strip("`") for span in re.findall(CODE, text)]


@pytest.mark.parametrize("row", ON_PAGE, ids=lambda row: row["en"][0][:40])
def test_row_of_pages(row):
    """Both languages say the same; the message is the recorded one, the remedy was run."""
    for chinese, english in zip(row["zh"], row["en"]):
        filled = [mistakes.cells([text], ROWS)[0] for text in (chinese, english)]
        assert {*spans(chinese)} == {*spans(english)}
        numbers = [re.findall(r"\d+\.\d+|\d+%", text) for text in filled]
        assert sorted(numbers[0]) == sorted(numbers[1])
        assert "?" not in "".join(filled) and "{1" not in "".join(filled)
    assert re.search(CHINESE, row["zh"][0]) or row["zh"][0].startswith("`")
    for mistake in row["mistakes"]:
        name = f"{mistake['lecture']}:{mistake['key']}"
        message = ROWS[name]["message"]
        if message:
            shown = [span.split("…") for span in spans(row["en"][0])]
            assert any(all(piece in message for piece in pieces) for pieces in shown)
        wrong = mistakes.wrong_text(mistake)
        for mended in mistakes.mended_texts(mistake):
            written = "…".join(spans(row["en"][2])).split("…")
            found = [mended.count(piece) > wrong.count(piece) for piece in written]
            assert any(found) or name in NO_TEXT


@pytest.mark.parametrize("language", PAGES)
def test_page(language):
    """It has the rows (mistakes.py --draw puts them there), one language, and its links."""
    page = PAGES[language].read_text(encoding="utf-8")
    rows = mistakes.table(language, ROWS)
    assert f"{mistakes.BEGIN}\n{rows}\n{mistakes.END}" in page
    assert f"{len(MISTAKES) - len(UNCHANGED)} " in page.split("\n## ")[0]
    first, _, rest = page.partition("\n")
    assert first == {"zh": "中文 · [English](mistakes.en.md)"}.get(
        language, "[中文](mistakes.md) · English"
    )
    text = re.sub(CODE + r"|<!--.*?-->|\]\([^)]*\)", "", rest)
    if language == "en":
        assert not re.search(CHINESE, text)
    else:
        assert not re.search("[A-Za-z]+ [a-z]+ [a-z]+", text)
        assert not re.search(rf"{CHINESE} %|{CHINESE}\n{CHINESE}", text)
    for link in re.findall(r"\]\(([^)#]+)", re.sub(CODE, "", page)):
        assert (FOLDER / link).exists(), link


def test_shares():
    """The accuracies of always the same prediction, on both pages."""
    labels = (DATA / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").read_bytes()
    labels = gzip.decompress(labels)[8:]
    shares = [f"{labels.count(digit) / 100:.2f}" for digit in range(10)]
    with gzip.open(DATA / "names_test.csv.gz", "rt", encoding="utf-8") as text:
        countries = [country for _, country in csv.reader(text)]
    russian = f"{100 * countries.count('Russian') / len(countries):.2f}%"
    for page, comma in ((PAGES["zh"], "、"), (PAGES["en"], ", ")):
        text = page.read_text(encoding="utf-8")
        assert f"{comma.join(shares)}%" in text and f" {russian}" in text
        assert f"{ROWS['7:none']['accuracy']}%" in text
        assert f"{ROWS['7:cross_entropy']['accuracy']}%" in text


def test_picture():
    check_picture(mistakes.PICTURE)
    assert mistakes.PICTURE.stat().st_size < 400_000
