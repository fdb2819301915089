"""How the innermost compiled functions are made: without the counting of references to arrays.

numba counts who holds an array; inside a loop over particles the counting (atomic operations for every row that is
looked at) can cost more than the physics.  A function of this kind works on arrays that it is given: it makes none
and returns none, and its callers hold them as long as it runs.  Called from Python with a random generator, it never
gives that object back (3 kB each): call it with one object again and again, or from another compiled function.
"""

from __future__ import annotations

from typing import Any, Final

from numba import njit

#: decorator of functions that neither make nor return arrays
kernel: Final[Any] = njit(cache=True, error_model="numpy", _nrt=False)
#: the same for small functions that are copied into their callers, so that loops over them become vector instructions
inlined: Final[Any] = njit(cache=True, error_model="numpy", inline="always", _nrt=False)
