package org

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Resolver resolves addresses to zones by the longest prefix, a realm at a time. It is
// immutable and safe for many goroutines; make a new one when subnets change.
type Resolver struct {
	realms map[realmKey][]prefixZone // longest prefix first
}

type realmKey struct{ site, realm int64 }

type prefixZone struct {
	prefix netip.Prefix
	zone   int64
}

// NewResolver reads prefixes from org_subnet's rows.
func NewResolver(subnets []Subnet) (*Resolver, error) {
	r := &Resolver{realms: map[realmKey][]prefixZone{}}
	for _, s := range subnets {
		p, err := netip.ParsePrefix(s.Prefix)
		if err != nil {
			return nil, fmt.Errorf("subnet of zone %d: %w", s.ZoneNo, err)
		}
		k := realmKey{s.SiteNo, s.RealmNo}
		r.realms[k] = append(r.realms[k], prefixZone{p.Masked(), s.ZoneNo})
	}
	for _, ps := range r.realms {
		slices.SortFunc(ps, func(a, b prefixZone) int {
			return cmp.Or(b.prefix.Bits()-a.prefix.Bits(), a.prefix.Addr().Compare(b.prefix.Addr()))
		})
	}
	return r, nil
}

// Zone returns the zone_no of an address, 0 if no prefix holds it. Plants have
// tens of prefixes a realm, so a scan beats a trie.
func (r *Resolver) Zone(siteNo, realmNo int64, ip netip.Addr) int64 {
	ip = ip.Unmap().WithZone("")
	for _, p := range r.realms[realmKey{siteNo, realmNo}] {
		if p.prefix.Contains(ip) {
			return p.zone
		}
	}
	return 0
}
