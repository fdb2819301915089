"""Kernels compiled before workers start. Oracle: the marker in the cache, and what a second call does."""

from __future__ import annotations

from openbfactory.pipeline.chunks import plan
from openbfactory.pipeline.generation import GenerateChunk
from openbfactory.pipeline.warmup import compile_kernels


class Foreign:
    """A chunk function that is not of the package."""

    def __call__(self, task):
        raise AssertionError


def test_it_is_done_once(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("OBF_CACHE_DIR", str(tmp_path))
    (tmp_path / "kernels").mkdir()
    function = GenerateChunk("belle2", None, None)
    assert compile_kernels(function, ())
    assert len(list((tmp_path / "kernels").glob("made-*"))) == 1
    assert not compile_kernels(function, plan({"gg": 5}, 1))


def test_others_and_own_caches_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OBF_CACHE_DIR", str(tmp_path))
    assert not compile_kernels(Foreign(), ())
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not compile_kernels(GenerateChunk("belle2", None, None), ())
    assert not (tmp_path / "kernels").exists()
