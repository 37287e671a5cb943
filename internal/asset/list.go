package asset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Filter narrows a list of assets; empty fields do not. Several values of one
// field are alternatives.
type Filter struct {
	Site, Zone, Role, Vendor, Level, State []string // ids for site and zone; zone "none": without
	Q                                      string   // part of a name, code or address
	Expected, Live, Conflict               *bool
	Planned                                []string  // agrees, differs, unseen
	AsOf                                   time.Time // zero: now
	Sort                                   string    // name, -last_at …
	Cursor                                 string
	Limit                                  int
}

// Asset is one asset in a list.
type Asset struct {
	ID           string     `json:"id"`
	SiteID       string     `json:"site_id"`
	Name         string     `json:"name" doc:"Its name, else its first address"`
	Vendor       string     `json:"vendor"`
	Model        string     `json:"model"`
	OrderCode    string     `json:"order_code"`
	Firmware     string     `json:"firmware"`
	Serial       string     `json:"serial"`
	Role         string     `json:"role"`
	Level        string     `json:"level"`
	Criticality  *int64     `json:"criticality" doc:"1 to 4; null: nobody has said"`
	Owner        string     `json:"owner"`
	Zone         *ZoneRef   `json:"zone"`
	State        string     `json:"state"`
	Managed      bool       `json:"managed"`
	Expected     bool       `json:"expected"`
	Seen         bool       `json:"seen"`
	IPs          []string   `json:"ips" nullable:"false"`
	MACs         []string   `json:"macs" nullable:"false"`
	FirstAt      store.Time `json:"first_at" nullable:"true"`
	LastAt       store.Time `json:"last_at" nullable:"true"`
	Live         bool       `json:"live"`
	LastLiveAt   store.Time `json:"last_live_at" nullable:"true"`
	Conflicts    int64      `json:"conflicts"`
	Planned      string     `json:"planned" enum:",agrees,differs,unseen" doc:"What an engineering project says of it; empty: it stands in none"`
	Modules      int64      `json:"module_count"`
	EndOfSale    store.Time `json:"end_of_sale" nullable:"true"`
	EndOfSupport store.Time `json:"end_of_support" nullable:"true"`
	Spare        string     `json:"spare"`
}

// ZoneRef names a zone.
type ZoneRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// listRow is an asset with its site's and zone's names.
type listRow struct {
	assetRow
	SiteID   string `db:"site_id"`
	ZoneID   string `db:"zone_id"`
	ZoneName string `db:"zone_name"`
}

// listFrom reads a list's rows; its argument is AsOf.
const listFrom = ` FROM ? a JOIN org_site s ON s.site_no = a.site_no LEFT JOIN org_zone z ON z.zone_no = a.zone_no`

// listColumns qualifies the asset's columns.
func listColumns() string {
	return "a." + strings.ReplaceAll(assetColumns, ", ", ", a.") + ", s.site_id, COALESCE(z.zone_id, '') AS zone_id, COALESCE(z.name, '') AS zone_name"
}

func (l *listRow) item() Asset {
	it := Asset{
		ID: l.ID, SiteID: l.SiteID, Name: l.label(), Vendor: l.Vendor, Model: l.Model, OrderCode: l.OrderCode, Firmware: l.Firmware, Serial: l.Serial,
		Role: l.Role, Level: l.Level, Owner: l.Owner, State: l.State, Managed: l.Managed, Expected: l.Expected, Seen: l.Seen, IPs: l.IPs.V, MACs: l.MACs.V, Live: l.Live,
		LastLiveAt: l.LastLiveAt, Conflicts: l.Conflicts, Planned: l.Planned, Modules: l.Modules, EndOfSale: l.EndOfSale, EndOfSupport: l.EndOfSupport, Spare: l.Spare,
	}
	if l.Criticality != 0 {
		it.Criticality = &l.Criticality
	}
	if l.ZoneID != "" {
		it.Zone = &ZoneRef{l.ZoneID, l.ZoneName}
	}
	if l.FirstAt != 0 {
		it.FirstAt = store.Micros(l.FirstAt)
	}
	if l.LastAt != 0 {
		it.LastAt = store.Micros(l.LastAt)
	}
	if it.IPs == nil {
		it.IPs = []string{}
	}
	if it.MACs == nil {
		it.MACs = []string{}
	}
	return it
}

// sortColumns are what lists can be ordered by; all are NOT NULL.
func sortColumn(name string) (column string, number bool, ok bool) {
	switch name {
	case "name", "vendor", "model", "order_code", "firmware", "serial", "role", "level", "owner", "state":
		return "a." + name, false, true
	case "zone":
		return "COALESCE(z.name, '')", false, true
	case "first_at", "last_at", "criticality", "conflicts":
		return "a." + name, true, true
	}
	return "", false, false
}

// where renders the filter; without names a field whose condition is left out, for facets.
func (f *Filter) where(scope Scope, without string) ot.SQL {
	q := ot.SQL{Text: "?", Args: []any{scope.Where("a.site_no", "a.scope_zone_no")}}
	and := func(text string, args ...any) {
		q.Text += " AND " + text
		q.Args = append(q.Args, args...)
	}
	in := func(field, column string, values []string) {
		if len(values) > 0 && field != without {
			and(column+" IN (?)", values)
		}
	}
	in("site", "s.site_id", f.Site)
	in("role", "a.role", f.Role)
	in("vendor", "a.vendor", f.Vendor)
	in("level", "a.level", noneToEmpty(f.Level))
	in("state", "a.state", f.State)
	in("planned", "a.planned", f.Planned)
	if len(f.Zone) > 0 && without != "zone" {
		if slices.Contains(f.Zone, "none") {
			and("(a.zone_no = 0 OR z.zone_id IN (?))", f.Zone)
		} else {
			and("z.zone_id IN (?)", f.Zone)
		}
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Q)) {
		and(`a.search LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word)+"%")
	}
	if f.Expected != nil {
		and("a.expected = ?", *f.Expected)
	}
	if f.Live != nil {
		and("a.live = ?", *f.Live)
	}
	if f.Conflict != nil {
		and("(a.conflicts > 0) = ?", *f.Conflict)
	}
	return q
}

func noneToEmpty(list []string) []string {
	out := slices.Clone(list)
	for i := range out {
		if out[i] == "none" {
			out[i] = ""
		}
	}
	return out
}

type position struct {
	Text   string `json:"t"`
	Number int64  `json:"n"`
	ID     string `json:"i"`
}

// List returns one page, ordered and with the number of all that match.
func (s *Service) List(ctx context.Context, scope Scope, f Filter) (page rest.Page[Asset], err error) {
	name, down := strings.CutPrefix(f.Sort, "-")
	if name == "" {
		name = "name"
	}
	column, number, ok := sortColumn(name)
	if !ok {
		return page, ot.Errorf(ot.Invalid, "sort: assets cannot be ordered by %q", ot.Printable(name))
	}
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	where := f.where(scope, "")
	total := where
	var pos position
	if err := rest.DecodeCursor(f.Cursor, &pos); err != nil {
		return page, err
	}
	dir, cmp := "ASC", ">"
	if down {
		dir, cmp = "DESC", "<"
	}
	from := AsOf(f.AsOf)
	args := append([]any{from}, where.Args...)
	text := where.Text
	if f.Cursor != "" {
		text += fmt.Sprintf(" AND (%s %s ? OR %s = ? AND a.asset_id %s ?)", column, cmp, column, cmp)
		if number {
			args = append(args, pos.Number, pos.Number, pos.ID)
		} else {
			args = append(args, pos.Text, pos.Text, pos.ID)
		}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[listRow](ctx, r, "SELECT "+listColumns()+listFrom+" WHERE "+text+fmt.Sprintf(" ORDER BY %s %s, a.asset_id %s LIMIT ?", column, dir, dir), append(args, f.Limit+1)...)
		if err != nil {
			return err
		}
		n, err := store.One[int64](ctx, r, "SELECT count(*)"+listFrom+" WHERE "+total.Text, append([]any{from}, total.Args...)...)
		if err != nil {
			return err
		}
		if err := addressesAt(ctx, r, rows, f.AsOf); err != nil {
			return err
		}
		cut := rest.Cut(rows, f.Limit, func(l listRow) string { return rest.EncodeCursor(l.position(name)) })
		page = rest.Page[Asset]{Items: make([]Asset, 0, len(cut.Items)), Next: cut.Next, Total: &n}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].item())
		}
		return nil
	})
	return page, err
}

func (l *listRow) position(sort string) position {
	p := position{ID: l.ID}
	switch sort {
	case "zone":
		p.Text = l.ZoneName
	case "owner":
		p.Text = l.Owner
	case "state":
		p.Text = l.State
	case "first_at":
		p.Number = l.FirstAt
	case "last_at":
		p.Number = l.LastAt
	case "criticality":
		p.Number = l.Criticality
	case "conflicts":
		p.Number = l.Conflicts
	default:
		p.Text = *l.column(sort)
	}
	return p
}

// Facet counts one value of one field under the rest of the filter.
type Facet struct {
	Value string `json:"value" doc:"As the filter takes it; none: without"`
	Label string `json:"label"`
	Count int64  `json:"count"`
}

// Facets counts assets by the fields that a list filters on. Each leaves its own condition out.
func (s *Service) Facets(ctx context.Context, scope Scope, f Filter) (map[string][]Facet, error) {
	out := map[string][]Facet{}
	type row struct {
		Value string `db:"value"`
		Label string `db:"label"`
		Count int64  `db:"n"`
	}
	err := s.db.View(ctx, func(r store.Reader) error {
		for _, dim := range [][3]string{
			{"role", "a.role", "a.role"},
			{"vendor", "a.vendor", "a.vendor"},
			{"level", "a.level", "a.level"},
			{"state", "a.state", "a.state"},
			{"planned", "a.planned", "a.planned"},
			{"zone", "COALESCE(z.zone_id, '')", "COALESCE(z.name, '')"},
			{"site", "s.site_id", "s.name"},
		} {
			w := f.where(scope, dim[0])
			rows, err := store.All[row](ctx, r, "SELECT "+dim[1]+" AS value, "+dim[2]+" AS label, count(*) AS n"+listFrom+" WHERE "+w.Text+
				" GROUP BY "+dim[1]+", "+dim[2]+" ORDER BY n DESC, label LIMIT 200", append([]any{AsOf(f.AsOf)}, w.Args...)...)
			if err != nil {
				return err
			}
			list := make([]Facet, 0, len(rows))
			for _, x := range rows {
				if x.Value == "" {
					x.Value = "none"
				}
				list = append(list, Facet(x))
			}
			out[dim[0]] = list
		}
		return nil
	})
	return out, err
}
