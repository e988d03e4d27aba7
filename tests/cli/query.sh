#!/bin/bash
# query.sh - questions in SQL: the worked ones of docs/query.md, the tables against what other commands say, what is refused, and the
# exported database.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
reel=$work/demo.reel
"$BOOTREEL" record -q --console=none -o "$reel" --events +syscall || { fail "record"; finish; }
query() { "$BOOTREEL" query "$reel" "$@"; }

# The questions of the document, and the names of their columns.
awk '/^    (SELECT|WITH) / && empty { n++ } /^    / && n { print >("question" n) } { empty = /^$/ }' "$top/docs/query.md"
questions() {
    local i
    for i in 1 2 3 4 5 6 7 8 9 10; do
        [ -s "question$i" ] || { fail "docs/query.md: no question $i"; continue; }
        head -n 1 "question$i"
        "$BOOTREEL" query --format csv "$reel" - <"question$i" >answer || fail "question $i"
        head -n 1 answer | tr -d '\r'
        case $i in 1 | 2 | 4 | 5 | 7 | 10) ;; *) [ "$(wc -l <answer)" -gt 1 ] || fail "question $i: no answer" ;; esac # the demo guest is no Linux
        "$BOOTREEL" query "$reel" "$reel" - <"question$i" >/dev/null 2>&1 || fail "question $i with two boots"
    done >answers
    golden answers cli/query.golden
}

# The schema is the one that is documented; each kind of event is a view.
schema() {
    expect 0 schema "$BOOTREEL" query --schema "$reel"
    grep -o '^| `[a-z_]*` |' "$top/docs/query.md" | tr -d '|` ' | while read -r table; do
        columns=$(grep "^$table(" schema.out | sed 's/.*(//; s/)//; s/,//g')
        for c in $columns; do
            [ "$c" = boot ] || grep "^| \`$table\`" "$top/docs/query.md" | grep -q "\`$c\`" || fail "docs/query.md: $table.$c is missing"
        done
    done
    for kind in $(sed -n 's/^EVENT([0-9]*, [A-Z0-9_]*, [A-Z0-9_]*, "\([^"]*\)".*/\1/p' "$top/traces/event_kinds.def"); do
        grep -q "^$(echo "$kind" | tr '.-' '__')(boot, event, icount, time, cpu, guest, stage, process" schema.out || fail "no view of $kind"
    done
    [ "$(query --format csv 'PRAGMA user_version' | tr -d '\r' | tail -n 1)" = 1 ] || fail "the version of the schema"
}

# Against events, stages and processes.
agrees() {
    "$BOOTREEL" events "$reel" --format json >events.json
    "$BOOTREEL" stages "$reel" --all --format json >stages.json
    "$BOOTREEL" processes "$reel" --all --format json >processes.json
    query --format json "SELECT event, icount, time, cpu, kind, class, data, text FROM events" >events.rows || fail "events"
    query --format json "SELECT * FROM stages" >stages.rows || fail "stages"
    query --format json "SELECT * FROM processes" >processes.rows || fail "processes"
    query --format json "SELECT * FROM pio_write" >pio.rows || fail "pio_write"
    query --format json "SELECT event, icount FROM events WHERE icount BETWEEN 1000000 AND 50000000 AND class IN ('irq', 'disk') ORDER BY event DESC" >range.rows || fail "range"
    query --format json "SELECT event FROM events WHERE time > 3000000 AND time <= 9000000" >time.rows || fail "time"
    query --format json "SELECT event FROM events WHERE event >= 100 AND event < 200 AND kind = 'pio.write'" >numbers.rows || fail "numbers"
    query --format json "SELECT event, s.begin, s.end, (SELECT max(stage) FROM stages t WHERE NOT t.beside AND t.begin <= e.icount AND (e.icount < t.end OR NOT t.ended)) AS want, stage FROM events e LEFT JOIN stages s USING (stage) WHERE event % 50 = 0" >at.rows || fail "stage of an event"
    python3 - <<'PY' || fail "the tables are not what other commands say"
import json
load = lambda f: json.load(open(f))
events, rows = load('events.json'), load('events.rows')
assert len(events) == len(rows)
for e, r in zip(events, rows):
    assert (e['number'], e['icount'], e['time'], e['cpu'], e['kind'], e['class'], e['text']) == (
        r['event'], r['icount'], r['time'], r['cpu'], r['kind'], r['class'], r['text']), (e, r)
    assert e.get('data', r['data']) == r['data'], (e, r)
for s, r in zip(load('stages.json'), load('stages.rows'), strict=True):
    assert all(s[k] == r[k] for k in ('name', 'depth', 'begin', 'end', 'begin_time', 'end_time', 'took', 'idle', 'first_event')), (s, r)
    assert s.get('own') == r['own'] and s['failed'] == bool(r['failed']), (s, r)
def program(p):
    return p['pid'], p['name'], p['created'], p['command'] or None
want = [program(p) for p in load('processes.json')]
assert want == [program(p) for p in load('processes.rows')]
port = {e['number']: e['fields'] for e in events if e['kind'] == 'pio.write'}
for r in load('pio.rows'):
    f = port.pop(r['event'])
    assert int(f['port'], 16) == r['port'] and f['count'] == r['count']
assert not port
want = [(e['number'], e['icount']) for e in events if 10**6 <= e['icount'] <= 5 * 10**7 and e['class'] in ('irq', 'disk')]
assert want and want[::-1] == [(r['event'], r['icount']) for r in load('range.rows')]
want = [e['number'] for e in events if 3000000 < e['time'] <= 9000000]
assert want and want == [r['event'] for r in load('time.rows')]
assert [e['number'] for e in events[100:200] if e['kind'] == 'pio.write'] == [r['event'] for r in load('numbers.rows')]
assert all(r['want'] == r['stage'] for r in load('at.rows'))
PY
}

# refused TEXT SQL: one line of error, status 2, quickly, and no file.
refused() {
    expect 2 refused timeout 60 "$BOOTREEL" query --limit-time 1 "$reel" "$2"
    holds refused.err "^bootreel: query: .*$1" "$2"
    [ "$(wc -l <refused.err)" = 1 ] || fail "$2: more than one line: $(cat refused.err)"
}
hostile() {
    local sql late='not done'
    for sql in "CREATE TABLE x(a)" "CREATE TEMP TABLE x(a)" "INSERT INTO stages(name) VALUES(1)" "UPDATE events SET icount = 1" "DELETE FROM events" \
        "DROP VIEW irq" "UPDATE sqlite_master SET name = 'x'" "ATTACH 'x.db' AS x" "DETACH main" "VACUUM INTO 'x.db'" "BEGIN" "SAVEPOINT s" "ANALYZE" \
        "PRAGMA journal_mode = wal" "PRAGMA user_version = 7" "PRAGMA writable_schema = 1" "PRAGMA temp_store_directory = '/'" \
        "CREATE VIRTUAL TABLE x USING fts5(a)" "CREATE TRIGGER t INSERT ON irq BEGIN SELECT 1; END" "SELECT load_extension('x')" "SELECT random()" \
        "SELECT datetime('now')" "SELECT current_timestamp"; do
        refused '(not authorized|may not be modified|prohibited|cannot create)' "$sql"
    done
    refused "$late" "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r"
    refused "$late" "SELECT count(*) FROM events a, events b, events c WHERE a.time + b.time + c.time < 0"
    refused "($late|memory|too big)" "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT group_concat(zeroblob(7000000) || x) FROM r"
    refused "($late|memory)" "WITH RECURSIVE r(x) AS (SELECT zeroblob(7000000) UNION ALL SELECT x || '1' FROM r) SELECT 1 FROM r ORDER BY x"
    refused "$late" "SELECT instr(printf('%.*c', 8000000, 'a'), printf('%.*c', 4000000, 'a') || 'b')"
    refused 'too big' "SELECT length(zeroblob(1000000000))"
    refused 'no such table' "SELECT * FROM nowhere"
    refused 'incomplete' "SELECT"
    refused 'no statement' " "
    # Its rows have addresses of this process.
    refused 'use EXPLAIN QUERY PLAN' "EXPLAIN SELECT * FROM irq"
    expect 0 plan "$BOOTREEL" query "$reel" "EXPLAIN QUERY PLAN SELECT * FROM irq WHERE vector = 3"
    expect 0 plan-again "$BOOTREEL" query "$reel" "EXPLAIN QUERY PLAN SELECT * FROM irq WHERE vector = 3"
    same plan.out plan-again.out "a query's plan"
    ls -A | grep -q 'x\.db' && fail "a query has written a file"
    expect 2 no-sql "$BOOTREEL" query "$reel"
    holds no-sql.err 'no SQL given' "no SQL"
}

# Forms of output; several statements; bytes that are no text.
forms() {
    { query "SELECT 'a' AS text, 12 AS number, NULL AS none, x'00ff41' AS bytes, char(27) AS control; SELECT 1.5 AS real"
      query --format csv "SELECT 'a,b' AS \"x\"\"y\", NULL, x'00ff', 'say \"hi\"'" | tr -d '\r'
      query --format json "SELECT 'ä' AS t, NULL AS n, x'00ff' AS b, -1 AS i, 0.1 AS r, 9e999 AS inf, hexadecimal(-1) AS h"
    } >forms || fail "forms of output"
    golden forms cli/query-forms.golden
    query "SELECT count(*) FROM syscall_enter" >/dev/null 2>note || fail "syscall_enter"
    [ ! -s note ] || fail "a recorded class is said to be missing: $(cat note)"
    query "SELECT * FROM host_call" >/dev/null 2>note
    holds note 'not recorded: host' "a class that is not recorded"
    query --samples=1M -q --format json "SELECT sum(samples) AS n, (SELECT sum(self) FROM functions) AS self FROM samples" >samples || fail "samples"
    "$BOOTREEL" profile "$reel" -q --every 1M --format json >profile.json
    python3 -c '
import json
p, s = json.load(open("profile.json")), json.load(open("samples"))[0]
assert p["samples"] == s["n"] and s["self"] <= s["n"], (p["samples"], s)' || fail "samples are not those of profile"
}

exported() {
    expect 0 export "$BOOTREEL" export "$reel" --format sqlite -o demo.db
    "$BOOTREEL" export "$reel" --format sqlite -o again.db && same demo.db again.db "two exports"
    [ ! -e demo.db.part ] || fail "demo.db.part is left"
    expect 2 no-name "$BOOTREEL" export "$reel" --format sqlite
    query --format json "SELECT * FROM disk" >disk.rows
    query --format json "SELECT kind, count(*) AS n FROM events GROUP BY kind" >kinds.rows
    query --schema >schema
    python3 - <<'PY' || fail "the database is another than the tables"
import json, re, sqlite3
db = sqlite3.connect('demo.db')
db.row_factory = sqlite3.Row
for file, sql in (('disk.rows', 'SELECT * FROM disk'), ('kinds.rows', 'SELECT kind, count(*) AS n FROM events GROUP BY kind')):
    assert [dict(r) for r in db.execute(sql)] == json.load(open(file)), sql
assert db.execute('PRAGMA user_version').fetchone()[0] == 1
assert db.execute('PRAGMA integrity_check').fetchone()[0] == 'ok'
for line in open('schema'):
    name, columns = re.match(r'(\w+)\((.*)\)', line).groups()
    got = [c[1] for c in db.execute(f'PRAGMA table_info({name})')]
    assert got[:len(columns.split(', '))] == columns.split(', '), (name, got)
PY
}

questions
schema
agrees
hostile
forms
exported
finish
