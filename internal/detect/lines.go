package detect

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/detect/sigma"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// Lines tells log lines again that a site kept, day by day, the oldest first, until fn says
// no. cut: it did.
type Lines interface {
	LinesAgain(ctx context.Context, r store.Reader, siteNo int64, since time.Time, fn func(rule.LogLine) bool) (cut bool, err error)
}

// ReadLines says where log lines are told again. It is called before anything runs.
func (s *Service) ReadLines(l Lines) { s.lines = l }

// Bounds of rules on logs.
const (
	maxJudging  = time.Second // of one call: lines come every second
	maxLineText = 500
	saidLines   = 3 // of one hit: an alert keeps the first few lines as its proof
)

// LoadLogRules reads the Sigma rules that are switched on.
func (s *Service) LoadLogRules(ctx context.Context) error {
	var texts []string
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		texts, err = store.All[string](ctx, r, "SELECT text FROM detect_file WHERE enabled ORDER BY name")
		return err
	})
	if err != nil {
		return err
	}
	var all []sigma.Rule
	for _, text := range texts {
		if !sigma.Is([]byte(text)) {
			continue
		}
		if rules, found := sigma.Read([]byte(text)); len(found) == 0 { // else the file is left out, as Own says
			all = append(all, rules...)
		}
	}
	s.logRules.Store(&all)
	return nil
}

// LogRules says whether there is a rule that log lines are to be judged by.
func (s *Service) LogRules() bool {
	all := s.logRules.Load()
	return all != nil && len(*all) > 0
}

// JudgeLines finds what log lines meet. left is how many were not looked at: judging must not
// hold up the writing of lines.
func (s *Service) JudgeLines(lines []rule.LogLine) (hits []rule.Hit, left int) {
	all := s.logRules.Load()
	if all == nil {
		return nil, 0
	}
	set := s.Rules()
	var run []*sigma.Rule
	for i := range *all {
		if set.Lookup((*all)[i].ID) != nil { // its alert could not say what it is about
			run = append(run, &(*all)[i])
		}
	}
	return judgeLines(run, lines, time.Now().Add(maxJudging))
}

// judgeLines puts what one rule found in lines of one source together.
func judgeLines(rules []*sigma.Rule, lines []rule.LogLine, until time.Time) (hits []rule.Hit, left int) {
	type group struct{ rule, about string }
	at := map[group]int{}
	for i := range lines {
		if i%64 == 63 && time.Now().After(until) {
			return hits, len(lines) - i
		}
		l, ready := &lines[i], sigma.On(&lines[i])
		for _, r := range rules {
			if !r.Meets(ready) {
				continue
			}
			g := group{r.ID, cmp.Or(l.Asset, l.Source)}
			n, ok := at[g]
			if !ok || hits[n].Live != l.Live {
				n = len(hits)
				at[g] = n
				hits = append(hits, lineHit(r, l, g.about))
			}
			h := &hits[n]
			h.First, h.Last = min(h.First, l.At), max(h.Last, l.At)
			if h.Count++; h.Count <= saidLines {
				h.Facts = append(h.Facts, rule.Say{Name: "line", Value: short(l.Text)})
			}
		}
	}
	return hits, 0
}

func lineHit(r *sigma.Rule, l *rule.LogLine, about string) rule.Hit {
	h := rule.Hit{
		Rule: r.ID, SiteNo: l.SiteNo, RealmNo: l.RealmNo, Client: rule.End{IP: l.Address}, Group: []string{about}, First: l.At, Last: l.At, Live: l.Live, Protocol: "syslog",
		Facts: []rule.Say{{Name: "source", Value: l.Name}},
	}
	if l.Event != nil {
		h.Protocol = "windows"
		h.Facts = append(h.Facts, rule.Say{Name: "event", Value: l.Event.Channel + " " + strconv.FormatUint(uint64(l.Event.ID), 10)})
	}
	if l.Host != "" {
		h.Facts = append(h.Facts, rule.Say{Name: "log_host", Value: l.Host})
	}
	if r.Author != "" { // licences of published rules ask that it is named with what the rule finds
		by := r.Author
		if r.License != "" {
			by += " (" + r.License + ")"
		}
		h.Facts = append(h.Facts, rule.Say{Name: "rule_author", Value: by})
	}
	return h
}

func short(s string) string {
	s = ot.Printable(s)
	if r := []rune(s); len(r) > maxLineText {
		return string(r[:maxLineText-1]) + "…"
	}
	return s
}

// Bounds of a replay over log lines: of the lines that are met, a site, and of its time for all sites.
const (
	maxLinesMet = 100_000
	maxReading  = 10 * time.Second
)

// playLines judges anew what lines a site kept.
func (p *replaying) playLines(ctx context.Context, rules []*sigma.Rule) error {
	if p.s.lines == nil || len(rules) == 0 {
		return nil
	}
	var hits []rule.Hit
	full := false
	one := make([]rule.LogLine, 1)
	cut, err := p.s.lines.LinesAgain(ctx, p.r, p.siteNo, p.since, func(l rule.LogLine) bool {
		one[0] = l
		got, _ := judgeLines(rules, one, time.Time{}) // one line is always looked at
		hits = append(hits, got...)
		full = len(hits) >= maxLinesMet || time.Now().After(p.until)
		return !full
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(hits, func(a, b rule.Hit) int { return cmp.Compare(a.First, b.First) })
	var hosts []Host
	for i := range hits {
		if h := hostAt(hits[i].RealmNo, hits[i].Client.IP, ""); h.IP != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	if err := p.know(ctx, hosts); err != nil {
		return err
	}
	for i := range hits {
		hits[i].ZoneNo = p.who[hostAt(hits[i].RealmNo, hits[i].Client.IP, "")].ZoneNo
		p.add(&hits[i])
	}
	if cut {
		for _, r := range rules {
			if w := p.out[r.ID]; !slices.Contains(w.Notes, "cut") {
				w.Notes = append(w.Notes, "cut")
			}
		}
	}
	return nil
}

// ofSet are the Sigma rules of a list that stand in a set.
func ofSet(list []sigma.Rule, set *rule.Set) (out []*sigma.Rule) {
	for i := range list {
		if set.Lookup(list[i].ID) != nil {
			out = append(out, &list[i])
		}
	}
	return out
}

// ownIDs names the rules of a file of either form; of one that cannot be read none.
func ownIDs(text string) (ids []string) {
	if sigma.Is([]byte(text)) {
		rules, _ := sigma.Read([]byte(text))
		for i := range rules {
			ids = append(ids, rules[i].ID)
		}
		return ids
	}
	rules, _ := rule.Parse("own.yaml", []byte(text))
	for i := range rules {
		ids = append(ids, rules[i].ID)
	}
	return ids
}

// proveSigma is Prove of a file of Sigma rules. They bring no fixtures.
func proveSigma(raw []byte) (rules []rule.Rule, proved []Proved, found []rule.Mistake) {
	read, found := sigma.Read(raw)
	for i := range read {
		r := read[i].Rule()
		rules = append(rules, r)
		proved = append(proved, Proved{ID: r.ID, Title: r.Title, Severity: string(r.Severity), On: onLog})
	}
	return rules, proved, found
}

// onLog is what rules on log lines look at.
const onLog = "log"
