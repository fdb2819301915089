"""Sphinx configuration; reference pages are written from the live registries at build time."""

import re
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from registries import write_reference_pages

from openbfactory.core.provenance import package_version

project = "openbfactory"
author = "The openbfactory developers"
copyright = "2026, the openbfactory developers"
version = release = package_version()
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "openbfactory"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
suppress_warnings = ["myst.header"]

write_reference_pages(Path(__file__).parent / "reference" / "generated")


def escape_formulas(app, what, name, obj, options, lines):
    """Escape the characters of formulas (``H_+``, ``|V|``) that markup would take, outside literals."""
    literal, quoted = None, False
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indent <= literal:
            literal = None
        if literal is None:
            pieces = line.split("``")
            for k, piece in enumerate(pieces):
                if quoted == bool(k % 2):
                    pieces[k] = re.sub(r":[\w:]+:`[^`]*`|(?<=\w)_(?!\w)|\|",
                                       lambda found: found[0] if "`" in found[0] else "\\" + found[0], piece)
            quoted = quoted != (len(pieces) % 2 == 0)
            lines[index] = "``".join(pieces)
        if literal is None and line.rstrip().endswith("::"):
            literal = indent


def skip_aliases(app, what, name, obj, skip, options):
    """Leave out names of types (``dict[str, Array]``), which have no signature to show."""
    return True if isinstance(obj, types.GenericAlias) else None


def setup(app):
    """Hook the escaping in before the docstrings are parsed."""
    app.connect("autodoc-skip-member", skip_aliases)
    app.connect("autodoc-process-docstring", escape_formulas, priority=100)
