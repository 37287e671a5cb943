// Package egress is the one way out of this installation: every connection that
// Skanse opens to another machine on its own account goes through a Dialer, which
// knows a list of host and port and refuses everything else, before it even asks
// for a name's address. The list is empty at first: no data leaves the plant.
package egress

import (
	"context"
	"embed"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "egress", FS: migrations} }

// Allow is one place that this installation may connect to.
type Allow struct {
	ID     string     `db:"allow_id" json:"id"`
	Host   string     `db:"host" json:"host" doc:"A name, an address, or a prefix such as 10.0.4.0/24"`
	Port   int64      `db:"port" json:"port" minimum:"1" maximum:"65535"`
	Inside bool       `db:"inside" json:"inside" doc:"The name may stand for a private, link-local or loopback address"`
	Note   string     `db:"note" json:"note" doc:"What for"`
	MadeAt store.Time `db:"made_at" json:"made_at"`
	MadeBy string     `db:"made_by" json:"made_by" doc:"User id"`
}

// maxAllow bounds the list: a longer one is no list that a person has in mind.
const maxAllow = 500

// List returns the places, by host.
func List(ctx context.Context, r store.Reader) ([]Allow, error) {
	return store.All[Allow](ctx, r, "SELECT allow_id, host, port, inside, note, made_at, made_by FROM egress_allow ORDER BY host, port")
}

// Add allows a place. The host is checked and written in one form.
func Add(ctx context.Context, tx *store.Tx, now time.Time, a Allow) (Allow, error) {
	a, err := check(a)
	if err != nil {
		return a, err
	}
	n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM egress_allow")
	if err != nil {
		return a, err
	}
	if n >= maxAllow {
		return a, ot.Errorf(ot.TooMany, "the list holds %d places already: remove what is not needed", n)
	}
	a.ID, a.MadeAt = store.NewID(), store.At(now)
	err = store.Upsert(ctx, tx, "egress_allow", []Allow{a}, nil, nil)
	if ot.CodeOf(err) == ot.Conflict {
		err = ot.Errorf(ot.Conflict, "%s, port %d is on the list already", a.Host, a.Port)
	}
	return a, err
}

// Listed says whether the list has a place; for a name, whether it names it.
func Listed(ctx context.Context, r store.Reader, host string, port int64) (bool, error) {
	list, err := List(ctx, r)
	return judge(list, fold(host), port).listed, err
}

// Remove takes a place off the list and returns what it was.
func Remove(ctx context.Context, tx *store.Tx, id string) (Allow, error) {
	a, err := store.One[Allow](ctx, tx, "SELECT allow_id, host, port, inside, note, made_at, made_by FROM egress_allow WHERE allow_id = ?", id)
	if err != nil {
		return a, err
	}
	_, err = tx.Exec(ctx, "DELETE FROM egress_allow WHERE allow_id = ?", id)
	return a, err
}

func check(a Allow) (Allow, error) {
	a.Note = ot.Printable(a.Note)
	if len([]rune(a.Note)) > 200 {
		return a, ot.Errorf(ot.Invalid, "say in at most 200 characters what it is for")
	}
	if a.Port < 1 || a.Port > 65535 {
		return a, ot.Errorf(ot.Invalid, "%d is not a port: 1 to 65535", a.Port)
	}
	host := fold(a.Host)
	if p, err := netip.ParsePrefix(host); err == nil {
		if p.Addr().Is4In6() || p.Addr().Zone() != "" || p.Bits() < 8 {
			return a, ot.Errorf(ot.Invalid, "%s is too wide, or no plain prefix: name the hosts, or a prefix of at least 8 bits", p)
		}
		a.Host = p.Masked().String()
		return a, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		a.Host = addr.Unmap().String()
		return a, nil
	}
	if !isName(host) {
		return a, ot.Errorf(ot.Invalid, "%q is neither a host name nor an address: write mail.example.com, 10.0.4.7 or 10.0.4.0/24", ot.Printable(a.Host))
	}
	a.Host = host
	return a, nil
}

// fold writes a host as the list has it.
func fold(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(strings.TrimSpace(host), "[]")), ".")
}

// isName says whether it is a host name as RFC 1123 has it, underscores let pass. What
// ends in a number would be read as an address by some resolvers.
func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		if strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

// verdict is what the list says of a host and port.
type verdict struct {
	listed bool
	inside bool
}

// judge looks a host up; for a name, only entries that name it.
func judge(list []Allow, host string, port int64) (v verdict) {
	addr, err := netip.ParseAddr(host)
	if err == nil {
		return verdict{listed: reaches(list, addr, port), inside: true}
	}
	for _, a := range list {
		if a.Port == port && a.Host == host {
			v.listed = true
			v.inside = v.inside || a.Inside
		}
	}
	return v
}

// reaches says whether an address itself is listed.
func reaches(list []Allow, addr netip.Addr, port int64) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(list, func(a Allow) bool {
		if a.Port != port {
			return false
		}
		if p, err := netip.ParsePrefix(a.Host); err == nil {
			return p.Contains(addr)
		}
		one, err := netip.ParseAddr(a.Host)
		return err == nil && one == addr
	})
}

// outside says whether an address is one of the internet: a name from a foreign
// server must not lead us to a machine of the plant, or to ourselves.
func outside(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// special are ranges that IsGlobalUnicast and IsPrivate let pass and that lead
// inside all the same: carrier NAT, benchmarks, and IPv4 in an IPv6 address.
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("::/96"),
	}
}
