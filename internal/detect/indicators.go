package detect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/detect/indicator"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// IndicatorSource is a file of indicators that was imported.
type IndicatorSource struct {
	ID      string     `json:"id"`
	Name    string     `json:"name" doc:"Who says so"`
	Format  string     `json:"format" enum:"stix,misp,list"`
	SHA256  string     `json:"sha256"`
	Days    int64      `json:"days" doc:"How long what names no end is in force"`
	Items   int64      `json:"items"`
	InForce int64      `json:"in_force"`
	Met     int64      `json:"met" doc:"Indicators that were met"`
	Left    []LeftOut  `json:"left_out" nullable:"false" doc:"What of the file is not taken, and why"`
	By      string     `json:"by"`
	At      store.Time `json:"at"`
}

// LeftOut is what an import does not take.
type LeftOut struct {
	Why   string `json:"why"`
	Count int64  `json:"count"`
}

// Indicator is one of them.
type Indicator struct {
	Kind   string     `json:"kind" enum:"address,domain,file"`
	Value  string     `json:"value"`
	Title  string     `json:"title"`
	Ref    string     `json:"ref" doc:"Its id at its source"`
	Source string     `json:"source"`
	From   store.Time `json:"from" doc:"Empty: always"`
	Until  store.Time `json:"until"`
	Hits   int64      `json:"hits"`
	HitAt  store.Time `json:"hit_at" doc:"Empty: never met"`
}

type sourceRow struct {
	ID      string                     `db:"source_id"`
	Name    string                     `db:"name"`
	Format  string                     `db:"format"`
	SHA256  string                     `db:"sha256"`
	Days    int64                      `db:"days"`
	Items   int64                      `db:"items"`
	LeftOut store.JSON[map[string]int] `db:"left_out"`
	ByID    string                     `db:"by_id"`
	ByName  string                     `db:"by_name"`
	At      int64                      `db:"at"`
}

type indicatorRow struct {
	SourceID string `db:"source_id"`
	Kind     string `db:"kind"`
	Value    string `db:"value"`
	Title    string `db:"title"`
	Ref      string `db:"ref"`
	FromAt   int64  `db:"from_at"`
	UntilAt  int64  `db:"until_at"`
	Hits     int64  `db:"hits"`
	HitAt    int64  `db:"hit_at"`
}

// Bounds of what is kept.
const (
	maxSources    = 200
	maxIndicators = 500_000
	maxDays       = 3650
)

// wanted are the indicators in force, each with its source.
type wanted struct {
	set   *indicator.Set
	names map[string]string // of sources, by kind and value
}

// LoadIndicators makes those in force the ones that are looked for; it is done at the
// start, after each change, and every hour for what ends.
func (s *Service) LoadIndicators(ctx context.Context) error {
	type row struct {
		indicatorRow
		Source string `db:"source"`
	}
	now := s.now().UnixMicro()
	k := &wanted{names: map[string]string{}}
	var items []indicator.Indicator
	err := s.db.View(ctx, func(r store.Reader) error {
		for x, err := range store.Select[row](ctx, r, `SELECT i.source_id, i.kind, i.value, i.title, i.ref, i.from_at, i.until_at, i.hits, i.hit_at, s.name AS source
FROM detect_indicator i JOIN detect_source s ON s.source_id = i.source_id WHERE i.from_at <= ? AND i.until_at > ? ORDER BY s.at, s.source_id`, now, now) {
			if err != nil {
				return err
			}
			at := x.Kind + " " + x.Value
			if said, twice := k.names[at]; twice {
				if len(said) < 200 {
					k.names[at] = said + ", " + x.Source
				}
				continue
			}
			k.names[at] = x.Source
			items = append(items, indicator.Indicator{Kind: x.Kind, Value: x.Value, Title: x.Title, Ref: x.Ref, Until: time.UnixMicro(x.UntilAt)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.set = indicator.NewSet(items)
	s.wanted.Store(k)
	return nil
}

// WantsFiles says whether a hash of a file is looked for.
func (s *Service) WantsFiles() bool {
	k := s.wanted.Load()
	return k != nil && k.set.Files() > 0
}

// NewSource is a file to import.
type NewSource struct {
	Name string // empty: as the file says
	Days int64  // 0: 180
	Text []byte
}

// Import takes a file of indicators; one of a name that there is takes that one's place.
func (s *Service) Import(ctx context.Context, by Person, in NewSource) (id string, err error) {
	r, err := indicator.Parse(in.Text)
	if err != nil {
		return "", err
	}
	if in.Days == 0 {
		in.Days = 180
	}
	name := ot.Printable(strings.TrimSpace(in.Name))
	if name == "" {
		name = r.Source
	}
	switch {
	case name == "" || len(name) > 200:
		return "", ot.Errorf(ot.Invalid, "say whose indicators these are, in at most 200 characters: alerts name it")
	case in.Days < 1 || in.Days > maxDays:
		return "", ot.Errorf(ot.Invalid, "what names no end is in force for 1 to %d days", maxDays)
	case len(r.Items) == 0:
		return "", ot.Errorf(ot.Invalid, "none of what this file holds can be seen on a network: %s", leftWords(r.Left))
	}
	sum := sha256.Sum256(in.Text)
	now := s.now()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := store.All[string](ctx, tx, "SELECT source_id FROM detect_source WHERE name = ?", name)
		if err != nil {
			return err
		}
		row := sourceRow{ID: store.NewID(), Name: name, Format: r.Format, SHA256: hex.EncodeToString(sum[:]), Days: in.Days, LeftOut: store.AsJSON(r.Left), ByID: by.ID, ByName: by.Name, At: now.UnixMicro()}
		if len(old) > 0 {
			row.ID = old[0]
			if _, err := tx.Exec(ctx, "DELETE FROM detect_indicator WHERE source_id = ?", row.ID); err != nil {
				return err
			}
		}
		held, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM detect_indicator")
		if err != nil {
			return err
		}
		sources, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM detect_source")
		if err != nil {
			return err
		}
		if held+int64(len(r.Items)) > maxIndicators || sources >= maxSources && len(old) == 0 {
			return ot.Errorf(ot.TooMany, "there would be more than %d indicators of %d sources; remove what is old", maxIndicators, maxSources)
		}
		rows := make(map[string]indicatorRow, len(r.Items))
		for _, x := range r.Items {
			until := now.AddDate(0, 0, int(in.Days))
			if !x.Until.IsZero() {
				until = x.Until
			}
			from := int64(0)
			if !x.From.IsZero() {
				from = x.From.UnixMicro()
			}
			rows[x.Kind+" "+x.Value] = indicatorRow{SourceID: row.ID, Kind: x.Kind, Value: x.Value, Title: x.Title, Ref: x.Ref, FromAt: from, UntilAt: until.UnixMicro()}
		}
		row.Items = int64(len(rows))
		id = row.ID
		if err := store.Upsert(ctx, tx, "detect_source", []sourceRow{row}, []string{"source_id"}, []string{"format", "sha256", "days", "items", "left_out", "by_id", "by_name", "at"}); err != nil {
			return err
		}
		list := slices.Collect(maps.Values(rows))
		slices.SortFunc(list, func(a, b indicatorRow) int { return compare(a.Kind+a.Value, b.Kind+b.Value) })
		return store.Upsert(ctx, tx, "detect_indicator", list, []string{"source_id", "kind", "value"}, nil)
	})
	if err != nil {
		return "", err
	}
	return id, s.LoadIndicators(ctx)
}

func leftWords(left map[string]int) string {
	why := slices.Sorted(maps.Keys(left))
	if len(why) == 0 {
		return "it has no indicator"
	}
	return strings.Join(why[:min(len(why), 3)], "; ")
}

// DropSource removes a source and its indicators; alerts stay.
func (s *Service) DropSource(ctx context.Context, id string) error {
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM detect_source WHERE source_id = ?", id)
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such source of indicators any more")
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM detect_indicator WHERE source_id = ?", id)
		return err
	})
	if err != nil {
		return err
	}
	return s.LoadIndicators(ctx)
}

// Sources lists what was imported.
func (s *Service) Sources(ctx context.Context) ([]IndicatorSource, error) {
	type row struct {
		sourceRow
		InForce int64 `db:"in_force"`
		Met     int64 `db:"met"`
	}
	out := []IndicatorSource{}
	now := s.now().UnixMicro()
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, `SELECT s.source_id, s.name, s.format, s.sha256, s.days, s.items, s.left_out, s.by_id, s.by_name, s.at,
  (SELECT COUNT(*) FROM detect_indicator i WHERE i.source_id = s.source_id AND i.from_at <= ? AND i.until_at > ?) AS in_force,
  (SELECT COUNT(*) FROM detect_indicator i WHERE i.source_id = s.source_id AND i.hit_at > 0) AS met FROM detect_source s ORDER BY s.name`, now, now)
		for _, x := range rows {
			v := IndicatorSource{ID: x.ID, Name: x.Name, Format: x.Format, SHA256: x.SHA256, Days: x.Days, Items: x.Items, InForce: x.InForce, Met: x.Met, Left: []LeftOut{}, By: x.ByName, At: store.Micros(x.At)}
			for _, why := range slices.Sorted(maps.Keys(x.LeftOut.V)) {
				v.Left = append(v.Left, LeftOut{why, int64(x.LeftOut.V[why])})
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}

// Indicators lists them, what was met first, then by value.
func (s *Service) Indicators(ctx context.Context, source, text, cursor string, limit int) (out rest.Page[Indicator], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At    int64  `json:"a"`
		Value string `json:"v"`
		ID    string `json:"i"`
	}
	type row struct {
		indicatorRow
		Source string `db:"source"`
	}
	w := ot.SQL{Text: "1 = 1"}
	and := func(text string, args ...any) {
		w.Text += " AND " + text
		w.Args = append(w.Args, args...)
	}
	if source != "" {
		and("i.source_id = ?", source)
	}
	if text != "" {
		and(`lower(i.value || ' ' || i.title) LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text))+"%")
	}
	if cursor != "" {
		var p position
		if err := rest.DecodeCursor(cursor, &p); err != nil {
			return out, err
		}
		and("(i.hit_at < ? OR i.hit_at = ? AND (i.value > ? OR i.value = ? AND i.source_id > ?))", p.At, p.At, p.Value, p.Value, p.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, "SELECT i.source_id, i.kind, i.value, i.title, i.ref, i.from_at, i.until_at, i.hits, i.hit_at, s.name AS source FROM detect_indicator i JOIN detect_source s ON s.source_id = i.source_id WHERE ? ORDER BY i.hit_at DESC, i.value, i.source_id LIMIT ?", w, limit+1)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(x row) string { return rest.EncodeCursor(position{x.HitAt, x.Value, x.SourceID}) })
		out = rest.Page[Indicator]{Items: make([]Indicator, 0, len(cut.Items)), Next: cut.Next}
		for _, x := range cut.Items {
			v := Indicator{Kind: x.Kind, Value: x.Value, Title: x.Title, Ref: x.Ref, Source: x.Source, Until: store.Micros(x.UntilAt), Hits: x.Hits}
			if x.FromAt > 0 {
				v.From = store.Micros(x.FromAt)
			}
			if x.HitAt > 0 {
				v.HitAt = store.Micros(x.HitAt)
			}
			out.Items = append(out.Items, v)
		}
		return nil
	})
	return out, err
}
