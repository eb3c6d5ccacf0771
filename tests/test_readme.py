"""The pages tell the truth: links, commands and options, numbers, both languages."""

import csv
import gzip
import importlib
import re
import shlex

import expected
import pytest
from conftest import DATA, ROOT, SCRIPTS, check_picture, data_copy, options_of, table

FOLDER = DATA / "expected"
PAGES = ["README.md", "data/expected/README.md", "data/README.md", "data/errata.md"]
PAGES += ["data/expected/mistakes.md", "tests/README.md"]
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
FRONT, LECTURES = [TEXT[page] for page in PAGES[:2]]
NAMES = {int(script.name[7:9]): script.stem for script in SCRIPTS}
FAST = [name for lecture, name in NAMES.items() if lecture not in (9, 10, 11, 13)]
PICTURES = sorted(FOLDER.glob("*.png"))
INSTALL = [  # to be copied as they are; .ci/run looks for the second
    "python -m pip install -r requirements.txt && python lecture09_softmax_mnist.py",
    "python -m pip install -r tests/requirements.txt && python -m pytest",
]
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
OPTION = r"(?<!\S)--[a-z][a-z-]*"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
each_page = pytest.mark.parametrize("page", PAGES)


def rows_of(name):
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stated(name):
    """A table of data/expected/, as printed."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def part(text, anchor):
    """What stands under an <a id>, to the next one."""
    return text.split(f'<a id="{anchor}"></a>')[1].split("\n<a id=")[0]


def section(lecture):
    return part(LECTURES, f"lecture{lecture:02}")


def cells(anchor):
    """The rows of the table in a part of the README."""
    lines = [line for line in part(FRONT, anchor).splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


# ------------------------------------------------------------------------- The links
def anchors(text):
    """Those that are written, and those that GitHub makes of the headings."""
    found = re.findall(r'<a id="([^"]+)">', text)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE):
        found.append(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


@each_page
def test_links(page):
    """Files, pictures and places in them exist; the README and each page are linked."""
    targets = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", TEXT[page])):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = ROOT / page
            if path:
                target = (target.parent / path).resolve()
            assert target.exists(), link
            if anchor:
                text = target.read_text(encoding="utf-8")
                assert anchor in anchors(text), link
            targets.add(target)
    wanted = [PAGES[0]] if page != PAGES[0] else PAGES
    assert {ROOT / other for other in wanted} - {ROOT / page} <= targets


def test_overview():
    """A lecture's video, script, commands and time are the same on both pages."""
    assert len(cells("lectures")) == 13
    for number, (script, video, commands, time) in enumerate(cells("lectures"), 1):
        text = section(number)
        link = re.search(r"\((https://[^)]+)\)", video)[1]
        assert link.endswith(f"?p={number}") and f"({link})" in text
        for command in re.findall("`([^`]+)`", commands):
            assert f"\n{command}\n" in text, command
        if number != 1:
            name = NAMES[number]
            assert script == f"[{name[:9]}]({name}.py)"
            assert f"[{name}.py](../../{name}.py)" in text
            assert re.search(rf" · .* {time}$", text, re.MULTILINE), time


# ---------------------------------------------------------------------- The commands
def code(text):
    """The lines of the code blocks, and the `code` in the text."""
    lines = "\n".join(block for _, block in BLOCK.findall(text)).splitlines()
    return lines + re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def commands():
    """All `python file.py …` of the pages, once each, from the file on."""
    found = set()
    for text in TEXT.values():
        for line in code(text):
            for one in line.split(" && "):
                found |= {*re.findall(r"^(?:python3?|%run) (\S+\.py\b.*)", one)}
    return sorted(found)


LESSONS = [command for command in commands() if command.startswith("lecture")]
FILES = "--load", "--predict", "train.", "data/course", "--save"
SHORT = [c for c in LESSONS if " --" in c and not any(word in c for word in FILES)]


def test_files_exist():
    """The scripts of the commands, and what tests/README.md names."""
    for command in commands():
        assert (ROOT / command.split()[0]).is_file(), command
    for name in re.findall(r"`(\w+\.py)`", TEXT["tests/README.md"]):
        assert (ROOT / "tests" / name).is_file(), name


@pytest.mark.parametrize("command", LESSONS)
def test_command_is_accepted(command, monkeypatch, tmp_path, capsys):
    """The script takes the options. The learner's own files need not be there."""
    monkeypatch.chdir(tmp_path)
    name, *words = shlex.split(command)
    lecture = importlib.import_module(name.removesuffix(".py"))
    for reader in list(vars(lecture)):
        if re.fullmatch(r"read_pictures|load_\w+_test", reader):
            monkeypatch.setattr(lecture, reader, lambda file: file)
    try:
        lecture.parse_args(words)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)


@pytest.mark.parametrize("command", SHORT)
def test_command_runs(command, call):
    """A dry run of those that need no other file."""
    result = call(command.replace(".py ", " ", 1) + " --dry-run")
    assert result.status == 0, result.err


def test_options_exist():
    """Every --option in `code`: of the lecture's script, or of some script."""
    some = {"--help"}.union(*map(options_of, NAMES.values()))
    for page in PAGES:
        for line in code(TEXT[page]):
            if not re.match(r"(python|%run|conda|git) ", line):
                assert {*re.findall(OPTION, line)} <= some, (page, line)
    for lecture, name in NAMES.items():
        spans = " ".join(re.findall(r"`(--[^`\n]+)`", section(lecture)))
        assert {*re.findall(OPTION, spans)} <= {*options_of(name), "--dry-run"}, name


def test_options_of_every_script():
    """Those that the README says every script has, but for the lectures it names."""
    (line,) = re.findall("^每个脚本都有.*", FRONT, re.MULTILINE)
    options = {*re.findall("`(--[a-z-]+)", line)} - {"--help"}
    for lecture, name in NAMES.items():
        if f"第 {lecture} 讲" not in line:
            assert options <= {*options_of(name)}, name


def test_install():
    """As .ci/run finds it; no && where Windows' PowerShell 5.1 would stop at it."""
    lines = FRONT.splitlines()
    wanted = "python -m pip install -r tests/requirements.txt"  # .ci/run's grep
    found = [line for line in lines if line.startswith(wanted)]
    assert found[0] == INSTALL[1]
    blocks = [(block.start(), block[2]) for block in BLOCK.finditer(FRONT)]
    joined = [(start, block) for start, block in blocks if "&&" in block]
    assert [block for _, block in joined] == ["\n".join(INSTALL) + "\n"]
    assert "PowerShell 5.1" in FRONT[: joined[0][0]].split("\n\n")[-1]
    assert FRONT.index("\nWindows（cmd") < FRONT.index("\nmacOS, Linux")


def test_python_blocks(monkeypatch, capsys):
    """What one may copy into one's own program works in the folder that has data/."""
    monkeypatch.chdir(data_copy().parent)
    given = "import numpy as np\nfrom torchvision import datasets\ntransform = None\n"
    for page in PAGES[:3]:
        blocks = [block for kind, block in BLOCK.findall(TEXT[page]) if kind]
        assert blocks
        for block in blocks:
            exec(given + block, {})  # noqa: S102 that is the test
    assert capsys.readouterr().out == "tensor(2.) tensor(5.)\n"


# ----------------------------------------------------------------------- The numbers
def same(ours, theirs):
    """Equal texts, whose numbers may differ as processors do in their last digits."""
    if re.split(NUMBER, ours) != re.split(NUMBER, theirs):
        return False
    pairs = zip(re.findall(NUMBER, ours), re.findall(NUMBER, theirs))
    return all(float(a) == pytest.approx(float(b), rel=1e-3) for a, b in pairs)


def test_same():
    assert same("w = 1.0001, 3", "w = 1.0002, 3")
    assert not same("w = 1.01", "w = 1.02")
    assert not same("v = 1.01", "w = 1.01")
    assert not same("1 2", "1")
    assert not same("3.19e-07", "2.98e-07")


@pytest.mark.parametrize("script", FAST)
def test_expected_tables(call, script):
    """What the file says is what the script prints, from the table's head on."""
    status, out, *_ = call(script)
    assert status == 0
    ours = expected.table_of(out).splitlines()
    theirs = stated(script[:9]).splitlines()
    assert len(ours) == len(theirs) and "this run | video" in theirs[0]
    for a, b in zip(ours, theirs):
        assert same(a, b), (a, b)
        assert a.partition(" | ")[0] == b.partition(" | ")[0]
        assert a.rpartition(" | ")[2] == b.rpartition(" | ")[2]


@pytest.mark.parametrize(
    "name", [*(script.name[:9] for script in SCRIPTS), "lecture13_course"]
)
def test_excerpts(name):
    """The rows of a lecture's section stand in its file; the section links to it."""
    text = section(int(name[7:9]))
    assert f"]({name}.txt)" in text
    excerpt = text.split(f"<!-- excerpt {name} -->\n```\n")[1]
    lines = excerpt.split("```\n<!-- end -->")[0].splitlines()
    rows = stated(name).splitlines()
    wrong = [line for line in lines if line not in rows]
    assert not wrong, "\n".join(wrong)
    assert lines[0] == rows[0] and len(lines) > 2


NORMAL = {  # the README's row: file, its rows, network in spread.csv
    "2": ("lecture02", ["MSE at w = 1"], ""),
    "4": ("lecture04", ["progress: 0"], ""),
    "5": ("lecture05", ["prediction for x = 4"], ""),
    "6": ("lecture06", ["P(pass) = 0.5 at hours"], ""),
    "7、8": ("lecture07", ["sigmoid: accuracy"], ""),
    "9": ("lecture09", ["softmax epoch 10: accuracy"], "softmax"),
    "10": ("lecture10", ["basic epoch 10: accuracy"], "basic"),
    "11 GoogLeNet": ("lecture11", ["googlenet epoch 10: accuracy"], "googlenet"),
    "11 ResNet": ("lecture11", ["resnet epoch 10: accuracy"], "resnet"),
    "12": ("lecture12", [], ""),
    "13 老师用的人名 his names": (
        "lecture13_course",
        ["best accuracy", "epoch 100: accuracy"],
        "course",
    ),
    "13 自带的人名 these names": ("lecture13", ["best accuracy"], "names"),
}


def last_accuracies(network):
    """One a seed."""
    rows = [row for row in rows_of("spread.csv") if row["network"] == network]
    assert sorted(int(row["seed"]) for row in rows) == list(range(len(rows)))
    assert all(float(row["best"]) >= float(row["final"]) for row in rows)
    return sorted(float(row["final"]) for row in rows)


@pytest.mark.parametrize("label", NORMAL)
def test_normal(label):
    """Video and "here" stand in the file or the script, the range in spread.csv."""
    ((_, video, here, seeds),) = [row for row in cells("normal") if row[0] == label]
    name, rows, network = NORMAL[label]
    values = table(stated(name))
    known = [value for row in rows for value in re.findall(NUMBER, values[row][0])]
    seed_0 = [row for row in rows_of("spread.csv") if row["seed"] == "0"]
    known += [row["final"] for row in seed_0 if row["network"] == network]
    for number in re.findall(NUMBER, here):
        assert number in known, number
    script = (ROOT / f"{NAMES[int(name[7:9])]}.py").read_text(encoding="utf-8")
    known = re.findall(NUMBER, " ".join([*rows, *(values[row][1] for row in rows)]))
    for number in re.findall(NUMBER, video):  # a decimal may be of another run
        assert number in known or ("." in number and number in script), number
    if network:
        lowest, *_, highest = last_accuracies(network)
        assert seeds == f"{lowest:.2f}–{highest:.2f}%"
        if "11" in label:
            assert f"{lowest:.2f}%～{highest:.2f}%" in section(11)
            assert f"{lowest:.2f} – {highest:.2f} %" in section(11)
    if label == "12":  # "all five models"
        assert len(values) == 5
        assert all(ours.startswith("ohlol, first") for ours, _ in values.values())


def test_seeds():
    """No other row; the number of seeds that the README names."""
    assert [row[0] for row in cells("normal")] == [*NORMAL]
    of = {network: len(last_accuracies(network)) for *_, network in NORMAL.values()}
    text = f"第 9、10 讲各 {of['softmax']} 个种子，11 讲 {of['resnet']} 个，"
    assert f"{text}13 讲 {of['course']} 个" in part(FRONT, "normal")
    assert of["softmax"] == of["basic"]
    assert of["googlenet"] == of["resnet"] and of["course"] == of["names"]


def test_first_lines():
    """What the README says lecture 9 prints."""
    text, values = part(FRONT, "start"), table(stated("lecture09"))
    mean, scaled = re.search(r"300\] loss: (\S+) \(.*?: (\S+)\)", text).groups()
    assert values["softmax epoch 1: loss"][0].split()[0] == mean
    assert float(scaled) == pytest.approx(float(mean) * 300 / 2000, abs=0.0006)
    percent, right = re.search(r"test set: (\d+) % \[(\d+)/10000\]", text).groups()
    assert f"[{right}/10000]" in values["softmax epoch 1: accuracy"][0]
    assert int(percent) == int(right) // 100


@pytest.mark.parametrize("symptom", [row[0] for row in cells("wrong")])
def test_wrong(symptom):
    """Its accuracies and losses were measured together; its message was raised."""
    measured = rows_of("mistakes.csv")
    percents = re.findall(r"\d+\.\d\d(?=%|、)", symptom)
    if len(percents) == 10:  # the shares of the ten digits
        with gzip.open(DATA / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz") as file:
            labels = file.read()[8:]
        assert percents == [f"{labels.count(digit) / 100:.2f}" for digit in range(10)]
        return
    losses = re.findall(r"损失\D*?(nan|\d\.\d+)", symptom)
    for percent in percents:
        found = [row["loss"] for row in measured if row["accuracy"] == percent]
        assert found, percent
        for loss in losses:
            digits = len(loss.partition(".")[2])
            assert loss in [f"{float(x or 'inf'):.{digits}f}" for x in found], loss
    if not percents and "未实测" not in symptom:
        for message in re.findall("`([^`]+)`", symptom):
            pieces = [piece.strip() for piece in message.split("...")]
            rows = [r for r in measured if all(p in r["message"] for p in pieces)]
            assert rows, message


# ---------------------------------------------------------------- Pictures and words
def both_languages(text):
    text = re.sub("`[^`]*`", "", BLOCK.sub("", text))
    english = re.search("[A-Za-z]{2} [a-z]{2}", text)
    return bool(english and re.search("[\u4e00-\u9fff]{2}", text))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pictures(picture):
    """Each is a picture, small enough, and shown with words in both languages."""
    check_picture(picture)
    assert picture.stat().st_size < 400_000
    (words,) = re.findall(rf"!\[([^\]]+)\]\({re.escape(picture.name)}\)", LECTURES)
    assert both_languages(words)


def test_every_script_has_a_picture():
    assert {*NAMES.values()} <= {picture.stem for picture in PICTURES}


@pytest.mark.parametrize("page", PAGES[:4])
def test_both_languages(page):
    for text in TEXT[page].split("\n## "):
        assert both_languages(text), text.splitlines()[0]


@pytest.mark.parametrize("lecture", range(1, 14))
def test_sections(lecture):
    """What to look at and the key points, in both languages."""
    text = section(lecture)
    assert text.startswith(f"\n## {lecture:02} · ")
    for title in (
        "**看什么**：",
        "**Look at**: ",
        "**要点**\n- ",
        "**Key points**\n- ",
    ):
        assert text.count(title) == 1, title
    assert f"\n## {lecture:02} " in TEXT["data/errata.md"] or lecture == 1


@each_page
def test_nothing_is_left_over(page):
    """No placeholder, no folder of somebody's machine."""
    assert not re.findall(r".*(?:@@|TODO|XXX|\?\?).*", TEXT[page])
    machine = r"(?<![\w.:/])/(?:home|Users|tmp|root|work)/|[A-Z]:\\"
    assert not re.findall(machine, TEXT[page])
