"""Pages as PDF, by WeasyPrint; nothing is fetched, neither from a network nor from a disk."""

import contextlib
import io
import re
from dataclasses import replace
from typing import Any

from andon.errors import BugError, MissingProgram
from andon.look.figures import Chart

PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
"""What WeasyPrint needs of Debian and Ubuntu."""

_COLOUR = re.compile(r"var\(--[a-z0-9-]+, (#[0-9a-f]{6})\)")


def on_paper(chart: Chart) -> Chart:
    """The chart with the colours of the light theme themselves, where it asked the page for its theme's."""
    return replace(chart, svg=_COLOUR.sub(r"\1", chart.svg))


def pdf_of(page: str) -> bytes:
    """A page that needs nothing else, as PDF.

    Raises:
        MissingProgram: WeasyPrint or a library of the system that it needs is not installed.
        BugError: the page refers to something outside of itself.
    """
    library = _weasyprint()
    try:
        return bytes(library.HTML(string=page, url_fetcher=_refusing(library)).write_pdf())
    except library.urls.FatalURLFetchingError as cause:
        raise BugError(f"a page for paper refers to something outside of itself: {cause}") from cause


def _weasyprint() -> Any:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it lacks; there stand our results
            import weasyprint
            import weasyprint.urls
    except ModuleNotFoundError as cause:
        raise MissingProgram(
            f"a PDF needs {cause.name}", "Install it: pip install 'andon[reports]'."
        ) from cause
    except OSError as cause:
        raise MissingProgram(
            "a PDF needs the library Pango of the system, which is missing",
            f"Install it: apt-get install {' '.join(PANGO)} (Debian, Ubuntu).",
        ) from cause
    return weasyprint


def _refusing(library: Any) -> Any:
    """A fetcher of WeasyPrint that knows nothing but what stands in the page itself."""

    class Inside(library.urls.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.lower().startswith("data:"):
                raise library.urls.FatalURLFetchingError(url[:100])
            return super().fetch(url, headers)

    return Inside(allowed_protocols={"data"}, allow_redirects=False)
