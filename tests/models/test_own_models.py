"""A class of the user's own is trained, left, gone on with, evaluated and refused like a model of ours."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cifar_tui.config import TrainingConfig, model_word
from cifar_tui.errors import InputError
from cifar_tui.events import Batch
from cifar_tui.models.user_class import resolved
from cifar_tui.recipes import recipe
from cifar_tui.runs.inference.evaluation import evaluate
from cifar_tui.store.command_lines import training_command
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training import emitter
from cifar_tui.training.control import Control
from cifar_tui.training.optimizer import build_optimizer
from tests.support import command
from tests.support.own_kinds import LAYERS
from tests.support.training_runs import ControlAction, TrainedRun, at_batch, run, tiny_setup

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""
NOISE = f"""{HEAD}
class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.filters = nn.Conv2d(3, 4, 8, stride=8)
        self.out = nn.LazyLinear(num_classes)

    def forward(self, images):
        if self.training:
            images = images + 0.1 * torch.randn_like(images)
        seen = self.filters(images)
        return self.out(F.dropout(seen.view(len(seen), -1), 0.2, self.training))
"""


@pytest.fixture(autouse=True)
def the_path_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(emitter, "REPORT_SECONDS", 0.0)  # Every batch is told at once.


def written(folder: Path, code: str, name: str = "mine") -> dict[str, Any]:
    """Options that name the class `Net` of this code."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(code)
    return {"model": f"{name}:Net", "model_dir": str(folder)}


def stop(control: Control) -> None:
    control.stop("stopped", "stopped by the test")


@pytest.mark.parametrize("code", [LAYERS, NOISE], ids=["layers", "noise"])
def test_it_is_gone_on_with_to_the_same_end_bit_for_bit(tmp_path: Path, code: str) -> None:
    options = written(tmp_path, code)
    whole = run(tmp_path / "whole", epochs=2, **options)
    left = run(tmp_path / "left", ControlAction(at_batch(2, 1), stop), epochs=2, **options)
    torch.rand(7)  # Another process's generators stand elsewhere.
    rest = run(tmp_path / "left", resume=True, epochs=2, **options)
    assert left.outcome.state == "stopped"
    assert rest.of(Batch)
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name


def test_models_that_draw_noise_side_by_side_learn_as_each_alone(tmp_path: Path) -> None:
    options = written(tmp_path, NOISE)
    alone = [run(tmp_path / f"alone-{seed}", seed=seed, epochs=2, **options) for seed in (0, 1)]
    together: dict[int, TrainedRun] = {}

    def train(seed: int) -> None:
        together[seed] = run(tmp_path / f"together-{seed}", seed=seed, epochs=2, **options)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[seed].learning()[-2:] for seed in (0, 1)] == [each.learning()[-2:] for each in alone]


def test_only_what_draws_from_the_global_generators_takes_turns_with_others(tmp_path: Path) -> None:
    assert not tiny_setup(**written(tmp_path, LAYERS)).random_streams.uses_global_generators
    assert tiny_setup(**written(tmp_path, NOISE)).random_streams.uses_global_generators


def test_trying_it_changes_neither_its_weights_nor_torchs_generator(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    first, second = (tiny_setup(**written(tmp_path, LAYERS)).model for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    assert first.state_dict()["features.1.num_batches_tracked"] == 0
    assert all(parameter.grad is None for parameter in first.parameters())


def test_images_have_their_channels_last_where_the_model_can_do_with_it(tmp_path: Path) -> None:
    assert tiny_setup(**written(tmp_path, LAYERS)).placement.memory_format == torch.channels_last
    setup = tiny_setup(**written(tmp_path, NOISE))
    assert setup.placement.memory_format == torch.contiguous_format
    assert all(parameter.is_contiguous() for parameter in setup.model.parameters())


def test_the_fast_recipe_leaves_its_dropout_and_bears_weights_of_zero_and_of_other_kinds(tmp_path: Path) -> None:
    code = LAYERS.replace(
        "        self.out =",
        "        nn.init.zeros_(self.features[0].weight)\n        self.scale = nn.Parameter(torch.zeros(1, 4, 1, 1))\n"
        "        self.out =",
    ).replace("self.features(images)", "self.features(images) + self.scale")
    options = written(tmp_path, code)
    setup = tiny_setup(recipe="fast", epochs=1, **options)
    assert [m.p for m in setup.model.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)] == [0.2, 0.2]
    optimizer = build_optimizer(setup.model, setup.config, recipe("fast", setup.config.model))
    assert [len(group["params"]) for group in optimizer.param_groups] == [6, 1]
    assert all(tensor.isfinite().all() for tensor in run(tmp_path, setup=setup).weights().values())


def test_a_file_that_was_changed_is_read_again_and_folders_keep_their_modules_apart(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one", LAYERS), written(tmp_path / "other", NOISE)
    assert hasattr(tiny_setup(**one).model, "features")
    assert hasattr(tiny_setup(**other).model, "filters")
    assert hasattr(tiny_setup(**one).model, "features")
    written(tmp_path / "one", NOISE.replace("self.filters", "self.changed"))
    assert hasattr(tiny_setup(**one).model, "changed")
    (tmp_path / "one" / "mine.py").unlink()
    with pytest.raises(InputError, match=r"there is no module 'mine' in '.*one'"):
        tiny_setup(**one)


def net(init: str = "self.out = nn.Linear(3072, num_classes)", forward: str = "self.out(images.flatten(1))") -> str:
    return f"""{HEAD}
class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        {init}

    def forward(self, images):
        return {forward}
"""


WRONG = [
    (
        f"import not_there\n{HEAD}class Net(nn.Module): pass",
        "importing wrong failed: ModuleNotFoundError: No module named 'not_there' (wrong.py, line 1)",
    ),
    ("def f(:", "importing wrong failed: SyntaxError: invalid syntax (wrong.py, line 1)"),
    (
        f"raise SystemExit(3)\n{HEAD}class Net(nn.Module): pass",
        "importing wrong failed: SystemExit: 3 (wrong.py, line 1)",
    ),
    ("raise SystemExit(3)", "wrong.py has no 'Net'"),
    (f"{HEAD}class Nett(nn.Module): pass", "wrong.py has no 'Net' (did you mean 'Nett'?)"),
    (f"{HEAD}def Net(num_classes): return nn.Linear(2, 2)", "Net is not a class derived from torch.nn.Module"),
    (f"{HEAD}class Net(nn.Module): pass", "'num_classes'; have its __init__ take num_classes"),
    (net(init="self.out = nn.Linear(0.5, 1)"), "Net(num_classes=3) failed: TypeError: "),
    (net(init="self.flat = nn.Flatten()", forward="images.mean((2, 3))"), "it has no parameters that can be trained"),
    (net(init="self.out = nn.Linear(3072, 7)"), "a tensor of shape (2, 3) for 2 images, not of (2, 7)"),
    (net(forward="{'logits': self.out(images.flatten(1))}"), "a tensor of shape (2, 3) for 2 images, not a dict"),
    (net(forward="self.out(images.flatten(1)).round().long()"), "for 2 images, not of torch.int64"),
    (net(forward="self.out(images)"), "mat1 and mat2 shapes cannot be multiplied (192x32 and 3072x3) (wrong.py, line"),
    (net(forward="self.out(images.flatten(1)) / 0"), "its logits are infinite or NaN before any training"),
    (net(forward="self.out(images.flatten(1)).detach()"), "nothing that can be trained has a part in its logits"),
    (
        net(forward="self.out(images.flatten(1)) if self.training else images"),
        "(3, 3) for 3 images in evaluation, not of (3, 3, 32, 32)",
    ),
    (
        net(init="self.out = nn.Linear(3072, num_classes); self.register_buffer('m', torch.tensor(-torch.inf))"),
        "'m' is infinite or NaN from the beginning, which counts as divergence; register it with persistent",
    ),
    (
        net(init="self.out = nn.Linear(3072, num_classes); self.out.bias.data.fill_(torch.nan)"),
        "'out.bias' is infinite or NaN from the beginning, which counts as divergence; give it finite values",
    ),
]


@pytest.mark.parametrize(("code", "says"), WRONG, ids=[says[:40] for _, says in WRONG])
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(InputError) as refusal:
        tiny_setup(**written(tmp_path, code, "wrong"))
    assert str(refusal.value).startswith("--model wrong:Net: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("model", "word"),
    [("cnn", "cnn"), ("a.b:ResNet_9", "resnet_9"), ("a:_Net", "net"), ("a:Ωμ", "model"), ("a:" + "N" * 99, "n" * 40)],
)
def test_a_run_is_called_after_its_model(model: str, word: str) -> None:
    assert model_word(model) == word
    assert TrainingConfig(model=model).run_name == word
    assert TrainingConfig(name=word).run_name == word, "it is a legal name"
    assert TrainingConfig(model=model, name="mine").run_name == "mine"


def test_the_command_that_trains_it_again_names_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = TrainingConfig(model="mine:Net", model_dir=resolved("mine:Net", None))
    assert training_command(options, "runs")[2:] == ["--model", "mine:Net", "--model-dir", str(tmp_path)]
    assert resolved("cnn", "somewhere") is None


def test_the_program_trains_it_beside_ours_and_evaluates_it_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "nets", LAYERS)
    (tmp_path / "nets" / "__init__.py").touch()
    options = ["--no-ui", "--data", "digits", "--epochs", "1", "--batch-size", "128", "--threads", "1"]
    result = command.run([*options, "--model", "nets.mine:Net", "--model", "mlp"], tmp_path)
    assert result.returncode == 0, result.stderr
    heads = [line.split()[0] for line in result.stdout.splitlines() if "%" in line and "epoch" not in line]
    assert heads == ["nets.mine:Net", "mlp"], "the comparison"
    folder = next(folder for folder in (tmp_path / "runs").iterdir() if folder.name.endswith("-net"))
    summary = command.summary(folder)
    assert (summary["state"], summary["model"], summary["parameters"]) == ("finished", "nets.mine:Net", 1570)
    assert json.loads((folder / "config.json").read_text())["options"]["model_dir"] == str(tmp_path)

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    test, _ = evaluate(RunFolder(folder), lambda *_: None)
    assert test.accuracy == pytest.approx(summary["test_accuracy"])
    (tmp_path / "nets").rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"--model nets\.mine:Net: there is no module 'nets' in '.*'; name the folder"):
        evaluate(RunFolder(folder), lambda *_: None)


def test_the_program_refuses_it_before_it_makes_anything(tmp_path: Path) -> None:
    written(tmp_path, net(init="self.out = nn.Linear(3072, 7)"))
    result = command.run(["--no-ui", "--data", "digits", "--model", "mine:Net"], tmp_path)
    assert "--model mine:Net: it has to give logits" in command.error_line(result)
    assert not (tmp_path / "runs").exists()
