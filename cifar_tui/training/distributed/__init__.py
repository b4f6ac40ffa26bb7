"""One run in many processes, on many devices and hosts, by torch.distributed."""
