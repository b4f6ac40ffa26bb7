"""Weights in other programs' formats, each read back by such a program and compared before it counts."""

from __future__ import annotations

import io
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.errors import CifarTuiError, one_line
from cifar_tui.models.parts.dropout import torch_dropout
from cifar_tui.models.user_class.torch_settings import preserve_torch_settings
from cifar_tui.training.checkpoints.storage import copy_weights

TOLERANCE = 1e-4
"""The most by which a logit of the file may differ from the model's own."""
COMPARED = (64, 1, 3)
"""Sizes of the batches that are compared: a file must take any."""
OPSET = 17
"""ONNX's operators of 2022, which every runtime of today knows."""
PREPROCESSING = (
    "RGB images, turned upright, resized to 32x32 pixels (Lanczos), as float32 (N, 3, 32, 32): value / 127.5 - 1"
)

Logits = Callable[[Tensor], Tensor]
"""Computes logits, as the loaded file does."""
Writer = Callable[[nn.Module, dict[str, str]], bytes]
Loader = Callable[[nn.Module, bytes], Logits]


def export(model: nn.Module, form: str, metadata: Mapping[str, str]) -> tuple[bytes, float]:
    """The content of a file of a model, which was loaded again and predicts as the model does.

    Args:
        model: In evaluation mode, on the CPU. It is of no use any more afterwards.
        form: `safetensors`, `onnx` or `torch-export`.
        metadata: What the file says of itself, besides `preprocessing`.

    Returns:
        The content, and the greatest difference between a logit of the file and the model's own.

    Raises:
        CifarTuiError: A package is missing, or the file does not predict as the model.
    """
    write, load = _FORMS[form]
    with warnings.catch_warnings(), preserve_torch_settings():
        # The exporters warn of how they are made.
        warnings.simplefilter("ignore")
        try:
            expected = _own_logits(model)
            content = write(model, {**metadata, "preprocessing": PREPROCESSING})
            difference = _difference(_logits(load(model, content)), expected)
        except CifarTuiError:
            raise
        except Exception as error:  # An exporter raises whatever keeps it from going on.
            part = " (a part of the model is made by TorchScript)" if _is_scripted(model) else ""
            raise CifarTuiError(f"the model cannot be exported as {form}: {one_line(error)}{part}") from error
    if difference > TOLERANCE:
        raise CifarTuiError(
            f"as {form}, its logits differ from the model's by {difference:.1e}, more than {TOLERANCE:.0e}"
        )
    return content, difference


def _own_logits(model: nn.Module) -> list[Tensor]:
    """The logits that an exported file has to compute.

    Raises:
        CifarTuiError: They differ each time.
    """
    first, second = _logits(model), _logits(model)
    if _difference(first, second) > TOLERANCE:
        raise CifarTuiError("its logits differ each time: it draws at random in evaluation, and no file can be checked")
    return second


def _logits(model: Logits) -> list[Tensor]:
    """The logits of each of the batches that are compared."""
    generator, found = torch.Generator().manual_seed(0), []
    for size in COMPARED:
        # Made again for each model: it may change its images in place, and leave gradients on.
        with torch.no_grad():
            images = torch.rand((size, 3, IMAGE_SIZE, IMAGE_SIZE), generator=generator) * 2 - 1
            found.append(model(images).detach())
    return found


def _difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    differences = [(a - b).abs().max().item() for a, b in zip(found, expected, strict=True)]
    # NaN is no difference that anything is greater than.
    return max(each if math.isfinite(each) else math.inf for each in differences)


def _to_safetensors(model: nn.Module, metadata: dict[str, str]) -> bytes:
    from safetensors.torch import save

    return save({name: tensor.contiguous() for name, tensor in copy_weights(model).items()}, metadata)


def _from_safetensors(model: nn.Module, content: bytes) -> Logits:
    from safetensors.torch import load

    # In place: what a layer keeps beside its parameters, as by weight normalisation, cannot always be copied.
    for tensor in model.state_dict().values():
        tensor.zero_()
    model.load_state_dict(load(content))
    return model


def _to_onnx(model: nn.Module, metadata: dict[str, str]) -> bytes:
    onnx = _onnx()
    _simplify(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        torch.onnx.export(
            # Tracing stops at a part that TorchScript made; what is all TorchScript is not traced.
            torch.jit.script(model) if _is_scripted(model) else model,
            (_example(),),
            path,
            # Of the two exporters, this one needs no further packages, and is in all versions of torch.
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        )
        content = onnx.load_model_from_string(path.read_bytes())
    onnx.helper.set_model_props(content, metadata)
    content.doc_string = f"images: {metadata['preprocessing']}; logits: (N, classes), before the softmax"
    onnx.checker.check_model(content)
    serialized: bytes = content.SerializeToString()
    return serialized


def _simplify(model: nn.Module) -> None:
    """Make of a model that will be trained no more what computes the same with fewer kinds of operations."""
    for module in filter(parametrize.is_parametrized, list(model.modules())):
        names: Any = module.parametrizations
        for name in list(names):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    torch_dropout(model)


def _is_scripted(model: nn.Module) -> bool:
    return any(isinstance(part, torch.jit.ScriptModule) for part in model.modules())


def _from_onnx(model: nn.Module, content: bytes) -> Logits:  # noqa: ARG001
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def logits(images: Tensor) -> Tensor:
        (found,) = session.run(["logits"], {"images": images.numpy()})
        return torch.from_numpy(found)

    return logits


def _onnx() -> Any:
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError:
        raise CifarTuiError("ONNX needs two more packages: pip install 'cifar-tui[onnx]'") from None
    return onnx


def _to_torch_export(model: nn.Module, metadata: dict[str, str]) -> bytes:
    program = torch.export.export(model, (_example(),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"metadata.json": json.dumps(metadata)})
    return buffer.getvalue()


def _from_torch_export(model: nn.Module, content: bytes) -> Logits:  # noqa: ARG001
    return torch.export.load(io.BytesIO(content)).module()


def _example() -> Tensor:
    # Of a single image, a tracer may take the 1 for a constant.
    return torch.zeros((2, 3, IMAGE_SIZE, IMAGE_SIZE))


_FORMS: dict[str, tuple[Writer, Loader]] = {
    "safetensors": (_to_safetensors, _from_safetensors),
    "onnx": (_to_onnx, _from_onnx),
    "torch-export": (_to_torch_export, _from_torch_export),
}
