package network

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

type captureOut struct{ Body Capture }

type capturesOut struct{ Body rest.Page[Capture] }

type packetOut struct{ Body PacketData }

// Routes mounts captures and their packets.
func (c *Captures) Routes(r *rest.Router) {
	upload := rest.Op{
		ID: "add-capture", Method: http.MethodPost, Path: "/captures", Summary: "Give a pcap or pcapng file, as the raw body (?site=&realm=&name=)", Tag: "Captures",
		Permission: auth.CaptureWrite, Audit: "capture.add", Status: http.StatusAccepted, Long: true,
	}
	r.Raw(upload, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		who, query := auth.From(q.Context()), q.URL.Query()
		rest.Detail(q.Context(), "name", ot.Printable(query.Get("name")))
		got, err := c.Add(q.Context(), who.Scope, NewCapture{Site: query.Get("site"), Realm: query.Get("realm"), Name: query.Get("name"), By: who.Name, Size: q.ContentLength}, q.Body)
		if err != nil {
			drain(w, q)
			r.Fail(w, q, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", rest.Prefix+"/captures/"+got.ID)
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(got) // the client is gone: nothing is left to tell it
	}))
	rest.Register(r, rest.Op{ID: "list-captures", Method: http.MethodGet, Path: "/captures", Summary: "Captures, the newest first", Tag: "Captures", Permission: auth.CaptureRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			AsOf   string `query:"as_of" doc:"A day, as 2026-11-20: imported by its end (UTC); empty: now"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
		},
		) (*capturesOut, error) {
			until, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			var after string
			if err := rest.DecodeCursor(in.Cursor, &after); err != nil {
				return nil, err
			}
			rows, err := c.List(ctx, auth.From(ctx).Scope, in.Site, after, until, in.Limit+1)
			return &capturesOut{Body: rest.Cut(rows, in.Limit, func(last Capture) string { return rest.EncodeCursor(last.ID) })}, err
		})
	rest.Register(r, rest.Op{ID: "get-capture", Method: http.MethodGet, Path: "/captures/{id}", Summary: "One capture with its progress", Tag: "Captures", Permission: auth.CaptureRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*captureOut, error) {
			got, err := c.Get(ctx, auth.From(ctx).Scope, in.ID)
			return &captureOut{Body: got}, err
		})
	rest.Register(r, rest.Op{
		ID: "cancel-capture", Method: http.MethodDelete, Path: "/captures/{id}", Summary: "Stop reading a capture; what was read stays", Tag: "Captures",
		Permission: auth.CaptureWrite, Audit: "capture.cancel",
	},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{}, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "capture", ID: in.ID})
			return &struct{}{}, c.Cancel(ctx, auth.From(ctx).Scope, in.ID)
		})
	rest.Register(r, rest.Op{
		ID: "get-packet", Method: http.MethodGet, Path: "/sources/{source}/packets/{number}", Summary: "One packet of a kept capture, or of a live sensor while it is kept", Tag: "Captures",
		Permission: auth.PacketRead, Audit: "packet.read",
	},
		func(ctx context.Context, in *struct {
			Source string `path:"source"`
			Number uint64 `path:"number"`
			Seen   string `query:"seen" maxLength:"40" doc:"When it was seen, as its reference says: needed for a live sensor, which counts anew after a restart"`
		},
		) (*packetOut, error) {
			if err := c.visible(ctx, auth.From(ctx).Scope, in.Source); err != nil {
				return nil, err
			}
			p, err := c.find(ctx, in.Source, in.Number, in.Seen)
			if err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "source", ID: in.Source})
			return &packetOut{Body: PacketData{Source: in.Source, Number: p.Number, At: time.Unix(0, p.At).UTC(), Link: int(p.Link), Offset: p.Offset, Wire: p.Wire, Hex: hex.EncodeToString(p.Data)}}, nil
		})
}

// How much of a refused upload is still taken in. A client that is cut off
// while it writes never reads why, and shows a broken connection instead.
const (
	drainBytes = 64 << 20
	drainTime  = 10 * time.Second
)

func drain(w http.ResponseWriter, q *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return // not a connection of our own
	}
	_, _ = io.CopyN(io.Discard, q.Body, drainBytes) // the answer is an error already
}

// find looks in a kept capture, or in the ring of a live sensor.
func (c *Captures) find(ctx context.Context, source string, number uint64, seen string) (sensor.Packet, error) {
	if len(source) == 64 || c.cfg.Ring == nil || seen == "" {
		return c.Packet(ctx, strings.ToLower(source), number)
	}
	at, err := time.Parse(time.RFC3339Nano, seen)
	if err != nil {
		return sensor.Packet{}, ot.Errorf(ot.Invalid, "seen: write a time such as 2026-11-23T08:00:00.123456Z")
	}
	return c.cfg.Ring(ctx, source, number, at)
}

// visible says whether a source belongs to a site in scope.
func (c *Captures) visible(ctx context.Context, scope auth.Scope, source string) error {
	return c.db.View(ctx, func(r store.Reader) error {
		n, err := store.One[int64](ctx, r, `SELECT COUNT(*) FROM network_source WHERE source_id = ? AND ?`, source, scope.Where("site_no", ""))
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such source")
		}
		return err
	})
}
