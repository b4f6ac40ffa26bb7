"""What people do with these libraries besides one `fit`: a test behind it, a second one, metrics that are arrays."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from cifar_tui.store.run_folder import RunFolder

LIGHTNING = """
import lightning.pytorch as pl, torch
from torch.utils.data import DataLoader, TensorDataset
from cifar_tui.adapters.lightning import RunCallback, RunLogger

class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
    def loss(self, batch):
        return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
    def training_step(self, batch, _):
        return self.loss(batch)
    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))
    def test_step(self, batch, _):
        self.log("test_loss", self.loss(batch)); self.log("test_acc", 0.5)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(3, (64,))), batch_size=8)
logger = RunLogger(name="net", quiet=True)
trainer = pl.Trainer(max_epochs=2, logger=logger, callbacks=[RunCallback(logger)], accumulate_grad_batches=4,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu")
net = Net()
trainer.validate(net, loader, verbose=False)
trainer.fit(net, loader, loader)
trainer.test(net, loader, verbose=False)
trainer.fit_loop.max_epochs = 3
trainer.fit(net, loader, loader)
"""
KERAS = """
import keras, numpy
from cifar_tui.adapters.keras import RunCallback
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", keras.metrics.F1Score()])
images, labels = numpy.random.rand(64, 4), keras.utils.to_categorical(numpy.random.randint(3, size=64), 3)
history = model.fit(images, labels, validation_data=(images, labels), epochs=2, batch_size=8, verbose=0,
    callbacks=[RunCallback(name="net", quiet=True)])
print(history.history["loss"][-1])
"""


def run(library: str, script: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    result = subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_lightnings_test_belongs_to_the_run_before_it_and_a_second_fit_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("lightning", LIGHTNING, tmp_path, monkeypatch)
    first, second = sorted((tmp_path / "runs").iterdir())
    state = RunFolder(first).read_state()
    assert (state.status, len(state.epochs)) == ("finished", 2)
    assert [epoch.samples for epoch in state.epochs] == [8, 16], "batches, not steps of the optimizer"
    assert state.test is not None
    assert state.test.accuracy == 0.5
    assert RunFolder(second).read_state().status == "finished"


def test_kerass_metrics_that_are_arrays_are_left_out_and_its_means_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = float(run("keras", KERAS, tmp_path, monkeypatch).split()[-1])
    (folder,) = (tmp_path / "runs").iterdir()
    state = RunFolder(folder).read_state()
    assert (state.status, len(state.epochs)) == ("finished", 2)
    assert state.epochs[-1].train_loss == pytest.approx(loss)
