package performance

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Report is how well a site's devices and wires did in the last day, beside the week before.
type Report struct {
	SiteID    string     `json:"site_id"`
	Functions []Function `json:"functions" nullable:"false" doc:"A device and function each, those that drifted most first; at most 500"`
	Wires     []Wire     `json:"wires" nullable:"false" doc:"What each live sensor hears"`
	More      bool       `json:"more"`
}

// Function is one function of one device. Times in milliseconds.
type Function struct {
	Address  string     `json:"address"`
	AssetID  string     `json:"asset_id" doc:"Empty: no asset has the address"`
	Name     string     `json:"name"`
	Protocol string     `json:"protocol"`
	Function string     `json:"function"`
	Answer   Timing     `json:"answer" doc:"From the request to its answer"`
	Cycle    Timing     `json:"cycle" doc:"Between two requests"`
	Refused  float64    `json:"refused" doc:"Exceptions of all answers, as a share"`
	Again    float64    `json:"again" doc:"Of the device: segments that came again, as a share of its packets"`
	Resets   int64      `json:"resets" doc:"Of the device"`
	Trend    []*float64 `json:"trend" nullable:"false" doc:"Mean answer of each of the last 24 hours; null: none"`
}

// Timing is a mean with its jitter, and what it was in the week before.
type Timing struct {
	Mean   *float64 `json:"mean" doc:"Of the last 24 hours; null: not measured"`
	Jitter *float64 `json:"jitter" doc:"Standard deviation"`
	Most   *float64 `json:"most"`
	Usual  *float64 `json:"usual" doc:"Mean of the 7 days before; null: no baseline yet"`
	Drift  *float64 `json:"drift" doc:"mean ÷ usual − 1"`
}

// Wire is what one sensor hears.
type Wire struct {
	Source    string   `json:"source"`
	Name      string   `json:"name"`
	Packets   int64    `json:"packets"`
	Broadcast float64  `json:"broadcast" doc:"Packets to everybody or to groups, as a share"`
	Usual     *float64 `json:"usual" doc:"The share of the 7 days before; null: no baseline yet"`
	PeakMbit  float64  `json:"peak_mbit" doc:"Busiest interval, Mbit a second"`
	SkewMs    float64  `json:"skew_ms" doc:"How far its clock is ahead of the centre's"`
}

type sums struct {
	n, sum int64
	sq     float64
	most   int64
}

func (s *sums) add(n, sum int64, sq float64, most int64) {
	s.n, s.sum, s.sq, s.most = s.n+n, s.sum+sum, s.sq+sq, max(s.most, most)
}

func (s *sums) mean() float64 { return float64(s.sum) / float64(s.n) / 1000 }

// timing compares a day with the week before it; fewer than 20 samples are no baseline.
func timing(day, week sums) (t Timing) {
	if day.n > 0 {
		mean := float64(day.sum) / float64(day.n)
		t.Mean, t.Most = new(day.mean()), new(float64(day.most)/1000)
		t.Jitter = new(math.Sqrt(max(day.sq/float64(day.n)-mean*mean, 0)) / 1000)
	}
	if week.n >= 20 {
		t.Usual = new(week.mean())
		if t.Mean != nil && *t.Usual > 0 {
			t.Drift = new(*t.Mean / *t.Usual - 1)
		}
	}
	return t
}

const (
	dayHours   = 24
	weekHours  = 7 * 24
	mostListed = 500
)

type key struct {
	RealmNo                int64
	Server, Protocol, Name string
}

type gathered struct {
	answer, usual, cycle, usualCycle sums
	messages, refused                int64
	trend                            [dayHours]sums
}

// Report reads a site's last eight days.
func (s *Service) Report(ctx context.Context, scope Scope, siteID string) (out Report, err error) {
	out = Report{SiteID: siteID, Functions: []Function{}, Wires: []Wire{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		no, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		now := hourOf(s.clock().UnixNano())
		since := now - dayHours - weekHours
		all := map[key]*gathered{}
		for x, err := range store.Select[functionRow](ctx, r, "SELECT site_no, hour, realm_no, server, protocol, name, messages, refused, asked_n, asked_sum, asked_sq, asked_most, told_n, told_sum, told_sq, told_most FROM performance_function WHERE site_no = ? AND hour > ?", no, since) {
			if err != nil {
				return err
			}
			k := key{x.RealmNo, x.Server, x.Protocol, x.Name}
			g := all[k]
			if g == nil {
				g = &gathered{}
				all[k] = g
			}
			if ago := now - x.Hour; ago < dayHours {
				g.answer.add(x.ToldN, x.ToldSum, x.ToldSq, x.ToldMost)
				g.cycle.add(x.AskedN, x.AskedSum, x.AskedSq, x.AskedMost)
				g.messages, g.refused = g.messages+x.Messages, g.refused+x.Refused
				g.trend[dayHours-1-max(ago, 0)].add(x.ToldN, x.ToldSum, x.ToldSq, x.ToldMost)
			} else {
				g.usual.add(x.ToldN, x.ToldSum, x.ToldSq, x.ToldMost)
				g.usualCycle.add(x.AskedN, x.AskedSum, x.AskedSq, x.AskedMost)
			}
		}
		devices, err := devicesOf(ctx, r, no, now-dayHours)
		if err != nil {
			return err
		}
		names, err := namesOf(ctx, r, no)
		if err != nil {
			return err
		}
		for k, g := range all {
			if g.messages == 0 {
				continue
			}
			d, a := devices[key{RealmNo: k.RealmNo, Server: k.Server}], names[key{RealmNo: k.RealmNo, Server: k.Server}]
			f := Function{
				Address: k.Server, AssetID: a.ID, Name: cmp.Or(a.Name, k.Server), Protocol: k.Protocol, Function: k.Name, Answer: timing(g.answer, g.usual), Cycle: timing(g.cycle, g.usualCycle),
				Refused: float64(g.refused) / float64(g.messages), Resets: d.Resets, Trend: make([]*float64, dayHours),
			}
			if d.Packets > 0 {
				f.Again = float64(d.Again) / float64(d.Packets)
			}
			for i := range g.trend {
				if g.trend[i].n > 0 {
					f.Trend[i] = new(g.trend[i].mean())
				}
			}
			out.Functions = append(out.Functions, f)
		}
		slices.SortFunc(out.Functions, func(a, b Function) int {
			return cmp.Or(cmp.Compare(drift(b), drift(a)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Protocol, b.Protocol))
		})
		if len(out.Functions) > mostListed {
			out.More, out.Functions = true, out.Functions[:mostListed]
		}
		out.Wires, err = wiresOf(ctx, r, no, now)
		return err
	})
	return out, err
}

func drift(f Function) float64 {
	worst := 0.0
	for _, d := range []*float64{f.Answer.Drift, f.Cycle.Drift} {
		if d != nil {
			worst = max(worst, math.Abs(*d))
		}
	}
	return worst
}

func devicesOf(ctx context.Context, r store.Reader, siteNo, since int64) (map[key]deviceRow, error) {
	rows, err := store.All[deviceRow](ctx, r, `SELECT site_no, CAST(0 AS BIGINT) AS hour, realm_no, server, CAST(SUM(packets) AS BIGINT) AS packets, CAST(SUM(again) AS BIGINT) AS again, CAST(SUM(resets) AS BIGINT) AS resets, CAST(SUM(lost) AS BIGINT) AS lost
 FROM performance_device WHERE site_no = ? AND hour > ? GROUP BY site_no, realm_no, server`, siteNo, since)
	out := map[key]deviceRow{}
	for _, x := range rows {
		out[key{RealmNo: x.RealmNo, Server: x.Server}] = x
	}
	return out, err
}

type named struct{ ID, Name string }

// namesOf reads the assets of a site's addresses, which package asset owns.
func namesOf(ctx context.Context, r store.Reader, siteNo int64) (map[key]named, error) {
	type row struct {
		RealmNo int64  `db:"realm_no"`
		Address string `db:"address"`
		ID      string `db:"asset_id"`
		Name    string `db:"name"`
	}
	rows, err := store.All[row](ctx, r, "SELECT b.realm_no, b.address, a.asset_id, a.name FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id WHERE b.site_no = ? AND b.to_at IS NULL ORDER BY b.from_at", siteNo)
	out := map[key]named{}
	for _, x := range rows {
		out[key{RealmNo: x.RealmNo, Server: x.Address}] = named{x.ID, x.Name}
	}
	return out, err
}

func wiresOf(ctx context.Context, r store.Reader, siteNo, now int64) ([]Wire, error) {
	type row struct {
		wireRow
		Name string `db:"name"`
	}
	rows, err := store.All[row](ctx, r, `SELECT w.site_no, w.hour, w.source_id, w.packets, w.bytes, w.everybody, w.peak, w.skew, COALESCE(s.name, '') AS name
 FROM performance_wire w LEFT JOIN network_source s ON s.source_id = w.source_id WHERE w.site_no = ? AND w.hour > ? ORDER BY w.source_id, w.hour`, siteNo, now-dayHours-weekHours)
	out := []Wire{}
	var packets, everybody, before, beforeEverybody int64
	for i, x := range rows {
		if i == 0 || rows[i-1].Source != x.Source {
			out = append(out, Wire{Source: x.Source, Name: cmp.Or(x.Name, x.Source)})
			packets, everybody, before, beforeEverybody = 0, 0, 0, 0
		}
		w := &out[len(out)-1]
		if now-x.Hour < dayHours {
			packets, everybody = packets+x.Packets, everybody+x.Everybody
			w.Packets, w.PeakMbit = packets, max(w.PeakMbit, float64(x.Peak)*8/1e6)
		} else {
			before, beforeEverybody = before+x.Packets, beforeEverybody+x.Everybody
		}
		w.SkewMs = float64(x.Skew) / 1000
		if packets > 0 {
			w.Broadcast = float64(everybody) / float64(packets)
		}
		if before > 0 {
			w.Usual = new(float64(beforeEverybody) / float64(before))
		}
	}
	return out, err
}

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-performance", Method: http.MethodGet, Path: "/sites/{id}/performance", Summary: "Response times, jitter, cycles, exceptions and repeats of the last day beside the week before", Tag: "Performance", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Report }, error) {
			p, err := s.Report(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Report }{p}, err
		})
}
