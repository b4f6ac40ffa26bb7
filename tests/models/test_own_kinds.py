"""Models of every kind that PyTorch has live a whole run's life, or are refused before there is one."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cifar_tui.data.dataset import Split
from cifar_tui.errors import CifarTuiError, DivergedError, InputError, one_line
from cifar_tui.events import Note
from cifar_tui.models.user_class.compatibility import is_compiled, uncompiled
from cifar_tui.recipes import recipe
from cifar_tui.training import evaluation, export, trained_model
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.control import Control
from cifar_tui.training.optimizer import build_optimizer
from tests.support.images import write_image
from tests.support.own_kinds import LONGEST_REFUSAL, OUT, REFUSED, SMALL, TRAIN, TRAINED, WARNED, net, write_model
from tests.support.program import UNEXPECTED, call, prepare_project
from tests.support.training_runs import ControlAction, at_batch, run, tiny_setup

DOCS = (Path(__file__).parents[2] / "docs" / "own-models.md").read_text()
# Much of what is tried here is deprecated, and is used all the same.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def the_path_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def stop(control: Control) -> None:
    control.stop("stopped", "stopped by the test")


@pytest.mark.parametrize("code", TRAINED.values(), ids=TRAINED.keys())
def test_it_is_trained_resumed_to_the_same_end_and_exported(tmp_path: Path, code: str) -> None:
    model = write_model(tmp_path, code)
    whole = run(tmp_path / "whole", epochs=2, **model)
    left = run(tmp_path / "left", ControlAction(at_batch(2, 1), stop), epochs=2, **model)
    rest = run(tmp_path / "left", resume=True, epochs=2, **model)
    assert (whole.outcome.state, left.outcome.state, rest.outcome.state) == ("finished", "stopped", "finished")
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name
    assert whole.outcome.test
    assert rest.outcome.test
    assert torch.equal(whole.outcome.test.logits, rest.outcome.test.logits)
    assert whole.weights().keys() == whole.setup.model.state_dict().keys()
    assert "self._orig_mod" in code or not any("_orig_mod" in name for name in whole.weights())
    last, setup = whole.folder / storage.LAST, whole.setup
    loaded = storage.load_matching(last, setup.identity, storage.size_limits(setup.model))
    assert loaded.weights.keys() == whole.weights().keys(), "within its bounds"
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    setup.model.eval()
    if "F.dropout" in code:
        with pytest.raises(CifarTuiError, match="it draws at random in evaluation, and no file can be checked"):
            export.export(setup.model, "safetensors", {})
        return
    _, difference = export.export(setup.model, "safetensors", {})
    assert difference == 0


@pytest.mark.parametrize(("code", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_one_line_that_says_what_it_is(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(InputError) as refusal:
        tiny_setup(**write_model(tmp_path, code))
    line = str(refusal.value)
    assert line.startswith("--model kind:Net: ")
    assert says in line
    assert "\n" not in line
    assert len(line) <= LONGEST_REFUSAL
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_default_device() == torch.device("cpu")


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
@pytest.mark.parametrize(
    "kind",
    [
        "weight normalisation by the old hook",
        "spectral normalisation by parametrisation",
        "a part that is traced",
        "a forward that is compiled",
    ],
)
def test_other_formats_are_written_too(tmp_path: Path, kind: str, form: str) -> None:
    setup = tiny_setup(**write_model(tmp_path, TRAINED[kind]))
    content, difference = export.export(setup.model.eval(), form, {})
    assert content
    assert difference <= export.TOLERANCE


def test_an_export_leaves_gradients_on(tmp_path: Path) -> None:
    code = net(forward=f"if not self.training:\n    torch.set_grad_enabled(False)\nreturn self.out({SMALL})")
    setup = tiny_setup(**write_model(tmp_path, code))
    export.export(setup.model.eval(), "onnx", {})
    assert torch.is_grad_enabled()


def test_onnx_takes_a_scripted_part_beside_dropout(tmp_path: Path) -> None:
    code = net(
        f"self.part = torch.jit.script(nn.Linear(48, 48))\nself.drop = nn.Dropout(0.1)\n{OUT}",
        f"self.out(self.drop(self.part({SMALL})))",
    )
    setup = tiny_setup(**write_model(tmp_path, code))
    assert export.export(setup.model.eval(), "onnx", {})[1] <= export.TOLERANCE


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_what_a_format_cannot_hold_is_one_line(tmp_path: Path, form: str) -> None:
    kind = TRAINED["complex parameters" if form == "onnx" else "a sparse buffer that is not kept"]
    setup = tiny_setup(**write_model(tmp_path, kind))
    with pytest.raises(CifarTuiError, match=f"the model cannot be exported as {form}: ") as refusal:
        export.export(setup.model.eval(), form, {})
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) <= LONGEST_REFUSAL


def test_the_fast_recipe_leaves_complex_filters_to_adamw(tmp_path: Path) -> None:
    code = net(
        "self.conv = nn.Conv2d(3, 4, 8, stride=8, dtype=torch.complex64)\nself.real = nn.Conv2d(3, 4, 8, stride=8)\n"
        "self.out = nn.Linear(64, num_classes)",
        "self.out((self.conv(images.to(torch.complex64)).abs() + self.real(images)).flatten(1))",
    )
    setup = tiny_setup(recipe="fast", epochs=1, **write_model(tmp_path, code))
    optimizer = build_optimizer(setup.model, setup.config, recipe("fast", setup.config.model))
    assert [len(group["params"]) for group in optimizer.param_groups] == [5, 1]
    assert run(tmp_path, setup=setup).outcome.state == "finished"


def test_weights_that_many_layers_share_are_within_the_bounds_of_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_BESIDE", 50_000)
    code = net(
        f"self.layers = nn.ModuleList(nn.Linear(192, 192, bias=False) for _ in range(30))\n"
        f"for layer in self.layers:\n    layer.weight = self.layers[0].weight\n{OUT}",
        f"self.out({SMALL})",
    )
    trained = run(tmp_path, epochs=1, **write_model(tmp_path, code))
    storage.load(trained.folder / storage.LAST, storage.size_limits(trained.setup.model))


def test_a_checkpoint_of_a_compiled_part_is_read_by_the_names_that_it_had(tmp_path: Path) -> None:
    trained = run(tmp_path, epochs=1, **write_model(tmp_path, TRAINED["a part that is compiled"]))
    snapshot = storage.load(trained.folder / storage.LAST)
    renamed = {name.replace("part.", "part._orig_mod."): tensor for name, tensor in snapshot.weights.items()}
    assert renamed.keys() != snapshot.weights.keys()
    snapshot.weights.clear()
    snapshot.weights.update(renamed)
    storage.restore(snapshot, trained.setup.model)


def test_a_run_whose_compiled_part_had_other_names_is_resumed_and_its_best_weights_too(tmp_path: Path) -> None:
    model = write_model(tmp_path, TRAINED["a part that is compiled"])
    left = run(tmp_path, ControlAction(at_batch(2, 1), stop), epochs=2, **model)
    content = torch.load(left.folder / storage.LAST, weights_only=True)
    for kind in ("weights", "best_weights"):
        content[kind] = {n.replace("part.", "part._orig_mod."): tensor for n, tensor in content[kind].items()}
    content["progress"] |= {"best_accuracy": 1.0}  # No later epoch is better: those are the weights that are tested.
    torch.save(content, left.folder / storage.LAST)
    rest = run(tmp_path, resume=True, epochs=2, **model)
    assert rest.outcome.state == "finished"
    last = storage.load(rest.folder / storage.LAST)
    assert last.best_weights is not None
    assert last.best_weights.keys() == last.weights.keys() == left.setup.model.state_dict().keys()


def test_a_rate_that_is_far_too_high_is_the_runs_affair(tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        run(tmp_path, epochs=1, max_lr=1e38, lr=1e38, **write_model(tmp_path, net()))


def test_a_run_says_that_it_does_without_the_compiler(tmp_path: Path) -> None:
    notes = run(tmp_path, epochs=1, **write_model(tmp_path, TRAINED["compiled in place"])).of(Note)
    assert any("torch.compile" in note.message for note in notes)


def test_what_compilation_puts_around_modules_is_removed() -> None:
    inner = nn.Linear(2, 2)
    layers = nn.Sequential()
    layers.add_module("first", torch.compile(inner))  # type: ignore[arg-type]
    model: Any = torch.compile(nn.Sequential(layers, nn.ReLU()))
    assert is_compiled(model)
    plain = uncompiled(model)
    assert not is_compiled(plain)
    assert [name for name, _ in plain.named_parameters()] == ["0.first.weight", "0.first.bias"]
    assert layers[0] is inner


def test_a_part_that_is_called_as_that_of_torch_compile_is_left_as_it_is(tmp_path: Path) -> None:
    code = TRAINED["parts that are called as those of torch.compile are"]
    torch.compile(nn.Linear(2, 2))  # What it imports is there.
    model = tiny_setup(**write_model(tmp_path, code)).model
    assert type(model).__name__ == "Net"
    assert not is_compiled(model)
    assert {"scale", "_orig_mod.0.weight", "the_orig_mod.weight"} <= dict(model.named_parameters()).keys()


@pytest.mark.parametrize("kind", ["gradients left on in forward", "logits with gradients in evaluation"])
def test_an_evaluation_keeps_no_graph_and_leaves_gradients_as_they_are(tmp_path: Path, kind: str) -> None:
    code = TRAINED[kind].replace(f"self.out({SMALL})", f"Graph.apply(self.out({SMALL}))")
    setup = tiny_setup(**write_model(tmp_path, code.replace("class Net", f"{GRAPH}\nclass Net")))
    graph: Any = getattr(sys.modules["kind"], "Graph")  # noqa: B009  (a module that mypy does not know)
    split = Split(torch.zeros(1100, 3, 32, 32, dtype=torch.uint8), torch.zeros(1100, dtype=torch.int64))
    trained = trained_model.TrainedModel(setup.model.eval(), setup.placement, 1, setup.random_streams)
    for gradients in (True, False):
        graph.most = 0
        with torch.set_grad_enabled(gradients):
            test = evaluation.evaluate(setup.model, split, 3, setup.placement, Control())
            trained_model.predict(trained, split.images[:5].numpy())
            assert torch.is_grad_enabled() == gradients
        assert graph.most == 1, "that of a batch is gone before the next"
        assert test.probabilities().shape == (1100, 3)


GRAPH = """
class Kept:
    def __init__(self):
        Graph.alive += 1
        Graph.most = max(Graph.most, Graph.alive)
    def __del__(self):
        Graph.alive -= 1
class Graph(torch.autograd.Function):
    alive = most = 0
    @staticmethod
    def forward(ctx, x):
        ctx.kept = Kept()
        return x * 1
    @staticmethod
    def backward(ctx, gradient):
        return gradient
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "ValueError"),
        ("what\nand more", "ValueError: what"),
        ("failed:\n\n  because", "ValueError: failed: because"),
        ("in the TorchScript interpreter.\nTraceback\nValueError: shapes", "ValueError: shapes"),
        ("long " * 100, "ValueError: " + ("long " * 100)[:139].rstrip() + "…"),
    ],
)
def test_an_error_in_one_line(text: str, line: str) -> None:
    assert one_line(ValueError(text)) == line


@pytest.mark.parametrize(
    "kind",
    [
        "weight normalisation by the old hook",
        "a part that is scripted",
        "pruning, a hook likewise",
        "parts that are called as those of torch.compile are",
        "gradients left on in forward",
    ],
)
def test_the_program_trains_evaluates_predicts_and_exports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write_model(cwd, TRAINED[kind])
    write_image(cwd / "some.png")
    trained = call([*TRAIN, "--epochs", "1"], cwd)
    assert trained.returncode == 0, trained.stderr
    (folder,) = (cwd / "runs").iterdir()
    assert (folder / storage.WEIGHTS).exists()
    commands = [["evaluate"], ["predict", "some.png"]]
    commands += [["export", "--format", form] for form in ("safetensors", "onnx", "torch-export")]
    for command, *more in commands:
        done = call([command, folder.name, *more], cwd)
        said = done.stdout + done.stderr
        assert UNEXPECTED not in said
        assert "Traceback" not in said
        if done.returncode:
            assert command == "export"
            assert more[1] != "safetensors", done.stderr
            assert len(done.stderr.strip().splitlines()[-1]) <= LONGEST_REFUSAL + len(str(cwd))


@pytest.mark.parametrize(
    "kind", ["a sparse gradient", "an empty state", "one image alone", "a lazy layer that is not used"]
)
def test_the_program_refuses_it_before_it_makes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    code, _ = REFUSED[kind]
    write_model(cwd, code)
    refused = call([*TRAIN, "--epochs", "1"], cwd)
    assert refused.returncode == 2
    line = refused.stderr.splitlines()[-1]
    assert line.startswith("cifar-tui: --model kind:Net: ")
    assert len(line) <= LONGEST_REFUSAL
    assert UNEXPECTED not in refused.stderr
    assert not (cwd / "runs").exists()


def test_curves_of_no_epoch_are_exported_and_said_to_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write_model(cwd, net())
    assert call([*TRAIN, "--epochs", "1"], cwd).returncode == 0
    (folder,) = (cwd / "runs").iterdir()
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    begun = Path(shutil.copytree(folder, folder.parent / "20260314-150926-begun"))
    (begun / "events.jsonl").write_text("".join(lines[:1]))
    (begun / "model.safetensors").unlink()
    shutil.rmtree(begun / "checkpoints")
    for form in ("csv", "tensorboard"):
        done = call(["export", "begun", "--format", form], cwd)
        assert done.returncode == 0, done.stderr
        assert "; the run has no complete epoch yet" in done.stdout
    refused = call(["export", "begun", "--format", "onnx"], cwd)
    assert refused.returncode == 2
    assert "has no best weights yet: they come with the end of an epoch; resume it first" in refused.stderr


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_documentations_examples_train(tmp_path: Path, code: str, precision: str) -> None:
    (name,) = re.findall(r"class (\w+)\(nn\.Module\):\n    def __init__\(self, num_classes", code)
    (tmp_path / "example.py").write_text(code)
    trained = run(tmp_path, epochs=1, precision=precision, model=f"example:{name}", model_dir=str(tmp_path))
    assert trained.outcome.state == "finished"


def test_the_documentation_has_every_refusal() -> None:
    said = re.findall(r"^\| .*? \| `(.*?)` \| .* \|$", DOCS, re.MULTILINE)
    assert said
    lines = [says for _, says in (*REFUSED.values(), *WARNED.values())]
    for message in said:
        assert any(message in line or line in message for line in lines), message
