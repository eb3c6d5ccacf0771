"""The rules of the collection: the lecture first, standalone scripts, equal copies."""

import ast
import functools
import importlib
import re
import shlex
import subprocess
import sys
from collections import defaultdict

import pytest
from conftest import ROOT, SCRIPTS, each_script, number, options_of, source

CHINESE = re.compile("[\u4e00-\u9fff]")
ALLOWED = {"torch", "torchvision", "numpy", "matplotlib"}
# Names that mean something else in some lectures. Everything else that stands in two
# scripts under one name is the same text.
OWN = {"main", "parse_args", "compare", "draw", "draw_video", "exercise", "affine"}
OWN |= {"x_data", "y_data", "forward", "loss", "Net", "NETWORKS", "majority"}
OWN |= {"train", "test", "predict"}  # but 9, 10 and 11 have one train() and test()
HEADINGS = {
    "1. Dataset 数据集",
    "2. Model 模型",
    "3. Loss and optimizer 损失函数和优化器",
    "4. Training and test 训练与测试",
    "4. Training cycle 训练：forward, backward, update",
    "5. Inference and plot 推理与画图",
}


@functools.cache
def named_nodes(script):
    """{name: node} of the functions, classes and constants of a file, in its order."""
    found = {}
    for node in ast.parse(source(script)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found[node.targets[0].id] = node
    return found


def text_of(script, node):
    return ast.get_source_segment(source(script), node)


def cells(script):
    """{title: text} of the cells; the docstring and the imports have the title ""."""
    parts = re.split(r"^# %% (.+) -{20}\n", source(script), flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[0::2]))


def part_of(script, name):
    """The title of the cell in which a name is defined."""
    before = source(script).splitlines()[: named_nodes(script)[name].lineno]
    return [line for line in before if line.startswith("# %% ")][-1][5:-21]


def defaults(script):
    return vars(importlib.import_module(script.stem).parse_args([]))


# ------------------------------------------------------------------------ The shape
ORDER = [
    "",
    r"1\. Dataset 数据集",
    r"2\. Model 模型",
    r"3\. .+",
    r"4\. .+",
    "The lecture 视频里的程序（看到 main 结束就够了）",
    "(Exercises?|More) .*",
    "Beside the video 与视频对照（可以不看）",
    "Command line 命令行选项（可以不看）",
    "Run 运行：从这里开始训练",
]


@each_script
def test_cells_stand_in_order(script):
    """The lecture first, then exercises, and what serves the script at the very end."""
    titles = list(cells(script))
    assert source(script).count("# %%") == len(titles) - 1
    places = []
    for title in titles:
        assert title == "" or CHINESE.search(title)
        (place,) = [i for i, form in enumerate(ORDER) if re.fullmatch(form, title)]
        places.append(place)
    assert places == sorted(places)
    assert {0, 1, 2, 5, 7, 8, 9} <= set(places)
    assert all(places.count(place) == 1 for place in set(places) - {6})


@each_script
def test_names_stand_in_their_cells(script):
    nodes = named_nodes(script)
    assert part_of(script, "main").startswith("The lecture")
    for name in ("parse_args", "print_table", "save_plot"):
        assert part_of(script, name).startswith("Command line")
    for name in nodes:
        if name.startswith("VIDEO"):
            assert part_of(script, name).startswith("Beside the video"), name


@each_script
def test_the_last_cell_runs_and_the_others_define(script):
    *_, run = cells(script).values()
    lines = [line for line in run.splitlines() if not line.startswith("#")]
    assert lines == ['if __name__ == "__main__":', "    model = main(parse_args())"]
    kinds = {type(node) for node in ast.parse(source(script)).body[1:-1]}
    assert kinds <= {
        *(ast.Import, ast.ImportFrom, ast.Assign),
        *(ast.FunctionDef, ast.ClassDef),
    }


@each_script
def test_docstring_begins_in_chinese(script):
    """Title, 看到 main 结束就够了, English; its commands are taken by parse_args()."""
    head = ast.get_docstring(ast.parse(source(script)))
    title, chinese, english, *_ = re.split(r"\n\n", head)
    assert re.fullmatch(rf"Lecture {number(script):02} · [^\n]+ \(第.+讲 .+\)", title)
    assert chinese.startswith("看到 main 结束就够了")
    assert english.startswith("Read as far as the end of main")
    lectures = re.findall("    python (lecture.*)", head)
    assert lectures[0].split()[0] == script.name
    for line in lectures:
        name, *options = shlex.split(line, comments=True)
        assert name == script.name
        importlib.import_module(script.stem).parse_args(options)


# ----------------------------------------------------------------------------- main
@each_script
def test_main_says_the_defaults(script):
    """Its first line, # without options lr is 0.01, epochs 100 …"""
    main = named_nodes(script)["main"]
    assert [argument.arg for argument in main.args.args] == ["args"]
    comment = text_of(script, main).splitlines()[2]
    said = re.fullmatch("    # without options (.*) 不加选项.*", comment)[1]
    values = defaults(script)
    names = []
    for words in said.split(", "):
        name, value = words.replace(" is ", " ").rsplit(" ", 1)
        names.append(name.replace(" ", "_"))
        assert value == str(values[names[-1]])
    needed = {name for name in ("epochs", "lr", "batch_size") if values.get(name)}
    assert needed <= set(names)


def programs(script):
    """The functions of the cell that is the lecture, by name."""
    return {
        name: node
        for name, node in named_nodes(script).items()
        if isinstance(node, ast.FunctionDef)
        and part_of(script, name).startswith("The lecture")
    }


@each_script
def test_steps_stand_in_the_video_order(script):
    """1 to 5, as cells of functions or as comments around main(), none left out."""
    inside = []
    for name, node in named_nodes(script).items():
        found = re.findall(r"^ +# (\d\. .*)$", text_of(script, node), re.MULTILINE)
        assert found == sorted(found), name
        if number(script) > 4:
            assert {re.sub("数据集：.*", "数据集", text) for text in found} <= HEADINGS
        if name in programs(script):
            inside += [heading[0] for heading in found]
    before = [title[0] for title in cells(script) if title[:1].isdigit()]
    assert {*inside, *before} == set("12345") and inside[-1] == "5"


@each_script
def test_the_loop_of_the_lecture(script):
    """for epoch in …, one level deep, with a Chinese comment."""
    loops = 0
    for program in programs(script).values():
        body = list(program.body)
        for node in program.body:
            if isinstance(node, ast.Try):  # Ctrl-C
                body += node.body
        for node in ast.walk(program):
            if isinstance(node, ast.For) and getattr(node.target, "id", "") == "epoch":
                loops += 1
                assert node in body
                assert re.search(f"#.*{CHINESE.pattern}", text_of(script, node))
    assert loops == {2: 0, 12: 3}.get(number(script), 1)
    lecture = cells(script)["The lecture 视频里的程序（看到 main 结束就够了）"]
    if number(script) > 4:
        assert "    criterion = " in lecture and "    optimizer = " in lecture


@each_script
def test_main_returns_what_it_trained(script):
    main = named_nodes(script)["main"]
    found = [node for node in ast.walk(main) if isinstance(node, ast.Return)]
    assert isinstance(main.body[-1], ast.Return)
    assert all(node.value for node in found)


# ---------------------------------------------------------------------- Command line
@each_script
def test_help_says_every_default(script, capsys):
    """In the words of both languages; the docstring is its head."""
    values = defaults(script)
    for name, action in options_of(script.stem).items():
        if name == "--help":
            continue
        assert CHINESE.search(action.help), name
        value = values[action.dest]
        if isinstance(value, list):
            value = " ".join(value)
        if name == "--data-dir":
            value = "data beside the script"
        if name == "--plot":
            value = f"plots/{script.stem}.png"
        if value:
            assert f"default {value}" in action.help, name
    with pytest.raises(SystemExit):
        importlib.import_module(script.stem).parse_args(["--help"])
    out = capsys.readouterr().out
    assert " [options], see --help\n" in out and "--plot FILE" in out
    assert f"\nLecture {number(script):02} · " in out


def test_command_lines_are_one_text():
    """The block of all scripts, but for their options, checks and dry runs."""
    kept = defaultdict(set)
    for script in SCRIPTS:
        text = text_of(script, named_nodes(script)["parse_args"])
        head, options = text.split("    add = parser.add_argument\n")
        kept["head"].add(head)
        kept["json"].add(options.partition("    if argv is None")[2].split(")\n")[0])
        kept["end"].add(options.partition("    if not args.show")[2])
        kept["dry run"] |= set(re.findall("dry run: .*", options))
        for name, action in options_of(script.stem).items():
            if name in ("--show", "--dry-run", "--device", "--data-dir"):
                kept[name].add(action.help)
    assert all(len(texts) == 1 and "" not in texts for texts in kept.values()), kept


# ------------------------------------------------------------------------ The copies
def test_copies_are_equal():
    texts = defaultdict(lambda: defaultdict(list))
    for script in SCRIPTS:
        for name, node in named_nodes(script).items():
            texts[name][text_of(script, node)].append(number(script))
    several = {name for name, found in texts.items() if len(found) > 1}
    assert {name for name in several if not name.startswith("VIDEO")} == OWN
    assert [9, 10, 11] in texts["train"].values()
    assert [9, 10, 11] in texts["test"].values()
    for name in ("print_table", "save_plot"):
        (scripts,) = texts[name].values()
        assert len(scripts) == len(SCRIPTS)


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
