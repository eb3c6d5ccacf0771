"""Lecture 04 · Back propagation (第四讲 反向传播)

看到 main 结束就够了，那就是视频里的程序；后面是作业和画图。数据、学习率和 100 轮 SGD 与第三讲相同，但梯度不用再
自己推导：w 是张量，张量有 data 和 grad，默认不计算梯度（requires_grad=True 才会算）。前向计算时建立计算图，
算出损失以后，backward() 沿着图反向走，按链式法则求出损失对 w 的梯度，存在 w.grad 里。
作业 4-1 至 4-4：手算的梯度和 autograd 的结果并排打印；--model affine、--model quadratic。

Read as far as the end of main: that is the lecture. PyTorch finds the gradients itself.
A tensor holds data and grad, and asks for no gradient unless told. The forward pass
builds a computational graph; backward() walks it in reverse and leaves d loss / d w in
w.grad. In the lecture's picture each step stores its value and its local derivative;
PyTorch stores the tensors that it needs, and computes the derivatives on the way back.

    python lecture04_backprop.py                     # the video 视频: w x
    python lecture04_backprop.py --model affine      # exercise 作业 4-2: w x + b
    python lecture04_backprop.py --model quadratic   # 作业 4-3, 4-4: w1 x^2 + w2 x + b
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

# %% 1. Dataset 数据集 --------------------
x_data = [1.0, 2.0, 3.0]  # hours of study 学习时间
y_data = [2.0, 4.0, 6.0]  # points 分数


# %% 2. Model 模型 --------------------
def forward(x, w):
    """y_pred = w x; w is a tensor, so y_pred is one, too."""
    return x * w


# %% 3. Loss 损失函数 --------------------
def loss(x, y, w):
    """The squared error of one sample; calling this builds the graph 建立计算图."""
    y_pred = forward(x, w)
    r = y_pred - y  # the residual 残差
    return r**2


# %% The lecture 视频里的程序（看到 main 结束就够了） --------------------
def main(args):
    """The video's program; returns the trained w."""
    # without options lr is 0.01, epochs 100, model linear 不加选项就是视频里的值
    print_gradients(args.model)  # 作业 4-1（4-2 至 4-4 用 --model）：手算和 autograd
    if args.model != "linear":
        return exercise(args)
    two_surprises()  # 选学：梯度会累加；计算图只能反向走一次

    # 4. Training 训练：每个样本都前向、反向、更新一次
    # 默认不计算梯度，requires_grad=True 才会算
    w = torch.tensor([1.0], requires_grad=True)
    print("predict (before training)", 4, forward(4, w).item())
    gradients = []
    losses = []
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = loss(x, y, w)  # forward 前向：建立计算图，算出损失
            l.backward()  # backward 反向：梯度存进 w.grad，计算图随即释放
            print("\tgrad:", x, y, w.grad.item())
            gradients.append(w.grad.item())
            # update 更新权重；用 .data 只改数值，不会再建计算图
            w.data = w.data - args.lr * w.grad.data
            w.grad.data.zero_()  # 梯度清零，否则下一次会累加上去
        print("progress:", epoch, l.item())
        losses.append(l.item())  # .item() 取出数值；直接累加张量，计算图会越来越大
        if not l < 1e6:  # nan 也算：它和任何数比大小都是 False
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break

    # 5. Inference and plot 推理与画图
    y_test = forward(4, w).item()
    print("predict (after training)", 4, y_test)
    print_table("slides 4-22, 4-43", compare(gradients, losses, y_test), args)
    save_plot(draw(losses, args), "lecture04_backprop", args)
    return w


# %% More 选学：两个容易出错的地方 --------------------
def two_surprises():
    """Gradients add up until they are zeroed, and this graph serves only once."""
    w = torch.tensor([1.0], requires_grad=True)
    l = loss(1.0, 2.0, w)
    l.backward()
    print(f"w.grad after the first backward: {w.grad.item()}")
    l = loss(1.0, 2.0, w)
    l.backward()  # 没有清零，梯度加到了一起
    print(f"w.grad after the second, not zeroed: {w.grad.item()}")
    try:
        l.backward()  # 图里保存的张量已经释放，不能再反向走一次
    except RuntimeError as error:
        sentence = str(error).split(".")[0]
        print("backward again through the same graph raises (on purpose 故意演示):")
        print(f"    RuntimeError: {sentence}.")


# %% Exercises 4-1 to 4-4 作业：手算梯度，另外两个模型 --------------------
# Slides 4-34, 4-48 and 4-49 write the loss as (x w - y)^2 for these models, too, which
# have a b or an x^2: it is (y_pred - y)^2. 幻灯片 4-34、4-48、4-49 的损失写成了 (xw - y)²，
# 应为 (y_pred - y)²
def affine(x, w, b):
    """y_pred = w x + b, exercise 4-2."""
    return x * w + b


def quadratic(x, w1, w2, b):
    """y_pred = w1 x^2 + w2 x + b, exercises 4-3 and 4-4."""
    return w1 * x**2 + w2 * x + b


FORWARD = {"linear": forward, "affine": affine, "quadratic": quadratic}
START = {
    "linear": {"w": 1.0},
    "affine": {"w": 1.0, "b": 2.0},
    "quadratic": {"w1": 1.0, "w2": 1.0, "b": 1.0},
}
# What slide 4-32 shows, and our answers to "= ?": (model, x, weight).
EXPECTED = {
    ("linear", 1.0, "w"): "-2.0 slide 4-32",
    ("linear", 2.0, "w"): "-8.0 (computed, exercise 4-1)",
    ("affine", 1.0, "w"): "2.0 (computed, exercise 4-2)",
    ("affine", 1.0, "b"): "2.0 (computed, exercise 4-2)",
}


def by_hand(r, x):
    """The gradient of each weight, from the residual r = y_pred - y.

    loss = r^2, so the chain rule says d loss / d w = 2r * d r / d w: 2r is the same for
    all. 链式法则：2r 对每个权重都一样，再乘以残差对这个权重的局部导数（x、1、x^2、x）。
    """
    return {"w": 2 * r * x, "b": 2 * r, "w1": 2 * r * x**2, "w2": 2 * r * x}


def start_weights(model):
    """The weights of a model, {name: tensor}, each told to collect its gradient."""
    weights = {}
    for name, value in START[model].items():
        weights[name] = torch.tensor(value, requires_grad=True)
    return weights


def print_gradients(model):
    """The chain rule by hand beside autograd, at the weights' start."""
    values = ", ".join(f"{name} = {value:g}" for name, value in START[model].items())
    print(f"Gradients of the {model} model at {values}")
    print(f"{'':32} | {'by hand':>10} | {'autograd':>10} | expected")
    for x, y in zip(x_data, y_data):
        weights = start_weights(model)
        # **weights 按名字传参数: affine(x, **weights) is affine(x, w=…, b=…)
        r = FORWARD[model](x, **weights) - y
        l = r**2
        l.backward()
        hand = by_hand(r.item(), x)
        for name, weight in weights.items():
            sample = f"x = {x:g}, y = {y:g}: d loss / d {name}"
            numbers = f"{hand[name]:10.4f} | {weight.grad.item():10.4f}"
            print(f"{sample:32} | {numbers} | {EXPECTED.get((model, x, name), ' ')}")


def exercise(args):
    """The lecture's training with two or three weights; returns them by name."""
    predict = FORWARD[args.model]
    weights = start_weights(args.model)
    losses = []
    print("predict (before training)", 4, predict(4, **weights).item())
    for epoch in range(args.epochs):
        for x, y in zip(x_data, y_data):
            l = (predict(x, **weights) - y) ** 2
            l.backward()
            gradients = [weight.grad.item() for weight in weights.values()]
            print("\tgrad:", x, y, *gradients)
            for weight in weights.values():  # 每个权重都更新，都清零
                weight.data = weight.data - args.lr * weight.grad.data
                weight.grad.data.zero_()
        print("progress:", epoch, l.item())
        losses.append(l.item())
        if not l < 1e6:
            print("diverged: try a smaller --lr 训练发散，请把 --lr 调小")
            break
    print("predict (after training)", 4, predict(4, **weights).item())
    save_plot(draw(losses, args), f"lecture04_backprop_{args.model}", args)
    return weights


# %% Beside the video 与视频对照（可以不看） --------------------
# Slide 4-43, all digits; its printout breaks off in epoch 6.
# fmt: off
VIDEO_GRADIENTS = [  # three an epoch
    -2.0, -7.840000152587891, -16.228801727294922,
    -1.478623867034912, -5.796205520629883, -11.998146057128906,
    -1.0931644439697266, -4.285204887390137, -8.870372772216797,
    -0.8081896305084229, -3.1681032180786133, -6.557973861694336,
    -0.5975041389465332, -2.3422164916992188, -4.848389625549316,
    -0.4417421817779541, -1.7316293716430664, -3.58447265625,
    -0.3265852928161621, -1.2802143096923828, -2.650045394897461,
]
VIDEO_PROGRESS = [  # the loss of the last sample, epochs 0 to 5
    7.315943717956543, 3.9987640380859375, 2.1856532096862793,
    1.1946394443511963, 0.6529689431190491, 0.35690122842788696,
]
# fmt: on


def compare(gradients, losses, y_test):
    """Table rows: slide 4-22, the gradients and losses of 4-43, the prediction."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    z = x * w
    z.backward(torch.tensor(5.0))  # dL/dz, which comes from above
    rows = [("4-22: dL/dx, dL/dw", f"{x.grad}, {w.grad}", "15.0, 10.0")]
    for i in range(3):
        name = f"first gradient at x = {x_data[i]:g}"
        rows.append((name, gradients[i], VIDEO_GRADIENTS[i]))
    for epoch, video in enumerate(VIDEO_PROGRESS[: len(losses)]):
        rows.append((f"progress: {epoch}", losses[epoch], video))
    equal = count_equal(gradients, VIDEO_GRADIENTS)
    rows.append(("grads equal to the last digit", equal, "21 shown"))
    equal = count_equal(losses, VIDEO_PROGRESS)
    rows.append(("losses equal to the last digit", equal, "6 shown"))
    # On no slide: it is what the slide's code gives after 100 epochs.
    rows.append(("prediction for x = 4", y_test, "7.999998569488525 (computed)"))
    return rows


def count_equal(ours, video):
    """How many of the numbers that both have are equal to the last digit."""
    both = min(len(ours), len(video))
    equal = 0
    for i in range(both):
        if ours[i] == video[i]:
            equal += 1
    return f"{equal} of {both}"


def draw(losses, args):
    """The graph of slide 4-32 above, the losses of this run below."""
    figure, (top, axes) = plt.subplots(
        2, 1, figsize=(8, 6), height_ratios=[1, 2], layout="constrained"
    )
    draw_graph(top)
    axes.plot(losses, ".-", ms=3, label=f"this run: {args.model}")
    if args.model == "linear" and not args.dry_run:
        axes.plot(VIDEO_PROGRESS[: args.epochs], "ko", ms=4, label="video")
    # 直线到了 1e-12 就变平：每步太小，float32 已经表示不出来
    axes.set(xlabel="Epoch", ylabel="Loss of the last sample (x = 3)", yscale="log")
    axes.set_title("Lecture 04 · Training")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def draw_graph(axes):
    """The graph of slide 4-32: values, local derivatives, and gradients flowing back."""
    x = torch.tensor(1.0)
    y = torch.tensor(2.0)
    w = torch.tensor(1.0, requires_grad=True)
    y_pred = x * w
    r = y_pred - y
    l = r**2
    y_pred.retain_grad()  # or only w keeps its gradient
    r.retain_grad()
    l.backward()
    nodes = {
        "w": w,
        "y_pred = w x": y_pred,
        "residual r = y_pred - y": r,
        "loss = r²": l,
    }
    for place, (name, value) in enumerate(nodes.items()):
        box = {"boxstyle": "circle,pad=1", "facecolor": "white"}
        axes.text(place, 0, f"{value:g}", bbox=box, ha="center", va="center")
        axes.text(place, 0.6, name, ha="center")
    # An edge: the node that it leaves, and the local derivative.
    edges = [(w, f"x = {x:g}"), (y_pred, "1"), (r, f"2r = {2 * r:g}")]
    for place, (node, derivative) in enumerate(edges):
        arrow = {"arrowstyle": "-|>", "color": "grey"}
        axes.annotate("", (place + 0.8, 0), (place + 0.2, 0), arrowprops=arrow)
        axes.text(place + 0.5, 0.15, derivative, color="#0072B2", ha="center")
        axes.text(place + 0.5, -0.4, f"← {node.grad:g}", color="#D55E00", ha="center")
    axes.set(xlim=(-0.3, 3.3), ylim=(-0.8, 0.8))
    axes.axis("off")
    axes.set_title(
        "Lecture 04 · The graph of slide 4-32, x = 1, y = 2\n"
        "blue: local derivative, orange ←: gradient that flows back"
    )


# %% Command line 命令行选项（可以不看） --------------------
def parse_args(argv=None):
    """The options of the command line; a wrong one ends in one line and status 2."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options], see --help",
    )
    add = parser.add_argument
    add("--epochs", type=int, default=100, help="training epochs 训练轮数, default 100")
    add("--lr", type=float, default=0.01, help="learning rate 学习率, default 0.01")
    models = "model of exercises 4-2 to 4-4 作业里的模型, default linear"
    add("--model", choices=FORWARD, default="linear", help=models)
    plot = "picture 图片, default plots/lecture04_backprop.png"
    add("--plot", type=Path, metavar="FILE", help=plot)
    add("--show", action="store_true", help="open a window, too 打开图片窗口")
    add("--dry-run", action="store_true", help="only a try 只试跑几秒钟，结果不作数")
    if argv is None and sys.argv[-1].endswith(".json"):
        argv = []  # run as a cell: the kernel's own argument 在 notebook 里没有选项
    args = parser.parse_args(argv)
    if min(args.epochs, args.lr) <= 0:
        parser.error("--epochs and --lr must be above 0 必须大于 0")
    if args.dry_run:
        args.epochs = 2
        print("dry run: it only shows that the script works 试运行，结果不作数")
    if not args.show and "IPython" not in sys.modules:
        plt.switch_backend("agg")  # no window is needed 不开窗口
    return args


def print_table(slide, rows, args):
    """Print rows (name, this run, video); a dry run stands beside no video."""
    print(f"\n{'':32} | {'this run':>24} | video ({slide})")
    for name, ours, video in rows:
        if args.dry_run:
            video = "(dry run)"
        print(f"{name:32} | {ours:>24} | {video}")


def save_plot(figure, name, args):
    """Write the picture to plots/name.png, or to --plot; --show opens a window, too."""
    if args.dry_run:
        name = "dry_run"
    file = args.plot or Path("plots", f"{name}.png")
    try:
        if file.suffix == "":
            file = file.with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)
    except (OSError, ValueError) as error:  # not allowed, disk full, no picture's name
        sys.exit(f"cannot write the picture {file.as_posix()}: {error} 图片无法保存")
    print("plot saved to", file.as_posix(), "(--show opens a window)")
    if args.show:
        plt.show()


# %% Run 运行：从这里开始训练 --------------------
if __name__ == "__main__":
    model = main(parse_args())
