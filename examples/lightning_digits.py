"""Lightning on scikit-learn's digits, recorded in three lines: the import, the logger, and the Trainer's arguments."""

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from cifar_tui.adapters.lightning import RunCallback, RunLogger


class Digits(LightningModule):
    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        return F.cross_entropy(self.layers(images), labels)

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        images, labels = batch
        outputs = self.layers(images)
        self.log("val_loss", F.cross_entropy(outputs, labels))
        self.log("val_accuracy", (outputs.argmax(dim=1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])


def main() -> None:
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.images, dtype=torch.float32) / 16, torch.tensor(digits.target))
    train, validation = random_split(data, [1500, len(data) - 1500], torch.Generator().manual_seed(1))
    logger = RunLogger(name="digits-lightning")
    trainer = Trainer(
        max_epochs=10,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        logger=logger,
        callbacks=[RunCallback(logger)],
    )
    trainer.fit(Digits(), DataLoader(train, 64, shuffle=True), DataLoader(validation, 297))


if __name__ == "__main__":
    main()
