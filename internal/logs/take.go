package logs

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/logs/syslog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Arrival is a line that came over the network to a listener of a site.
type Arrival struct {
	SiteNo, RealmNo int64
	From            netip.Addr
	By              string // udp, tls
	Raw             []byte // the service's from now on
	Cut             bool   // it was longer than is taken
	At              time.Time
}

// place is where an address means something; realm 0: anywhere at the site.
type place struct{ SiteNo, RealmNo int64 }

type sender struct {
	place
	Address string
}

type strangerKey struct {
	sender
	Host string
}

// Take keeps a line, or counts it as a stranger's. It waits for no disk.
func (s *Service) Take(a Arrival) {
	from := a.From.Unmap().WithZone("").String()
	k := asKept(a.Raw, a.Cut, a.By, from, a.At)
	line := syslog.Parse(k.text(), a.At, time.UTC)
	s.mu.RLock()
	st := s.speaker(place{a.SiteNo, a.RealmNo}, from, line.Host)
	full := s.full
	zone := time.UTC
	if st != nil {
		zone = st.zone
	}
	s.mu.RUnlock()
	if st == nil {
		s.stranger(a, from, line)
		return
	}
	l, _ := k.parsed(zone)
	st.take(k, l.Told, true, s.cfg.Limits, full)
}

// speaker finds whose line it is among those who send from an address: who names the line's
// host first, then, behind a relay, whoever has that host, then who names none.
func (s *Service) speaker(at place, from, host string) *stream {
	everywhere := place{SiteNo: at.SiteNo}
	list := s.senders[sender{at, from}]
	if len(list) == 0 {
		list = s.senders[sender{everywhere, from}]
	}
	var anyHost *stream
	for _, st := range list {
		switch {
		case st.src.Host != "" && st.src.Host == host:
			return st
		case st.src.Host == "":
			anyHost = st
		}
	}
	if anyHost != nil && anyHost.src.Kind == KindRelay && host != "" {
		for _, p := range []place{at, everywhere} {
			if st := s.relays[p][host]; st != nil {
				return st
			}
		}
	}
	return anyHost
}

// stranger notes who speaks and is in no register.
func (s *Service) stranger(a Arrival, from string, line syslog.Line) {
	host := short(ot.Printable(line.Host), 255)
	key := strangerKey{sender{place{a.SiteNo, a.RealmNo}, from}, host}
	sample := short(ot.Printable(cmp.Or(line.Text, string(a.Raw))), 500)
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.strangers[key]
	if x == nil {
		if len(s.strangers) >= mostStrangers {
			return
		}
		x = &strangerRow{SiteNo: a.SiteNo, RealmNo: a.RealmNo, Address: from, Host: host, Transport: a.By, FirstAt: store.At(a.At)}
		s.strangers[key] = x
	}
	x.Lines++
	x.LastAt, x.Sample = store.At(a.At), sample
}

func short(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// reload reads the register. Streams that go on keep their files and counters.
func (s *Service) reload(ctx context.Context) error {
	type sited struct {
		sourceRow
		TZ string `db:"tz"`
	}
	var rows []sited
	heard := map[string]heardRow{}
	var total int64
	today := map[string]int64{}
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		if rows, err = store.All[sited](ctx, r, "SELECT "+sourceColumns+", o.tz FROM logs_source s JOIN org_site o ON o.site_no = s.site_no WHERE s.removed_at IS NULL ORDER BY s.source_id"); err != nil {
			return err
		}
		for h, err := range store.Select[heardRow](ctx, r, "SELECT "+heardColumns+" FROM logs_heard") {
			if err != nil {
				return err
			}
			heard[h.SourceID] = h
		}
		type newest struct {
			SourceID string `db:"source_id"`
			Bytes    int64  `db:"bytes"`
		}
		for x, err := range store.Select[newest](ctx, r, "SELECT source_id, bytes FROM logs_day WHERE day = ?", dayOf(s.now().UnixMicro())) {
			if err != nil {
				return err
			}
			today[x.SourceID] = x.Bytes
		}
		total, err = store.One[int64](ctx, r, "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM logs_day WHERE gone_at IS NULL")
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	streams := make(map[string]*stream, len(rows))
	s.senders, s.relays = map[sender][]*stream{}, map[place]map[string]*stream{}
	for _, x := range rows {
		zone := zoneOf(x.Clock, x.TZ)
		st := s.streams[x.ID]
		if st == nil {
			st = &stream{heard: heard[x.ID]}
			st.heard.SourceID, st.heard.SiteNo = x.ID, x.SiteNo
			if !st.heard.LastAt.IsZero() {
				st.lastAt = st.heard.LastAt.UnixMicro()
			}
			st.today, st.todayIs = today[x.ID], dayOf(s.now().UnixMicro())
		}
		st.mu.Lock()
		st.src, st.zone = x.sourceRow, zone
		st.mu.Unlock()
		streams[x.ID] = st
		at := place{x.SiteNo, x.RealmNo}
		if x.Address != "" {
			k := sender{at, x.Address}
			s.senders[k] = append(s.senders[k], st)
		} else if x.Host != "" {
			if s.relays[at] == nil {
				s.relays[at] = map[string]*stream{}
			}
			s.relays[at][x.Host] = st
		}
	}
	for id, st := range s.streams {
		if streams[id] == nil {
			s.gone = append(s.gone, st)
		}
	}
	s.streams = streams
	if !s.ready.Load() {
		s.total = total
	}
	return nil
}

// zoneOf is the zone of times that name none: the source's, else the site's.
func zoneOf(own, site string) *time.Location {
	for _, name := range []string{own, site} {
		if z, err := time.LoadLocation(name); err == nil && name != "" {
			return z
		}
	}
	return time.UTC
}
