"""Chunks, engines, the chunk store and resume: the only room that knows the order of the stages."""

from openbfactory.pipeline.candidates import Request, reconstruct_file
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask, plan
from openbfactory.pipeline.engines import Engine, open_engine
from openbfactory.pipeline.generation import Energy, generate_file, simulate_file
from openbfactory.pipeline.produce import produce
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import ChunkStore, open_store

__all__ = ["CHUNK_SIZE", "ChunkStore", "ChunkTask", "Energy", "Engine", "Progress", "Request", "generate_file",
           "open_engine", "open_store", "plan", "produce", "reconstruct_file", "simulate_file"]
