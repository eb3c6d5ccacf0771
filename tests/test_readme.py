"""The README tells the truth: its tables and numbers, its pictures and its links."""

import re

import pytest
from conftest import ROOT, SCRIPTS, check_picture, run, table

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXPECTED = sorted((ROOT / "data" / "expected").glob("*.png"))
TABLES = ["02", "03", "04", "05", "06", "12"]  # lectures whose table stands there
FAST = [script for script in SCRIPTS if script.name[7:9] in TABLES]
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


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """{script: its printed table}, default runs."""
    folder = tmp_path_factory.mktemp("readme")
    runs = {script.name: run(script.name, cwd=folder) for script in FAST}
    assert not any(done.returncode for done in runs.values())
    return {name: table(done.stdout) for name, done in runs.items()}


@pytest.mark.parametrize("script", [script.name for script in FAST])
def test_tables(outputs, script):
    """The table in the lecture's section is the one that the script prints."""
    section = README.split(f"\n### {script[7:9]} · ")[1].split("\n### ")[0]
    stated = table(section.split("```")[1])
    assert stated.keys() == outputs[script].keys()
    for name, values in outputs[script].items():
        assert all(map(same, values, stated[name])), (name, values, stated[name])


@pytest.mark.parametrize("script", [script.name for script in FAST])
def test_overview(outputs, script):
    """The number in the list of all lectures stands in the script's table."""
    line = next(line for line in README.splitlines() if f"]({script})" in line)
    here = line.split(" | ")[-2]
    values = [ours for ours, _ in outputs[script].values()]
    if script.startswith("lecture12"):
        assert here == '"ohlol", all five models'
        assert sum("ohlol, first" in value for value in values) == 5
    else:
        assert any(same(value, here.strip("`")) for value in values)


@pytest.mark.parametrize("picture", EXPECTED, ids=lambda picture: picture.name)
def test_expected_plots(picture):
    check_picture(picture)
    assert picture.stat().st_size < 200_000
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
