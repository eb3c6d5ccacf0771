"""A digit that you drew: lecture 10 reads pictures that digits.py makes."""

import digits
import numpy as np
import pytest
import torch
from conftest import check_line
from PIL import Image, ImageOps
from torch.utils.data import DataLoader

import lecture10_cnn as lecture

SHEETS = 60  # MNIST digits on grey sheets


@pytest.fixture(scope="module")
def network(mnist):
    """The lecture's network after one epoch."""
    torch.manual_seed(0)
    model = lecture.Net()
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    loader = DataLoader(mnist[0], batch_size=64, shuffle=True)
    lecture.train(model, "cpu", loader, criterion, optimizer, epoch=0)
    model.eval()
    return model


def answer(model, x):
    with torch.no_grad():
        return model(x).argmax().item()


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("style", digits.STYLES)
def test_drawn_digits(network, tmp_path, style, kind):
    """At least eight of ten after one epoch, in every style, also as a poor JPEG."""
    file = tmp_path / f"digit.{kind}"
    right = 0
    for digit in digits.STROKES:
        digits.draw_digit(digit, **digits.STYLES[style]).save(file, quality=60)
        x, how = lecture.read_digit(file)
        assert x.shape == (1, 1, 28, 28)
        assert ("inverted" in how) == (style != "white on black")
        right += answer(network, x) == digit
    assert right >= 8


@pytest.mark.parametrize("width", [5, 20])
def test_photographed_digits(network, tmp_path, width):
    """Under uneven light, with noise: paper is no single grey."""
    file = tmp_path / "photo.jpg"
    right = 0
    for digit in digits.STROKES:
        picture = digits.draw_digit(digit, width=width, ink=70, paper=230)
        digits.photograph(picture).save(file, quality=70)
        x, how = lecture.read_digit(file)
        assert ("thickened" in how) or width == 20
        right += answer(network, x) == digit
    assert right >= 8


def test_specks_and_edges_are_left_out(network, tmp_path):
    picture = digits.draw_digit(4, (600, 400), width=16)
    for place in ((30, 40), (500, 350), (80, 300)):
        picture.paste(0, (*place, place[0] + 3, place[1] + 3))
    picture.paste(40, (560, 0, 600, 400))  # the table
    picture.save(tmp_path / "four.png")
    x, _ = lecture.read_digit(tmp_path / "four.png")
    assert answer(network, x) == 4


@pytest.mark.parametrize(("sheet", "label"), [(200, None), (128, 255), (220, 255)])
def test_mnist_on_a_sheet(network, mnist, tmp_path, sheet, label):
    """Enlarged ten times, inverted, in a corner of a grey sheet: less one in twenty.

    label: how bright the digit's own square is, None if it has none.
    """
    file = tmp_path / "sheet.png"
    direct = 0
    right = 0
    for i in range(SHEETS):
        image, target = mnist[1][i]
        direct += answer(network, image.unsqueeze(0)) == target
        pixels = 255 * (image[0] * 0.3081 + 0.1307).clamp(0, 1)
        ink = Image.fromarray(pixels.round().byte().numpy()).resize((280, 280))
        page = Image.new("L", (600, 500), sheet)
        if label is None:
            page.paste(0, (20, 15), mask=ink)
        else:
            page.paste(ImageOps.invert(ink), (20, 15))
        page.save(file)
        try:
            x, _ = lecture.read_digit(file)
        except ValueError:
            continue
        right += answer(network, x) == target
    assert direct > 0.9 * SHEETS
    assert right >= direct - 0.05 * SHEETS


def test_prepared_as_mnist_was(tmp_path):
    """In 20 x 20, the centre of mass in the middle, the training's normalisation."""
    file = tmp_path / "seven.png"
    digits.draw_digit(7, (500, 300), place=(20, 30), height=120).save(file)
    x, _ = lecture.read_digit(file)
    ink = x[0, 0] * 0.3081 + 0.1307
    assert ink.min().item() == pytest.approx(0, abs=1e-6)
    assert ink.max().item() == pytest.approx(1, abs=1e-6)
    rows = torch.nonzero(ink.sum(dim=1))
    assert rows[-1] - rows[0] + 1 == 20
    places = torch.arange(28.0)
    assert ((ink.sum(dim=1) * places).sum() / ink.sum()).item() == pytest.approx(
        14, abs=0.51
    )
    assert ((ink.sum(dim=0) * places).sum() / ink.sum()).item() == pytest.approx(
        14, abs=0.51
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "I;16", "LA"])
def test_kinds_of_pictures(network, tmp_path, mode):
    picture = digits.draw_digit(3, width=20)
    if mode == "I;16":
        values = np.array(picture, dtype=np.uint16) * 257
        picture = Image.fromarray(values)
    else:
        picture = picture.convert(mode)
    file = tmp_path / "three.png"
    picture.save(file)
    x, _ = lecture.read_digit(file)
    assert answer(network, x) == 3


@pytest.mark.parametrize("name", digits.no_digits())
def test_no_digit(call, tmp_path, name):
    """One line before the training, and no guess."""
    file = tmp_path / "picture.png"
    digits.no_digits()[name].save(file)
    check_line(call("lecture10_cnn", "--predict", file), 1, "picture.png")


@pytest.mark.parametrize("fault", ["text", "empty", "half", "folder", "absent"])
def test_no_picture(call, tmp_path, fault):
    file = tmp_path / "digit.png"
    if fault == "text":
        file.write_text("a letter, no picture", encoding="utf-8")
    elif fault == "empty":
        file.touch()
    elif fault == "half":
        digits.draw_digit(5).save(file)
        file.write_bytes(file.read_bytes()[:200])
    elif fault == "folder":
        file.mkdir()
    check_line(call("lecture10_cnn", "--predict", file), 1, "digit.png")


def test_predict(call, tmp_path):
    """Three likeliest digits are printed, the picture shows what the network saw."""
    file = tmp_path / "seven.png"
    digits.draw_digit(7).save(file)
    result = call("lecture10_cnn --dry-run", "--predict", file)
    assert result.status == 0
    (line,) = [line for line in result.out.splitlines() if "seven.png" in line]
    assert line.count(" %") == 3
    assert (tmp_path / "plots" / "lecture10_cnn.png").exists()


def test_one_bad_picture_of_two(call, tmp_path):
    """A line tells of it, and the other is read."""
    digits.draw_digit(7).save(tmp_path / "seven.png")
    files = tmp_path / "absent.png", tmp_path / "seven.png"
    result = call("lecture10_cnn --dry-run", "--predict", *files)
    check_line(result, 0, "absent.png")
    assert "seven.png, dark on bright" in result.out


def test_dry_run_does_not_replace_a_network(call, tmp_path):
    file = tmp_path / "cnn.pt"
    file.write_text("a network that was trained", encoding="utf-8")
    assert call("lecture10_cnn --dry-run", "--save", file).status == 0
    assert file.read_text(encoding="utf-8") == "a network that was trained"
    state = torch.load(tmp_path / "dry-run-cnn.pt", weights_only=True)
    assert all(value.is_contiguous() for value in state.values())


def test_plot_does_not_replace_the_picture(call, tmp_path):
    file = tmp_path / "digit.png"
    digits.draw_digit(4).save(file)
    before = file.read_bytes()
    result = call("lecture10_cnn --dry-run --predict digit.png --plot digit.png")
    check_line(result, 2, "--plot is a picture of --predict")
    assert file.read_bytes() == before
