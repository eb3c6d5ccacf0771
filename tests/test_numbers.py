"""The numbers of the slides, as far as they are exact, lectures 2 to 8."""

import gzip
import math

import numpy as np
import pytest
import torch
from conftest import ROOT, table

import lecture02_linear_model as lecture02
import lecture03_gradient_descent as lecture03
import lecture04_backprop as lecture04
import lecture06_logistic_regression as lecture06
import lecture07_multi_dim as lecture07
import lecture08_dataloader as lecture08

DATA = ROOT / "data"
X, Y = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]


def test_02_scan(call):
    status, out, _ = call("lecture02_linear_model")
    assert status == 0
    assert out.startswith("w= 0.0\n\t 1.0 2.0 0.0 4.0\n\t 2.0 4.0 0.0 16.0\n")
    assert out.count("MSE=") == 41
    rows = table(out)
    for w, mse in enumerate(["18.6667", "4.6667", "0.0000", "4.6667", "18.6667"]):
        assert rows[f"MSE at w = {w}"][0] == mse
    assert rows["prediction for x = 4"] == ("8.0", "8")


def test_02_affine_grid():
    w, b = np.meshgrid([1.0, 2.0, 3.0], [0.0, 1.0])
    cost = lecture02.cost_grid(X, Y, w, b)
    assert cost.shape == (2, 3)
    assert cost[0] == pytest.approx([14 / 3, 0, 14 / 3])
    assert cost[1, 1] == pytest.approx(1)  # off by b = 1 at every sample


def test_03_gradient_descent(call):
    status, out, _ = call("lecture03_gradient_descent")
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "Predict (before training) 4 4.0"
    slide_w = (1.09, 1.18, 1.25, 1.32, 1.39, 1.44, 1.50, 1.54, 1.59, 1.62, 1.66)
    slide_cost = (4.67, 3.84, 3.15, 2.59, 2.13, 1.75, 1.44, 1.18, 0.97, 0.80, 0.66)
    assert (*lecture03.VIDEO_W,) == slide_w and (*lecture03.VIDEO_COST,) == slide_cost
    for epoch, (w, cost) in enumerate(zip(slide_w, slide_cost)):
        assert lines[1 + epoch] == f"Epoch: {epoch} w= {w:.2f} cost= {cost:.2f}"
    assert lines[100] == "Epoch: 99 w= 2.00 cost= 0.00"
    assert lines[101] == "Predict (after training) 4 8.00"
    rows = table(out)
    assert rows["gd: w, first update"][0] == "1.0933333333333333"
    assert rows["gd: w, last update"][0] == "1.9999444396553017"
    assert rows["gd: prediction for x = 4"][0] == "7.999777758621207"


def test_03_sgd(call):
    _, out, _ = call("lecture03_gradient_descent", "--method", "sgd")
    assert table(out)["sgd: prediction for x = 4"][0] == "7.9999999999996945"


def test_03_sgd_prints_the_loss_after_the_update(call):
    """Slides 3-23 to 3-25: sample by sample, w is moved first."""
    out = call("lecture03_gradient_descent", "--method", "sgd", "--epochs", 1)[1]
    w, losses = 1.0, []
    for x, y in zip(X, Y):
        gradient = 2 * x * (x * w - y)
        w -= 0.01 * gradient
        losses.append((x * w - y) ** 2)
        assert f"\tgrad: {x} {y} {gradient}\n" in out
    assert f"progress: 0 w= {w} loss= {losses[-1]}\n" in out


def test_03_one_quantity_for_all_methods(call, monkeypatch):
    """The cost over the three samples after each update, in each curve."""
    curves = {}
    monkeypatch.setattr(lecture03, "draw", lambda found, *rest: curves.update(found))
    monkeypatch.setattr(lecture03, "save_plot", lambda figure, args: None)
    assert call("lecture03_gradient_descent", "--method", "all", "--epochs", 2)[0] == 0
    assert list(curves) == ["gd", "sgd", "minibatch"]
    for updates, costs in zip((1, 3, 2), curves.values()):
        assert len(costs) == 1 + 2 * updates
        assert costs[0] == pytest.approx(14 / 3)
        assert costs == sorted(costs, reverse=True)


def test_03_three_gradients_agree():
    w = 1.3
    samples = [lecture03.gradient_sample(x, y, w) for x, y in zip(X, Y)]
    assert lecture03.gradient(X, Y, w) == pytest.approx(np.mean(samples))
    # whole batches are gradient descent, batches of one are SGD, two are between
    per_epoch = {size: lecture03.train_batches(0.01, 4, size)[0] for size in (1, 2, 3)}
    assert per_epoch[1] == pytest.approx(lecture03.train_sgd(0.01, 4)[0])
    assert [len(w_list) for w_list in per_epoch.values()] == [12, 8, 4]
    first = [
        1 - 0.01 * lecture03.gradient(X[:size], Y[:size], 1.0) for size in (1, 2, 3)
    ]
    assert [w_list[0] for w_list in per_epoch.values()] == pytest.approx(first)
    second = first[1] - 0.01 * lecture03.gradient_sample(3.0, 6.0, first[1])
    assert per_epoch[2][1] == pytest.approx(second)


def test_03_smoothing():
    assert lecture03.smooth([4.0, 0.0, 8.0], 0.75) == [4.0, 3.0, 4.25]


def test_03_landscapes(call):
    rows = table(call("lecture03_gradient_descent", "--landscape", "saddle")[1])
    assert rows["gradient descent ends at"][0] == "(0.00, 0.00)"
    w2 = float(rows["SGD ends at"][0].strip("()").split(", ")[1])
    assert abs(w2) > 0.7  # a valley is at w2 = 1, one at -1
    rows = table(call("lecture03_gradient_descent", "--landscape", "local")[1])
    assert rows["start at w = -0.3 ends at"][0].startswith("w = -1.036")
    assert rows["start at w = 0.4 ends at"][0].startswith("w = 0.960")


def test_04_backprop(call):
    status, out, _ = call("lecture04_backprop")
    assert status == 0
    assert "\tgrad: 1.0 2.0 -2.0\n" in out
    assert "\tgrad: 2.0 4.0 -7.840000152587891\n" in out
    assert "\tgrad: 3.0 6.0 -16.228801727294922\n" in out
    assert "progress: 0 7.315943717956543\n" in out
    assert "predict (after training) 4 7.999998569488525\n" in out
    assert "w.grad after the second, not zeroed: -4.0" in out
    assert "raises RuntimeError" in out and "a second time" in out
    rows = table(out)
    assert rows["4-22: dL/dx, dL/dw"] == ("15.0, 10.0", "15.0, 10.0")
    slide = (7.315943717956543, 3.9988, 2.1857, 1.1946, 0.6530, 0.3569)  # 4-43
    for epoch, loss in enumerate(slide):
        ours, video = map(float, rows[f"progress: {epoch}"])
        assert ours == pytest.approx(loss, abs=6e-5) and video == loss
    assert "progress: 6" not in rows


def gradients(model, x, y):
    """(by hand, by autograd) at the start's weights, two lists."""
    predict, derivatives, start = lecture04.MODELS[model]
    w = lecture04.weights(start)
    r = predict(x, *w) - y
    (r**2).backward()
    by_hand = [2 * r.item() * local for local in derivatives(x)]
    return by_hand, [weight.grad.item() for weight in w]


@pytest.mark.parametrize("model", lecture04.MODELS)
def test_04_by_hand_equals_autograd(model):
    for x, y in ((1.0, 2.0), (2.0, 4.0), (-1.5, 0.3)):
        by_hand, auto = gradients(model, x, y)
        assert auto == pytest.approx(by_hand, rel=1e-6)


def test_04_worked_answers():
    """Slide 4-32 and exercises 4-1, 4-2, in the scripts and here."""
    answers = {("linear", 1.0): [-2.0], ("linear", 2.0): [-8.0]}
    answers["affine", 1.0] = [2.0, 2.0]
    for (model, x, y), (_, stated) in lecture04.WORKED.items():
        assert gradients(model, x, y)[1] == stated == answers.pop((model, x))
    assert not answers


def test_05_slide_digits_100(call):
    _, out, _ = call("lecture05_linear_regression", "--init", "video", "--epochs", 100)
    assert "\n86 0.3036523759365082\n" in out
    assert "\n90 0.28656935691833496\n" in out
    rows = table(out)
    assert float(rows["loss at epoch 99"][0]) == pytest.approx(0.25156415, abs=2e-7)
    assert float(rows["w"][0]) == pytest.approx(1.6661003, abs=3e-7)
    assert float(rows["b"][0]) == pytest.approx(0.7590328, abs=3e-7)


def test_05_slide_digits_1000(call):
    _, out, _ = call("lecture05_linear_regression", "--init", "video")
    assert "\n986 3.594939812501252e-07\n" in out
    assert "\n999 2.977626536448952e-07\n" in out
    assert table(out)["w"] == ("1.9996366500854492", "1.9996366500854492")


def test_05_default(call):
    status, out, _ = call("lecture05_linear_regression")
    assert status == 0
    prediction = float(table(out)["prediction for x = 4"][0])
    assert prediction == pytest.approx(8, abs=0.01)


def test_06_bce_and_curve(call):
    status, out, _ = call("lecture06_logistic_regression")
    assert status == 0
    rows = table(out)
    for (y, y_pred), video in lecture06.VIDEO_BCE.items():
        assert rows[f"BCE of y = {y}, y_pred = {y_pred}"] == (video, video)
        assert f"{lecture06.bce(y, y_pred):.4f}" == video
    assert rows["mean of the four"] == ("0.8483", "0.8483")
    assert float(rows["P(pass) = 0.5 at hours"][0]) == pytest.approx(2.40, abs=0.1)
    assert float(rows["P(pass) after 4 hours"][0]) == pytest.approx(0.87, abs=0.03)


def test_06_entropy_plus_divergence(call):
    _, out, _ = call("lecture06_logistic_regression", "--dry-run")
    numbers = {}
    for key in ("H(P) ", "KL(P || Q)", "H(P, Q)"):
        line = next(line for line in out.splitlines() if key in line)
        numbers[key] = float(line.split(key)[1].split()[0])
    total = numbers["H(P) "] + numbers["KL(P || Q)"]
    assert numbers["H(P, Q)"] == pytest.approx(total, abs=2e-4)
    assert numbers["H(P, Q)"] == pytest.approx(
        -0.7 * math.log(0.4) - 0.3 * math.log(0.6), abs=1e-4
    )


def test_07_default_is_the_majority_class(call):
    status, out, _ = call("lecture07_multi_dim")
    rows = table(out)
    assert status == 0
    assert rows["sigmoid: accuracy"][0] == "65.35 %"
    assert rows["majority class, no training"][0] == "65.35 %"
    assert float(rows["sigmoid: last loss"][0]) == pytest.approx(0.646, abs=0.002)
    assert "Label 1 means no diabetes" in out
    for ours, video in (rows[f"first row, features {k}"] for k in ("1 to 4", "5 to 8")):
        assert ours == video


def test_07_output_is_a_probability_for_every_activation():
    x, _ = lecture07.load_diabetes(DATA)
    for activation in lecture07.ACTIVATIONS.values():
        y_pred = lecture07.Model(activation)(x)
        assert y_pred.shape == (759, 1)
        assert y_pred.min() > 0 and y_pred.max() < 1


def test_08_numbers_of_the_video(call):
    status, out, _ = call("lecture08_dataloader", "--epochs", 2)
    rows = table(out)
    assert status == 0
    assert rows["samples"] == ("759", "759 (computed)")
    assert rows["iterations per epoch"] == ("24", "24 (computed)")
    assert "759 samples, batch size 32: 24 iterations per epoch" in out
    assert "\n1 23 0." in out and "\n1 24 " not in out


def test_08_holdout_is_seeded_and_disjoint():
    dataset = lecture08.DiabetesDataset(DATA)
    train, test = lecture08.split(dataset, 0.2, seed=0)
    assert (len(train), len(test)) == (607, 152)
    assert not set(train.indices) & set(test.indices)
    assert lecture08.split(dataset, 0.2, seed=0)[1].indices == test.indices
    assert lecture08.split(dataset, 0.2, seed=1)[1].indices != test.indices


def test_08_titanic_beats_the_majority(call):
    _, out, _ = call("lecture08_dataloader", "--titanic", "--holdout", 0.2)
    assert "263 of 1309 ages missing: filled with the median 28.5 and marked" in out
    rows = table(out)
    ours = float(rows["test accuracy"][0].split()[0])
    assert ours > float(rows["majority class of test"][0].split()[0]) + 4


def test_08_titanic_features():
    rows = lecture08.load_titanic(DATA / "titanic.csv.gz")
    dataset = lecture08.TitanicDataset(rows)
    dataset.fill(range(len(rows)))
    x, y = dataset[0]  # first class, female, 29, survived
    assert x.tolist() == pytest.approx([1, 0, 0, 1, 29 / 80, 0])
    assert y.item() == 1
    unknown = dataset.x_data[:, 5] == 1
    assert (len(dataset), unknown.sum()) == (1309, 263)
    assert torch.all(dataset.x_data[unknown, 4] == torch.tensor(28 / 80))


def test_08_titanic_median_is_of_the_training_part():
    """What is held out must not be looked at, not even for a missing age."""
    ages = ["10", "20", "", "70", "80"]
    rows = [{"Survived": "1", "Pclass": "1", "Sex": "male", "Age": age} for age in ages]
    for known, years in (([0, 1, 2], 15), ([2, 3, 4], 75), (range(5), 45)):
        dataset = lecture08.TitanicDataset(rows)
        dataset.fill(known)
        assert dataset[2][0][4].item() * 80 == pytest.approx(years)


def test_kaggle_titanic(call, tmp_path):
    """Kaggle's train.csv: more columns, quoted names, empty ages."""
    head = "PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin"
    rows = [
        f'{i},{i % 2},{i % 3 + 1},"Name, Mr. {i}",{"male" if i % 2 else "female"},'
        f"{'' if i % 5 == 0 else 20 + i % 30},0,0,T{i},7.25,"
        for i in range(1, 101)
    ]
    file = tmp_path / "train.csv"
    file.write_text("\n".join([head, *rows]), encoding="utf-8")
    options = ["--titanic", file, "--epochs", 3]
    status, out, err = call("lecture08_dataloader", *options)
    assert (status, err) == (0, "")
    assert "20 of 100 ages missing" in out
    assert table(out)["samples"][0] == "100"


def test_diabetes_file_is_the_lecturers():
    with gzip.open(DATA / "diabetes.csv.gz", "rt", encoding="ascii") as file:
        lines = file.read().splitlines()
    first = "-0.294118,0.487437,0.180328,-0.292929,0,0.00149028,-0.53117,-0.0333333,0"
    last = "-0.882353,-0.0653266,0.147541,-0.373737,0,-0.0938897,-0.797609,-0.933333,1"
    assert (lines[0], lines[-1], len(lines)) == (first, last, 759)
    assert sum(line.endswith(",1") for line in lines) == 496
