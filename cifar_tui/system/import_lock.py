"""First imports of packages whose modules import one another in circles, such as PyTorch's, by one thread at a time.

Two threads that enter such a circle at different places would wait for each other for ever; Python sees that, and fails
one of them or gives it half a module.
"""

from __future__ import annotations

import threading

import_lock = threading.RLock()
"""Held around an import that may be a process's first of such a package, where another thread may do the same."""
