"""The main job: real text in, three language models, honest numbers and a report out."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from likely.apps import _excerpts, _findings, _ngrams, _trained
from likely.apps._budget import Budget, Memory
from likely.apps._console import Clock
from likely.apps._half_time import half_time
from likely.apps._memorise import memorise
from likely.apps._pieces import pieces
from likely.apps._stages import Stages, write_whole
from likely.apps._summary import summary_of
from likely.apps._texts import Texts, settings_of, texts_of
from likely.apps._write import samplers_of, write
from likely.apps.report import render
from likely.audit.compressors import compressors
from likely.audit.likelihood import Likelihood, difference, likelihood
from likely.data.card import data_card
from likely.data.corpus import Corpus
from likely.data.tokens import Tokens, encode
from likely.models.load import load
from likely.models.ngram import Smoothing
from likely.models.reader import Reader
from likely.train.run import read_run

TRAINED = {"feed_forward": "feed-forward model", "transformer": "transformer"}
MODELS = {"ngram": "n-gram", **TRAINED}


def main_job(corpus: Corpus, budget: Budget, out: Path, *, seed: int, clock: Clock) -> Path:
    """Do everything and write `summary.json`, `report.html` and `models/` into a folder.

    Args:
        corpus: the text.
        budget: how much to do.
        out: the folder; what is finished there from the same settings is not done again.
        seed: of the split, the models and the samples.
        clock: says what is being done.

    Returns:
        Where the report is.
    """
    begin = time.perf_counter()
    clock.say(f"Splitting {corpus.name} so that no part repeats another")
    texts = texts_of(corpus, budget, seed)
    stages = Stages(out / "stages", settings_of(texts, budget, seed), clock)
    job = _Job(texts, budget, out, seed, stages)
    card = job.card()
    ngrams, others = job.ngrams("dirichlet"), job.ngrams("kneser_ney")
    models = {"ngram": ngrams["row"], "ngram_kneser_ney": others["row"]}
    models |= {name: job.trained(name) for name in TRAINED}
    curves = {name: models[name].pop("curve") for name in TRAINED}
    foreseen = {name: models[name].pop("foreseen", []) for name in TRAINED}
    packed, memory = job.compressors(), job.memory()
    apart = job.differences({name: row.pop("per_document") for name, row in models.items()}, models)
    samples, coloured = job.samples(), job.coloured()
    seconds = time.perf_counter() - begin
    numbers = {"models": models, "compressors": packed, "data": card, "memorisation": memory}
    summary = summary_of(numbers, (ngrams, others), apart, budget, seed, stages.seconds, seconds)
    write_whole(out / "summary.json", as_json(summary))
    clock.say("Writing the report")
    write_whole(out / "report.html", render(summary, curves, samples, coloured, foreseen))
    return out / "report.html"


class _Job:
    """The stages, each of which can be taken from the disk."""

    def __init__(self, texts: Texts, budget: Budget, out: Path, seed: int, stages: Stages) -> None:
        self.texts, self.budget, self.out, self.seed, self.stages = texts, budget, out, seed, stages
        self.runs = out / "runs" / stages.key

    def model(self, name: str) -> Path:
        return self.out / "models" / name

    def readers(self) -> dict[str, Reader]:
        return {name: load(self.model(name)) for name in MODELS}

    def card(self) -> dict[str, Any]:
        said = "Data card: documents, bytes, and what held-out text repeats"
        card: dict[str, Any] = self.stages.run(
            "data", said, lambda: data_card(self.texts.parts).to_dict()
        )
        return card

    def ngrams(self, smoothing: Smoothing) -> dict[str, Any]:
        name = "ngram" if smoothing == "dirichlet" else f"ngram_{smoothing}"
        title = _ngrams.TITLES[smoothing]
        budget = self.budget
        orders = budget.orders if smoothing == "dirichlet" else budget.orders_kneser_ney

        def compute() -> dict[str, Any]:
            t, folder = self.texts, self.model(name)
            found, fresh = _ngrams.count(
                t.train, t.validation, t.held_out, orders, folder, smoothing
            )
            found["row"]["per_document"] = _per_document(fresh)
            glance = likelihood(load(folder), t.glance).bits_per_byte
            found["row"]["validation_bits_per_byte"] = glance
            return found

        first, last = orders[0], orders[-1]
        said = f"Counting n-grams of order {first} to {last} and fitting their {title} smoothing"
        found: dict[str, Any] = self.stages.run(name, said, compute, needs=(self.model(name),))
        bits = found["row"]["bits_per_byte"]
        self.stages.clock.say(f"  the {found['order']}-gram: {bits:.3f} bits per byte held out")
        return found

    def trained(self, name: str) -> dict[str, Any]:
        def compute() -> dict[str, Any]:
            recipe = _trained.recipe_of(getattr(self.budget, name), "cross_entropy", self.seed)
            t = self.texts
            folder = self.runs / name
            reader, curve = _trained.train(recipe, t.train, t.glance, folder, MODELS[name])
            reader.save(self.model(name))
            found = likelihood(reader, t.held_out)
            return {
                "label": MODELS[name],
                **found.to_dict(),
                "parameters": reader.parameters_count,
                "seconds": curve[-1]["seconds"],
                "validation_bits_per_byte": curve[-1]["bits_per_byte"],
                "curve": curve,
                **_foreseen(folder),
                "per_document": _per_document(found),
            }

        training = getattr(self.budget, name)
        read = training.steps * training.rows * training.length
        said = f"Training the {MODELS[name]}: {training.steps:,} steps, {read / 1e6:.1f} MB read"
        row: dict[str, Any] = self.stages.run(name, said, compute, needs=(self.model(name),))
        self.stages.clock.say(f"  the {MODELS[name]}: {row['bits_per_byte']:.3f} bits per byte")
        return row

    def compressors(self) -> dict[str, Any]:
        def compute() -> dict[str, Any]:
            parts = self.texts.parts
            return {
                name: {
                    "label": row.label,
                    "what": row.what,
                    "bits_per_byte": row.bits_per_byte,
                    "per_domain": row.by_domain,
                    "seconds": row.seconds,
                }
                for name, row in compressors(parts.train, parts.held_out).items()
            }

        said = "Compressing the same held-out text with zlib, bz2 and xz"
        rows: dict[str, Any] = self.stages.run("compressors", said, compute)
        return rows

    def memory(self) -> dict[str, Any]:
        memory: Memory = self.budget.memory

        def run(objective: str, train: Corpus, validation: Corpus, folder: Path) -> Reader:
            recipe = _trained.recipe_of(memory.training, objective, self.seed)
            vocabulary = self.texts.train.vocabulary
            tokens, glance = encode(train, vocabulary), encode(validation, vocabulary)
            return _trained.train(recipe, tokens, glance, folder, objective)[0]

        def compute() -> dict[str, Any]:
            parts, size = self.texts.parts, min(self.budget.validation_bytes, 16_384)
            small = pieces(parts.validation, size)
            return memorise(parts.train, small, memory, self.seed, self.runs / "memory", run)

        said = f"Learning planted passages by heart: {' against '.join(memory.objectives)}"
        found: dict[str, Any] = self.stages.run("memorisation", said, compute)
        return {**found, "sentences": _findings.memory_sentences(found)}

    def differences(
        self, rows: Mapping[str, Mapping[str, Any]], models: Mapping[str, Any]
    ) -> list[str]:
        """How far each model is behind the best, on the same documents."""
        held_out = self.texts.held_out
        found = {name: _likelihood(row, held_out) for name, row in rows.items()}
        best, *others = sorted(found, key=lambda name: found[name].bits_per_byte)
        return _findings.differences(
            [
                (models[best]["label"], models[name]["label"], difference(found[best], found[name]))
                for name in others
            ]
        )

    def samples(self) -> list[dict[str, Any]]:
        def compute() -> list[dict[str, Any]]:
            chosen, readers = samplers_of(self.budget.sampler), self.readers()
            return [
                {
                    "title": f"in the manner of {title}",
                    "sampler": " | ".join(map(str, chosen)),
                    "prompt": prompt,
                    "texts": {
                        name: write(
                            reader,
                            [prompt],
                            chosen,
                            max_new_tokens=self.budget.sample_tokens,
                            seed=self.seed + number,
                        )[0]
                        for name, reader in readers.items()
                    },
                }
                for number, (title, prompt) in enumerate(self.budget.samples)
            ]

        said = "Writing samples with each model"
        with _one_thread():
            rows: list[dict[str, Any]] = self.stages.run("samples", said, compute)
        return rows

    def coloured(self) -> list[dict[str, Any]]:
        def compute() -> list[dict[str, Any]]:
            readers = dict(sorted(self.readers().items(), reverse=True))
            places = _excerpts.choose(self.texts.parts.held_out, self.budget.excerpt)
            return [_excerpts.passage(readers, *place) for place in places]

        said = "Reading held-out passages with each model"
        rows: list[dict[str, Any]] = self.stages.run("passages", said, compute)
        return rows


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small models write one token after another faster on one core than on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_json(value: Any) -> str:
    """JSON as it is written to disk.

    Args:
        value: plain values; no NaN.

    Returns:
        Text with a last newline.
    """
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _per_document(found: Likelihood) -> dict[str, list[float]]:
    return {"nats": found.nats.tolist(), "correct": found.correct.tolist()}


def _foreseen(folder: Path) -> dict[str, Any]:
    """What the final loss was expected to be on the way, in bits per byte, and at half time."""
    run = read_run(folder)
    half = half_time(run)
    if half is None or run.evaluation is None:
        return {}
    scale = run.evaluation["bits_per_byte"] / run.evaluation["nats_per_token"]
    names = ("forecast", "forecast_low", "forecast_high")
    rows = [
        {"step": row["step"], **{name: scale * row[name] for name in names}}
        for row in run.forecasts
        if row["forecast_of"] == "nats_per_token"
    ]
    return {"half_time": asdict(half), "foreseen": rows}


def _likelihood(row: Mapping[str, Any], tokens: Tokens) -> Likelihood:
    """What `_per_document` kept, whole again."""
    import numpy as np

    return Likelihood(
        nats=np.array(row["nats"], np.float64),
        tokens=np.diff(tokens.offsets).astype(np.float64),
        bytes=tokens.byte_lengths.astype(np.float64),
        correct=np.array(row["correct"], np.float64),
        domains=tokens.domains,
    )
