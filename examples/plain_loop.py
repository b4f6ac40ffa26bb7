"""A plain PyTorch training loop on scikit-learn's digits, recorded in five lines: those with `record` or `run`."""

import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from cifar_tui import record


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1)
    args = parser.parse_args()

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    data = TensorDataset(images, torch.tensor(digits.target))
    train, test = random_split(data, [1500, len(data) - 1500], torch.Generator().manual_seed(1))
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True)
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 36, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    with record(name="digits", epochs=args.epochs, batch_size=args.batch_size, config=vars(args)) as run:
        for _epoch in run.epochs():
            model.train()
            for inputs, labels in run.batches(loader):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(inputs), labels)
                loss.backward()
                optimizer.step()
                run.log(loss=loss, lr=args.lr)
            model.eval()
            with torch.no_grad():
                inputs, labels = next(iter(DataLoader(test, batch_size=len(test))))
                outputs = model(inputs)
            accuracy = (outputs.argmax(dim=1) == labels).float().mean()
            run.validated(loss=F.cross_entropy(outputs, labels), accuracy=accuracy)


if __name__ == "__main__":
    main()
