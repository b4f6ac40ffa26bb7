"""Options are checked where they are made; every refusal names the option and what it takes."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.cli.launch_options import KNOWN
from cifar_tui.config import TrainingConfig
from cifar_tui.declarations import read_file
from cifar_tui.errors import InputError


def test_the_defaults_are_the_reference_protocols() -> None:
    config = TrainingConfig()
    assert (config.epochs, config.batch_size, config.lr, config.max_lr) == (50, 256, 0.001, 0.01)
    assert (config.weight_decay, config.patience, config.seed, config.recipe) == (1e-4, 10, 0, "protocol")
    assert (config.data, config.device, config.precision, config.checkpoint_seconds) == ("cifar10", "auto", "auto", 60)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": 1}, "--batch-size"),
        ({"lr": 0.0}, "--lr"),
        ({"lr": math.nan}, "--lr"),
        ({"max_lr": math.inf}, "--max-lr"),
        ({"weight_decay": -1.0}, "--weight-decay"),
        ({"patience": 0}, "--patience"),
        ({"threads": -1}, "--threads"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**63}, "--seed"),
        ({"checkpoint_seconds": 0.0}, "--checkpoint-seconds"),
        ({"precision": "fp16"}, "--precision"),
        ({"recipe": "slow"}, "--recipe"),
        ({"device": "tpu"}, "--device"),
        ({"device": "cuda:"}, "--device"),
        ({"devices": "0"}, "--devices"),
        ({"devices": "1025"}, "--devices"),
        ({"devices": "2 "}, "--devices"),
        ({"name": "../escape"}, "--name"),
        ({"name": ""}, "--name"),
        ({"name": "a\x1b[31m"}, "--name"),
        ({"data": ""}, "--data"),
        ({"data": "a\0b"}, "--data"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_options_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        TrainingConfig(**options)
    assert str(caught.value).startswith(named + " takes")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:17"])
def test_every_kind_of_device_is_taken(device: str) -> None:
    assert TrainingConfig(device=device).device == device


@pytest.mark.parametrize("devices", ["1", "9", "10", "999", "1000", "1024", "all"])
def test_a_number_of_devices_or_all_are_taken(devices: str) -> None:
    assert TrainingConfig(devices=devices).devices == devices


def test_a_file_may_have_a_number_of_devices_as_a_number() -> None:
    assert TrainingConfig.from_dict({"devices": 2}).devices == "2"


@given(st.builds(TrainingConfig, epochs=st.integers(1, 99), seed=st.integers(0, 9), lr=st.floats(1e-9, 9.0)))
def test_a_configuration_is_made_again_from_its_dictionary(config: TrainingConfig) -> None:
    assert TrainingConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(("model", "epochs", "batch_size"), [("cnn", 28, 512), ("mlp", 50, 256)])
def test_a_recipe_has_defaults_of_its_own_for_each_model_and_what_is_given_wins(
    model: str, epochs: int, batch_size: int
) -> None:
    fast = TrainingConfig.from_dict({"recipe": "fast", "model": model})
    assert (fast.epochs, fast.batch_size) == (epochs, batch_size)
    given = TrainingConfig.from_dict({"recipe": "fast", "model": model, "batch_size": 64, "epochs": 3})
    assert (given.epochs, given.batch_size, given.max_lr) == (3, 64, fast.max_lr)
    assert TrainingConfig.from_dict({"recipe": "protocol", "model": model}) == TrainingConfig(model=model)


def test_an_unknown_option_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError, match=r"somewhere: unknown option 'epoch' \(did you mean 'epochs'\?\)"):
        TrainingConfig.from_dict({"epoch": 3}, "somewhere")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TrainingConfig)])
@pytest.mark.parametrize("value", [True, [], {}, b"x"])
def test_a_value_of_a_wrong_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        TrainingConfig.from_dict({field: value})


def test_a_file_gives_options_under_dashes_or_underscores_and_several_models(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('model = ["cnn", "mlp"]\nbatch-size = 64\nmax_lr = 1\nruns-dir = "elsewhere"\n')
    options = read_file(file, KNOWN)
    assert options == {"model": ["cnn", "mlp"], "batch_size": 64, "max_lr": 1.0, "runs_dir": f"{tmp_path}/elsewhere"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("epochs = ", "is not TOML"),
        ("epoch = 3", "did you mean 'epochs'"),
        ("epochs = '3'", "epochs takes a whole number"),
        ("model = ['cnn', 3]", "model takes a string"),
        ("runs_dir = 3", "runs_dir takes a string"),
        ("\udcff", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=says) as caught:
        read_file(file, KNOWN)
    assert "run.toml" in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--config: cannot read .*none\.toml.*No such file"):
        read_file(tmp_path / "none.toml", KNOWN)
