"""Keras 3 on scikit-learn's digits, recorded in two lines: the import and the `callbacks` of `fit`."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from sklearn.datasets import load_digits

from cifar_tui.adapters.keras import RunCallback


def main() -> None:
    digits = load_digits()
    images, labels = digits.images.reshape(-1, 64) / 16, digits.target
    model = keras.Sequential([keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    model.fit(
        images[:1500],
        labels[:1500],
        batch_size=64,
        epochs=10,
        validation_data=(images[1500:], labels[1500:]),
        verbose=0,
        callbacks=[RunCallback(name="digits-keras")],
    )


if __name__ == "__main__":
    main()
