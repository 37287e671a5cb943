package view

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Trace is where a host has been: what it touched, what it touched for the first
// time, and where else the names, keys and hashes appear that it shows.
type Trace struct {
	Host    string    `json:"host" doc:"As asked"`
	Names   []string  `json:"names" nullable:"false" doc:"Devices that it is"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Touched []Touch   `json:"touched" nullable:"false" doc:"First touches first, then the gravest, at most 500"`
	More    bool      `json:"more" doc:"There were more than are listed"`
	Same    []Same    `json:"same" nullable:"false"`
	Heard   bool      `json:"heard" doc:"Somebody listened in that time at all"`
}

// Touch is one conversation, from the host's side.
type Touch struct {
	ID       string    `json:"id" doc:"Of the conversation; empty: of a capture that is not kept"`
	Peer     string    `json:"peer"`
	PeerName string    `json:"peer_name"`
	AssetID  string    `json:"asset_id"`
	Did      string    `json:"did" enum:"asked,served"`
	Protocol string    `json:"protocol"`
	Port     int64     `json:"port"`
	Classes  []string  `json:"classes" nullable:"false" doc:"What was done, gravest first"`
	Packets  int64     `json:"packets"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	New      bool      `json:"new" doc:"Never before this time"`
}

// Same is a name, key or hash that another host shows too.
type Same struct {
	Attr    string    `json:"attr"`
	Value   string    `json:"value"`
	Host    string    `json:"host"`
	Name    string    `json:"name"`
	AssetID string    `json:"asset_id"`
	Site    string    `json:"site"`
	Last    time.Time `json:"last"`
}

// Grave lists what a client does, gravest first.
func Grave() []string {
	return []string{"firmware", "program_download", "control", "configure", "write", "program_upload", "file", "login", "read", "diagnose", "discover", "alarm", "cyclic"}
}

// Telling says whether a fact's kind tells a thing from another: a name, a serial
// number, a key's or a program's hash. A vendor or a model is many devices'.
func Telling(attr string) bool {
	for _, part := range []string{"name", "serial", "hash", "fingerprint", "thumbprint", "host_key", "certificate", "ja3", "ja4", "cookie"} {
		if strings.Contains(attr, part) && !strings.Contains(attr, "product_name") && !strings.Contains(attr, "vendor_name") && !strings.Contains(attr, "model_name") && !strings.Contains(attr, "module_name") {
			return true
		}
	}
	return false
}

// Order puts first touches first, then the gravest, then the newest.
func Order(list []Touch) {
	rank := func(t *Touch) int {
		worst := len(Grave())
		for _, c := range t.Classes {
			if n := slices.Index(Grave(), c); n >= 0 {
				worst = min(worst, n)
			}
		}
		return worst
	}
	slices.SortStableFunc(list, func(a, b Touch) int {
		if a.New != b.New {
			if a.New {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), b.Last.Compare(a.Last))
	})
}

const maxTouches = 500

// Trace follows a host, an asset's id or a name within a time.
func (s *Service) Trace(ctx context.Context, scope auth.Scope, host string, since, now time.Time) (out Trace, err error) {
	out = Trace{Host: host, Since: since.UTC(), Until: now.UTC(), Names: []string{}, Touched: []Touch{}, Same: []Same{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		type end struct {
			AssetID string `db:"asset_id"`
			SiteNo  int64  `db:"site_no"`
			RealmNo int64  `db:"realm_no"`
			Name    string `db:"name"`
			Kind    string `db:"kind"`
			Address string `db:"address"`
		}
		ends, err := store.All[end](ctx, r, `SELECT a.asset_id, a.site_no, b.realm_no, a.name, b.kind, b.address FROM asset_asset a JOIN asset_binding b ON b.asset_id = a.asset_id AND (b.to_at IS NULL OR b.to_at >= ?)
 WHERE ? AND a.asset_id IN (SELECT x.asset_id FROM asset_asset x WHERE x.asset_id = ? OR lower(x.name) = lower(?) UNION SELECT y.asset_id FROM asset_binding y WHERE y.address = lower(?) AND (y.to_at IS NULL OR y.to_at >= ?))
 ORDER BY a.site_no, a.asset_id, b.kind, b.address LIMIT 400`, store.At(since), scope.Where("a.site_no", "a.zone_no"), host, host, host, store.At(since))
		if err != nil {
			return err
		}
		if len(ends) == 0 {
			return ot.Errorf(ot.NotFound, "no host %s is known; give an IP or MAC address, a device's name or its id", ot.Printable(host))
		}
		var ids []string
		for i := 0; i < len(ends); {
			j, ips, macs := i, []string{}, []string{}
			for ; j < len(ends) && ends[j].AssetID == ends[i].AssetID && ends[j].RealmNo == ends[i].RealmNo; j++ {
				if ends[j].Kind == "ip" {
					ips = append(ips, ends[j].Address)
				} else {
					macs = append(macs, ends[j].Address)
				}
			}
			if !slices.Contains(ids, ends[i].AssetID) {
				ids = append(ids, ends[i].AssetID)
				out.Names = append(out.Names, cmp.Or(ends[i].Name, ends[i].Address))
			}
			for _, served := range []bool{false, true} {
				touched, err := touches(ctx, r, scope, ends[i].SiteNo, ends[i].RealmNo, ips, macs, served, since)
				if err != nil {
					return err
				}
				out.Touched = append(out.Touched, touched...)
			}
			i = j
		}
		Order(out.Touched)
		if out.More = len(out.Touched) > maxTouches; out.More {
			out.Touched = out.Touched[:maxTouches]
		}
		if out.Same, err = sameElsewhere(ctx, r, scope, ids); err != nil {
			return err
		}
		n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM network_source n WHERE n.site_no IN (SELECT a.site_no FROM asset_asset a WHERE a.asset_id IN (?)) AND n.last_at >= ?", ids, store.At(since))
		out.Heard = n > 0
		return err
	})
	return out, err
}

// touches are the conversations of addresses on one side.
func touches(ctx context.Context, r store.Reader, scope auth.Scope, siteNo, realmNo int64, ips, macs []string, served bool, since time.Time) ([]Touch, error) {
	me, peer, did := "client", "server", "asked"
	if served {
		me, peer, did = "server", "client", "served"
	}
	type row struct {
		ConvNo   int64      `db:"conv_no"`
		PeerIP   string     `db:"peer_ip"`
		PeerMAC  string     `db:"peer_mac"`
		Protocol string     `db:"protocol"`
		Port     int64      `db:"port"`
		Classes  int64      `db:"classes"`
		Packets  int64      `db:"packets"`
		FirstAt  store.Time `db:"first_at"`
		LastAt   store.Time `db:"last_at"`
		AssetID  string     `db:"asset_id"`
		Name     string     `db:"name"`
		SiteNo   int64      `db:"site_no"`
	}
	rows, err := store.All[row](ctx, r, `SELECT c.site_no, c.conv_no, c.`+peer+`_ip AS peer_ip, c.`+peer+`_mac AS peer_mac, CASE WHEN c.protocol <> '' THEN c.protocol ELSE c.guess END AS protocol, c.port, c.classes,
  c.client_packets + c.server_packets AS packets, c.first_at, c.last_at,
  COALESCE((SELECT MIN(b.asset_id) FROM asset_binding b WHERE b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.to_at IS NULL AND (b.kind = 'ip' AND b.address = c.`+peer+`_ip AND c.`+peer+`_ip <> '' OR b.kind = 'mac' AND c.`+peer+`_ip = '' AND b.address = c.`+peer+`_mac)), '') AS asset_id,
  '' AS name
FROM network_conversation c WHERE c.site_no = ? AND c.realm_no = ? AND c.last_at >= ? AND (c.`+me+`_ip IN (?) OR c.`+me+`_ip = '' AND c.`+me+`_mac IN (?)) AND (? OR ?)
ORDER BY c.last_at DESC, c.conv_no LIMIT 1000`, siteNo, realmNo, store.At(since), atLeastOne(ips), atLeastOne(macs), scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no"))
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range rows {
		if rows[i].AssetID != "" {
			ids = append(ids, rows[i].AssetID)
		}
	}
	type named struct {
		ID   string `db:"asset_id"`
		Name string `db:"name"`
	}
	names := map[string]string{}
	for part := range slices.Chunk(ids, 500) {
		list, err := store.All[named](ctx, r, "SELECT a.asset_id, a.name FROM asset_asset a WHERE a.asset_id IN (?) AND ?", part, scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			names[x.ID] = x.Name
		}
	}
	out := make([]Touch, 0, len(rows))
	for _, x := range rows {
		t := Touch{
			ID: strconv.FormatInt(x.SiteNo, 10) + "." + strconv.FormatInt(x.ConvNo, 10), Peer: cmp.Or(x.PeerIP, x.PeerMAC), Did: did, Protocol: x.Protocol, Port: x.Port, Classes: []string{}, Packets: x.Packets,
			First: x.FirstAt.Time, Last: x.LastAt.Time, New: !x.FirstAt.Before(since),
		}
		if name, mine := names[x.AssetID]; mine {
			t.AssetID, t.PeerName = x.AssetID, name
		}
		for _, c := range Grave() {
			if ot.Class(x.Classes)&ot.ParseClass(c) != 0 {
				t.Classes = append(t.Classes, c)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// atLeastOne is for IN (…), which may not be empty.
func atLeastOne(list []string) []string {
	if len(list) == 0 {
		return []string{"-"}
	}
	return list
}

// sameElsewhere finds hosts that show the same name, key or hash.
func sameElsewhere(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) ([]Same, error) {
	type row struct {
		Attr    string     `db:"attr"`
		Value   string     `db:"value"`
		IP      string     `db:"ip"`
		MAC     string     `db:"mac"`
		Name    string     `db:"name"`
		AssetID string     `db:"asset_id"`
		Site    string     `db:"site"`
		LastAt  store.Time `db:"last_at"`
	}
	rows, err := store.All[row](ctx, r, `SELECT o.attr, o.value, o.ip, o.mac, a.name, a.asset_id, s.name AS site, o.last_at
FROM asset_fact f JOIN asset_fact o ON o.attr = f.attr AND o.value = f.value AND o.asset_id <> f.asset_id AND o.asset_id <> '' JOIN asset_asset a ON a.asset_id = o.asset_id JOIN org_site s ON s.site_no = a.site_no
WHERE f.asset_id IN (?) AND length(f.value) >= 4 AND ? ORDER BY o.last_at DESC, o.fact_id LIMIT 500`, ids, scope.Where("a.site_no", "a.zone_no"))
	if err != nil {
		return nil, err
	}
	out, seen := []Same{}, map[string]bool{}
	for _, x := range rows {
		key := x.Attr + "\x00" + x.Value + "\x00" + x.AssetID
		if !Telling(x.Attr) || seen[key] || len(out) >= 100 {
			continue
		}
		seen[key] = true
		out = append(out, Same{x.Attr, x.Value, cmp.Or(x.IP, x.MAC), x.Name, x.AssetID, x.Site, x.LastAt.Time})
	}
	return out, nil
}

func (s *Service) traceRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "trace-host", Method: http.MethodGet, Path: "/trace", Summary: "What a host touched, for the first time or again, and where its names and hashes appear elsewhere", Tag: "Search", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Host  string `query:"host" required:"true" maxLength:"200" doc:"IP or MAC address, a device's name or its id"`
			Hours int    `query:"hours" minimum:"1" maximum:"8760" default:"72"`
		},
		) (*struct{ Body Trace }, error) {
			now := time.Now()
			t, err := s.Trace(ctx, auth.From(ctx).Scope, in.Host, now.Add(-time.Duration(in.Hours)*time.Hour), now)
			return &struct{ Body Trace }{t}, err
		})
}
