package record

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
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
	at := h.now.UnixMicro()
	states := []string{"open", "accepted", "in_work", "closed"}
	for from := 0; from < n; from += 1000 {
		err := h.db.Update(b.Context(), func(tx *store.Tx) error {
			var rows []Record
			for i := from; i < from+1000; i++ {
				r := Record{
					ID: fmt.Sprintf("r%07d", i), Type: "finding", Ref: fmt.Sprintf("FND-2026-%06d", i), Title: fmt.Sprint("Finding number ", i), EntityID: h.entity.ID, SiteNo: h.home.No, State: states[i%4], Version: 1, DataVersion: 1,
					OwnerID: "u-lead", CreatedAt: store.Micros(at + int64(i)*1e6), UpdatedAt: store.Micros(at + int64(i*7919%n)*1e6), CreatedBy: "u-lead", UpdatedBy: "u-lead", Approval: NoApproval, DueAt: store.Micros(at + int64(i*104729%n)*60e6),
				}
				r.Data.V = map[string]any{"text": "Something was seen on the wire that should not be there.", "severity": "high", "source": "check", "evidence": "Conversation 10.20.1.7"}
				rows = append(rows, r)
			}
			if err := store.Upsert(b.Context(), tx, "record_record", rows, nil, nil); err != nil {
				return err
			}
			for i := range states {
				rec := rows[i]
				if err := tally(b.Context(), tx, &rec, 250); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := h.db.Optimize(b.Context()); err != nil {
		b.Fatal(err)
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
