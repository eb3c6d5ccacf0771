"""The exercises with files of their own: Kaggle's, from train to submission, and nets."""

import builtins
import csv
import re

import digits
import kaggle
import numpy as np
import pytest
import torch
from conftest import DATA, few_digits, table, warnings_are_errors
from snapshots import few_names

import lecture08_dataloader as lecture08
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11
import lecture13_gru_classifier as lecture13

NAMES = "lecture13_gru_classifier"


def rows_of(file):
    with open(file, encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


# ---------------------------------------------------------- Kaggle, from file to hand-in
KAGGLE = {  # exercise: script, rows of train and of test, options with which it learns
    "titanic": ("lecture08_dataloader", 200, 60, "--lr 0.3 --epochs 40"),
    "otto": ("lecture09_softmax_mnist", 900, 60, "--lr 0.1 --epochs 20"),
    "reviews": (NAMES, 100, 20, "--lr 0.01"),
}
HEADS = {
    "titanic": ["PassengerId", "Survived"],
    "otto": ["id", *(f"Class_{i}" for i in range(1, 10))],
    "reviews": ["PhraseId", "Sentiment"],
}
each_exercise = pytest.mark.parametrize("exercise", KAGGLE)


def hand_in(call, folder, exercise, options=None):
    """Train on a made-up file and hand another in: what call() gives."""
    script, size, size_of_test, learns = KAGGLE[exercise]
    write = getattr(kaggle, exercise)
    train = write(folder / "train file", size)
    test = write(folder / "test file", size_of_test, test=True)
    command = f"{script} {learns if options is None else options}"
    return call(command, f"--{exercise}", train, "--submit", test)


def check_submission(exercise, model, file="submission.csv"):
    """Every row of the test file, in its order, as the trained model answers."""
    head, *rows = rows_of(file)
    assert head == HEADS[exercise]
    assert [row[0] for row in rows] == [str(i) for i in range(1, 61)]
    if exercise != "otto":
        assert {len(row) for row in rows} == {2}
        return [int(row[1]) for row in rows]
    counts = [row[1:] for row in rows_of("test file")[1:]]
    x = torch.log1p(torch.tensor(np.array(counts, dtype=np.float32)))
    shares = np.array([row[1:] for row in rows], dtype=float)
    assert shares == pytest.approx(model(x).softmax(dim=1).detach().numpy(), abs=1e-6)
    return shares.argmax(axis=1).tolist()


@each_exercise
@warnings_are_errors
def test_submission(call, tmp_path, exercise):
    """The made-up passengers, products and phrases are all answered rightly."""
    result = hand_in(call, tmp_path, exercise)
    assert (result.status, result.err) == (0, "")
    assert "saved to submission.csv: 60 rows" in result.out
    answers = {
        "titanic": [i % 2 for i in range(1, 61)],
        "otto": [i % 9 for i in range(60)],
        "reviews": [4, 4, 2, 0, 0, 2] * 10,
    }
    assert check_submission(exercise, result.model) == answers[exercise]
    if exercise == "otto":
        rows = table(result.out)
        assert rows["held-out accuracy"][0] == "100.00 %"
        assert float(rows["held-out log loss"][0]) < 0.1


@each_exercise
def test_as_an_editor_saves_it(call, tmp_path, exercise):
    """With a byte order mark and CRLF."""
    hand_in(call, tmp_path, exercise, "--epochs 1")
    first = (tmp_path / "submission.csv").read_bytes()
    files = tmp_path / "train file", tmp_path / "test file"
    for file in files:
        data = file.read_bytes().replace(b"\n", b"\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + data)
    command = f"{KAGGLE[exercise][0]} --epochs 1 --{exercise}"
    assert call(command, files[0], "--submit", files[1]).status == 0
    assert (tmp_path / "submission.csv").read_bytes() == first


@each_exercise
def test_submission_that_cannot_be_written(call, tmp_path, monkeypatch, exercise):
    """A spreadsheet holds it: one line says so, and the answers stand beside it."""
    own = builtins.open

    def refuse(file, mode="r", *others, **options):
        if file == "submission.csv" and "w" in mode:
            raise PermissionError(13, "Permission denied", file)
        return own(file, mode, *others, **options)

    monkeypatch.setattr(builtins, "open", refuse)
    result = hand_in(call, tmp_path, exercise, "--epochs 1")
    assert (result.status, result.err) == (0, "")
    assert result.out.count("\ncannot write submission.csv: ") == 1
    assert "saved to submission_new.csv: 60 rows" in result.out
    check_submission(exercise, result.model, "submission_new.csv")


@each_exercise
def test_dry_run_hands_nothing_in(call, tmp_path, exercise):
    result = hand_in(call, tmp_path, exercise, "--dry-run")
    assert (result.status, result.err) == (0, "")
    assert not list(tmp_path.glob("submission*"))


# ----------------------------------------------------------------- Lecture 8: Titanic
def test_titanic_beats_the_majority(call):
    out = call("lecture08_dataloader --titanic --holdout 0.2 --epochs 30").out
    assert "263 of 1309 ages missing: filled with the median 28.5 " in out
    rows = table(out)
    ours = float(rows["dev accuracy"][0].split()[0])
    assert ours > float(rows["majority class of dev"][0].split()[0]) + 4


def test_titanic_features(tmp_path):
    """Class, female, age / 80, "age unknown"; the median of the training part alone."""
    file = tmp_path / "train.csv"
    lines = ["Pclass,Sex,Age,Survived", "1,female,20,1", "3,male,,0", "2,male,40,0"]
    file.write_text("\n".join(lines), encoding="utf-8")
    x, y = lecture08.read_passengers(file, "Survived")
    lecture08.fill_ages(x, 28 / 80)
    assert x.tolist()[0] == [1, 0, 0, 1, 0.25, 0] and y.tolist() == [[1], [0], [0]]
    assert x.tolist()[1] == pytest.approx([0, 0, 1, 0, 0.35, 1])
    assert x.tolist()[2] == [0, 1, 0, 0, 0.5, 0]


def test_titanic_median_is_of_the_training_part(call, tmp_path, monkeypatch):
    """What is held out must not be looked at, not even for a missing age."""
    lines = ["Pclass,Sex,Age,Survived", "1,male,10,0", "1,male,30,1", "1,male,80,0"]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8")
    subset = torch.utils.data.Subset
    monkeypatch.setattr(
        lecture08, "split", lambda dataset, args: {"train": subset(dataset, [0, 1])}
    )
    out = call("lecture08_dataloader --titanic train.csv --dry-run").out
    assert "filled with the median 20 " in out


def test_development_set_is_seeded_and_disjoint():
    args = lecture08.parse_args(["--titanic", "--holdout", "0.2"])
    dataset = lecture08.DiabetesDataset(DATA / "diabetes.csv.gz")
    parts = lecture08.split(dataset, args)
    assert [len(parts["train"]), len(parts["dev"])] == [607, 152]
    assert not set(parts["train"].indices) & set(parts["dev"].indices)
    assert lecture08.split(dataset, args)["dev"].indices == parts["dev"].indices
    args.seed = 1
    assert lecture08.split(dataset, args)["dev"].indices != parts["dev"].indices


# ---------------------------------------------------------------- Lecture 13: reviews
def test_reviews_are_split_by_sentence(call, tmp_path, monkeypatch):
    """No sentence in both parts: its words are unknown to the other."""
    lines = ["PhraseId\tSentenceId\tPhrase\tSentiment"]
    lines += [f"{i}\t{i // 4}\tword{i // 4}\t{i % 5}" for i in range(200)]
    (tmp_path / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    seen = []
    monkeypatch.setattr(
        lecture13, "test", lambda *args: seen.append(args[2].dataset) or 1
    )
    own = lecture13.train

    def train(*args):
        seen.append(args[2].dataset)
        return own(*args)

    monkeypatch.setattr(lecture13, "train", train)
    call(f"{NAMES} --reviews train.tsv --epochs 1")
    train_set, test_set = seen
    assert (len(train_set), len(test_set)) == (160, 40)
    assert {code for codes, _ in test_set for code in codes} == {1}
    assert {code for codes, _ in train_set for code in codes} == {*range(2, 42)}


# -------------------------------------------------------------- Save and load, predict
DIGITS = "0123456789"


def shares(line):
    """["7 99.1", …] of a printed line "digit.png: 7 (99.1 %), …"."""
    return re.findall(r"(\w+) \(?([\d.]+) %", line.partition(": ")[2])


def expected(p, names):
    """The same of probabilities."""
    order = p.argsort(descending=True, stable=True)[:3].tolist()
    return [(names[i], f"{100 * p[i]:.1f}") for i in order]


@pytest.mark.parametrize("model", ["basic", "deep"])
def test_10_saves_loads_predicts(call, tmp_path, model):
    """The numbers are those of the network that was trained."""
    trained = call(f"lecture10_cnn --epochs 2 --save cnn.pt --model {model}")
    files = ["seven.png", "two.png"]
    for file, (image, _) in zip(files, few_digits()[1]):
        digits.page(image).save(file)
    command = f"lecture10_cnn --load cnn.pt --model {model} --predict"
    loaded = call(command, *files)
    assert (loaded.status, loaded.err) == (0, "") and "training" not in loaded.out
    lines = [line for line in loaded.out.splitlines() if ".png: " in line]
    for name, line in zip(files, lines, strict=True):
        p = trained.model(lecture10.read_digit(name)).softmax(dim=1)[0]
        assert line.startswith(f"{name}: ") and shares(line) == expected(p, DIGITS)


def test_13_saves_loads_predicts(call, tmp_path):
    few_names(tmp_path / "few")
    options = "--data-dir", "few"
    trained = call(f"{NAMES} --epochs 1 --save names.pt", *options).model
    names = ["Guo Jing", "Li", "O'Brien"]
    loaded = call(f"{NAMES} --load names.pt", *options, "--predict", *names)
    assert (loaded.status, loaded.err) == (0, "") and "Epoch" not in loaded.out
    countries = lecture13.NameDataset(tmp_path / "few/names_train.csv.gz").country_list
    for name, line in zip(names, loaded.out.splitlines(), strict=True):
        codes = torch.tensor([[ord(c) for c in name]])
        with torch.no_grad():
            p = trained(codes, torch.tensor([len(name)])).softmax(dim=1)[0]
        assert line.startswith(f"{name}: ") and shares(line) == expected(p, countries)


def test_dry_run_saves_nothing(call, tmp_path):
    few_names(tmp_path / "few")
    assert call("lecture10_cnn --dry-run --save net.pt").status == 0
    assert call(f"{NAMES} --dry-run --save net.pt --data-dir few").status == 0
    assert not (tmp_path / "net.pt").exists()


# ------------------------------------------------------------------------------ Ctrl-C
def interrupt(monkeypatch, lecture, when):
    """The call number `when` of the lecture's train() ends in Ctrl-C."""
    own, calls = lecture.train, []

    def train(*args):
        calls.append(args)
        if len(calls) == when:
            raise KeyboardInterrupt
        return own(*args)

    monkeypatch.setattr(lecture, "train", train)


def test_13_ctrl_c_in_the_first_epoch(call, tmp_path, monkeypatch):
    few_names(tmp_path / "few")
    interrupt(monkeypatch, lecture13, 1)
    result = call(f"{NAMES} --data-dir few")
    assert (result.status, result.err) == (0, "")
    assert "best accuracy" not in result.out and "plot saved to" in result.out


def test_13_ctrl_c_keeps_the_best_finished_epoch(call, tmp_path, monkeypatch):
    few_names(tmp_path / "few")
    accuracies = [10.0, 30.0, 20.0]
    biases = []

    def test(model, *others):
        biases.append(model.fc.bias.detach().clone())
        return accuracies[len(biases) - 1]

    monkeypatch.setattr(lecture13, "test", test)
    interrupt(monkeypatch, lecture13, 4)
    result = call(f"{NAMES} --save net.pt --data-dir few")
    assert (result.status, result.err) == (0, "")
    assert "已中断" in result.out and "plot saved to" in result.out
    assert table(result.out)["best accuracy"][0] == "30.00 %, epoch 2"
    saved = torch.load("net.pt", weights_only=True)["fc.bias"]
    assert saved.equal(biases[1]) and not saved.equal(biases[2])


@pytest.mark.parametrize("when", [1, 2, 4])
def test_11_ctrl_c_ends_all_networks_and_draws(call, monkeypatch, when):
    """In the first epoch, in the second, in the second network."""
    interrupt(monkeypatch, lecture11, when)
    result = call("lecture11_googlenet_resnet --epochs 2 --model resnet scaling")
    assert (result.status, result.err) == (0, "")
    assert result.out.count("已中断") == 1 and "plot saved to" in result.out
    assert ("\nscaling:" in result.out) == (when == 4)
