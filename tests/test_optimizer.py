"""The fused AdamW: torch's own steps, and torch's compiler left alone."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy

import torch
from torch import nn

from cifar_tui.training.optimizer import FusedAdamW

ONE_OF_EACH = """
import sys, torch
from torch.optim.lr_scheduler import OneCycleLR
from cifar_tui.training.optimizer import FusedAdamW
model = torch.nn.Linear(2, 2)
optimizer = FusedAdamW(model.parameters(), lr=0.1, fused=True)
schedule = OneCycleLR(optimizer, 0.1, total_steps=3)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
schedule.step()
optimizer.zero_grad(set_to_none=True)
optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""


def trained(kind: type[torch.optim.AdamW], steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(40, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Linear(30, 5))
    optimizer = kind(model.parameters(), lr=0.01, weight_decay=0.05, fused=True)
    learn(model, optimizer, steps)
    return model, optimizer


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(16, 40, generator=generator)).square().mean().backward()
        optimizer.step()


def test_its_steps_are_torchs_bit_for_bit() -> None:
    (ours, _), (torchs, _) = trained(FusedAdamW, 12), trained(torch.optim.AdamW, 12)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), torchs.parameters(), strict=True))


def test_it_goes_on_from_torchs_state() -> None:
    ours, optimizer = trained(FusedAdamW, 0)
    torchs, their_optimizer = trained(torch.optim.AdamW, 5)
    ours.load_state_dict(torchs.state_dict())
    optimizer.load_state_dict(deepcopy(their_optimizer.state_dict()))
    learn(ours, optimizer, 5)
    learn(torchs, their_optimizer, 5)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), torchs.parameters(), strict=True))


def test_torchs_compiler_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", ONE_OF_EACH], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
