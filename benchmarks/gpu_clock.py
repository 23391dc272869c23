"""Milliseconds and bytes of a call on a card, or, for trying the script out, on a processor."""

import statistics
import time

import torch

FLUSH = 2**28
"""Bytes written before each timed call, so that nothing is in the card's cache."""

MEBIBYTE = 2**20


class Clock:
    """Times calls on one device.

    Args:
        device: where they run.
    """

    def __init__(self, device):
        self.on_card = device.type == "cuda"
        self._flush = torch.empty(FLUSH if self.on_card else 1, dtype=torch.uint8, device=device)

    def wait(self):
        """Until the device has done everything."""
        if self.on_card:
            torch.cuda.synchronize()

    def milliseconds(self, run):
        """Of one call, its launches where the device waits for them."""
        self.wait()
        self._flush.zero_()
        if not self.on_card:
            begin = time.perf_counter()
            run()
            return 1000 * (time.perf_counter() - begin)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        return start.elapsed_time(end)

    def mebibytes(self, run, kept):
        """The most that a call holds above what was there before and what it leaves.

        Args:
            run: the call; its gradients are dropped by it.
            kept: bytes of what it leaves.

        Returns:
            MiB; None on a processor.
        """
        if not self.on_card:
            run()
            return None
        self.wait()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        self.wait()
        return (torch.cuda.max_memory_allocated() - before - kept) / MEBIBYTE

    def retries(self):
        """How often the allocator had to empty itself so far."""
        return torch.cuda.memory_stats().get("num_alloc_retries", 0) if self.on_card else 0


def rounds(clock, runs, count):
    """Every call once a round, each round beginning with another one.

    Args:
        clock: of the device.
        runs: calls by name; they were called before.
        count: rounds.

    Returns:
        Milliseconds of every round by name, and in how many the allocator emptied itself.
    """
    names = list(runs)
    found = {name: [] for name in names}
    emptied = dict.fromkeys(names, 0)
    for turn in range(count):
        at = turn % max(1, len(names))
        for name in names[at:] + names[:at]:
            before = clock.retries()
            found[name].append(clock.milliseconds(runs[name]))
            emptied[name] += clock.retries() > before
    return found, {name: number for name, number in emptied.items() if number}


def summary(milliseconds):
    """Median and quartiles.

    Args:
        milliseconds: of every round.

    Returns:
        Three numbers: median, lower and upper quartile.
    """
    if len(milliseconds) < 2:
        return [milliseconds[0]] * 3
    low, middle, high = statistics.quantiles(milliseconds, n=4, method="inclusive")
    return [middle, low, high]


def ratio(found, method, against):
    """Median over rounds of one method's time over another's.

    Args:
        found: milliseconds of every round by name.
        method: a name.
        against: another.

    Returns:
        The ratio.
    """
    return statistics.median(a / b for a, b in zip(found[method], found[against], strict=True))
