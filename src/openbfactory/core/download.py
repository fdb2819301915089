"""Files from the network, kept in a cache with their checksums.

A source is a URL or a DOI, with or without ``doi:`` or ``https://doi.org/``: DOIs of HEPData and Zenodo resolve to the
record or file that they name (``10.17182/hepdata.90607.v3/r3``).  Downloads go through pooch; a file that is
there already is not fetched again, and one whose checksum is not the expected one is refused.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.core.kernel_cache import cache_root

_DOI = re.compile(r"^(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)$", re.IGNORECASE)
_SHA = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$", re.IGNORECASE)
#: what a record server is asked for
ACCEPT = "application/json, application/x-tar, application/gzip, application/zip, application/octet-stream, */*;q=0.5"
#: seconds without an answer before it counts as unreachable
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Download:
    """A file in the cache.

    Attributes
    ----------
    path, url
        Where it lies and where it came from.
    sha256
        Its checksum (64 hexadecimal digits).
    fresh
        Whether it was fetched now.
    """

    path: Path
    url: str
    sha256: str
    fresh: bool


def url_of(source: str) -> str:
    """URL of a source.

    Raises
    ------
    InputError
        When it is neither a URL (http, https) nor a DOI.
    """
    text = source.strip()
    found = _DOI.match(text)
    if found:
        return f"https://doi.org/{found[1]}"
    if urlparse(text).scheme in ("http", "https") and urlparse(text).netloc:
        return text
    findings = Findings("download")
    findings.error("source", "", f"found '{source}'", expected="a URL (https://...) or a DOI (10.17182/hepdata.166082)")
    raise InputError(findings)


def download(source: str, *, sha256: str | None = None, folder: Path | None = None, again: bool = False) -> Download:
    """File of a URL or DOI, from the cache where it is there.

    Parameters
    ----------
    sha256
        Checksum that the file must have.
    folder
        Cache; ``downloads`` in the package's cache by default.
    again
        Fetch also what is in the cache.

    Raises
    ------
    InputError
        For a wrong source or checksum, and when the server cannot be reached or has no such file.
    """
    import pooch
    import requests

    url, findings = url_of(source), Findings(source)
    if sha256 is not None and not _SHA.match(sha256):
        findings.error("checksum", "", f"found '{sha256}'", expected="64 hexadecimal digits")
        raise InputError(findings)
    place = folder or cache_root() / "downloads"
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{_name_of(url)}"
    target = place / name
    if again:
        target.unlink(missing_ok=True)
    fresh = not target.exists()
    pooch.get_logger().setLevel("ERROR")
    expected = None if sha256 is None else f"sha256:{_SHA.match(sha256)[1].lower()}"  # type: ignore[index]
    try:
        pooch.retrieve(url, known_hash=expected, fname=name, path=place, downloader=pooch.HTTPDownloader(
            headers={"Accept": ACCEPT}, timeout=TIMEOUT))
    except requests.exceptions.HTTPError as problem:
        findings.error("not-there", "", f"the server says: {problem}", expected="a file or record that exists")
    except requests.exceptions.RequestException as problem:
        findings.error("unreachable", "", f"cannot reach {urlparse(url).netloc} ({type(problem).__name__})",
                       expected="a connection to the network; or give the path of a copy instead")
    except ValueError:
        findings.error("checksum", "", "the file is not the expected one (its checksum differs); nothing was kept",
                       expected=expected)
        if fresh:
            target.unlink(missing_ok=True)
    except OSError as problem:
        findings.error("unwritable", str(target), f"cannot write the file: {problem.strerror}")
    findings.raise_if_errors(InputError)
    return Download(target, url, str(pooch.file_hash(str(target))), fresh)


def _name_of(url: str) -> str:
    """File name of a URL, safe for every system."""
    last = urlparse(url).path.rstrip("/").rsplit("/", 1)[-1] or "file"
    return re.sub(r"[^\w.-]", "_", last)[-80:]
