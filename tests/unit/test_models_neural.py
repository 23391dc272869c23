"""Transformers and the feed-forward model: their logits, their segments, their folders."""

import json

import pytest
import torch

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting, NotMeasured, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.decode._generate import draw, generate
from likely.models.evaluate import evaluate
from likely.models.feed_forward import feed_forward
from likely.models.load import load
from likely.models.transformer import Transformer, transformer

BYTES = Vocabulary.of_bytes()


def tiny(kind):
    if kind == "transformer":
        return transformer(BYTES, layers=2, width=16, heads=2, context=32).eval()
    return feed_forward(BYTES, context=3, embedding=4, width=8, direct=kind == "direct").eval()


def random_batch(rows=2, length=12, seed=0):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(256, (rows, length + 1), generator=g)
    tokens[:, 0] = 256
    return Batch.of(tokens[:, :-1], tokens[:, 1:])


KINDS = ("transformer", "feed_forward", "direct")


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_says_what_reading_at_once_says(kind):
    model, batch = tiny(kind), random_batch()
    with torch.no_grad():
        whole = model.logits(batch).view(2, 12, -1)
        state, rows = model.start(2), batch.ids.view(2, 12)
        for t, width in ((0, 1), (1, 1), (2, 5), (7, 1)):
            logits, state = model.step(state, rows[:, t : t + width])
            torch.testing.assert_close(logits, whole[:, t + width - 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_segment_never_sees_another_one(kind):
    model = tiny(kind)
    ids = torch.randint(256, (12,), generator=torch.Generator().manual_seed(1))
    segment = torch.tensor([0] * 5 + [1] * 5 + [-1] * 2)
    position = torch.tensor([*range(5), *range(5), 0, 1])
    fields = {"position": position, "weight": torch.ones(12), "document": segment}

    def states(changed):
        with torch.no_grad():
            return model.hidden(Batch(changed, changed, segment, **fields))[0]

    other = ids.clone()
    other[:5] = 7
    here, there = states(ids), states(other)
    torch.testing.assert_close(here[5:10], there[5:10], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(here[1:5], there[1:5])
    alone = Batch.of(ids[None, 5:10], ids[None, 5:10])
    with torch.no_grad():
        torch.testing.assert_close(model.hidden(alone)[0], here[5:10], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_folders_reload(kind, tmp_path):
    model, batch = tiny(kind), random_batch()
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    with torch.no_grad():
        assert torch.equal(model.logits(batch), again.logits(batch))
    assert again.parameters_count == model.parameters_count
    assert again.vocabulary.fingerprint == BYTES.fingerprint
    assert not list(tmp_path.glob("*.part"))
    assert not list((tmp_path / "m").glob("*.bin"))
    model.save(tmp_path / "m")


def test_transformers_can_load_the_folder(tmp_path):
    from transformers import AutoModelForCausalLM

    model, batch = tiny("transformer"), random_batch()
    model.save(tmp_path / "m")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    with torch.no_grad():
        logits = theirs(input_ids=batch.ids.view(2, 12)).logits.flatten(0, 1)
        torch.testing.assert_close(logits, model.logits(batch))


def configs():
    from transformers import CohereConfig, Gemma2Config, GPT2Config, GPTNeoXConfig, Qwen2Config

    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 16, "max_position_embeddings": 32}
    kv = {"num_key_value_heads": 2}
    yield GPT2Config(vocab_size=257, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    yield Gemma2Config(vocab_size=260, head_dim=8, final_logit_softcapping=2.0, **small, **kv)
    yield CohereConfig(vocab_size=257, logit_scale=0.3, **small, **kv)
    yield GPTNeoXConfig(vocab_size=264, **small)
    yield Qwen2Config(vocab_size=257, tie_word_embeddings=True, **small, **kv)


@pytest.mark.parametrize("config", tuple(configs()), ids=lambda c: c.model_type)
def test_other_families_are_read_through_their_heads(config):
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config.bos_token_id = config.eos_token_id = 256
    config.pad_token_id = None
    theirs = AutoModelForCausalLM.from_config(config).eval()
    model, batch = Transformer(theirs, BYTES, 32), random_batch()
    with torch.no_grad():
        stats = model.read(batch, {"log_prob", "entropy"})
        logits = theirs(input_ids=batch.ids.view(2, 12)).logits.flatten(0, 1)[:, :257]
    want = logits.log_softmax(-1).gather(1, batch.target[:, None])[:, 0]
    torch.testing.assert_close(stats["log_prob"], want, rtol=1e-4, atol=1e-4)


def test_a_head_that_is_not_the_models_is_refused():
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig(
        vocab_size=257,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        bos_token_id=256,
        eos_token_id=256,
    )
    theirs = AutoModelForCausalLM.from_config(config)
    theirs.config.logit_scale = 9.0
    with pytest.raises(Unsupported, match="from_logits"):
        Transformer(theirs, BYTES, 32)


def test_weights_depend_on_the_seed_alone():
    before = torch.get_rng_state()
    one, two = (transformer(BYTES, layers=1, width=8, heads=2, seed=s) for s in (3, 3))
    other = transformer(BYTES, layers=1, width=8, heads=2, seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "likely.json").unlink(), "has no likely.json"),
        (lambda f: (f / "likely.json").write_text("{"), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"no"), "cannot be loaded"),
        (lambda f: (f / "model.safetensors").unlink(), "cannot be loaded"),
    ],
)
def test_damaged_folders_are_said_to_be(damage, said, tmp_path):
    tiny("feed_forward").save(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(BadInput, match=said):
        load(tmp_path / "m")


def test_no_folder_and_a_later_format(tmp_path):
    with pytest.raises(BadInput, match="is no folder"):
        load(tmp_path / "none")
    tiny("feed_forward").save(tmp_path / "m")
    card = tmp_path / "m" / "likely.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "format": 7}))
    with pytest.raises(BadInput, match="install a newer likely"):
        load(tmp_path / "m")


def test_widths_that_heads_cannot_share():
    with pytest.raises(BadSetting, match="width=10"):
        transformer(BYTES, width=10, heads=4)


def test_a_second_reader_is_passed_once_however_many_entries_ask_it(monkeypatch):
    model, teacher = tiny("transformer"), tiny("feed_forward")
    batch, passes, plain = random_batch(), [], type(teacher).hidden

    def counted(self, batch):
        passes.append(self is teacher)
        return plain(self, batch)

    monkeypatch.setattr(type(teacher), "hidden", counted)
    entries = {name: bind(name) for name in ("knowledge_distillation", "plackett_luce(k=3)")}
    found = evaluate(entries, model, batch, roles={"teacher": teacher})
    assert passes == [True]
    alone = evaluate(
        {"kl": bind("knowledge_distillation")}, model, batch, roles={"teacher": teacher}
    )
    torch.testing.assert_close(found.values["knowledge_distillation"], alone.values["kl"])


def test_a_role_is_read_without_gradient_and_a_column_wins():
    model, reference = tiny("transformer"), tiny("feed_forward")
    batch = random_batch()
    batch = Batch(
        batch.ids,
        batch.target,
        batch.segment,
        batch.position,
        batch.weight,
        batch.document,
        rows=2,
        pair=torch.tensor([[0, 1]]),
    )
    entries = {"dpop": bind("dpop")}
    result = evaluate(entries, model, batch, roles={"reference": reference}, also=("entropy",))
    assert result.values["dpop"].shape == (1,)
    assert "entropy" in result.stats
    with pytest.raises(NotMeasured, match=r"second model in the role 'reference'"):
        evaluate(entries, model, batch)
    with pytest.raises(NotMeasured, match="give a batch with pair"):
        evaluate(entries, model, random_batch(), roles={"reference": reference})
    result.total("dpop")[0].backward()
    assert all(p.grad is None for p in reference.parameters())
    assert any(p.grad is not None for p in model.parameters())


def test_generation_is_seeded_stops_at_the_end_and_outlives_the_context():
    model = tiny("transformer")
    one, two = (
        generate(model, ["ab"], max_new_tokens=80, rng=torch.Generator().manual_seed(s))
        for s in (1, 1)
    )
    assert one == two
    sure = generate(model, [""], samplers=[bind("greedy", room="decode")], max_new_tokens=5)
    assert sure == generate(
        model, [""], samplers=[bind("top_k(k=1)", room="decode")], max_new_tokens=5
    )
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.weight[256] = 0
    assert generate(model, ["x"], max_new_tokens=0) == [""]


def test_what_is_drawn_follows_the_law():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, 4)
    drawn = draw(logits, [bind("top_k(k=3)", room="decode")], torch.Generator().manual_seed(0))
    seen = torch.bincount(drawn, minlength=4).double()
    want = 20_000 * torch.tensor([0.5, 0.3, 0.15, 0.0]).double() / 0.95
    chi_square = ((seen - want)[:3] ** 2 / want[:3]).sum()
    assert seen[3] == 0
    assert chi_square < 13.8  # 99.9 % of chi-square with 2 degrees of freedom
