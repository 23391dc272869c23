"""What the figures of `benchmarks/scan_gpu.py` belong to: card, driver, versions, commit."""

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution

import torch

from benchmarks.gradient_file import ROOT

PACKAGES = (
    "likely",
    "torch",
    "triton",
    "transformers",
    "peft",
    "cut-cross-entropy",
    "liger-kernel",
    "quack-kernels",
    "nvidia-cutlass-dsl",
)
ASKED = ("driver_version", "power.limit", "clocks.max.sm", "clocks.max.mem")


def about(device):
    """Where and with what it was run.

    Args:
        device: what was measured.

    Returns:
        Date, commit, machine, versions.
    """
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(
            _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
        ),
        "machine": {
            "card": _card(device),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "cuda": torch.version.cuda,
        },
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _card(device):
    if device.type != "cuda":
        return None
    found = torch.cuda.get_device_properties(device)
    card = {
        "name": found.name,
        "gibibytes": round(found.total_memory / 2**30, 1),
        "capability": f"{found.major}.{found.minor}",
        "multiprocessors": found.multi_processor_count,
    }
    names = [f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"]
    identity = getattr(found, "uuid", None)
    which = ["-i", f"GPU-{identity}"] if identity else []
    said = _said(["nvidia-smi", *which, *names]) or _said(["nvidia-smi", *names])
    values = said.splitlines()[0].split(", ") if said else []
    return card | dict(zip(ASKED, values, strict=False))


def _version(package):
    """The version, and the commit where it was installed from a repository."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return None
    origin = found.read_text("direct_url.json")
    commit = json.loads(origin).get("vcs_info", {}).get("commit_id") if origin else None
    return f"{found.version} ({commit[:10]})" if commit else found.version


def _git(*arguments):
    return _said(["git", "-C", str(ROOT), *arguments])


def _said(command):
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
