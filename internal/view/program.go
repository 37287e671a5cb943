package view

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Program is a block or file that passed by, as often as it did.
type Program struct {
	ID           string     `json:"id"`
	SiteID       string     `json:"site_id"`
	Protocol     string     `json:"protocol"`
	Kind         string     `json:"kind" enum:"block,file,firmware"`
	Name         string     `json:"name"`
	From         string     `json:"from" doc:"Address of who gave it"`
	To           string     `json:"to" doc:"Address of who got it"`
	Up           bool       `json:"up" doc:"Read out of the device that serves; else written into it"`
	Size         int64      `json:"size" doc:"Bytes that were seen"`
	SHA256       string     `json:"sha256" doc:"Empty: it was not seen whole"`
	Missing      string     `json:"missing" doc:"Why it is not whole"`
	Without      string     `json:"without" doc:"Why its bytes are not kept"`
	Kept         bool       `json:"kept" doc:"Its bytes can be fetched"`
	FirstAt      store.Time `json:"first_at"`
	LastAt       store.Time `json:"last_at"`
	Times        int64      `json:"times"`
	Conversation string     `json:"conversation"`
	Ref          PacketRef  `json:"ref"`
}

type programRow struct {
	SiteNo    int64  `db:"site_no"`
	ProgramNo int64  `db:"program_no"`
	ConvNo    int64  `db:"conv_no"`
	SiteID    string `db:"site_id"`
	ClientMAC string `db:"client_mac"`
	ClientIP  string `db:"client_ip"`
	ServerMAC string `db:"server_mac"`
	ServerIP  string `db:"server_ip"`
	Protocol  string `db:"protocol"`
	Kind      string `db:"kind"`
	Name      string `db:"name"`
	Up        bool   `db:"up"`
	Size      int64  `db:"size"`
	SHA256    string `db:"sha256"`
	Missing   string `db:"missing"`
	Without   string `db:"without"`
	Kept      bool   `db:"kept"`
	FirstAt   int64  `db:"first_at"`
	LastAt    int64  `db:"last_at"`
	Times     int64  `db:"times"`
	SourceID  string `db:"source_id"`
	Packet    int64  `db:"packet"`
	Offset    int64  `db:"packet_offset"`
}

// Programs lists what was transferred to or from an asset, the newest first.
func (s *Conversations) Programs(ctx context.Context, scope Scope, asset, cursor string, limit int) (page rest.Page[Program], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	where := ot.SQL{Text: "(? OR ?)", Args: []any{scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no")}}
	if cursor != "" {
		var pos talkPosition
		if err := rest.DecodeCursor(cursor, &pos); err != nil {
			return page, err
		}
		where.Text += " AND (p.last_at < ? OR p.last_at = ? AND (p.site_no < ? OR p.site_no = ? AND p.program_no < ?))"
		where.Args = append(where.Args, pos.At, pos.At, pos.Site, pos.Site, pos.No)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		id, err := assetInScope(ctx, r, scope, asset)
		if err != nil {
			return err
		}
		where.Text += " AND " + ofAsset
		where.Args = append(where.Args, id, id, id, id)
		rows, err := store.All[programRow](ctx, r, `SELECT p.site_no, p.program_no, p.conv_no, s.site_id, p.client_mac, p.client_ip, p.server_mac, p.server_ip, p.protocol, p.kind, p.name, p.up, p.size,
 p.sha256, p.missing, p.without, EXISTS (SELECT 1 FROM network_content x WHERE x.sha256 = p.sha256) AS kept, p.first_at, p.last_at, p.times, p.source_id, p.packet, p.packet_offset
 FROM network_program p JOIN org_site s ON s.site_no = p.site_no JOIN network_conversation c ON c.site_no = p.site_no AND c.conv_no = p.conv_no
 WHERE `+where.Text+" ORDER BY p.last_at DESC, p.site_no DESC, p.program_no DESC LIMIT ?", append(where.Args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(p programRow) string { return rest.EncodeCursor(talkPosition{p.LastAt, p.SiteNo, p.ProgramNo}) })
		names := sourceNames{}
		page = rest.Page[Program]{Items: make([]Program, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			p := &cut.Items[i]
			ref, err := names.ref(ctx, r, p.SourceID, p.Packet, p.FirstAt, p.Offset)
			if err != nil {
				return err
			}
			from, to := or(p.ClientIP, p.ClientMAC), or(p.ServerIP, p.ServerMAC)
			if p.Up {
				from, to = to, from
			}
			page.Items = append(page.Items, Program{
				ID: convID(p.SiteNo, p.ProgramNo), SiteID: p.SiteID, Protocol: p.Protocol, Kind: p.Kind, Name: p.Name, From: from, To: to, Up: p.Up, Size: p.Size,
				SHA256: p.SHA256, Missing: p.Missing, Without: p.Without, Kept: p.Kept, FirstAt: store.Micros(p.FirstAt), LastAt: store.Micros(p.LastAt), Times: p.Times,
				Conversation: convID(p.SiteNo, p.ConvNo), Ref: ref,
			})
		}
		return nil
	})
	return page, err
}

// Stranger is unrecognised traffic of one kind: the same port, the same first bytes.
type Stranger struct {
	SiteID        string       `json:"site_id"`
	Transport     string       `json:"transport"`
	Port          int64        `json:"port" doc:"Of the server; without IP the EtherType"`
	Guess         string       `json:"guess" doc:"What usually has that port"`
	Print         sensor.Print `json:"print"`
	Conversations int64        `json:"conversations"`
	Servers       []string     `json:"servers" nullable:"false" doc:"A few of them"`
	Packets       int64        `json:"packets"`
	Bytes         int64        `json:"bytes"`
	LastAt        store.Time   `json:"last_at"`
	Example       string       `json:"example" doc:"One of the conversations"`
	Entry         string       `json:"entry" doc:"YAML that names it: for the data folder's recognised/"`
}

const (
	mostStrangers = 200
	mostPrints    = 20_000
	fewServers    = 5
)

// Strangers groups what nobody recognised, the most bytes first.
func (s *Conversations) Strangers(ctx context.Context, scope Scope, site string) (page rest.Page[Stranger], err error) {
	type row struct {
		SiteNo    int64  `db:"site_no"`
		ConvNo    int64  `db:"conv_no"`
		SiteID    string `db:"site_id"`
		Transport string `db:"transport"`
		Port      int64  `db:"port"`
		Guess     string `db:"guess"`
		Print     string `db:"print"`
		ServerIP  string `db:"server_ip"`
		ServerMAC string `db:"server_mac"`
		Packets   int64  `db:"packets"`
		Bytes     int64  `db:"bytes"`
		LastAt    int64  `db:"last_at"`
	}
	page.Items = []Stranger{}
	where := ot.SQL{Text: "c.protocol = '' AND c.print <> '' AND (? OR ?)", Args: []any{scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no")}}
	if site != "" {
		where.Text += " AND s.site_id = ?"
		where.Args = append(where.Args, site)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, `SELECT c.site_no, c.conv_no, s.site_id, c.transport, c.port, c.guess, c.print, c.server_ip, c.server_mac,
 c.client_packets + c.server_packets AS packets, c.client_bytes + c.server_bytes AS bytes, c.last_at
 FROM network_conversation c JOIN org_site s ON s.site_no = c.site_no WHERE `+where.Text+" ORDER BY c.client_bytes + c.server_bytes DESC, c.site_no, c.conv_no LIMIT ?", append(where.Args, mostPrints)...)
		if err != nil {
			return err
		}
		at := map[string]int{}
		for i := range rows {
			x := &rows[i]
			var print sensor.Print
			if json.Unmarshal([]byte(x.Print), &print) != nil {
				continue
			}
			k := strings.Join([]string{x.SiteID, x.Transport, print.Client.Head, print.Server.Head}, "|") + "|" + convID(x.Port, 0)
			j, ok := at[k]
			if !ok {
				if len(page.Items) >= mostStrangers {
					continue
				}
				j = len(page.Items)
				at[k] = j
				page.Items = append(page.Items, Stranger{
					SiteID: x.SiteID, Transport: x.Transport, Port: x.Port, Guess: x.Guess, Print: print, Servers: []string{}, Example: convID(x.SiteNo, x.ConvNo),
					Entry: recognisedEntry(x.Transport, x.Port, &print),
				})
			}
			g := &page.Items[j]
			g.Conversations++
			g.Packets += x.Packets
			g.Bytes += x.Bytes
			g.LastAt = store.Micros(max(x.LastAt, g.LastAt.UnixMicro()))
			if server := or(x.ServerIP, x.ServerMAC); len(g.Servers) < fewServers && !contains(g.Servers, server) {
				g.Servers = append(g.Servers, server)
			}
		}
		return nil
	})
	return page, err
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// programRoutes mounts what passed by, and what nobody recognises.
func (s *Conversations) programRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-asset-programs", Method: http.MethodGet, Path: "/assets/{id}/programs", Summary: "Program versions that passed by on the wire, to or from an asset", Tag: "Conversations", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID     string `path:"id"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Program] }, error) {
			page, err := s.Programs(ctx, auth.From(ctx).Scope, in.ID, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Program] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "list-unknown-traffic", Method: http.MethodGet, Path: "/unknown-traffic", Summary: "Traffic that nobody recognises, by what it looks like", Tag: "Conversations", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Site string `query:"site"`
		},
		) (*struct{ Body rest.Page[Stranger] }, error) {
			page, err := s.Strangers(ctx, auth.From(ctx).Scope, in.Site)
			return &struct{ Body rest.Page[Stranger] }{page}, err
		})
}
