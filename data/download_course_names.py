"""Fetch the lecturer's names (lecture 13) into data/course/.

    python data/download_course_names.py
    python lecture13_gru_classifier.py --data-dir data/course

They are the data of PyTorch's own tutorial on names, about 3 MB; a network is
needed. The two files are checked against the lecturer's checksums and written only
when both are right. Git ignores the folder.
"""

import gzip
import hashlib
import io
import os
import string
import sys
import unicodedata
import urllib.request
import zipfile
from pathlib import Path

URL = "https://download.pytorch.org/tutorial/data.zip"
FOLDER = Path(__file__).resolve().parent / "course"
SHA256 = {  # of the unpacked files
    "names_train.csv": "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521",
    "names_test.csv": "28ad30296998ee57bb43ef9c5ed21327f0a453210a86b7d30251daa9336b2a7f",
}
COUNTRIES = [  # in the order of the lecturer's files
    *("Czech", "German", "Arabic", "Japanese", "Chinese", "Vietnamese", "Russian"),
    *("French", "Irish", "English", "Spanish", "Greek", "Italian", "Portuguese"),
    *("Scottish", "Dutch", "Korean", "Polish"),
]
LETTERS = string.ascii_letters + " ,'"  # no other stands in the lecturer's files


def fetch(url):
    """The bytes at url; shows progress on standard error."""
    with urllib.request.urlopen(url, timeout=30) as response:
        total = int(response.headers.get("Content-Length") or 0)
        data = b""
        while block := response.read(1 << 16):
            data += block
            of = f" of {total / 1e6:.1f}" if total else ""
            print(f"\r{len(data) / 1e6:.1f}{of} MB", end="", file=sys.stderr)
    print(file=sys.stderr)
    if total and len(data) != total:
        raise OSError(f"the connection broke off after {len(data)} of {total} bytes")
    return data


def convert(archive):
    """The lecturer's two files, {name: bytes}, from the bytes of the tutorial's zip.

    Per country every third line goes to the test file, starting with the first.
    """
    parts = {"names_train.csv": [], "names_test.csv": []}
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        for country in COUNTRIES:
            text = package.read(f"data/names/{country}.txt").decode("utf-8").strip()
            for i, line in enumerate(text.split("\n")):
                # spaces at the end of a name stay: the lecturer's files have them
                plain = unicodedata.normalize("NFD", line)
                name = "".join(c for c in plain if c in LETTERS)
                part = "names_train.csv" if i % 3 else "names_test.csv"
                parts[part].append(f'"{name}","{country}"\r\n')
    return {part: "".join(lines).encode("ascii") for part, lines in parts.items()}


def write(files, folder, checksums):
    """Check all files, then write each gzipped, whole or not at all."""
    for name, data in files.items():
        found = hashlib.sha256(data).hexdigest()
        if found != checksums[name]:
            raise ValueError(f"{name} is not the lecturer's (SHA-256 {found})")
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        half = folder / f"{name}.gz.part"
        try:
            half.write_bytes(gzip.compress(data, mtime=0))
            os.replace(half, folder / f"{name}.gz")
        finally:
            half.unlink(missing_ok=True)


def main():
    if len(sys.argv) > 1:  # there is nothing to choose
        print(__doc__)
        return
    print(f"fetching {URL}")
    try:
        write(convert(fetch(URL)), FOLDER, SHA256)
    except OSError as error:
        reason = getattr(error, "reason", error)
        sys.exit(f"no download ({reason}): is there a network? The bundled names work")
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        sys.exit(f"the download is not what it should be: {error}; nothing written")
    print(f"written: {', '.join(f'{name}.gz' for name in SHA256)} in {FOLDER}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: nothing written")
