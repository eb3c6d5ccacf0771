"""The README tells the truth: its tables and numbers, its pictures and its links."""

import csv
import re

import expected
import pytest
from conftest import ROOT, SCRIPTS, check_picture

README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDER = ROOT / "data" / "expected"
EXPECTED = sorted(FOLDER.glob("*.png"))
FAST = [s.name for s in SCRIPTS if s.name[7:9] not in ("09", "10", "11", "13")]
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


def same(ours, stated):
    """Equal texts, whose numbers may differ as processors do in their last digits."""
    if re.split(NUMBER, ours) != re.split(NUMBER, stated):
        return False
    pairs = zip(re.findall(NUMBER, ours), re.findall(NUMBER, stated))
    return all(float(a) == pytest.approx(float(b), rel=1e-3) for a, b in pairs)


def test_same():
    assert same("w = 1.0001, 3", "w = 1.0002, 3")
    assert not same("w = 1.01", "w = 1.02")
    assert not same("v = 1.01", "w = 1.01")
    assert not same("1 2", "1")
    assert not same("3.19e-07", "2.98e-07")


def section(script):
    """The README's part about a lecture."""
    return re.split(r"\n##+ ", README.split(f"\n### {script[7:9]} · ")[1])[0]


def stated(name):
    """The table of a file in data/expected/."""
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("script", FAST)
def test_expected_tables(call, script):
    """What the file says is what the script prints, from the table's head on."""
    status, out, _ = call(script.removesuffix(".py"))
    assert status == 0
    ours = expected.table_of(out).splitlines()
    theirs = stated(f"{script[:9]}.txt").splitlines()
    assert len(ours) == len(theirs) and "this run | video" in theirs[0]
    for a, b in zip(ours, theirs):
        assert same(a, b), (a, b)
        assert a.partition(" | ")[0] == b.partition(" | ")[0]
        assert a.rpartition(" | ")[2] == b.rpartition(" | ")[2]


@pytest.mark.parametrize("script", [script.name for script in SCRIPTS])
def test_excerpts(script):
    """The rows in a lecture's section stand in its file; the section links to it."""
    text, file = section(script), f"{script[:9]}.txt"
    assert f"(data/expected/{file})" in text
    rows = stated(file).splitlines()
    shown = [line for line in text.splitlines() if line.count(" | ") == 2]
    assert all(line in rows for line in shown), [x for x in shown if x not in rows]
    assert len(shown) != 1  # a head has rows


@pytest.mark.parametrize("script", [script.name for script in SCRIPTS])
def test_overview(script):
    """The numbers in the list of all lectures stand in the file with its table."""
    line = next(line for line in README.splitlines() if f"]({script})" in line)
    video, here, _, _ = [cell.strip() for cell in line.strip(" |").split("|")][5:]
    values = stated(f"{script[:9]}.txt")
    if script.startswith("lecture13"):
        values += stated("lecture13_course.txt")
    for number in re.findall(r"\d+(?:\.\d+)?(?= %)|`[^`]+`", here):
        assert number.strip("`") in values, number
    source = (ROOT / script).read_text(encoding="utf-8")
    for number in re.findall(r"\d+\.\d+", video):
        assert number in source, number
    if script.startswith("lecture12"):
        assert here == '"ohlol", all five models'
        assert values.count("ohlol, first in epoch") == 5


def test_seeds():
    """The README's column is what spread.csv holds, and so is its number of seeds."""
    with open(FOLDER / "spread.csv", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    for script, networks in {
        "lecture09_softmax_mnist.py": ["softmax"],
        "lecture10_cnn.py": ["basic"],
        "lecture11_googlenet_resnet.py": ["googlenet", "resnet"],
        "lecture13_gru_classifier.py": ["course", "names"],
    }.items():
        line = next(line for line in README.splitlines() if f"]({script})" in line)
        for network in networks:
            own = [row for row in rows if row["network"] == network]
            seeds = sorted(int(row["seed"]) for row in own)
            assert seeds == list(range(len(own))) and len(own) >= 5
            assert f"(0–{seeds[-1]})" in line
            final = [float(row["final"]) for row in own]
            assert f"{min(final):.2f} – {max(final):.2f} %" in line, network
            assert all(float(row["best"]) >= float(row["final"]) for row in own)
    best = [float(row["best"]) for row in rows if row["network"] == "course"]
    assert README.count(f"{min(best):.2f} – {max(best):.2f} %") == 2


@pytest.mark.parametrize("picture", EXPECTED, ids=lambda picture: picture.name)
def test_expected_plots(picture):
    check_picture(picture)
    assert picture.stat().st_size < 160_000
    assert f"(data/expected/{picture.name})" in README


def test_every_script_has_an_expected_plot():
    names = {picture.stem for picture in EXPECTED}
    assert {script.stem for script in SCRIPTS} <= names


def test_links():
    """Files exist; anchors are those that GitHub makes of the headings."""
    anchors = set()
    for heading in re.findall(r"^#+ (.*)$", README, flags=re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", heading.lower())
        anchors.add("#" + kept.replace(" ", "-"))
    for link in re.findall(r"\]\(([^)]+)\)", README):
        if link.startswith("#"):
            assert link in anchors
        elif not link.startswith("https://"):
            assert (ROOT / link).exists(), link


def test_options_exist():
    """Every --option in `code` is an option of some script."""
    sources = [script.read_text(encoding="utf-8") for script in SCRIPTS]
    text = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    spans = " ".join(re.findall(r"`([^`\n]+)`", text))
    options = set(re.findall(r"(?<!\S)--[a-z-]+", spans)) - {"--help"}
    assert len(options) > 20
    for option in options:
        assert any(f'"{option}"' in source for source in sources), option


def test_no_placeholder_is_left():
    assert not re.findall(r"@\w+@|TODO|XXX", README)
