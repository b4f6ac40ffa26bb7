"""Fold losses that only vary through the health check, and count its warnings: `python -m benchmarks.health.noise`.

The losses of small batches vary as these do, for thousands of batches; all of them are to be silent.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from random import Random

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.events import Batch, RunStarted

DISTRIBUTIONS: dict[str, Callable[[Random], float]] = {
    "lognormal, σ 0.3": lambda random: random.lognormvariate(0, 0.3),
    "lognormal, σ 0.5": lambda random: random.lognormvariate(0, 0.5),
    "lognormal, σ 0.7": lambda random: random.lognormvariate(0, 0.7),
    "lognormal, σ 1": lambda random: random.lognormvariate(0, 1),
    "exponential": lambda random: random.expovariate(1),
}


def warnings_of(draw: Callable[[Random], float], seed: int, batches: int) -> list[str]:
    """The topics of what is found in so many batches with such losses."""
    random, check, found = Random(seed), HealthCheck(), []
    check.apply(
        RunStarted.elsewhere(
            t=0.0, id="noise", model="script", data="", classes=(), epochs=1, batches=batches, batch_size=1,
            train_samples=batches, source="script", unit="images",
        )
    )  # fmt: skip
    for number in range(1, batches + 1):
        batch = Batch(
            t=number / 10, epoch=1, batch=number, batches=batches, samples=number, loss=draw(random), accuracy=0.5,
            lr=0.1, images_per_second=10.0,
        )  # fmt: skip
        found += [note.topic for note in check.apply(batch) if note.level == "warning"]
    return found


def main() -> None:
    """Print the warnings of each distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=20_000, help="of each stream")
    parser.add_argument("--streams", type=int, default=5, help="of each distribution")
    arguments = parser.parse_args()
    for name, draw in DISTRIBUTIONS.items():
        found = Counter(
            topic for seed in range(arguments.streams) for topic in warnings_of(draw, seed, arguments.batches)
        )
        print(f"{name}: {', '.join(f'{number}x {topic}' for topic, number in found.items()) or 'silent'}")


if __name__ == "__main__":
    main()
