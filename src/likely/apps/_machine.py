"""What this machine gives: cores, memory, disk, accelerators, and variables that matter."""

import os
import platform
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from likely.apps._finding import Finding

GIB = 2**30
_CGROUP = Path("/sys/fs/cgroup")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def machine() -> list[Finding]:
    """Cores, memory, and the folder this was started in."""
    return [_system(), _cores(), _memory(), _disk(), _folder()]


def accelerators() -> list[Finding]:
    """GPUs, whether this build of torch can use them, Triton, and a browser for reports."""
    browser = next((name for name in _BROWSERS if shutil.which(name)), "")
    said = browser or "none found: tests of the report are skipped"
    return [*_gpus(), _triton(), Finding("browser", "good" if browser else "note", said)]


def variables() -> list[Finding]:
    """Environment variables that change speed or what is reached; paths are not shown."""
    found = []
    for name in ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE"):
        value = os.environ.get(name)
        found.append(Finding(name, "note", "not set" if value is None else value))
    home = os.environ.get("HF_HOME")
    if home is not None and not Path(home).is_dir():
        found.append(Finding("HF_HOME", "caution", "set to a folder that is not there", "make it"))
    else:
        found.append(Finding("HF_HOME", "note", "not set" if home is None else "set"))
    return found


def _system() -> Finding:
    return Finding("system", "note", f"{platform.system()} {platform.machine()}")


def usable_cores() -> float:
    """Cores that this process may use: affinity and the quota of its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity is not None else os.cpu_count() or 1)
    try:
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):  # No control group, or "max": no limit.
        return cores


def _cores() -> Finding:
    logical, usable = os.cpu_count() or 1, usable_cores()
    values = {"logical": logical, "physical": _physical(), "usable": usable}
    says = f"{values['physical'] or logical} physical, {logical} logical, {usable:g} usable here"
    try:
        import torch

        threads = torch.get_num_threads()
    except Exception:  # Broken torch is told of elsewhere.
        return Finding("cores", "good", says, "", values)
    values["threads"] = threads
    says += f"; torch uses {threads}"
    if threads > max(1, usable):
        remedy = f"set OMP_NUM_THREADS={max(1, int(usable))}: threads that share a core wait"
        return Finding("cores", "caution", says, remedy, values)
    return Finding("cores", "good", says, "", values)


def _physical() -> int | None:
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return None
    count: int | None = psutil.cpu_count(logical=False)
    return count


def _memory() -> Finding:
    try:
        import psutil

        found = psutil.virtual_memory()
        total, free = int(found.total), int(found.available)
    except ImportError:
        return Finding("memory", "note", "unknown (psutil is not installed)")
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        total, free = min(total, limit), min(free, max(0, limit - used))
    except (OSError, ValueError):  # No control group, or "max": no limit.
        pass
    values = {"total_bytes": total, "free_bytes": free}
    says = f"{total / GIB:.1f} GiB, {free / GIB:.1f} GiB free"
    if free < 2 * GIB:
        return Finding("memory", "caution", says, "close what else runs, or use --fast", values)
    return Finding("memory", "good", says, "", values)


def _disk() -> Finding:
    free = shutil.disk_usage(".").free
    says, values = f"{free / GIB:.1f} GiB free in this folder", {"free_bytes": free}
    if free < 2 * GIB:
        return Finding("disk", "caution", says, "make room, or give --out on another disk", values)
    return Finding("disk", "good", says, "", values)


def _folder() -> Finding:
    try:
        with tempfile.TemporaryFile(dir="."):
            return Finding("folder", "good", "can be written to")
    except OSError as problem:
        says = f"cannot be written to ({problem.strerror})"
        return Finding("folder", "caution", says, "give --out a folder of your own")


def _gpus() -> list[Finding]:
    try:
        import torch
    except Exception:  # Broken torch is told of elsewhere.
        return [Finding("GPU", "note", "unknown: torch cannot be imported")]
    built = getattr(torch.version, "cuda", None) or getattr(torch.version, "hip", None)
    build = f"torch is built for CUDA {built}" if built else "torch is built without CUDA"
    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            values = {"total_bytes": about.total_memory, "cuda": built}
            says = f"{about.name}, {about.total_memory / GIB:.0f} GiB"
            found.append(Finding(f"GPU {index}", "good", f"{says}; {build}", "", values))
        return found
    if torch.backends.mps.is_available():
        return [Finding("GPU", "good", "Apple's, through MPS")]
    if built:
        return [Finding("GPU", "note", f"{build}, and it finds no device (look at nvidia-smi)")]
    if shutil.which("nvidia-smi"):
        remedy = "install a build of torch with CUDA: pytorch.org/get-started"
        return [Finding("GPU", "caution", f"there is a driver, but {build}", remedy)]
    return [Finding("GPU", "note", f"none ({build})")]


def _triton() -> Finding:
    there = find_spec("triton") is not None
    return Finding("triton", "good" if there else "note", "installed" if there else "not installed")
