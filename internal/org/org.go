// Package org keeps the tree that scopes, levels and addresses stand on: entities
// (the companies that NIS2 speaks of), their sites, a site's realms (an address is
// unique only inside one), its zones by Purdue level, and which prefix belongs to
// which zone.
package org

import (
	"embed"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Scope is what part of the tree the asking person sees; auth.Scope is one.
type Scope interface {
	// Where is the predicate over a table's site and zone columns.
	Where(siteCol, zoneCol string) ot.SQL
	// Reach is the predicate over org_site for sites that may be named: those in scope,
	// and those that hold a zone in scope. What is in a site goes by Where.
	Reach(siteCol string) ot.SQL
	// Entity says whether the whole company is in scope; "" asks for every company.
	Entity(id string) bool
}

// Entity is a company as NIS2 sees it.
type Entity struct {
	ID      string `db:"entity_id" json:"id"`
	Name    string `db:"name" json:"name"`
	Profile string `db:"profile" json:"profile"` // essential or important
}

// Site is a plant or another place with networks of its own.
type Site struct {
	No       int64   `db:"site_no" json:"no"`
	ID       string  `db:"site_id" json:"id"`
	EntityID string  `db:"entity_id" json:"entity_id"`
	Name     string  `db:"name" json:"name"`
	Country  string  `db:"country" json:"country"` // ISO 3166 alpha-2, may be empty
	TZ       string  `db:"tz" json:"tz"`           // IANA name
	Critical bool    `db:"critical" json:"critical"`
	Weight   float64 `db:"weight" json:"weight"`
}

// Realm is a space of addresses: ten machine cells at 192.168.0.0/24 are ten realms.
type Realm struct {
	No      int64  `db:"realm_no" json:"no"`
	ID      string `db:"realm_id" json:"id"`
	SiteNo  int64  `db:"site_no" json:"-"`
	Name    string `db:"name" json:"name"`
	Default bool   `db:"is_default" json:"default"`
}

// Zone is a group of assets with one need for protection (IEC 62443).
type Zone struct {
	No       int64  `db:"zone_no" json:"no"`
	ID       string `db:"zone_id" json:"id"`
	SiteNo   int64  `db:"site_no" json:"-"`
	Name     string `db:"name" json:"name"`
	Level    string `db:"level" json:"level"` // Purdue: 0, 1, 2, 3, 3.5, 4, 5
	OT       bool   `db:"ot" json:"ot"`
	SLT      int64  `db:"sl_t" json:"sl_t"` // security level target 1 to 4, 0: not set
	Critical bool   `db:"critical" json:"critical"`
	External bool   `db:"external" json:"external"` // office IT, internet, a vendor
	Gateway  bool   `db:"gateway" json:"gateway"`   // its hosts are the remote access gateway
}

// Subnet gives the addresses of a prefix in a realm to a zone.
type Subnet struct {
	SiteNo  int64  `db:"site_no" json:"-"`
	RealmNo int64  `db:"realm_no" json:"-"`
	Prefix  string `db:"prefix" json:"prefix"`
	ZoneNo  int64  `db:"zone_no" json:"-"`
}

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "org", FS: migrations} }
