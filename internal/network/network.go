// Package network keeps who talks to whom: conversations as state, the messages
// in them as counters, what is not part of a plant's cycle as whole events, and
// the sources that told it all. It also takes in captures that people give. It
// names addresses, never assets: which asset an address is, is asked at query time.
package network

import (
	"context"
	"embed"
	"net/netip"
	"strconv"

	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "network", FS: migrations} }

// Places knows what the inventory says of addresses: the zone_no of the asset at
// each (0: it has none). An address that no asset has is missing. Keys name the
// realm by its number in decimal, and either the MAC or the IP. It may be nil.
type Places interface {
	Places(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (map[ot.Host]int64, error)
}

// Service is the slice: it owns the tables network_*.
type Service struct {
	db     *store.DB
	places Places
}

// New makes the slice on a migrated database.
func New(db *store.DB, places Places) *Service { return &Service{db: db, places: places} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
}

// ends resolves the zones of addresses for one transaction.
type ends struct {
	siteNo   int64
	resolver *org.Resolver
	assets   map[ot.Host]int64
}

func (s *Service) loadEnds(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (*ends, error) {
	subnets, err := store.All[org.Subnet](ctx, r, "SELECT site_no, realm_no, prefix, zone_no FROM org_subnet WHERE site_no = ?", siteNo)
	if err != nil {
		return nil, err
	}
	e := &ends{siteNo: siteNo, assets: map[ot.Host]int64{}}
	if e.resolver, err = org.NewResolver(subnets); err != nil {
		return nil, err
	}
	if s.places != nil {
		e.assets, err = s.places.Places(ctx, r, siteNo, addresses)
	}
	return e, err
}

// of returns the zone of one end, and whether it is somewhere on the internet: a
// public address in none of the site's subnets and of none of its assets.
func (e *ends) of(realmNo int64, mac, ip string) (zone int64, internet bool) {
	realm := strconv.FormatInt(realmNo, 10)
	known := false
	if a, err := netip.ParseAddr(ip); err == nil {
		if zone = e.resolver.Zone(e.siteNo, realmNo, a); zone != 0 {
			return zone, false
		}
		if zone, known = e.assets[ot.Host{Realm: realm, IP: a}]; known {
			return zone, false
		}
		return 0, public(a)
	}
	var m ot.MAC
	if m.UnmarshalText([]byte(mac)) == nil {
		zone = e.assets[ot.Host{Realm: realm, MAC: m}]
	}
	return zone, false
}

// public says whether an address belongs to the internet.
func public(ip netip.Addr) bool {
	carrier := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !carrier.Contains(ip.Unmap())
}

func micros(ns int64) int64 { return ns / 1000 }

// hourOf counts hours from 1970, monthOf is year*12+month-1: the keys of rollups.
func hourOf(us int64) int64 { return us / (3600 * 1e6) }

func monthOf(us int64) int64 {
	t := store.Micros(us)
	return int64(t.Year())*12 + int64(t.Month()) - 1
}
