"""Optimizers: AdamW as the reference protocol uses it, and Muon for convolutions.

Torch wraps methods of its optimizers so that its compiler leaves them alone, and for that imports the compiler: about
two seconds of start-up and 150 MB that nothing here uses. Unwrapped, they are the same methods.
"""

from __future__ import annotations

from inspect import unwrap
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from cifar_tui.config import TrainingConfig
from cifar_tui.recipes import Recipe

T = TypeVar("T", bound=Optimizer)
MOMENTUM = 0.6
"""Muon's, as Jordan has it for CIFAR-10."""
_WRAPPED = ("add_param_group", "state_dict", "load_state_dict")


class Stateful(Protocol):
    """An object whose state checkpoints hold: numbers and tensors by name."""

    def state_dict(self) -> dict[str, Any]:
        """All that its further work depends on, by name."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Continue from such a state."""


class OptimizerLike(Stateful, Protocol):
    """An optimizer."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Weights with their learning rates; others after a state is loaded."""

    def step(self) -> Any:
        """Update the weights by their gradients."""


def build_optimizer(model: nn.Module, config: TrainingConfig, recipe: Recipe) -> OptimizerLike:
    """Build the optimizer of a model's weights by the recipe; its learning rates are the scheduler's."""
    filters = _filters(model) if recipe.muon else []
    chosen = {id(w) for w in filters}
    # Fused, it takes no complex numbers.
    fused = not any(parameter.is_complex() for parameter in model.parameters())
    others = [w for w in model.parameters() if id(w) not in chosen]
    adamw = FusedAdamW(others, lr=config.lr, weight_decay=config.weight_decay, fused=fused)
    return AdamWAndMuon(adamw, FilterMuon(filters)) if filters else adamw


def _filters(model: nn.Module) -> list[nn.Parameter]:
    """The weights of convolutions, each once."""
    weights = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    # One that is computed from others, as by weight normalisation, is no parameter; a complex one is no real matrix.
    trained = [w for w in weights if isinstance(w, nn.Parameter) and w.requires_grad and not w.is_complex()]
    return list({id(w): w for w in trained}.values())


def _without_compiler(kind: type[T]) -> type[T]:
    methods = {name: unwrap(getattr(kind, name)) for name in _WRAPPED}
    # One of the wrappings also turns gradients off.
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(unwrap(kind.step))})


FusedAdamW = _without_compiler(AdamW)
"""`torch.optim.AdamW`, bit for bit, for training without `torch.compile`.

Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019.
"""


class FilterMuon:
    """Muon for the weights of convolutions: each is a matrix with a row for every filter.

    Steps are orthogonal matrices, after Nesterov momentum. A convolution before batch normalisation computes the same
    at any scale of its weight; so that the rate means the same throughout, each is kept at the scale of its steps.

    Source: K. Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024, and Jordan's use of
    it for CIFAR-10. `torch.optim.Muon` came with PyTorch 2.9, takes matrices alone, and computes in bfloat16, which a
    processor without it does twenty times slower than this.

    Args:
        weights: (outputs, inputs, height, width) each.
    """

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": weights, "lr": 0.0}]
        self._weights = weights
        self._momenta = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights by their gradients."""
        rate = self.param_groups[0]["lr"]
        for weight, momentum in zip(self._weights, self._momenta, strict=True):
            if weight.grad is not None:
                momentum.mul_(MOMENTUM).add_(weight.grad)
                ahead = weight.grad.add(momentum, alpha=MOMENTUM)
                # A weight may begin with zeros alone.
                weight.mul_(len(weight) ** 0.5 / weight.norm().clamp_min(1e-7))
                weight.sub_(orthogonal(ahead.flatten(1)).view_as(weight), alpha=rate)

    def state_dict(self) -> dict[str, Any]:
        """The momentum of each weight."""
        return {"momenta": list(self._momenta)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from such a state."""
        for momentum, saved in zip(self._momenta, state_dict["momenta"], strict=True):
            momentum.copy_(saved)


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix with singular values 1, those of (n, m) being brought to between 0.7 and 1.2.

    Five steps of the quintic Newton-Schulz iteration with the coefficients of Jordan's Muon.
    """
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    result: Tensor = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        square = result @ result.T
        result = 3.4445 * result + (-4.7750 * square + 2.0315 * square @ square) @ result
    return result if wide is matrix else result.T


class AdamWAndMuon:
    """Two optimizers as one, each with weights of its own."""

    def __init__(self, adamw: AdamW, muon: FilterMuon) -> None:
        self._adamw = adamw
        self._muon = muon

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """AdamW's, then Muon's."""
        return [*self._adamw.param_groups, *self._muon.param_groups]

    def step(self) -> None:
        """Update the weights by their gradients."""
        self._adamw.step()
        self._muon.step()

    def state_dict(self) -> dict[str, Any]:
        """Both states by name."""
        return {"adamw": self._adamw.state_dict(), "muon": self._muon.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from such a state."""
        self._adamw.load_state_dict(state_dict["adamw"])
        self._muon.load_state_dict(state_dict["muon"])
