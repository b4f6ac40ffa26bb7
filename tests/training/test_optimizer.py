"""What changes the weights: torch's own steps without torch's compiler, Muon, and the rates of both."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cifar_tui.config import TrainingConfig
from cifar_tui.planned_lr import triangular
from cifar_tui.recipes import FAST_CONVOLUTIONAL, FAST_FULLY_CONNECTED, PROTOCOL, Recipe
from cifar_tui.training.lr_scheduler import SchedulerLike, build_scheduler
from cifar_tui.training.optimizer import (
    AdamWAndMuon,
    FilterMuon,
    FusedAdamW,
    OptimizerLike,
    build_optimizer,
    orthogonal,
)

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
        model.zero_grad()
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


def convolutional(layout: torch.memory_format = torch.contiguous_format) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4 * 4 * 4, 3)
    )
    return model.to(memory_format=layout)


def build(
    model: nn.Module, config: TrainingConfig, recipe: Recipe, total_steps: int
) -> tuple[OptimizerLike, SchedulerLike]:
    optimizer = build_optimizer(model, config, recipe)
    return optimizer, build_scheduler(optimizer, config, recipe, total_steps)


def fit(model: nn.Module, optimizer: OptimizerLike, rates: SchedulerLike, steps: range) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        images, labels = torch.randn(16, 3, 8, 8, generator=generator), torch.arange(16) % 3
        model.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        rates.step()


@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 999), scale=st.sampled_from([1e-3, 1e3])
)
def test_a_step_of_muon_has_singular_values_near_one(rows: int, columns: int, seed: int, scale: float) -> None:
    # A square matrix of noise may have a singular value near 0, which five iterations do not bring up; not this one.
    noise = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.1
    values = torch.linalg.svdvals(orthogonal((noise + torch.eye(rows, columns)) * scale))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_muon_trains_the_filters_and_adamw_the_rest() -> None:
    config = TrainingConfig.from_dict({"recipe": "fast"})
    model = convolutional()
    optimizer, rates = build(model, config, FAST_CONVOLUTIONAL, 10)
    assert isinstance(optimizer, AdamWAndMuon)
    adamw, muon = optimizer.param_groups
    assert [w.ndim for w in muon["params"]] == [4, 4]
    assert len(adamw["params"]) + len(muon["params"]) == len(list(model.parameters()))
    assert rates.get_last_lr() == pytest.approx([triangular(0, 10, config.max_lr), triangular(0, 10, 0.12)])
    before = [w.detach().clone() for w in model.parameters()]
    fit(model, optimizer, rates, range(1))
    assert not any(torch.equal(w, old) for w, old in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("recipe", "kind"), [(PROTOCOL, FusedAdamW), (FAST_FULLY_CONNECTED, FusedAdamW), (FAST_CONVOLUTIONAL, AdamWAndMuon)]
)
def test_training_continues_from_the_state_of_its_optimizer_bit_for_bit(recipe: Recipe, kind: type) -> None:
    config = TrainingConfig()
    whole, model = convolutional(), convolutional()
    fit(whole, *build(whole, config, recipe, 9), range(9))
    optimizer, rates = build(model, config, recipe, 9)
    fit(model, optimizer, rates, range(4))
    assert isinstance(optimizer, kind)
    state, rates_state = deepcopy(optimizer.state_dict()), deepcopy(rates.state_dict())
    again = convolutional()
    again.load_state_dict(model.state_dict())
    optimizer, rates = build(again, config, recipe, 9)
    optimizer.load_state_dict(state)
    rates.load_state_dict(rates_state)
    fit(again, optimizer, rates, range(4, 9))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_muon_steps_alike_in_both_memory_layouts() -> None:
    models = [convolutional(), convolutional(torch.channels_last)]
    for model in models:
        filters = [w for w in model.parameters() if w.ndim == 4]
        muon = FilterMuon(filters)
        muon.param_groups[0]["lr"] = 0.1
        for number, w in enumerate(filters):
            w.grad = torch.randn(w.shape, generator=torch.Generator().manual_seed(number))
        muon.step()
    for a, b in zip(*(model.parameters() for model in models), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
