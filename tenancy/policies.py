"""Row-level security as an operation of migrations: who sees which rows of a tenant's table.

Three permissive policies, each for one way to come:

- `tenant`: rows of the organizations that the work is for. Everybody, the owner of the table too.
- `everywhere`: where a table tells how things stand and no patient, those who look over all.
- `owner`: migrations and dumps, as the owner of the table and outside of all scopes.

Without a scope there are no rows, for reading as for writing.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

#: The tenants that the work is for. As a sub-select it is worked out once for a statement.
TENANTS = "(SELECT string_to_array(current_setting('frontdesk.organizations', true), ','))::uuid[]"
OWN = "{column} = ANY (" + TENANTS + ")"
#: Rows about a person are theirs, also before it is known where they belong.
PERSON = "user_id::text = (SELECT current_setting('frontdesk.person', true))"
EVERYWHERE = "(SELECT current_setting('frontdesk.scope', true)) = 'everywhere'"
UNSCOPED = "coalesce((SELECT current_setting('frontdesk.scope', true)), '') = ''"


class ProtectTable(Operation):
    """Hold a table to the scope: ENABLE and FORCE row-level security, and its policies.

    `column` is the tenant's, `everywhere` says that the table tells how things stand and holds no
    patient's data, `person` that rows of a person are also theirs (for reading). A table without a
    tenant of its own goes with the row that `via` names, as (column, table): it is seen and changed
    wherever that row is seen. So that must be no table with `person`, whose rows are seen by whom
    they are about: rows that go with them could be changed by that person too.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self,
        table: str,
        *,
        column: str = "organization_id",
        everywhere: bool = False,
        person: bool = False,
        via: tuple[str, str] | None = None,
    ) -> None:
        self.table = table
        self.column = column
        self.everywhere = everywhere
        self.person = person
        self.via = via

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing that Django's models know of."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        own = OWN.format(column=self.column)
        if self.via:
            column, parent = self.via
            own = f'EXISTS (SELECT FROM "{parent}" AS parent WHERE parent.id = {column})'
        policies = {
            "tenant": f"USING ({own}) WITH CHECK ({own})",
            # Only for the role that makes the table; with one role for all, only out of scopes.
            "owner": f"TO CURRENT_ROLE USING ({UNSCOPED}) WITH CHECK ({UNSCOPED})",
        }
        if self.everywhere:
            policies["everywhere"] = f"USING ({EVERYWHERE}) WITH CHECK ({EVERYWHERE})"
        if self.person:
            policies["person"] = f"FOR SELECT USING ({PERSON})"
        for verb in ("ENABLE", "FORCE"):
            schema_editor.execute(f'ALTER TABLE "{self.table}" {verb} ROW LEVEL SECURITY')
        for name, rule in policies.items():
            schema_editor.execute(f'CREATE POLICY {name} ON "{self.table}" {rule}')

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: Any,
        to_state: Any,
    ) -> None:
        for name in ("tenant", "owner", "everywhere", "person"):
            schema_editor.execute(f'DROP POLICY IF EXISTS {name} ON "{self.table}"')
        for verb in ("NO FORCE", "DISABLE"):
            schema_editor.execute(f'ALTER TABLE "{self.table}" {verb} ROW LEVEL SECURITY')

    def describe(self) -> str:
        return f"Hold {self.table} to the scope of the work"
