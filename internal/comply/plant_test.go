package comply

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// plant is one company with two sites. North has OT zones, an office, a gateway and a live sensor
// when a test says so; South has zones and nobody who listens.
type plant struct {
	t            *testing.T
	db           *store.DB
	s            *Service
	now          time.Time
	north, south org.Site
	cell, scada  org.Zone // OT, levels 1 and 3
	dmz, office  org.Zone // the gateway; outside
	south1       org.Zone
	convs        int64
	events       int64
}

var everybody = auth.Scope{All: true}

func newPlant(t *testing.T, db *store.DB) *plant {
	t.Helper()
	p := &plant{t: t, db: db, now: noon}
	cat := got(ReadCatalogue(catalog.Files))(t)
	kinds := cat.Kinds()
	kinds["asset"] = assetsByID
	records := got(record.New(db, record.Config{Clock: func() time.Time { return p.now }, Behaviours: append(record.Own(), cat.Behaviours()...), Kinds: kinds}))(t)
	s, err := New(db, Config{Catalogue: cat, Records: records, Clock: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	p.s = s
	o := org.New(db, nil)
	ctx := t.Context()
	e := got(o.CreateEntity(ctx, everybody, org.Entity{Name: "Vandværket", Profile: "essential"}))(t)
	p.north = got(o.CreateSite(ctx, everybody, org.Site{EntityID: e.ID, Name: "North", Country: "DK", TZ: "Europe/Copenhagen", Weight: 1, Critical: true}))(t)
	p.south = got(o.CreateSite(ctx, everybody, org.Site{EntityID: e.ID, Name: "South", Country: "DK", TZ: "Europe/Copenhagen", Weight: 1}))(t)
	zone := func(site org.Site, z org.Zone) org.Zone { return got(o.CreateZone(ctx, everybody, site.ID, z))(t) }
	p.cell = zone(p.north, org.Zone{Name: "Cell", Level: "1", OT: true, SLT: 2, Critical: true})
	p.scada = zone(p.north, org.Zone{Name: "SCADA", Level: "3", OT: true, SLT: 2})
	p.dmz = zone(p.north, org.Zone{Name: "DMZ", Level: "3.5", Gateway: true})
	p.office = zone(p.north, org.Zone{Name: "Office", Level: "4", External: true})
	p.south1 = zone(p.south, org.Zone{Name: "Pumps", Level: "1", OT: true})
	return p
}

// assetsByID is what the program's composition gives records too.
func assetsByID(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]record.Thing, error) {
	type row struct {
		ID     string `db:"asset_id"`
		SiteNo int64  `db:"site_no"`
		ZoneNo int64  `db:"zone_no"`
	}
	rows, err := store.All[row](ctx, r, "SELECT asset_id, site_no, zone_no FROM asset_asset WHERE asset_id IN (?) AND ?", ids, scope.Where("site_no", "zone_no"))
	out := map[string]record.Thing{}
	for _, x := range rows {
		out[x.ID] = record.Thing{Label: x.ID, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo}
	}
	return out, err
}

func got[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (p *plant) exec(query string, args ...any) {
	p.t.Helper()
	err := p.db.Update(p.t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(p.t.Context(), query, args...); return err })
	if err != nil {
		p.t.Fatalf("%v\n%s", err, query)
	}
}

// sensor says that a live sensor of the site listened to zones for the last so many days.
func (p *plant) sensor(site org.Site, days int, zones ...org.Zone) {
	p.t.Helper()
	id := "sensor-" + site.Name
	p.exec(`INSERT INTO network_source (source_id, site_no, kind, live, first_at, received_at, packets, budget, ended, rule_set) VALUES (?, ?, 'sensor', ?, ?, ?, 100, '{}', ?, 'r1')`,
		id, site.No, true, store.At(p.now.AddDate(0, 0, -days)), store.At(p.now), false)
	type listen struct {
		SiteNo  int64  `db:"site_no"`
		ZoneNo  int64  `db:"zone_no"`
		Hour    int64  `db:"hour"`
		Source  string `db:"source_id"`
		Seconds int64  `db:"seconds"`
	}
	hour := p.now.Unix() / 3600
	var rows []listen
	for _, z := range zones {
		for h := hour - int64(days)*24; h <= hour; h++ {
			rows = append(rows, listen{site.No, z.No, h, id, 3600})
		}
	}
	err := p.db.Update(p.t.Context(), func(tx *store.Tx) error {
		return store.Upsert(p.t.Context(), tx, "network_listen", rows, nil, nil)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

type talk struct {
	from, to               int64 // zones
	client, server, proto  string
	port                   int
	classes                ot.Class
	clientOut, serverOut   bool // on the internet
	capture, oneSided, old bool
}

// talks writes a conversation.
func (p *plant) talks(site org.Site, c talk) {
	p.t.Helper()
	p.convs++
	last := p.now.Add(-time.Hour)
	if c.old {
		last = p.now.AddDate(0, 0, -40)
	}
	p.exec(`INSERT INTO network_conversation (site_no, conv_no, conv_key, realm_no, client_mac, client_ip, server_mac, server_ip, client_by, transport, port, protocol, first_at, last_at, sessions, established,
 client_packets, client_bytes, server_packets, server_bytes, malformed, lost, classes, live, source_id, first_packet, first_offset, client_zone_no, server_zone_no, client_internet, server_internet)
VALUES (?, ?, ?, 1, '', ?, '', ?, 'syn', 'tcp', ?, ?, ?, ?, 1, ?, 5, 500, 5, 500, 0, 0, ?, ?, 's', 1, 0, ?, ?, ?, ?)`,
		site.No, p.convs, store.NewID(), c.client, c.server, c.port, c.proto, store.At(last.Add(-time.Minute)), store.At(last), !c.oneSided, int64(c.classes), !c.capture, c.from, c.to, c.clientOut, c.serverOut)
}

// event writes a message of a rare class from 10.0.3.9 to a controller.
func (p *plant) event(class, protocol string) {
	p.t.Helper()
	p.events++
	p.exec(`INSERT INTO network_event (site_no, event_no, conv_no, realm_no, at, protocol, kind, dir, code, text, name, class, object, refused, status, unit, rules, live, source_id, packet, packet_offset, client_mac, client_ip, server_mac, server_ip)
VALUES (?, ?, ?, 1, ?, ?, 'function', 'request', 26, '', '', ?, '', ?, 0, 0, '[]', ?, 's', 1, 0, '', '10.0.3.9', '', '10.0.1.1')`, p.north.No, p.events, p.convs, store.At(p.now.Add(-time.Hour)), protocol, class, false, true)
}

type device struct {
	zone                    org.Zone
	ip, role, state, vendor string
	expected, capture       bool
	listed                  bool // by a person only, never heard
	first, silent           int  // days ago; days of silence
	criticality             int
}

// has writes an asset.
func (p *plant) has(site org.Site, d device) string {
	p.t.Helper()
	id := store.NewID()
	var live store.Time
	if !d.capture && !d.listed {
		live = store.At(p.now.AddDate(0, 0, -d.silent))
	}
	p.exec(`INSERT INTO asset_asset (asset_id, site_no, zone_no, name, vendor, model, role, state, managed, expected, seen, live, first_at, last_at, last_live_at, identified, ips, macs, created_at, criticality)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', '[]', ?, ?)`, id, site.No, d.zone.No, d.ip, d.vendor, d.vendor, d.role, d.state, true, d.expected, !d.listed, !d.capture && !d.listed,
		store.At(p.now.AddDate(0, 0, -d.first)), store.At(p.now), live, d.vendor != "", store.At(p.now), d.criticality)
	p.exec("INSERT INTO asset_binding (site_no, realm_no, kind, address, asset_id, from_at, person) VALUES (?, 1, 'ip', ?, ?, 1, ?)", site.No, d.ip, id, false)
	return id
}

func (p *plant) evaluate() Report {
	p.t.Helper()
	return got(p.s.Evaluate(p.t.Context(), p.now))(p.t)
}

func (p *plant) answer(check string, site org.Site) Answer {
	p.t.Helper()
	all := got(p.s.answers(p.t.Context()))(p.t)
	a, ok := all[answerKey{site.No, check}]
	if !ok {
		p.t.Fatalf("%s has no answer at %s", check, site.Name)
	}
	return a.answer()
}

func (p *plant) level(requirement string, site org.Site) SiteLevel {
	p.t.Helper()
	d := got(p.s.Requirement(p.t.Context(), everybody, requirement, time.Time{}))(p.t)
	for _, l := range d.Sites {
		if l.Site == site.ID {
			return l
		}
	}
	p.t.Fatalf("%s has no level at %s", requirement, site.Name)
	return SiteLevel{}
}

// declareAll declares every record of a requirement for its site or company.
func (p *plant) declareAll(requirement string, site string) []Declaration {
	p.t.Helper()
	q, _ := p.s.cat.Requirement(requirement)
	var out []Declaration
	for _, d := range q.Declared {
		made := got(p.s.Declare(asPerson(p.t.Context()), everybody, p.now, NewDeclaration{Requirement: requirement, Record: d.Record, Site: site, Statement: "It is so.", AttestedBy: "Ane, DSO"}))(p.t)
		p.approve(made.ID)
		out = append(out, made)
	}
	return out
}

// approve is the second pair of eyes.
func (p *plant) approve(id string) {
	p.t.Helper()
	bo := auth.Principal{UserID: "u2", Name: "Bo", Scope: everybody, Permissions: auth.Grant(auth.All()...)}
	if err := p.db.Update(p.t.Context(), func(tx *store.Tx) error {
		_, err := p.s.records.Decide(p.t.Context(), tx, bo, id, record.Decision{Decision: "approve"})
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
}

// keep writes a record down, moves it, and lets the other person approve where that is asked.
func (p *plant) keep(d record.Draft, moves ...record.Move) *record.Record {
	p.t.Helper()
	ane := auth.From(asPerson(p.t.Context()))
	var rec *record.Record
	if err := p.db.Update(p.t.Context(), func(tx *store.Tx) (err error) {
		rec, err = p.s.records.Create(p.t.Context(), tx, ane, d)
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	for _, m := range moves {
		if err := p.db.Update(p.t.Context(), func(tx *store.Tx) (err error) {
			rec, err = p.s.records.Transition(p.t.Context(), tx, ane, rec.ID, m)
			return err
		}); err != nil {
			p.t.Fatal(err)
		}
		if rec.Approval == record.Waiting {
			p.approve(rec.ID)
		}
	}
	return rec
}

func asPerson(ctx context.Context) context.Context {
	return auth.With(ctx, auth.Principal{UserID: "u1", Name: "Ane", Scope: everybody, Permissions: auth.Grant(auth.All()...)})
}

func principal(ctx context.Context) auth.Principal { return auth.From(ctx) }

// person gives an account, so that records can name it as their owner.
func (p *plant) person(id, name string) {
	p.t.Helper()
	p.exec("INSERT INTO auth_role (role, title, permissions) VALUES ('administrator', 'Administrator', '[]') ON CONFLICT (role) DO NOTHING")
	p.exec("INSERT INTO auth_user (user_id, name, email, password, role, sees_all, disabled, created_at) VALUES (?, ?, ?, '', 'administrator', ?, ?, ?)", id, name, id+"@example.com", true, false, store.At(p.now))
}

// keepOn moves a record on, with the second pair of eyes where that is asked.
func (p *plant) keepOn(id string, moves ...record.Move) {
	p.t.Helper()
	ane := principal(asPerson(p.t.Context()))
	for _, m := range moves {
		var rec *record.Record
		if err := p.db.Update(p.t.Context(), func(tx *store.Tx) (err error) {
			rec, err = p.s.records.Transition(p.t.Context(), tx, ane, id, m)
			return err
		}); err != nil {
			p.t.Fatal(err)
		}
		if rec.Approval == record.Waiting {
			p.approve(id)
		}
	}
}
