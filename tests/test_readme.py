"""The pages tell the truth: links, commands, numbers; one language at a time."""

import ast
import csv
import importlib
import re
import shlex

import pytest
from conftest import DATA, ROOT, SCRIPTS, check_picture, data_copy, options_of, table
from measure.expected import table_of

FOLDER = DATA / "expected"
NAMES = {int(script.name[7:9]): script.stem for script in SCRIPTS}
FAST = [name for lecture, name in NAMES.items() if lecture not in (9, 10, 11, 13)]
PICTURES = sorted(FOLDER.glob("lecture*.png"))
LECTURES = ["data/expected/README.md", "data/expected/README.en.md"]
PAGES = ["README.md", "data/README.md", "data/errata.md", "tests/README.md", *LECTURES]
PAGES += ["data/expected/mistakes.md", "data/expected/mistakes.en.md"]
INSTALL = [  # to be copied as they are; .ci/run looks for the second
    "python -m pip install -r requirements.txt && python lecture09_softmax_mnist.py",
    "python -m pip install -r tests/requirements.txt && python -m pytest",
]
HAN = "[\u4e00-\u9fff]"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
each_page = pytest.mark.parametrize("page", PAGES)
each_pair = pytest.mark.parametrize("page", [*PAGES[:2], PAGES[4], PAGES[6]])


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def languages(page):
    """The Chinese and the English text: two blocks of a page, or a page and its twin."""
    if page in PAGES[:2]:
        return text_of(page).split('<a id="english"></a>')
    return [text_of(page), text_of(page.replace(".md", ".en.md"))]


def part(text, anchor):
    """What stands under an <a id>, to the next one."""
    return text.split(f'<a id="{anchor}"></a>')[1].split("\n<a id=")[0]


def rows_of(text):
    """The rows of the tables of a page, as lists of cells; without their heads."""
    rows = []
    for line in BLOCK.sub("", text).splitlines():
        if line.startswith("| ---"):
            rows.pop()
        elif line.startswith("|"):
            rows.append([cell.strip() for cell in line[1:-1].split("|")])
    return rows


def cells(anchor):
    return rows_of(part(text_of("README.md"), anchor))


def code(text):
    """The lines of the code blocks, then the `code` in the text."""
    lines = "\n".join(block for _, block in BLOCK.findall(text)).splitlines()
    return lines + re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def commands(text):
    """What one may type in a terminal or a notebook."""
    starts = r"(python3? |%run |conda |jupyter |set |Set-|\. |\.venv)"
    lines = [re.sub(r"\s+# .*", "", line) for line in code(text)]
    return sorted(line for line in lines if re.match(starts, line))


def links(text):
    text = BLOCK.sub("", text)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall('src="([^"]+)"', text)


def printed(name):
    """A table of data/expected/."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


# ------------------------------------------------------------------------- The links
def anchors(text):
    """Those that are written, and those that GitHub makes of the headings."""
    found = re.findall(r'<a id="([^"]+)">', text)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE):
        found.append(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


@each_page
def test_links(page):
    """Files, pictures and places in them exist; each page and the README are linked."""
    targets = set()
    for link in links(text_of(page)):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = ROOT / page
            if path:
                target = (target.parent / path).resolve()
            assert target.exists(), link
            if anchor and target.suffix == ".md":
                assert anchor in anchors(target.read_text(encoding="utf-8")), link
            targets.add(target)
    wanted = PAGES if page == "README.md" else ["README.md"]
    assert {ROOT / other for other in wanted} - {ROOT / page} <= targets


def test_line_links():
    """They mark a script from `# %% 1. Dataset` to the end of main."""
    for script in SCRIPTS:
        source = script.read_text(encoding="utf-8")
        first = source[: source.index("\n# %% 1. Dataset")].count("\n") + 2
        (last,) = (
            part.end_lineno
            for part in ast.parse(source).body
            if getattr(part, "name", "") == "main"
        )
        link = f"[{script.name}]({script.name}#L{first}-L{last})"
        assert text_of("README.md").count(link) == 2, link


@each_page
def test_nothing_is_left_over(page):
    """No placeholder, no folder of somebody's machine."""
    machine = r"(?<![\w.:/])/(?:home|Users|tmp|root|work)/|[A-Z]:\\"
    assert not re.findall(rf".*(?:@@|TODO|\?\?|{machine}).*", text_of(page))


# ---------------------------------------------------------------------- The commands
def check_accepted(command, capsys):
    """The script takes the options; the learner's own files need not be there."""
    name, *words = shlex.split(command)
    try:
        importlib.import_module(name.removesuffix(".py")).parse_args(words)
    except SystemExit:
        pytest.fail(f"{command}: {capsys.readouterr().err}")


@each_page
def test_commands(page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for line in commands(text_of(page)):
        for command in re.findall(r"(?:^|&& )(?:python3?|%run) (\S+\.py\b.*)", line):
            assert (ROOT / command.split()[0]).is_file(), command
            if command.startswith("lecture"):
                check_accepted(command, capsys)


def test_options(capsys):
    """Those in README's table, those that it says every script has, and all others."""
    for _, script, exercises, _ in cells("lectures")[1:]:
        for options in re.findall("`(--[^`]+)`", exercises):
            check_accepted(f"{script[1:].partition(']')[0]} {options}", capsys)
    (line,) = re.findall("^每个脚本都有.*", text_of("README.md"), re.MULTILINE)
    every, later = (re.findall("--[a-z-]+", part) for part in line.split("第 3 讲起"))
    assert every and later
    for lecture, name in NAMES.items():
        assert {*every} <= {*options_of(name)}
        assert {*later} <= {*options_of(name)} or lecture == 2
    some = set().union(*map(options_of, NAMES.values()))
    for page in ("README.md", *LECTURES):
        for span in code(text_of(page)):
            assert span[:2] != "--" or span.split()[0] in some, span


def test_install():
    """Each setup command on a line of its own, after a word on PowerShell's &&."""
    for text in languages("README.md"):
        assert [line for line in text.splitlines() if "&& p" in line] == INSTALL
        before = text[: text.index(INSTALL[0])]
        assert before.endswith("\n```\n") and "PowerShell 5.1" in before
    wanted = "python -m pip install -r tests/requirements.txt"  # .ci/run's grep
    lines = text_of("README.md").splitlines()
    assert next(line for line in lines if line.startswith(wanted)) == INSTALL[1]


def test_python_blocks(monkeypatch, capsys):
    """What one may copy into a program of one's own works beside data/."""
    monkeypatch.chdir(data_copy().parent)
    given = "import numpy as np, torch\nfrom torchvision import datasets\n"
    given += "transform = None\nNet = lambda: torch.nn.Linear(1, 1)\nmodel = Net()\n"
    for page in ("README.md", "data/README.md", *LECTURES):
        blocks = [block for kind, block in BLOCK.findall(text_of(page)) if kind]
        assert blocks
        for block in blocks:
            exec(given + block, {})  # noqa: S102 that is the test
    assert "tensor(2.) tensor(5.)" in capsys.readouterr().out


def test_homework():
    """The function or class to learn from is in the script that the command runs."""
    for exercise, command in cells("homework"):
        (name,) = re.findall(r"（`(\w+)`）", exercise)
        source = (ROOT / re.search(r"lecture\w+\.py", command)[0]).read_text("utf-8")
        assert re.search(rf"^(?:def|class) {name}\(", source, re.MULTILINE), name


# ----------------------------------------------------------------------- The numbers
def same(ours, theirs):
    """Equal texts, whose numbers may differ as processors do in their last digits."""
    if re.split(NUMBER, ours) != re.split(NUMBER, theirs):
        return False
    pairs = zip(re.findall(NUMBER, ours), re.findall(NUMBER, theirs))
    return all(float(a) == pytest.approx(float(b), rel=1e-3) for a, b in pairs)


@pytest.mark.parametrize("script", FAST)
def test_expected_tables(call, script):
    """What the file says is what the script prints, from the table's head on."""
    status, out, *_ = call(script)
    assert status == 0
    ours = table_of(out).splitlines()
    theirs = printed(script[:9]).splitlines()
    assert len(ours) == len(theirs) and "this run | video" in theirs[0]
    for a, b in zip(ours, theirs):
        assert same(a, b), (a, b)
        assert a.rpartition(" | ")[2] == b.rpartition(" | ")[2]


@pytest.mark.parametrize("lecture", NAMES)
def test_sections(lecture):
    """Rows of the lecture's table as printed, and README's time; a place in errata."""
    files = FOLDER.glob(f"lecture{lecture:02}*.txt")
    rows = "".join(file.read_text(encoding="utf-8") for file in files).splitlines()
    for page, block in zip(LECTURES, languages("README.md")):
        text = part(text_of(page), f"lecture{lecture:02}")
        shown = "".join(block for _, block in BLOCK.findall(text)).splitlines()
        shown = [line for line in shown if " | " in line]
        assert len(shown) > 2 and {*shown} <= {*rows}, {*shown} - {*rows}
        time = rows_of(block)[lecture - 1][-1].replace("\xa0", " ")
        assert f" {time}" in text.split("```")[0], time
    assert f"\n## {lecture:02} " in text_of("data/errata.md")
    assert FOLDER / f"{NAMES[lecture]}.png" in PICTURES


NORMAL = [  # the rows of README's table: file, its row, network in spread.csv
    ("lecture09", "epoch 10: accuracy", "softmax"),
    ("lecture10", "epoch 10: accuracy", "basic"),
    ("lecture11", "googlenet epoch 10: accuracy", "googlenet"),
    ("lecture11", "resnet epoch 10: accuracy", "resnet"),
    ("lecture13_course", "epoch 100: accuracy", "course"),
    ("lecture13", "best accuracy", "names"),
]


def test_normal():
    """Video, seed 0, range and number of seeds: the script, its table, spread.csv."""
    with open(FOLDER / "spread.csv", encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    seeds = []
    for row, (name, value, network) in zip(cells("normal"), NORMAL, strict=True):
        _, video, here, span = row
        of = {int(run["seed"]): run for run in runs if run["network"] == network}
        seeds.append(len(of))
        assert sorted(of) == list(range(len(of)))
        finals = sorted(float(run["final"]) for run in of.values())
        assert span == f"{finals[0]:.2f}–{finals[-1]:.2f}%"
        numbers = re.findall(NUMBER, here)
        assert numbers == [of[0]["final"], of[0]["best"]][: len(numbers)]
        ours, theirs = table(printed(name))[value]
        assert ours.split()[0] in numbers
        script = (ROOT / f"{NAMES[int(name[7:9])]}.py").read_text(encoding="utf-8")
        for number in re.findall(NUMBER, video):  # a decimal may be of another run
            assert number in theirs or ("." in number and number in script), number
    text = f"{seeds[0]} 个种子（第 11 讲 {seeds[2]} 个，第 13 讲 {seeds[4]} 个）"
    assert text in part(text_of("README.md"), "normal")
    assert seeds[0::2] == seeds[1::2]


def test_wrong():
    """The messages and accuracies of README are in the list; what lecture 9 prints."""
    for symptom, _ in cells("wrong"):
        for message, percent in re.findall(r"`([^`]+)`|(\d+\.\d\d%)", symptom):
            words = re.sub(r" ?\(.*\).*", "", message) + percent
            assert words in text_of("data/expected/mistakes.md"), words
    right = re.search(r"test set: 90 % \[(\d+)/10000\]", text_of("README.md"))[1]
    ours, _ = table(printed("lecture09"))["epoch 1: accuracy"]
    assert ours == f"{int(right) / 100:.2f} %"


# ------------------------------------------------------------------ The two languages
@each_pair
def test_both_languages_agree(page):
    """The same commands, links, pictures and anchors, and numbers in the tables."""
    found = []
    for text in languages(page):
        text = text.replace(".en.md", ".md").replace("#en-", "#").replace('"en-', '"')
        text = text.replace("../../README.md#english", "../../README.md")
        switch = "#english", page.rpartition("/")[2]  # from one language to the other
        targets = sorted(link for link in links(text) if link not in switch)
        found.append((commands(text), targets, re.findall('<a id="(.+?)">', text)))
    for ours, theirs in zip(*found):
        assert ours == theirs
    for row, other in zip(*map(rows_of, languages(page)), strict=True):
        # in the mistakes' sentences a small number may be a word of the other language
        number = r"\d+\.\d+" if "mistakes" in page else NUMBER
        numbers = [sorted(re.findall(number, " ".join(r))) for r in (row, other)]
        assert numbers[0] == numbers[1] or "](" in row[0], (row, other)


@each_pair
def test_one_language_at_a_time(page):
    """No Chinese character in the English text, no English sentence in the Chinese."""
    texts = []
    for text in languages(page):
        text = re.sub(r"``.*?``|`[^`\n]*`", "", BLOCK.sub("", text))
        text = re.sub(r"\]\([^)]*\)|<[^>]*>", "", text)  # addresses
        texts.append(re.sub(r"(?<!\*)\*[^*\n]+\*(?!\*)", "", text))  # *names of menus*
    assert not re.findall(f".*{HAN}.*", texts[1].replace("[中文", ""))
    assert not re.findall(r".*\b[A-Za-z]+(?: [a-z]+){3}.*", texts[0])


@each_page
def test_no_line_ends_between_characters(page):
    """GitHub shows the end of such a line as a blank."""
    text = BLOCK.sub("", text_of(page))
    assert not re.findall(f".*[，。；：、）”]\n{HAN}.*|.*{HAN}\n{HAN}.*", text)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures(picture):
    """Each is a picture, small enough, and shown with words on both pages."""
    check_picture(picture)
    assert picture.stat().st_size < 400_000
    for page in LECTURES:
        (tag,) = re.findall(rf'<img [^>]*src="{picture.name}"[^>]*>', text_of(page))
        assert re.search('alt="[^"]+"', tag)
