"""The command lines of the report do what they say when they are pasted."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifar_tui.config import HealthOptions, TrainingConfig
from cifar_tui.store.command_lines import health_options, run_command, shell_line, training_command
from tests.support.recorded import ID


def test_a_run_with_the_default_options_names_only_its_model() -> None:
    assert training_command(TrainingConfig(), "runs") == ["cifar-tui", "--no-ui", "--model", "cnn"]


def test_options_that_differ_from_the_defaults_are_given() -> None:
    options = TrainingConfig(model="mlp", data="my_images", batch_size=64, weight_decay=1e-5, name="try-2")

    assert training_command(options, "runs") == (
        [
            "cifar-tui",
            "--no-ui",
            "--model",
            "mlp",
            "--data",
            "my_images",
            "--batch-size",
            "64",
            "--weight-decay",
            "1e-05",
            "--name",
            "try-2",
        ]
    )


def test_an_option_that_differs_from_its_recipe_is_given_though_the_protocol_has_it() -> None:
    options = TrainingConfig(model="cnn", recipe="fast", epochs=TrainingConfig().epochs)

    command = training_command(options, "runs")
    assert command[command.index("--epochs") + 1] == str(TrainingConfig().epochs)


def test_a_value_that_begins_with_a_dash_is_joined_to_its_option() -> None:
    assert "--data=-images" in training_command(TrainingConfig(data="-images"), "runs")


def test_a_runs_directory_that_is_not_the_default_is_given() -> None:
    assert training_command(TrainingConfig(), "my runs")[-2:] == ["--runs-dir", "my runs"]
    assert run_command("resume", ID, "my runs") == ["cifar-tui", "resume", ID, "--runs-dir", "my runs"]
    assert run_command("resume", ID, "runs") == ["cifar-tui", "resume", ID]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=8))
def test_a_shell_reads_back_the_same_words_from_one_printable_line(words: list[str]) -> None:
    words.append("a'b\\c\n\x1b[31m\u202e $(date) `date` \x85")
    line = shell_line([*words, "caf\udce9"])

    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert done.stdout == b"".join(word.encode() + b"\0" for word in words) + b"caf\xe9\0"


def test_options_of_the_health_check_are_handed_on_where_they_are_not_the_defaults() -> None:
    assert health_options(HealthOptions()) == []
    given = HealthOptions(mute=("plateau", "disk"), disk_reserve=5.0)
    assert health_options(given) == ["--mute=plateau", "--mute=disk", "--disk-reserve=5.0"]
