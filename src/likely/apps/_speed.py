"""How fast matrix products are here, by number format: measured, not looked up."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from likely.apps._finding import Finding, reason

if TYPE_CHECKING:
    import torch

LONG_ENOUGH, LONGEST, WORTH_IT = 0.03, 0.35, 1.25
"""Seconds a product should last, seconds one kind of product may take, factor worth a switch."""


def speeds() -> list[Finding]:
    """Products of square matrices in each number format, on the processor and on each GPU."""
    try:
        import torch
    except Exception:  # Broken torch is told of elsewhere.
        return [Finding("speed", "note", "not measured: torch cannot be imported")]
    devices = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    found = []
    for device in devices:
        try:
            found += _told(device, rates(device))
        except RuntimeError as problem:
            found.append(Finding(device, "caution", f"products fail: {reason(problem)}"))
    return found


def rates(device: str) -> dict[str, float]:
    """Floating-point operations a second in each number format.

    Float32 decides how large the matrices are. Another format that would take too long at that
    size is measured on smaller ones, where slow formats are as slow.

    Args:
        device: `cpu`, `cuda:0` …

    Returns:
        Format → operations a second; `autocast` is float32 matrices under autocast to bfloat16,
        what `--precision bfloat16` does.
    """
    import torch

    size = 256 if device == "cpu" else 1024
    most = 2048 if device == "cpu" else 16384
    while size < most and _seconds(_product(device, torch.float32, size), device) < LONG_ENOUGH:
        size *= 2
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    found = {}
    for name, kind in kinds.items():
        found[name] = _rate(device, kind, size)
    found["autocast"] = _rate(device, torch.float32, size, autocast=True)
    return found


def _rate(device: str, kind: "torch.dtype", size: int, *, autocast: bool = False) -> float:
    small = min(size, 128 if device == "cpu" else 1024)
    took = _seconds(_product(device, kind, small, autocast), device)
    while small < size and took * 8 < LONGEST:
        small *= 2
        took = _seconds(_product(device, kind, small, autocast), device)
    return 2 * small**3 / took


def _product(
    device: str, kind: "torch.dtype", size: int, autocast: bool = False
) -> Callable[[], object]:
    import torch

    rng = torch.Generator(device="cpu").manual_seed(0)
    left, right = (torch.randn(size, size, generator=rng).to(device, kind) for _ in range(2))
    family = device.partition(":")[0]

    def multiply() -> object:
        mode: Any = torch.autocast(family, torch.bfloat16) if autocast else nullcontext()
        with mode, torch.inference_mode():
            return left @ right

    return multiply


def _seconds(work: Callable[[], object], device: str) -> float:
    """The best of several, after one that warms up; others who use the machine only add."""
    import torch

    def wait() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        elif device == "mps":
            torch.mps.synchronize()

    best, spent = float("inf"), 0.0
    work()
    wait()
    for _ in range(7):
        begin = time.perf_counter()
        work()
        wait()
        took = time.perf_counter() - begin
        best, spent = min(best, took), spent + took
        if spent > LONGEST:
            break
    return best


def _told(device: str, found: Mapping[str, float]) -> list[Finding]:
    """One line a format, and one sentence about which to use."""
    base = found["float32"]
    lines = []
    for name, rate in found.items():
        ratio = "" if name == "float32" else f", {rate / base:.2g} times float32"
        label = "float32 under autocast to bfloat16" if name == "autocast" else name
        says = f"{rate / 1e9:,.0f} billion operations a second{ratio}"
        values = {"operations_per_second": rate, "times_float32": rate / base}
        lines.append(Finding(f"{device} {label}", "note", says, "", values))
    return [*lines, Finding(f"{device} advice", "good", advice(found))]


def advice(found: Mapping[str, float]) -> str:
    """Which precision to train in, from measured rates.

    Args:
        found: operations a second by format.

    Returns:
        A sentence.

    Example:
        >>> advice({"float32": 1.0, "bfloat16": 4.0, "float16": 1.0, "autocast": 3.1})
        'bfloat16 is 3.1 times as fast as float32 here: use --precision bfloat16.'
    """
    gain = found["autocast"] / found["float32"]
    if gain >= WORTH_IT:
        return f"bfloat16 is {gain:.2g} times as fast as float32 here: use --precision bfloat16."
    if gain >= 1:
        return "float32 is nearly as fast as bfloat16 here: stay with --precision float32."
    return f"float32 is {1 / gain:.2g} times as fast as bfloat16 here: stay with it."
