"""When something is wrong: one line that names it, the right status, no traceback.

What stands in the same words in all twelve scripts (test_rules.py sees to that) is
tried on one or two of them.
"""

import gzip
import importlib

import pytest
from conftest import ROOT, SCRIPTS, check_line, check_picture, run, warnings_are_errors

DATA = ROOT / "data"
MNIST = "lecture09_softmax_mnist", "lecture10_cnn", "lecture11_googlenet_resnet"

WRONG = {  # what is wrong with an option: the words for it
    "epochs": dict.fromkeys(["0", "-3", "9999999999"], "must be from 1 to 1e9"),
    "batch-size": dict.fromkeys(["0", "-3"], "must be from 1 to 1e9"),
    "lr": dict.fromkeys(["0", "-0.1", "nan", "inf"], "must be from 1e-12 to 1e9"),
    "seed": {"-1": "must be from 0 to 1e9"},
    "plot": {"plot.doc": ".png, .pdf or .svg", "plot": ".png, .pdf or .svg"},
    "device": dict.fromkeys(
        ["nonsense", "cuda:99", "meta", "hpu", "mkldnn", "xla", "vulkan", ""],
        "is not a device of this machine",
    ),
}
WRONG["epochs"] |= dict.fromkeys(["x", "1.5", ""], "invalid int value")
WRONG["batch-size"] |= dict.fromkeys(["x", "1.5"], "invalid int value")
WRONG["lr"] |= {"fast": "invalid float value"}


@pytest.mark.parametrize(
    "option, value, words",
    [(o, value, words) for o in WRONG for value, words in WRONG[o].items()],
)
@warnings_are_errors
def test_bad_value(call, option, value, words):
    result = call("lecture10_cnn", f"--{option}={value}")
    check_line(result, 2, f"--{option}", words)
    assert result[1] == ""  # found before anything else was done


@pytest.mark.parametrize(
    "command, words",
    [
        ("lecture02_linear_model --model cubic", "invalid choice"),
        ("lecture03_gradient_descent --smooth 1", "--smooth"),
        ("lecture03_gradient_descent --smooth -0.1", "--smooth"),
        ("lecture03_gradient_descent --method adam", "invalid choice"),
        ("lecture03_gradient_descent --landscape hill", "invalid choice"),
        ("lecture04_backprop --model cubic", "invalid choice"),
        ("lecture05_linear_regression --optimizer adam", "invalid choice"),
        ("lecture05_linear_regression --init zero", "invalid choice"),
        ("lecture07_multi_dim --activation step", "invalid choice"),
        ("lecture08_dataloader --activation tanh", "invalid choice"),
        ("lecture08_dataloader --holdout 1", "--holdout"),
        ("lecture08_dataloader --holdout -0.1", "--holdout"),
        ("lecture08_dataloader --holdout x", "--holdout"),
        ("lecture08_dataloader --num-workers -1", "--num-workers"),
        ("lecture08_dataloader --num-workers 100000", "--num-workers"),
        ("lecture09_softmax_mnist --otto", "--otto"),
        ("lecture10_cnn --model vgg", "invalid choice"),
        ("lecture11_googlenet_resnet --model vgg", "invalid choice"),
        ("lecture12_rnn --model transformer", "invalid choice"),
        ("lecture13_gru_classifier --cell cnn", "invalid choice"),
        ("lecture13_gru_classifier --reviews", "--reviews"),
        ("lecture13_gru_classifier --predict 刘", "ASCII"),
        ("lecture13_gru_classifier --predict Li --reviews x.tsv", "--predict"),
    ],
)
def test_bad_option_of_a_lecture(call, command, words):
    check_line(call(*command.split()), 2, words)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_unknown_option_and_help(call, script):
    check_line(call(script.stem, "--epoch5"), 2, "--epoch5")
    status, out, err = call(script.stem, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Lecture {script.name[7:9]} · ") and "--plot FILE" in out


@pytest.mark.parametrize("name", ["lecture02_linear_model", "lecture09_softmax_mnist"])
def test_plot_that_cannot_be_written(call, tmp_path, name):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    result = call(name, "--plot", tmp_path / "file" / "plot.png")
    check_line(result, 1, "file: ")  # a file where its folder should be
    assert result[1] == ""  # found before anything else was done


def test_plot_that_is_a_folder(call, tmp_path):
    (tmp_path / "dir.png").mkdir()
    result = call("lecture02_linear_model", "--plot", tmp_path / "dir.png")
    check_line(result, 2, "--plot", "file name")


# ------------------------------------------------------------------- Data files
ROW = "0.1," * 8 + "1"
DIABETES = {  # what is wrong with the file: its text, or bytes; the words for it
    "not gzip": (b"1,2,3\n", "diabetes.csv.gz"),
    "empty": ("", "empty"),
    "blank": ("\n\n", "empty"),
    "foreign": ("a,b\n1,2\n", "a"),
    "a column missing": (f"{ROW}\n0.1,0.2,1\n", "row"),
    "another label": (f"{ROW}\n{ROW[:-1]}2\n", "label"),
    "nan": (f"{ROW}\nnan{ROW[3:]}\n", "row 2"),
    "inf": (f"{ROW}\n{ROW}\ninf{ROW[3:]}\n", "row 3"),
    "absurd": (f"1e30{ROW[3:]}\n", "row 1"),
    "not UTF-8": (b"\xff\xfe\x00", "diabetes.csv.gz"),
}


@pytest.mark.parametrize("name", ["lecture07_multi_dim", "lecture08_dataloader"])
@pytest.mark.parametrize("fault", DIABETES)
@warnings_are_errors
def test_diabetes(call, tmp_path, name, fault):
    text, words = DIABETES[fault]
    if isinstance(text, str):
        text = gzip.compress(text.encode())
    (tmp_path / "diabetes.csv.gz").write_bytes(text)
    result = call(name, "--data-dir", tmp_path)
    check_line(result, 1, "cannot use", "diabetes.csv.gz", words, "data/build.py")


@pytest.mark.parametrize("name", ["lecture07_multi_dim", "lecture08_dataloader"])
def test_cut_diabetes(call, tmp_path, name):
    whole = (DATA / "diabetes.csv.gz").read_bytes()
    (tmp_path / "diabetes.csv.gz").write_bytes(whole[: len(whole) // 2])
    result = call(name, "--data-dir", tmp_path)
    check_line(result, 1, "cannot use", "diabetes.csv.gz", "git checkout -- data/")


@pytest.mark.parametrize("name", ["lecture07_multi_dim", "lecture08_dataloader"])
def test_diabetes_as_editors_write_it(call, tmp_path, name):
    """A BOM, Windows' line ends and blank lines change nothing."""
    text = gzip.decompress((DATA / "diabetes.csv.gz").read_bytes()).decode()
    other = "\ufeff" + "\r\n\r\n".join(text.split()) + "\r\n\r\n"
    (tmp_path / "diabetes.csv.gz").write_bytes(gzip.compress(other.encode()))
    read = importlib.import_module(name).load_diabetes
    for ours, theirs in zip(read(tmp_path), read(DATA), strict=True):
        assert (ours == theirs).all() and ours.shape[0] == 759


TITANIC = "Survived,Pclass,Sex,Age\n0,3,male,22\n1,1,female,38\n"
PASSENGERS = {  # the file: the words for it
    "": "no column",
    "a,b\n1,2\n": "no column",
    "Survived,Pclass,Sex,Age\n": "no passenger",
    "Survived,Pclass,Sex,Age\n0,3,male,\n": "no passenger with an age",
    f"{TITANIC}2,1,male,3\n": "4",
    f"{TITANIC}\n1,4,male,3\n": "5",
    f"{TITANIC}1,1,cat,3\n": "4",
    f"{TITANIC}1,1,male,x\n": "4",
    f"{TITANIC}1,1,male,nan\n": "4",
    f"{TITANIC}1,1,male,-3\n": "4",
    f"{TITANIC}1,1,male,1e9\n": "4",
    f"{TITANIC}1,1,male,inf\n": "4",
    f"{TITANIC}1,1\n": "4",
}


@pytest.mark.parametrize("text", PASSENGERS)
@warnings_are_errors
def test_titanic(call, tmp_path, text):
    file = tmp_path / "train.csv"
    file.write_text(text, encoding="utf-8")
    result = call("lecture08_dataloader", "--titanic", file)
    check_line(result, 1, "cannot use", file, PASSENGERS[text])


def test_titanic_as_editors_write_it(tmp_path):
    lecture = importlib.import_module("lecture08_dataloader")
    file = tmp_path / "train.csv"
    file.write_text("\ufeff" + TITANIC.replace("\n", "\n\n"), encoding="utf-8")
    rows = lecture.load_titanic(file)
    assert [row["Age"] for row in rows] == ["22", "38"]


@pytest.mark.parametrize("text", [b"1,2\n", gzip.compress(b""), b"\xff\xfe"])
def test_titanic_on_board(call, tmp_path, text):
    (tmp_path / "titanic.csv.gz").write_bytes(text)
    result = call("lecture08_dataloader", "--titanic", "--data-dir", tmp_path)
    check_line(result, 1, "titanic.csv.gz")


READS = {  # command: the file that it reads first
    "lecture07_multi_dim": "diabetes.csv.gz",
    "lecture08_dataloader": "diabetes.csv.gz",
    "lecture08_dataloader --titanic": "titanic.csv.gz",
    "lecture09_softmax_mnist": "MNIST/raw/train-images-idx3-ubyte.gz",
    "lecture10_cnn": "MNIST/raw/train-images-idx3-ubyte.gz",
    "lecture11_googlenet_resnet": "MNIST/raw/train-images-idx3-ubyte.gz",
    "lecture13_gru_classifier": "names_train.csv.gz",
}


@pytest.mark.parametrize("command", READS)
def test_missing_data_file(call, tmp_path, monkeypatch, command):
    """The advice fits: a folder without the file, no folder, a file lost from data/."""
    name, *options = command.split()
    lecture, file = importlib.import_module(name), READS[command]
    for folder in (tmp_path, tmp_path / "typo"):
        result = call(name, *options, "--data-dir", folder)
        check_line(result, 1, f"no {file} in {folder}", "--data-dir takes data/")
        assert "git checkout" not in result[2]
    monkeypatch.setattr(lecture, "SCRIPT", tmp_path / f"{name}.py")  # alone, at home
    result = call(name, *options, "--data-dir", tmp_path / "data")
    check_line(result, 1, f"no {file} in ", "data/, which comes with the scripts")
    (tmp_path / "data" / file).parent.mkdir(parents=True)
    result = call(name, *options, "--data-dir", tmp_path / "data")
    check_line(result, 1, f"no {file} in ", f"git checkout -- data/{file} brings it")


def test_course_names_before_the_download(call, tmp_path):
    folder = tmp_path / "data" / "course"
    result = call("lecture13_gru_classifier", "--data-dir", folder)
    check_line(result, 1, folder, "python data/download_course_names.py")


@pytest.mark.parametrize(
    "command",
    [
        "lecture08_dataloader --titanic",
        "lecture09_softmax_mnist --otto",
        "lecture13_gru_classifier --reviews",
    ],
)
def test_exercise_file_that_is_not_there(call, command):
    result = call(*command.split(), "absent.csv")
    check_line(result, 1, "absent.csv: No such file or directory")


@pytest.mark.parametrize("name", MNIST)
def test_temporary_folder(call, monkeypatch, tmp_path, name):
    """Full, or none that can be used: a line that names it and TMPDIR."""
    options = name, "--dry-run", "--data-dir", DATA

    def refuse(*args, **others):
        raise FileNotFoundError(2, "No usable temporary directory found")

    with monkeypatch.context() as patch:
        patch.setenv("TMPDIR", "/not/there")
        patch.setattr("tempfile.TemporaryDirectory", refuse)
        check_line(call(*options), 1, "/not/there", "TMPDIR")
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:  # room for the archives, not for what is in them
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, before[1]))
        check_line(call(*options), 1, str(tmp_path), "TMPDIR")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [file.name for file in tmp_path.iterdir()] == ["plots"]


# -------------------------------------------------------------------- Divergence
@pytest.mark.parametrize(
    "command, names",
    [
        ("lecture03_gradient_descent --lr 1", ["gd"]),
        ("lecture03_gradient_descent --lr 1 --method sgd", ["sgd"]),
        (
            "lecture03_gradient_descent --lr 1 --method all",
            ["gd", "sgd", "minibatch"],
        ),
        (
            "lecture03_gradient_descent --landscape saddle --lr 1",
            ["SGD"],
        ),
        ("lecture04_backprop --lr 1", ["linear"]),
        ("lecture05_linear_regression --lr 1", ["SGD"]),
        ("lecture05_linear_regression --lr 1 --optimizer all", ["SGD", "ASGD"]),
        ("lecture10_cnn --dry-run --lr 1e6 --model all", ["basic", "deep"]),
        ("lecture11_googlenet_resnet --dry-run --lr 1e6 --model resnet", ["resnet"]),
    ],
)
def test_divergence_is_told_and_drawn(call, tmp_path, command, names):
    """One line for each method, network or optimizer that diverged, and no other."""
    status, out, err = call(*command.split())
    told = [line.partition(" diverged, loss ") for line in err.splitlines()]
    assert status == 1 and sorted(name for name, _, _ in told) == sorted(names)
    assert all(end.endswith(": try a smaller --lr") for _, _, end in told)
    assert "plot saved" in out
    check_picture(tmp_path / "plots" / f"{command.split()[0]}.png")


def test_one_line_in_a_real_process(tmp_path):
    options = {"cwd": tmp_path}
    result = run("lecture02_linear_model.py", "--plot", "x.doc", **options)
    check_line(result, 2, "--plot")
