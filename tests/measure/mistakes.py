"""The classic mistakes, each put into a copy of a script and measured.

    python tests/mistakes.py                # all that is not measured yet, half an hour
    python tests/mistakes.py 9 13           # only measure, of these lectures
    python tests/mistakes.py 9:zero_grad    # only measure this one
    python tests/mistakes.py --list         # what there is
    python tests/mistakes.py --draw         # only the picture and the page's table

Each mistake is one small change of the text, as a learner makes it. The changed copy
runs with the lecture's own settings and seed (lecture 11 with 1 epoch, 13 with 10) and
leaves a row in data/expected/mistakes.csv; key "none" is the unchanged script. Rows
that stand there already are not measured again, so it goes on where it was interrupted:
delete a row to have it anew. At the end it draws mistakes.png and puts the table of all rows
into mistakes.md; the rest of that page is written by hand.

One thread, as everywhere in tests/: more of them round differently.
"""

import argparse
import contextlib
import csv
import io
import re
import sys
import tempfile
import textwrap
import traceback
import types
import warnings
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from conftest import ROOT, SCRIPTS

FOLDER = ROOT / "data" / "expected"
FILE = FOLDER / "mistakes.csv"
PAGE = FOLDER / "mistakes.md"
PICTURE = FOLDER / "mistakes.png"
HEAD = ["lecture", "key", "options", "epochs", "loss", "accuracy", "answers", "message"]
HEAD += ["losses", "accuracies"]


class Lecture(NamedTuple):
    """How to run a lecture's script and to read what it prints."""

    epochs: int
    loss: str  # pattern of the losses that it prints
    every: int = 1  # keep each so-manieth of them for the curve
    answer: str = ""  # pattern of what the network answers
    accuracy: str = ""  # pattern of the accuracy in percent, or of right and number


class Mistake(NamedTuple):
    """One change of a script: the text `old`, which it has once, becomes `new`."""

    lecture: int
    key: str
    title: str
    chinese: str
    old: str = ""
    new: str = ""
    options: str = ""
    times: int = 1  # how often the script has `old`, if more than once

    @property
    def name(self):
        return f"{self.lecture}:{self.key}"


DIGITS = Lecture(
    10,
    r"^\[\d+, +\d+\] loss: (\S+)",
    accuracy=r"^Accuracy on test set: .*\[(\d+)/(\d+)\]",
)
LECTURES = {
    3: Lecture(100, r"^Epoch: .* cost= (\S+)", 2, r"\(after training\) 4 (\S+)"),
    4: Lecture(100, r"^progress: \d+ (\S+)", 2, r"\(after training\) 4 (\S+)"),
    5: Lecture(1000, r"^\d+ (\S+)$", 20, r"^y_pred = (\S+)"),
    6: Lecture(1000, r"^\d+ (\S+)$", 20, r"^P\(pass \| 4 hours\) = (\S+)"),
    7: Lecture(
        100,
        r"^\d+ (\S+)$",
        2,
        r"P\(no diabetes\) = (\S+)",
        r"^sigmoid: accuracy +\| +(\S+) %",
    ),
    8: Lecture(
        100,
        r"^epoch \d+: train loss (\S+),",
        2,
        r"P\(no diabetes\) = ([^ ,]+)",
        r"^epoch \d+: .*accuracy (\S+) %",
    ),
    9: DIGITS,
    10: DIGITS,
    11: DIGITS._replace(epochs=1),  # 10 in the lecture
    12: Lecture(15, r"loss=(\S+)$", 1, r"^Predicted string: (\w+)"),
    13: Lecture(  # 100 in the lecture
        10, r" loss=(\S+) ", accuracy=r"^Test set: Accuracy (\d+)/(\d+)"
    ),
}

MISTAKES = [
    # ------------------------------------------------------------------- Lecture 3
    Mistake(3, "none", "the script as it is", "原样的脚本"),
    Mistake(
        3,
        "sign",
        "w += lr * gradient: uphill",
        "加上了梯度（应该减去）",
        "w -= args.lr * grad_val",
        "w += args.lr * grad_val",
    ),
    Mistake(
        3,
        "rate_high",
        "learning rate 1",
        "学习率 1，太大",
        "w -= args.lr * grad_val",
        "w -= 1 * grad_val",
    ),
    Mistake(
        3,
        "rate_low",
        "learning rate 0.0001",
        "学习率 0.0001，太小",
        "w -= args.lr * grad_val",
        "w -= 0.0001 * grad_val",
    ),
    # ------------------------------------------------------------------- Lecture 4
    Mistake(4, "none", "the script as it is", "原样的脚本"),
    Mistake(
        4,
        "zero_grad",
        "gradient not zeroed",
        "忘记梯度清零",
        "            w.grad.data.zero_()",
        "            # w.grad.data.zero_()",
    ),
    Mistake(
        4,
        "leaf",
        "w = w - lr * w.grad makes another w",
        "更新时没有用 .data，w 成了另一个张量",
        "w.data = w.data - args.lr * w.grad.data",
        "w = w - args.lr * w.grad",
    ),
    Mistake(
        4,
        "requires_grad",
        "requires_grad=True forgotten",
        "忘记 requires_grad=True",
        'w = torch.tensor([1.0], requires_grad=True)\n    print("predict (before',
        'w = torch.tensor([1.0])\n    print("predict (before',
    ),
    Mistake(
        4,
        "integer",
        "a weight without a decimal point",
        "权重写成整数",
        'w = torch.tensor([1.0], requires_grad=True)\n    print("predict (before',
        'w = torch.tensor([1], requires_grad=True)\n    print("predict (before',
    ),
    Mistake(
        4,
        "twice",
        "backward() twice through one graph",
        "同一个计算图反向传播两次",
        "            l.backward()  #",
        "            l.backward()\n            l.backward()  #",
    ),
    Mistake(
        4,
        "item",
        "losses kept as tensors, without .item()",
        "保存损失时忘记 .item()",
        "losses.append(l.item())  #",
        "losses.append(l)  #",
    ),
    # ------------------------------------------------------------------- Lecture 5
    Mistake(5, "none", "the script as it is", "原样的脚本"),
    Mistake(
        5,
        "zero_grad",
        "zero_grad() forgotten",
        "忘记 zero_grad()",
        "optimizer.zero_grad()  #",
        "# optimizer.zero_grad()  #",
    ),
    Mistake(
        5,
        "step",
        "step() forgotten",
        "忘记 step()",
        "optimizer.step()  #",
        "# optimizer.step()  #",
    ),
    Mistake(
        5,
        "backward",
        "backward() forgotten",
        "忘记 backward()",
        "loss.backward()  #",
        "# loss.backward()  #",
    ),
    Mistake(
        5,
        "rate_high",
        "learning rate 0.1",
        "学习率 0.1，太大",
        "(model.parameters(), lr=args.lr)",
        "(model.parameters(), lr=0.1)",
    ),
    Mistake(
        5,
        "mean",
        'reduction="mean" for "sum"',
        "损失取了平均（视频里是求和）",
        'torch.nn.MSELoss(reduction="sum")\n    #',
        'torch.nn.MSELoss(reduction="mean")\n    #',
    ),
    Mistake(
        5,
        "size_average",
        "the slide's size_average=False",
        "照抄幻灯片的 size_average=False",
        'torch.nn.MSELoss(reduction="sum")\n    #',
        "torch.nn.MSELoss(size_average=False)\n    #",
    ),
    Mistake(
        5,
        "target_shape",
        "labels (3,) beside predictions (3, 1)",
        "标签的形状是 (3,)，预测是 (3, 1)",
        "y_data = torch.tensor([[2.0], [4.0], [6.0]])",
        "y_data = torch.tensor([2.0, 4.0, 6.0])",
    ),
    Mistake(
        5,
        "input_shape",
        "inputs (1, 3) for (3, 1)",
        "输入写成一行三个数",
        "x_data = torch.tensor([[1.0], [2.0], [3.0]])",
        "x_data = torch.tensor([[1.0, 2.0, 3.0]])",
    ),
    Mistake(
        5,
        "integer",
        "inputs without a decimal point",
        "输入写成整数",
        "x_data = torch.tensor([[1.0], [2.0], [3.0]])",
        "x_data = torch.tensor([[1], [2], [3]])",
    ),
    Mistake(
        5,
        "super",
        "super().__init__() forgotten",
        "忘记 super().__init__()",
        "        super().__init__()\n",
        "",
    ),
    Mistake(
        5,
        "forward",
        "forward misspelt",
        "forward 拼错",
        "def forward(self, x):",
        "def foward(self, x):",
    ),
    Mistake(
        5,
        "closure",
        "LBFGS in the usual loop",
        "LBFGS 没有给闭包",
        "optimizer = OPTIMIZERS[args.optimizer](",
        "optimizer = torch.optim.LBFGS(",
    ),
    # ------------------------------------------------------------------- Lecture 6
    Mistake(6, "none", "the script as it is", "原样的脚本"),
    Mistake(
        6,
        "sigmoid_twice",
        "BCEWithLogitsLoss on a sigmoid",
        "已有 sigmoid，又用了 BCEWithLogitsLoss",
        'criterion = torch.nn.BCELoss(reduction="sum")',
        'criterion = torch.nn.BCEWithLogitsLoss(reduction="sum")',
    ),
    Mistake(
        6,
        "mse",
        "MSELoss for BCELoss",
        "二分类用了 MSELoss",
        'criterion = torch.nn.BCELoss(reduction="sum")',
        'criterion = torch.nn.MSELoss(reduction="sum")',
    ),
    Mistake(
        6,
        "logits",
        "BCELoss without a sigmoid",
        "BCELoss 之前忘记 sigmoid",
        "torch.sigmoid(self.linear(x))",
        "self.linear(x)",
    ),
    Mistake(
        6,
        "integer",
        "labels without a decimal point",
        "标签写成整数",
        "torch.tensor([[0.0], [0.0], [1.0]])",
        "torch.tensor([[0], [0], [1]])",
    ),
    Mistake(
        6,
        "numpy",
        "numpy() without no_grad() or detach()",
        "没有 no_grad() 或 detach() 就转 numpy",
        "with torch.no_grad():  #",
        "if True:  #",
    ),
    # ------------------------------------------------------------------- Lecture 7
    Mistake(7, "none", "the script as it is", "原样的脚本"),
    Mistake(
        7,
        "cross_entropy",
        "CrossEntropyLoss on one output",
        "只有一个输出，却用 CrossEntropyLoss",
        'torch.nn.BCELoss(reduction="mean")\n    optimizer',
        "torch.nn.CrossEntropyLoss()\n    optimizer",
    ),
    Mistake(
        7,
        "sum",
        'reduction="sum" over 759 rows',
        "损失对 759 行求和",
        'torch.nn.BCELoss(reduction="mean")\n    optimizer',
        'torch.nn.BCELoss(reduction="sum")\n    optimizer',
    ),
    Mistake(
        7,
        "relu_output",
        "ReLU on the output, too",
        "输出层也用了 ReLU",
        "x = self.sigmoid(self.linear3(x))",
        "x = torch.relu(self.linear3(x))",
    ),
    Mistake(
        7,
        "target_shape",
        "labels (759,) beside predictions (759, 1)",
        "标签的形状是 (759,)，预测是 (759, 1)",
        "torch.from_numpy(xy[:, [-1]])",
        "torch.from_numpy(xy[:, -1])",
    ),
    Mistake(
        7,
        "double",
        "dtype=np.float32 forgotten",
        "忘记 dtype=np.float32",
        'xy = np.loadtxt(file, delimiter=",", dtype=np.float32)\n    x_data',
        'xy = np.loadtxt(file, delimiter=",")\n    x_data',
    ),
    # ------------------------------------------------------------------- Lecture 8
    Mistake(8, "none", "the script as it is", "原样的脚本"),
    Mistake(
        8,
        "not_shuffled",
        "not shuffled",
        "没有打乱",
        "shuffle=True,",
        "shuffle=False,",
    ),
    Mistake(
        8,
        "step_outside",
        "step() once an epoch (indentation)",
        "step() 缩进错了，每轮只更新一次",
        "            optimizer.step()  #",
        "        optimizer.step()  #",
    ),
    Mistake(
        8,
        "zero_grad",
        "zero_grad() forgotten",
        "忘记 zero_grad()",
        "optimizer.zero_grad()",
        "# optimizer.zero_grad()",
    ),
    Mistake(
        8,
        "len",
        "Dataset without __len__",
        "Dataset 没有实现 __len__",
        "def __len__(self):  # len(dataset)",
        "def len(self):  # len(dataset)",
    ),
    Mistake(
        8,
        "getitem",
        "__getitem__ returns x without y",
        "__getitem__ 只返回 x",
        "return self.x_data[index], self.y_data[index]\n\n    def __len__(self):  # len",
        "return self.x_data[index]\n\n    def __len__(self):  # len",
    ),
    # ------------------------------------------------------------------- Lecture 9
    Mistake(9, "none", "the script as it is", "原样的脚本"),
    Mistake(
        9,
        "zero_grad",
        "zero_grad() forgotten",
        "忘记 zero_grad()",
        "optimizer.zero_grad()",
        "# optimizer.zero_grad()",
    ),
    Mistake(
        9,
        "step",
        "step() forgotten",
        "忘记 step()",
        "optimizer.step()",
        "# optimizer.step()",
    ),
    Mistake(
        9,
        "backward",
        "backward() forgotten",
        "忘记 backward()",
        "loss.backward()",
        "# loss.backward()",
    ),
    Mistake(
        9,
        "other_model",
        "the optimizer has another network's weights",
        "优化器拿到的是另一个网络的参数",
        "torch.optim.SGD(model.parameters(),",
        "torch.optim.SGD(Net().parameters(),",
    ),
    Mistake(
        9,
        "rate_high",
        "learning rate 1",
        "学习率 1，太大",
        "lr=args.lr, momentum=0.5",
        "lr=1.0, momentum=0.5",
    ),
    Mistake(
        9,
        "rate_low",
        "learning rate 0.0001",
        "学习率 0.0001，太小",
        "lr=args.lr, momentum=0.5",
        "lr=0.0001, momentum=0.5",
    ),
    Mistake(
        9,
        "sum",
        'reduction="sum": gradients 64 times as large',
        "损失对批量求和，梯度变成 64 倍",
        "criterion = torch.nn.CrossEntropyLoss()",
        'criterion = torch.nn.CrossEntropyLoss(reduction="sum")',
    ),
    Mistake(
        9,
        "softmax",
        "softmax before CrossEntropyLoss",
        "CrossEntropyLoss 之前又加了 softmax",
        "return self.l5(x)",
        "return F.softmax(self.l5(x), dim=1)",
    ),
    Mistake(
        9,
        "softmax_dim",
        "softmax over the batch, dim=0",
        "softmax 的维度错了：dim=0 是批量",
        "return self.l5(x)",
        "return F.softmax(self.l5(x), dim=0)",
    ),
    Mistake(
        9,
        "relu_output",
        "ReLU on the output, too",
        "最后一层也加了 ReLU",
        "return self.l5(x)",
        "return F.relu(self.l5(x))",
    ),
    Mistake(
        9,
        "sigmoid",
        "sigmoid for ReLU",
        "隐藏层用 sigmoid，没有用 ReLU",
        "x = F.relu(self.",
        "x = torch.sigmoid(self.",
        times=4,
    ),
    Mistake(
        9,
        "no_activation",
        "no activation at all",
        "各层之间没有激活函数",
        "x = F.relu(self.",
        "x = (self.",
        times=4,
    ),
    Mistake(
        9,
        "not_normalised",
        "pixels 0 … 1, not normalised",
        "像素 0…1，没有 Normalize",
        "        images = (images - 0.1307) / 0.3081",
        "        # images = (images - 0.1307) / 0.3081",
    ),
    Mistake(
        9,
        "pixels_255",
        "pixels 0 … 255, not divided",
        "像素 0…255，没有除以 255",
        "        images = (images - 0.1307) / 0.3081",
        "        images = images * 255",
    ),
    Mistake(
        9,
        "normalised_training",
        "normalised in training only",
        "只在训练时 Normalize，测试时没有",
        "        images = (images - 0.1307) / 0.3081",
        "        if train: images = (images - 0.1307) / 0.3081",
    ),
    Mistake(
        9,
        "divided_testing",
        "trained on 0 … 255, tested on 0 … 1",
        "训练用 0…255，测试用 0…1",
        "        images = (images - 0.1307) / 0.3081",
        "        if train: images = images * 255",
    ),
    Mistake(
        9,
        "not_shuffled",
        "not shuffled",
        "训练集没有打乱",
        "shuffle=True)",
        "shuffle=False)",
    ),
    Mistake(
        9,
        "sorted",
        "sorted by class, not shuffled",
        "按类别排好序，又没有打乱",
        "DataLoader(train_set, batch_size=args.batch_size, shuffle=True)",
        "DataLoader(Subset(train_set, train_set.tensors[1].argsort(stable=True)), "
        "batch_size=args.batch_size)",
    ),
    Mistake(
        9,
        "wrong_labels",
        "labels that do not belong to the images",
        "图像和标签对不上",
        "TensorDataset(images, mnist.targets)",
        "TensorDataset(images[torch.randperm(len(images))], mnist.targets)",
    ),
    Mistake(
        9,
        "test_is_training",
        "tested on the training part",
        "用训练集做测试",
        "for is_train in (True, False):",
        "for is_train in (True, True):",
    ),
    Mistake(
        9,
        "no_eval",
        "no model.eval()",
        "测试时忘记 model.eval()",
        "    model.eval()  # test mode 测试模式\n    with torch.no_grad():  #",
        "    with torch.no_grad():  #",
    ),
    Mistake(
        9,
        "no_grad",
        "no torch.no_grad()",
        "测试时忘记 torch.no_grad()",
        "with torch.no_grad():  #",
        "if True:  #",
    ),
    Mistake(
        9,
        "scale",
        "loss printed / 2000, as in the video",
        "损失按视频除以 2000 打印",
        "loss: {running_loss / every:.3f}",
        "loss: {running_loss / 2000:.3f}",
    ),
    Mistake(
        9,
        "item",
        "running_loss += loss, without .item()",
        "累加损失时忘记 .item()",
        "running_loss += loss.item()",
        "running_loss += loss",
    ),
    Mistake(
        9,
        "labels_from_1",
        "labels from 1 to 10",
        "标签从 1 开始",
        "TensorDataset(images, mnist.targets)",
        "TensorDataset(images, mnist.targets + 1)",
    ),
    Mistake(
        9,
        "float_labels",
        "labels as float",
        "标签是浮点数",
        "TensorDataset(images, mnist.targets)",
        "TensorDataset(images, mnist.targets.float())",
    ),
    Mistake(
        9,
        "column_labels",
        "labels (N, 1) for (N,)",
        "标签的形状是 (N, 1)",
        "TensorDataset(images, mnist.targets)",
        "TensorDataset(images, mnist.targets.unsqueeze(1))",
    ),
    Mistake(
        9,
        "one_hot",
        "labels as one-hot integers",
        "标签是整数的独热向量",
        "loss = criterion(outputs, target)",
        "loss = criterion(outputs, F.one_hot(target, 10))",
    ),
    Mistake(
        9,
        "mse",
        "MSELoss for CrossEntropyLoss",
        "分类用了 MSELoss",
        "criterion = torch.nn.CrossEntropyLoss()",
        "criterion = torch.nn.MSELoss()",
    ),
    Mistake(
        9,
        "flatten",
        "images not flattened",
        "图像没有展平",
        "x = x.flatten(1)",
        "# x = x.flatten(1)",
    ),
    Mistake(
        9,
        "argmax",
        "argmax over the batch, dim=0",
        "argmax 的维度错了：dim=0 是批量",
        "outputs.argmax(dim=1)",
        "outputs.argmax(dim=0)",
    ),
    # ------------------------------------------------------------------ Lecture 10
    Mistake(10, "none", "the script as it is", "原样的脚本"),
    Mistake(
        10,
        "no_activation",
        "no ReLU after the convolutions",
        "卷积之后没有激活函数",
        """        x = F.relu(self.pooling(self.conv1(x)))  # -> (N, 10, 24, 24) -> (N, 10, 12, 12)
        x = F.relu(self.pooling(self.conv2(x)))  # -> (N, 20, 8, 8) -> (N, 20, 4, 4)
""",
        """        x = self.pooling(self.conv1(x))
        x = self.pooling(self.conv2(x))
""",
    ),
    Mistake(
        10,
        "rate_high",
        "learning rate 1",
        "学习率 1，太大",
        "lr=args.lr, momentum=0.5",
        "lr=1.0, momentum=0.5",
    ),
    Mistake(
        10,
        "linear_size",
        "size of the linear layer guessed",
        "线性层的输入个数算错",
        "torch.nn.Linear(320, 10)",
        "torch.nn.Linear(500, 10)",
    ),
    Mistake(
        10,
        "view",
        "the video's view, on channels_last",
        "channels_last 时用视频里的 view",
        "x = x.flatten(1)\n        return self.fc(x)",
        "x = x.view(x.size(0), -1)\n        return self.fc(x)",
    ),
    Mistake(
        10,
        "view_batch",
        "flattened to 64 rows, whatever the batch",
        "按 64 行展平，但一批不一定是 64 个",
        "x = x.flatten(1)\n        return self.fc(x)",
        "x = x.reshape(64, -1)\n        return self.fc(x)",
    ),
    Mistake(
        10,
        "channel",
        "images without the channel, (N, 28, 28)",
        "图像没有通道那一维",
        "images = mnist.data.unsqueeze(1) / 255",
        "images = mnist.data / 255",
    ),
    # ------------------------------------------------------------------ Lecture 11
    Mistake(
        11,
        "none",
        "GoogLeNet as it is",
        "原样的 GoogLeNet",
        options="--model googlenet",
    ),
    Mistake(
        11,
        "padding",
        "a branch without padding",
        "有一个分支忘记 padding",
        "nn.Conv2d(16, 24, kernel_size=5, padding=2)",
        "nn.Conv2d(16, 24, kernel_size=5)",
        "--model googlenet",
    ),
    Mistake(
        11,
        "channels",
        "the next layer wants 64 of 88 channels",
        "下一层的通道数写错",
        "nn.Conv2d(self.incep1.out_channels, 20, kernel_size=5)",
        "nn.Conv2d(64, 20, kernel_size=5)",
        "--model googlenet",
    ),
    Mistake(
        11,
        "cat_dim",
        "branches joined along the batch, dim=0",
        "拼接的维度错了：dim=0 是批量",
        "branch_pool], dim=1)",
        "branch_pool], dim=0)",
        "--model googlenet",
    ),
    Mistake(
        11,
        "none_resnet",
        "ResNet as it is",
        "原样的 ResNet",
        options="--model resnet",
    ),
    Mistake(
        11,
        "no_shortcut",
        "residual block without + x",
        "残差块忘记加 x",
        "return F.relu(x + y)  #",
        "return F.relu(y)  #",
        "--model resnet",
    ),
    Mistake(
        11,
        "activate_first",
        "activated first, then added",
        "先激活，再相加",
        "return F.relu(x + y)  #",
        "return x + F.relu(y)  #",
        "--model resnet",
    ),
    Mistake(
        11,
        "block_padding",
        "residual block without padding",
        "残差块忘记 padding",
        "self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)",
        "self.conv2 = nn.Conv2d(channels, channels, kernel_size=3)",
        "--model resnet",
    ),
    Mistake(
        11,
        "none_densenet",
        "DenseNet as it is",
        "原样的 DenseNet",
        options="--model densenet",
    ),
    Mistake(
        11,
        "no_eval",
        "no model.eval(), with batch normalisation",
        "有批归一化，测试时忘记 model.eval()",
        "    model.eval()  # test mode 测试模式\n    with torch.no_grad():  #",
        "    with torch.no_grad():  #",
        "--model densenet",
    ),
    Mistake(
        11,
        "no_train",
        "no model.train() after the first test",
        "测试之后忘记 model.train()",
        "    model.train()  # training mode 训练模式\n",
        "",
        "--model densenet",
    ),
    Mistake(
        11,
        "module_list",
        "layers in a list, not in a ModuleList",
        "各层放在普通列表里，没有用 ModuleList",
        "self.layers = nn.ModuleList()",
        "self.layers = []",
        "--model densenet",
    ),
    # ------------------------------------------------------------------ Lecture 12
    Mistake(
        12,
        "none",
        "RNNCell as it is",
        "原样的 RNNCell",
        options="--model rnncell",
    ),
    Mistake(
        12,
        "last_loss",
        "loss = for loss +=: the last letter only",
        "loss 没有累加，只剩最后一个字母",
        "loss += criterion(hidden, label)",
        "loss = criterion(hidden, label)",
        "--model rnncell",
    ),
    Mistake(
        12,
        "hidden_kept",
        "hidden state kept from epoch to epoch",
        "隐藏状态没有重新开始",
        "hidden = model.init_hidden()  #",
        "hidden = hidden if epoch else model.init_hidden()  #",
        "--model rnncell",
    ),
    Mistake(
        12,
        "hidden_forgotten",
        "hidden state zero at every letter",
        "每个字母都从零隐藏状态开始",
        "hidden = model(x, hidden)  #",
        "hidden = model(x, model.init_hidden())  #",
        "--model rnncell",
    ),
    Mistake(
        12,
        "lstm_cell",
        "LSTMCell for RNNCell",
        "RNNCell 直接换成 LSTMCell",
        "torch.nn.RNNCell(input_size, hidden_size)",
        "torch.nn.LSTMCell(input_size, hidden_size)",
        "--model rnncell",
    ),
    Mistake(12, "none_rnn", "RNN as it is", "原样的 RNN", options="--model rnn"),
    Mistake(
        12,
        "view",
        "output (5, 1, 4) not brought to (5, 4)",
        "输出没有变成二维",
        "return out.view(-1, self.hidden_size)",
        "return out",
        "--model rnn",
    ),
    Mistake(
        12,
        "none_embedding",
        "Embedding as it is",
        "原样的 Embedding",
        options="--model embedding",
    ),
    Mistake(
        12,
        "batch_first",
        "batch_first=True forgotten",
        "忘记 batch_first=True",
        "num_layers=2, batch_first=True)",
        "num_layers=2)",
        "--model embedding",
    ),
    Mistake(
        12,
        "tensor",
        "torch.Tensor (float) for torch.tensor",
        "torch.Tensor 把编号变成了浮点数",
        "inputs = torch.tensor([x_data])  # (batch, seq)\n    labels",
        "inputs = torch.Tensor([x_data])  # (batch, seq)\n    labels",
        "--model embedding",
    ),
    Mistake(
        12,
        "embedding_small",
        "Embedding(3, …) for 4 letters",
        "嵌入层比词表小",
        "torch.nn.Embedding(4, 10)",
        "torch.nn.Embedding(3, 10)",
        "--model embedding",
    ),
    # ------------------------------------------------------------------ Lecture 13
    Mistake(13, "none", "the script as it is", "原样的脚本"),
    Mistake(
        13,
        "labels_not_sorted",
        "names sorted by length, labels not",
        "名字排了序，标签没有跟着排",
        "torch.tensor(labels)[order]",
        "torch.tensor(labels)",
    ),
    Mistake(
        13,
        "not_packed",
        "padding not packed away",
        "没有打包，补的 0 也参加计算",
        "packed = pack_padded_sequence(x, lengths)",
        "packed = x",
    ),
    Mistake(
        13,
        "last_output",
        "last output for last hidden state",
        "取了最后一个输出，没有取最终隐藏状态",
        "_, hidden = self.rnn(packed)",
        "return self.fc(self.rnn(x)[0][-1])",
    ),
    Mistake(
        13,
        "rate_high",
        "learning rate 0.1",
        "学习率 0.1，太大",
        "torch.optim.Adam(model.parameters(), lr=args.lr)",
        "torch.optim.Adam(model.parameters(), lr=0.1)",
    ),
    Mistake(
        13,
        "zero_grad",
        "zero_grad() forgotten",
        "忘记 zero_grad()",
        "optimizer.zero_grad()",
        "# optimizer.zero_grad()",
    ),
    Mistake(
        13,
        "not_sorted",
        "lengths not sorted",
        "长度没有排序",
        "lengths, order = lengths.sort(descending=True, stable=True)",
        "order = torch.arange(len(lengths))",
    ),
    Mistake(
        13,
        "transpose",
        "batch first, where the GRU wants it second",
        "忘记转置，批量在第一维",
        "seqs = seqs.t()",
        "# seqs = seqs.t()",
    ),
    Mistake(
        13,
        "one_direction",
        "the two directions not joined",
        "两个方向没有拼接",
        "last = torch.cat([hidden[-1], hidden[-2]], dim=1)",
        "last = hidden[-1]",
    ),
    Mistake(
        13,
        "embedding_small",
        "an embedding of 57 letters",
        "嵌入层只有 57 个字符",
        "input_size = 128",
        "input_size = 57",
    ),
]


# ------------------------------------------------------------------ The changed copy
def script_of(mistake):
    """The path of the lecture's script."""
    (script,) = (s for s in SCRIPTS if int(s.name[7:9]) == mistake.lecture)
    return script


def changed(mistake):
    """The text of the script with the mistake in it."""
    text = script_of(mistake).read_text(encoding="utf-8")
    if not mistake.old:
        return text
    if text.count(mistake.old) != mistake.times:
        sys.exit(f"{mistake.name}: the script has not {mistake.old!r} as expected")
    return text.replace(mistake.old, mistake.new)


def load(mistake):
    """The changed text as a module that believes to be the script."""
    script = script_of(mistake)
    module = types.ModuleType(script.stem)
    module.__file__ = str(script)  # so that it finds its data
    program = compile(changed(mistake), script.name, "exec")
    exec(program, vars(module))  # noqa: S102 the project's own text
    return module


# ----------------------------------------------------------------------- Measuring
def measure(mistake):
    """Run the changed copy; its row for mistakes.csv, a dict."""
    torch.set_num_threads(1)
    lecture = LECTURES[mistake.lecture]
    tested = []  # the last network and the data that it was tested on
    raised = ""
    out = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("always")
        options = ["--epochs", str(lecture.epochs), *mistake.options.split()]
        options += ["--plot", str(Path(folder, "plot.png"))]
        try:
            module = load(mistake)
            watch(module, tested)
            module.main(options)
        except Exception as error:  # noqa: BLE001 that is what is measured
            raised = first_line(error)
    plt.close("all")
    text = out.getvalue()
    losses = re.findall(lecture.loss, text, re.MULTILINE)
    accuracies = []
    if lecture.accuracy:
        for found in re.finditer(lecture.accuracy, text, re.MULTILINE):
            accuracies.append(percent(*found.groups()))

    row = dict.fromkeys(HEAD, "")
    row["lecture"] = str(mistake.lecture)
    row["key"] = mistake.key
    row["options"] = mistake.options
    row["epochs"] = str(lecture.epochs)
    row["message"] = raised or warning_of(warned)
    trained = len(losses) >= lecture.epochs  # to the end
    if trained or not raised:
        row["losses"] = " ".join(losses[:: lecture.every])
        row["accuracies"] = " ".join(accuracies)
        row["loss"] = f"{float(losses[-1]) + 0:.4g}"  # + 0: no "-0"
        row["answers"] = answers(text, lecture, tested)
        if accuracies:
            row["accuracy"] = accuracies[-1]
    return row


def percent(right, number=None):
    """'97.48' of 9748 and 10000, or of 97.48 itself."""
    if number is None:
        return right
    return f"{100 * int(right) / int(number):.2f}"


def watch(module, tested):
    """Let the module's test() tell which network it was given, and which data."""
    if not hasattr(module, "test"):
        return
    test = module.test

    def watched(model, device, test_loader):
        tested[:] = [model, test_loader]
        return test(model, device, test_loader)

    module.test = watched


def first_line(error):
    """What stands in the last line of a traceback: 'ValueError: no such …'."""
    return traceback.format_exception_only(error)[-1].strip().split("\n")[0]


def warning_of(warned):
    """The first UserWarning as one line, or ''."""
    for warning in warned:
        if issubclass(warning.category, UserWarning):
            return "UserWarning: " + str(warning.message).strip().split("\n")[0]
    return ""


def answers(text, lecture, tested):
    """What the network answers: its last printed answer, or how often which class."""
    if lecture.answer:
        found = re.findall(lecture.answer, text, re.MULTILINE)
        if not found:
            return ""
        answer = found[-1]
        if "." in answer or "e" in answer and answer[0].isdigit():
            answer = f"{float(answer):.4g}"
        return answer
    if not tested:
        return ""
    model, test_loader = tested
    counts = 0
    with torch.no_grad():
        for *inputs, _ in test_loader:
            scores = model(*inputs)
            counts += scores.argmax(dim=1).bincount(minlength=scores.shape[1])
    share = 100 * counts.max().item() / counts.sum().item()
    never = (counts == 0).sum().item()
    return f"{counts.argmax().item()}: {share:.2f} %, {never} never"


# ------------------------------------------------------------------------ The rows
def read_rows():
    """The rows of mistakes.csv in the order of MISTAKES: {name: row}."""
    rows = {}
    if FILE.exists():
        with open(FILE, encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                rows[f"{row['lecture']}:{row['key']}"] = row
    return {m.name: rows[m.name] for m in MISTAKES if m.name in rows}


def write_row(row):
    """Append one row, with the head before the first."""
    new = not FILE.exists()
    with open(FILE, "a", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, HEAD, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def write_rows(rows):
    """Write the whole file anew, in the order of MISTAKES."""
    with open(FILE, "w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, HEAD, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


# --------------------------------------------------------------------- The picture
def right_one(mistake):
    """The unchanged script that a mistake is to be held beside."""
    for other in MISTAKES:
        if (
            not other.old
            and other[0] == mistake[0]
            and other.options == mistake.options
        ):
            return other
    return None


def curve(row, column):
    """The numbers of a curve; nan where there is none."""
    return [float(number) for number in row[column].split()]


def shown(row):
    """The column whose curve is drawn: the accuracies, if there is one an epoch."""
    if len(row["accuracies"].split()) > 3:
        return "accuracies"
    return "losses"


def draw(rows):
    """Small curves, one mistake each (orange), beside the right one (blue, dashed).

    Those that raise have no curve; those that change no number need none.
    """
    drawn = []
    for mistake in MISTAKES:
        if mistake.old and mistake.name in rows:
            column = shown(rows[right_one(mistake).name])
            numbers = rows[mistake.name][column]
            if numbers and numbers != rows[right_one(mistake).name][column]:
                drawn.append(mistake)
    columns = 6
    lines = -(-len(drawn) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(15, 2 * lines + 0.8), layout="constrained"
    )
    for axes in panels.flat[len(drawn) :]:
        axes.axis("off")
    for axes, mistake in zip(panels.flat, drawn):
        draw_one(axes, mistake, rows)
    figure.suptitle(
        "Classic mistakes: orange = with the mistake, blue dashed = the right script\n"
        "lectures 3 to 7, 11, 12: training loss; 8, 9, 10, 13: accuracy in %"
    )
    figure.savefig(PICTURE, dpi=80)
    plt.close(figure)


def draw_one(axes, mistake, rows):
    """One panel."""
    row = rows[mistake.name]
    right = rows[right_one(mistake).name]
    column = shown(right)
    if column == "accuracies":
        axes.set_ylim(0, 102)
    elif mistake.lecture <= 5:
        axes.set_yscale("log")
    axes.plot(curve(right, column), "--", color="C0", lw=2)
    axes.plot(curve(row, column), color="C1", lw=1.5)
    title = textwrap.fill(f"{mistake.lecture} · {mistake.title}", 30)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_xticks([])


# ------------------------------------------------------------------------ The page
BEGIN = "<!-- the table of python tests/mistakes.py -->"
END = "<!-- end of the table -->"


def table(rows):
    """All rows as a table for the page, in Markdown."""
    lines = [
        "| | 错误 Mistake | 改动 Change | 损失 Loss | 准确率 Accuracy | 回答 Answers |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    for mistake in MISTAKES:
        row = rows.get(mistake.name)
        if row is None:
            continue
        title = f"{mistake.chinese}<br>{mistake.title}"
        change = ""
        if mistake.old:
            change = f"{code(mistake.old)} → {code(mistake.new)}"
        accuracy = row["accuracy"]
        if accuracy:
            accuracy += " %"
        seen = row["answers"]
        if row["message"]:
            seen = code(row["message"])
        cells = [mistake.name, title, change, row["loss"], accuracy, seen]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def code(text):
    """Lines of code for a cell of a table."""
    lines = []
    for line in text.strip().split("\n"):
        line = line.strip().replace("|", "\\|")
        lines.append(f"`{line}`")
    return "<br>".join(lines)


def write_table(rows):
    """Put the table between its two marks on the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"
    PAGE.write_text(text, encoding="utf-8", newline="\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="lectures, or lecture:key")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    args = parser.parse_args()
    wanted = []
    for mistake in MISTAKES:
        if not args.names or {mistake.name, str(mistake.lecture)} & {*args.names}:
            wanted.append(mistake)
    if args.list or not wanted:
        for mistake in MISTAKES:
            print(f"{mistake.name:24} {mistake.title}")
        return
    try:
        for mistake in wanted:
            if not args.draw and mistake.name not in read_rows():
                row = measure(mistake)
                write_row(row)
                seen = [row[column] for column in HEAD[4:8]]
                print(mistake.name, *seen, sep=" | ", flush=True)
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept")
        return
    if args.names:
        return
    rows = read_rows()
    write_rows(rows)
    draw(rows)
    if PAGE.exists():
        write_table(rows)


if __name__ == "__main__":
    main()
