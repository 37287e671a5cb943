package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/live"
)

// ear is one interface that the server listens to.
type ear struct {
	iface    string
	every    time.Duration
	delivery sensor.Delivery

	listening *listening // settings and ring; nil: neither
	addressed bool       // it may have an address of its own
}

// ears reads --sense, says what is wrong with the interfaces, and gives up the
// capabilities that listening does not need.
func (s *server) ears(ctx context.Context, flags []string) ([]ear, error) {
	if len(flags) == 0 {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the machine's name, by which its sensors are known: %w", err)
	}
	if s.opts.Listening.Silence && s.guard == nil {
		if s.guard, err = startPortGuard(""); err != nil {
			s.log.Warn("capture ports are taken as they are", "why", err)
		}
	}
	var out []ear
	used := map[string]bool{}
	for _, flag := range flags {
		iface, place, ok := strings.Cut(flag, "=")
		switch {
		case !ok || iface == "" || place == "":
			return nil, ot.Errorf(ot.Invalid, "--sense %s: write IFACE=SITE, such as eth1=Aarhus", flag)
		case used[iface]:
			return nil, ot.Errorf(ot.Invalid, "--sense %s: %s is listened to already; an interface hears one site", flag, iface)
		}
		used[iface] = true
		e, err := s.ear(ctx, host, iface, place)
		if err != nil {
			return nil, fmt.Errorf("--sense %s: %w", flag, err)
		}
		out = append(out, e)
	}
	if err := live.DropCapabilities(); err != nil {
		s.log.Warn("this process keeps capabilities that it does not need", "error", err)
	}
	return out, nil
}

func (s *server) ear(ctx context.Context, host, iface, place string) (ear, error) {
	site, realm, err := s.place(ctx, place)
	if err != nil {
		return ear{}, err
	}
	if err := s.look(ctx, iface); err != nil {
		return ear{}, err
	}
	e := ear{iface: iface, every: senseInterval, addressed: s.opts.Listening.Addressed, delivery: sensor.Delivery{
		SiteNo: site.No, RealmNo: realm.No, Name: fmt.Sprintf("%s on %s", iface, host),
		// With the site in it, as an interface that moves to another site is another sensor.
		Source: fmt.Sprintf("%s-%s-%d", host, iface, site.No),
	}}
	e.listening, err = s.attach(ctx, iface, site.ID, realm.ID, e.delivery)
	return e, err
}

// look warns of what an operator should mend. Only what no waiting mends is an error.
func (s *server) look(ctx context.Context, iface string) error {
	changed, err := s.guard.silence(iface, s.opts.Listening.Addressed)
	switch {
	case ot.CodeOf(err) == ot.Conflict:
		return err // it has an address: no waiting mends that
	case err == nil && len(changed) > 0:
		s.log.Info("a capture port was made silent", "interface", iface, "changed", changed)
	case err != nil && ot.CodeOf(err) != ot.NotFound:
		s.log.Warn("a capture port is not silent", "interface", iface, "why", err)
	}
	port, err := live.Inspect(iface)
	if err == nil {
		for _, why := range port.Warnings() {
			s.log.Warn("a capture port is not silent", "interface", iface, "why", why)
		}
		var src sensor.Source
		if src, err = live.Open(ctx, iface, live.Options{}); err == nil {
			return src.Close()
		}
	}
	if code := ot.CodeOf(err); code == ot.NotFound || code == ot.Invalid {
		return nil // sense says so, and waits for it
	}
	return err
}

// place finds SITE or SITE:REALM. Names may hold colons.
func (s *server) place(ctx context.Context, place string) (site org.Site, realm org.Realm, err error) {
	all := auth.Scope{All: true}
	sites, err := s.org.Sites(ctx, all)
	if err != nil {
		return site, realm, err
	}
	var names []string
	for _, x := range sites {
		names = append(names, x.Name)
		rest, found := within(place, x.ID)
		if !found {
			rest, found = within(place, x.Name)
		}
		if !found {
			continue
		}
		realms, err := s.org.Realms(ctx, all, x.ID)
		if err != nil {
			return site, realm, err
		}
		var known []string
		for _, r := range realms {
			if rest == "" && r.Default || rest != "" && (r.ID == rest || strings.EqualFold(r.Name, rest)) {
				return x, r, nil
			}
			known = append(known, r.Name)
		}
		return site, realm, ot.Errorf(ot.NotFound, "%s has no realm %q; it has: %s", x.Name, rest, strings.Join(known, ", "))
	}
	if len(names) == 0 {
		return site, realm, ot.Errorf(ot.NotFound, "there is no site yet; start without --sense, sign in and add it")
	}
	return site, realm, ot.Errorf(ot.NotFound, "there is no site %q; sites: %s", place, strings.Join(names, ", "))
}

// within cuts a site's name, and the colon behind it, off a place.
func within(place, site string) (rest string, ok bool) {
	n := len(site)
	switch {
	case len(place) < n || !strings.EqualFold(place[:n], site):
		return "", false
	case len(place) == n:
		return "", true
	}
	return place[n+1:], place[n] == ':' && len(place) > n+1
}
