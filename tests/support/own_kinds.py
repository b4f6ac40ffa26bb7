"""Classes of models of every kind that PyTorch has, as their users write them: tiny, each a module's source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TRAIN = ("--no-ui", "--data", "images", "--model", "kind:Net", "--batch-size", "4", "--threads", "1", "--device", "cpu")
"""A training by the program of a class that was `written`; add the epochs."""
LONGEST_REFUSAL = 300
"""Letters of a refusal."""
HEAD = """
import random
import threading
from collections import namedtuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
"""
LAYERS = f"""{HEAD}
class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.2))
        self.out = nn.Sequential(nn.MaxPool2d(5), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4 * 6 * 6, num_classes))

    def forward(self, images):
        return self.out(self.features(images))
"""
"""Every kind of layer that the models of ours have."""
SMALL = "F.avg_pool2d(images, 8).flatten(1)"
"""48 numbers an image."""
OUT = "self.out = nn.Linear(48, num_classes)"


def acting_model(cwd: Path) -> str:
    """A class whose module makes the file `acted` when it is imported."""
    return f"open({str(cwd / 'acted')!r}, 'w').close()\n{LAYERS}"


def write_model(folder: Path, code: str) -> dict[str, Any]:
    """Options that name the class `Net` of this code."""
    (folder / "kind.py").write_text(code)
    return {"model": "kind:Net", "model_dir": str(folder)}


def net(init: str = OUT, forward: str = f"self.out({SMALL})", *, before: str = "", methods: str = "") -> str:
    """A class `Net` whose forward is an expression, or statements of which the last returns."""
    if "return " not in forward and "raise " not in forward:
        forward = f"return {forward}"
    body = "\n".join(f"        {line}" for line in init.splitlines())
    computed = "\n".join(f"        {line}" for line in forward.splitlines())
    more = "\n".join(f"    {line}" for line in methods.splitlines())
    return f"""{HEAD}
{before}

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
{body}

    def forward(self, images):
{computed}

{more}
"""


def buffer(value: str, forward: str = f"self.out({SMALL})", more: str = "") -> str:
    return net(f"{OUT}\nself.register_buffer('kept', {value}{more})", forward)


def in_training(change: str) -> str:
    return net(forward=f"x = {SMALL}\nif self.training:\n    x = {change}\nreturn self.out(x)")


def normalised(layer: str) -> str:
    return net(f"self.out = {layer}(nn.Linear(48, num_classes))")


STATE = """
def state_dict(self, *args, **kwargs):
    return {%s}
def load_state_dict(self, state, strict=True):
    return super().load_state_dict({%s}, strict=False)
"""

TRAINED = {
    "weight normalisation by the old hook": normalised("nn.utils.weight_norm"),
    "spectral normalisation by the old hook": normalised("nn.utils.spectral_norm"),
    "pruning, a hook likewise": net(f"{OUT}\nprune.l1_unstructured(self.out, 'weight', 0.3)"),
    "weight normalisation by parametrisation": normalised("parametrizations.weight_norm"),
    "spectral normalisation by parametrisation": normalised("parametrizations.spectral_norm"),
    "a parametrisation of one's own": net(
        f"{OUT}\nparametrize.register_parametrization(self.out, 'weight', Tanh())",
        before="class Tanh(nn.Module):\n    def forward(self, weight):\n        return weight.tanh()",
    ),
    "a part that is scripted": net(
        f"self.part = torch.jit.script(nn.Sequential(nn.Linear(48, 48), nn.BatchNorm1d(48), nn.Dropout(0.1)))\n{OUT}",
        f"self.out(self.part({SMALL}))",
    ),
    "a part that is traced": net(
        f"self.part = torch.jit.trace(nn.Linear(48, 48), torch.zeros(2, 48))\n{OUT}", f"self.out(self.part({SMALL}))"
    ),
    "complex parameters": net(
        f"{OUT}\nself.phase = nn.Parameter(torch.ones(48, dtype=torch.complex64))",
        f"self.out(({SMALL} * self.phase).abs())",
    ),
    "float64": net(f"{OUT}\nself.double()", f"self.out({SMALL}.double())"),
    "bfloat16": net(f"{OUT}\nself.bfloat16()", f"self.out({SMALL}.bfloat16())"),
    "whole numbers as a parameter": net(
        f"{OUT}\nself.order = nn.Parameter(torch.arange(48), requires_grad=False)", f"self.out({SMALL}[:, self.order])"
    ),
    "a sparse buffer that is not kept": buffer(
        "torch.eye(48).to_sparse()", f"self.out(torch.sparse.mm(self.kept, {SMALL}.T).T)", ", persistent=False"
    ),
    "weights that two layers share": net(
        f"self.a = nn.Linear(48, 48)\nself.b = nn.Linear(48, 48)\nself.b.weight = self.a.weight\n{OUT}",
        f"self.out(self.b(self.a({SMALL}).relu()))",
    ),
    "a module in two places": net(f"self.a = nn.Linear(48, 48)\nself.b = self.a\n{OUT}", f"self.out(self.b({SMALL}))"),
    "lazy layers": net(
        "self.norm = nn.LazyBatchNorm2d(affine=False)\nself.out = nn.LazyLinear(num_classes)",
        "self.out(F.avg_pool2d(self.norm(images), 8).flatten(1))",
    ),
    "a part that is compiled": net(
        f"self.part = torch.compile(nn.Sequential(torch.compile(nn.Linear(48, 48)), nn.Dropout(0.1)))\n{OUT}",
        f"self.out(self.part({SMALL}))",
    ),
    "a model that is compiled": net(
        methods="def __new__(cls, num_classes):\n    made = super().__new__(cls)\n    made.__init__(num_classes)\n"
        "    return torch.compile(made)"
    ),
    "a forward that is compiled": net().replace("    def forward", "    @torch.compile\n    def forward"),
    "compiled in place": net(f"{OUT}\nself.compile()"),
    "parts that are called as those of torch.compile are": net(
        "self._orig_mod = nn.Sequential(nn.Linear(48, num_classes))\nself.the_orig_mod = nn.Linear(48, 48)\n"
        "self.scale = nn.Parameter(torch.ones(48))",
        f"self._orig_mod(self.the_orig_mod({SMALL}) * self.scale) * 3",
    ),
    "data parallel": net(f"self.part = nn.DataParallel(nn.Linear(48, 48))\n{OUT}", f"self.out(self.part({SMALL}))"),
    "activations that are kept": net(forward=f"self.seen = self.out({SMALL})\nreturn self.seen"),
    "what cannot be copied": net(f"{OUT}\nself.lock = threading.Lock()"),
    "images that are changed": net(forward="self.out(F.avg_pool2d(images.mul_(2).add_(1), 8).flatten(1))"),
    "numpy's draws": in_training("x * float(np.random.rand())"),
    "Python's draws": in_training("x * random.random()"),
    "draws from a generator of its own": net(
        f"{OUT}\nself.draws = np.random.default_rng()\nself.torchs = torch.Generator()",
        f"x = {SMALL}\nif self.training:\n    x = x * self.draws.random() + torch.rand(48, generator=self.torchs)\n"
        "return self.out(x)",
    ),
    "draws from numpy's older generators": net(
        f"{OUT}\nself.draws = np.random.RandomState(3)\nself.others = [np.random.RandomState(np.random.PCG64(3))]",
        f"x = {SMALL}\nif self.training:\n    x = x * (self.draws.rand() + float(self.others[0].standard_normal()))\n"
        "return self.out(x)",
    ),
    "draws from generators of the class": net(
        forward=f"x = {SMALL}\nif self.training:\n    x = x * (self.draws.random() + self.more['a'].random())\n"
        "return self.out(x)",
        methods="draws = random.Random(3)\nmore = {'a': np.random.default_rng(3)}",
    ),
    "draws in evaluation": net(forward=f"self.out(F.dropout({SMALL}, 0.3))"),
    "numpy's draws in the constructor": buffer(
        "torch.from_numpy(np.random.rand(48)).float()", f"self.out({SMALL} * self.kept)", ", persistent=False"
    ),
    "another default dtype": net(before="torch.set_default_dtype(torch.float64)"),
    "gradients off when imported": net(before="torch.set_grad_enabled(False)"),
    "gradients off when made": net(f"{OUT}\ntorch.set_grad_enabled(False)"),
    "names of its own in its state": net(
        methods=STATE % ("'my.' + n: v for n, v in super().state_dict().items()", "n[3:]: v for n, v in state.items()")
    ),
    "a tensor as extra state": net(
        methods="def get_extra_state(self):\n    return torch.tensor([1])\ndef set_extra_state(self, state):\n    pass"
    ),
    "train that returns nothing": net(
        methods="def train(self, mode=True):\n    super().train(mode)\ndef eval(self):\n    super().eval()"
    ),
    "gradients in evaluation": net(
        forward=f"with torch.enable_grad():\n    x = {SMALL}.requires_grad_()\n"
        "    found, = torch.autograd.grad(self.out(x).sum(), x, retain_graph=True)\nreturn self.out(x - found)"
    ),
    "gradients left on in forward": net(forward=f"torch.set_grad_enabled(True)\nreturn self.out({SMALL})"),
    "gradients left off in evaluation": net(forward=f"torch.set_grad_enabled(self.training)\nreturn self.out({SMALL})"),
    "logits with gradients in evaluation": net(forward=f"with torch.enable_grad():\n    return self.out({SMALL})"),
}
"""Kinds that are trained."""

WARNED = {
    "a counter of training": (
        net(
            f"{OUT}\nself.steps = 0",
            f"x = {SMALL}\nif self.training:\n    self.steps += 1\n    x = x / self.steps\nreturn self.out(x)",
        ),
        "its state_dict, loaded into a new model, gives other logits in training",
    ),
    "a generator within another object": (
        net(
            f"{OUT}\nself.noise = Noise()",
            f"x = {SMALL}\nif self.training:\n    x = x * self.noise.numbers.random()\nreturn self.out(x)",
            before="class Noise:\n    def __init__(self):\n        self.numbers = random.Random(3)",
        ),
        "its state_dict, loaded into a new model, gives other logits in training",
    ),
    "a generator of the file": (
        in_training("x * numbers.random()").replace("class Net", "numbers = random.Random(3)\n\nclass Net"),
        "its logits in training differ each time: it depends on what is outside the module",
    ),
    "the system's generator": (
        in_training("x * numbers.random()").replace("class Net", "numbers = random.SystemRandom()\n\nclass Net"),
        "its logits in training differ each time: it depends on what is outside the module",
    ),
}
"""Kinds that are trained, but whose resumed runs are not bit for bit the same, and what the note has to say."""

REFUSED = {
    "a sparse buffer": (buffer("torch.eye(3).to_sparse()"), "is sparse (torch.sparse_coo), which checkpoints do not"),
    "a sparse buffer of rows": (buffer("torch.eye(3).to_sparse_csr()"), "is sparse (torch.sparse_csr), which"),
    "a sparse parameter": (
        net(f"{OUT}\nself.mix = nn.Parameter(torch.eye(48).to_sparse())"),
        "is sparse (torch.sparse_coo), which checkpoints do not keep; make it a dense tensor",
    ),
    "a nested buffer": (buffer("torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])"), "is nested, which"),
    "a quantised buffer": (
        buffer("torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.quint8)"),
        "is quantised (torch.quint8), which checkpoints do not keep",
    ),
    "a quantised part": (
        net(f"self.part = torch.ao.nn.quantized.dynamic.Linear(48, 48)\n{OUT}"),
        "of its state is a dtype, and checkpoints keep tensors alone",
    ),
    "float8": (buffer("torch.ones(4).to(torch.float8_e4m3fn)"), "is of torch.float8_e4m3fn, which checkpoints do not"),
    "complex128": (buffer("torch.ones(4, dtype=torch.complex128)"), "is of torch.complex128, which checkpoints do not"),
    "a tensor's subclass": (
        net(
            f"{OUT}\nself.out.weight = nn.Parameter(self.out.weight.detach().as_subclass(Mine))",
            before="class Mine(torch.Tensor):\n    pass",
        ),
        "is a Mine, a class of tensors of its own, which checkpoints do not keep",
    ),
    "extra state": (
        net(methods="def get_extra_state(self):\n    return {1: 2}\ndef set_extra_state(self, state):\n    pass"),
        "'_extra_state' of its state is a dict, and checkpoints keep tensors alone",
    ),
    "the meta device": (net("self.out = nn.Linear(48, num_classes, device='meta')"), "is on the meta device"),
    "the meta device as a default": (net(f"torch.set_default_device('meta')\n{OUT}"), "is on the meta device"),
    "a lazy layer that is not used": (net(f"self.other = nn.LazyLinear(3)\n{OUT}"), "has no size: its lazy layer"),
    "a parameter of NaN": (
        net(f"{OUT}\nself.out.bias.data.fill_(torch.nan)"),
        "is infinite or NaN from the beginning, which counts as divergence; give it finite values",
    ),
    "a sparse gradient": (
        net(
            "self.words = nn.Embedding(2, 4, sparse=True)\nself.out = nn.Linear(192, num_classes)",
            f"self.out(self.words(({SMALL} > 0).long()).flatten(1))",
        ),
        "the gradient of 'words.weight' is sparse, which AdamW does not take; leave out sparse=True",
    ),
    "all frozen": (net(f"{OUT}\nself.requires_grad_(False)"), "it has no parameters that can be trained"),
    "gradients off in forward": (
        net(forward=f"torch.set_grad_enabled(False)\nreturn self.out({SMALL})"),
        "its forward leaves torch's gradients off",
    ),
    "another default dtype in forward": (
        net(forward=f"torch.set_default_dtype(torch.float64)\nreturn self.out({SMALL})"),
        "its forward changes torch's default dtype",
    ),
    "an empty state": (net(methods=STATE % ("", "")), "its state_dict is empty; have state_dict and load_state_dict"),
    "a state that loses weights": (
        net(methods=STATE % ("'out.bias': self.out.bias", "**state")),
        "'out.weight' is not in its state_dict, or not loaded from it",
    ),
    "a state that grows": (
        net(
            f"{OUT}\nself.register_buffer('bank', torch.zeros(1))",
            f"x = {SMALL}\nif self.training:\n    self.bank = torch.cat([self.bank, x[:, 0].detach()])\n"
            "return self.out(x)",
        ),
        "its state_dict cannot be loaded again: RuntimeError: Error(s) in loading state_dict for Net: size mismatch",
    ),
    "a buffer of one number for many": (buffer("torch.ones(1).expand(9)"), "its state_dict cannot be loaded again"),
    "state beside the state": (
        net(f"{OUT}\nself.mean = 0.0", f"x = {SMALL}\nself.mean += x.mean().item()\nreturn self.out(x + self.mean)"),
        "its state_dict, loaded into a new model, gives other logits in evaluation",
    ),
    "draws in evaluation from outside the module": (
        net(forward=f"self.out({SMALL} * random_numbers.random())", before="random_numbers = random.Random(3)"),
        "its logits in evaluation differ each time: it depends on what is outside the module",
    ),
    "a moving buffer that is not kept": (
        net(
            f"{OUT}\nself.register_buffer('mean', torch.zeros(48), persistent=False)",
            f"x = {SMALL}\nif self.training:\n    self.mean += x.mean(0).detach()\nreturn self.out(x - self.mean)",
        ),
        "its state_dict, loaded into a new model, gives other logits in evaluation",
    ),
    "a state of one batch's size": (
        net(
            "self.rnn = nn.GRU(48, 8)\nself.out = nn.Linear(8, num_classes)\nself.state = None",
            f"found, state = self.rnn({SMALL}[None], self.state)\nself.state = state.detach()\n"
            "return self.out(found[0])",
        ),
        "with 3 random images in evaluation it failed: RuntimeError: Expected hidden size",
    ),
    "one image alone": (net(forward=f"self.out({SMALL}).squeeze()"), "for 1 image in evaluation, not of (3,)"),
    "outputs of training": (
        net(
            forward=f"x = self.out({SMALL})\nreturn Outputs(x, x) if self.training else x",
            before="Outputs = namedtuple('Outputs', 'logits aux')",
        ),
        "for 2 images, not a Outputs; have its forward return the logits alone",
    ),
    "an error in training": (
        net(forward=f"if self.training:\n    raise ValueError('no')\nreturn self.out({SMALL})"),
        "with 2 random images it failed: ValueError: no",
    ),
    "sparse logits": (net(forward=f"self.out({SMALL}).to_sparse()"), "for 2 images, not of torch.sparse_coo"),
    "inference mode inside": (
        net(
            f"self.part = nn.Linear(48, 48)\n{OUT}",
            f"with torch.inference_mode():\n    x = self.part({SMALL})\nreturn self.out(x)",
        ),
        "it failed: RuntimeError: Inference tensors cannot be saved for backward.",
    ),
    "an error in a script": (
        net(
            f"self.part = torch.jit.script(nn.Linear(5, 48))\n{OUT}",
            f"self.out(self.part({SMALL}))",
        ),
        "with 2 random images it failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x48 and 5x48)",
    ),
    "an error of thousands of lines": (
        net(forward="raise RuntimeError('\\n'.join(['so long a line'] * 5000))"),
        "with 2 random images it failed: RuntimeError: so long a line (kind.py, line ",
    ),
    "an error of thousands of letters": (net(forward="raise ValueError('long ' * 5000)"), "ValueError: long long"),
    "an exit": (net(forward="raise SystemExit(3)"), "with 2 random images it failed: SystemExit: 3"),
    "something else": (
        net(methods="def __new__(cls, num_classes):\n    return 3"),
        "Net(num_classes=3) made a int",
    ),
    "weights of another type": (
        net(f"{OUT}\nself.double()"),
        "(kind.py, line 21); images are torch.float32, its parameters torch.float64",
    ),
    "more arguments": (
        net().replace("(self, num_classes)", "(self, width, num_classes)"),
        "missing 1 required positional argument: 'width'",
    ),
}
"""Kinds that are refused, and what the line has to say."""

BEGUN = ("state beside the state", "a moving buffer that is not kept", "draws in evaluation from outside the module")
"""Kinds that are refused in a new run, and with a warning resumed; they are those of `net()` in a checkpoint."""
BEGUN_ALL = (*BEGUN, "one image alone")
"""And those that are resumed without one."""
PREDICTED = ("gradients off in forward", "outputs of training", "all frozen", "an error in training")
"""And those that can be trained no more, but predict."""
