package record

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// BenchmarkList reads pages of 50 out of 100,000 records, and the same rows with one
// prepared SELECT of the table. What counts is the ratio of the 95th percentiles.
func BenchmarkList(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := storetest.SQLite(b)
			if engine == "postgres" {
				url = storetest.Postgres(b)
			}
			db := storetest.Open(b, url, tables())
			h := newHouse(b, db, nil)
			fill(b, h, 100_000)
			driver, source := "pgx", url
			if engine == "sqlite" {
				driver, source = "sqlite", db.Path()
			}
			bare, err := sql.Open(driver, source)
			if err != nil {
				b.Fatal(err)
			}
			defer bare.Close()
			for name, q := range map[string]Query{
				"newest": {Type: "finding", Limit: 50}, "of one state": {Type: "finding", State: "closed", Limit: 50}, "due first": {Type: "finding", Sort: "due_at", Limit: 50},
			} {
				b.Run(name, func(b *testing.B) { measure(b, h, bare, engine, q) })
			}
		})
	}
}

// fill writes records straight into the tables: what is measured is reading them.
func fill(b *testing.B, h *house, n int) {
	b.Helper()
	data := `{"text": "Something was seen on the wire that should not be there.", "severity": "high", "source": "check", "evidence": "Conversation 10.20.1.7"}`
	value := ot.SQL{Text: "?", Args: []any{data}}
	if h.db.Engine() == store.PostgreSQL {
		value.Text = "CAST(? AS JSONB)"
	}
	at := h.now.UnixMicro()
	const state = "CASE i % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'accepted' WHEN 2 THEN 'in_work' ELSE 'closed' END"
	h.exec(`INSERT INTO record_record (record_id, type, ref, title, entity_id, site_no, zone_no, asset_id, owner_id, state, data, data_version, version, due_at, created_at, created_by, updated_at, updated_by, approval)
		WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT 'r' || CAST(1000000 + i AS TEXT), 'finding', 'FND-2026-' || CAST(1000000 + i AS TEXT), 'Finding number ' || CAST(i AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), 0, '', 'u-lead', `+state+`, ?, 1, 1,
		CAST(? AS BIGINT) + i * 104729 % 100000 * 60000000, CAST(? AS BIGINT), 'u-lead', CAST(? AS BIGINT) + i * 7919 % 100000 * 1000000, 'u-lead', 'none' FROM n`, n, h.entity.ID, h.home.No, value, at, at, at)
	h.exec("INSERT INTO record_tally (type, state, entity_id, site_no, zone_no, n) SELECT type, state, entity_id, site_no, zone_no, count(*) FROM record_record GROUP BY type, state, entity_id, site_no, zone_no")
	if err := h.db.Optimize(b.Context()); err != nil {
		b.Fatal(err)
	}
	if h.db.Engine() == store.PostgreSQL {
		h.exec("ANALYZE record_record")
	}
}

func measure(b *testing.B, h *house, db *sql.DB, engine string, q Query) {
	who := h.people["admin"]
	who.Scope = auth.Scope{Sites: []int64{h.home.No, h.other.No}}
	text, args := "SELECT "+rowColumns+" FROM record_record WHERE type = ?", []any{q.Type}
	if q.State != "" {
		text += " AND state = ?"
		args = append(args, q.State)
	}
	text += map[string]string{"due_at": " ORDER BY COALESCE(due_at, 9223372036854775807), record_id LIMIT 50", "": " ORDER BY updated_at DESC, record_id DESC LIMIT 50"}[q.Sort]
	if engine == "postgres" {
		text = strings.Replace(strings.Replace(text, "?", "$1", 1), "?", "$2", 1)
	}
	stmt, err := db.PrepareContext(b.Context(), text)
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	var list, bare []time.Duration
	for b.Loop() {
		began := time.Now()
		page, err := h.s.List(b.Context(), who, q)
		list = append(list, time.Since(began))
		if err != nil || len(page.Items) != 50 || *page.Total < 25_000 {
			b.Fatal(err, len(page.Items))
		}
		began = time.Now()
		ids := scanAll(b, stmt, args)
		bare = append(bare, time.Since(began))
		if len(ids) != 50 || ids[0] != page.Items[0].ID || ids[49] != page.Items[49].ID {
			b.Fatal("not the same rows")
		}
	}
	slices.Sort(list)
	slices.Sort(bare)
	at := func(d []time.Duration, percent int) float64 {
		return float64(d[(len(d)-1)*percent/100].Microseconds()) / 1000
	}
	b.ReportMetric(at(list, 95), "list-p95-ms")
	b.ReportMetric(at(bare, 95), "select-p95-ms")
	b.ReportMetric(at(list, 95)/at(bare, 95), "ratio-p95")
	b.ReportMetric(at(list, 50)/at(bare, 50), "ratio-p50")
}

// scanAll reads every column of the statement's rows and gives the first.
func scanAll(b *testing.B, stmt *sql.Stmt, args []any) []string {
	rows, err := stmt.QueryContext(b.Context(), args...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	values, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
	for i := range values {
		into[i] = &values[i]
	}
	var ids []string
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, values[0].String)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return ids
}
