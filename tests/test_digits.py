"""A digit that you drew: lecture 10 reads pictures that digits.py makes."""

import digits
import pytest
import torch
from conftest import check_line
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import lecture10_cnn as lecture


@pytest.fixture(scope="module")
def network(mnist):
    """The lecture's network after 15,000 digits: 97 % right."""
    torch.manual_seed(0)
    model = lecture.Net()
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    loader = DataLoader(TensorDataset(*mnist[0][:15000]), batch_size=64, shuffle=True)
    lecture.train(model, "cpu", loader, criterion, optimizer, epoch=0)
    model.eval()
    return model


def answer(model, x):
    with torch.no_grad():
        return model(x).argmax().item()


@pytest.mark.parametrize("style", digits.STYLES)
def test_styles(network, mnist, tmp_path, style):
    """As many of twenty are read rightly as of MNIST itself, but for two."""
    suffix = "jpg" if "paper" in style else "png"
    file = tmp_path / f"digit.{suffix}"
    direct = 0
    right = 0
    for image, target in [mnist[1][i] for i in range(20)]:
        direct += answer(network, image.unsqueeze(0)) == target
        digits.STYLES[style](image).save(file)
        right += answer(network, lecture.read_digit(file)) == target
    assert direct > 17
    assert right >= direct - 2


@pytest.fixture
def seven(mnist):
    image, target = mnist[1][0]
    assert target == 7
    return digits.page(image)


def test_prepared_as_mnist_was(seven, tmp_path):
    """In 20 x 20, the centre of mass in the middle, the training's normalisation."""
    file = tmp_path / "seven.png"
    seven.save(file)
    x = lecture.read_digit(file)
    assert x.shape == (1, 1, 28, 28)
    ink = x[0, 0] * 0.3081 + 0.1307
    assert [ink.min().item(), ink.max().item()] == pytest.approx([0, 1], abs=1e-6)
    rows = torch.nonzero(ink.sum(dim=1))
    assert rows[-1] - rows[0] + 1 == 20
    places = torch.arange(28.0)
    for dim in (0, 1):
        centre = (ink.sum(dim=dim) * places).sum() / ink.sum()
        assert centre.item() == pytest.approx(14, abs=0.51)


@pytest.mark.parametrize("mode", ["RGB", "P", "1", "LA", "CMYK"])
def test_kinds_of_pictures(network, seven, tmp_path, mode):
    file = tmp_path / ("seven.jpg" if mode == "CMYK" else "seven.png")
    seven.convert(mode).save(file)
    assert answer(network, lecture.read_digit(file)) == 7


def test_turned_by_the_camera(network, seven, tmp_path):
    """A phone stores the picture lying, and how it is to be turned."""
    file = tmp_path / "seven.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right by 90 degrees
    seven.rotate(90, expand=True).save(file, exif=exif)
    assert answer(network, lecture.read_digit(file)) == 7


# ------------------------------------------------------------------------ Command line
@pytest.fixture
def saved(call, network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "cnn.pt")
    return call


def test_predict(saved, seven, tmp_path):
    """Three likeliest digits are printed, the picture shows what the network saw."""
    seven.save(tmp_path / "seven.png")
    result = saved.draw("lecture10_cnn --load cnn.pt --predict seven.png")
    assert (result.status, result.err) == (0, "")
    line = result.out.splitlines()[0]
    assert line.startswith("seven.png: 7 (") and line.count(" %)") == 3
    assert "not sure" not in result.out
    picture = tmp_path / "plots" / "lecture10_cnn_predict.png"
    assert min(Image.open(picture).size) >= 200


def test_not_sure_below_six_tenths(saved, monkeypatch):
    """It answers whatever it is shown, and says so when no digit stands out."""
    for score, unsure in ((2.58, True), (2.64, False)):  # e^x / (e^x + 9): 0.59, 0.61
        logits = torch.zeros(1, 10)
        logits[0, 4] = score
        monkeypatch.setattr(lecture.Net, "forward", lambda model, x, z=logits: z)
        monkeypatch.setattr(
            lecture, "read_digit", lambda file: torch.zeros(1, 1, 28, 28)
        )
        out = saved("lecture10_cnn --load cnn.pt --predict any.png").out
        assert ("not sure" in out and "没有把握" in out) == unsure


@pytest.mark.parametrize("paper", [255, 128, 0])
def test_empty_picture_is_refused(saved, tmp_path, paper):
    """The only one: white, grey or black, with a little dust."""
    picture = Image.new("L", (300, 200), paper)
    picture.putpixel((150, 100), abs(paper - 15))
    picture.save(tmp_path / "empty.png")
    result = saved("lecture10_cnn --load cnn.pt --predict empty.png")
    check_line(result, 1, "cannot read empty.png: ", "nothing is drawn", "没有")


@pytest.mark.parametrize("fault", ["text", "empty", "half", "folder", "absent"])
def test_no_picture(saved, seven, tmp_path, fault):
    file = tmp_path / "digit.png"
    if fault == "text":
        file.write_text("a letter, no picture", encoding="utf-8")
    elif fault == "empty":
        file.touch()
    elif fault == "half":
        seven.save(file)
        file.write_bytes(file.read_bytes()[:200])
    elif fault == "folder":
        file.mkdir()
    result = saved("lecture10_cnn --load cnn.pt --predict digit.png")
    check_line(result, 1, "cannot read digit.png: ", "图片")
