"""The audit of changes, as an operation of migrations: a table tells itself who changed it.

The table's triggers see what each statement did, whoever sent it and however: save, bulk_create,
queryset.update or SQL by hand. They call the function `audit_change` of audit/migrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

#: What each kind of statement hands to the function. An upsert is two of them, each with its rows.
_ROWS = {
    "insert": "NEW TABLE AS some_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS some_rows",
}


class AuditTable(Operation):
    """Write an entry for each statement that inserts into, updates or deletes from a table.

    `record` is what a row is called, by default the table's name without its app. `organization`
    and `patient` name the columns with the tenant's and the patient's id, empty where there is
    none. An update of nothing but columns in `ignore` leaves no entry. The table has a column id.
    Where the table is audited already, `instead_of` is what was ignored until now.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self,
        table: str,
        *,
        record: str = "",
        organization: str = "organization_id",
        patient: str = "",
        ignore: Sequence[str] = (),
        instead_of: Sequence[str] | None = None,
    ) -> None:
        self.table = table
        self.record = record or table.partition("_")[2].replace("_", " ")
        self.organization = organization
        self.patient = patient
        self.ignore = ignore
        self.instead_of = instead_of

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing that Django's models know of."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        self._create(schema_editor, self.ignore)

    def _create(self, schema_editor: BaseDatabaseSchemaEditor, ignore: Sequence[str]) -> None:
        words = (self.record, self.organization, self.patient, ",".join(ignore))
        arguments = ", ".join(f"'{word}'" for word in words)
        for verb, rows in _ROWS.items():
            schema_editor.execute(
                f'CREATE OR REPLACE TRIGGER audit_{verb} AFTER {verb.upper()} ON "{self.table}" '
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION audit_change({arguments})"
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        if self.instead_of is not None:
            self._create(schema_editor, self.instead_of)
            return
        for verb in _ROWS:
            schema_editor.execute(f'DROP TRIGGER IF EXISTS audit_{verb} ON "{self.table}"')

    def describe(self) -> str:
        return f"Audit changes of {self.table}"
