package asset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan"
	"github.com/skanse/skanse/internal/plan/engineering"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// projectRow is asset_project.
type projectRow struct {
	ID       string     `db:"project_id"`
	SiteNo   int64      `db:"site_no"`
	Name     string     `db:"name"`
	Revision string     `db:"revision"`
	Format   string     `db:"format"`
	File     string     `db:"file"`
	SHA256   string     `db:"sha256"`
	Devices  int64      `db:"devices"`
	LoadedBy string     `db:"loaded_by"`
	LoadedAt store.Time `db:"loaded_at"`
}

const projectColumns = "project_id, site_no, name, revision, format, file, sha256, devices, loaded_by, loaded_at"

// isList says whether a file is a list in columns rather than what an engineering tool exported.
func isList(name string, body []byte) bool { return !engineering.Recognised(name, body) }

// ImportProject takes an engineering file: devices that were heard are bound to what is
// planned, the others become assets that nobody has heard yet.
func (s *Service) ImportProject(ctx context.Context, scope org.Scope, who Person, siteID, file string, body []byte, dryRun bool) (rep ListReport, err error) {
	p, err := engineering.Parse(file, body)
	if err != nil {
		return rep, err
	}
	if p.Format == "" {
		p.Format = "project.yaml"
	}
	sum := sha256.Sum256(body)
	pr := projectRow{ID: store.NewID(), Name: p.Name, Revision: ot.Printable(p.Revision), Format: p.Format, File: ot.Printable(file), SHA256: hex.EncodeToString(sum[:]), Devices: int64(len(p.Devices)), LoadedBy: who.Name, LoadedAt: store.At(s.now())}
	im := importing{s: s, who: who, project: &pr, taken: map[string]string{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		site, err := store.One[org.Site](ctx, r, "SELECT site_no, site_id, entity_id, name, country, tz, critical, weight FROM org_site WHERE site_id = ? AND ?", siteID, scope.Where("site_no", ""))
		if err != nil {
			return ot.Errorf(ot.NotFound, "there is no such site")
		}
		pr.SiteNo = site.No
		if im.realm, err = store.One[int64](ctx, r, "SELECT realm_no FROM org_realm WHERE site_no = ? AND is_default = ?", site.No, true); err != nil {
			return err
		}
		return im.earlier(ctx, r)
	})
	if err != nil {
		return rep, err
	}
	rest.Target(ctx, siteID, ot.Ref{Kind: "site", ID: siteID})
	rest.Detail(ctx, "file", pr.File)
	rest.Detail(ctx, "format", pr.Format)
	rest.Detail(ctx, "sha256", pr.SHA256)
	rest.Detail(ctx, "devices", strconv.Itoa(len(p.Devices)))
	rest.Detail(ctx, "dry_run", strconv.FormatBool(dryRun))
	rep = ListReport{DryRun: dryRun, Format: p.Format, Project: p.Name, Left: append([]string{}, p.Left...), Lines: []ListLine{}}
	for part := range slices.Chunk(plannedOf(p, pr.ID, pr.SiteNo), linesPerTx) {
		err := im.run(ctx, dryRun, func(r store.Reader, tx *store.Tx) ([]ListLine, error) { return im.devices(ctx, r, tx, part) }, &rep)
		if err != nil {
			return rep, err
		}
	}
	for part := range slices.Chunk(p.Types, linesPerTx) {
		err := im.run(ctx, dryRun, func(r store.Reader, tx *store.Tx) ([]ListLine, error) { return im.types(ctx, r, tx, part) }, &rep)
		if err != nil {
			return rep, err
		}
	}
	if !dryRun {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return im.finish(ctx, tx) }); err != nil {
			return rep, err
		}
	}
	rep.sort()
	return rep, nil
}

// importing is one file on its way into a site.
type importing struct {
	s       *Service
	who     Person
	project *projectRow
	realm   int64
	before  []string          // projects that this one replaces
	known   map[string]string // a planned device of those, by name: its asset
	taken   map[string]string // assets that a device of this file is already, by id: its name
}

func (im *importing) run(ctx context.Context, dryRun bool, part func(store.Reader, *store.Tx) ([]ListLine, error), rep *ListReport) error {
	var told []ListLine
	do := func(r store.Reader, tx *store.Tx) (err error) {
		told, err = part(r, tx)
		return err
	}
	err := error(nil)
	if dryRun {
		err = im.s.db.View(ctx, func(r store.Reader) error { return do(r, nil) })
	} else {
		err = im.s.db.Update(ctx, func(tx *store.Tx) error { return do(tx, tx) })
	}
	if err == nil {
		rep.count(told)
	}
	return err
}

// earlier finds what this file replaces, and which assets its devices were.
func (im *importing) earlier(ctx context.Context, r store.Reader) (err error) {
	im.known = map[string]string{}
	if im.before, err = store.All[string](ctx, r, "SELECT project_id FROM asset_project WHERE site_no = ? AND format = ? AND name = ?", im.project.SiteNo, im.project.Format, im.project.Name); err != nil || len(im.before) == 0 {
		return err
	}
	type row struct {
		Name string `db:"name"`
		ID   string `db:"asset_id"`
	}
	for x, err := range store.Select[row](ctx, r, "SELECT name, asset_id FROM asset_planned WHERE project_id IN (?) AND asset_id <> ''", im.before) {
		if err != nil {
			return err
		}
		im.known[strings.ToLower(x.Name)] = x.ID
	}
	return nil
}

// devices binds planned devices to assets and, with tx, writes them.
func (im *importing) devices(ctx context.Context, r store.Reader, tx *store.Tx, part []plannedRow) ([]ListLine, error) {
	var out []ListLine
	var again []string
	taken := map[string]string{} // those of this part: a transaction may run twice
	for i := range part {
		p := &part[i]
		l := ListLine{Line: int(p.Line), Name: p.Name, Sets: []string{}, Keeps: []string{}, Differs: []Difference{}}
		if p.Part {
			l.Result, l.Why = "part", strings.Trim(p.Parent+", "+p.Place, ", ")
			out = append(out, l)
			continue
		}
		a, by, problem, err := im.match(ctx, r, p)
		if err != nil {
			return nil, err
		}
		if a != nil && problem == "" {
			for _, other := range []string{im.taken[a.ID], taken[a.ID]} {
				if other != "" && by == "name" {
					problem = fmt.Sprintf("%s is %s of this file already", a.label(), other)
				}
			}
		}
		if problem != "" {
			l.Result, l.Why = "problem", problem
			out = append(out, l)
			continue
		}
		l.Result = "new"
		p.BoundBy = by
		if a != nil {
			p.Differs.V = p.against(a)
			l.Result, l.ID, l.Is, l.Why, l.Differs = "known", a.ID, a.label(), by, p.Differs.V
			l.Sets = p.gives(a)
			p.AssetID = a.ID
			if a.Seen {
				again = append(again, a.ID)
			}
		}
		if tx != nil {
			if l.ID, err = im.write(ctx, tx, a, p); err != nil {
				return nil, err
			}
		}
		if l.ID != "" {
			taken[l.ID] = p.Name
		}
		out = append(out, l)
	}
	if tx == nil {
		for id, name := range taken {
			im.taken[id] = name
		}
		return out, nil
	}
	if err := store.Upsert(ctx, tx, "asset_planned", part, []string{"project_id", "item"}, []string{"asset_id", "bound_by", "differs"}); err != nil {
		return nil, err
	}
	for ids := range slices.Chunk(again, 500) {
		if err := im.s.again(ctx, tx, im.project.SiteNo, because{}, ids...); err != nil {
			return nil, err
		}
	}
	return out, bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: im.project.SiteNo})
}

// gives are the fields of an asset that this row would fill.
func (p *plannedRow) gives(a *assetRow) []string {
	out := []string{}
	if slices.ContainsFunc(p.Differs.V, func(x Difference) bool { return x.Field == "order_code" || x.Field == "serial" }) {
		return out
	}
	for _, f := range []struct{ field, have, planned string }{{"model", a.Model, p.Model}, {"name", a.Name, p.Name}, {"order_code", a.OrderCode, p.OrderCode}, {"serial", a.Serial, p.Serial}, {"vendor", a.Vendor, p.Vendor}} {
		if f.have == "" && f.planned != "" {
			out = append(out, f.field)
		}
	}
	if a.State == StateNew && len(p.Differs.V) == 0 {
		out = append(out, "state")
	}
	return out
}

// match finds the asset that a planned device is: by its hardware address, its address,
// its serial number, what it was in the file before, or its name where only one has it.
func (im *importing) match(ctx context.Context, r store.Reader, p *plannedRow) (a *assetRow, by, problem string, err error) {
	find := func(limit int, where string, args ...any) ([]assetRow, error) {
		return store.All[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE site_no = ? AND state IN ('new', 'accepted') AND "+where+" ORDER BY asset_id LIMIT ?", append(append([]any{im.project.SiteNo}, args...), limit)...)
	}
	const bound = "asset_id IN (SELECT asset_id FROM asset_binding WHERE site_no = ? AND realm_no = ? AND kind = ? AND address IN (?) AND to_at IS NULL)"
	for _, x := range []struct {
		by   string
		list []string
	}{{"mac", p.MACs.V}, {"ip", p.IPs.V}} {
		if len(x.list) == 0 {
			continue
		}
		rows, err := find(3, bound, im.project.SiteNo, im.realm, x.by, x.list)
		if err != nil {
			return nil, "", "", err
		}
		rows = slices.DeleteFunc(rows, func(x assetRow) bool { return a != nil && x.ID == a.ID })
		if len(rows) > 0 && a == nil {
			a, by = &rows[0], x.by
			rows = rows[1:]
		}
		if len(rows) > 0 {
			return nil, "", fmt.Sprintf("two assets have its addresses, %s and %s: correct the project, or merge the two first", a.label(), rows[0].label()), nil
		}
	}
	if a != nil {
		return a, by, "", nil
	}
	if p.Serial != "" {
		if rows, err := find(2, "serial = ?", p.Serial); err != nil || len(rows) == 1 {
			return one(rows), "serial", "", err
		}
	}
	if id := im.known[strings.ToLower(p.Name)]; id != "" {
		if rows, err := find(1, "asset_id = ?", id); err != nil || len(rows) == 1 {
			return one(rows), "project", "", err
		}
	}
	rows, err := find(2, "name IN (?)", append([]string{p.Name}, p.Aliases.V...))
	if err != nil || len(rows) != 1 || p.OrderCode != "" && rows[0].OrderCode != "" && !plan.CodeAgrees(p.OrderCode, rows[0].OrderCode) {
		return nil, "", "", err
	}
	return one(rows), "name", "", nil
}

func one(rows []assetRow) *assetRow {
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// write makes the asset of a planned device, or takes note of it at the one that is there.
func (im *importing) write(ctx context.Context, tx *store.Tx, known *assetRow, p *plannedRow) (string, error) {
	now := store.At(im.s.now())
	why := "planned in " + im.project.Name
	var a assetRow
	var changes []changeRow
	if known == nil {
		a = assetRow{ID: store.NewID(), SiteNo: im.project.SiteNo, State: StateAccepted, DecidedAt: now, Role: "unknown", RoleReason: "never heard", LevelReason: "its role is not known", CreatedAt: now, Managed: true}
		a.IPs.V, a.MACs.V = []string{}, []string{}
		changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: now, Kind: "appeared", After: p.Name, DecidedBy: im.who.Name, Reason: why})
	} else {
		a = *known
	}
	p.AssetID = a.ID
	a.Expected = true
	if a.State == StateNew && len(p.Differs.V) == 0 {
		changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: now, Kind: "state", Field: "state", Before: a.State, After: StateAccepted, DecidedBy: im.who.Name, Reason: why})
		a.State, a.DecidedAt = StateAccepted, now
	}
	var bound []bindingRow
	if !a.Seen {
		for _, x := range []struct {
			kind string
			list []string
			have *[]string
		}{{"mac", p.MACs.V, &a.MACs.V}, {"ip", p.IPs.V, &a.IPs.V}} {
			for _, address := range x.list {
				if slices.Contains(*x.have, address) || x.kind == "ip" && nobodys(address) || x.kind == "mac" && !ownCard(address) {
					continue
				}
				*x.have = append(*x.have, address)
				bound = append(bound, bindingRow{SiteNo: a.SiteNo, RealmNo: im.realm, Kind: x.kind, Address: address, AssetID: a.ID, Person: true})
			}
		}
		over, err := loadOverrides(ctx, tx, a.ID)
		if err != nil {
			return "", err
		}
		pl, err := loadPlaces(ctx, tx, a.SiteNo)
		if err != nil {
			return "", err
		}
		if a.ZoneNo == 0 {
			a.ZoneNo = pl.zoneAt(a.SiteNo, im.realm, a.IPs.V)
		}
		underlay(&a, nil, []*plannedRow{p}, im.s.cat)
		overlay(&a, nil, over, pl)
	}
	a.Version++
	if err := store.Upsert(ctx, tx, "asset_asset", []assetRow{a}, []string{"asset_id"}, assetSet()); err != nil {
		return "", err
	}
	if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
		return "", err
	}
	return a.ID, store.Upsert(ctx, tx, "asset_binding", bound, []string{"site_no", "realm_no", "kind", "address", "asset_id", "from_at"}, []string{"to_at"})
}

func loadOverrides(ctx context.Context, r store.Reader, id string) (map[string]overrideRow, error) {
	rows, err := store.All[overrideRow](ctx, r, "SELECT asset_id, field, value, decided_by, decided_at, reason FROM asset_override WHERE asset_id = ?", id)
	out := map[string]overrideRow{}
	for _, o := range rows {
		out[o.Field] = o
	}
	return out, err
}

// types takes device descriptions and has the devices of their kind looked at anew.
func (im *importing) types(ctx context.Context, r store.Reader, tx *store.Tx, part []plan.Type) ([]ListLine, error) {
	var out []ListLine
	var rows []typeRow
	for _, t := range part {
		ids, err := im.ofType(ctx, r, t.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, ListLine{Line: t.Line, Name: strings.TrimSpace(t.Vendor + " " + t.Model), Result: "type", Why: t.Key, Is: strconv.Itoa(len(ids)), Sets: []string{}, Keeps: []string{}, Differs: []Difference{}})
		rows = append(rows, typeRow{SiteNo: im.project.SiteNo, Key: t.Key, ProjectID: im.project.ID, Vendor: t.Vendor, Model: t.Model, OrderCode: t.OrderCode, Revision: t.Revision})
		if tx == nil {
			continue
		}
		if err := store.Upsert(ctx, tx, "asset_type", rows[len(rows)-1:], []string{"site_no", "type_key"}, []string{"project_id", "vendor", "model", "order_code", "revision"}); err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			if err := im.s.again(ctx, tx, im.project.SiteNo, because{}, ids...); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// ofType finds the assets that state a kind's numbers; at most 500.
func (im *importing) ofType(ctx context.Context, r store.Reader, key string) ([]string, error) {
	kind, numbers, _ := strings.Cut(key, " ")
	parts := strings.Split(numbers, "/")
	var attrs [][]string
	switch kind {
	case "cip":
		attrs = [][]string{{"enip.vendor_id", "cip.vendor_id"}, {"enip.device_type", "cip.device_type"}, {"enip.product_code", "cip.product_code"}}
	case "pn":
		attrs = [][]string{{"pn_io.vendor_id", "pn_dcp.vendor_id"}, {"pn_io.device_id", "pn_dcp.device_id"}}
		for i := range parts {
			parts[i] = "0x" + parts[i]
		}
	}
	if len(attrs) == 0 || len(parts) != len(attrs) {
		return nil, nil
	}
	where, args := "asset_id <> '' AND site_no = ?", []any{im.project.SiteNo}
	for i := range attrs {
		where += " AND EXISTS (SELECT 1 FROM asset_fact f WHERE f.asset_id = a.asset_id AND f.attr IN (?) AND f.value = ?)"
		args = append(args, attrs[i], parts[i])
	}
	return store.All[string](ctx, r, "SELECT a.asset_id FROM asset_asset a WHERE "+where+" ORDER BY a.asset_id LIMIT 500", args...)
}

// finish puts the project in the place of what it replaces.
func (im *importing) finish(ctx context.Context, tx *store.Tx) error {
	if err := store.Upsert(ctx, tx, "asset_project", []projectRow{*im.project}, []string{"project_id"}, nil); err != nil {
		return err
	}
	if err := im.s.withdraw(ctx, tx, im.project.SiteNo, im.who, "no longer planned in "+im.project.Name, im.before...); err != nil {
		return err
	}
	if err := im.s.ask(ctx, tx, im.project.SiteNo, im.s.now(), im.who.ID, "planned"); err != nil {
		return err
	}
	return im.s.askPlanned(ctx, tx, im.project.SiteNo, im.s.now())
}
