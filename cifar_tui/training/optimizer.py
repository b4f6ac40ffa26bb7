"""AdamW as the reference protocol uses it, there without torch's compiler."""

from __future__ import annotations

from inspect import unwrap

import torch
from torch.optim import AdamW


class FusedAdamW(AdamW):
    """`torch.optim.AdamW` with its fused kernel, bit for bit, for training without `torch.compile`.

    Torch wraps these methods so that its compiler leaves them alone, and for that imports the compiler, about two
    seconds of start-up and 150 MB that nothing here uses. Unwrapped, they are the same methods.

    Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019.
    """

    add_param_group = unwrap(AdamW.add_param_group)
    state_dict = unwrap(AdamW.state_dict)
    load_state_dict = unwrap(AdamW.load_state_dict)
    zero_grad = unwrap(AdamW.zero_grad)
    # One of the wrappings also turns gradients off.
    step = torch.no_grad()(unwrap(AdamW.step))
