package listen

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"github.com/skanse/skanse/internal/store"
)

// Interface is a listening interface as the page shows it.
type Interface struct {
	ID          string     `json:"id" doc:"Of the source"`
	SiteID      string     `json:"site_id"`
	Name        string     `json:"name"`
	Reach       bool       `json:"reach" doc:"Its ring and its settings are within reach of this server"`
	Away        bool       `json:"away" doc:"Another machine listens: it takes settings with its next hello, and packets come when it has answered"`
	Own         []string   `json:"own" nullable:"false" doc:"Networks of the site's OT zones: their packets are kept whole, of others only headers and the first bytes"`
	ReceivedAt  store.Time `json:"received_at" doc:"When it was last heard of; null: never yet"`
	Rate        float64    `json:"rate" doc:"Packets/s of the last interval"`
	Bits        float64    `json:"bits" doc:"Bits/s of the last interval"`
	Rates       []float64  `json:"rates" nullable:"false" doc:"Packets/s of the last intervals, the oldest first"`
	Packets     uint64     `json:"packets" doc:"Since it was first heard of"`
	Dropped     uint64     `json:"dropped" doc:"Lost before us, by the kernel or the card"`
	Transmitted uint64     `json:"transmitted" doc:"Frames that the interface sent: must stay 0"`
	DroppedAt   *time.Time `json:"dropped_at"`
	SentAt      *time.Time `json:"sent_at"`
	Port        *Port      `json:"port,omitempty"`
	Ring        *Ring      `json:"ring,omitempty" doc:"Missing: no packets are kept"`
	Settings    Settings   `json:"settings"`
	UpdatedAt   store.Time `json:"updated_at"`
	UpdatedBy   string     `json:"updated_by"`
	Sentences   []Sentence `json:"sentences" nullable:"false"`
	ETag        string     `json:"etag" doc:"Send it as If-Match to change the settings"`
}

// Port is the interface itself.
type Port struct {
	Name     string   `json:"name"`
	Up       bool     `json:"up"`
	Silent   bool     `json:"silent" doc:"No address, no IPv6, no ARP"`
	MTU      int      `json:"mtu"`
	Speed    int      `json:"speed" doc:"Mbit/s; 0: not known"`
	Offloads []string `json:"offloads" nullable:"false"`
	Filter   string   `json:"filter" doc:"Set in the kernel now"`
}

// Ring is how full the ring is.
type Ring struct {
	Disk     bool       `json:"disk"`
	Size     int64      `json:"size" doc:"Bytes that it may take"`
	Used     int64      `json:"used"`
	Packets  uint64     `json:"packets"`
	OldestAt *time.Time `json:"oldest_at"`
	PerDay   int64      `json:"per_day" doc:"Bytes written to disk a day, at this rate; 0: not known yet, or none"`
	Unstored uint64     `json:"unstored" doc:"Packets that the disk was too slow for"`
	Problem  string     `json:"problem" doc:"Why nothing is stored; empty: all is well" say:"true"`
}

func moment(ns int64) *time.Time {
	if ns == 0 {
		return nil
	}
	t := time.Unix(0, ns).UTC()
	return &t
}

// showAll shows interfaces with whether they are within reach.
func (s *Service) showAll(ctx context.Context, r store.Reader, rows []siteRow) ([]Interface, error) {
	far, err := s.far(ctx, r, ids(rows)...)
	if err != nil {
		return nil, err
	}
	out := []Interface{}
	for i := range rows {
		x := s.show(&rows[i])
		x.Away = !x.Reach && far[x.ID]
		x.Reach = x.Reach || x.Away
		if x.Own, err = org.PlantNetworks(ctx, r, rows[i].SiteNo, []int64{rows[i].RealmNo}); err != nil {
			return nil, err
		}
		if x.Own == nil {
			x.Own = []string{}
		}
		out = append(out, x)
	}
	return out, nil
}

func (s *Service) shown(ctx context.Context, x siteRow) (out Interface, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		list, err := s.showAll(ctx, r, []siteRow{x})
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, err
}

func (s *Service) show(x *siteRow) Interface {
	h := &x.Heard.V
	out := Interface{
		ID: x.SourceID, SiteID: x.SiteID, Name: x.Name, Reach: s.ear(x.SourceID) != nil, ReceivedAt: x.ReceivedAt, Rate: h.Rate, Bits: h.Bits, Rates: h.Rates,
		Packets: h.Packets, Dropped: h.Dropped, Transmitted: h.Transmitted, DroppedAt: moment(h.DroppedAt), SentAt: moment(h.SentAt),
		Settings: fill(x.Settings.V), UpdatedAt: x.UpdatedAt, UpdatedBy: x.UpdatedBy, Sentences: h.Sentences(x.ReceivedAt.Time, s.cfg.Clock()), ETag: x.etag(),
	}
	if out.Rates == nil {
		out.Rates = []float64{}
	}
	if p := h.Port; p != nil {
		out.Port = &Port{p.Name, p.Up, p.Silent, p.MTU, p.Speed, p.Offloads, p.Filter}
		if out.Port.Offloads == nil {
			out.Port.Offloads = []string{}
		}
	}
	if r := h.Ring; r != nil {
		out.Ring = showRing(r)
	}
	return out
}

func showRing(r *sensor.RingState) *Ring {
	return &Ring{Disk: r.Disk, Size: r.Size, Used: r.Used, Packets: r.Packets, OldestAt: moment(r.Oldest), PerDay: r.PerDay, Unstored: r.Unstored, Problem: r.Problem}
}

// Check is what the first hour asks of a mirror port.
type Check struct {
	ID        string     `json:"id"`
	SiteID    string     `json:"site_id"`
	Name      string     `json:"name"`
	Verdict   string     `json:"verdict" enum:"alarm,mend,note,good" doc:"The gravest of its sentences"`
	Sentences []Sentence `json:"sentences" nullable:"false"`
}

func verdict(list []Sentence) string {
	rank := map[string]int{alarm: 0, mend: 1, note: 2, good: 3}
	worst := good
	early := false
	for _, s := range list {
		early = early || s.ID == "early"
		if s.Weight != note && rank[s.Weight] < rank[worst] {
			worst = s.Weight
		}
	}
	if worst == good && early {
		return note
	}
	return worst
}

// FilterCheck says whether a filter is understood.
type FilterCheck struct {
	OK           bool   `json:"ok"`
	At           int    `json:"at" doc:"Byte of the text at which it is wrong"`
	Message      string `json:"message" doc:"What is wrong; empty: nothing" say:"true"`
	Instructions int    `json:"instructions" doc:"Length of the program that the kernel runs"`
}

func checkFilter(text string) FilterCheck {
	f, err := filter.Parse(text)
	if wrong, ok := errors.AsType[*filter.SyntaxError](err); ok {
		return FilterCheck{At: wrong.At, Message: ot.Printable(wrong.Why)}
	}
	if err != nil {
		return FilterCheck{Message: ot.Printable(err.Error())}
	}
	raw, err := f.Compile(filter.Ethernet, true)
	if err != nil {
		return FilterCheck{Message: ot.Printable(err.Error())}
	}
	return FilterCheck{OK: true, Instructions: len(raw)}
}

type interfaceOut struct {
	ETag string `header:"ETag"`
	Body Interface
}

type settingsIn struct {
	ID      string `path:"id" maxLength:"200"`
	IfMatch string `header:"If-Match" doc:"The ETag of the version that you saw"`
	Body    struct {
		Filter    *string `json:"filter,omitempty" maxLength:"4096"`
		Ring      *string `json:"ring,omitempty" enum:"memory,disk,off"`
		MemoryMiB *int64  `json:"memory_mib,omitempty" minimum:"2" maximum:"65536"`
		DiskMiB   *int64  `json:"disk_mib,omitempty" minimum:"16" maximum:"16777216"`
		Beyond    *int    `json:"beyond,omitempty" minimum:"0" maximum:"65535"`
	}
}

type cutIn struct {
	Body struct {
		Source       string     `json:"source,omitempty" maxLength:"200" doc:"A listening interface: everything that it kept"`
		Conversation string     `json:"conversation,omitempty" maxLength:"64"`
		Asset        string     `json:"asset,omitempty" maxLength:"64"`
		From         *time.Time `json:"from,omitempty" doc:"Left out: a quarter of an hour before to"`
		To           *time.Time `json:"to,omitempty" doc:"Left out: now"`
		Reason       string     `json:"reason" minLength:"3" maxLength:"500" doc:"Why; it stands in the audit log and in the file"`
	}
}

type byID struct {
	ID string `path:"id" maxLength:"200"`
}

type of[T any] struct{ Body T }

type items[T any] struct {
	Items []T `json:"items" nullable:"false"`
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	const tag = "Listening"
	scope := func(ctx context.Context) auth.Scope { return auth.From(ctx).Scope }
	type bySite struct {
		Site string `query:"site"`
	}
	rest.Register(r, rest.Op{ID: "list-listening", Method: http.MethodGet, Path: "/listening", Summary: "Listening interfaces: what they hear, lose and keep, and what is wrong with their mirror ports", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *bySite) (*of[items[Interface]], error) {
			rows, err := s.rows(ctx, scope(ctx), in.Site)
			if err != nil {
				return nil, err
			}
			out := &of[items[Interface]]{}
			err = s.db.View(ctx, func(r store.Reader) (err error) {
				out.Body.Items, err = s.showAll(ctx, r, rows)
				return err
			})
			return out, err
		})
	rest.Register(r, rest.Op{ID: "check-mirrors", Method: http.MethodGet, Path: "/mirror-check", Summary: "What is wrong with the mirror ports of a site, in sentences", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *bySite) (*of[items[Check]], error) {
			rows, err := s.rows(ctx, scope(ctx), in.Site)
			out := &of[items[Check]]{items[Check]{[]Check{}}}
			for i := range rows {
				x := s.show(&rows[i])
				out.Body.Items = append(out.Body.Items, Check{x.ID, x.SiteID, x.Name, verdict(x.Sentences), x.Sentences})
			}
			return out, err
		})
	rest.Register(r, rest.Op{ID: "check-filter", Method: http.MethodGet, Path: "/filter-check", Summary: "Whether a capture filter is understood", Tag: tag, Permission: auth.EdgeRead},
		func(_ context.Context, in *struct {
			Text string `query:"text" maxLength:"4096"`
		},
		) (*of[FilterCheck], error) {
			return &of[FilterCheck]{checkFilter(in.Text)}, nil
		})
	rest.Register(r, rest.Op{ID: "get-listening", Method: http.MethodGet, Path: "/listening/{id}", Summary: "One listening interface", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *byID) (*interfaceOut, error) {
			var x siteRow
			err := s.db.View(ctx, func(r store.Reader) (err error) {
				x, err = one(ctx, r, scope(ctx), in.ID)
				return err
			})
			if err != nil {
				return nil, err
			}
			out, err := s.shown(ctx, x)
			return &interfaceOut{x.etag(), out}, err
		})
	rest.Register(r, rest.Op{ID: "update-listening", Method: http.MethodPatch, Path: "/listening/{id}", Summary: "Change how an interface listens: its filter, its ring", Tag: tag, Permission: auth.EdgeWrite, Audit: "listening.update"},
		func(ctx context.Context, in *settingsIn) (*interfaceOut, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "source", ID: in.ID})
			b := in.Body
			if b.Filter != nil {
				rest.Detail(ctx, "filter", ot.Printable(*b.Filter))
			}
			x, err := s.Change(ctx, scope(ctx), in.ID, in.IfMatch, auth.From(ctx).Name, func(o *Settings) {
				set(&o.Filter, b.Filter)
				set(&o.Ring, b.Ring)
				set(&o.MemoryMiB, b.MemoryMiB)
				set(&o.DiskMiB, b.DiskMiB)
				set(&o.Beyond, b.Beyond)
				rest.Detail(ctx, "ring", o.Ring)
			})
			if err != nil {
				return nil, err
			}
			out, err := s.shown(ctx, x)
			return &interfaceOut{x.etag(), out}, err
		})
	s.cutRoutes(r)
	s.selftestRoutes(r)
}

func (s *Service) cutRoutes(r *rest.Router) {
	const tag = "Packets"
	scope := func(ctx context.Context) auth.Scope { return auth.From(ctx).Scope }
	rest.Register(r, rest.Op{ID: "cut-packets", Method: http.MethodPost, Path: "/cuts", Summary: "Cut packets out of the rings, with a reason", Tag: tag, Permission: auth.PacketRead, Audit: "packet.cut", Status: http.StatusCreated},
		func(ctx context.Context, in *cutIn) (*of[Cut], error) {
			b, who := in.Body, auth.From(ctx)
			given := 0
			for _, x := range []string{b.Source, b.Conversation, b.Asset} {
				if x != "" {
					given++
				}
			}
			if given != 1 {
				return nil, ot.Errorf(ot.Invalid, "name one of: source, conversation, asset")
			}
			w := Want{Source: b.Source, Conversation: b.Conversation, Asset: b.Asset, Reason: b.Reason, ByID: who.UserID, By: who.Name}
			set(&w.From, b.From)
			set(&w.To, b.To)
			c, err := s.Cut(ctx, scope(ctx), w, func(t Target) {
				kind, id := "source", b.Source
				if b.Conversation != "" {
					kind, id = "conversation", b.Conversation
				} else if b.Asset != "" {
					kind, id = "asset", b.Asset
				}
				rest.Target(ctx, t.SiteID, ot.Ref{Kind: kind, ID: id})
				rest.Detail(ctx, "what", t.What)
				rest.Detail(ctx, "reason", ot.Printable(b.Reason))
			})
			return &of[Cut]{c}, err
		})
	rest.Register(r, rest.Op{ID: "list-cuts", Method: http.MethodGet, Path: "/cuts", Summary: "Packets that were cut out, by whom and why, the newest first", Tag: tag, Permission: auth.PacketRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
		},
		) (*of[rest.Page[Cut]], error) {
			var after string
			if err := rest.DecodeCursor(in.Cursor, &after); err != nil {
				return nil, err
			}
			rows, err := s.Cuts(ctx, scope(ctx), in.Site, after, in.Limit+1)
			return &of[rest.Page[Cut]]{rest.Cut(rows, in.Limit, func(c Cut) string { return rest.EncodeCursor(c.ID) })}, err
		})
	rest.Register(r, rest.Op{ID: "get-cut", Method: http.MethodGet, Path: "/cuts/{id}", Summary: "One cut", Tag: tag, Permission: auth.PacketRead},
		func(ctx context.Context, in *byID) (*of[Cut], error) {
			c, err := s.Get(ctx, scope(ctx), in.ID)
			return &of[Cut]{c}, err
		})
	r.Raw(rest.Op{ID: "get-cut-file", Method: http.MethodGet, Path: "/cuts/{id}/file", Summary: "The packets of a cut as pcapng", Tag: tag, Permission: auth.PacketRead, Audit: "packet.read"},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			c, file, err := s.File(q.Context(), scope(q.Context()), q.PathValue("id"))
			if err != nil {
				r.Fail(w, q, err)
				return
			}
			rest.Target(q.Context(), c.SiteID, ot.Ref{Kind: "cut", ID: c.ID})
			rest.Detail(q.Context(), "what", c.What)
			w.Header().Set("Content-Type", "application/x-pcapng")
			w.Header().Set("Content-Disposition", `attachment; filename="cut-`+c.At.UTC().Format("20060102-150405")+`.pcapng"`)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Length", strconv.Itoa(len(file)))
			_, _ = w.Write(file) // the client is gone: nothing is left to tell it
		}))
}
