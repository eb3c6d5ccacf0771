"""The exercises with files of their own: Kaggle's, from train to submission, and nets."""

import csv
import gzip
import importlib
import io
import re
import zipfile
from pathlib import Path

import kaggle
import numpy as np
import pytest
import torch
from conftest import DATA, check_line, check_picture, table, warnings_are_errors
from snapshots import few_names

import lecture08_dataloader as lecture08
import lecture09_softmax_mnist as lecture09
import lecture13_gru_classifier as lecture13

NAMES = "lecture13_gru_classifier"
KAGGLE = {  # exercise: script, what writes its files, the file that it takes
    "titanic": ("lecture08_dataloader", kaggle.titanic, "train.csv"),
    "otto": ("lecture09_softmax_mnist", kaggle.otto, "train.csv"),
    "reviews": (NAMES, kaggle.reviews, "train.tsv"),
}
each_exercise = pytest.mark.parametrize("exercise", KAGGLE)


def rows_of(file):
    with open(file, encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


# --------------------------------------------------------- From the file to hand-in
SIZES = {  # rows of train, of test; options with which it is learned; right answers
    "titanic": (200, 60, "--lr 0.3 --epochs 40", [i % 2 for i in range(1, 61)]),
    "otto": (900, 60, "--lr 0.1 --epochs 20", [i % 9 for i in range(60)]),
    "reviews": (100, 20, "--lr 0.01", [4, 4, 2, 0, 0, 2] * 10),
}
HEADS = {
    "titanic": ["PassengerId", "Survived"],
    "otto": ["id", *(f"Class_{i}" for i in range(1, 10))],
    "reviews": ["PhraseId", "Sentiment"],
}


@each_exercise
@warnings_are_errors
def test_submission(call, tmp_path, exercise):
    """Every row of the test file, in order; these made-up ones all answered rightly."""
    script, write, train = KAGGLE[exercise]
    size, hand_in, options, answers = SIZES[exercise]
    write(tmp_path / train, size)
    test = write(tmp_path / "test file", hand_in, test=True)
    command = f"{script} --{exercise} {train}"
    result = call(f"{command} {options}", "--submit", test)
    assert (result.status, result.err) == (0, "")
    assert f"submission.csv: {len(answers)} rows" in result.out
    assert isinstance(result.model, torch.nn.Module)
    head, *rows = rows_of("submission.csv")
    assert head == HEADS[exercise]
    assert [row[0] for row in rows] == [str(i) for i in range(1, len(answers) + 1)]
    found = [int(row[1]) for row in rows if exercise != "otto"]
    if exercise == "otto":
        shares = np.array([row[1:] for row in rows], dtype=float)
        assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
        found = shares.argmax(axis=1).tolist()
        printed = table(result.out)
        assert printed["otto epoch 20: accuracy"][0] == "100.00 % [180/180]"
        assert float(printed["otto: held-out log loss"][0]) < 0.1
    assert found == answers
    before = Path("submission.csv").read_bytes()
    result = call(f"{command} --dry-run", "--submit", test)
    assert "dry-run-submission.csv" in result.out
    assert Path("submission.csv").read_bytes() == before


def zipped(name, data, *others):
    """The bytes of a zip of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for other in (name, *others):
            archive.writestr(other, data)
    return packed.getvalue()


FORMS = {
    "zip": lambda data: zipped("train.csv", data),
    "zip of a Mac": lambda data: zipped("train.csv", data, "__MACOSX/._train.csv"),
    "gzip": gzip.compress,
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
}
COLUMNS = {
    "titanic": ["Pclass", "Sex", "Age", "PassengerId"],
    "otto": ["id", "feat_93", "feat_1", "target"],
    "reviews": ["PhraseId", "Phrase", "Sentiment"],
}


@each_exercise
def test_as_it_comes(tmp_path, exercise):
    """Kaggle's zips unread, or saved by an editor: the rows of the plain file."""
    _, write, _ = KAGGLE[exercise]
    delimiter = "\t" if exercise == "reviews" else ","
    file = write(tmp_path / "train.csv")
    data = file.read_bytes()
    rows = lecture09.read_table(file, delimiter, COLUMNS[exercise])
    assert [row[0] for row in rows] == list(range(2, data.count(b"\n") + 1))
    turned = [row[:1] + row[:0:-1] for row in rows]
    assert lecture09.read_table(file, delimiter, COLUMNS[exercise][::-1]) == turned
    for form, change in FORMS.items():
        file.write_bytes(change(data))
        assert lecture09.read_table(file, delimiter, COLUMNS[exercise]) == rows, form


# ---------------------------------------------------------------- Files that are wrong
def spoil(exercise, data, fault):
    """The bytes of a good file with a fault."""
    separator = b"\t" if exercise == "reviews" else b","
    lines = data.splitlines(keepends=True)
    head, _, rest = data.partition(b"\n")
    return {
        "empty": b"",
        "no rows": lines[0],
        "other columns": separator.join([b"a", b"b\n1", b"2\n"]),
        "one column less": b"\n".join(
            [re.sub(rb"Sex|feat_93|\bPhrase\b", b"x", head), rest]
        ),
        "a cut row": b"".join(lines[:3]) + lines[3].rpartition(separator)[0],
        "semicolons": data.replace(separator, b";"),
        "GBK": data + "刘".encode("gbk"),
        "UTF-16": data.decode().encode("utf-16"),
        "not text": bytes(range(256)),
        "a zip of two": zipped("train.csv", data, "test.csv"),
        "a workbook": zipped("xl/workbook.xml", data, "[Content_Types].xml"),
        "half a zip": b"PK\x03\x04 and so on",
        "half a gzip": gzip.compress(data)[:100],
    }[fault]


FAULTS = {  # fault: words for it
    "empty": "it is empty",
    "no rows": "no rows",
    "other columns": "no column",
    "one column less": "no column",
    "a cut row": "line 4",
    "semicolons": "not separated by",
    "GBK": "UTF-8",
    "UTF-16": "UTF-8",
    "not text": "",
    "a zip of two": "unpack it",
    "a workbook": "an Excel workbook",
    "half a zip": "",
    "half a gzip": "",
}


@each_exercise
@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("fault", FAULTS)
@warnings_are_errors
def test_wrong_file(call, tmp_path, exercise, part, fault):
    script, write, train = KAGGLE[exercise]
    files = {"train": tmp_path / train, "test": tmp_path / "to hand in"}
    for name, file in files.items():
        write(file, test=name == "test")
    files[part].write_bytes(spoil(exercise, files[part].read_bytes(), fault))
    (tmp_path / "submission.csv").write_text("of yesterday", encoding="utf-8")
    result = call(f"{script} --{exercise} {train}", "--submit", files["test"])
    advice = train if part == "train" else "--submit takes Kaggle's test"
    check_line(result, 1, "cannot use", files[part].name, FAULTS[fault], advice)
    assert (tmp_path / "submission.csv").read_text(encoding="utf-8") == "of yesterday"


@each_exercise
def test_missing_files(call, tmp_path, exercise):
    script, write, train = KAGGLE[exercise]
    check_line(call(f"{script} --{exercise} {train}"), 1, train, "No such file")
    write(tmp_path / train)
    result = call(f"{script} --{exercise} {train} --submit absent.csv")
    check_line(result, 1, "absent.csv", "No such file")
    result = call(f"{script} --submit {train}")
    check_line(result, 2, f"--submit needs --{exercise} {train}")
    if exercise != "titanic":
        check_line(call(f"{script} --{exercise}"), 2, f"--{exercise}")


@each_exercise
def test_submission_that_cannot_be_written(call, tmp_path, exercise):
    """Open in a spreadsheet program, say: the one that was there stays."""
    script, write, train = KAGGLE[exercise]
    write(tmp_path / train)
    test = write(tmp_path / "test", 9, test=True)
    (tmp_path / "submission.csv").mkdir()
    result = call(f"{script} --epochs 1 --{exercise} {train}", "--submit", test)
    check_line(result, 1, "cannot replace submission.csv", "new-submission.csv")
    assert len(rows_of("new-submission.csv")) > 9


@each_exercise
def test_train_file_to_hand_in(call, tmp_path, exercise):
    """The training file in place of the test file: its answers are there already."""
    script, write, train = KAGGLE[exercise]
    write(tmp_path / train)
    result = call(f"{script} --{exercise} {train} --submit {train}")
    check_line(result, 1, f"cannot use {train}", "train, not test", "--submit takes")


@pytest.mark.parametrize("exercise", ["otto", "reviews"])  # BCELoss itself raises
def test_nan_is_not_handed_in(call, tmp_path, monkeypatch, exercise):
    """A network whose weights are nan answers nothing."""
    script, write, train = KAGGLE[exercise]
    write(tmp_path / train)
    test = write(tmp_path / "test", 9, test=True)
    step = torch.optim.Optimizer.zero_grad

    def diverge(optimizer):
        for parameter in optimizer.param_groups[0]["params"]:
            parameter.data.fill_(float("nan"))
        return step(optimizer)

    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", diverge)
    result = call(f"{script} --epochs 1 --{exercise} {train}", "--submit", test)
    told = result.err.splitlines()[0]
    assert result.status == 0 and "no submission, the network answers nan" in told
    assert not (tmp_path / "submission.csv").exists()


VALUES = [  # exercise, in which line, what stands there, what shall
    *(("titanic", 2, ",3,", f",{x},") for x in ("4", "", "first")),
    *(("titanic", 2, ",male,", f",{x},") for x in ("cat", "")),
    *(("titanic", 2, ",21,0,", f",{x},0,") for x in ("x", "nan", "inf", "-3", "1e9")),
    *(("titanic", 2, "1,1,", f"1,{x},") for x in ("2", "", "yes")),
    *(("otto", 3, ",20,", f",{x},") for x in ("nan", "inf", "1e39", "-1", "many", "")),
    *(("otto", 3, "Class_2", f"{x}") for x in ("Class_10", "2", "")),
    *(("reviews", 2, "\t4", f"\t{x}") for x in ("", "9", "-1", "x", "2.0")),
]


@pytest.mark.parametrize("exercise, number, old, new", VALUES)
def test_wrong_value(call, tmp_path, exercise, number, old, new):
    """The line is told: a nan, for one, would only show as a nan loss."""
    script, write, train = KAGGLE[exercise]
    lines = write(tmp_path / train).read_text(encoding="utf-8").splitlines()
    if exercise == "titanic":
        lines[1] = '1,1,3,"Name, Mr. 1",male,21,0,T1,7.25,'
    assert old in lines[number - 1]
    lines[number - 1] = (
        new.join(lines[number - 1].rsplit(old, 1))
        if exercise == "reviews"
        else lines[number - 1].replace(old, new, 1)
    )
    (tmp_path / train).write_text("\n".join(lines), encoding="utf-8")
    result = call(f"{script} --{exercise} {train}")
    check_line(result, 1, f"{train}: line {number}", train)


# ----------------------------------------------------------------- Lecture 8: Titanic
def test_titanic_beats_the_majority(call):
    out = call("lecture08_dataloader --titanic --holdout 0.2 --epochs 30").out
    assert "263 of 1309 ages missing: filled with the median 28.5 and marked" in out
    rows = table(out)
    ours = float(rows["test accuracy"][0].split()[0])
    assert ours > float(rows["majority class of test"][0].split()[0]) + 4


def test_titanic_features():
    known = lecture08.titanic_features("1", "female", "29", 28)
    assert known == pytest.approx([1, 0, 0, 1, 29 / 80, 0])
    unknown = lecture08.titanic_features("3", "male", "", 28)
    assert unknown == pytest.approx([0, 0, 1, 0, 28 / 80, 1])
    dataset = lecture08.TitanicDataset([("2", "male", "", "1")], 40)
    x, y = dataset[0]
    assert x.tolist() == [0, 1, 0, 0, 0.5, 1] and y.tolist() == [1]


def test_titanic_median_is_of_the_training_part(call, tmp_path, monkeypatch):
    """What is held out must not be looked at, not even for a missing age."""
    lines = ["Pclass,Sex,Age,Survived", "1,male,10,0", "1,male,30,1", "1,male,80,0"]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8")
    parts = {"train": [["1", "male", "10", "0"], ["1", "male", "30", "1"]]}
    monkeypatch.setattr(lecture08, "split", lambda passengers, args: dict(parts))
    out = call("lecture08_dataloader --titanic train.csv --dry-run").out
    assert "filled with the median 20 " in out


def test_08_holdout_is_seeded_and_disjoint(call):
    args = lecture08.parse_args(["--holdout", "0.2"])
    dataset = lecture08.DiabetesDataset(DATA / "diabetes.csv.gz")
    parts = lecture08.split(dataset, args)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 607,
        "test": 152,
    }
    assert not set(parts["train"].indices) & set(parts["test"].indices)
    assert lecture08.split(dataset, args)["test"].indices == parts["test"].indices
    args.seed = 1
    assert lecture08.split(dataset, args)["test"].indices != parts["test"].indices


# -------------------------------------------------------------------- Lecture 9: Otto
def test_otto_counts_and_the_fifth_held_back(tmp_path):
    """log(1 + x) of the counts, labels from 0."""
    torch.manual_seed(0)
    train_set, test_set = lecture09.load_otto(kaggle.otto(tmp_path / "otto", 64))
    assert (len(train_set), len(test_set)) == (52, 12)
    assert not set(train_set.indices) & set(test_set.indices)
    x, y = train_set.dataset[:]
    assert x.shape == (64, 93) and y.tolist() == [i % 9 for i in range(64)]
    assert x[0, 0].item() == pytest.approx(np.log(21))
    assert x[1].unique().tolist() == pytest.approx([np.log(2), np.log(21)])


# ------------------------------------------------------------------ Lecture 13: reviews
def test_reviews_split_by_sentence(tmp_path):
    """No sentence in both parts: its words are unknown to the other."""
    lines = ["PhraseId\tSentenceId\tPhrase\tSentiment"]
    lines += [f"{i}\t{i // 4}\tword{i // 4}\t{i % 5}" for i in range(200)]
    (tmp_path / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    train, test, numbers = lecture13.load_reviews(tmp_path / "train.tsv")
    assert (len(train), len(test), len(numbers)) == (160, 40, 40)
    assert {code for codes, _ in test for code in codes} == {1}
    assert min(code for codes, _ in train for code in codes) == 2


def test_reviews_epochs_and_predict(call, tmp_path):
    """Six epochs of its own, the time told before, five probabilities of a sentence."""
    kaggle.reviews(tmp_path / "train.tsv")
    options = "--predict", "a fine film", "", "unheard words"
    out = call(f"{NAMES} --reviews train.tsv --lr 0.01", *options).out
    assert "Training for 6 epochs" in out and "144 train and 36 test phrases" in out
    assert out.index("an epoch takes") < out.index("Training for")
    (line,) = [line for line in out.splitlines() if line.startswith("a fine film: ")]
    shares = [float(text.split()[-2]) for text in line.split(": ")[1].split(", ")]
    assert len(shares) == 5 and sum(shares) == pytest.approx(100, abs=0.3)
    assert max(shares) == shares[4]
    assert "\nunheard words: " in out


# ---------------------------------------------------------------- Save and load, predict
def test_13_learns_saves_loads_predicts(call, tmp_path):
    """Two made-up countries that a letter tells apart."""
    for part in ("train", "test"):
        lines = [
            f'"{"ab"[i % 2] * (1 + i % 7)}","{"XY"[i % 2]}"\r\n' for i in range(600)
        ]
        data = gzip.compress("".join(lines).encode("ascii"))
        (tmp_path / f"names_{part}.csv.gz").write_bytes(data)
    net, data = tmp_path / "a net.pt", ("--data-dir", tmp_path)
    names = "--predict", "aaa", "bb"
    result = call(f"{NAMES} --epochs 6", "--save", net, *data, *names)
    assert (result.status, result.err) == (0, "")
    assert "Test set: Accuracy 600/600 100.00%" in result.out
    assert "\naaa: X " in result.out and "\nbb: Y " in result.out
    loaded = call.draw(NAMES, "--load", net, *data, *names)
    assert (loaded.status, loaded.err) == (0, "")
    assert "Training" not in loaded.out and "Epoch" not in loaded.out
    assert table(loaded.out)["loaded network: accuracy"][0] == "100.00 %"
    assert "\naaa: X " in loaded.out and "\nbb: Y " in loaded.out
    check_picture(tmp_path / "plots" / f"{NAMES}.png")


def test_13_saves_the_best_epoch(call, tmp_path, monkeypatch):
    results = [10.0, 30.0, 20.0]

    def train(model, *others):
        torch.nn.init.constant_(model.fc.bias, 10 * (3 - len(results)))
        return 1.0, 50.0

    monkeypatch.setattr(lecture13, "train", train)
    monkeypatch.setattr(lecture13, "test", lambda *args: results.pop(0))
    few_names(tmp_path / "few")
    result = call(f"{NAMES} --epochs 3 --save net.pt --data-dir few")
    assert "network saved to net.pt" in result.out and "epoch 2" in result.out
    assert torch.load("net.pt", weights_only=True)["fc.bias"][0] == 10


def test_13_predict_takes_latin_letters(call):
    for name in ("刘洪普", "Müller", ""):
        result = call(f"{NAMES} --dry-run", "--predict", name)
        check_line(result, 2, f"--predict {name}", "拼音")


NETWORKS = [("lecture10_cnn", "--model deep"), (NAMES, "--cell lstm")]


@pytest.fixture
def net(call, tmp_path, request):
    """Call net(script, …) as call(…), with few names; digits are few anyway."""
    few_names(tmp_path / "few")

    def start(script, options):
        return call(f"{script} {options}" + " --data-dir few" * (script == NAMES))

    return start


@pytest.mark.parametrize("script, other", NETWORKS)
def test_wrong_network_files(net, tmp_path, script, other):
    """No file, no network, another network: one line, nothing is run from it."""
    check_line(net(script, "--load net.pt"), 1, "no file net.pt", "--save")
    for data in (b"", b"a text\n", bytes(range(256)), b"PK\x03\x04"):
        (tmp_path / "net.pt").write_bytes(data)
        check_line(net(script, "--load net.pt"), 1, "cannot use net.pt")
    check_line(net(script, "--load few"), 1, "cannot read few")
    torch.save([1, 2], tmp_path / "net.pt")
    check_line(net(script, "--load net.pt"), 1, "cannot use net.pt")
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "net.pt")
    check_line(net(script, "--load net.pt"), 1, "cannot use net.pt")
    assert net(script, "--epochs 1 --save net.pt").status == 0
    assert net(script, "--load net.pt").status == 0
    check_line(net(script, f"--load net.pt {other}"), 1, "cannot use net.pt")


@pytest.mark.parametrize("script", [script for script, _ in NETWORKS])
def test_network_that_cannot_be_saved(net, tmp_path, monkeypatch, capsys, script):
    """Said before the training; what was there stays."""
    check_line(net(script, "--save absent/net.pt"), 2, "--save absent/net.pt")
    check_line(net(script, "--save ."), 2, "--save", "folder")
    check_line(net(script, f"--save {script}.py"), 2, "--save", ".pt")
    check_line(net(script, "--save a.pt --load b.pt"), 2, "--save", "--load")
    (tmp_path / "net.pt").write_text("before", encoding="utf-8")

    def fail(state, file):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    result = net(script, "--epochs 1 --save net.pt")
    check_line(result, 1, "net.pt", "No space left")
    monkeypatch.undo()
    state = {"weight": torch.tensor([1.0, float("nan")])}
    importlib.import_module(script).save_model(state, tmp_path / "net.pt")
    assert "no network saved, it holds nan" in capsys.readouterr().err
    assert (tmp_path / "net.pt").read_text(encoding="utf-8") == "before"
    assert (tmp_path / "net.pt").read_text(encoding="utf-8") == "before"
