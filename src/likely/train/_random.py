"""The two sources of randomness of a run, apart from everything outside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch


class Random:
    """Torch's own generators (dropout) and one for objectives that draw.

    Args:
        seed: of the recipe.
        rank: of this process; every process draws its own numbers.
        device: where objectives draw.
    """

    def __init__(self, seed: int, rank: int, device: torch.device) -> None:
        first, second = np.random.SeedSequence([seed, rank]).generate_state(2).tolist()
        self._first, self._cuda = first, [device] if device.type == "cuda" else []
        self.objective = torch.Generator(device).manual_seed(second)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Inside, torch's generators are the run's; after, they are as they were before."""
        with self.kept():
            torch.manual_seed(self._first)
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever is drawn inside leaves no trace."""
        with torch.random.fork_rng(devices=self._cuda):
            yield

    def state(self) -> dict[str, str]:
        """All states, as hexadecimal text."""
        states = {"torch": torch.get_rng_state(), "objective": self.objective.get_state()}
        for device in self._cuda:
            states["cuda"] = torch.cuda.get_rng_state(device)
        return {name: bytes(state.tolist()).hex() for name, state in states.items()}

    def restore(self, state: Mapping[str, str]) -> None:
        """Put states back.

        Args:
            state: what `state` gave.
        """
        tensors = {
            name: torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)
            for name, text in state.items()
        }
        torch.set_rng_state(tensors["torch"])
        # A state of another kind of device does not fit; a run there cannot be exact anyway.
        if len(tensors["objective"]) == len(self.objective.get_state()):
            self.objective.set_state(tensors["objective"])
        for device in self._cuda if "cuda" in tensors else ():
            torch.cuda.set_rng_state(tensors["cuda"], device)
