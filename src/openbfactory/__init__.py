"""Open software for B-factory physics: from e+e- collisions to a published measurement."""

from openbfactory.core.kernel_cache import use_kernel_cache as _use_kernel_cache

_use_kernel_cache()
