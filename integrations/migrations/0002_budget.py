"""Budgets in one statement: caps that a PMS told, and the function that takes a call or refuses."""

from django.db import migrations, models

TAKE = """
CREATE FUNCTION pms_budget_take(
    keys text[],            -- whose counter, one for each limit
    lengths integer[],      -- seconds that one row of the counter spans
    starts timestamptz[],   -- start of the row that the call falls into
    spans integer[],        -- seconds over which calls are counted; more than a row's: moving
    ceilings integer[],     -- calls in all that this priority may reach
    released integer[],     -- the same where HIGH had no demand in this window or the one before
    is_high boolean,
    at timestamptz,
    OUT refused integer,    -- 0: one call was taken of every limit; n: the n-th limit is used up
    OUT until timestamptz,  -- when the refusing limit gives calls again, where the rows tell it
    OUT calls_left integer  -- the fewest that any of the limits has left for this priority
) LANGUAGE plpgsql AS $$
DECLARE
    high integer := is_high::integer;
    low integer := (NOT is_high)::integer;
    used integer;
    oldest timestamptz;
    capped text[] := '{}';
    i integer := 0;
BEGIN
    refused := 0;
    -- What the PMS itself told comes first: it may know of calls that were not ours.
    FOR i IN 1 .. cardinality(keys) LOOP
        UPDATE pms_budget_caps c SET calls_left = c.calls_left - 1
            WHERE c.key = keys[i] AND c.until > at AND c.calls_left > 0;
        IF FOUND THEN
            capped := capped || keys[i];
            CONTINUE;
        END IF;
        SELECT c.until INTO until FROM pms_budget_caps c WHERE c.key = keys[i] AND c.until > at;
        IF FOUND THEN
            refused := i;
            UPDATE pms_budget_caps c SET calls_left = c.calls_left + 1
                WHERE c.key = ANY (capped) AND c.until > at;
            RETURN;
        END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(keys) LOOP
        used := NULL;
        IF spans[i] > lengths[i] THEN
            -- A sum over rows is not guarded by any one row's lock.
            PERFORM pg_advisory_xact_lock(hashtextextended(keys[i], lengths[i]));
            -- A row counts as long as any part of it lies in the window: never too few.
            SELECT coalesce(sum(w.used_high + w.used_low), 0), min(w.starts_at)
                INTO used, oldest FROM pms_budget_windows w
                WHERE w.key = keys[i] AND w.seconds = lengths[i]
                AND w.starts_at > at - make_interval(secs => spans[i] + lengths[i]);
            IF used >= ceilings[i] THEN
                used := NULL;
                until := oldest + make_interval(secs => spans[i] + lengths[i]);
            ELSE
                INSERT INTO pms_budget_windows AS w (key, seconds, starts_at, used_high, used_low)
                    VALUES (keys[i], lengths[i], starts[i], high, low)
                    ON CONFLICT (key, seconds, starts_at) DO UPDATE
                    SET used_high = w.used_high + high, used_low = w.used_low + low;
                used := used + 1;
            END IF;
        ELSE
            INSERT INTO pms_budget_windows AS w (key, seconds, starts_at, used_high, used_low)
                SELECT keys[i], lengths[i], starts[i], high, low WHERE ceilings[i] >= 1
                ON CONFLICT (key, seconds, starts_at) DO UPDATE
                SET used_high = w.used_high + high, used_low = w.used_low + low
                WHERE w.used_high + w.used_low < CASE
                    WHEN released[i] > ceilings[i] AND w.used_high = 0 AND NOT EXISTS (
                        SELECT FROM pms_budget_windows b WHERE b.key = w.key
                        AND b.seconds = w.seconds AND b.used_high > 0
                        AND b.starts_at = w.starts_at - make_interval(secs => w.seconds)
                    ) THEN released[i] ELSE ceilings[i] END
                RETURNING w.used_high + w.used_low INTO used;
        END IF;
        IF used IS NULL THEN
            refused := i;
            FOR j IN 1 .. i - 1 LOOP
                DELETE FROM pms_budget_windows w WHERE w.key = keys[j] AND w.seconds = lengths[j]
                    AND w.starts_at = starts[j] AND w.used_high + w.used_low = 1;
                IF NOT FOUND THEN
                    UPDATE pms_budget_windows w
                        SET used_high = w.used_high - high, used_low = w.used_low - low
                        WHERE w.key = keys[j] AND w.seconds = lengths[j] AND w.starts_at = starts[j];
                END IF;
            END LOOP;
            UPDATE pms_budget_caps c SET calls_left = c.calls_left + 1
                WHERE c.key = ANY (capped) AND c.until > at;
            RETURN;
        END IF;
        calls_left := least(calls_left, greatest(ceilings[i] - used, 0));
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="BudgetCap",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("calls_left", models.PositiveIntegerField()),
                ("until", models.DateTimeField()),
            ],
            options={"db_table": "pms_budget_caps"},
        ),
        migrations.RunSQL(TAKE, "DROP FUNCTION pms_budget_take"),
    ]
