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
    "lecture08_dataloader.py --dataset titanic --holdout 0.2",
    "lecture09_softmax_mnist.py",
    "lecture10_cnn.py",
    "lecture10_cnn.py --model all",
    "lecture11_googlenet_resnet.py",
    "lecture11_googlenet_resnet.py --model all",
    "lecture12_rnn.py",
    "lecture12_rnn.py --model rnncell",
    "lecture12_rnn.py --model gru",
    "lecture13_gru_classifier.py",
    "lecture13_gru_classifier.py --cell lstm --predict Li",
    "lecture13_gru_classifier.py --cell rnn --unidirectional",
]


def check(done, folder, script):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.isascii()
    assert table(done.stdout)
    picture = folder / "plots" / f"{script.removesuffix('.py')}.png"
    assert f"plot saved to {picture.relative_to(folder)}" in done.stdout
    check_picture(picture)


@pytest.fixture(scope="session")
def runs(request, tmp_path_factory):
    """{command: (future of the run, its folder)}: as many at once as there are cores.

    A process per variant spends most of its time on importing torch.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    started = {}
    for item in request.session.items:
        if item.originalname in ("test_variant", "test_script_works_alone"):
            command = item.callspec.params["command"]
            folder = tmp_path_factory.mktemp("run") / "my homework 作业"
            folder.mkdir()
            script, *options = command.split()
            if item.originalname == "test_script_works_alone":
                shutil.copy(ROOT / script, folder)
                script = folder / script
                if '"--data-dir"' in script.read_text(encoding="utf-8"):
                    options += ["--data-dir", ROOT / "data"]
            future = pool.submit(run, script, "--dry-run", *options, cwd=folder)
            started[item.name] = future, folder
    yield started
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("command", VARIANTS)
def test_variant(runs, request, command):
    """From another folder, whose name has a space and Chinese letters."""
    future, folder = runs[request.node.name]
    check(future.result(), folder, command.split()[0])


@pytest.mark.parametrize("command", [file.name for file in SCRIPTS])
def test_script_works_alone(runs, request, command):
    """Copied into an otherwise empty folder, with --data-dir."""
    future, folder = runs[request.node.name]
    check(future.result(), folder, command)


@pytest.mark.parametrize("script", [file.name for file in SCRIPTS])
def test_every_script_has_variants_here(script):
    assert any(command.split()[0] == script for command in VARIANTS)


@pytest.mark.parametrize("script", [file.name for file in SCRIPTS])
def test_help_is_the_docstring(call, script):
    status, out, err = call(script.removesuffix(".py"), "--help")
    assert status == 0 and err == ""
    number = script[7:9]
    assert out.startswith(f"Lecture {number} · ") and "--plot FILE" in out
