"""Compiles the kernels that a scan launches for cards that are not there; prints what each takes.

    python compile_child.py CAPABILITY[,CAPABILITY] DTYPE WHAT TILES [TOKENS,WORDS,WIDTH]

WHAT is `all` statistics or names with commas; TILES how many of the candidates are compiled. As at
run time, whole numbers that are 1 are constants, and multiples of 16 are known to be.
"""

import json
import os
import sys

if __name__ == "__main__":
    # Triton reads it when it is imported.
    os.environ.pop("TRITON_INTERPRET", None)

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from likely.core.head import Head
from likely.vocab import _triton
from likely.vocab._triton import _choose
from likely.vocab.scan import scan
from tests.oracle import wishes
from tests.strategies import make_problem

TYPES = {
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.float16: "*fp16",
    torch.int64: "*i64",
    torch.int32: "*i32",
    torch.int8: "*i8",
    torch.uint8: "*u8",
}
FOUND = []
CAPABILITIES = []


def kind(value):
    if isinstance(value, torch.Tensor):
        return TYPES[value.dtype]
    return "i32" if abs(value) < 2**31 else "i64"


def compiled(self, *args, grid, warmup, **given):
    """In place of a launch."""
    options = {k: given.pop(k) for k in ("num_warps", "num_stages") if k in given}
    given = dict(zip(self.arg_names, args, strict=False)) | given
    assert set(given) == set(self.arg_names), set(given) ^ set(self.arg_names)
    constant = {p.name for p in self.params if p.is_constexpr}
    constant |= {n for n in self.arg_names if type(given[n]) is int and given[n] == 1}
    signature = {n: "constexpr" if n in constant else kind(given[n]) for n in self.arg_names}
    values = {n: given[n] for n in constant}
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, n in enumerate(self.arg_names)
        if n not in constant and (isinstance(given[n], torch.Tensor) or given[n] % 16 == 0)
    }
    for capability in CAPABILITIES:
        source = ASTSource(self, signature, values, aligned)
        found = triton.compile(source, GPUTarget("cuda", capability, 32), options)
        text = found.asm["ptx"]
        FOUND.append(
            {
                "kernel": self.__name__,
                "factors": signature.get("left0", signature.get("draw")),
                "capability": capability,
                **{k: values[k] for k in ("BN", "BV", "BD")},
                **options,
                "shared": found.metadata.shared,
                "tensor_cores": "wgmma" in text or "mma.sync" in text,
                "pipelined": "cp.async" in text,
                "bytes": len(found.asm["cubin"]),
            }
        )


def main():
    CAPABILITIES.extend(int(name) for name in sys.argv[1].split(","))
    dtype, what, tiles = getattr(torch, sys.argv[2]), sys.argv[3], int(sys.argv[4])
    JITFunction.run = compiled
    _triton.missing = lambda device: ""
    _choose.candidates = lambda kind: (_choose.NARROW if kind.itemsize < 4 else _choose.WIDE)[
        :tiles
    ]
    _choose._milliseconds = lambda run, tile: run(tile) and 0.0
    shape = sys.argv[5] if len(sys.argv) > 5 else "48,600,128"
    tokens, words, width = (int(number) for number in shape.split(","))
    problem = make_problem(tokens, words, width, "normal", 0.5, 5.0, 0.7, True, True, 1, 0,
                           teacher="same", scale_form="row", temperature_form="whole")  # fmt: skip
    asked, _ = wishes(problem, dtype=torch.float32)
    if what != "all":
        asked = {name: asked[name] for name in what.split(",")}

    def cast(t):
        return t.detach().to(dtype).requires_grad_(t.requires_grad)

    head, (states, other) = problem.head, problem.teacher
    own = Head(cast(head.weight), cast(head.bias), cast(head.scale), 5.0, cast(head.temperature),
               head.exclude)  # fmt: skip
    teacher = (states.detach().to(dtype), Head(other.weight.detach().to(dtype)))
    for eps in (None, "auto"):
        found = scan(
            cast(problem.hidden), own, problem.batch.target, asked, roles={"teacher": teacher},
            backend="triton", filter_eps=eps,
        )  # fmt: skip
        values = [v[1] if isinstance(v, tuple) else v for v in found.values()]
        sum(v.nan_to_num().sum() for v in values if v.requires_grad).backward()
    sys.stdout.write(json.dumps(FOUND) + "\n")


if __name__ == "__main__":
    main()
