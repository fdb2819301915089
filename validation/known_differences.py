"""Rows that differ for a reason that is known: the largest size that each may have, and the reason.

A row that grows beyond its size, or that starts to agree, makes the validation fail until this table is put right.
"""

from __future__ import annotations

from typing import Final

from validation.rows import Difference

KNOWN: Final[dict[str, Difference]] = {}
