"""Whether a user's model can be trained and saved, by what it consists of.

Checkpoints and `model.safetensors` hold the tensors of `state_dict()`, dense and plain ones alone: whatever else a
model may hold there is refused before anything is trained.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import MethodType

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.formatting import shortened

_COMPILER = "torch._dynamo"
"""The module that `torch.compile` imports."""
_WRAPPER = "torch._dynamo.eval_frame", "OptimizedModule"
"""The class that it wraps modules in: its module, and its name."""
_COMPILED = "_torchdynamo_orig_callable"
"""The attribute of a wrapped function that holds the original."""
_COMPILED_IN_PLACE = "_compiled_call_impl"
"""The attribute in which `nn.Module.compile` keeps its result."""
_WRAPPED = "_orig_mod"
"""The attribute of a wrapper that holds the wrapped module, and a part of every name in its state."""
_COMMON = "make it a dense tensor of a common type"


def why_untrainable(model: nn.Module) -> str:
    """Why a model can be neither trained nor kept, and what to do about it; empty where nothing is against it.

    Nothing of the model is run but its `state_dict`.
    """
    return next(_obstacles(model), "")


def why_unloadable(model: nn.Module) -> str:
    """Why a model cannot take weights, and what to do about it; empty where it can."""
    return next(_without_values(model), "")


def _without_values(model: nn.Module) -> Iterator[str]:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            yield (
                f"{shortened(name)} has no size: its lazy layer is not used in evaluation; give that layer its size, "
                "or leave it out"
            )
        if tensor.is_meta:
            yield f"{shortened(name)} is on the meta device, where it has no values; make the model on the CPU"


def _obstacles(model: nn.Module) -> Iterator[str]:
    yield from _without_values(model)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        yield "it has no parameters that can be trained; leave some with requires_grad"
    state = model.state_dict()
    if not state:
        yield "its state_dict is empty; have state_dict and load_state_dict keep all that is trained"
    buffers = {name for name, _ in model.named_buffers()}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            yield (
                f"{shortened(name)} of its state is a {type(value).__name__}, and checkpoints keep tensors alone; "
                "keep it in a buffer (register_buffer), or out of the state"
            )
        elif what := _unkept(value):
            remedy = "register it with persistent=False" if name in buffers else _COMMON
            yield f"{shortened(name)} of its state is {what}, which checkpoints do not keep; {remedy}"
        elif not value.isfinite().all():
            yield (
                f"{shortened(name)} is infinite or NaN from the beginning, which counts as divergence; "
                f"{'register it with persistent=False' if name in buffers else 'give it finite values'}"
            )


def _unkept(tensor: Tensor) -> str:
    """Why checkpoints cannot keep a tensor: what it is, in words; else empty."""
    if tensor.is_nested:
        return "nested"
    if tensor.layout != torch.strided:
        return f"sparse ({tensor.layout})"
    if tensor.is_quantized:
        return f"quantised ({tensor.dtype})"
    if type(tensor) not in (Tensor, nn.Parameter):
        return f"a {type(tensor).__name__}, a class of tensors of its own"
    try:
        # Not all types of numbers have a name there, or can be checked.
        save({"value": tensor.new_zeros(()).detach()})
        tensor.new_zeros(()).isfinite()
    except (KeyError, RuntimeError, SafetensorError):
        return f"of {tensor.dtype}"
    return ""


def disable_compilation() -> None:
    """Have the whole process ignore `torch.compile`.

    Compiled code rounds by the sizes of the batches that it has met, so that a resumed run would differ; and not every
    machine has the compiler that it needs.
    """
    if _COMPILER in sys.modules:
        torch.compiler.set_stance("force_eager")


def is_compiled(model: nn.Module) -> bool:
    """Whether `torch.compile` was used on the model, on a part of it, or on what one of them computes."""
    return any(
        _is_wrapper(module)
        or getattr(module, _COMPILED_IN_PLACE, None) is not None
        or hasattr(getattr(module, "forward", None), _COMPILED)
        for module in model.modules()
    )


def _is_wrapper(module: nn.Module) -> bool:
    """Whether it is what `torch.compile` puts around a module; others may have an attribute of that name too."""
    name, wrapper = _WRAPPER
    # Without its module, which takes seconds to import, nothing is wrapped.
    return name in sys.modules and isinstance(module, getattr(sys.modules[name], wrapper))


def uncompiled(model: nn.Module) -> nn.Module:
    """A model without what `torch.compile` put around it and its parts; names of its state are those of the modules."""
    # The innermost first: to the others, names lead through what is put around them.
    for path, part in reversed(list(model.named_modules(remove_duplicate=False))):
        if getattr(part, _COMPILED_IN_PLACE, None) is not None:
            setattr(part, _COMPILED_IN_PLACE, None)
        if _is_wrapper(part):
            original: nn.Module = getattr(part, _WRAPPED)
            if not path:
                return original
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, original)
        elif forward := getattr(getattr(part, "forward", None), _COMPILED, None):
            part.forward = forward if isinstance(forward, MethodType) else MethodType(forward, part)
    return model


def uncompiled_name(name: str) -> str:
    """The name of a weight as `uncompiled` leaves it."""
    return ".".join(part for part in name.split(".") if part != _WRAPPED)


def materialize_lazy_layers(model: nn.Module) -> None:
    """Have layers such as `nn.LazyLinear` infer their sizes, which they do from the first batch."""
    if any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE))
