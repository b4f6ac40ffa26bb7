"""Validation images while a run is under way, test images once it is tested or where they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.events import Checkpoint
from tests.support.dashboard import STARTED, dashboard
from tests.support.panel_states import LOADED, predicted_images

SAVED = Checkpoint(t=9, epoch=9, batch=0, path="x", best=True)


async def test_a_run_under_way_is_shown_by_its_validation_images_and_u_asks_for_test_images(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn") as desk:
        run, started, test, epochs = await desk.started_run()
        run.tell(started, replace(test, split="validation"), *epochs, SAVED)
        images = desk.workspace.images
        images["20260101-000000-cnn validation"] = InputError("nothing is recorded")
        await desk.press("3")
        await desk.shows("nothing is recorded; u evaluates its test images, in the background at the lowest priority")
        images["20260101-000000-cnn validation"] = replace(LOADED, split="validation")
        images["20260101-000000-cnn test"] = LOADED
        await desk.press("3")
        await desk.shows("validation images of epoch 2 · u: test images", "u test/validation")
        desk.workspace.gate.clear()
        await desk.press("u")
        await desk.shows("evaluating the test images 30 % …", "validation images of epoch 2 · u: stop")
        await desk.press("u")
        await desk.shows("validation images of epoch 2 · u: test images")
        assert "evaluating" not in desk.screen()
        desk.workspace.gate.set()
        await desk.press("u")
        await desk.shows("test images, weights of epoch 2 · u: validation images")
        await desk.press("k", "u")
        await desk.shows(f"confidence on {len(LOADED.predictions.labels):,} validation images of epoch 2")
        assert desk.workspace.splits == ["validation", "validation", "test", "test", "validation"]
        await desk.press("2")
        await desk.shows("validation after epoch", "27 of 1,000")
        await desk.press("enter")
        await desk.shows("'bird' predicted as 'plane'", "validation images of epoch 2")
        run.tell(test)
        run.end("finished")
        await desk.press("2")
        await desk.shows("test, epoch 2", "27 of 1,000")
        await desk.press("enter")
        await desk.shows("test images, weights of epoch 2")
        assert desk.workspace.splits[5:] == ["test"]


async def test_the_key_of_the_view_shows_the_newest_images_that_are_recorded_at_once(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn") as desk:
        run, started, test, epochs = await desk.started_run()
        run.tell(started, epochs[0], SAVED)
        images, run_id = desk.workspace.images, STARTED
        images[f"{run_id} validation"] = replace(predicted_images(epoch=1), split="validation")
        await desk.press("3")
        await desk.shows("validation images of epoch 1")
        run.tell(*epochs[1:])
        await desk.shows("epoch 2 is better", "validation images of epoch 1")
        images[f"{run_id} validation"] = replace(LOADED, split="validation")
        await desk.press("1", "k")
        await desk.shows("validation images of epoch 2")
        images[f"{run_id} test"] = predicted_images(epoch=1)
        await desk.press("u")
        await desk.shows("test images", "weights of epoch 1", "epoch 2 is better")
        await desk.press("1", "3")
        assert desk.workspace.splits == ["validation", "validation", "test"], "nothing is computed unasked"
        images[f"{run_id} test"] = LOADED
        run.tell(test)
        run.end("finished")
        await desk.shows("finished")
        await desk.press("1", "k")
        await desk.shows("weights of epoch 2")


async def test_validation_images_stay_when_the_run_is_tested_until_they_are_renewed(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn") as desk:
        run, started, test, epochs = await desk.started_run()
        run.tell(started, *epochs, SAVED)
        desk.workspace.images["20260101-000000-cnn validation"] = replace(LOADED, split="validation")
        desk.workspace.images["20260101-000000-cnn"] = LOADED
        await desk.press("3")
        await desk.shows("validation images of epoch 2")
        run.tell(test)
        run.end("finished")
        await desk.shows("tested: press 3 for the test images", "validation images of epoch 2")
        await desk.press("3")
        await desk.shows("test images, weights of epoch 2")
        assert desk.workspace.splits == ["validation", None]
