"""The page.  Oracles: the HTML parser of the standard library, the rules of a self-contained page, equal bytes."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from openbfactory.core.errors import InputError
from openbfactory.core.provenance import Provenance
from openbfactory.report.content import Bullets, Highlight, Paragraph, Picture, ReportContent, Section, Table
from openbfactory.report.distributions import stacked_histogram
from openbfactory.report.html import render_report, write_report
from openbfactory.report.likelihood import likelihood_profile
from openbfactory.report.records import ComparisonRow, FallbackModel, Number
from openbfactory.report.references import Reference, citation, known_references, resolve
from openbfactory.report.tables import comparison_table, cutflow_table, fallback_table, provenance_table

VOID = {"meta", "img", "link", "br", "hr", "input"}
ROWS = (
    ComparisonRow(quantity="signal efficiency", published=Number(value=0.08), percent=True,
                  here=Number(value=0.079, uncertainty=4e-4), source="belle2-knunu-2023; at eta > 0.92"),
    ComparisonRow(quantity="μ", published=Number(value=4.6, interval=(1.33, 1.35)), here=None, remark="no data"),
)


class Page(HTMLParser):
    """Checks that elements close in order, and collects elements and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [a for t, a in self.elements if t == tag]


@pytest.fixture(scope="module")
def content(stack, profile, cutflows):
    references = resolve(["belle2-knunu-2023; p. 3", "estimate", "pdg2024", "pdg2024"])
    provenance = Provenance("0123456789abcdef", seed=1, references=tuple(r.key for r in references))
    figure = Picture(stacked_histogram(stack), "Continuum sits at **low** q^{2}.", "stacked distribution")
    sections = (
        Section("What was run", (Paragraph("Text with <tags> & signs."),
                                 provenance_table(provenance, {"preset": "quick"}))),
        Section("Cutflow", (cutflow_table(cutflows, caption="Events left."),)),
        Section("Distributions", (figure, figure,
                                  Picture(likelihood_profile(profile), "The minimum.", "profile", raster=True))),
        Section("Fallbacks", (fallback_table([FallbackModel(model="A", fraction=0.001)]),
                              Bullets(("first", "second")))),
    )
    return ReportContent("B^{+} → K^{+}νν̅", "simulated 2 fb^{−1}", "The result is **μ = 1**.", sections,
                         comparison=comparison_table(ROWS, references), highlights=(Highlight("efficiency", "8 %"),),
                         references=references, warnings=("Mind this.",))


@pytest.fixture(scope="module")
def html(content):
    return render_report(content)


def test_page_is_well_formed_and_titled(html):
    page = Page(html)
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == 5
    assert "<title>B+ → K+νν̅</title>" in html
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert targets <= set(ids)


def test_page_loads_nothing_and_runs_nothing(html):
    page = Page(html)
    tags = {t for t, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert all(a["src"].startswith("data:image/") for a in page.all("img"))
    assert not any(name.startswith("on") for _, a in page.elements for name in a)
    assert "@import" not in html
    assert "url(" not in html
    assert "default-src 'none'" in html
    for image in page.all("img"):
        inner = base64.b64decode(image["src"].split(",", 1)[1])
        assert not re.search(rb'(?:href|src)="(?!#|data:)', inner)
        assert b"<script" not in inner


def test_planted_fault_an_outside_image_is_caught(html):
    broken = html.replace("<main>", '<main><img src="https://example.org/a.png" alt="">')
    with pytest.raises(AssertionError):
        test_page_loads_nothing_and_runs_nothing(broken)


def test_same_content_same_bytes(content, html, tmp_path):
    assert render_report(content) == html
    assert write_report(content, tmp_path / "report.html").read_bytes() == html.encode("utf-8")
    assert b"\r" not in html.encode("utf-8")


def test_every_figure_and_table_is_numbered_and_described(html):
    page = Page(html)
    assert [a["id"] for a in page.all("figure") if "picture" in a["class"]] == [f"figure-{n}" for n in (1, 2, 3)]
    assert [a["id"] for a in page.all("figure") if a["class"] == "table"] == [f"table-{n}" for n in (1, 2, 3, 4)]
    assert all(a["alt"] for a in page.all("img"))
    assert [a["src"][:14] for a in page.all("img")] == ["data:image/svg", "data:image/svg", "data:image/png"]
    assert len(page.all("figcaption")) == 7


def test_text_is_escaped_and_the_page_says_whose_it_is_not(html):
    assert "Text with &lt;tags&gt; &amp; signs." in html
    assert "not a product of, affiliated with, or endorsed by any collaboration" in html
    assert "Mind this." in html


def test_comparison_shows_absent_numbers_as_a_dash_and_cites(html):
    table = comparison_table(ROWS, resolve([ROWS[0].source]))
    assert table.columns == ("quantity", "published", "this run", "source", "remark")
    assert table.rows[0] == ("signal efficiency", "8 %", "7.900 ± 0.040 %", "[[1](#ref-1)]", "")
    assert table.rows[1][1:3] == ("4.6^{+1.4}_{−1.3}", "–")
    assert comparison_table(ROWS[:1]).columns == ("quantity", "published", "this run", "source")


def test_references_are_numbered_once_and_linked(content, html):
    assert [r.key for r in content.references] == ["belle2-knunu-2023", "pdg2024", "estimate"]
    assert 'href="https://arxiv.org/abs/2311.14647"' in html
    assert citation("pdg2024; table 3", content.references) == "[[2](#ref-2)]"
    with pytest.raises(InputError, match="did you mean 'pdg2024'"):
        resolve(["pdg2025"])
    assert resolve(["a"], {"a": Reference("a", "A")})[0].title == "A"
    assert "estimate" in known_references()


def test_cutflow_has_the_categories_in_order_and_refuses_other_steps(cutflows):
    table = cutflow_table(cutflows[::-1], caption="c")
    assert table.columns[1:] == ("signal: events", "efficiency", "B^{+}B^{−}: events", "efficiency", "cc̅: events",
                                 "efficiency")
    assert table.rows[-1][1:3] == ("160", "8.00 ± 0.14 %")
    assert cutflow_table(cutflows, caption="c", show="events").columns == ("after", "signal", "B^{+}B^{−}", "cc̅")
    assert cutflow_table(cutflows, caption="c", show="efficiency").rows[0][0] == "event selection"
    other = cutflows[1].model_copy(update={"steps": cutflows[1].steps[:-1]})
    with pytest.raises(InputError, match="'charged' has the steps"):
        cutflow_table((cutflows[0], other), caption="c")


def test_fallbacks_are_sorted_by_fraction():
    table = fallback_table([FallbackModel(model="A", fraction=0.001), FallbackModel(model="B", fraction=0.2, decays=9)])
    assert [r[0] for r in table.rows] == ["`B`", "`A`"]
    assert table.rows[0][1:] == ("20 %", "9")


def test_figures_need_captions_and_tables_equal_rows(stack):
    with pytest.raises(InputError, match="says what to see"):
        Picture(stacked_histogram(stack), " ", "alt")
    with pytest.raises(InputError, match="1 cells"):
        Table(("a", "b"), (("1",),), "caption")


def test_a_report_of_another_analysis_needs_nothing_of_this_one():
    page = render_report(ReportContent("τ mass", "190 fb^{−1}", "m = 1777.09 ± 0.14 MeV.", ()))
    assert "Table" not in page
    Page(page)
