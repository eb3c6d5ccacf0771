"""Every script and every variant runs, prints its table and draws its picture."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, SCRIPTS, check_picture, run, table

VARIANTS = [
    "lecture02_linear_model.py",
    "lecture02_linear_model.py --model affine",
    "lecture03_gradient_descent.py",
    "lecture03_gradient_descent.py --method sgd --smooth 0.5",
    "lecture03_gradient_descent.py --method minibatch",
    "lecture03_gradient_descent.py --method all",
    "lecture03_gradient_descent.py --landscape saddle",
    "lecture03_gradient_descent.py --landscape local",
    "lecture04_backprop.py",
    "lecture04_backprop.py --model affine",
    "lecture04_backprop.py --model quadratic",
    "lecture05_linear_regression.py",
    "lecture05_linear_regression.py --init video",
    "lecture05_linear_regression.py --optimizer LBFGS",
    "lecture05_linear_regression.py --optimizer all",
    "lecture06_logistic_regression.py",
    "lecture07_multi_dim.py",
    "lecture07_multi_dim.py --activation relu",
    "lecture07_multi_dim.py --activation all",
    "lecture08_dataloader.py",
    "lecture08_dataloader.py --holdout 0.2 --activation relu --num-workers 1",
    "lecture08_dataloader.py --titanic",
    "lecture08_dataloader.py --titanic --holdout 0.2",
    "lecture09_softmax_mnist.py",
    "lecture10_cnn.py",
    "lecture10_cnn.py --model deep",
    "lecture10_cnn.py --model all",
    "lecture11_googlenet_resnet.py",
    "lecture11_googlenet_resnet.py --model preact resnet",
    "lecture11_googlenet_resnet.py --model all",
    "lecture12_rnn.py",
    "lecture12_rnn.py --model rnncell",
    "lecture12_rnn.py --model gru",
    "lecture13_gru_classifier.py",
    "lecture13_gru_classifier.py --cell lstm --predict Li",
    "lecture13_gru_classifier.py --cell rnn --unidirectional",
]


def check(result, folder, script):
    status, out, err = result
    assert (status, err) == (0, "")
    assert out.isascii()
    assert table(out)
    picture = folder / "plots" / f"{script.removesuffix('.py')}.png"
    assert f"plot saved to {picture.relative_to(folder)}" in out
    check_picture(picture)
    assert [*picture.parent.iterdir()] == [picture]


@pytest.mark.parametrize("command", VARIANTS)
@pytest.mark.filterwarnings("error")
def test_variant(call, tmp_path, monkeypatch, command):
    """In this process: importing torch anew takes longer than the run."""
    script, *options = command.split()
    folder = tmp_path / "my homework 作业"
    folder.mkdir()
    monkeypatch.chdir(folder)
    check(call(script.removesuffix(".py"), "--dry-run", *options), folder, script)


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """{script: (future of the run, its folder)}: as many at once as there are cores."""
    pool = ThreadPoolExecutor(os.cpu_count())
    started = {}
    for script in SCRIPTS:
        folder = tmp_path_factory.mktemp("run") / "my homework 作业"
        folder.mkdir()
        copy = shutil.copy(script, folder)
        options = ["--dry-run"]
        if '"--data-dir"' in script.read_text(encoding="utf-8"):
            options += ["--data-dir", ROOT / "data"]
        started[script.name] = pool.submit(run, copy, *options, cwd=folder), folder
    yield started
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("script", [file.name for file in SCRIPTS])
def test_script_works_alone(runs, script):
    """A process of its own, in an otherwise empty folder with a space and Chinese."""
    future, folder = runs[script]
    done = future.result()
    check((done.returncode, done.stdout, done.stderr), folder, script)


@pytest.mark.parametrize("script", [file.name for file in SCRIPTS])
def test_every_script_has_variants_here(script):
    assert any(command.split()[0] == script for command in VARIANTS)


@pytest.mark.parametrize("script", [file.name for file in SCRIPTS])
def test_help_is_the_docstring(call, script):
    status, out, err = call(script.removesuffix(".py"), "--help")
    assert status == 0 and err == ""
    number = script[7:9]
    assert out.startswith(f"Lecture {number} · ") and "--plot FILE" in out
