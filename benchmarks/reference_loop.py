"""The reference study's training loop, written plainly: the baseline of the benchmarks.

PIL images through torchvision's transforms one by one in two workers of a `DataLoader`, float32, the layout that torch
has by default, and loss and accuracy copied from the device after every batch. Run it with
`python -m benchmarks.reference_loop --model mlp --data FOLDER`; it prints a line of JSON an epoch.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from cifar_tui.data import sources
from cifar_tui.data.dataset import Split, split

NORMALISE = (transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
AUGMENT = (
    transforms.RandomCrop(32, padding=4, padding_mode="reflect"),
    transforms.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
    transforms.RandomRotation(15),
)
FLIP = transforms.RandomHorizontalFlip(0.5)


class Images(Dataset[tuple[Tensor, int]]):
    """Images in memory, each converted to a PIL image and transformed on access."""

    def __init__(self, images: Split, transform: transforms.Compose) -> None:
        self.pixels = images.images.permute(0, 2, 3, 1).numpy()
        self.labels = images.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def cnn(classes: int) -> nn.Module:
    """The study's convolutional network."""

    def block(inputs: int, middle: int, outputs: int) -> list[nn.Module]:
        return [
            *(nn.Conv2d(inputs, middle, 3, padding="same"), nn.BatchNorm2d(middle), nn.ReLU()),
            *(nn.Conv2d(middle, outputs, 3, padding="same"), nn.BatchNorm2d(outputs), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Dropout(0.25)),
        ]

    blocks = [*block(3, 32, 64), *block(64, 128, 128), *block(128, 256, 256)]
    return nn.Sequential(*blocks, nn.Flatten(), *head(4096, classes))


def mlp(classes: int) -> nn.Module:
    """The study's fully connected network."""
    return nn.Sequential(nn.Flatten(), *head(3072, classes))


def head(inputs: int, classes: int) -> list[nn.Module]:
    """The last layers of both."""
    return [
        *(nn.Linear(inputs, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(1024, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(512, classes),
    ]


def train(
    model_name: str, data: str, *, epochs: int, seed: int, device: str, batch_size: int, planned: int
) -> Iterator[dict[str, Any]]:
    """Train as the study does, the first `epochs` of `planned` epochs.

    Yields:
        For each epoch: `seconds` of all of it, the validation too, and the means of the protocol, as fractions.
    """
    torch.manual_seed(seed)
    dataset = split(sources.read(data, None, lambda *_: None), seed)
    augment = transforms.Compose([*([FLIP] if dataset.flips else []), *AUGMENT, *NORMALISE])
    place = torch.device(device)
    pinned = place.type == "cuda"
    loader = DataLoader(
        Images(dataset.train, augment), batch_size, shuffle=True, num_workers=2, pin_memory=pinned, drop_last=False
    )
    validation = DataLoader(
        Images(dataset.validation, transforms.Compose(NORMALISE)), batch_size, num_workers=2, pin_memory=pinned
    )
    model = {"cnn": cnn, "mlp": mlp}[model_name](len(dataset.classes)).to(place)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=planned * len(loader))
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        model.train()
        loss_sum, correct = 0.0, 0
        for images, labels in loader:
            images, labels = images.to(place), labels.to(place)
            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
        trained = time.perf_counter() - start
        val_loss, val_accuracy = evaluate(model, validation, place)
        yield {
            "epoch": epoch,
            "images": len(dataset.train),
            "seconds": time.perf_counter() - start,
            "training_seconds": trained,
            "train_loss": loss_sum / len(dataset.train),
            "train_accuracy": correct / len(dataset.train),
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
        }


@torch.no_grad()
def evaluate(model: nn.Module, batches: DataLoader[tuple[Tensor, int]], place: torch.device) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    model.eval()
    loss_sum, correct, count = 0.0, 0, 0
    for images, labels in batches:
        images, labels = images.to(place), labels.to(place)
        logits = model(images)
        loss_sum += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += int((logits.argmax(1) == labels).sum().item())
        count += len(labels)
    return loss_sum / count, correct / count


def main() -> None:
    """Train, a line an epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("cnn", "mlp"), default="cnn")
    parser.add_argument("--data", default="digits", help="cifar10, digits, or a folder of images")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--planned", type=int, default=50, help="the epochs of the schedule")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    epochs = train(
        options.model,
        options.data,
        epochs=options.epochs,
        seed=options.seed,
        device=options.device,
        batch_size=options.batch_size,
        planned=max(options.planned, options.epochs),
    )
    for row in epochs:
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
