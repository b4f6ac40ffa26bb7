"""What holds for all tests."""

import os

# Threads that wait for each other on shared cores take many times as long on such small tensors. The programs that
# tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"
