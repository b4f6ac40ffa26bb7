"""The protocol's augmentation: ours in batches against torchvision's image by image, alternately in one run.

Run it with `python -m benchmarks.augmentation`, best on idle cores.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torchvision.transforms import v2

from cifar_tui.data.augmentation.augment import AugmentationPolicy, augment, sample_parameters
from cifar_tui.data.loader import normalise

BATCH = 256


def ours(images: torch.Tensor) -> torch.Tensor:
    """An augmented batch, as in training."""
    indices = torch.arange(BATCH)
    return normalise(augment(images, indices, sample_parameters(indices, 0, 1, AugmentationPolicy())))


TORCHVISION = v2.Compose(
    [
        v2.RandomHorizontalFlip(0.5),
        v2.RandomCrop(32, padding=4, padding_mode="reflect"),
        v2.ColorJitter(0.2, 0.2, 0.2, 0.1),
        v2.RandomRotation(15),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ]
)


def torchvisions(images: torch.Tensor) -> torch.Tensor:
    """The same from torchvision's transforms on PIL images, as a data loader applies them."""
    to_pil = v2.ToPILImage()
    return torch.stack([TORCHVISION(to_pil(image)) for image in images])


def speed(make: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, batches: int) -> float:
    """Images per second."""
    start = time.perf_counter()
    for _ in range(batches):
        make(images)
    return batches * len(images) / (time.perf_counter() - start)


def main() -> None:
    """Measure both alternately and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ours(images)
    torchvisions(images)
    rounds = [(speed(ours, images, 40), speed(torchvisions, images, 2)) for _ in range(options.rounds)]
    print(f"torch {torch.__version__}, {options.threads} threads, batch {BATCH}, {options.rounds} alternating rounds\n")
    print("| augmentation | images/s (median) | ratio (median, min–max) |")
    print("|---|---:|---:|")
    ratios = [a / b for a, b in rounds]
    print(f"| torchvision, image by image | {statistics.median(b for _, b in rounds):,.0f} | 1 |")
    print(
        f"| cifar-tui, in batches | {statistics.median(a for a, _ in rounds):,.0f} |"
        f" {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f}) |"
    )


if __name__ == "__main__":
    main()
