"""Fine-tuned text: what the trial measures, on small texts in place of the standard library."""

import pytest

from likely.core.errors import BadSetting
from likely.data.corpus import Corpus, Document
from likely.train.trials import fine_tuned_text as trial
from likely.train.trials.fine_tuned_text import fine_tuned_text
from tests.unit.tiny_texts import small_docstrings

pytest.importorskip("mauve", reason="mauve-text is not installed")

TINY = {"steps": 2, "rows": 2, "length": 16, "documents": 3, "size": 270, "width": 16}
TINY |= {"base_steps": 2, "prompts": 8, "new_tokens": 6}
NUMBERS = {"mauve", "tuning_mauve", "base_mauve", "validation_nats"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    code = Corpus("c", (Document("c", "".join(f"x{i} = f({i % 9})\n" for i in range(600))),))
    trial._common.cache_clear()
    monkeypatch.setattr(trial, "docstrings", small_docstrings)
    monkeypatch.setattr(trial, "_code", lambda: code)
    monkeypatch.setattr(trial, "_JUDGED", 600)
    yield
    trial._common.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = fine_tuned_text(3, **TINY)
    assert set(once) == {*NUMBERS, "held_out_nats"}
    assert all(0 <= once[name] <= 1 for name in NUMBERS - {"validation_nats"})
    assert fine_tuned_text(3, **TINY) == once
    assert fine_tuned_text(4, **TINY) != once


def test_arms_of_a_seed_begin_from_one_model():
    plain, emo = (
        fine_tuned_text(3, **TINY, objectives=("cross_entropy", "emo"), which=n) for n in range(2)
    )
    assert plain["base_mauve"] == emo["base_mauve"]
    assert plain["validation_nats"] != emo["validation_nats"]


def test_what_really_followed_is_as_near_as_can_be(monkeypatch):
    monkeypatch.setattr(trial, "_features", lambda judge, rows: trial.np.array(rows, "float32"))
    common = trial._common(3, 2, 16, 2, 3, 8, 6, 270, 16)
    asked = common.held_out_asked
    after = trial.torch.tensor(asked.real[:, trial._PROMPT :]).long()
    monkeypatch.setattr(trial, "write", lambda *_, **__: after)
    assert trial._near(common.base, common.judge, asked, 6, 3) == 1.0


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="prompts"):
        fine_tuned_text(0, prompts=1)
    with pytest.raises(BadSetting, match="which=1 should be below 1"):
        fine_tuned_text(0, which=1)
