"""Budgets in one statement: caps that a PMS told, and the function that takes a call or refuses."""

from django.db import migrations, models

TAKE = """
CREATE FUNCTION pms_budget_take(
    keys text[],            -- whose counter, one for each limit
    limits integer[],       -- a row for each limit: length, span, ceiling, late, leave (see below)
    is_high boolean,
    at timestamptz
)
-- The fewest calls that any limit has left for this priority after this one; or, where the n-th
-- limit refuses and so nothing is taken of any, -n.
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    length integer;         -- seconds that one row of the counter spans
    span integer;           -- seconds of a moving window, over whose rows calls are added; else 0
    ceiling integer;        -- calls in all that this priority may reach
    late integer;           -- the same where HIGH had no demand in this window or the one before
    leave integer;          -- calls that this priority leaves of those that the PMS says are left
    high CONSTANT integer := is_high::integer;
    low CONSTANT integer := 1 - high;
    start timestamptz;
    used integer;
    room integer;           -- calls left after this one; null or less than 0: none is given
    calls_left integer;
    capped boolean := false;
    cap record;
BEGIN
    -- What the PMS itself told comes first: it may know of calls that were not ours.
    IF EXISTS (SELECT FROM pms_budget_caps c WHERE c.key = ANY (keys) AND c.until > at) THEN
        capped := true;
        FOR cap IN SELECT c.key::text, c.calls_left FROM pms_budget_caps c
            WHERE c.key = ANY (keys) AND c.until > at ORDER BY c.key FOR UPDATE
        LOOP
            -- Which of a key's limits the PMS means is not known: the smallest reserve is left.
            SELECT min(limits[i][5]) INTO leave
                FROM generate_subscripts(keys, 1) AS i WHERE keys[i] = cap.key;
            room := cap.calls_left - leave - 1;
            IF room < 0 THEN
                RETURN -array_position(keys, cap.key);
            END IF;
            calls_left := least(calls_left, room);
        END LOOP;
    END IF;
    FOR i IN 1 .. cardinality(keys) LOOP
        length := limits[i][1];
        span := limits[i][2];
        ceiling := limits[i][3];
        late := limits[i][4];
        start := date_bin(make_interval(secs => length), at, to_timestamp(0));
        room := NULL;
        IF span > 0 THEN
            -- A sum over rows is not guarded by any one row's lock.
            PERFORM pg_advisory_xact_lock(hashtextextended(keys[i], length));
            -- A row counts as long as any part of it lies in the window: never too few.
            SELECT coalesce(sum(w.used_high + w.used_low), 0) INTO used FROM pms_budget_windows w
                WHERE w.key = keys[i] AND w.seconds = length
                AND w.starts_at > at - make_interval(secs => span + length);
            IF used < ceiling THEN
                INSERT INTO pms_budget_windows AS w (key, seconds, starts_at, used_high, used_low)
                    VALUES (keys[i], length, start, high, low)
                    ON CONFLICT (key, seconds, starts_at) DO UPDATE
                    SET used_high = w.used_high + high, used_low = w.used_low + low;
                room := ceiling - used - 1;
            END IF;
        ELSE
            IF late > ceiling THEN
                IF EXISTS (
                    SELECT FROM pms_budget_windows w WHERE w.key = keys[i] AND w.seconds = length
                    AND w.starts_at = start - make_interval(secs => length) AND w.used_high > 0
                ) THEN
                    late := ceiling;
                END IF;
            END IF;
            IF late > 0 THEN
                INSERT INTO pms_budget_windows AS w (key, seconds, starts_at, used_high, used_low)
                    VALUES (keys[i], length, start, high, low)
                    ON CONFLICT (key, seconds, starts_at) DO UPDATE
                    SET used_high = w.used_high + high, used_low = w.used_low + low
                    WHERE w.used_high + w.used_low
                        < CASE w.used_high WHEN 0 THEN late ELSE ceiling END
                    RETURNING CASE w.used_high WHEN 0 THEN late ELSE ceiling END
                        - w.used_high - w.used_low INTO room;
            END IF;
        END IF;
        IF room IS NULL THEN
            FOR j IN 1 .. i - 1 LOOP
                start := date_bin(make_interval(secs => limits[j][1]), at, to_timestamp(0));
                DELETE FROM pms_budget_windows w
                    WHERE w.key = keys[j] AND w.seconds = limits[j][1] AND w.starts_at = start
                    AND w.used_high + w.used_low = 1;
                IF NOT FOUND THEN
                    UPDATE pms_budget_windows w
                        SET used_high = w.used_high - high, used_low = w.used_low - low
                        WHERE w.key = keys[j] AND w.seconds = limits[j][1] AND w.starts_at = start;
                END IF;
            END LOOP;
            RETURN -i;
        END IF;
        calls_left := least(calls_left, room);
    END LOOP;
    IF capped THEN
        UPDATE pms_budget_caps c SET calls_left = c.calls_left - 1
            WHERE c.key = ANY (keys) AND c.until > at AND c.calls_left > 0;
    END IF;
    RETURN calls_left;
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
