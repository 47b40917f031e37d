"""The one table: rows of words, chips and buttons; on a telephone each row is a card."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

Row = dict[str, Any]
OnRow = Callable[[str], Any]
OnAct = Callable[[str, str], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Column:
    """`wide` takes a line of its own on a telephone. A cell is a chip where the row has NAME_chip, which
    names the chip's class; a row's `acts` are its buttons: [[name, label], ...]."""

    name: str
    label: str
    wide: bool = False
    align: str = "left"


_BODY: Final = """
<q-tr :props="props" :class="props.row.row_class" :style="props.row.opens ? 'cursor:pointer' : ''"
      @click="props.row.opens && $parent.$emit('open', props.row.id)">
  <q-td v-for="col in props.cols" :key="col.name" :props="props" :data-label="col.label"
        :class="col.wide ? 'gw-wide' : col.name === 'acts' ? 'gw-acts' : ''">
    <template v-if="col.name === 'acts'">
      <q-btn v-for="act in props.row.acts" :key="act[0]" :label="act[1]" dense no-caps outline
             color="primary" class="q-mr-xs q-px-sm"
             @click.stop="$parent.$emit('act', [act[0], props.row.id])" />
    </template>
    <span v-else-if="props.row[col.name + '_chip']" :class="'gw-chip ' + props.row[col.name + '_chip']">
      {{ col.value }}</span>
    <span v-else style="overflow-wrap:anywhere">{{ col.value }}</span>
  </q-td>
</q-tr>
"""


class DataTable:
    """`show` replaces the rows; `empty` is said where there is none, and says what to do."""

    def __init__(
        self,
        columns: Sequence[Column],
        empty: str,
        *,
        on_open: OnRow | None = None,
        on_act: OnAct | None = None,
    ) -> None:
        self._table = ui.table(
            columns=[
                {
                    "name": column.name,
                    "label": column.label,
                    "field": column.name,
                    "align": column.align,
                    "wide": column.wide,
                }
                for column in columns
            ],
            rows=[],
            row_key="id",
        )
        self._table.classes("gw-table").props(
            "flat dense hide-pagination :rows-per-page-options=[0]"
        )
        self._table.add_slot("body", _BODY)
        self._table.add_slot("no-data", "")
        if on_open:
            self._table.on("open", lambda event: on_open(str(event.args)))
        if on_act:
            self._table.on("act", lambda event: on_act(str(event.args[0]), str(event.args[1])))
        self._empty = ui.label(empty).classes("gw-card gw-soft")
        self._rows: list[Row] | None = None

    def set_visible(self, visible: bool) -> None:
        """With what it says where it is empty."""
        self._table.set_visibility(visible and bool(self._rows))
        self._empty.set_visibility(visible and not self._rows)

    def show(self, rows: list[Row]) -> None:
        """Nothing is sent where nothing changed."""
        if rows == self._rows:
            return
        self._rows = rows
        self._table.rows = rows
        self._table.set_visibility(bool(rows))
        self._empty.set_visibility(not rows)
