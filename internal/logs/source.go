package logs

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// KindRelay collects lines of others: they name the host that they come from.
const KindRelay = "relay"

// Want is what somebody expects of a source.
type Want struct {
	Name      string `json:"name,omitempty" maxLength:"120" doc:"Empty: the asset's"`
	Asset     string `json:"asset_id,omitempty" doc:"Whose lines they are; empty: of no asset in the inventory"`
	Kind      string `json:"kind" enum:"firewall,switch,windows,linux,controller,relay,other" doc:"relay: collects the lines of others, which name their host"`
	Address   string `json:"address,omitempty" maxLength:"60" doc:"IP address that its lines come from; empty: they come behind a relay (then host), or by file"`
	Host      string `json:"host,omitempty" maxLength:"255" doc:"Host that its lines name; empty: any"`
	Clock     string `json:"clock,omitempty" maxLength:"60" doc:"Time zone (IANA) of times that name none, as in RFC 3164; empty: the site's"`
	Interval  int64  `json:"interval_s" minimum:"60" maximum:"2678400" doc:"A line is expected at least so often; silence for longer is an alarm"`
	Retention int64  `json:"retention_days" minimum:"1" maximum:"3660" doc:"So long its lines are asked to be kept"`
	Note      string `json:"note,omitempty" maxLength:"1000"`
}

// sourceRow is logs_source.
type sourceRow struct {
	ID        string     `db:"source_id"`
	SiteNo    int64      `db:"site_no"`
	RealmNo   int64      `db:"realm_no"`
	AssetID   string     `db:"asset_id"`
	Name      string     `db:"name"`
	Kind      string     `db:"kind"`
	Address   string     `db:"address"`
	Host      string     `db:"host"`
	Clock     string     `db:"clock"`
	Interval  int64      `db:"interval_s"`
	Retention int64      `db:"retention_days"`
	Note      string     `db:"note"`
	Version   int64      `db:"version"`
	CreatedAt store.Time `db:"created_at"`
	CreatedBy string     `db:"created_by"`
	RemovedAt store.Time `db:"removed_at"`
}

const sourceColumns = "s.source_id, s.site_no, s.realm_no, s.asset_id, s.name, s.kind, s.address, s.host, s.clock, s.interval_s, s.retention_days, s.note, s.version, s.created_at, s.created_by, s.removed_at"

func (r *sourceRow) etag() string { return rest.ETag(r.ID, strconv.FormatInt(r.Version, 10)) }

// mostSources of a site: each may have a file open.
const mostSources = 500

// fill checks what is wanted and writes it into the row.
func (s *Service) fill(ctx context.Context, tx *store.Tx, r *sourceRow, w Want) error {
	bad := func(format string, args ...any) error { return ot.Errorf(ot.Invalid, format, args...) }
	r.Name, r.Kind, r.Note = ot.Printable(strings.TrimSpace(w.Name)), w.Kind, ot.Printable(w.Note)
	r.Host, r.Clock, r.Interval, r.Retention = ot.Printable(strings.TrimSpace(w.Host)), w.Clock, w.Interval, w.Retention
	r.Address, r.RealmNo, r.AssetID = "", 0, w.Asset
	if a := strings.TrimSpace(w.Address); a != "" {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			return bad("address: %s is no IP address", ot.Printable(a))
		}
		r.Address = ip.Unmap().WithZone("").String()
	}
	if _, err := time.LoadLocation(w.Clock); err != nil {
		return bad("clock: %s is no time zone; write it as Europe/Copenhagen", ot.Printable(w.Clock))
	}
	if w.Asset != "" {
		type found struct {
			SiteNo int64  `db:"site_no"`
			Name   string `db:"name"`
		}
		a, err := store.One[found](ctx, tx, "SELECT a.site_no, CASE WHEN a.name <> '' THEN a.name ELSE a.model END AS name FROM asset_asset a WHERE a.asset_id = ?", w.Asset)
		if err != nil || a.SiteNo != r.SiteNo {
			return bad("asset_id: there is no such asset at this site")
		}
		r.Name = cmp.Or(r.Name, a.Name)
		realms, err := store.All[int64](ctx, tx, "SELECT DISTINCT b.realm_no FROM asset_binding b WHERE b.asset_id = ? AND b.address = ? AND b.to_at IS NULL", w.Asset, r.Address)
		if err != nil {
			return err
		}
		if len(realms) == 1 {
			r.RealmNo = realms[0]
		}
	}
	if r.Name = cmp.Or(r.Name, r.Address, r.Host); r.Name == "" {
		return bad("name: say what it is called")
	}
	if r.Kind == KindRelay && r.Address == "" {
		return bad("address: a relay needs the address that its lines come from")
	}
	if r.Address == "" && r.Host == "" {
		return nil // by file only: any number
	}
	other, err := store.All[string](ctx, tx, "SELECT name FROM logs_source WHERE site_no = ? AND address = ? AND host = ? AND (realm_no = ? OR realm_no = 0 OR ? = 0) AND removed_at IS NULL AND source_id <> ?", r.SiteNo, r.Address, r.Host, r.RealmNo, r.RealmNo, r.ID)
	if err != nil {
		return err
	}
	if len(other) > 0 {
		return ot.Errorf(ot.Conflict, "%s is registered with this address and host already", other[0])
	}
	return nil
}

// Expect adds a source to the register.
func (s *Service) Expect(ctx context.Context, scope Scope, by, siteID string, w Want) (id, etag string, err error) {
	r := sourceRow{ID: store.NewID(), Version: 1, CreatedBy: by}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		r.CreatedAt = store.At(s.now())
		no, err := store.One[int64](ctx, tx, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		r.SiteNo = no
		n, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM logs_source WHERE site_no = ? AND removed_at IS NULL", no)
		if err != nil {
			return err
		}
		if n >= mostSources {
			return ot.Errorf(ot.TooMany, "a site has at most %d log sources; let a relay collect some", mostSources)
		}
		if err := s.fill(ctx, tx, &r, w); err != nil {
			return err
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "log-source", ID: r.ID})
		rest.Detail(ctx, "name", r.Name)
		if r.Address != "" {
			if _, err := tx.Exec(ctx, "DELETE FROM logs_stranger WHERE site_no = ? AND address = ? AND (? = '' OR host = ?)", no, r.Address, r.Host, r.Host); err != nil {
				return err
			}
		}
		if err := store.Upsert(ctx, tx, "logs_source", []sourceRow{r}, nil, nil); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicLog, SiteNo: no, Refs: []ot.Ref{{Kind: "log-source", ID: r.ID}}})
	})
	if err != nil {
		return "", "", err
	}
	return r.ID, r.etag(), s.reload(ctx)
}

// change finds a source in scope, and writes what fn makes of it.
func (s *Service) change(ctx context.Context, scope Scope, id, match string, fn func(ctx context.Context, tx *store.Tx, r *sourceRow) error) (etag string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		r, siteID, err := find(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := rest.IfMatch(match, r.etag()); err != nil {
			return err
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "log-source", ID: id})
		if err := fn(ctx, tx, &r); err != nil {
			return err
		}
		rest.Detail(ctx, "name", r.Name)
		r.Version++
		etag = r.etag()
		if err := store.Upsert(ctx, tx, "logs_source", []sourceRow{r}, []string{"source_id"}, []string{"realm_no", "asset_id", "name", "kind", "address", "host", "clock", "interval_s", "retention_days", "note", "version", "removed_at"}); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicLog, SiteNo: r.SiteNo, Refs: []ot.Ref{{Kind: "log-source", ID: id}}})
	})
	if err != nil {
		return "", err
	}
	return etag, s.reload(ctx)
}

// Change changes what is expected of a source.
func (s *Service) Change(ctx context.Context, scope Scope, id, match string, w Want) (etag string, err error) {
	return s.change(ctx, scope, id, match, func(ctx context.Context, tx *store.Tx, r *sourceRow) error {
		return s.fill(ctx, tx, r, w)
	})
}

// Remove takes a source out of the register. Its lines stay until their time is over.
func (s *Service) Remove(ctx context.Context, scope Scope, id, match string) error {
	_, err := s.change(ctx, scope, id, match, func(_ context.Context, _ *store.Tx, r *sourceRow) error {
		r.RemovedAt = store.At(s.now())
		return nil
	})
	return err
}

func find(ctx context.Context, r store.Reader, scope Scope, id string) (x sourceRow, siteID string, err error) {
	type row struct {
		sourceRow
		SiteID string `db:"site_id"`
	}
	got, err := store.One[row](ctx, r, "SELECT "+sourceColumns+", o.site_id FROM logs_source s JOIN org_site o ON o.site_no = s.site_no WHERE s.source_id = ? AND s.removed_at IS NULL AND ?", id, scope.Where("s.site_no", ""))
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.NotFound, "there is no such log source")
	}
	return got.sourceRow, got.SiteID, err
}
