package baseline

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// talk is baseline_talk.
type talk struct {
	SiteNo     int64      `db:"site_no"`
	State      string     `db:"state"`
	Talk       int64      `db:"talk"`
	Pattern    int64      `db:"pattern"`
	ZoneNo     int64      `db:"zone_no"`
	RealmNo    int64      `db:"realm_no"`
	Client     string     `db:"client"`
	Server     string     `db:"server"`
	Transport  string     `db:"transport"`
	Port       int64      `db:"port"`
	Protocol   string     `db:"protocol"`
	ClientZone int64      `db:"client_zone_no"`
	ServerZone int64      `db:"server_zone_no"`
	ClientRole string     `db:"client_role"`
	ServerRole string     `db:"server_role"`
	Classes    int64      `db:"classes"`
	Verdict    string     `db:"verdict"`
	First      int64      `db:"first_at"`
	Last       int64      `db:"last_at"`
	Hours      int64      `db:"hours"`
	Heard      int64      `db:"heard"`
	Hour       int64      `db:"hour"`
	Rate       int64      `db:"rate"`
	Gap        int64      `db:"gap"`
	Until      store.Time `db:"until_at"`
	Told       store.Time `db:"told_at"`
	Silent     store.Time `db:"silent_at"`
	Source     string     `db:"source_id"`
	Packet     int64      `db:"packet"`
}

const talkColumns = "t.site_no, t.state, t.talk, t.pattern, t.zone_no, t.realm_no, t.client, t.server, t.transport, t.port, t.protocol, t.client_zone_no, t.server_zone_no, t.client_role, t.server_role, t.classes, t.verdict, t.first_at, t.last_at, t.hours, t.heard, t.hour, t.rate, t.gap, t.until_at, t.told_at, t.silent_at, t.source_id, t.packet"

func talkKey() []string { return []string{"site_no", "state", "talk"} }

func talkSet() []string {
	return []string{
		"pattern", "zone_no", "client", "server", "client_zone_no", "server_zone_no", "client_role", "server_role", "classes", "verdict",
		"first_at", "last_at", "hours", "heard", "hour", "rate", "gap", "until_at", "told_at", "silent_at", "source_id", "packet",
	}
}

// function is baseline_function.
type function struct {
	SiteNo   int64  `db:"site_no"`
	State    string `db:"state"`
	Talk     int64  `db:"talk"`
	Fn       int64  `db:"fn"`
	Protocol string `db:"protocol"`
	Kind     string `db:"kind"`
	Code     int64  `db:"code"`
	Text     string `db:"text"`
	Class    string `db:"class"`
	Unit     int64  `db:"unit"`
	Space    int64  `db:"space"`
	Area     int64  `db:"area"`
	Name     string `db:"name"`
	Lo       int64  `db:"lo"`
	Hi       int64  `db:"hi"`
	Verdict  string `db:"verdict"`
	First    int64  `db:"first_at"`
	Last     int64  `db:"last_at"`
}

const functionColumns = "f.site_no, f.state, f.talk, f.fn, f.protocol, f.kind, f.code, f.text, f.class, f.unit, f.space, f.area, f.name, f.lo, f.hi, f.verdict, f.first_at, f.last_at"

func functionKey() []string { return []string{"site_no", "state", "talk", "fn"} }
func functionSet() []string { return []string{"name", "lo", "hi", "verdict", "first_at", "last_at"} }

// hash names a row by what it is: 63 bits of SHA-256, so that nobody can make a
// conversation that is taken for another.
func hash(parts ...string) int64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// text is how an end of a flow is kept.
func text(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.Unmap().WithZone("").String()
	}
	return h.MAC.String()
}

// talkHash names a conversation whichever side is taken for the client.
func talkHash(realmNo int64, a, b, transport string, port uint16, protocol string) int64 {
	if b < a {
		a, b = b, a
	}
	return hash(number(realmNo), a, b, transport, strconv.Itoa(int(port)), protocol)
}

func fnHash(t *sensor.TupleDelta) int64 {
	return hash(t.Protocol, t.Kind, number(int64(t.Code)), t.Text, t.Class, number(int64(t.Unit)), number(int64(t.Space)), number(int64(t.Area)))
}

// patternOf names the group that a conversation is reviewed in: what is the same of
// fourteen panels that each poll a controller.
func (t *talk) patternOf() int64 {
	service := t.Protocol
	if service == "" {
		service = t.Transport + "/" + number(t.Port)
	}
	return hash(number(t.ZoneNo), t.State, number(t.ClientZone), t.ClientRole, number(t.ServerZone), t.ServerRole, service, number(t.Classes))
}

// hourBit is the bit of talk.Hours for a moment on the site's clock.
func hourBit(at time.Time) int64 {
	bit := at.Hour()
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		bit += 24
	}
	return 1 << bit
}

// ID is what a row is called outside: numbers of 63 bits do not survive JSON.
func (t *talk) id() string {
	return number(t.SiteNo) + "." + t.State + "." + strconv.FormatInt(t.Talk, 36)
}

func groupID(siteNo, pattern int64) string {
	return number(siteNo) + "." + strconv.FormatInt(pattern, 36)
}

func (f *function) id() string {
	return number(f.SiteNo) + "." + f.State + "." + strconv.FormatInt(f.Talk, 36) + "." + strconv.FormatInt(f.Fn, 36)
}

// parseID reads the dotted ids back: site, state ("" of a group) and one or two hashes.
func parseID(id string) (siteNo int64, state string, hashes []int64, err error) {
	missing := ot.Errorf(ot.NotFound, "the baseline has no entry %s", ot.Printable(id))
	parts := strings.Split(id, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return 0, "", nil, missing
	}
	if siteNo, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return 0, "", nil, missing
	}
	rest := parts[1:]
	if len(parts) > 2 {
		state, rest = parts[1], parts[2:]
	}
	for _, p := range rest {
		h, err := strconv.ParseInt(p, 36, 64)
		if err != nil {
			return 0, "", nil, missing
		}
		hashes = append(hashes, h)
	}
	return siteNo, state, hashes, nil
}
