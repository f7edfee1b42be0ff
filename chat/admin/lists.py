"""A page of a list: which rows are on it, by an index alone, then the rows themselves."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.templatetags.unfold_list import result_headers
from unfold.views import ChangeList

from chat.admin.rows import Row, drawn

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    Pages = Paginator  # generic for the type checker only

COUNTED = 10_000  # rows of a list that are counted and can be paged through; what is older is found by filters


class Capped(Pages):
    """Counts no further than anybody pages, so that a list's first page costs the same however long it is."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, at most COUNTED."""
        rows = self.object_list
        return rows.order_by()[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)


class List(ChangeList):  # type: ignore[misc]  # unfold is not typed
    """A page of a list."""

    def get_results(self, request: HttpRequest) -> None:
        """Find the page's ids, for which the index of the list's order is enough, however deep; then read its rows."""
        super().get_results(request)
        keys = list(self.result_list.values_list("pk", flat=True))  # type: ignore[has-type]  # unfold is not typed
        found = self.apply_select_related(self.root_queryset).in_bulk(keys)
        self.result_list = [found[key] for key in keys if key in found]

    @cached_property
    def headers(self) -> list[dict[str, Any]]:
        """The columns' headers, for unfold's template."""
        return list(result_headers(self))

    @cached_property
    def rows(self) -> list[Row]:
        """The rows, for unfold's template."""
        return drawn(self, self.headers)
