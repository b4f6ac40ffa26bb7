"""The models are the reference protocol's, layer by layer, and those that they are compared with."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torchvision.models import efficientnet_b0
from torchvision.ops import StochasticDepth

from cifar_tui import models
from cifar_tui.errors import InputError
from cifar_tui.models.parts.dropout import BranchDropout, ChannelDropout, Dropout, set_dropout_generator
from cifar_tui.models.resnet import Block
from tests.support.training_runs import tiny_setup

CONVOLUTION = ["Conv2d", "BatchNorm2d"]
BLOCK = [*CONVOLUTION, "ReLU", *CONVOLUTION, "MaxPool2d", "ReLU", "Dropout"]
HEAD = [*["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2, "Linear"]


def layers(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if not list(module.children())]


def linear_shapes(model: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in layers(model) if isinstance(m, nn.Linear)]


def test_the_cnn_has_the_protocols_layers_in_order() -> None:
    model = models.build("cnn", 10)
    assert [type(m).__name__ for m in layers(model)] == [*BLOCK * 3, "Flatten", *HEAD]
    convolutions = [m for m in layers(model) if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == [
        (3, 32),
        (32, 64),
        (64, 128),
        (128, 128),
        (128, 256),
        (256, 256),
    ]
    assert all(m.kernel_size == (3, 3) and m.padding == "same" for m in convolutions)
    assert linear_shapes(model) == [(4096, 1024), (1024, 512), (512, 10)]
    assert [m.p for m in layers(model) if isinstance(m, nn.Dropout)] == [0.25, 0.25, 0.25, 0.5, 0.5]
    assert sum(p.numel() for p in model.parameters()) == 5_856_138


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_relu_behind_the_pooling_is_relu_before_it_in_values_and_gradients(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    # Few values, so that many are equal and many are 0.
    values = torch.randint(-3, 4, (8, 4, 16, 16), generator=generator).to(dtype)
    weights = torch.randn(8, 4, 8, 8, generator=generator).to(dtype)
    found = []
    for order in ([nn.ReLU(), nn.MaxPool2d(2)], [nn.MaxPool2d(2), nn.ReLU()]):
        inputs = values.clone().requires_grad_()
        outputs = nn.Sequential(*order)(inputs)
        (outputs * weights).sum().backward()
        found.append((outputs.detach(), inputs.grad))
    (before, gradient_before), (behind, gradient_behind) = found
    assert torch.equal(before, behind)
    assert gradient_before is not None
    assert gradient_behind is not None
    assert torch.equal(gradient_before, gradient_behind)


def test_the_mlp_has_the_protocols_layers_in_order() -> None:
    model = models.build("mlp", 10)
    assert [type(m).__name__ for m in layers(model)] == ["Flatten", *HEAD]
    assert linear_shapes(model) == [(3072, 1024), (1024, 512), (512, 10)]
    assert [m.p for m in layers(model) if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    assert sum(p.numel() for p in model.parameters()) == 3_679_754


def test_the_resnet_has_four_stages_of_two_blocks() -> None:
    model = models.build("resnet", 10)
    images = torch.rand(2, 3, 32, 32)
    shapes = []
    for module in model.children():
        images = module(images)
        if isinstance(module, Block):
            shapes.append(tuple(images.shape[1:]))
    assert shapes == [(32, 32, 32)] * 2 + [(64, 16, 16)] * 2 + [(128, 8, 8)] * 2 + [(256, 4, 4)] * 2
    assert sum(p.numel() for p in model.parameters()) == 2_797_610


def test_the_efficientnet_is_torchvisions_on_images_of_twice_the_size_inside() -> None:
    model = models.build("efficientnet_b0", 10)
    theirs = efficientnet_b0(num_classes=10)
    assert [(name, p.shape) for name, p in model.named_parameters()] == [
        (name, p.shape) for name, p in theirs.named_parameters()
    ]
    assert [m.stride for m in layers(model) if isinstance(m, nn.Conv2d)][:2] == [(1, 1), (1, 1)]
    assert [m.p for m in layers(model) if isinstance(m, BranchDropout)] == [
        m.p for m in layers(theirs) if isinstance(m, StochasticDepth)
    ]
    theirs.features[0][0].stride = (1, 1)
    theirs.load_state_dict(model.state_dict())
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(model.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("name", ["resnet", "efficientnet_b0"])
def test_a_step_of_the_other_models_is_finite_and_drops_the_same_again(name: str) -> None:
    setup = tiny_setup(model=name)
    images = torch.rand(4, 3, 32, 32)
    logits = []
    for seed in (5, 5, 6):
        torch.rand(3)
        with setup.random_streams.seeded(seed):
            logits.append(setup.model.train()(images))
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2]) == (name == "resnet"), "it drops nothing"
    logits[0].square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in setup.model.parameters())


@pytest.mark.parametrize(("layer", "theirs"), [(ChannelDropout(0.25), 2), (BranchDropout(0.25), 1)])
def test_whole_channels_and_whole_branches_are_dropped_and_their_mean_kept(layer: nn.Module, theirs: int) -> None:
    set_dropout_generator(layer, torch.Generator().manual_seed(0))
    out = layer(torch.ones(40, 50, 3, 3)).flatten(theirs)
    assert torch.equal(out, out[..., :1].expand_as(out)), "each is one of two values throughout"
    assert set(out.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.1)
    assert layer.eval()(out) is out


@pytest.mark.parametrize("name", models.names())
@pytest.mark.parametrize("classes", [2, 10])
def test_every_model_gives_a_logit_for_each_class(name: str, classes: int) -> None:
    assert models.build(name, classes)(torch.rand(3, 3, 32, 32)).shape == (3, classes)


def test_the_names_are_known_without_torch() -> None:
    code = "import sys; from cifar_tui import models; print(models.names()); sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(("cnn", "efficientnet_b0", "mlp", "resnet"))


def test_a_misspelt_model_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match=r"unknown model 'cn' \(did you mean 'cnn'\?\)"):
        models.build("cn", 10)


def test_dropout_with_its_own_generator_repeats_and_leaves_the_global_one_alone() -> None:
    model = nn.Sequential(Dropout(0.25))
    generator = torch.Generator()
    set_dropout_generator(model, generator)
    before = torch.random.get_rng_state()
    ones = torch.ones(200, 200)
    first = model(ones) if generator.manual_seed(7) else ones
    generator.manual_seed(7)
    torch.rand(3)
    assert torch.equal(model(ones), first)
    torch.random.set_rng_state(before)
    model(ones)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_zeroes_its_share_and_keeps_the_mean() -> None:
    layer = Dropout(0.25)
    layer.generator = torch.Generator().manual_seed(0)
    out = layer(torch.ones(400, 400))
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert set(out.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    layer.eval()
    assert torch.equal(layer(out), out)


@pytest.mark.parametrize("p", [1e-6, 0.1, 0.25, 0.5, 0.999999])
def test_dropout_draws_each_element_by_itself_in_every_memory_format(p: float) -> None:
    images = torch.ones(16, 3, 33, 31, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    layer = Dropout(p)
    layer.generator = torch.Generator().manual_seed(0)
    out = layer(images)
    assert out.is_contiguous(memory_format=torch.channels_last)
    kept = (out != 0).float()
    assert kept.mean().item() == pytest.approx(1 - p, abs=0.01)
    for neighbour in (kept.roll(1, 1), kept.roll(1, 2), kept.roll(1, 3)):
        assert (kept * neighbour).mean().item() == pytest.approx((1 - p) ** 2, abs=0.01)
    assert len(set(out.unique().tolist()) - {0.0}) <= 1
