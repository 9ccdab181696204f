"""What a network computes in, and what makes the same run give the same result.

Mixed precision is torch's: weights and optimiser stay in float32, the network's operations run in
half precision where autocast knows that to be safe. Losses never do: a persistence barcode of
values with 11 bits is one of ties.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, get_args

import torch

from topoeval.errors import UserError

Precision = Literal["float32", "bfloat16", "float16"]


class Arithmetic:
    """Runs networks in one precision, and steps by their gradients.

    Parameters
    ----------
    precision
        Of the network; ``"float16"`` also scales the loss, so that small gradients do not vanish.
    device
        Type of the device, as ``"cuda"``.

    Raises
    ------
    UserError
        Another precision.

    Examples
    --------
    >>> arithmetic = Arithmetic("bfloat16", "cpu")
    >>> layer = torch.nn.Linear(4, 1)
    >>> with arithmetic.autocast():
    ...     layer(torch.ones(1, 4)).dtype
    torch.bfloat16
    >>> arithmetic.logits(layer, torch.ones(1, 4)).dtype
    torch.float32
    """

    def __init__(self, precision: Precision = "float32", device: str = "cpu") -> None:
        if precision not in get_args(Precision):
            raise UserError(
                f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}"
            )
        self.precision: Precision = precision
        self._device = device
        self._scaler = torch.amp.GradScaler(device, enabled=precision == "float16")

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which a network runs."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self._device, getattr(torch, self.precision))

    def logits(self, forward: Callable[..., Any], *inputs: Any) -> Any:
        """Return what `forward` returns, in at least float32: what losses and scores are given.

        A network with deep supervision returns a list of logits in training.
        """
        with self.autocast():
            outputs = forward(*inputs)
        if isinstance(outputs, list | tuple):
            return [_widened(one) for one in outputs]
        return _widened(outputs)

    def backward(self, total: torch.Tensor) -> None:
        """Add the gradients of `total`, scaled if the precision asks for it."""
        self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """Step; a float16 step whose gradients overflowed is left out and the scale lowered."""
        self._scaler.step(optimiser)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return what an interrupted training needs to go on: the scale."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore `state_dict`; an empty one, of another precision, is left alone."""
        if state:
            self._scaler.load_state_dict(state)


def _widened(logits: torch.Tensor) -> torch.Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


@contextmanager
def reproducible(device: str) -> Iterator[dict[str, bool]]:
    """Settle on `device` what torch else leaves to the hardware, and put it back afterwards.

    On CUDA: deterministic algorithms wherever there are any (torch warns where there are none), no
    timing contest among convolutions, and no TensorFloat-32, so that ``"float32"`` means float32.
    On the CPU there is nothing to settle. Yields the settings in force, for the record.
    """
    if device != "cuda":
        yield _settings()
        return
    # cuBLAS reads it when its first handle is made; two fixed workspaces keep its sums in order
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = _settings()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        _settle(
            deterministic_algorithms=True,
            cudnn_deterministic=True,
            cudnn_benchmark=False,
            tf32_convolutions=False,
            tf32_products=False,
        )
        yield _settings()
    finally:
        _settle(**before, warn_only=warn_only)


def _settings() -> dict[str, bool]:
    cudnn = torch.backends.cudnn
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": cudnn.deterministic,
        "cudnn_benchmark": cudnn.benchmark,
        "tf32_convolutions": cudnn.allow_tf32,
        "tf32_products": torch.backends.cuda.matmul.allow_tf32,
    }


def _settle(
    *,
    deterministic_algorithms: bool,
    cudnn_deterministic: bool,
    cudnn_benchmark: bool,
    tf32_convolutions: bool,
    tf32_products: bool,
    warn_only: bool = True,
) -> None:
    torch.use_deterministic_algorithms(deterministic_algorithms, warn_only=warn_only)
    torch.backends.cudnn.deterministic = cudnn_deterministic
    torch.backends.cudnn.benchmark = cudnn_benchmark
    torch.backends.cudnn.allow_tf32 = tf32_convolutions
    torch.backends.cuda.matmul.allow_tf32 = tf32_products
