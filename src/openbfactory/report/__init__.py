"""Figures, tables and the report page: the only room that draws; it computes no result.

What to use when: build the plain records of :mod:`.records` (from arrays or
from the dictionaries of ``result.json``), draw them with :mod:`.distributions`,
:mod:`.comparisons`, :mod:`.classifiers` and :mod:`.likelihood`, make tables with
:mod:`.tables`, put both into the sections of a :class:`.content.ReportContent`
and turn that into one self-contained page with :func:`.html.render_report`.
"""
