package view

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Plant is the map of one site: zones by Purdue level, and what runs between them.
type Plant struct {
	Site     string    `json:"site"`
	Name     string    `json:"name"`
	Assets   int64     `json:"assets"`
	HeardAt  *string   `json:"heard_at" doc:"Newest packet from a live sensor, RFC 3339; null: never"`
	Zones    []Zone    `json:"zones" nullable:"false"`
	Conduits []Conduit `json:"conduits" nullable:"false"`
}

// Zone is a zone with what stands in it. A proposed one gathers the assets of
// a level that nobody has put into a zone yet.
type Zone struct {
	ID       string  `json:"id" doc:"Of the zone; level-<n>, internet and unknown where there is none"`
	Name     string  `json:"name"`
	Level    string  `json:"level" doc:"Purdue level; empty: not known"`
	OT       bool    `json:"ot"`
	External bool    `json:"external"`
	Gateway  bool    `json:"gateway"`
	Critical bool    `json:"critical"`
	Proposed bool    `json:"proposed"`
	SLT      int64   `json:"sl_t" doc:"Security level target 1 to 4; 0: not set"`
	Assets   int64   `json:"assets"`
	New      int64   `json:"new" doc:"Assets that wait for a decision"`
	Groups   []Group `json:"groups" nullable:"false"`
	HeardAt  *string `json:"heard_at"`

	heard int64
}

// Group is a kind of asset inside a zone.
type Group struct {
	Label string `json:"label" doc:"The model; empty: it is not known, the role has to do"`
	Role  string `json:"role"`
	Count int64  `json:"count"`
	New   int64  `json:"new"`
}

// Conduit is everything seen between two zones, from the client's side.
type Conduit struct {
	From          string   `json:"from"`
	To            string   `json:"to"`
	Protocols     []Volume `json:"protocols" nullable:"false"`
	Packets       int64    `json:"packets"`
	Bytes         int64    `json:"bytes"`
	Conversations int64    `json:"conversations"`
	FirstAt       string   `json:"first_at"`
	LastAt        string   `json:"last_at"`
	Flag          string   `json:"flag" enum:",remote,internet,it_ot,new" doc:"What a person should look at; empty: nothing"`

	first, last int64
}

// Volume counts the conversations of one protocol.
type Volume struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// zoneRow, groupRow and talkRow are what store.go reads for one site.
type zoneRow struct {
	No       int64  `db:"zone_no"`
	ID       string `db:"zone_id"`
	Name     string `db:"name"`
	Level    string `db:"level"`
	OT       bool   `db:"ot"`
	SLT      int64  `db:"sl_t"`
	Critical bool   `db:"critical"`
	External bool   `db:"external"`
	Gateway  bool   `db:"gateway"`
}

type groupRow struct {
	ZoneNo  int64  `db:"zone_no"`
	Level   string `db:"level"`
	Role    string `db:"role"`
	Label   string `db:"label"`
	Outside bool   `db:"outside"`
	Count   int64  `db:"n"`
	New     int64  `db:"fresh"`
}

type talkRow struct {
	ClientZone     int64  `db:"client_zone_no"`
	ServerZone     int64  `db:"server_zone_no"`
	ClientInternet bool   `db:"client_internet"`
	ServerInternet bool   `db:"server_internet"`
	ClientLevel    string `db:"client_level"` // of the asset, where there is no zone
	ServerLevel    string `db:"server_level"`
	Protocol       string `db:"protocol"`
	N              int64  `db:"n"`
	Packets        int64  `db:"packets"`
	Bytes          int64  `db:"bytes"`
	First          int64  `db:"first_at"`
	Last           int64  `db:"last_at"`
	Live           int64  `db:"live_at"` // 0: never live
}

// remote names the protocols with which a person works on another machine.
var remote = map[string]bool{"rdp": true, "vnc": true, "ssh": true, "telnet": true, "teamviewer": true, "anydesk": true}

// mostGroups of a zone are told; a map shows a handful, and a zone of a thousand
// kinds is a list, which the assets page is better at.
const mostGroups = 100

// fresh is how long a conduit that was never seen before is marked as new.
const fresh = 24 * time.Hour

// drawPlant makes the map out of rows. Zones come out by level from the top,
// then by name; conduits by weight.
func drawPlant(zones []zoneRow, groups []groupRow, talks []talkRow, now time.Time) ([]Zone, []Conduit) {
	byID := map[string]*Zone{}
	idOf := map[int64]string{}
	for _, z := range zones {
		idOf[z.No] = z.ID
		byID[z.ID] = &Zone{ID: z.ID, Name: z.Name, Level: z.Level, OT: z.OT, External: z.External, Gateway: z.Gateway, Critical: z.Critical, SLT: z.SLT, Groups: []Group{}}
	}
	place := func(no int64, level string, internet bool) *Zone {
		id := idOf[no]
		switch {
		case id != "":
		case internet:
			id = "internet"
		case no != 0: // one that the person does not see
			id = "other"
		case level == "":
			id = "unknown"
		default:
			id = "level-" + level
		}
		if z, ok := byID[id]; ok {
			return z
		}
		z := &Zone{ID: id, Level: level, Proposed: true, Groups: []Group{}}
		switch {
		case id == "internet":
			z.Name, z.Level, z.External, z.Proposed = "Internet", "5", true, false
		case id == "unknown":
			z.Name = "Not placed"
		case id == "other":
			z.Name, z.Level, z.Proposed = "Other zones", "", false
		default:
			z.Name, z.OT = "Level "+level, level < "4" // as text: "3.5" stands below "4"
		}
		byID[id] = z
		return z
	}
	for _, g := range groups {
		z := place(g.ZoneNo, g.Level, g.Outside)
		z.Assets += g.Count
		z.New += g.New
		z.Groups = addGroup(z.Groups, Group{Label: g.Label, Role: g.Role, Count: g.Count, New: g.New})
	}
	conduits := map[[2]string]*Conduit{}
	oldest := now.UnixMicro()
	for _, t := range talks {
		oldest = min(oldest, t.First)
	}
	for _, t := range talks {
		from, to := place(t.ClientZone, t.ClientLevel, t.ClientInternet), place(t.ServerZone, t.ServerLevel, t.ServerInternet)
		from.heard, to.heard = max(from.heard, t.Live), max(to.heard, t.Live)
		if from == to {
			continue
		}
		key := [2]string{from.ID, to.ID}
		c := conduits[key]
		if c == nil {
			c = &Conduit{From: from.ID, To: to.ID, first: t.First}
			conduits[key] = c
		}
		c.Packets += t.Packets
		c.Bytes += t.Bytes
		c.Conversations += t.N
		c.first, c.last = min(c.first, t.First), max(c.last, t.Last)
		c.Protocols = addVolume(c.Protocols, t.Protocol, t.N)
		c.Flag = graver(c.Flag, flagOf(from, to, t))
	}
	return finish(byID, conduits, oldest, now)
}

func finish(byID map[string]*Zone, conduits map[[2]string]*Conduit, oldest int64, now time.Time) ([]Zone, []Conduit) {
	zs := make([]Zone, 0, len(byID))
	for _, z := range byID {
		z.HeardAt = moment(z.heard)
		slices.SortFunc(z.Groups, func(a, b Group) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Label, b.Label)) })
		z.Groups = z.Groups[:min(len(z.Groups), mostGroups)]
		zs = append(zs, *z)
	}
	slices.SortFunc(zs, func(a, b Zone) int {
		return cmp.Or(strings.Compare(b.Level, a.Level), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	cs := make([]Conduit, 0, len(conduits))
	for c := range maps.Values(conduits) {
		slices.SortFunc(c.Protocols, func(a, b Volume) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name)) })
		c.FirstAt, c.LastAt = *moment(c.first), *moment(c.last)
		// Nothing is new in a plant that we have only just begun to listen to.
		if c.Flag == "" && now.Sub(time.UnixMicro(c.first)) < fresh && c.first-oldest > fresh.Microseconds() {
			c.Flag = "new"
		}
		cs = append(cs, *c)
	}
	slices.SortFunc(cs, func(a, b Conduit) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return zs, cs
}

// flagOf says what is remarkable about one protocol between two zones. What
// goes through the remote access gateway is as it should be.
func flagOf(from, to *Zone, t talkRow) string {
	switch {
	case from.Gateway || to.Gateway:
		return ""
	case from.External && to.OT && remote[t.Protocol]:
		return "remote"
	case from.OT && to.ID == "internet" || from.ID == "internet" && to.OT:
		return "internet"
	case from.External && to.OT || from.OT && to.External:
		return "it_ot"
	}
	return ""
}

var gravity = map[string]int{"": 0, "it_ot": 1, "internet": 2, "remote": 3}

func graver(a, b string) string {
	if gravity[b] > gravity[a] {
		return b
	}
	return a
}

func addGroup(list []Group, g Group) []Group {
	for i := range list {
		if list[i].Label == g.Label && list[i].Role == g.Role {
			list[i].Count += g.Count
			list[i].New += g.New
			return list
		}
	}
	return append(list, g)
}

func addVolume(list []Volume, name string, n int64) []Volume {
	for i := range list {
		if list[i].Name == name {
			list[i].Count += n
			return list
		}
	}
	return append(list, Volume{Name: name, Count: n})
}

// moment writes µs as the JSON of this program has times; 0 is never.
func moment(us int64) *string {
	if us == 0 {
		return nil
	}
	s := store.Micros(us).UTC().Format(time.RFC3339Nano)
	return &s
}
