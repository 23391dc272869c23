"""What the scan costs beside bare matrix products: writes `results/scan.json`.

Every ratio is taken within a round: all methods of a case run one after the other, round after
round, and the median of the rounds' ratios is kept, in wall time and in processor time of this
process. Memory is measured in fresh processes: the highest resident size of a second call above
what was there before it, less the gradients that it leaves.

    python benchmarks/scan.py                 # everything
    python benchmarks/scan.py --only time     # or memory, or statistics
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

import likely
from likely.core.catalogue import catalogue
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab._way import emulated
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan

RESULT = Path(__file__).parent / "results" / "scan.json"
ROUNDS = 7
MEBIBYTE = 2**20


class Case:
    """One shape and dtype, and every method that is timed on it."""

    def __init__(self, dtype: str, tokens: int, width: int, words: int) -> None:
        self.dtype, self.tokens, self.width, self.words = dtype, tokens, width, words
        g = torch.Generator().manual_seed(0)
        kind = getattr(torch, dtype)
        hidden = torch.randn(tokens, width, generator=g)
        weight = torch.randn(words, width, generator=g) / 8
        self.hidden = hidden.to(kind).requires_grad_()
        self.weight = weight.to(kind).requires_grad_()
        self.target = torch.randint(words, (tokens,), generator=g)
        self.columns = torch.randn(words, 2, generator=g)

    def backward(self, loss: torch.Tensor) -> None:
        """Take the gradient and drop it."""
        loss.backward()
        self.hidden.grad = self.weight.grad = None

    def five(self) -> dict[str, Statistic]:
        """Cross-entropy and four statistics more."""
        names = ("log_prob", "entropy", "varentropy", "sum_p2")
        found = {name: Statistic(name) for name in names}
        return {**found, "expect": Statistic("expect", settings={"u": self.columns})}

    def fused(self) -> None:
        """Cross-entropy, its gradient taken in the sweep."""
        found = fused_loss(
            lambda stats, _: -stats["log_prob"],
            self.hidden,
            Head(self.weight),
            self.target,
            {"log_prob"},
            backend="chunked",
        )
        self.backward(found.total / found.weight)

    def fused_five(self) -> None:
        """A loss of five statistics, in the sweep."""

        def loss(stats: Any, _: Any) -> torch.Tensor:
            more = 0.1 * stats["entropy"] + 0.1 * stats["varentropy"] + stats["sum_p2"]
            return -stats["log_prob"] + more + stats["expect"].sum(-1)

        found = fused_loss(
            loss, self.hidden, Head(self.weight), self.target, self.five(), backend="chunked"
        )
        self.backward(found.total / found.weight)

    def coupled(self) -> None:
        """Cross-entropy as any later loss would have it: the logits are computed again."""
        stats = scan(self.hidden, Head(self.weight), self.target, {"log_prob"}, backend="chunked")
        self.backward(-stats["log_prob"].mean())

    @torch.no_grad()
    def scores(self) -> None:
        """No gradient at all."""
        scan(self.hidden, Head(self.weight), self.target, {"log_prob"}, backend="chunked")

    def torch_default(self) -> None:
        """Torch's own chunked loss as it comes."""
        options = torch.nn.LinearCrossEntropyOptions()
        loss = functional.linear_cross_entropy(
            self.hidden, self.weight, self.target, options=options
        )
        self.backward(loss)

    def dense(self) -> None:
        """Plain torch, logits in float32."""
        self.backward(_dense(self.hidden, self.weight, self.target))

    def dense_compiled(self) -> None:
        """The same, compiled."""
        self.backward(_compiled()(self.hidden, self.weight, self.target))

    def bare(self, products: int, dtype: torch.dtype) -> Callable[[], None]:
        """So many products of the case's shape and nothing else."""
        hidden, weight = self.hidden.detach().to(dtype), self.weight.detach().to(dtype)
        draw = torch.randn(self.tokens, self.words).to(dtype) if products > 1 else None

        def run() -> None:
            for i in range(products):
                if i in (0, 3):
                    _ = hidden @ weight.T
                elif i == 1:
                    _ = draw @ weight
                else:
                    _ = draw.T @ hidden

        return run


def _dense(hidden: torch.Tensor, weight: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy((hidden @ weight.T).float(), target)


def _compiled() -> Any:
    if not hasattr(_compiled, "kept"):
        _compiled.kept = torch.compile(_dense)  # type: ignore[attr-defined]
    return _compiled.kept  # type: ignore[attr-defined]


def clock(methods: dict[str, Callable[[], None]], rounds: int) -> dict[str, Any]:
    """Seconds of every method in every round, wall and processor."""
    for run in methods.values():
        run()
    found: dict[str, Any] = {name: {"wall": [], "cpu": []} for name in methods}
    for turn in range(rounds):
        for name, run in methods.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            found[name]["wall"].append(round(time.perf_counter() - wall, 4))
            found[name]["cpu"].append(round(time.process_time() - cpu, 4))
        print(f"  round {turn + 1}: load {os.getloadavg()[0]:.1f}", flush=True)
    return found


def ratio(seconds: dict[str, Any], method: str, against: str) -> dict[str, float]:
    """Median over rounds of one method's time over another's."""
    return {
        kind: round(
            statistics.median(
                a / b for a, b in zip(seconds[method][kind], seconds[against][kind], strict=True)
            ),
            3,
        )
        for kind in ("wall", "cpu")
    }


def times(rounds: int) -> dict[str, Any]:
    """All cases of time."""
    float32 = torch.float32
    found: dict[str, Any] = {}
    case = Case("float32", 2048, 512, 32000)
    found["float32 2048x512x32000"] = _case(
        case,
        {
            "three products": case.bare(3, float32),
            "fused": case.fused,
            "fused, five statistics": case.fused_five,
            "four products": case.bare(4, float32),
            "scan": case.coupled,
            "one product": case.bare(1, float32),
            "scores": case.scores,
            "dense": case.dense,
            "dense, compiled": case.dense_compiled,
            "torch, default options": case.torch_default,
        },
        [
            ("fused", "three products"),
            ("fused, five statistics", "fused"),
            ("scan", "four products"),
            ("scores", "one product"),
            ("dense", "three products"),
            ("dense, compiled", "three products"),
            ("torch, default options", "three products"),
        ],
        rounds,
    )
    case = Case("bfloat16", 1024, 64, 4000)
    kind = torch.bfloat16
    found["bfloat16 1024x64x4000"] = _case(
        case,
        {
            "three products in bfloat16": case.bare(3, kind),
            "three products in float32": case.bare(3, float32),
            "fused": case.fused,
            "scan": case.coupled,
            "dense": case.dense,
            "torch, default options": case.torch_default,
        },
        [
            ("fused", "three products in bfloat16"),
            ("fused", "three products in float32"),
            ("torch, default options", "fused"),
            ("dense", "fused"),
        ],
        rounds,
    )
    found |= against_torch(min(rounds, 3))
    case = Case("bfloat16", 8192, 512, 32000)
    # Where 16-bit products are emulated the bare ones take minutes: float32 is the harder bar.
    bar = float32 if emulated(kind, torch.device("cpu")) else kind
    name = str(bar).removeprefix("torch.")
    found["bfloat16 8192x512x32000"] = _case(
        case,
        {
            f"three products in {name}": case.bare(3, bar),
            "fused": case.fused,
            f"four products in {name}": case.bare(4, bar),
            "scan": case.coupled,
        },
        [("fused", f"three products in {name}"), ("scan", f"four products in {name}")],
        rounds,
    )
    found["bfloat16 8192x512x32000"]["loss error, nats"] = loss_error(case)
    return found


def against_torch(rounds: int) -> dict[str, Any]:
    """Torch's own chunked loss in bfloat16: few tokens and rounds, for it is slow."""
    case = Case("bfloat16", 512, 512, 32000)
    methods = {"torch, default options": case.torch_default, "fused": case.fused}
    pairs = [("torch, default options", "fused")]
    return {"bfloat16 512x512x32000": _case(case, methods, pairs, rounds)}


def _case(
    case: Case,
    methods: dict[str, Callable[[], None]],
    pairs: list[tuple[str, str]],
    rounds: int,
) -> dict[str, Any]:
    print(case.dtype, case.tokens, case.width, case.words, flush=True)
    seconds = clock(methods, rounds)
    ratios = {f"{a} / {b}": ratio(seconds, a, b) for a, b in pairs}
    for name, value in ratios.items():
        print(f"    {name}: {value}", flush=True)
    return {"seconds": seconds, "ratios": ratios, "load": round(os.getloadavg()[0], 2)}


@torch.no_grad()
def loss_error(case: Case) -> float:
    """Largest error of a token's loss, against float64 on the same inputs, of 256 tokens."""
    some = torch.arange(0, case.tokens, max(1, case.tokens // 256))
    hidden, target = case.hidden[some], case.target[some]
    exact = functional.cross_entropy(
        hidden.double() @ case.weight.double().T, target, reduction="none"
    )
    ours = -scan(hidden, Head(case.weight), target, {"log_prob"}, backend="chunked")["log_prob"]
    return float((ours - exact).abs().max())


def arguments(name: str, case: Case) -> Statistic:
    """A wish for a statistic, with plausible arguments."""
    n, v = case.tokens, case.words
    g = torch.Generator().manual_seed(1)
    mask = torch.rand(v, generator=g) < 0.5
    ids = torch.randint(v, (n, 4), generator=g)
    rows: dict[str, dict[str, torch.Tensor]] = {
        "gather": {"ids": ids},
        "rest_lse": {"ids": ids},
        "expect_lowrank": {"a": torch.randn(n, 2, generator=g)},
        "column_sums": {"weight": torch.rand(n, generator=g)},
    }
    settings: dict[str, dict[str, Any]] = {
        "expect": {"u": case.columns},
        "expect_lowrank": {"b": case.columns},
        "covariance": {"u": case.columns},
        "subset_lse": {"mask": mask},
        "subset_expect": {"mask": mask, "u": case.columns},
        "power_lse": {"tau": 0.5},
        "renyi": {"order": 0.5},
        "tsallis": {"order": 0.5},
        "top": {"k": 10},
        "top_k_kl": {"k": 10},
        "gumbel_sample": {"seed": 0},
        "mixture_lse": {"a": 0.5, "b": 0.5},
        "two_head_sum": {"f": _product_of_roots},
        "row": {"f": _entropy_of_rows},
    }
    return Statistic(name, rows.get(name, {}), settings.get(name, {}))


def _product_of_roots(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    return ((log_p + log_q) / 2).exp()


def _entropy_of_rows(logits: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


def costs(rounds: int) -> dict[str, Any]:
    """What each statistic takes, beside `log_prob` alone."""
    case = Case("float32", 1024, 256, 16000)
    other = Case("float32", 1024, 64, 16000)
    roles = {"teacher": (other.hidden.detach(), Head(other.weight.detach()))}
    found = {}
    for name in catalogue("vocab.statistics"):
        wish = arguments(name, case)

        def measured(wish: Statistic, back: bool) -> Callable[[], None]:
            def run() -> None:
                with torch.set_grad_enabled(back):
                    stats = scan(
                        case.hidden,
                        Head(case.weight),
                        case.target,
                        {"it": wish},
                        roles=roles,
                        backend="chunked",
                        compiled=True,
                    )
                    value = stats["it"][1] if isinstance(stats["it"], tuple) else stats["it"]
                    if back:
                        case.backward(value.sum())

            return run

        gradient = name not in WITHOUT_GRADIENT
        plain = Statistic("log_prob")
        methods = {"scores": measured(wish, False), "log_prob scores": measured(plain, False)}
        if gradient:
            methods |= {"trains": measured(wish, True), "log_prob trains": measured(plain, True)}
        seconds = clock(methods, rounds)
        row = {"scores": ratio(seconds, "scores", "log_prob scores")}
        if gradient:
            row["trains"] = ratio(seconds, "trains", "log_prob trains")
        found[name] = row
        print(name, row, flush=True)
    return found


WITHOUT_GRADIENT = {"argmax", "gumbel_sample", "rank"}


def memory() -> dict[str, Any]:
    """Peaks above the gradients in MiB, each in a fresh process."""
    found = {}
    every = ("fused", "coupled", "dense_compiled", "dense")
    for dtype, tokens, width, methods in (
        ("float32", 8192, 512, every),
        ("bfloat16", 8192, 512, every[:2]),
        # The same logits from narrow states, where dense 16-bit products end in reasonable time.
        ("bfloat16", 8192, 64, every),
    ):
        row = {}
        for method in methods:
            command = [sys.executable, __file__, "--child", method, dtype, str(tokens), str(width)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row[method] = float(done.stdout.split()[-1])
            print(dtype, tokens, width, method, row[method], "MiB", flush=True)
        found[f"{dtype} {tokens}x{width}x32000"] = row
    return found


def child(method: str, dtype: str, tokens: int, width: int) -> None:
    """One method twice; prints the second call's peak above its gradients."""
    case = Case(dtype, tokens, width, 32000)
    run = getattr(case, method)
    run()
    gradients = sum(t.numel() * t.element_size() for t in (case.hidden, case.weight))
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run()
    print((_status("VmHWM") - before - gradients) / MEBIBYTE)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    raise SystemExit("This system does not tell the resident size of a process.")


def environment() -> dict[str, Any]:
    """What the numbers belong to."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return {
        "likely": likely.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "16-bit products": "emulated"
        if emulated(torch.bfloat16, torch.device("cpu"))
        else "in hardware",
        "avx512_bf16": "avx512_bf16" in flags,
    }


def main() -> None:
    """Measure and write the JSON; what was not measured this time stays as it was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["time", "memory", "statistics"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--child", nargs=4)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], given.child[1], int(given.child[2]), int(given.child[3]))
        return
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    found |= {"format": 1, "date": datetime.now(UTC).date().isoformat()}
    found |= {"environment": environment(), "rounds": given.rounds}
    parts = {
        "time": lambda: times(given.rounds),
        "memory": memory,
        "statistics": lambda: costs(given.rounds),
    }
    for name, measure in parts.items():
        if given.only in (None, name):
            found[name] = measure()
            if name == "statistics":
                threads = torch.get_num_threads()
                taken = {"threads": threads, "rounds": given.rounds, "note": "otherwise idle"}
                found["statistics_taken"] = taken
            RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
