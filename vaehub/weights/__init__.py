"""Containers of weights, read without torch and without unpickling.

Knows what a model file looks like from outside and whether loading it could run code. Refuses to
know hosts, catalogs and what an autoencoder computes.
"""

from __future__ import annotations

from vaehub.weights.heads import refuse_head
from vaehub.weights.safetensors_header import Header, Tensor, read_header
from vaehub.weights.whole import check_file

__all__ = ["Header", "Tensor", "check_file", "read_header", "refuse_head"]
