"""Small made-up files in the form of Kaggle's, for the tests of the exercises."""

import io
import re
import zipfile


def titanic(file, rows=100, test=False):
    """train.csv or test.csv: more columns than wanted, quoted names, empty ages."""
    survived = "" if test else ",Survived"
    lines = [f"PassengerId{survived},Pclass,Name,Sex,Age,SibSp,Ticket,Fare,Cabin"]
    for i in range(1, rows + 1):
        survived = "" if test else f",{i % 2}"
        sex = "male" if i % 2 else "female"
        age = "" if i % 5 == 0 else 20 + i % 30
        lines.append(
            f'{i}{survived},{i % 3 + 1},"Name, Mr. {i}",{sex},{age},0,T{i},7.25,'
        )
    return write(file, lines)


def otto(file, rows=120, test=False):
    """train.csv or test.csv: the class shows in which of the features counts."""
    names = ["id", *(f"feat_{i}" for i in range(1, 94))]
    lines = [",".join(names if test else [*names, "target"])]
    for i in range(rows):
        label = i % 9
        counts = [(20 if column == label else i % 2) for column in range(93)]
        cells = [i + 1, *counts]
        if not test:
            cells.append(f"Class_{label + 1}")
        lines.append(",".join(map(str, cells)))
    return write(file, lines)


def reviews(file, sentences=60, test=False):
    """train.tsv or test.tsv: the phrases of a sentence share its SentenceId."""
    lines = ["PhraseId\tSentenceId\tPhrase" + ("" if test else "\tSentiment")]
    for sentence in range(1, sentences + 1):
        good = sentence % 2
        words = 'a "fine" film' if good else "a dull film ,"
        for phrase in (f"{words} {sentence}", words, ""):
            sentiment = 2 if not phrase else 4 if good else 0
            line = f"{len(lines)}\t{sentence}\t{phrase}"
            lines.append(line if test else f"{line}\t{sentiment}")
    return write(file, lines)


def write(file, lines):
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return file


def zipped(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train.csv", data)
    return packed.getvalue()


def cut_row(data):
    """The first three lines, and of the fourth the first cells."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:3]) + re.split(b"[,\t]", lines[3])[0] + b"\n"


FAULTS = {  # what makes the bytes of a file that is not Kaggle's
    "empty": lambda data: b"",
    "no rows": lambda data: data.splitlines(keepends=True)[0],
    "wrong columns": lambda data: b"a,b\tc\n1,2\t3\n",
    "a cut row": cut_row,
    "semicolons": lambda data: data.replace(b",", b";").replace(b"\t", b";"),
    "GBK": lambda data: data + "刘".encode("gbk"),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "a zip": zipped,
}
