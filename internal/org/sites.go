package org

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Announce tells the rest of the program what changed, in the transaction of the
// change; bus.Announcer makes one.
type Announce func(ctx context.Context, tx *store.Tx, siteNo int64, refs ...ot.Ref) error

// Service reads and changes the tree.
type Service struct {
	db       *store.DB
	announce Announce
}

// New makes a Service; announce may be nil where nobody listens.
func New(db *store.DB, announce Announce) *Service {
	if announce == nil {
		announce = func(context.Context, *store.Tx, int64, ...ot.Ref) error { return nil }
	}
	return &Service{db: db, announce: announce}
}

const (
	entityColumns = "entity_id, name, profile"
	siteColumns   = "site_no, site_id, entity_id, name, country, tz, critical, weight"
	maxName       = 120
)

// Entities lists the companies: all of them for who sees everything, else those in scope.
func (s *Service) Entities(ctx context.Context, scope Scope) (out []Entity, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		all, err := store.All[Entity](ctx, r, "SELECT "+entityColumns+" FROM org_entity ORDER BY name, entity_id")
		if err != nil {
			return err
		}
		used, err := store.All[string](ctx, r, "SELECT DISTINCT entity_id FROM org_site WHERE ?", scope.Reach("site_no"))
		if err != nil {
			return err
		}
		out = []Entity{}
		for _, e := range all {
			if scope.Entity(e.ID) || slices.Contains(used, e.ID) {
				out = append(out, e)
			}
		}
		return nil
	})
	return out, err
}

// CreateEntity adds a company; only who sees everything may.
func (s *Service) CreateEntity(ctx context.Context, scope Scope, e Entity) (Entity, error) {
	if !scope.Entity("") {
		return Entity{}, ot.Errorf(ot.Forbidden, "only who sees the whole installation may add a company")
	}
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		e, err = s.AddEntity(ctx, tx, e)
		return err
	})
	return e, err
}

// AddEntity is CreateEntity inside a transaction, for the first set-up and the demo. An
// ID that is set is kept.
func (s *Service) AddEntity(ctx context.Context, tx *store.Tx, e Entity) (Entity, error) {
	var err error
	if e.Name, err = name("company", e.Name); err != nil {
		return e, err
	}
	if e.Profile == "" {
		e.Profile = "important"
	}
	if e.Profile != "important" && e.Profile != "essential" {
		return e, ot.Errorf(ot.Invalid, "profile %q: NIS2 knows essential and important entities", ot.Printable(e.Profile))
	}
	if e.ID == "" {
		e.ID = store.NewID()
	}
	if err := store.Upsert(ctx, tx, "org_entity", []Entity{e}, nil, nil); err != nil {
		return e, taken(err, "a company", e.Name)
	}
	return e, s.announce(ctx, tx, 0, ot.Ref{Kind: "entity", ID: e.ID})
}

// Sites lists the sites in scope by name, also those of which only zones are.
func (s *Service) Sites(ctx context.Context, scope Scope) (out []Site, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Site](ctx, r, "SELECT "+siteColumns+" FROM org_site WHERE ? ORDER BY name, site_no", scope.Reach("site_no"))
		return err
	})
	return out, err
}

// Site returns one site, ot.NotFound if nothing of it is in scope.
func (s *Service) Site(ctx context.Context, scope Scope, id string) (out Site, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = reached(ctx, r, scope, id)
		return err
	})
	return out, err
}

// reached is a site that may be named.
func reached(ctx context.Context, r store.Reader, scope Scope, id string) (Site, error) {
	out, err := store.One[Site](ctx, r, "SELECT "+siteColumns+" FROM org_site WHERE site_id = ? AND ?", id, scope.Reach("site_no"))
	return out, missing(err, "site")
}

// site is one that is in scope whole.
func site(ctx context.Context, r store.Reader, scope Scope, id string) (Site, error) {
	out, err := store.One[Site](ctx, r, "SELECT "+siteColumns+" FROM org_site WHERE site_id = ? AND ?", id, scope.Where("site_no", ""))
	return out, missing(err, "site")
}

// CreateSite adds a site, and its default realm.
func (s *Service) CreateSite(ctx context.Context, scope Scope, in Site) (Site, error) {
	if in.EntityID == "" || !scope.Entity(in.EntityID) {
		return Site{}, ot.Errorf(ot.NotFound, "there is no such company: make it first, or choose one of yours")
	}
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		in, err = s.AddSite(ctx, tx, in)
		return err
	})
	return in, err
}

// AddSite is CreateSite inside a transaction, for the first set-up and the demo. An
// ID that is set is kept.
func (s *Service) AddSite(ctx context.Context, tx *store.Tx, in Site) (Site, error) {
	in, err := checkSite(in)
	if err != nil {
		return in, err
	}
	known, err := store.One[int64](ctx, tx, "SELECT count(*) FROM org_entity WHERE entity_id = ?", in.EntityID)
	if err != nil {
		return in, err
	}
	if known == 0 {
		return in, ot.Errorf(ot.NotFound, "there is no such company: make it first")
	}
	if in.No, err = number(ctx, tx, "site"); err != nil {
		return in, err
	}
	if in.ID == "" {
		in.ID = store.NewID()
	}
	if err := store.Upsert(ctx, tx, "org_site", []Site{in}, nil, nil); err != nil {
		return in, taken(err, "a site", in.Name)
	}
	if _, err := s.addRealm(ctx, tx, in.No, "default", true); err != nil {
		return in, err
	}
	return in, s.announce(ctx, tx, in.No, ot.Ref{Kind: "site", ID: in.ID})
}

func checkSite(in Site) (Site, error) {
	var err error
	if in.Name, err = name("site", in.Name); err != nil {
		return in, err
	}
	in.Country = strings.ToUpper(strings.TrimSpace(in.Country))
	if in.Country != "" && (len(in.Country) != 2 || strings.Trim(in.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return in, ot.Errorf(ot.Invalid, "country %q: write two letters, as DK", ot.Printable(in.Country))
	}
	if in.TZ == "" {
		in.TZ = "UTC"
	}
	if _, err := time.LoadLocation(in.TZ); err != nil || in.TZ == "Local" {
		return in, ot.Errorf(ot.Invalid, "time zone %q: write an IANA name, as Europe/Copenhagen", ot.Printable(in.TZ))
	}
	if in.Weight == 0 {
		in.Weight = 1
	}
	if !(in.Weight > 0 && in.Weight <= 1000) { // also refuses NaN
		return in, ot.Errorf(ot.Invalid, "weight %v: write a number above 0, up to 1000", in.Weight)
	}
	return in, nil
}

// UpdateSite changes a site: change gets it as it is and returns it as it shall be.
func (s *Service) UpdateSite(ctx context.Context, scope Scope, id string, change func(Site) (Site, error)) (out Site, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := site(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if out, err = change(old); err != nil {
			return err
		}
		if out, err = checkSite(out); err != nil {
			return err
		}
		out.No, out.ID, out.EntityID = old.No, old.ID, old.EntityID
		if _, err := tx.Exec(ctx, "UPDATE org_site SET name = ?, country = ?, tz = ?, critical = ?, weight = ? WHERE site_no = ?",
			out.Name, out.Country, out.TZ, out.Critical, out.Weight, out.No); err != nil {
			return taken(err, "a site", out.Name)
		}
		return s.announce(ctx, tx, out.No, ot.Ref{Kind: "site", ID: out.ID})
	})
	return out, err
}

// ZoneCounts counts the zones of each site in scope, by site_no.
func (s *Service) ZoneCounts(ctx context.Context, scope Scope) (map[int64]int64, error) {
	type row struct {
		SiteNo int64 `db:"site_no"`
		N      int64 `db:"n"`
	}
	out := map[int64]int64{}
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, "SELECT site_no, count(*) AS n FROM org_zone WHERE ? GROUP BY site_no", scope.Where("site_no", "zone_no"))
		for _, x := range rows {
			out[x.SiteNo] = x.N
		}
		return err
	})
	return out, err
}

// number gives the next number of a kind; one that was given is never given again.
func number(ctx context.Context, tx *store.Tx, kind string) (int64, error) {
	return store.One[int64](ctx, tx, `INSERT INTO org_number (kind, last) VALUES (?, 1)
		ON CONFLICT (kind) DO UPDATE SET last = org_number.last + 1 RETURNING last`, kind)
}

func name(what, s string) (string, error) {
	s = ot.Printable(s)
	if s == "" {
		return "", ot.Errorf(ot.Invalid, "the %s needs a name", what)
	}
	if len([]rune(s)) > maxName {
		return "", ot.Errorf(ot.Invalid, "the name of the %s is longer than %d characters", what, maxName)
	}
	return s, nil
}

func taken(err error, what, name string) error {
	if ot.CodeOf(err) == ot.Conflict {
		return ot.Errorf(ot.Conflict, "there is %s called %q already: choose another name", what, name)
	}
	return err
}

func missing(err error, what string) error {
	if ot.CodeOf(err) == ot.NotFound {
		return ot.Errorf(ot.NotFound, "there is no such %s", what)
	}
	return err
}

// LoadResolver reads all subnets into a Resolver.
func LoadResolver(ctx context.Context, r store.Reader) (*Resolver, error) {
	rows, err := store.All[Subnet](ctx, r, "SELECT site_no, realm_no, prefix, zone_no FROM org_subnet")
	if err != nil {
		return nil, fmt.Errorf("read subnets: %w", err)
	}
	return NewResolver(rows)
}
