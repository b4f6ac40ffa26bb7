"""Hugging Face's Trainer on scikit-learn's digits, recorded in two lines: the import and the Trainer's `callbacks`."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from transformers import EvalPrediction, Trainer, TrainingArguments

from cifar_tui.adapters.huggingface import RunCallback


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.layers(pixels)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def accuracy(found: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((np.argmax(found.predictions, axis=1) == found.label_ids).mean())}


def main() -> None:
    digits = load_digits()
    rows = [
        {"pixels": torch.tensor(image.ravel() / 16, dtype=torch.float32), "labels": int(label)}
        for image, label in zip(digits.images, digits.target, strict=True)
    ]
    arguments = TrainingArguments(
        output_dir="transformers-digits",
        num_train_epochs=10,
        per_device_train_batch_size=64,
        learning_rate=0.01,
        eval_strategy="epoch",
        logging_steps=5,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(
        model=Digits(),
        args=arguments,
        train_dataset=rows[:1500],
        eval_dataset=rows[1500:],
        compute_metrics=accuracy,
        callbacks=[RunCallback(name="digits-transformers")],
    )
    trainer.train()


if __name__ == "__main__":
    main()
