"""What the names of columns and tags stand for."""

from __future__ import annotations

import pytest

from cifar_tui.cli import lifecycle
from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.names import ROLES, guess, parse_choices, split_of


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (
            "epoch,accuracy,loss,val_accuracy,val_loss,learning_rate",
            {"epoch": "epoch", "lr": "learning_rate", "loss": "loss", "accuracy": "accuracy"}
            | {"val-loss": "val_loss", "val-accuracy": "val_accuracy"},
        ),
        (
            "epoch,step,lr-AdamW,train_loss_step,train_loss_epoch,val_loss,val_acc,test_acc",
            {"epoch": "epoch", "step": "step", "lr": "lr-AdamW", "loss": "train_loss_step"}
            | {"train-loss": "train_loss_epoch", "val-loss": "val_loss", "val-accuracy": "val_acc"}
            | {"test-accuracy": "test_acc"},
        ),
        (
            "epoch,time,train/box_loss,train/cls_loss,metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,lr/pg0,lr/pg1",
            {"epoch": "epoch", "time": "time", "lr": "lr/pg0", "loss": "train/box_loss"}
            | {"val-accuracy": "metrics/mAP50-95(B)", "val-loss": "val/box_loss"},
        ),
        (
            "loss,grad_norm,learning_rate,epoch,step,eval_loss,eval_accuracy,eval_runtime",
            {"epoch": "epoch", "step": "step", "lr": "learning_rate", "loss": "loss"}
            | {"val-loss": "eval_loss", "val-accuracy": "eval_accuracy"},
        ),
        ("Loss/train,Loss/test", {"loss": "Loss/train", "val-loss": "Loss/test"}),
        (
            "train/epoch_loss,validation/epoch_loss",
            {"train-loss": "train/epoch_loss", "val-loss": "validation/epoch_loss"},
        ),
        (
            "train/loss,train/global_step,train/epoch",
            {"loss": "train/loss", "step": "train/global_step", "epoch": "train/epoch"},
        ),
        ("iteration,total_loss,aux_loss,acc@1", {"step": "iteration", "loss": "total_loss", "accuracy": "acc@1"}),
        ("lossless,floss_x,stepper,precision,recall", {}),
    ],
)  # fmt: skip
def test_names_of_known_tools_are_recognised(names: str, roles: dict[str, str]) -> None:
    assert guess(names.split(",")).names == roles


def test_the_better_name_is_taken_wherever_it_stands() -> None:
    assert guess(["aux_loss", "batch_loss", "train_loss"])["loss"] == "train_loss"
    assert guess(["aux_loss", "loss"])["loss"] == "loss"


def test_what_a_person_says_comes_before_any_guess() -> None:
    choices = parse_choices(["val-loss=dev/ce=2", "loss=aux_loss"])
    roles = guess(["loss", "aux_loss", "val_loss", "dev/ce=2"], choices)
    assert roles.names == {"loss": "aux_loss", "val-loss": "dev/ce=2"}


def test_the_help_names_every_role() -> None:
    assert lifecycle.ROLES == ROLES


@pytest.mark.parametrize("given", ["loss", "=x", "loss=", "vall-loss=x"])
def test_a_choice_that_is_none_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(InputError, match="--column"):
        parse_choices([given])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("val_f1", ("validation", "f1")),
        ("eval/f1", ("validation", "f1")),
        ("test.f1", ("test", "f1")),
        ("F1/val", ("validation", "F1")),
        ("train/f1", ("train", "train/f1")),
        ("value", ("train", "value")),
        ("grad_norm", ("train", "grad_norm")),
    ],
)
def test_the_part_of_the_data_is_known_by_the_name(name: str, split: tuple[str, str]) -> None:
    assert split_of(name) == split
