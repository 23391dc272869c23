"""The nouns, the settings and the errors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.catalogue import ROOMS, catalogue, get, unit
from likely.core.errors import BadInput, BadSetting, NotMeasured, ShapeError, UnknownName
from likely.core.head import Head
from likely.core.settings import fit, parse
from likely.core.stats import Stats
from likely.core.vocabulary import Vocabulary
from likely.vocab.scan import scan


def test_names_are_suggested():
    with pytest.raises(UnknownName, match=r"No objective is called 'focl'\. Did you mean 'focal'"):
        bind("focl")
    with pytest.raises(UnknownName, match="Did you mean 'objectives'"):
        catalogue("objective")
    with pytest.raises(UnknownName, match="Did you mean 'entropy'"):
        scan(torch.zeros(1, 1), Head(torch.zeros(2, 1)), torch.tensor([0]), {"entrpy"})


def test_all_bad_settings_at_once():
    with pytest.raises(BadSetting) as caught:
        bind("goldfish(k=1, contxt=3, hash='stabel')")
    message = str(caught.value)
    assert len(caught.value.problems) == 3
    for part in ("'contxt'", "Did you mean 'context'", "should be at least 2", "'stable'"):
        assert part in message


@pytest.mark.parametrize(
    "text", ["focal(2)", "focal(gamma=", "a b", "focal(gamma=x)", "", "f(**{})"]
)
def test_unreadable_entries(text):
    with pytest.raises(BadSetting, match=r"focal\(gamma=2\)"):
        parse(text)


@pytest.mark.parametrize(
    ("room", "name"), [(r, n) for r in ROOMS if r != "models" for n in catalogue(r)]
)
def test_every_numeric_setting_refuses_what_is_no_number(room, name):
    from likely.core.settings import settings_of

    for key, parameter in settings_of(get(room, name)).items():
        if not isinstance(parameter.default, int | float):
            continue
        for value in ("much", None, [1], float("nan"), -1e9):
            if value == -1e9 and isinstance(parameter.default, bool):
                continue
            with pytest.raises(BadSetting, match=key):
                bind(name, room=room, **{key: value})


@given(
    value=st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none())
)
def test_fit_gives_the_type_asked_for_or_says_why(value):
    for kind in (int, float, str, bool):
        try:
            fitted = fit(value, kind)
        except ValueError as problem:
            said = str(problem)
        else:
            said, fitted_kind = "", type(fitted)
            assert fitted_kind is kind
        assert said == "" or said.startswith(("should be", "is not"))


def test_units_come_from_annotations():
    assert unit(get("objectives", "focal")) == "N"
    assert unit(get("objectives", "goldfish")) == "N"
    assert unit(get("objectives", "dpop")) == "P"


def test_what_was_not_measured_says_how_to_ask():
    with pytest.raises(NotMeasured, match=r"Did you mean 'entropy'\? Ask for it: scan"):
        Stats({"entropy": torch.zeros(1)})["entrpy"]


@pytest.mark.usefixtures("untyped")
def test_heads_refuse_what_they_cannot_be():
    weight = torch.zeros(3, 2)
    with pytest.raises(BadSetting) as caught:
        Head(weight, scale=0.0, softcap=-1.0, temperature=float("inf"))
    assert len(caught.value.problems) == 3
    with pytest.raises(ShapeError, match="one entry a word"):
        Head(weight, bias=torch.zeros(2))


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("targets", "said"),
    [([0, 3], "words are numbered 0 to 2"), ([0, -100], "weight 0"), ([0], "each row needs one")],
)
def test_targets_that_are_no_words(targets, said):
    with pytest.raises(ShapeError, match=said):
        scan(torch.zeros(2, 2), Head(torch.zeros(3, 2)), torch.tensor(targets), {"log_prob"})


def test_an_excluded_target_is_an_error():
    head = Head(torch.zeros(3, 2), exclude=torch.tensor([False, False, True]))
    with pytest.raises(ShapeError, match="row 1 is word 2, which the head excludes"):
        scan(torch.zeros(2, 2), head, torch.tensor([0, 2]), {"log_prob"})


@pytest.mark.usefixtures("untyped")
def test_states_of_another_width_and_backends_that_do_not_exist():
    head = Head(torch.zeros(3, 2))
    with pytest.raises(ShapeError, match="do not belong together"):
        scan(torch.zeros(1, 3), head, torch.tensor([0]), {"lse"})
    with pytest.raises(BadSetting, match="backend"):
        scan(torch.zeros(1, 2), head, torch.tensor([0]), {"lse"}, backend="fast")
    with pytest.raises(BadSetting, match="block=0"):
        scan(torch.zeros(1, 2), head, torch.tensor([0]), {"lse"}, block=0)
    with pytest.raises(ShapeError, match="empty or sharded"):
        scan(torch.zeros(1, 0), Head(torch.zeros(0, 0)), torch.tensor([0]), {"lse"})


@pytest.mark.usefixtures("untyped")
def test_batches_check_their_fields():
    ids = torch.tensor([[1, 2], [3, 4]])
    batch = Batch.of(ids, ids)
    assert (len(batch), batch.rows, batch.segments) == (4, 2, 2)
    assert batch["position"].tolist() == [0, 1, 0, 1]
    with pytest.raises(NotMeasured, match="pair"):
        batch["pair"]
    with pytest.raises(ShapeError, match="one entry a token"):
        Batch(
            *(torch.zeros(n, dtype=torch.int64) for n in (1, 2, 1, 1)),
            torch.zeros(1),
            batch.ids[:1],
        )


@given(st.text())
def test_bytes_spell_what_was_encoded(text):
    vocabulary = Vocabulary.of_bytes()
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    assert vocabulary.decode(vocabulary.encode(text)) == data.decode()
    assert vocabulary.size == 257


def test_vocabularies_survive_json():
    one = Vocabulary.of_bytes()
    two = Vocabulary.from_dict(one.to_dict())
    assert one.fingerprint == two.fingerprint
    assert two.number_value[ord("7")] == 7
    with pytest.raises(BadInput, match="format 9"):
        Vocabulary.from_dict({**one.to_dict(), "format": 9})
    with pytest.raises(BadInput, match="cannot be read"):
        Vocabulary.from_dict({"format": 1})
