"""The specification: the numbers of the slides, by lecture, as far as they are exact.

They stand here a second time, written down apart from the scripts. "Slide 4-43" is
page 43 of lecture 4.
"""

import gzip
import hashlib
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from conftest import DATA, each_script, number, source, table
from snapshots import few_names

import lecture02_linear_model as lecture02
import lecture03_gradient_descent as lecture03
import lecture04_backprop as lecture04
import lecture05_linear_regression as lecture05
import lecture06_logistic_regression as lecture06
import lecture07_multi_dim as lecture07
import lecture08_dataloader as lecture08
import lecture09_softmax_mnist as lecture09
import lecture10_cnn as lecture10
import lecture11_googlenet_resnet as lecture11
import lecture12_rnn as lecture12
import lecture13_gru_classifier as lecture13

X, Y = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]
SETTINGS = {  # the video's epochs, learning rate, batch size, and our seed
    lecture03: {"epochs": 100, "lr": 0.01},
    lecture04: {"epochs": 100, "lr": 0.01},
    lecture05: {"epochs": 1000, "lr": 0.01, "seed": 0},
    lecture06: {"epochs": 1000, "lr": 0.01, "seed": 0},
    lecture07: {"epochs": 100, "lr": 0.1, "seed": 0},
    lecture08: {"epochs": 100, "lr": 0.01, "batch_size": 32, "seed": 0},
    lecture09: {"epochs": 10, "lr": 0.01, "batch_size": 64, "seed": 0},
    lecture10: {"epochs": 10, "lr": 0.01, "batch_size": 64, "seed": 0},
    lecture11: {"epochs": 10, "lr": 0.01, "batch_size": 64, "seed": 0},
    lecture12: {"epochs": 15, "lr": None, "seed": 2},
    lecture13: {"epochs": 100, "lr": 0.001, "batch_size": 256, "seed": 0},
}


@pytest.mark.parametrize("lecture", SETTINGS, ids=lambda lecture: lecture.__name__)
def test_settings_of_the_video(lecture):
    args = lecture.parse_args([])
    expected = {"dry_run": False, "show": False, "plot": None, **SETTINGS[lecture]}
    assert {name: vars(args)[name] for name in expected} == expected
    assert getattr(args, "data_dir", DATA) == DATA


SGD = "torch.optim.SGD(model.parameters(), lr=args.lr)"
MOMENTUM = "torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)"
ADAM = "torch.optim.Adam(model.parameters(), lr=args.lr)"
OPTIMIZERS = {  # of the lecture, and of each exercise that is a whole program
    5: [SGD],
    6: [SGD],
    7: [SGD, SGD],
    8: [SGD, SGD],
    9: [MOMENTUM, MOMENTUM],
    10: [MOMENTUM, MOMENTUM],
    11: [MOMENTUM],
    12: [ADAM.replace("args.lr", f"args.lr or {lr}") for lr in (0.1, 0.05, 0.05)],
    13: [ADAM, ADAM],
}


@each_script
def test_optimizers_of_the_video(script):
    lines = re.findall("^ +optimizer = (torch.*)", source(script), re.MULTILINE)
    assert lines == OPTIMIZERS.get(number(script), [])


# ------------------------------------------------------------- Lecture 2: linear model
def test_02_scan(call):
    result = call("lecture02_linear_model")
    assert result.out.startswith("w= 0.0\n\t 1.0 2.0 0.0 4.0\n\t 2.0 4.0 0.0 16.0\n")
    printed = [
        float(mse) for mse in re.findall(r"^MSE= (.*)", result.out, re.MULTILINE)
    ]
    assert len(printed) == 41 and printed[:6] == [  # slide 2-25
        *(18.666666666666668, 16.846666666666668, 15.120000000000003),
        *(13.486666666666665, 11.946666666666667, 10.5),
    ]
    rows = table(result.out)
    for i, mse in enumerate(printed[:6]):
        assert rows[f"MSE at w = 0.{i}, all digits"] == (str(mse), str(mse))
    slide = {0: "18.7", 1: "4.7", 2: "0", 3: "4.7", 4: "18.7"}  # 2-15
    for w, mse in slide.items():
        ours, video = rows[f"MSE at w = {w}"]
        assert float(ours) == pytest.approx(float(mse), abs=0.05) and video == mse
    assert rows["w of the smallest MSE"] == ("2.0", "2")  # 2-16
    assert rows["prediction for x = 4"] == ("8.0", "8 (computed)")
    assert result.model == pytest.approx(2)


def test_02_affine(call):
    w, b = np.meshgrid([1.0, 2.0, 3.0], [0.0, 1.0])
    cost = lecture02.cost_grid(X, Y, w, b)
    assert cost.shape == (2, 3)
    assert cost[0] == pytest.approx([14 / 3, 0, 14 / 3])
    assert cost[1, 1] == pytest.approx(1)  # off by b = 1 at every sample
    best = call("lecture02_linear_model --model affine").model
    assert best == pytest.approx((2, 0), abs=1e-9)


# -------------------------------------------------------- Lecture 3: gradient descent
def test_03_gradient_descent(call):
    result = call("lecture03_gradient_descent")
    lines = result.out.splitlines()
    assert lines[0] == "Predict (before training) 4 4.0"
    slide_w = (1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66)
    slide_cost = (4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66)
    rows = table(result.out)
    for epoch, (w, cost) in enumerate(zip(slide_w, slide_cost)):  # 3-21
        assert lines[1 + epoch] == f"Epoch: {epoch} w= {w:.2f} cost= {cost:.2f}"
        both = f"{w:.2f} / {cost:.2f}"
        assert rows[f"epoch {epoch}: w / cost"] == (both, both)
    for epoch in range(90, 100):
        assert lines[1 + epoch] == f"Epoch: {epoch} w= 2.00 cost= 0.00"
    assert lines[101] == "Predict (after training) 4 8.00"
    assert rows["epoch 99: w / cost"] == ("2.00 / 0.00", "2.00 / 0.00")
    assert 1 - 0.01 * lecture03.gradient(X, Y, 1.0) == 1.0933333333333333
    assert rows["prediction for x = 4"] == ("7.999777758621207", "8.00")
    assert result.model == 1.9999444396553017


def test_03_sgd(call):
    """Slides 3-23 to 3-25: sample by sample, w is moved first, then the loss taken."""
    out = call("lecture03_gradient_descent --method sgd").out
    assert "progress: 99 w= 1.9999999999999236 loss= " in out
    w = 1.0
    for x, y in zip(X, Y):
        gradient = 2 * x * (x * w - y)
        w -= 0.01 * gradient
        assert f"\tgrad: {x} {y} {gradient}\n" in out
    assert f"progress: 0 w= {w} loss= {(3 * w - 6) ** 2}\n" in out
    assert f"{(3 * w - 6) ** 2:.3f}" == "4.919"


def test_03_smoothing():
    """The video's beta is the weight of the new value."""
    assert lecture03.smooth([4.0, 0.0, 8.0], 0.25) == [4.0, 3.0, 4.25]


def test_03_landscape(call):
    out = call("lecture03_gradient_descent --landscape").out
    ends = dict(re.findall(r"(.*): ends at \((.*)\)", out))
    assert ends["gradient descent from (1.5, 0)"] == "0.00, 0.00"
    assert ends["gradient descent from (1.5, 0.3)"] == "0.00, 0.86"
    w2 = float(ends["the same with noise, like SGD"].split(", ")[1])
    assert abs(w2) > 0.7  # a valley is at w2 = 0.86, the deeper one at -1.16
    valley = lecture03.surface(0, -1.16)
    assert valley < lecture03.surface(0, 0.86) < lecture03.surface(0, 0) == 0


# -------------------------------------------------------- Lecture 4: back propagation
def test_04_backprop(call):
    out = call("lecture04_backprop").out
    losses = re.findall(r"^progress: \d+ (.*)", out, re.MULTILINE)
    assert losses[:6] == [  # slide 4-43, all digits
        *("7.315943717956543", "3.9987640380859375", "2.1856532096862793"),
        *("1.1946394443511963", "0.6529689431190491", "0.35690122842788696"),
    ]
    gradients = re.findall(r"^\tgrad: \S+ \S+ (.*)", out, re.MULTILINE)
    assert len(gradients) == 300 and gradients[:21] == [
        *("-2.0", "-7.840000152587891", "-16.228801727294922"),
        *("-1.478623867034912", "-5.796205520629883", "-11.998146057128906"),
        *("-1.0931644439697266", "-4.285204887390137", "-8.870372772216797"),
        *("-0.8081896305084229", "-3.1681032180786133", "-6.557973861694336"),
        *("-0.5975041389465332", "-2.3422164916992188", "-4.848389625549316"),
        *("-0.4417421817779541", "-1.7316293716430664", "-3.58447265625"),
        *("-0.3265852928161621", "-1.2802143096923828", "-2.650045394897461"),
    ]
    assert "predict (after training) 4 7.999998569488525\n" in out
    assert "w.grad after the second, not zeroed: -4.0" in out
    assert "    RuntimeError: " in out and "a second time" in out
    rows = table(out[out.index("predict (after training)") :])
    assert rows["4-22: dL/dx, dL/dw"] == ("15.0, 10.0", "15.0, 10.0")
    assert rows["grads equal to the last digit"] == ("21 of 21", "21 shown")
    assert rows["losses equal to the last digit"] == ("6 of 6", "6 shown")
    assert rows["prediction for x = 4"][1] == "7.999998569488525 (computed)"


WORKED = {  # slide 4-32 and exercises 4-1, 4-2; 4-3 and 4-4 by the chain rule
    ("linear", 1.0, 2.0): {"w": -2.0},
    ("linear", 2.0, 4.0): {"w": -8.0},
    ("affine", 1.0, 2.0): {"w": 2.0, "b": 2.0},
    ("quadratic", 1.0, 2.0): {"w1": 2.0, "w2": 2.0, "b": 2.0},
    ("quadratic", 2.0, 4.0): {"w1": 24.0, "w2": 12.0, "b": 6.0},
}


@pytest.mark.parametrize("case", WORKED, ids=str)
def test_04_by_hand_and_by_autograd(case):
    name, x, y = case
    weights = lecture04.start_weights(name)
    r = lecture04.FORWARD[name](x, **weights) - y
    (r**2).backward()
    found = {label: weight.grad.item() for label, weight in weights.items()}
    hand = lecture04.by_hand(r.item(), x)
    assert found == {label: hand[label] for label in found} == WORKED[case]


# ------------------------------------------------------- Lecture 5: linear regression
SLIDE_5_24 = {  # epochs: the losses of the last 14, w, b, prediction
    100: (
        """0.3036523759365082 0.2992883026599884 0.29498720169067383 0.2907477021217346
        0.28656935691833496 0.28245046734809875 0.27839142084121704 0.27439042925834656
        0.2704470157623291 0.2665606141090393 0.262729674577713 0.25895369052886963
        0.2552322745323181 0.2515641450881958""",
        ("1.666100263595581", "0.7590328454971313", "7.4234"),
    ),
    1000: (
        """3.594939812501252e-07 3.5411068211033125e-07 3.4917979974125046e-07
        3.4428359185767476e-07 3.392528924450744e-07 3.3442694302721065e-07
        3.294019847999152e-07 3.247135396122758e-07 3.199925231456291e-07
        3.1540417921860353e-07 3.1097857799977646e-07 3.0668098816022393e-07
        3.020934400410624e-07 2.977626536448952e-07""",
        ("1.9996366500854492", "0.0008257834706455469", "7.9994"),
    ),
}


@pytest.mark.parametrize("epochs", SLIDE_5_24)
def test_05_the_slides_digits(call, epochs):
    out = call(f"lecture05_linear_regression --init video --epochs {epochs}").out
    losses, (w, b, prediction) = SLIDE_5_24[epochs]
    printed = re.findall(r"^\d+ (.*)", out, re.MULTILINE)
    assert len(printed) == epochs and printed[-14:] == losses.split()
    rows = table(out)
    assert rows[f"loss at epoch {epochs - 14}"][1] == printed[-14]
    assert rows["losses equal to the last digit"] == ("14 of 14", "14 shown")
    assert rows["w"] == (w, w) and rows["b"] == (b, b)
    ours, video = rows["prediction for x = 4"]
    assert f"{float(ours):.4f}" == video == prediction


@pytest.mark.parametrize("name", lecture05.OPTIMIZERS)
def test_05_optimizers(name):
    """At a rate of its own each of the eight gets there; at 0.01 Adagrad does not."""
    args = lecture05.parse_args([])
    model, losses = lecture05.train_with(name, lecture05.OWN_RATES[name], args)
    assert len(losses) == 1000 and min(losses) < 1e-6
    assert model(torch.tensor([[4.0]])).item() == pytest.approx(8, abs=0.05)
    assert name != "Adagrad" or lecture05.train_with(name, 0.01, args)[1][-1] > 1


# ----------------------------------------------------- Lecture 6: logistic regression
def test_06_bce_and_curve(call):
    rows = table(call("lecture06_logistic_regression").out)
    slide = {(1, 0.2): 1.6094, (1, 0.8): 0.2231, (0, 0.3): 0.3567, (0, 0.7): 1.2040}
    for (y, y_pred), loss in slide.items():  # 6-11
        found = rows[f"BCE of y = {y}, y_pred = {y_pred}"]
        assert found == (f"{loss:.4f}", f"{loss:.4f}")
        assert lecture06.bce(y, y_pred) == pytest.approx(loss, abs=5e-5)
    assert rows["mean of the four"] == ("0.8483", "0.8483")
    hours, video = rows["P(pass) = 0.5 at hours"]  # 6-19
    assert float(hours) == pytest.approx(2.40, abs=0.1) and "2.40" in video
    share, video = rows["P(pass) after 4 hours"]
    assert float(share) == pytest.approx(0.87, abs=0.03) and "0.87" in video


def test_06_entropy_plus_divergence(call):
    out = " ".join(call("lecture06_logistic_regression --dry-run").out.split())
    entropy = -0.7 * math.log(0.7) - 0.3 * math.log(0.3)
    cross = -0.7 * math.log(0.4) - 0.3 * math.log(0.6)
    assert f"H(P) {entropy:.4f} + divergence KL(P || Q) {cross - entropy:.4f}" in out
    assert f"= cross-entropy H(P, Q) {cross:.4f} (sum {cross:.4f})" in out


# ------------------------------------------------------ Lecture 7: several dimensions
def test_07_default_is_the_majority_class(call):
    rows = table(call("lecture07_multi_dim").out)
    assert rows["sigmoid: accuracy"][0] == "65.35 %"
    assert rows["always 'no diabetes' (label 1)"][0] == "65.35 %"
    assert float(rows["sigmoid: last loss"][0]) == pytest.approx(0.646, abs=0.0005)
    first = ["-0.29 0.49 0.18 -0.29", "0.00 0.00 -0.53 -0.03"]  # 7-3
    for k, numbers in zip(("1 to 4", "5 to 8"), first):
        assert rows[f"first row, features {k}"] == (numbers, numbers)


def test_07_two_linear_layers_are_one(call):
    """Weights and biases multiplied out: what is left is rounding."""
    out = call("lecture07_multi_dim --activation relu --dry-run").out
    (left,) = re.findall(r"difference (\S+) \(rounding\)", out)
    assert float(left) < 1e-6


def test_07_output_is_a_probability_for_every_activation():
    x = torch.from_numpy(
        np.loadtxt(DATA / "diabetes.csv.gz", np.float32, delimiter=",")
    )
    for activation in lecture07.ACTIVATIONS.values():
        y_pred = lecture07.ActivationModel(activation)(x[:, :-1])
        assert y_pred.shape == (759, 1)
        assert y_pred.min() > 0 and y_pred.max() < 1


# ------------------------------------------------------------- Lecture 8: data loaders
def test_08_numbers_of_the_video(call):
    out = call("lecture08_dataloader --epochs 2").out
    rows = table(out)
    assert rows["samples"] == ("759", "759 (computed)")
    assert rows["iterations per epoch"] == ("24", "24 (computed)")
    assert "\n1 23 0." in out and "\n1 24 " not in out


def test_diabetes_is_the_lecturers_file():
    """Byte for byte: the SHA-256 of five public copies."""
    text = gzip.decompress((DATA / "diabetes.csv.gz").read_bytes())
    sha256 = "89e33de71cd5afdcd4fe8a722b60c4d69eb8f9b96446cea9347d735ff2df395e"
    assert hashlib.sha256(text).hexdigest() == sha256
    lines = text.decode("ascii").splitlines()
    first = "-0.294118,0.487437,0.180328,-0.292929,0,0.00149028,-0.53117,-0.0333333,0"
    assert lines[0] == first and len(lines) == 759
    assert sum(line.endswith(",1") for line in lines) == 496


# --------------------------------------------------------------- Lectures 9 to 11: MNIST
SCALE = 2000 / 300  # what is printed are sums of 300 losses, divided by 2000
SLIDES = {  # row: its losses of the epochs that the slide prints, accuracy by epoch
    "softmax": (  # 9-43, whole percents
        {1: (0.335, 0.154, 0.067), 2: (0.048, 0.040, 0.035)}
        | {9: (0.005, 0.006, 0.007), 10: (0.005, 0.005, 0.005)},
        {1: 90, 2: 93, 9: 97, 10: 97},
    ),
    "basic": (  # 10-63, the printout
        {1: (0.098, 0.035, 0.025), 2: (0.021, 0.017, 0.015)}
        | {9: (0.006, 0.006, 0.007), 10: (0.006, 0.006, 0.006)},
        {0: 6.37, 1: 96.05, 2: 97.09, 9: 98.57, 10: 98.69},
    ),
    "googlenet": (  # 11-26; epochs 3 to 8 measured off its plot
        {1: (0.141, 0.031, 0.020), 2: (0.015, 0.014, 0.012)}
        | {9: (0.005, 0.005, 0.005), 10: (0.005, 0.005, 0.005)},
        {0: 9.82, 1: 95.54, 2: 97.93, 3: 98.35, 4: 98.43, 5: 98.61}
        | {6: 98.80, 7: 98.91, 8: 98.84, 9: 98.88, 10: 98.66},
    ),
    "resnet": (  # 11-39
        {1: (0.074, 0.021, 0.017), 2: (0.013, 0.011, 0.011)}
        | {9: (0.003, 0.004, 0.004), 10: (0.003, 0.003, 0.004)},
        {0: 9.16, 1: 97.36, 2: 98.31, 3: 98.72, 4: 98.72, 5: 98.90}
        | {6: 98.79, 7: 99.07, 8: 98.96, 9: 99.00, 10: 99.01},
    ),
}
PLOT_10_63 = [97.07, 97.77, 98.23, 98.49, 98.55, 98.68, 98.56, 98.53, 98.87, 98.98]


@pytest.fixture
def run_without_training(call, monkeypatch):
    """What a lecture prints of a run of 10 epochs in which nothing is trained."""

    def run(lecture, train=(1.0, 1.0, 1.0), options=""):
        monkeypatch.setattr(lecture, "train", lambda *args: train)
        monkeypatch.setattr(lecture, "test", lambda *args: 90.0)
        return call(f"{lecture.__name__} {options}").out

    return run


@pytest.mark.parametrize("name", SLIDES)
def test_mnist_table_shows_the_slide(run_without_training, name):
    lecture = {"softmax": lecture09, "basic": lecture10}.get(name, lecture11)
    rows = table(run_without_training(lecture))
    if lecture == lecture11:
        begin = f"{name} "
        rows = {key.removeprefix(begin): rows[key] for key in rows if begin in key}
    losses, accuracies = SLIDES[name]
    shown = {f"epoch {epoch}: loss" for epoch in losses}
    shown |= {f"epoch {epoch}: accuracy" for epoch in accuracies if epoch}
    shown |= {"untrained: accuracy"} if 0 in accuracies else set()
    assert set(rows) == shown
    for epoch, percent in accuracies.items():
        when = f"epoch {epoch}" if epoch else "untrained"
        ours, video = rows[f"{when}: accuracy"]
        assert ours == "90.00 %"
        assert float(video.removeprefix("about ").removesuffix(" %")) == percent
        assert ("about" in video) == (lecture == lecture11 and 2 < epoch < 9)
    for epoch, printed in losses.items():
        ours, video = rows[f"epoch {epoch}: loss"]
        assert ours == "1.000 1.000 1.000"
        means = " ".join(f"{loss * SCALE:.3f}" for loss in printed)
        assert video == f"{means} (video x 2000/300)"


def test_10_plot_is_another_run_than_the_printout(run_without_training):
    run_without_training(lecture10)
    curves = [line.get_ydata() for axes in plt.gcf().axes for line in axes.lines]
    assert any([*curve] == pytest.approx(PLOT_10_63) for curve in curves)


def test_09_worked_numbers(call):
    out = " ".join(call("lecture09_softmax_mnist --dry-run").out.split())
    assert "softmax of 0.2, 0.1, -0.1: [0.38 0.34 0.28]" in out  # 9-16
    assert "its loss, y = [1, 0, 0]: 0.9729" in out
    assert (
        f"batch 1 {' '.join(['0.4966'] * 4)} batch 2 {' '.join(['1.2389'] * 4)}" in out
    )


def test_10_worked_convolutions(call):
    """Slides 10-15 to 10-51: one and three channels, padding, stride, pooling."""
    out = " ".join(call("lecture10_cnn --dry-run").out.split())
    assert "(1, 10, 98, 98), weight (10, 5, 3, 3)" in out
    assert "no padding 211 295 262 259 282 214 251 253 169" in out
    padded = "91 168 224 215 127 114 211 295 262 149 192 259 282 214 122"
    assert f"padding 1 {padded} 194 251 253 169 86 96 112 110 68 31" in out
    assert "stride 2 211 262 251 169" in out
    assert "max-pooling 2x2 of its top left 4x4 4 8 9 8" in out
    assert "625 837 778 713 854 674 745 799 579" in out


def test_11_1x1_convolution():
    """Slides 11-5 to 11-13: a sum of three channels, and what it saves."""
    rows = {name: (ours, video) for name, ours, video in lecture11.explain_1x1()}
    slide = ["2.6 3.8 5.0", "3.8 5.0 6.2", "5.0 6.2 7.4"]
    for row, numbers in enumerate(slide, start=1):
        assert rows[f"1x1 over 3 channels, row {row}"] == (numbers, numbers)
    assert rows["5x5, 192 to 32: multiplications"] == ("120,422,400", "120,422,400")
    ours, video = rows["1x1 to 16 first"]
    assert ours == "12,443,648" and "12,433,648" in video  # the slide's slip


# ------------------------------------------------------------- Lecture 12: basic RNN
def test_12_all_five_say_ohlol(call):
    out = call("lecture12_rnn").out
    rows = table(out)
    for name in ("rnncell", "rnn", "embedding", "lstm", "gru"):
        ours, video = rows[f"{name} after 15 epochs"]
        assert ours.startswith("ohlol, first in epoch")
        assert video == ("-" if name in ("lstm", "gru") else "ohlol (the target)")
    assert out.count(", Epoch [15/15] loss=") == 5
    assert "Predicted string: ohlol, Epoch [15/15] loss=2." in out  # (a): a sum of five


def test_12_shapes(call):
    """The lecture's example: batch 1, seq 3, input 4, hidden 2."""
    out = call("lecture12_rnn --dry-run").out
    assert "RNNCell(4, 2): input (1, 4) -> hidden (1, 2)" in out
    assert "input (3, 1, 4) -> output (3, 1, 2) and hidden (1, 1, 2)" in out
    assert "batch_first=True: input (1, 3, 4) -> output (1, 3, 2)" in out


def test_12_seeds(call):
    """Ten of the hundred seeds that the script speaks of, counted again.

    Within one, because another torch or machine may round differently.
    """
    right = {"rnncell": 6, "rnn": 4, "embedding": 10, "lstm": 2, "gru": 8}
    found = dict.fromkeys(right, 0)
    for seed in range(10):
        rows = table(call(f"lecture12_rnn --seed {seed}").out)
        for name in right:
            found[name] += rows[f"{name} after 15 epochs"][0].startswith("ohlol")
    assert found == pytest.approx(right, abs=1)


# --------------------------------------------------------- Lecture 13: RNN classifier
def test_13_curve_of_the_slide(run_without_training, tmp_path):
    """13-92: its ends, its best, its sum and its order; in the table "about"."""
    curve = lecture13.VIDEO_CURVE
    assert len(curve) == 100 and (curve[0], curve[-1]) == (58.2, 83.9)
    assert curve.index(max(curve)) + 1 == 22 and max(curve) == 85.3
    assert sum(curve) == pytest.approx(8329.5)
    assert sum(i * x for i, x in enumerate(curve)) == pytest.approx(415784.0)
    assert curve[:10] == [58.2, 67.8, 72.4, 76.0, 78.1, 79.3, 80.4, 81.3, 82.3, 82.3]
    few_names(tmp_path / "few")
    rows = table(run_without_training(lecture13, 1.0, "--data-dir few"))
    assert rows["epoch 1: accuracy"] == ("90.00 %", "about 58.2 %")
    assert rows["epoch 100: accuracy"] == ("90.00 %", "about 83.9 %")
    assert rows["best accuracy"] == ("90.00 %, epoch 1", "about 85.3 %, epoch 22")


def test_13_prints_as_the_video(call):
    """Progress every 10 batches; the slide's loss (13-87) is a batch size too small."""
    out = call("lecture13_gru_classifier --dry-run --batch-size 16").out
    line = (
        r"\n\[\d+m \d+s\] Epoch 1 \[160/258\] loss=(\S+) \(video's scale, /16: (\S+)\)"
    )
    mean, video = map(float, re.search(line, out).groups())
    assert video == pytest.approx(mean / 16, abs=5e-6)
    assert "evaluating trained model ..." in out  # 13-91
