package network

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Source is a sensor or a capture, and how well it hears.
type Source struct {
	ID          string           `json:"id"`
	SiteID      string           `json:"site_id"`
	Kind        string           `json:"kind" enum:"sensor,capture,zeek,suricata,netflow,ipfix,sflow" doc:"Other than sensor and capture: another sensor's words, without packets"`
	Name        string           `json:"name"`
	Live        bool             `json:"live"`
	FirstAt     store.Time       `json:"first_at" doc:"Of its packets"`
	LastAt      store.Time       `json:"last_at"`
	ReceivedAt  store.Time       `json:"received_at" doc:"When the centre last heard of it"`
	SkewSeconds *float64         `json:"skew_seconds" doc:"How far the sensor's clock is ahead of ours; null: a file"`
	Packets     int64            `json:"packets"`
	Bytes       int64            `json:"bytes"`
	Malformed   int64            `json:"malformed"`
	Truncated   int64            `json:"truncated" doc:"Frames that the capture cut"`
	Dropped     int64            `json:"dropped" doc:"Lost before us"`
	Transmitted int64            `json:"transmitted" doc:"Frames that the sensor's interface sent: must stay 0"`
	Lost        int64            `json:"lost" doc:"Bytes of streams that were never seen"`
	Quarantined int64            `json:"quarantined" doc:"Conversations set aside after a decoder failed"`
	Unknown     int64            `json:"unknown_bytes" doc:"Payload of no recognised protocol"`
	OTBytes     int64            `json:"ot_bytes" doc:"Payload of recognised protocols"`
	Budget      map[string]int64 `json:"budget" nullable:"false" doc:"Limits that were hit, and how often"`
	OneSided    float64          `json:"one_sided" doc:"Share of TCP conversations heard in one direction only"`
	RuleSet     string           `json:"rule_set"`
	Cut         string           `json:"cut" doc:"Where the capture ended early"`
	Ended       bool             `json:"ended"`
	Told        *Teller          `json:"told,omitempty" doc:"What another sensor said of itself"`
}

// Teller is another sensor, by what came of it.
type Teller struct {
	Records  uint64    `json:"records" doc:"Lines or records that were read"`
	Skipped  uint64    `json:"skipped" doc:"Of these, not understood"`
	Why      string    `json:"why" doc:"Of the first that was not"`
	Exporter *Exporter `json:"exporter,omitempty" doc:"Of flow records that come over the network"`
}

// Exporter is a device that sends flow records.
type Exporter struct {
	Address       string  `json:"address"`
	Version       string  `json:"version"`
	Datagrams     uint64  `json:"datagrams"`
	Repeated      uint64  `json:"repeated" doc:"Came a second time and were not counted again"`
	Lost          uint64  `json:"lost" doc:"Missing by the sequence numbers"`
	Unit          string  `json:"unit" doc:"What lost counts: datagrams or records"`
	Untold        uint64  `json:"untold" doc:"Sets of records that came before their template"`
	Damaged       uint64  `json:"damaged" doc:"Datagrams that could not be read to their end"`
	Templates     int     `json:"templates"`
	Sampling      uint32  `json:"sampling" doc:"One packet of so many is counted; 0: not stated"`
	SkewSeconds   float64 `json:"skew_seconds" doc:"How far its clock is ahead of ours"`
	UptimeSeconds float64 `json:"uptime_seconds" doc:"Since it started; 0: not stated"`
	Restarts      uint64  `json:"restarts"`
	Counters      uint64  `json:"counters" doc:"Samples of interface counters, which tell of no conversation"`
	Short         uint64  `json:"short" doc:"Samples too short to name both ends"`
}

func (r *sourceRow) teller() *Teller {
	var t sensor.Told
	if r.Told == "" || json.Unmarshal([]byte(r.Told), &t) != nil {
		return nil
	}
	out := &Teller{Records: t.Records, Skipped: t.Skipped, Why: t.Why}
	if x := t.Exporter; x != nil {
		out.Exporter = &Exporter{
			x.Address, x.Version, x.Datagrams, x.Repeated, x.Lost, x.Unit, x.Untold, x.Damaged, x.Templates, x.Sampling,
			float64(x.Skew) / 1e9, float64(x.Uptime) / 1e9, x.Restarts, x.Counters, x.Cut,
		}
	}
	return out
}

func (r *sourceRow) show(siteID string) Source {
	s := Source{
		ID: r.ID, SiteID: siteID, Kind: r.Kind, Name: r.Name, Live: r.Live, Packets: r.Packets, Bytes: r.Bytes, Malformed: r.Malformed, Truncated: r.Truncated,
		Dropped: r.Dropped, Transmitted: r.Transmitted, Lost: r.Lost, Quarantined: r.Quarantined, Unknown: r.Unknown, OTBytes: r.OTBytes, Budget: r.Budget.V,
		OneSided: r.OneSided, RuleSet: r.RuleSet, Cut: r.Cut, Ended: r.Ended, Told: r.teller(),
	}
	if s.Budget == nil {
		s.Budget = map[string]int64{}
	}
	for _, t := range []struct {
		to *store.Time
		us int64
	}{{&s.FirstAt, r.FirstAt}, {&s.LastAt, r.LastAt}, {&s.ReceivedAt, r.ReceivedAt}} {
		if t.us != 0 {
			*t.to = store.Micros(t.us)
		}
	}
	if r.Skew != nil {
		s.SkewSeconds = new(float64(*r.Skew) / 1e6)
	}
	return s
}

// Sources lists sensors and captures, the one heard of last first.
func (s *Service) Sources(ctx context.Context, scope Scope, siteID, cursor string, limit int) (page rest.Page[Source], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	type row struct {
		sourceRow
		SiteID string `db:"site_id"`
	}
	q := "SELECT n.source_id, n.site_no, n.realm_no, n.kind, n.name, n.live, n.first_at, n.last_at, n.received_at, n.skew, n.packets, n.bytes, n.malformed, n.truncated, n.dropped, n.transmitted, n.lost, n.quarantined, n.unknown, n.ot_bytes, n.budget_hits, n.budget, n.one_sided, n.rule_set, n.cut, n.ended, n.told, s.site_id FROM network_source n JOIN org_site s ON s.site_no = n.site_no WHERE ?"
	args := []any{scope.Where("n.site_no", "")}
	if siteID != "" {
		q += " AND s.site_id = ?"
		args = append(args, siteID)
	}
	if cursor != "" {
		var pos position
		if err := rest.DecodeCursor(cursor, &pos); err != nil {
			return page, err
		}
		q += " AND (n.received_at < ? OR n.received_at = ? AND n.source_id < ?)"
		args = append(args, pos.At, pos.At, pos.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, q+" ORDER BY n.received_at DESC, n.source_id DESC LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(x row) string { return rest.EncodeCursor(position{x.ReceivedAt, x.ID}) })
		page = rest.Page[Source]{Items: make([]Source, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].show(cut.Items[i].SiteID))
		}
		return nil
	})
	return page, err
}

// Routes mounts the slice's own lists. Conversations with the names of assets are package view's.
func (s *Service) Routes(r *rest.Router) {
	s.programRoutes(r)
	rest.Register(r, rest.Op{ID: "list-sources", Method: http.MethodGet, Path: "/sources", Summary: "Sensors and captures, and how well they hear", Tag: "Sources", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Source] }, error) {
			page, err := s.Sources(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Source] }{page}, err
		})
}
