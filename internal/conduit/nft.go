package conduit

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Layout is what an export needs of a site: its zones and their prefixes in one realm.
type Layout struct {
	Site   string
	Made   time.Time
	Zones  []Area
	Others int // prefixes of other realms, which one filter cannot tell apart
}

// Area is a zone with its prefixes.
type Area struct {
	No       int64
	Name     string
	Prefixes []netip.Prefix
}

// addresses is an unbroken run of addresses of one family.
type addresses struct{ from, to netip.Addr }

func (a addresses) String() string {
	if a.from == a.to {
		return a.from.String()
	}
	return a.from.String() + "-" + a.to.String()
}

func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := range b {
		keep := min(max(p.Bits()-8*i, 0), 8)
		b[i] |= byte(0xff >> keep)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// spans gives the addresses of a zone: its prefixes without the longer ones that other
// zones have inside them, because the longest prefix says whose an address is.
func spans(zones []Area, no int64, four bool) []addresses {
	var own, foreign []netip.Prefix
	for _, z := range zones {
		for _, p := range z.Prefixes {
			switch {
			case p.Addr().Is4() != four:
			case z.No == no:
				own = append(own, p)
			default:
				foreign = append(foreign, p)
			}
		}
	}
	var out []addresses
	for _, p := range own {
		pieces := []addresses{{p.Masked().Addr(), last(p)}}
		for _, f := range foreign {
			if f.Bits() <= p.Bits() || !p.Contains(f.Addr()) {
				continue
			}
			pieces = without(pieces, addresses{f.Masked().Addr(), last(f)})
		}
		out = append(out, pieces...)
	}
	slices.SortFunc(out, func(a, b addresses) int { return a.from.Compare(b.from) })
	var merged []addresses
	for _, a := range out {
		if n := len(merged); n > 0 && (a.from.Compare(merged[n-1].to) <= 0 || merged[n-1].to.Next() == a.from) {
			if merged[n-1].to.Less(a.to) {
				merged[n-1].to = a.to
			}
			continue
		}
		merged = append(merged, a)
	}
	return merged
}

// without takes a hole out of pieces.
func without(pieces []addresses, hole addresses) (out []addresses) {
	for _, p := range pieces {
		if hole.to.Less(p.from) || p.to.Less(hole.from) {
			out = append(out, p)
			continue
		}
		if p.from.Less(hole.from) {
			out = append(out, addresses{p.from, hole.from.Prev()})
		}
		if hole.to.Less(p.to) {
			out = append(out, addresses{hole.to.Next(), p.to})
		}
	}
	return out
}

// Export is a policy as a filter has it.
type Export struct {
	From, To  int64
	Either    bool
	Transport string
	Port      int64
	Protocol  string
	Classes   []string
	Allow     bool
	Reason    string
	Owner     string
	Until     time.Time
}

// filter is what nftables can match of a policy, or why it can not.
func (e *Export) filter() (match, why string) {
	switch {
	case e.From == None || e.To == None:
		return "", "hosts in no zone have no addresses that a filter could name"
	case e.Transport == "ether":
		return "", "it is not routed: the switch has to filter it"
	case e.Transport == "" && e.Port == 0 && e.Protocol != "":
		return "", "no port is known for it: approve the observed service instead"
	case e.Transport == "" && e.Port == 0:
		return "", ""
	case e.Transport == "tcp" || e.Transport == "udp":
		if e.Port == 0 && e.Protocol != "" {
			return "", "no port is known for it: approve the observed service instead"
		}
		if e.Port == 0 {
			return "meta l4proto " + e.Transport, ""
		}
		return fmt.Sprintf("%s dport %d", e.Transport, e.Port), ""
	case e.Transport == "":
		return fmt.Sprintf("meta l4proto { tcp, udp } th dport %d", e.Port), ""
	case e.Transport == "icmp":
		return "meta l4proto { icmp, ipv6-icmp }", ""
	}
	if n, ok := strings.CutPrefix(e.Transport, "ip-"); ok {
		return "meta l4proto " + n, ""
	}
	return "", "a filter has no word for " + ot.Printable(e.Transport)
}

// setName is how a zone's addresses are called in the rules: nftables knows letters, digits and _.
func setName(z Area, family string) string {
	b := []byte(strings.ToLower(z.Name))
	for i, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			b[i] = '_'
		}
	}
	return fmt.Sprintf("z%d_%s_%s", z.No, strings.Trim(string(b), "_"), family)
}

func comment(s string) string {
	s = strings.NewReplacer(`"`, "'", "\\", "/", "\n", " ").Replace(ot.Printable(s))
	for len(s) > 120 { // nftables takes 128 bytes
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return `comment "` + s + `"`
}

// NFT writes policies as one table for nftables: a filter between zones that drops what
// no policy allows. Loading it again replaces it.
func NFT(w io.Writer, at Layout, policies []Export) error {
	out := &strings.Builder{}
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("#!/usr/sbin/nft -f")
	p("# Conduits of %s, written by Skanse %s. What no conduit allows between zones is dropped.", ot.Printable(at.Site), at.Made.UTC().Format("2006-01-02 15:04 UTC"))
	p("# For a machine that routes between the zones. Try it first: nft -c -f FILE. Load it: nft -f FILE. Take it away: nft delete table inet skanse")
	p("# nftables sees addresses and ports: which functions a conduit allows stands in its comment, and only a protocol firewall can hold to it.")
	if at.Others > 0 {
		p("# %d address ranges of other realms are left out: the same address means another machine there.", at.Others)
	}
	p("")
	p("table inet skanse")
	p("delete table inet skanse")
	p("table inet skanse {")
	sets := map[int64][2]string{}
	var known [2][]string
	for _, z := range at.Zones {
		var names [2]string
		for i, family := range []string{"v4", "v6"} {
			all := spans(at.Zones, z.No, i == 0)
			if len(all) == 0 {
				continue
			}
			names[i] = setName(z, family)
			texts := make([]string, len(all))
			for n, a := range all {
				texts[n] = a.String()
			}
			known[i] = append(known[i], texts...)
			p("\tset %s { # %s", names[i], ot.Printable(z.Name))
			p("\t\ttype %s; flags interval; elements = { %s }", map[string]string{"v4": "ipv4_addr", "v6": "ipv6_addr"}[family], strings.Join(texts, ", "))
			p("\t}")
		}
		sets[z.No] = names
	}
	for i, family := range []string{"v4", "v6"} {
		if len(known[i]) > 0 {
			p("\tset every_zone_%s {", family)
			p("\t\ttype %s; flags interval; auto-merge; elements = { %s }", map[string]string{"v4": "ipv4_addr", "v6": "ipv6_addr"}[family], strings.Join(known[i], ", "))
			p("\t}")
		}
	}
	p("")
	p("\tchain between_zones {")
	p("\t\ttype filter hook forward priority filter; policy drop;")
	p("\t\tct state established,related accept")
	p("\t\tct state invalid drop")
	for _, z := range at.Zones {
		for i, family := range []string{"ip", "ip6"} {
			if s := sets[z.No][i]; s != "" {
				p("\t\t%s saddr @%s %s daddr @%s accept %s", family, s, family, s, comment("inside "+z.Name))
			}
		}
	}
	// What is denied counts before what is allowed.
	sorted := slices.Clone(policies)
	slices.SortStableFunc(sorted, func(a, b Export) int { return cmp.Compare(order(a.Allow), order(b.Allow)) })
	names := map[int64]string{Internet: "Internet", None: "no zone"}
	for _, z := range at.Zones {
		names[z.No] = z.Name
	}
	for i := range sorted {
		lines(p, &sorted[i], sets, known, names)
	}
	p("\t\tlimit rate 10/second log prefix \"skanse: no conduit \"")
	p("\t\tcounter drop")
	p("\t}")
	p("}")
	_, err := io.WriteString(w, out.String())
	return err
}

func order(allow bool) int {
	if allow {
		return 1
	}
	return 0
}

// lines writes the rules of one policy, one a direction and family.
func lines(p func(string, ...any), e *Export, sets map[int64][2]string, known [2][]string, names map[int64]string) {
	match, why := e.filter()
	about := strings.TrimSpace(fmt.Sprintf("%s to %s: %s %s", names[e.From], names[e.To], e.service(), strings.Join(e.Classes, " ")))
	if e.Reason != "" {
		about += "; " + e.Reason
	}
	verdict := "accept"
	if !e.Allow {
		verdict = "counter drop"
		if len(e.Classes) > 0 {
			why = "only some functions are denied, and a filter of addresses cannot tell functions apart"
		}
	}
	if why != "" {
		p("\t\t# left out: %s: %s", ot.Printable(about), why)
		return
	}
	wrote := false
	pairs := [][2]int64{{e.From, e.To}}
	if e.Either {
		pairs = append(pairs, [2]int64{e.To, e.From})
	}
	for _, pair := range pairs {
		for i, family := range []string{"ip", "ip6"} {
			from, to := side(family, "saddr", pair[0], i, sets, known), side(family, "daddr", pair[1], i, sets, known)
			if from == "" || to == "" {
				continue
			}
			wrote = true
			p("\t\t%s", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s ct state new %s", from, to, match, verdict)), " ")+" "+comment(about))
		}
	}
	if !wrote {
		p("\t\t# left out: %s: one of its zones has no address range", ot.Printable(about))
	}
}

func side(family, which string, no int64, i int, sets map[int64][2]string, known [2][]string) string {
	if no == Internet {
		if len(known[i]) == 0 {
			return ""
		}
		return fmt.Sprintf("%s %s != @every_zone_v%d", family, which, []int{4, 6}[i])
	}
	if s := sets[no][i]; s != "" {
		return fmt.Sprintf("%s %s @%s", family, which, s)
	}
	return ""
}

// Table writes the policies for people, in the order in which a filter asks them.
func Table(w io.Writer, at Layout, policies []Export) error {
	names := map[int64]string{Internet: "Internet", None: "(no zone)"}
	for _, z := range at.Zones {
		names[z.No] = z.Name
	}
	rows := [][]string{{"", "FROM", "TO", "SERVICE", "FUNCTIONS", "UNTIL", "OWNER", "REASON"}}
	for _, allow := range []bool{false, true} {
		for _, e := range policies {
			if e.Allow != allow {
				continue
			}
			word, until, functions := "deny", "", "any"
			if e.Allow {
				word = "allow"
			}
			if !e.Until.IsZero() {
				until = e.Until.UTC().Format(time.DateOnly)
			}
			if len(e.Classes) > 0 {
				functions = strings.Join(e.Classes, " ")
			}
			to := names[e.To]
			if e.Either {
				to += " (either way)"
			}
			rows = append(rows, []string{word, names[e.From], to, e.service(), functions, until, e.Owner, e.Reason})
		}
	}
	rows = append(rows, []string{"deny", "every zone", "every other zone", "everything else", "any", "", "", ""})
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], len([]rune(ot.Printable(c))))
		}
	}
	for _, r := range rows {
		line := ""
		for i, c := range r {
			c = ot.Printable(c)
			line += c + strings.Repeat(" ", widths[i]-len([]rune(c))+2)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

func (e *Export) service() string {
	s := e.Protocol
	switch {
	case e.Transport != "" && e.Port != 0:
		s += fmt.Sprintf(" %s/%d", e.Transport, e.Port)
	case e.Transport != "":
		s += " " + e.Transport
	case e.Port != 0:
		s += fmt.Sprintf(" port %d", e.Port)
	}
	if s = strings.TrimSpace(s); s == "" {
		return "any"
	}
	return s
}
