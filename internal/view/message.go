package view

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// PacketRef leads back to a packet.
type PacketRef struct {
	Source     string     `json:"source"`
	SourceName string     `json:"source_name"`
	SourceKind string     `json:"source_kind" doc:"capture or sensor: number is a packet's; else another sensor's kind, and number is a line or record of it"`
	Number     int64      `json:"number"`
	Seen       store.Time `json:"seen"`
	Offset     int64      `json:"offset"`
}

// Tuple counts one kind of message of a conversation.
type Tuple struct {
	Protocol  string     `json:"protocol"`
	Kind      string     `json:"kind"`
	Dir       string     `json:"dir" enum:",request,response"`
	Code      string     `json:"code" doc:"The number on the wire, or the name where the protocol uses names"`
	Name      string     `json:"name"`
	Class     string     `json:"class"`
	Also      bool       `json:"also" doc:"A further code in a message that another line counts"`
	Unit      int64      `json:"unit"`
	Space     int64      `json:"space"`
	Area      int64      `json:"area"`
	FirstItem int64      `json:"first_item" doc:"Lowest element touched"`
	LastItem  int64      `json:"last_item"`
	Count     int64      `json:"count"`
	Refused   int64      `json:"refused"`
	FirstAt   store.Time `json:"first_at"`
	LastAt    store.Time `json:"last_at"`
	Ref       PacketRef  `json:"ref" doc:"Its first packet"`
}

// Event is a message that is kept whole.
type Event struct {
	ID           string     `json:"id"`
	SiteID       string     `json:"site_id"`
	At           store.Time `json:"at"`
	Protocol     string     `json:"protocol"`
	Kind         string     `json:"kind"`
	Dir          string     `json:"dir"`
	Code         string     `json:"code"`
	Name         string     `json:"name"`
	Class        string     `json:"class"`
	Object       string     `json:"object"`
	Refused      bool       `json:"refused"`
	Rules        []string   `json:"rules" nullable:"false" doc:"Detections that it matches"`
	Live         bool       `json:"live"`
	Conversation string     `json:"conversation"`
	Client       string     `json:"client"`
	Server       string     `json:"server"`
	Ref          PacketRef  `json:"ref"`
	Proof        string     `json:"proof" doc:"Head of the frame, hexadecimal"`
	Count        int64      `json:"count" doc:"Messages: more than one where it is a transfer, of which this is the first"`
	UntilAt      store.Time `json:"until_at" doc:"Of a transfer: its last message; else as at"`
	Bytes        int64      `json:"bytes" doc:"Of a transfer: in all its messages; else 0"`
}

// TalkDetail is one conversation with what was said.
type TalkDetail struct {
	Talk
	Tuples []Tuple `json:"tuples" nullable:"false"`
	Events []Event `json:"events" nullable:"false" doc:"The newest 200"`
	Hours  []Hour  `json:"hours" nullable:"false" doc:"Of the last 31 days heard"`
	Proof  *Proof  `json:"proof"`
}

// Hour is one hour of a conversation.
type Hour struct {
	At      store.Time `json:"at"`
	Packets int64      `json:"packets"`
	Bytes   int64      `json:"bytes"`
}

// Proof is the first frame that carried payload.
type Proof struct {
	Ref PacketRef `json:"ref"`
	Hex string    `json:"hex"`
}

type tupleRow struct {
	Protocol    string `db:"protocol"`
	Kind        string `db:"kind"`
	Dir         string `db:"dir"`
	Code        int64  `db:"code"`
	Text        string `db:"text"`
	Name        string `db:"name"`
	Class       string `db:"class"`
	Also        bool   `db:"also"`
	Unit        int64  `db:"unit"`
	Space       int64  `db:"space"`
	Area        int64  `db:"area"`
	FirstItem   int64  `db:"first_item"`
	LastItem    int64  `db:"last_item"`
	Count       int64  `db:"count"`
	Refused     int64  `db:"refused"`
	FirstAt     int64  `db:"first_at"`
	LastAt      int64  `db:"last_at"`
	SourceID    string `db:"source_id"`
	FirstPacket int64  `db:"first_packet"`
	FirstOffset int64  `db:"first_offset"`
}

// maxTuples bounds what one page shows; a scanner makes thousands.
const maxTuples = 1000

// Detail returns one conversation.
func (s *Conversations) Detail(ctx context.Context, scope Scope, id string) (d TalkDetail, err error) {
	site, no, ok := parseID(id)
	missing := ot.Errorf(ot.NotFound, "there is no conversation %s", ot.Printable(id))
	if !ok {
		return d, missing
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[convRow](ctx, r, "SELECT "+talkColumns+talkFrom+" WHERE c.site_no = ? AND c.conv_no = ? AND (? OR ?)", site, no,
			scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no"))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return missing
		}
		who, err := loadOwners(ctx, r, rows, time.Time{})
		if err != nil {
			return err
		}
		d = TalkDetail{Talk: rows[0].talk(who), Tuples: []Tuple{}, Hours: []Hour{}}
		names := sourceNames{}
		tuples, err := store.All[tupleRow](ctx, r, `SELECT protocol, kind, dir, code, text, name, class, also, unit, space, area, first_item, last_item, count, refused, first_at, last_at, source_id, first_packet, first_offset
 FROM network_tuple WHERE site_no = ? AND conv_no = ? ORDER BY protocol, kind, dir, code, text, unit, space, area LIMIT ?`, site, no, maxTuples)
		if err != nil {
			return err
		}
		for _, t := range tuples {
			ref, err := names.ref(ctx, r, t.SourceID, t.FirstPacket, t.FirstAt, t.FirstOffset)
			if err != nil {
				return err
			}
			d.Tuples = append(d.Tuples, Tuple{
				t.Protocol, t.Kind, t.Dir, codeText(t.Code, t.Text), t.Name, t.Class, t.Also, t.Unit, t.Space, t.Area, t.FirstItem, t.LastItem, t.Count, t.Refused,
				store.Micros(t.FirstAt), store.Micros(t.LastAt), ref,
			})
		}
		page, err := events(ctx, r, ot.SQL{Text: "e.site_no = ? AND e.conv_no = ?", Args: []any{site, no}}, nil, 200)
		if err != nil {
			return err
		}
		d.Events = page.Items
		proof, err := store.One[[]byte](ctx, r, "SELECT proof FROM network_conversation WHERE site_no = ? AND conv_no = ?", site, no)
		if err != nil {
			return err
		}
		ref, err := names.ref(ctx, r, rows[0].SourceID, rows[0].FirstPacket, rows[0].FirstAt, rows[0].FirstOffset)
		if err != nil {
			return err
		}
		d.Proof = &Proof{Ref: ref, Hex: hex.EncodeToString(proof)}
		return s.hours(ctx, r, &d, site, no)
	})
	return d, err
}

// hours reads the rollups of the last 31 days in which the conversation was heard.
func (s *Conversations) hours(ctx context.Context, r store.Reader, d *TalkDetail, site, no int64) error {
	type row struct {
		Hour    int64 `db:"hour"`
		Packets int64 `db:"packets"`
		Bytes   int64 `db:"bytes"`
	}
	const hour = int64(3600 * 1e6)
	last := d.LastAt.UnixMicro()
	month := func(us int64) int64 { t := store.Micros(us); return int64(t.Year())*12 + int64(t.Month()) - 1 }
	from := last - 31*24*hour
	rows, err := store.All[row](ctx, r, "SELECT hour, packets, bytes FROM network_rollup WHERE site_no = ? AND month BETWEEN ? AND ? AND conv_no = ? AND hour >= ? ORDER BY hour", site, month(from), month(last), no, from/hour)
	for _, x := range rows {
		d.Hours = append(d.Hours, Hour{store.Micros(x.Hour * hour), x.Packets, x.Bytes})
	}
	return err
}

func codeText(code int64, text string) string {
	if text != "" {
		return text
	}
	return strconv.FormatInt(code, 10)
}

func parseID(id string) (site, no int64, ok bool) {
	a, b, found := strings.Cut(id, ".")
	site, err1 := strconv.ParseInt(a, 10, 64)
	no, err2 := strconv.ParseInt(b, 10, 64)
	return site, no, found && err1 == nil && err2 == nil
}

// sourceNames remembers what sources are called while one page is made.
type sourceNames map[string]sourceName

type sourceName struct {
	Name string `db:"name"`
	Kind string `db:"kind"`
}

func (n sourceNames) ref(ctx context.Context, r store.Reader, source string, number, seen, offset int64) (PacketRef, error) {
	name, ok := n[source]
	if !ok {
		names, err := store.All[sourceName](ctx, r, "SELECT name, kind FROM network_source WHERE source_id = ?", source)
		if err != nil {
			return PacketRef{}, err
		}
		if len(names) > 0 {
			name = names[0]
		}
		n[source] = name
	}
	return PacketRef{Source: source, SourceName: name.Name, SourceKind: name.Kind, Number: number, Seen: store.Micros(seen), Offset: offset}, nil
}

type eventRow struct {
	SiteNo    int64                `db:"site_no"`
	EventNo   int64                `db:"event_no"`
	ConvNo    int64                `db:"conv_no"`
	SiteID    string               `db:"site_id"`
	At        int64                `db:"at"`
	Protocol  string               `db:"protocol"`
	Kind      string               `db:"kind"`
	Dir       string               `db:"dir"`
	Code      int64                `db:"code"`
	Text      string               `db:"text"`
	Name      string               `db:"name"`
	Class     string               `db:"class"`
	Object    string               `db:"object"`
	Refused   bool                 `db:"refused"`
	Rules     store.JSON[[]string] `db:"rules"`
	Live      bool                 `db:"live"`
	SourceID  string               `db:"source_id"`
	Packet    int64                `db:"packet"`
	Offset    int64                `db:"packet_offset"`
	Proof     []byte               `db:"proof"`
	ClientMAC string               `db:"client_mac"`
	ClientIP  string               `db:"client_ip"`
	ServerMAC string               `db:"server_mac"`
	ServerIP  string               `db:"server_ip"`
	Repeats   int64                `db:"repeats"`
	Until     int64                `db:"until"`
	Bytes     int64                `db:"bytes"`
}

const eventColumns = "e.site_no, e.event_no, e.conv_no, s.site_id, e.at, e.protocol, e.kind, e.dir, e.code, e.text, e.name, e.class, e.object, e.refused, e.rules, e.live, e.source_id, e.packet, e.packet_offset, e.proof, e.client_mac, e.client_ip, e.server_mac, e.server_ip, e.repeats, e.until, e.bytes"

// events reads one page of events, newest first.
func events(ctx context.Context, r store.Reader, where ot.SQL, pos *talkPosition, limit int) (page rest.Page[Event], err error) {
	text, args := where.Text, where.Args
	if pos != nil {
		text += " AND (e.at < ? OR e.at = ? AND (e.site_no < ? OR e.site_no = ? AND e.event_no < ?))"
		args = append(args, pos.At, pos.At, pos.Site, pos.Site, pos.No)
	}
	rows, err := store.All[eventRow](ctx, r, "SELECT "+eventColumns+` FROM network_event e JOIN org_site s ON s.site_no = e.site_no
 JOIN network_conversation c ON c.site_no = e.site_no AND c.conv_no = e.conv_no WHERE `+text+" ORDER BY e.at DESC, e.site_no DESC, e.event_no DESC LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return page, err
	}
	cut := rest.Cut(rows, limit, func(e eventRow) string { return rest.EncodeCursor(talkPosition{e.At, e.SiteNo, e.EventNo}) })
	names := sourceNames{}
	page = rest.Page[Event]{Items: make([]Event, 0, len(cut.Items)), Next: cut.Next}
	for i := range cut.Items {
		e := &cut.Items[i]
		ref, err := names.ref(ctx, r, e.SourceID, e.Packet, e.At, e.Offset)
		if err != nil {
			return page, err
		}
		rules := e.Rules.V
		if rules == nil {
			rules = []string{}
		}
		page.Items = append(page.Items, Event{
			ID: convID(e.SiteNo, e.EventNo), SiteID: e.SiteID, At: store.Micros(e.At), Protocol: e.Protocol, Kind: e.Kind, Dir: e.Dir, Code: codeText(e.Code, e.Text),
			Name: e.Name, Class: e.Class, Object: e.Object, Refused: e.Refused, Rules: rules, Live: e.Live, Conversation: convID(e.SiteNo, e.ConvNo),
			Client: or(e.ClientIP, e.ClientMAC), Server: or(e.ServerIP, e.ServerMAC), Ref: ref, Proof: hex.EncodeToString(e.Proof),
			Count: 1 + e.Repeats, UntilAt: store.Micros(max(e.At, e.Until)), Bytes: e.Bytes,
		})
	}
	return page, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// EventFilter narrows a list of events.
type EventFilter struct {
	Site, Asset, Class, Rule, Cursor string
	Limit                            int
	AsOf                             time.Time // zero: now
}

// Events returns messages that are kept whole, newest first.
func (s *Conversations) Events(ctx context.Context, scope Scope, f EventFilter) (page rest.Page[Event], err error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	var pos *talkPosition
	if f.Cursor != "" {
		pos = &talkPosition{}
		if err := rest.DecodeCursor(f.Cursor, pos); err != nil {
			return page, err
		}
	}
	q := ot.SQL{Text: "(? OR ?)", Args: []any{scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no")}}
	err = s.db.View(ctx, func(r store.Reader) error {
		if f.Site != "" {
			q.Text += " AND s.site_id = ?"
			q.Args = append(q.Args, f.Site)
		}
		if !f.AsOf.IsZero() {
			q.Text += " AND e.at <= ?"
			q.Args = append(q.Args, store.At(f.AsOf))
		}
		if f.Class != "" {
			q.Text += " AND e.class IN (?)"
			q.Args = append(q.Args, strings.Split(f.Class, ","))
		}
		if f.Rule != "" {
			q.Text += ` AND CAST(e.rules AS TEXT) LIKE ? ESCAPE '\'`
			q.Args = append(q.Args, `%"`+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `"`, ``).Replace(f.Rule)+`"%`)
		}
		if f.Asset != "" {
			id, err := assetInScope(ctx, r, scope, f.Asset)
			if err != nil {
				return err
			}
			q.Text += " AND " + ofAsset
			q.Args = append(q.Args, id, id, id, id)
		}
		page, err = events(ctx, r, q, pos, f.Limit)
		return err
	})
	return page, err
}
