"""The bundled files, data/README.md and data/build.py say the same."""

import gzip
import hashlib
import importlib.util
import pickle

import pytest
from conftest import ROOT

DATA = ROOT / "data"
spec = importlib.util.spec_from_file_location("build", DATA / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


@pytest.mark.parametrize("name", build.SHA256)
def test_checksum(name):
    contents = gzip.decompress((DATA / name).read_bytes())
    digest = hashlib.sha256(contents).hexdigest()
    assert digest == build.SHA256[name]
    assert digest in (DATA / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", build.MNIST)
def test_mnist_archive_is_the_original(name):
    packed = (DATA / "MNIST" / "raw" / f"{name}.gz").read_bytes()
    assert hashlib.md5(packed).hexdigest() == build.MNIST[name][1]
    assert build.MNIST[name][1] in (DATA / "README.md").read_text(encoding="utf-8")


def test_build_refuses_unexpected_contents(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DATA", tmp_path)
    with pytest.raises(SystemExit, match="nothing written"):
        build.write("titanic.csv.gz", b"something else")
    assert not list(tmp_path.iterdir())


def test_unpickler_runs_no_foreign_code():
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        build.FrameUnpickler(pickle.dumps(print)).load()
