package view

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Conversations answers who talks to whom, with the assets that have the
// addresses: conversations name addresses only, so both slices are read.
type Conversations struct{ db *store.DB }

// NewConversations makes Conversations.
func NewConversations(db *store.DB) *Conversations { return &Conversations{db: db} }

// Endpoint is one side of a conversation.
type Endpoint struct {
	IP      string `json:"ip"`
	MAC     string `json:"mac"`
	AssetID string `json:"asset_id" doc:"Of the asset that has the address now; empty: none has"`
	Name    string `json:"name" doc:"Of the asset, else the address"`
	Zone    string `json:"zone" doc:"Name of its zone; empty: in none"`
	ZoneID  string `json:"zone_id"`
}

// Talk is a conversation in a list.
type Talk struct {
	ID          string     `json:"id" doc:"Number of the site and of the conversation: 3.1042"`
	SiteID      string     `json:"site_id"`
	Client      Endpoint   `json:"client"`
	Server      Endpoint   `json:"server"`
	ClientBy    string     `json:"client_by" enum:"syn,protocol,port,guess" doc:"How we know which side asks"`
	Transport   string     `json:"transport"`
	Port        int64      `json:"port"`
	Protocol    string     `json:"protocol" doc:"Recognised by content; empty: not recognised"`
	Guess       string     `json:"guess" doc:"By the port alone"`
	FirstAt     store.Time `json:"first_at"`
	LastAt      store.Time `json:"last_at"`
	Sessions    int64      `json:"sessions"`
	Established bool       `json:"established" doc:"Both sides spoke"`
	Packets     int64      `json:"packets"`
	Bytes       int64      `json:"bytes"`
	Malformed   int64      `json:"malformed"`
	Classes     []string   `json:"classes" nullable:"false" doc:"What its messages do"`
	Live        bool       `json:"live"`
}

// talkColumns and talkFrom read a conversation with its zones.
const (
	talkColumns = `c.site_no, c.conv_no, s.site_id, c.realm_no, c.client_mac, c.client_ip, c.server_mac, c.server_ip, c.client_by, c.transport, c.port, c.protocol, c.guess,
 c.first_at, c.last_at, c.sessions, c.established, c.client_packets + c.server_packets AS packets, c.client_bytes + c.server_bytes AS bytes, c.malformed, c.classes, c.live,
 c.source_id, c.first_packet, c.first_offset, c.client_internet, c.server_internet,
 COALESCE(cz.zone_id, '') AS client_zone_id, COALESCE(cz.name, '') AS client_zone, COALESCE(sz.zone_id, '') AS server_zone_id, COALESCE(sz.name, '') AS server_zone`
	talkFrom = ` FROM network_conversation c JOIN org_site s ON s.site_no = c.site_no
 LEFT JOIN org_zone cz ON cz.zone_no = c.client_zone_no LEFT JOIN org_zone sz ON sz.zone_no = c.server_zone_no`
)

type convRow struct {
	SiteNo         int64  `db:"site_no"`
	ConvNo         int64  `db:"conv_no"`
	SiteID         string `db:"site_id"`
	RealmNo        int64  `db:"realm_no"`
	ClientMAC      string `db:"client_mac"`
	ClientIP       string `db:"client_ip"`
	ServerMAC      string `db:"server_mac"`
	ServerIP       string `db:"server_ip"`
	ClientBy       string `db:"client_by"`
	Transport      string `db:"transport"`
	Port           int64  `db:"port"`
	Protocol       string `db:"protocol"`
	Guess          string `db:"guess"`
	FirstAt        int64  `db:"first_at"`
	LastAt         int64  `db:"last_at"`
	Sessions       int64  `db:"sessions"`
	Established    bool   `db:"established"`
	Packets        int64  `db:"packets"`
	Bytes          int64  `db:"bytes"`
	Malformed      int64  `db:"malformed"`
	Classes        int64  `db:"classes"`
	Live           bool   `db:"live"`
	SourceID       string `db:"source_id"`
	FirstPacket    int64  `db:"first_packet"`
	FirstOffset    int64  `db:"first_offset"`
	ClientInternet bool   `db:"client_internet"`
	ServerInternet bool   `db:"server_internet"`
	ClientZoneID   string `db:"client_zone_id"`
	ClientZone     string `db:"client_zone"`
	ServerZoneID   string `db:"server_zone_id"`
	ServerZone     string `db:"server_zone"`
}

func convID(siteNo, no int64) string { return fmt.Sprintf("%d.%d", siteNo, no) }

func (c *convRow) talk(who owners) Talk {
	t := Talk{
		ID: convID(c.SiteNo, c.ConvNo), SiteID: c.SiteID, ClientBy: c.ClientBy, Transport: c.Transport, Port: c.Port, Protocol: c.Protocol, Guess: c.Guess,
		FirstAt: store.Micros(c.FirstAt), LastAt: store.Micros(c.LastAt), Sessions: c.Sessions, Established: c.Established, Packets: c.Packets, Bytes: c.Bytes,
		Malformed: c.Malformed, Live: c.Live, Classes: []string{},
	}
	for i, name := range ot.ClassNames {
		if c.Classes&(1<<i) != 0 {
			t.Classes = append(t.Classes, name)
		}
	}
	t.Client = who.endpoint(c.SiteNo, c.RealmNo, c.ClientIP, c.ClientMAC, c.ClientZoneID, c.ClientZone, c.ClientInternet)
	t.Server = who.endpoint(c.SiteNo, c.RealmNo, c.ServerIP, c.ServerMAC, c.ServerZoneID, c.ServerZone, c.ServerInternet)
	return t
}

// owners says which asset has an address now.
type owners map[address]owner

type address struct {
	site, realm int64
	text        string
}

type owner struct{ id, name string }

func (o owners) endpoint(site, realm int64, ip, mac, zoneID, zone string, internet bool) Endpoint {
	e := Endpoint{IP: ip, MAC: mac, ZoneID: zoneID, Zone: zone, Name: ip}
	if internet {
		e.ZoneID, e.Zone = "internet", "Internet"
	}
	if ip == "" {
		e.Name = mac
	}
	if x, ok := o[address{site, realm, e.Name}]; ok {
		e.AssetID = x.id
		if x.name != "" {
			e.Name = x.name
		}
	}
	return e
}

// loadOwners finds the assets of many addresses at once. Where two assets hold
// one address, the one whose MAC the frame carried is meant.
func loadOwners(ctx context.Context, r store.Reader, rows []convRow, at time.Time) (owners, error) {
	type bound struct {
		SiteNo  int64  `db:"site_no"`
		RealmNo int64  `db:"realm_no"`
		Address string `db:"address"`
		AssetID string `db:"asset_id"`
		Name    string `db:"name"`
	}
	sites, texts := map[int64]bool{}, map[string]bool{}
	macOf := map[address]string{}
	for i := range rows {
		c := &rows[i]
		sites[c.SiteNo] = true
		for _, e := range [][2]string{{c.ClientIP, c.ClientMAC}, {c.ServerIP, c.ServerMAC}} {
			for _, t := range e {
				if t != "" {
					texts[t] = true
				}
			}
			macOf[address{c.SiteNo, c.RealmNo, e[0]}] = e[1]
		}
	}
	found, err := store.All[bound](ctx, r, `SELECT b.site_no, b.realm_no, b.address, a.asset_id, a.name FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
 WHERE b.site_no IN (?) AND b.address IN (?) AND ? ORDER BY a.asset_id DESC`, keysOf(sites), keysOf(texts), boundAt(at))
	if err != nil {
		return nil, err
	}
	out, byMAC := owners{}, owners{}
	for _, b := range found {
		k := address{b.SiteNo, b.RealmNo, b.Address}
		if strings.Count(b.Address, ":") == 5 && len(b.Address) == 17 {
			byMAC[k] = owner{b.AssetID, b.Name}
		}
		out[k] = owner{b.AssetID, b.Name}
	}
	held := map[address]map[string]owner{}
	for _, b := range found {
		k := address{b.SiteNo, b.RealmNo, b.Address}
		if held[k] == nil {
			held[k] = map[string]owner{}
		}
		held[k][b.AssetID] = owner{b.AssetID, b.Name}
	}
	for k, all := range held {
		if len(all) > 1 {
			if m, ok := byMAC[address{k.site, k.realm, macOf[k]}]; ok && all[m.id].id != "" {
				out[k] = m
			}
		}
	}
	return out, nil
}

func keysOf[K comparable](m map[K]bool) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// TalkFilter narrows a list of conversations.
type TalkFilter struct {
	Site, Asset, FromZone, ToZone, Protocol, Class, Q, Cursor string
	Limit                                                     int
	AsOf                                                      time.Time // zero: now
}

// ofAsset finds the conversations of an asset, past addresses included while they were its own.
const ofAsset = `(c.site_no, c.conv_no) IN (
 SELECT x.site_no, x.conv_no FROM asset_binding b JOIN network_conversation x ON x.site_no = b.site_no AND x.realm_no = b.realm_no AND x.client_ip = b.address
  WHERE b.asset_id = ? AND b.kind = 'ip' AND (b.to_at IS NULL OR x.first_at <= b.to_at) AND x.last_at >= b.from_at
 UNION SELECT x.site_no, x.conv_no FROM asset_binding b JOIN network_conversation x ON x.site_no = b.site_no AND x.realm_no = b.realm_no AND x.server_ip = b.address
  WHERE b.asset_id = ? AND b.kind = 'ip' AND (b.to_at IS NULL OR x.first_at <= b.to_at) AND x.last_at >= b.from_at
 UNION SELECT x.site_no, x.conv_no FROM asset_binding b JOIN network_conversation x ON x.site_no = b.site_no AND x.realm_no = b.realm_no AND x.client_mac = b.address AND x.client_ip = ''
  WHERE b.asset_id = ? AND b.kind = 'mac'
 UNION SELECT x.site_no, x.conv_no FROM asset_binding b JOIN network_conversation x ON x.site_no = b.site_no AND x.realm_no = b.realm_no AND x.server_mac = b.address AND x.server_ip = ''
  WHERE b.asset_id = ? AND b.kind = 'mac')`

// where renders the filter.
func (f *TalkFilter) where(scope Scope) ot.SQL {
	q := ot.SQL{Text: "(? OR ?) AND ?", Args: []any{scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no"), heardBy(f.AsOf)}}
	and := func(text string, args ...any) {
		q.Text += " AND " + text
		q.Args = append(q.Args, args...)
	}
	if f.Site != "" {
		and("s.site_id = ?", f.Site)
	}
	if f.Asset != "" {
		and(ofAsset, f.Asset, f.Asset, f.Asset, f.Asset)
	}
	zone := func(side, id string) {
		level, proposed := strings.CutPrefix(id, "level-")
		at := `(SELECT MIN(a.level) FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id WHERE b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.to_at IS NULL
 AND b.kind = CASE WHEN c.` + side + `_ip <> '' THEN 'ip' ELSE 'mac' END AND b.address = CASE WHEN c.` + side + `_ip <> '' THEN c.` + side + `_ip ELSE c.` + side + `_mac END)`
		switch {
		case id == "":
		case id == "internet":
			and("c." + side + "_internet")
		case id == "unknown":
			and("c." + side + "_zone_no = 0 AND NOT c." + side + "_internet AND COALESCE(" + at + ", '') = ''")
		case proposed:
			and("c."+side+"_zone_no = 0 AND NOT c."+side+"_internet AND "+at+" = ?", level)
		default:
			and(map[string]string{"client": "cz", "server": "sz"}[side]+".zone_id = ?", id)
		}
	}
	zone("client", f.FromZone)
	zone("server", f.ToZone)
	if f.Protocol != "" {
		and("CASE WHEN c.protocol <> '' THEN c.protocol WHEN c.guess <> '' THEN c.guess ELSE c.transport END = ?", f.Protocol)
	}
	if f.Class != "" {
		and("c.classes & CAST(? AS BIGINT) <> 0", int64(ot.ParseClass(f.Class)))
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Q)) {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word) + "%"
		// Addresses of assets with that word: asked once, not for every conversation.
		named := ot.SQL{Text: `SELECT b.site_no, b.realm_no, b.address FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
 WHERE b.kind = 'ip' AND b.to_at IS NULL AND a.search LIKE ? ESCAPE '\'`, Args: []any{like}}
		and(`(c.client_ip LIKE ? ESCAPE '\' OR c.server_ip LIKE ? ESCAPE '\' OR c.client_mac LIKE ? ESCAPE '\' OR c.server_mac LIKE ? ESCAPE '\' OR c.protocol LIKE ? ESCAPE '\'
 OR (c.site_no, c.realm_no, c.client_ip) IN (?) OR (c.site_no, c.realm_no, c.server_ip) IN (?))`, like, like, like, like, like, named, named)
	}
	return q
}

type talkPosition struct {
	At   int64 `json:"a"`
	Site int64 `json:"s"`
	No   int64 `json:"n"`
}

// List returns conversations, the last heard first.
func (s *Conversations) List(ctx context.Context, scope Scope, f TalkFilter) (page rest.Page[Talk], err error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		if f.Asset != "" {
			if f.Asset, err = assetInScope(ctx, r, scope, f.Asset); err != nil {
				return err
			}
		}
		q, last := f.where(scope), lastBy(f.AsOf)
		total, err := store.One[int64](ctx, r, "SELECT count(*)"+talkFrom+" WHERE "+q.Text, q.Args...)
		if err != nil {
			return err
		}
		var pos talkPosition
		if err := rest.DecodeCursor(f.Cursor, &pos); err != nil {
			return err
		}
		if f.Cursor != "" {
			q.Text += " AND (? < ? OR ? = ? AND (c.site_no < ? OR c.site_no = ? AND c.conv_no < ?))"
			q.Args = append(q.Args, last, pos.At, last, pos.At, pos.Site, pos.Site, pos.No)
		}
		rows, err := store.All[convRow](ctx, r, "SELECT "+talkColumns+talkFrom+" WHERE "+q.Text+" ORDER BY ? DESC, c.site_no DESC, c.conv_no DESC LIMIT ?", append(q.Args, last, f.Limit+1)...)
		if err != nil {
			return err
		}
		if err := rewind(ctx, r, rows, f.AsOf); err != nil {
			return err
		}
		cut := rest.Cut(rows, f.Limit, func(c convRow) string { return rest.EncodeCursor(talkPosition{c.LastAt, c.SiteNo, c.ConvNo}) })
		who, err := loadOwners(ctx, r, cut.Items, f.AsOf)
		if err != nil {
			return err
		}
		page = rest.Page[Talk]{Items: make([]Talk, 0, len(cut.Items)), Next: cut.Next, Total: &total}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].talk(who))
		}
		return nil
	})
	return page, err
}

// assetInScope returns the asset's id, also for the id of one merged into it.
func assetInScope(ctx context.Context, r store.Reader, scope Scope, id string) (string, error) {
	ids, err := store.All[string](ctx, r, `SELECT asset_id FROM asset_asset WHERE (asset_id = ? OR asset_id IN (SELECT asset_id FROM asset_alias WHERE old_id = ?)) AND ? LIMIT 1`, id, id, scope.Where("site_no", "zone_no"))
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", ot.Errorf(ot.NotFound, "there is no asset %s", ot.Printable(id))
	}
	return ids[0], nil
}
