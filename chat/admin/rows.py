"""The rows of a list, drawn as unfold draws them, in a fraction of its time.

Unfold makes a list's headers anew for every row, and renders a template for every checkbox; here what is the same in
all rows is made once. A test holds each row against what unfold itself would draw.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateField, ForeignKey, TimeField
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES
from unfold.utils import display_for_field, display_for_value

PLACE = "row-that-is-drawn"  # stands for a row's id in what is made once; no escaping changes it
CHECKBOX = "action_checkbox"

Draw = Callable[[Any], str]  # a row's HTML


@dataclass(frozen=True, slots=True)
class Row:
    """A row for unfold's template. Its cells are one piece: to render a piece costs more than to make it."""

    instance: Any
    cells: SafeString
    form: None = None

    def __iter__(self) -> Iterator[SafeString]:
        yield self.cells


def drawn(changes: Any, headers: Sequence[dict[str, Any]]) -> list[Row]:
    """Return the rows of a page of a list, a ChangeList of unfold's."""
    cells = [
        _checkbox(changes) if name == CHECKBOX else _cell(changes, name, header["text"], first=at == 0)
        for at, (name, header) in enumerate(zip(changes.list_display, headers, strict=True))
    ]
    return [Row(row, mark_safe("".join(cell(row) for cell in cells))) for row in changes.result_list]  # noqa: S308 (escaped, each cell)


def _checkbox(changes: Any) -> Draw:
    box = changes.model_admin.action_checkbox(SimpleNamespace(pk=PLACE))
    made = format_html(
        '<td class="{}" data-label="{}">{}</td>', " ".join(CHECKBOX_CLASSES), gettext("Select record"), box
    )
    before, after = made.split(PLACE)
    return lambda row: f"{before}{conditional_escape(row.pk)}{after}"


def _cell(changes: Any, name: str, label: str, *, first: bool) -> Draw:
    """Return what draws a column: of a field of the model, or of a method of its admin."""
    field, read = _read(changes, name)
    links = name in changes.list_display_links
    classes = [f"field-{name}", *ROW_CLASSES, *["nowrap"] * isinstance(field, DateField | TimeField | ForeignKey)]
    tag = "th" if links and name == changes.list_display_links[0] else "td"
    opening = format_html(
        '<{} class="{}" data-label="{}">',
        tag,
        " ".join(classes),
        gettext("Select record") if first and not links else label,
    )
    if not links:
        return lambda row: f"{opening}{conditional_escape(read(row))}</{tag}>"
    before, after = _link(changes)
    return lambda row: f"{opening}{before}{quote(row.pk)}{after}{conditional_escape(read(row))}</a></{tag}>"


def _link(changes: Any) -> tuple[str, str]:
    """Return a link to a row's page, and back to this list, before and after the row's id."""
    url = changes.url_for_result(SimpleNamespace(**{changes.pk_attname: PLACE}))
    url = add_preserved_filters({"preserved_filters": changes.preserved_filters, "opts": changes.opts}, url)
    before, _, after = format_html('<a href="{}" class="{}" >', url, " ".join(LINK_CLASSES)).partition(PLACE)
    return before, after


def _read(changes: Any, name: str) -> tuple[Any, Draw]:
    """Return the field that a column is of, if of one, and what gives a row's value as text."""
    none = changes.model_admin.get_empty_value_display()
    try:
        field = changes.opts.get_field(name)
    except FieldDoesNotExist:
        method = getattr(changes.model_admin, name)
        return None, lambda row: display_for_value(method(row), none)
    if isinstance(field, ForeignKey):
        return field, lambda row: none if (other := getattr(row, name)) is None else other
    return field, lambda row: display_for_field(getattr(row, name), field, none)
