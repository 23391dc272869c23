"""Recipes of every kind, on models that are small enough to be looked into."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from likely.core.bind import bind
from likely.core.catalogue import catalogue
from likely.core.errors import BadInput, BadSetting, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.example import Example
from likely.data.examples import encode_examples
from likely.data.tokens import encode
from likely.models.annotate import annotate
from likely.models.evaluate import evaluate
from likely.models.feed_forward import feed_forward
from likely.models.load import load, positions_at, vocabulary_at
from likely.models.transformer import transformer
from likely.train import _answers, _examples, _lora, _rollout_files, _rollouts
from likely.train._check import build
from likely.train.errors import Interrupted
from likely.train.loop import run
from likely.train.recipe import Recipe, load_recipe, to_toml
from likely.train.run import read_run
from likely.train.tables import Lora, Optimizer, Rollouts, Schedule

BYTES = Vocabulary.of_bytes()
SMALL = {"layers": 1, "width": 32, "heads": 2, "context": 24}


def sums(count=60, seed=0):
    """Sums of two digits: prompt, right answer, wrong answer."""
    rng = np.random.default_rng(seed)
    for a, b in rng.integers(0, 10, (count, 2)).tolist():
        yield f"{a}+{b}=", str(a + b), str(a + b + 1)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "base"
    transformer(BYTES, **SMALL).save(folder)
    return folder


@pytest.fixture
def files(tmp_path):
    rows = list(sums())
    lines = {
        "answers": [{"prompt": p, "completion": c} for p, c, _ in rows],
        "pairs": [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in rows],
    }
    for name, entries in lines.items():
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return {name: str(tmp_path / f"{name}.jsonl") for name in lines}


def recipe(**more):
    given = {
        "steps": 4,
        "length": 16,
        "rows": 4,
        "schedule": Schedule(warmup=0),
        "log_every": 1,
        "evaluate_every": 0,
        "checkpoint_every": 2,
    }
    return Recipe(**{**given, **more})


def nats(reader, prompt, answer):
    """−Σ log p of an answer and its end, from the model's own logits."""
    asked, said = BYTES.encode(prompt).tolist(), [*BYTES.encode(answer).tolist(), BYTES.eos]
    ids = torch.tensor([[BYTES.bos, *asked, *said[:-1]]])
    with torch.no_grad():
        log_p = reader.model(ids).logits[0, :, : BYTES.size].double().log_softmax(-1)
    return -sum(float(log_p[len(asked) + n, token]) for n, token in enumerate(said)), len(said)


def test_adapt_learns_answers_and_not_prompts(tmp_path, base, files):
    texts = [repr(p) for p, _, _ in sums()]
    kept = ~_examples.places_apart(texts)
    found = run(
        recipe(
            kind="adapt", start=str(base), data=(files["answers"],), rows=int(kept.sum()), steps=1
        ),
        folder=tmp_path / "run",
        device="cpu",
    )
    reader = load(base)
    each = [nats(reader, p, c) for (p, c, _), stays in zip(sums(), kept, strict=True) if stays]
    total, count = map(sum, zip(*each, strict=True))
    # One step that reads every example: its loss is that of the model that it began with.
    assert found.training[0]["loss"] == pytest.approx(total / count, rel=1e-5)
    assert found.training[0]["tokens"] == count


def test_look_is_the_mean_over_answers(base):
    reader = load(base)
    rows = list(sums(12))
    made = encode_examples(
        [Example(str(i), p, (c,)) for i, (p, c, _) in enumerate(rows)], reader.vocabulary
    )
    found = _answers.look(reader, made, rows=5)
    each = [nats(reader, p, c) for p, c, _ in rows]
    total, count = map(sum, zip(*each, strict=True))
    assert found["nats_per_token"] == pytest.approx(total / count, rel=1e-5)
    spelled = sum(len(c) for _, c, _ in rows)
    assert found["bits_per_byte"] == pytest.approx(total / math.log(2) / spelled, rel=1e-5)
    both = encode_examples(
        [Example(str(i), p, (c, r)) for i, (p, c, r) in enumerate(rows)], reader.vocabulary
    )
    looked = _answers.look(reader, both, rows=5)
    assert looked["nats_per_token"] == pytest.approx(found["nats_per_token"], rel=1e-6)
    likelier = [nats(reader, p, c)[0] < nats(reader, p, r)[0] for p, c, r in rows]
    assert looked["preferred"] == pytest.approx(np.mean(likelier))


@pytest.mark.parametrize("rank", [0, 2])
def test_align_compares_with_the_model_it_began_with(tmp_path, base, files, rank):
    pytest.importorskip("peft", reason="peft is not installed")
    found = run(
        recipe(
            kind="align",
            start=str(base),
            data=(files["pairs"],),
            lora=Lora(rank=rank),
            objective="dpop(beta=0.5, penalty=0)",
            optimizer=Optimizer(lr=2e-2),
            steps=30,
            rows=8,
        ),
        folder=tmp_path / "run",
        device="cpu",
    )
    losses = [row["loss"] for row in found.training]
    assert losses[0] == pytest.approx(math.log(2), rel=1e-6)  # The model is its own reference.
    assert losses[-1] < 0.6
    margin = []
    before, after = load(base), found.model
    for p, c, r in sums(20):
        ratios = [nats(before, p, a)[0] - nats(after, p, a)[0] for a in (c, r)]
        margin.append(ratios[0] - ratios[1])
    assert np.mean(margin) > 0.5


def test_the_first_gradient_of_both_references_is_the_same(base):
    """A copy that is frozen, and the same weights with adapters switched off."""
    pytest.importorskip("peft", reason="peft is not installed")
    adapted = load(base)
    _lora.add(adapted, recipe(lora=Lora(rank=2, dropout=0.5), seed=3))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    made = encode_examples(
        [Example(str(i), p, (c, r)) for i, (p, c, r) in enumerate(sums(4))], BYTES
    )
    batch = _answers.side_by_side(made, range(8))
    adapted.train()
    off = _lora.Unadapted(adapted).read(batch, ("log_prob",))["log_prob"]
    assert torch.equal(off, load(base).read(batch, ("log_prob",))["log_prob"].detach())
    assert adapted.training
    assert not torch.equal(off, adapted.read(batch, ("log_prob",))["log_prob"])


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_is_saved_alone_and_merged(tmp_path, base, files):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    found = run(
        recipe(
            kind="adapt",
            start=str(base),
            data=(files["answers"],),
            lora=Lora(rank=2, alpha=8.0, targets=("q_proj", "down_proj")),
        ),
        folder=tmp_path / "run",
        device="cpu",
    )
    ids = torch.tensor([[256, 49, 43, 50, 61]])
    with torch.no_grad():
        other = peft.PeftModel.from_pretrained(load(base).model, tmp_path / "run" / "adapter")
        expected = other(ids).logits
        plain = load(base).model(ids).logits
        for merged in (found.model, load(tmp_path / "run")):
            assert torch.allclose(merged.model(ids).logits, expected, atol=1e-5)
    assert not torch.allclose(expected, plain, atol=1e-3)
    kept = load_file(tmp_path / "run" / "checkpoints" / "step-000004" / "model.safetensors")
    assert all("lora_" in name for name in kept if "inv_freq" not in name)
    assert found.model.parameters_count == load(base).parameters_count
    assert not _lora.is_on(found.model)


def test_adapters_go_on_to_the_same_bits(tmp_path, base, files):
    pytest.importorskip("peft", reason="peft is not installed")
    given = recipe(
        kind="adapt",
        start=str(base),
        data=(files["answers"],),
        lora=Lora(rank=2, dropout=0.2),
        steps=6,
    )
    whole = run(given, folder=tmp_path / "whole", device="cpu")

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(given, folder=tmp_path / "stopped", device="cpu", progress=stop)
    again = run(given, folder=tmp_path / "stopped", device="cpu", resume=True)
    for one, two in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_adapters_do_not_go_on_beside_another_model(tmp_path, base, files):
    pytest.importorskip("peft", reason="peft is not installed")
    given = recipe(kind="adapt", data=(files["answers"],), lora=Lora(rank=2))

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(given, folder=tmp_path / "run", model=load(base), device="cpu", progress=stop)
    other = transformer(BYTES, **SMALL, seed=5)
    with pytest.raises(BadSetting, match="its adapters were added to is another one"):
        run(given, folder=tmp_path / "run", model=other, device="cpu", resume=True)


def test_adapters_are_refused_where_the_scan_would_not_see_them(base):
    pytest.importorskip("peft", reason="peft is not installed")
    with pytest.raises(BadSetting, match=r"'q_prj'.*Did you mean 'q_proj'"):
        _lora.add(load(base), recipe(lora=Lora(rank=2, targets=("q_prj",))))
    with pytest.raises(Unsupported, match="adapter on the head"):
        _lora.add(load(base), recipe(lora=Lora(rank=2, targets=("lm_head",))))
    small = feed_forward(BYTES, context=2, embedding=4, width=8)
    with pytest.raises(Unsupported, match="this model is 'feed_forward'"):
        _lora.add(small, recipe(lora=Lora(rank=2)))


def text(count=20):
    documents = tuple(Document(str(i), f"{i} times {i} is {i * i}.") for i in range(count))
    return encode(Corpus("tiny", documents), BYTES)


def test_a_stored_reference_is_a_live_one(tmp_path, base):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = [Example(str(i), p, (c, r)) for i, (p, c, r) in enumerate(sums(12))]
    made = encode_examples(rows, BYTES, length=16)
    annotate(transformer(BYTES, **SMALL, seed=3), made, tmp_path / "reference", length=16)
    given = {"examples": made, "device": "cpu"}
    stored, live = (
        run(
            recipe(kind="align", **more),
            folder=tmp_path / name,
            model=load(base),
            roles=roles,
            **given,
        ).training
        for name, more, roles in (
            ("stored", {"sidecars": (str(tmp_path / "reference"),)}, {}),
            ("live", {}, {"reference": transformer(BYTES, **SMALL, seed=3)}),
        )
    )
    assert stored[0]["loss"] != pytest.approx(math.log(2), rel=1e-3)
    for name in ("loss", "gradient_norm"):
        assert [row[name] for row in stored] == pytest.approx([r[name] for r in live], rel=1e-4)


def test_a_stored_teacher_is_read_from_a_recipe(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    teacher, tokens = transformer(BYTES, **SMALL, seed=1), text()
    annotate(teacher, tokens, tmp_path / "kept", role="teacher", want=("top(k=8)",), length=16)
    found = run(
        recipe(
            kind="distil",
            objective="plackett_luce(k=8)",
            sidecars=(str(tmp_path / "kept"),),
            steps=8,
            optimizer=Optimizer(lr=1e-2),
        ),
        folder=tmp_path / "run",
        model=transformer(BYTES, **SMALL),
        tokens=tokens,
        device="cpu",
    )
    assert found.training[-1]["loss"] < found.training[0]["loss"]


def test_an_objective_begins_later(tmp_path):
    plain, late, soon = (
        run(
            recipe(objective=objective, objective_after=after, steps=6),
            folder=tmp_path / name,
            model=transformer(BYTES, **SMALL),
            tokens=text(),
            device="cpu",
        ).training
        for name, objective, after in (
            ("plain", "cross_entropy", 0),
            ("late", "focal(gamma=2)", 3),
            ("soon", "focal(gamma=2)", 0),
        )
    )
    losses = [[row["loss"] for row in rows] for rows in (plain, late, soon)]
    assert losses[1][:3] == losses[0][:3]
    assert losses[1][3] < losses[0][3]
    assert losses[2][0] < losses[0][0]


def test_distil_reads_a_teacher(tmp_path):
    """With the teacher's own weights, every objective of distances begins at its least value."""
    if "plackett_luce" not in catalogue("objectives"):
        pytest.skip("no objective reads a teacher yet")
    teacher = transformer(BYTES, **SMALL, seed=1)
    found = run(
        recipe(kind="distil", steps=8, optimizer=Optimizer(lr=1e-2)),
        folder=tmp_path / "run",
        model=transformer(BYTES, **SMALL),
        tokens=text(),
        roles={"teacher": teacher},
        device="cpu",
    )
    assert found.recipe.objective == "plackett_luce"
    assert found.training[-1]["loss"] < found.training[0]["loss"]


def sharpened(folder, base, files, **more):
    given = recipe(
        kind="sharpen",
        start=str(base),
        data=(files["answers"],),
        rollouts=Rollouts(count=6, tokens=4),
        length=16,
    )
    return run(given, folder=folder, device="cpu", **more)


@pytest.fixture(scope="module")
def adder(tmp_path_factory, base):
    """A model that ends its answers."""
    folder = tmp_path_factory.mktemp("models") / "adder"
    made = encode_examples(
        [Example(str(i), p, (c,)) for i, (p, c, _) in enumerate(sums(100))], BYTES
    )
    found = run(
        recipe(kind="adapt", steps=60, rows=8, optimizer=Optimizer(lr=1e-2)),
        folder=folder,
        model=load(base),
        examples=made,
        device="cpu",
    )
    return found.folder


def test_sharpen_learns_its_own_likeliest_answers(tmp_path, adder, files):
    found = sharpened(tmp_path / "run", adder, files)
    lines = (tmp_path / "run" / "rollouts" / "part-0.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    different = {p for p, _, _ in sums()}
    assert len(entries) == found.metrics[0]["prompts"] == len(different)
    reader = load(adder)
    for entry in entries[:8]:
        best = max(entry["answers"], key=lambda one: (one["ended"], one["log_prob"]))
        assert BYTES.decode(best["ids"]) == entry["best"]
        if best["ended"]:
            expected, _ = nats(reader, entry["text"], entry["best"])
            assert -best["log_prob"] == pytest.approx(expected, rel=1e-4)
    read = sum(
        len(one["ids"]) + one["ended"] + 1 + len(entry["text"])
        for entry in entries
        for one in entry["answers"]
    )
    assert found.metrics[0]["rollout_tokens"] == read
    assert found.training[0]["step"] == 1


def test_sharpen_goes_on_without_drawing_again(tmp_path, adder, files, monkeypatch):
    whole = sharpened(tmp_path / "whole", adder, files)
    monkeypatch.setattr(_rollouts, "ROWS", 30)
    drawn, real = [], _rollout_files.answers

    def few(reader, prompts, *args, **more):
        if len(drawn) == 2:
            raise KeyboardInterrupt
        drawn.append(len(prompts))
        return real(reader, prompts, *args, **more)

    monkeypatch.setattr(_rollout_files, "answers", few)
    with pytest.raises(Interrupted, match="likely train --resume"):
        sharpened(tmp_path / "run", adder, files)
    path = tmp_path / "run" / "rollouts" / "part-0.jsonl"
    assert len(path.read_text().splitlines()) == sum(drawn)
    with path.open("a") as file:
        file.write('{"prompt": 3, "ans')  # A process that was killed.
    drawn.clear()
    monkeypatch.setattr(
        _rollout_files, "answers", lambda r, p, *a, **k: drawn.append(len(p)) or real(r, p, *a, **k)
    )
    again = sharpened(tmp_path / "run", adder, files, resume=True)
    assert sum(drawn) == whole.metrics[0]["prompts"] - 10
    for one, two in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_sharpen_says_where_there_is_nothing_to_learn(tmp_path, base, files, monkeypatch):
    def endless(logits, chance):
        token = torch.full((len(logits),), 65)
        return token, logits.double().log_softmax(-1)[:, 65]

    monkeypatch.setattr(_rollouts, "drawn", endless)
    with pytest.raises(BadInput, match="No answer ended within 4 tokens"):
        sharpened(tmp_path / "run", base, files)
    with pytest.raises(BadSetting, match="name one to begin from"):
        run(
            recipe(kind="sharpen", data=(files["answers"],)),
            folder=tmp_path / "other",
            device="cpu",
        )
    with pytest.raises(BadInput, match="more than length=8"):
        run(
            recipe(kind="sharpen", start=str(base), data=(files["answers"],), length=8),
            folder=tmp_path / "third",
            device="cpu",
        )


def test_pairs_and_answers_are_not_taken_for_each_other(tmp_path, base, files):
    for kind, name, said in (
        ("adapt", "pairs", "take kind='align'"),
        ("align", "answers", "take kind='adapt'"),
    ):
        with pytest.raises(BadInput, match=said):
            run(
                recipe(kind=kind, start=str(base), data=(files[name],)),
                folder=tmp_path / kind,
                device="cpu",
            )
    with pytest.raises(BadSetting, match="reads examples, and text was given"):
        run(recipe(kind="adapt"), folder=tmp_path / "x", tokens=text(), device="cpu")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "adpat"}, "Did you mean 'adapt'"),
        ({"kind": "align", "objective": "focal"}, "compares pairs of answers: take one"),
        ({"objective": "dpop"}, "take kind='align'"),
        ({"kind": "align", "objective_after": 5}, "would first train both answers"),
        ({"objective_after": 2000}, "at most steps=1000"),
        ({"start": "a", "model": "feed_forward"}, "leave one of them out"),
        ({"start": "a", "tokenizer": "bpe"}, "leave one of them out"),
        ({"lora": {"rnk": 3}}, "Did you mean 'lora.rank'|Did you mean 'rank'"),
    ],
)
def test_mistakes_are_told(data, said):
    with pytest.raises(BadSetting, match=said):
        build(data, "here")


def test_what_is_left_out_suits_the_kind(tmp_path):
    assert Recipe(kind="align").objective.startswith("dpop")
    assert Recipe(kind="adapt", start="m").optimizer.lr == 5e-5
    assert build({"kind": "align", "start": "m"}, "here").optimizer.lr == 1e-5
    told = {"kind": "adapt", "start": "m", "lora": {"rank": 4}, "optimizer": {"clip": 0.5}}
    assert build(told, "here").optimizer == Optimizer(lr=2e-4, clip=0.5)
    assert build({**told, "optimizer": {"lr": 0.1}}, "here").optimizer.lr == 0.1
    assert build({**told, "optimizer": {"name": "sgd"}}, "here").optimizer.lr == 0.1
    path = tmp_path / "recipe.toml"
    made = build(told, "here")
    path.write_text(to_toml(made))
    assert load_recipe(path) == made


def test_a_model_says_what_it_reads(tmp_path, base):
    assert vocabulary_at(base).fingerprint == BYTES.fingerprint
    assert positions_at(base) == 24
    feed_forward(BYTES, context=2, embedding=4, width=8).save(tmp_path / "small")
    assert positions_at(tmp_path / "small") is None


def test_prompts_are_kept_apart_whole():
    keys = [str(i % 30) for i in range(90)]
    apart = _examples.places_apart(keys)
    assert len({key for key, away in zip(keys, apart, strict=True) if away}) == 3
    assert apart.sum() == 9
    assert not _examples.places_apart(["a"] * 50).any()


def test_a_pair_counts_with_whole_answers(base):
    """The loss of a batch of pairs is DPO's, written out on sums of log-probabilities."""
    reader, reference = load(base), transformer(BYTES, **SMALL, seed=7)
    rows = list(sums(5))
    made = encode_examples([Example(str(i), p, (c, r)) for i, (p, c, r) in enumerate(rows)], BYTES)
    batch = _answers.side_by_side(made, range(10))
    batch = replace(batch, pair=torch.arange(10).view(5, 2))
    found = evaluate(
        {"loss": bind("dpop(beta=0.1, penalty=0)")}, reader, batch, roles={"reference": reference}
    )
    expected = []
    for p, c, r in rows:
        up, down = (nats(reference, p, a)[0] - nats(reader, p, a)[0] for a in (c, r))
        expected.append(math.log1p(math.exp(-0.1 * (up - down))))
    assert found.values["loss"].tolist() == pytest.approx(expected, rel=1e-4)
    assert found.weight["loss"].tolist() == [1.0] * 5


def test_a_run_is_read_back(tmp_path, base, files):
    run(
        recipe(kind="adapt", start=str(base), data=(files["answers"],)),
        folder=tmp_path / "run",
        device="cpu",
    )
    again = read_run(tmp_path / "run")
    assert again.finished
    assert again.recipe.kind == "adapt"
    assert {"nats_per_token", "bits_per_byte", "accuracy"} <= again.evaluation.keys()
