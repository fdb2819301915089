"""Sphinx configuration; reference pages are written from the live registries at build time."""

import sys
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
