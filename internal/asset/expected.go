package asset

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Bounds of a list.
const (
	maxListLines  = 50_000
	linesPerTx    = 150
	maxListTold   = 5_000 // lines that a report names one by one
	maxCellLength = 200
)

// ListLine is one line of a list of expected assets.
type ListLine struct {
	Line   int      `json:"line"`
	Name   string   `json:"name"`
	Result string   `json:"result" enum:"new,known,problem,part,type" doc:"part: a module, which nobody hears by itself; type: a description of a kind of devices"`
	ID     string   `json:"id,omitempty"`
	Why    string   `json:"why,omitempty" doc:"Of a problem: what to do; of a known line: by what it was recognised" say:"true"`
	Is     string   `json:"is,omitempty" doc:"What the known asset is called now"`
	Sets   []string `json:"sets" nullable:"false" doc:"Fields that the line sets or changes"`
	Keeps  []string `json:"keeps" nullable:"false" doc:"Fields where what is measured stands above the line"`

	Differs []Difference `json:"differs" nullable:"false" doc:"Where a known device is other than a project plans it"`
}

// ListReport says what a list did, or would do.
type ListReport struct {
	DryRun   bool       `json:"dry_run"`
	New      int        `json:"new"`
	Known    int        `json:"known"`
	Problems int        `json:"problems"`
	Differs  int        `json:"differs" doc:"Known ones that are other than planned"`
	Parts    int        `json:"parts" doc:"Modules in other devices"`
	Types    int        `json:"types" doc:"Descriptions of kinds of devices"`
	Format   string     `json:"format" say:"true" doc:"What the file is; empty: a list"`
	Project  string     `json:"project" doc:"The project's own name"`
	Left     []string   `json:"left" nullable:"false" say:"true" doc:"What the file holds and is not taken over"`
	Lines    []ListLine `json:"lines" nullable:"false" doc:"Problems first, then new ones; at most 5,000"`
}

// expected is a parsed line.
type expected struct {
	line        int
	mac, ip     string
	realm       int64
	words       map[string]string // measured fields
	owner       string
	criticality int64
	problem     string
}

// parseList reads the CSV. The first line names the columns, in any order:
// name, ip, mac, vendor, model, order_code, serial, firmware, role, level, zone,
// realm, owner, criticality. A semicolon or tab separates as well as a comma.
func parseList(b []byte, zones map[string]string, realms map[string]int64) ([]expected, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	head, _, _ := bytes.Cut(b, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(b))
	for _, sep := range ";\t" {
		if bytes.Count(head, []byte(string(sep))) > bytes.Count(head, []byte(string(r.Comma))) {
			r.Comma = sep
		}
	}
	r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = -1, true, true
	first, err := r.Read()
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the list is empty: the first line names the columns (name, ip, mac, vendor, model, zone)")
	}
	columns := make([]string, len(first))
	useful := false
	for i, c := range first {
		c = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(c)), " ", "_")
		if !slices.Contains([]string{"name", "ip", "mac", "vendor", "model", "order_code", "serial", "firmware", "role", "level", "zone", "realm", "owner", "criticality"}, c) {
			return nil, ot.Errorf(ot.Invalid, "line 1: column %q is not known; use name, ip, mac, vendor, model, order_code, serial, firmware, role, level, zone, realm, owner, criticality", ot.Printable(c))
		}
		if slices.Contains(columns[:i], c) {
			return nil, ot.Errorf(ot.Invalid, "line 1: column %s stands twice", c)
		}
		columns[i] = c
		useful = useful || c == "ip" || c == "mac" || c == "name"
	}
	if !useful {
		return nil, ot.Errorf(ot.Invalid, "line 1: a list needs a column name, ip or mac")
	}
	var out []expected
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "the list cannot be read: %w", err)
		}
		if len(out) == maxListLines {
			return nil, ot.Errorf(ot.TooMany, "the list has more than %d lines: give it in parts", maxListLines)
		}
		line, _ := r.FieldPos(0)
		out = append(out, parseLine(line, columns, rec, zones, realms))
	}
}

func parseLine(line int, columns, rec []string, zones map[string]string, realms map[string]int64) expected {
	e := expected{line: line, words: map[string]string{}, realm: realms[""]}
	bad := func(format string, args ...any) {
		if e.problem == "" {
			e.problem = fmt.Sprintf(format, args...)
		}
	}
	for i, v := range rec {
		v = ot.Printable(v)
		if i >= len(columns) {
			if v != "" {
				bad("more cells than columns")
			}
			continue
		}
		if len(v) > maxCellLength {
			bad("%s is longer than %d bytes", columns[i], maxCellLength)
		}
		if v == "" {
			continue
		}
		switch c := columns[i]; c {
		case "ip":
			ip, err := netip.ParseAddr(v)
			if err != nil || nobody(ip) {
				bad("%q is not an IP address", v)
			}
			e.ip = ip.Unmap().String()
		case "mac":
			var m ot.MAC
			if err := m.UnmarshalText([]byte(v)); err != nil || m.Group() || virtual(m) {
				bad("%q is not a device's MAC address", v)
			}
			e.mac = m.String()
		case "zone":
			id, ok := zones[strings.ToLower(v)]
			if !ok {
				bad("the site has no zone %q", v)
			}
			e.words["zone"] = id
		case "realm":
			no, ok := realms[strings.ToLower(v)]
			if !ok {
				bad("the site has no realm %q", v)
			}
			e.realm = no
		case "role":
			if v = strings.ToLower(v); !slices.Contains(Roles(), v) {
				bad("there is no role %q", v)
			}
			e.words[c] = v
		case "level":
			if !slices.Contains(Levels(), v) {
				bad("there is no level %q", v)
			}
			e.words[c] = v
		case "owner":
			e.owner = v
		case "criticality":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 1 || n > 4 {
				bad("criticality %q is not 1, 2, 3 or 4", v)
			}
			e.criticality = n
		default:
			e.words[c] = v
		}
	}
	if e.ip == "" && e.mac == "" && e.words["name"] == "" {
		bad("neither a name nor an address")
	}
	return e
}

// ImportList takes a person's list of the assets that there should be: the
// second denominator, against which what is heard can be held.
func (s *Service) ImportList(ctx context.Context, scope org.Scope, who Person, siteID string, body []byte, dryRun bool) (rep ListReport, err error) {
	var site org.Site
	zones, realms := map[string]string{}, map[string]int64{}
	err = s.db.View(ctx, func(r store.Reader) error {
		site, err = store.One[org.Site](ctx, r, "SELECT site_no, site_id, entity_id, name, country, tz, critical, weight FROM org_site WHERE site_id = ? AND ?", siteID, scope.Where("site_no", ""))
		if err != nil {
			return ot.Errorf(ot.NotFound, "there is no such site")
		}
		for z, err := range store.Select[org.Zone](ctx, r, "SELECT zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway FROM org_zone WHERE site_no = ?", site.No) {
			if err != nil {
				return err
			}
			zones[strings.ToLower(z.Name)], zones[strings.ToLower(z.ID)] = z.ID, z.ID
		}
		for x, err := range store.Select[org.Realm](ctx, r, "SELECT realm_no, realm_id, site_no, name, is_default FROM org_realm WHERE site_no = ?", site.No) {
			if err != nil {
				return err
			}
			realms[strings.ToLower(x.Name)] = x.No
			if x.Default {
				realms[""] = x.No
			}
		}
		return nil
	})
	if err != nil {
		return rep, err
	}
	list, err := parseList(body, zones, realms)
	if err != nil {
		return rep, err
	}
	markTwice(list)
	rest.Target(ctx, site.ID, ot.Ref{Kind: "site", ID: site.ID})
	rest.Detail(ctx, "lines", strconv.Itoa(len(list)))
	rest.Detail(ctx, "dry_run", strconv.FormatBool(dryRun))
	rep = ListReport{DryRun: dryRun, Left: []string{}, Lines: []ListLine{}}
	for part := range slices.Chunk(list, linesPerTx) {
		var told []ListLine
		run := func(r store.Reader, tx *store.Tx) (err error) {
			if told, err = s.listPart(ctx, r, tx, site.No, who, part); err != nil || tx == nil {
				return err
			}
			return s.ask(ctx, tx, site.No, s.now(), who.ID, "on a list")
		}
		if dryRun {
			err = s.db.View(ctx, func(r store.Reader) error { return run(r, nil) })
		} else {
			err = s.db.Update(ctx, func(tx *store.Tx) error { return run(tx, tx) })
		}
		if err != nil {
			return rep, err
		}
		rep.count(told)
	}
	rep.sort()
	return rep, nil
}

// count adds what a part of the lines did.
func (rep *ListReport) count(told []ListLine) {
	for i := range told {
		switch told[i].Result {
		case "new":
			rep.New++
		case "known":
			rep.Known++
			if len(told[i].Differs) > 0 {
				rep.Differs++
			}
		case "part":
			rep.Parts++
		case "type":
			rep.Types++
		default:
			rep.Problems++
		}
	}
	rep.Lines = append(rep.Lines, told...)
}

// sort puts first what a person must look at, and bounds what is told.
func (rep *ListReport) sort() {
	slices.SortStableFunc(rep.Lines, func(a, b ListLine) int { return a.rank() - b.rank() })
	rep.Lines = rep.Lines[:min(len(rep.Lines), maxListTold)]
}

func (l *ListLine) rank() int {
	if len(l.Differs) > 0 {
		return 0
	}
	return slices.Index([]string{"problem", "new", "known", "type", "part"}, l.Result)
}

// markTwice finds addresses that two lines claim.
func markTwice(list []expected) {
	seen := map[string]int{}
	for i := range list {
		for _, a := range []string{list[i].mac, list[i].ip} {
			if a == "" {
				continue
			}
			k := fmt.Sprint(list[i].realm, " ", a)
			if line, ok := seen[k]; ok && list[i].problem == "" {
				list[i].problem = fmt.Sprintf("%s stands in line %d already", a, line)
			} else if !ok {
				seen[k] = list[i].line
			}
		}
	}
}
