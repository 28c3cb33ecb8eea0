"""Templates to HTML: every value escaped, nothing from elsewhere, and the headers that hold a browser to it."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from orchestrator.api.watching import event_id
from orchestrator.figures import countdown, number, span_of, versions_of, wait_of
from orchestrator.web.assets import asset
from orchestrator.web.marks import event_mark, state_mark, step_mark, verdict_mark, words_of, worst_measurement
from orchestrator.web.pictures import rail_of, reading_of, scale_of, traffic_of

SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": SECURITY_POLICY, "Referrer-Policy": "same-origin"}
"""Beside those that the gate puts on every answer."""
_CODE = re.compile(r"`([^`]+)`")


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the template's page. A name that the template knows and `values` lacks is an error."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status, headers=HEADERS)


def clock(at: datetime, now: datetime) -> str:
    """Return `14:02:11`, with the day before it where that is not today's; both in UTC."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


def coded(text: str) -> Markup:
    """Return a sentence escaped, with what stands between `backticks` marked as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped one call before


def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    shown = (state_mark, step_mark, verdict_mark, event_mark, worst_measurement)
    drawn = (traffic_of, reading_of, rail_of, scale_of)
    told = (asset, versions_of, wait_of, clock, event_id)
    found.globals |= {each.__name__: each for each in (*shown, *drawn, *told)}
    found.filters |= {
        "number": number,
        "span": span_of,
        "countdown": countdown,
        "words": words_of,
        "coded": coded,
    }
    return found


_TEMPLATES = _templates()
