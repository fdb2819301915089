"""Typed configuration. Oracle: hand-written mistakes and the line each stands in."""

import pytest

from openbfactory.core.config import Config, digest, load
from openbfactory.core.errors import ConfigError
from openbfactory.core.quantities import Quantity, references_in


class Beam(Config):
    energy: Quantity
    angle: float = 0.0


class Machine(Config):
    name: str
    beams: dict[str, Beam]
    radii: list[float] = []


GOOD = """
name: ring
beams:
  her:
    energy: {value: 7.004, unit: GeV, source: some-paper; table 2}
radii: [1, 2]
"""


def read(tmp_path, text):
    path = tmp_path / "card.yaml"
    path.write_text(text)
    return load(path, Machine)


def test_reads_what_is_right(tmp_path):
    machine = read(tmp_path, GOOD)
    assert machine.beams["her"].energy.value == 7.004
    assert references_in(machine) == {"some-paper"}
    assert machine.digest() == read(tmp_path, GOOD).digest()


def test_every_mistake_is_reported_with_its_line(tmp_path):
    text = GOOD.replace("name: ring", "nam: ring").replace("unit: GeV", "unt: GeV").replace("[1, 2]", "[1, two]")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert "line 2, nam: unknown key 'nam'" in message
    assert "did you mean 'name'?" in message
    assert "'name' is missing" in message
    assert "did you mean 'unit'?" in message
    assert "line 6, radii[1]: found 'two'" in message


@pytest.mark.parametrize(("text", "code"), [
    ("a: [1", "not-yaml"), ("a: 1\na: 2", "duplicate-key"), ("name: !!python/object:os.system x", "not-yaml"),
    ("", "model-type"), ("- 1", "model-type"),
    ("name: x\nbeams: {h: {energy: {value: .nan, source: s}}}", "finite-number"),
    ("[" * 5000, "not-yaml"),
])
def test_broken_documents_are_named(tmp_path, text, code):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert code in {f.code for f in caught.value.findings}


def test_absent_and_binary_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match="unreadable"):
        load(tmp_path / "absent.yaml", Machine)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not-text"):
        load(tmp_path / "binary.yaml", Machine)


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
