"""Compile kernels for a GPU that need not be here; run by `test_triton` in a process of its own.

    python compile_kernels.py cuda:90 ptx < launches.json > texts.json

In a process where Triton interprets, it does not compile.
"""

import json
import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from topoeval.persistence._parallel import kernels

backend, _, architecture = sys.argv[1].partition(":")
target = (
    GPUTarget("cuda", int(architecture), 32)
    if backend == "cuda"
    else GPUTarget("hip", architecture, 64)
)
texts = []
for name, signature, constants in json.load(sys.stdin):
    kernel = getattr(kernels, name)
    types = {
        argument: "constexpr" if argument in constants else signature[argument]
        for argument in kernel.arg_names
    }
    aligned = {
        (number,): [["tt.divisibility", 16]]
        for number, argument in enumerate(kernel.arg_names)
        if types[argument].startswith("*")
    }
    source = ASTSource(
        kernel,
        types,
        {(kernel.arg_names.index(argument),): value for argument, value in constants.items()},
        aligned,
    )
    texts.append(triton.compile(source, target=target).asm[sys.argv[2]])
json.dump(texts, sys.stdout)
