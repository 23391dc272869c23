"""`likely doctor`: everything it says is looked at, and nothing private is said."""

import getpass
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from likely.apps import _installed, _machine, _speed, cli, doctor
from likely.apps._finding import Finding, reason
from likely.core.catalogue import catalogue

REQUIRES = [
    "torch>=2.6",
    "numpy>=99",
    "no-such-package>=1",
    "pyarrow>=1; extra == 'data'",
    "no-such-codec>=2; extra == 'data'",
    "pytest>=8; extra == 'test'",
]


def here(capsys, *words):
    with pytest.raises(SystemExit) as left:
        cli.main(["doctor", *words])
    out, err = capsys.readouterr()
    return left.value.code, out, err


def by_name(group):
    return {one.name: one for one in group}


def test_the_table_ends_in_one_sentence(capsys):
    code, out, err = here(capsys, "--quick")
    assert code == 0, out
    assert not err
    lines = out.splitlines()
    for heading in ("Packages", "Machine", "Accelerators", "Extras", "Plugins", "Environment"):
        assert heading in lines
    assert "Speed" not in lines
    assert lines[-1].startswith("Everything that is needed is here")
    for name in ("python", "likely", "torch", "transformers", "accelerate", "tokenizers", "scipy"):
        assert f"✓  {name} " in out


def test_json_can_be_pasted_into_a_bug_report(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "models"))
    code, out, _ = here(capsys, "--quick", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["format"] == 1
    assert found["usable"] is True
    assert {"packages", "machine", "accelerators", "extras", "environment"} <= set(found)
    private = [str(tmp_path), str(Path.home()), platform.node(), str(Path.cwd()), sys.prefix]
    for text in (text for text in private if len(text) > 3):
        assert text not in out
    if len(getpass.getuser()) > 4:
        assert getpass.getuser() not in out
    cores = by_name(SimpleNamespace(**row) for row in found["machine"])["cores"]
    assert cores.usable <= cores.logical
    home = by_name(SimpleNamespace(**row) for row in found["environment"])["HF_HOME"]
    assert home.state == "caution"


@pytest.mark.parametrize("how", ["broken", "missing"])
def test_torch_that_cannot_be_imported_is_reported(tmp_path, how):
    paths = [str(Path(doctor.__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    block = "import sys; sys.modules['torch'] = None; " if how == "missing" else ""
    if how == "broken":
        (tmp_path / "torch").mkdir()
        wrong = "raise OSError('/opt/secret/libtorch.so: cannot open shared object file')\n"
        (tmp_path / "torch" / "__init__.py").write_text(wrong)
        paths.insert(0, str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", f"{block}from likely.apps.cli import main; main(['doctor'])"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "✗  import torch" in done.stdout
    assert "not measured: torch cannot be imported" in done.stdout
    assert "secret" not in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Something that likely needs is missing or broken: repair import torch")


def test_ranges_and_extras_come_from_the_metadata(monkeypatch):
    fields = {"Provides-Extra": ["data", "test"], "Requires-Python": [">=3.11"]}
    about = SimpleNamespace(get_all=fields.get)
    monkeypatch.setattr(_installed, "requires", lambda _: REQUIRES)
    monkeypatch.setattr(_installed, "metadata", lambda _: about)
    real = _installed.version
    monkeypatch.setattr(
        _installed, "version", lambda name: "20.0" if name == "pyarrow" else real(name)
    )
    packages, extras = by_name(_installed.packages()), by_name(_installed.extras())
    assert packages["torch"].state == "good"
    assert packages["numpy"].state == "caution"
    assert ">=99 is needed" in packages["numpy"].says
    assert packages["no-such-package"].state == "broken"
    assert packages["no-such-package"].remedy == "pip install 'no-such-package>=1'"
    assert extras["test"].state == "good"
    assert extras["data"].values["lacking"] == ["no-such-codec (not installed)"]
    assert extras["data"].remedy == "pip install 'likely[data]'"
    fields["Requires-Python"] = [">=99"]
    assert by_name(_installed.packages())["python"].state == "broken"


def test_a_source_tree_that_is_not_installed(monkeypatch):
    def nothing(name):
        raise _installed.PackageNotFoundError(name)

    for name in ("requires", "metadata"):
        monkeypatch.setattr(_installed, name, nothing)
    assert by_name(_installed.packages())["ranges"].state == "caution"
    assert _installed.extras() == []


def test_plugins_that_cannot_be_imported(monkeypatch):
    point = SimpleNamespace(
        name="strange", module="no_such_module", dist=SimpleNamespace(name="other-package")
    )
    points = {"likely.objectives": [point]}
    fake = lambda group: points.get(group, [])  # noqa: E731
    monkeypatch.setattr(_installed, "entry_points", fake)
    monkeypatch.setattr("likely.core.catalogue.entry_points", fake)
    catalogue.cache_clear()
    try:
        (found,) = _installed.plugins()
    finally:
        catalogue.cache_clear()
    assert found.name == "objectives/strange"
    assert found.state == "caution"
    assert "no_such_module" in found.says
    assert "other-package" in found.remedy


def test_more_threads_than_cores_is_told(monkeypatch):
    monkeypatch.setattr(_machine, "usable_cores", lambda: 0.5)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    (cores,) = (one for one in _machine.machine() if one.name == "cores")
    assert cores.state == "caution"
    assert "OMP_NUM_THREADS=1" in cores.remedy


def test_a_folder_that_cannot_be_written_to(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_machine.tempfile, "TemporaryFile", refuse)
    (folder,) = (one for one in _machine.machine() if one.name == "folder")
    assert folder.state == "caution"
    assert "Permission denied" in folder.says


def test_quotas_of_control_groups(monkeypatch, tmp_path):
    monkeypatch.setattr(_machine, "_CGROUP", tmp_path)
    free = _machine.usable_cores()
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert _machine.usable_cores() == 0.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _machine.usable_cores() == free
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    (tmp_path / "memory.current").write_text("0\n")
    (memory,) = (one for one in _machine.machine() if one.name == "memory")
    assert memory.values["total_bytes"] == 2**30
    assert memory.state == "caution"


def test_speed_is_measured_and_quick():
    begin = time.perf_counter()
    found = _speed.rates("cpu")
    assert time.perf_counter() - begin < 60
    assert set(found) == {"float32", "bfloat16", "float16", "autocast"}
    # No processor that runs these tests does fewer than a million or more than 10^16 a second.
    assert all(1e6 < rate < 1e16 for rate in found.values())
    lines = _speed._told("cpu", found)
    assert len(lines) == 5
    assert lines[1].values["times_float32"] == found["bfloat16"] / found["float32"]
    assert lines[-1].says == _speed.advice(found)


@pytest.mark.parametrize(
    ("gain", "said"),
    [(2.0, "use --precision bfloat16"), (1.1, "nearly as fast"), (0.5, "float32 is 2 times")],
)
def test_advice_follows_the_measurement(gain, said):
    found = {"float32": 1.0, "bfloat16": 1.0, "float16": 1.0, "autocast": gain}
    assert said in _speed.advice(found)
    assert _speed.advice(found).endswith(".")


def test_what_the_closing_sentence_says():
    good, note = Finding("torch", "good", "2"), Finding("data", "note", "lacks", "pip install x")
    assert doctor.closing({"packages": [good]}) == "Everything that is needed is here."
    said = doctor.closing({"packages": [good], "extras": [note, Finding("hub", "note", "lacks")]})
    assert said.endswith("here. For data and hub: pip install 'likely[data,hub]'")
    said = doctor.closing({"machine": [Finding("disk", "caution", "full")]})
    assert said == "Everything that is needed is here; look at what is marked !: disk."
    said = doctor.closing({"packages": [Finding("torch", "broken", "gone", "pip install torch")]})
    assert said.endswith("repair torch: pip install torch")


def test_reasons_hold_no_paths():
    assert reason(ImportError("cannot import name 'x' from 'y' (/home/me/y/__init__.py)")) == (
        "ImportError: cannot import name 'x' from 'y' (__init__.py)"
    )
    assert reason(ValueError()) == "ValueError"
