"""The rules of the collection: the lecture first, standalone scripts, equal copies."""

import ast
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from conftest import (
    ROOT,
    SCRIPTS,
    check_line,
    each_script,
    number,
    options_of,
    source,
)

BEFORE = ["1. Dataset", "2. Model", "3. ", "4. ", "The lecture"]
AFTER = ["Beside the video", "Command line"]
EVERYWHERE = {
    "The lecture 视频里的程序（看到 main 结束就够了）",
    "Beside the video 与视频对照（可以不看）",
    "Command line 命令行选项（可以不看）",
}
# Names that mean something else in each lecture. Everything else that stands in two
# scripts under one name must be the same text.
OWN = {"main", "parse_args", "forward", "loss", "cost", "compare", "draw", "exercise"}
OWN |= {"Net", "affine", "tell_divergence", "NETWORKS", "x_data", "y_data", "submit"}
MNIST = {"train", "test"}  # the same in lectures 9 to 11
ALLOWED = {"torch", "torchvision", "numpy", "matplotlib"}
CHINESE = re.compile("[\u4e00-\u9fff]")


def banners(script):
    """[(line, title)] of the cells of a script."""
    found = []
    for line, text in enumerate(source(script).splitlines(), start=1):
        if text.startswith("# %%"):
            title = re.fullmatch(r"# %% (.+) -{20}", text)
            assert title, text
            found.append((line, title[1]))
    return found


def part_of(script, node):
    """The title of the part in which a node stands."""
    return [title for line, title in banners(script) if line < node.lineno][-1]


def named_nodes(script):
    """{name: node} of the functions, classes and constants of a file, in its order."""
    found = {}
    for node in ast.parse(source(script)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        found[name.id] = node
    return found


def text_of(script, node):
    return ast.get_source_segment(source(script), node)


def main_of(script):
    return text_of(script, named_nodes(script)["main"])


# ------------------------------------------------------------------------ The shape
@each_script
def test_parts_stand_in_order(script):
    """The lecture first, then exercises, and what serves the script at the very end."""
    titles = [title for _, title in banners(script)]
    assert all(map(CHINESE.search, titles)) and EVERYWHERE <= set(titles)
    assert titles[0] == "1. Dataset 数据集" and titles[1] == "2. Model 模型"
    places = []
    for title in titles:
        known = [name for name in BEFORE + AFTER if title.startswith(name)]
        places.append(
            (BEFORE + ["an exercise"] + AFTER).index(*known or ["an exercise"])
        )
    assert places == sorted(places)
    assert len(set(places) - {5}) == len([place for place in places if place != 5])
    nodes = named_nodes(script)
    assert part_of(script, nodes["main"]).startswith("The lecture")
    for name in ("parse_args", "check_plot", "print_table", "save_plot"):
        assert part_of(script, nodes[name]).startswith("Command line")
    for name, node in nodes.items():
        if name.startswith("VIDEO"):
            assert part_of(script, node).startswith("Beside the video"), name


@each_script
def test_steps_stand_in_the_video_order(script):
    """1 to 5, as banners of functions or as comments around main(), none left out."""
    begin = next(i for i, t in banners(script) if t.startswith("The lecture"))
    end = named_nodes(script)["main"].end_lineno
    lecture = "\n".join(source(script).splitlines()[begin:end])
    inside = re.findall(r"^ +# (\d)\. ", lecture, flags=re.MULTILINE)
    before = [title[0] for _, title in banners(script) if title[0].isdigit()]
    assert {*inside, *before} == set("12345") and before == sorted(before)
    assert inside[-1] == "5"
    programs = re.split("(?=1)", "".join(inside))  # lecture 12 has three
    assert all(list(steps) == sorted({*steps}) for steps in programs)
    assert len(programs) <= (4 if number(script) == 12 else 2)


@each_script
def test_main_shows_loss_optimizer_and_epochs(script):
    """Since lecture 5 they stand in plain sight."""
    end = named_nodes(script)["main"].end_lineno
    lecture = "\n".join(source(script).splitlines()[:end])
    if number(script) >= 5:
        assert "    criterion = " in lecture and "    optimizer = " in lecture
    if number(script) >= 3:
        assert "for epoch in " in lecture


@each_script
def test_main_returns_what_it_trained(script):
    """What it is, the snapshots see; here: it is returned on every way."""
    main = named_nodes(script)["main"]
    found = [node for node in ast.walk(main) if isinstance(node, ast.Return)]
    assert isinstance(main.body[-1], ast.Return)
    assert all(node.value for node in found)


@each_script
def test_main_says_the_defaults(script, monkeypatch, tmp_path):
    """Its comment "Without options: lr 0.01, epochs 100" is what parse_args() says."""
    monkeypatch.chdir(tmp_path)  # where parse_args() makes plots/
    (comment,) = re.findall("# Without options: (.*)", main_of(script))
    defaults = {
        name.strip("-").replace("-", " "): action.default
        for name, action in options_of(script.stem).items()
    }
    said = dict(re.findall(r"([a-z]+(?: size)?) ([\d.]+|[a-z]+)(?=[, ]|$)", comment))
    said = {name: value for name, value in said.items() if name in defaults}
    for name, value in said.items():
        stated = defaults[name]
        if stated is None:  # it depends: parse_args() settles it
            stated = settled(script, name)
        assert str(stated) == value, name
    needed = {name for name in ("epochs", "lr", "batch size") if defaults.get(name)}
    assert needed <= said.keys()


def settled(script, name):
    """The value that parse_args([]) gives an option without a default of its own."""
    module = __import__(script.stem)
    return vars(module.parse_args([]))[name]


@each_script
def test_help_says_every_default(script, call):
    """In the words of both languages; the docstring is its head."""
    for name, action in options_of(script.stem).items():
        if name == "--help":
            continue
        assert CHINESE.search(action.help), name
        if action.nargs == 0:
            assert action.default is False
        else:
            assert "default" in action.help, name
        if isinstance(action.default, (str, int, float)) and action.nargs != 0:
            assert f"default {action.default}" in action.help, name
    result = call(f"{script.stem} --help")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(f"Lecture {script.name[7:9]} · ")
    assert "--plot FILE" in result.out
    check_line(call(f"{script.stem} --epoch5"), 2, "--epoch5")


@each_script
def test_docstring_in_both_languages(script):
    head = ast.get_docstring(ast.parse(source(script)))
    assert 2 <= sum(len(CHINESE.findall(line)) > 12 for line in head.splitlines()) <= 6
    options = {*re.findall(r"(?<!\S)--[a-z-]+", head)}
    assert options <= options_of(script.stem).keys()
    assert f"    python {script.name} " in head


# ------------------------------------------------------------------------ The copies
def test_copies_are_equal():
    texts = defaultdict(lambda: defaultdict(list))
    for script in SCRIPTS:
        own = OWN | (set() if number(script) in (9, 10, 11) else MNIST)
        for name, node in named_nodes(script).items():
            if name not in own and not name.startswith("VIDEO"):
                texts[name][text_of(script, node)].append(script.name[7:9])
    different = {name: [*t.values()] for name, t in texts.items() if len(t) > 1}
    assert not different
    counts = {name: len(*t.values()) for name, t in texts.items()}
    for name in ("check_plot", "print_table", "save_plot"):
        assert counts[name] == len(SCRIPTS)
    assert counts["pick_device"] == 4 and counts["load_mnist"] == 3
    assert counts["read_table"] == counts["write_submission"] == 3


def test_command_lines_begin_alike_and_files_end_alike():
    heads, ends, told = set(), set(), defaultdict(set)
    for script in SCRIPTS:
        text = text_of(script, named_nodes(script)["parse_args"])
        heads.add(text.partition("    add = parser.add_argument\n")[0])
        ends.add(source(script).partition('\nif __name__ == "__main__":\n')[2])
        for option, message in re.findall(r'parser.error\("(--\S+) must (.*)"\)', text):
            told[option].add(message)
    assert len(heads) == len(ends) == 1
    assert {"--epochs", "--lr", "--seed", "--batch-size"} <= told.keys()
    assert all(len(messages) == 1 for messages in told.values()), told
    (end,) = ends
    call, last = end.splitlines()
    assert call.startswith('    in_a_cell = sys.argv[-1].endswith(".json")  # ')
    assert last == "    model = main([] if in_a_cell else None)"


# ------------------------------------------------------------- Imports and top level
@each_script
def test_imports(script):
    """Lectures 2 and 3 start without torch, only 9 to 11 need torchvision."""
    found = set()
    for node in ast.walk(ast.parse(source(script))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module.split(".")[0])
    brought = {"PIL"} if number(script) == 10 else set()  # by torchvision
    assert found - sys.stdlib_module_names <= ALLOWED | brought
    wanted = set() if number(script) < 4 else {"torch"}
    if number(script) in (9, 10, 11):
        wanted.add("torchvision")
    assert found & {"torch", "torchvision"} == wanted


@each_script
def test_names_leave_the_learners_variables_alone(script):
    usual = {"device", "model", "criterion", "optimizer", "inputs", "labels", "target"}
    usual |= {"loss"} if number(script) > 4 else set()
    tree = ast.parse(source(script))
    functions = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    assert not usual & set(functions)


def test_top_level():
    try:
        listing = subprocess.run(
            ["git", "ls-files"], check=True, cwd=ROOT, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git here, or a ZIP that was unpacked")
    names = {line.split("/")[0] for line in listing.stdout.splitlines()}
    fixed = {"README.md", "requirements.txt", "data", "tests", ".ci", ".gitignore"}
    fixed |= {script.name for script in SCRIPTS}
    assert names - {".gitattributes"} == fixed


def test_requirements_are_the_four_with_lower_bounds():
    lines = source(ROOT / "requirements.txt").splitlines()
    lines = [line.partition("#")[0].strip() for line in lines]
    names = [re.fullmatch(r"([a-z]+)>=[\d.]+", line)[1] for line in lines if line]
    assert sorted(names) == sorted(ALLOWED)
