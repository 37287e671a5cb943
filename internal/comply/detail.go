package comply

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// RequirementItem is a requirement in a list.
type RequirementItem struct {
	ID      string          `json:"id"`
	Area    string          `json:"area"`
	Title   string          `json:"title"`
	Key     bool            `json:"key"`
	Mode    Mode            `json:"mode" enum:"measured,mixed,declared,alias"`
	Scope   Scope           `json:"scope" enum:"entity,site,entity+site"`
	AliasOf string          `json:"alias_of"`
	Entity  Cell            `json:"entity"`
	Sites   map[string]Cell `json:"sites"`
}

// Requirements lists the catalogue with its levels, now or at a day; area 0 and site "" mean all.
func (s *Service) Requirements(ctx context.Context, scope auth.Scope, area int, siteID string, asOf time.Time) ([]RequirementItem, error) {
	out := []RequirementItem{}
	err := s.db.View(ctx, func(r store.Reader) error {
		out = out[:0]
		p, err := s.load(ctx, r, scope, dayAsked(asOf))
		if err != nil {
			return err
		}
		if siteID != "" {
			x, ok := p.siteByID(siteID)
			if !ok {
				return ot.Errorf(ot.NotFound, "there is no site %q that you can see", siteID)
			}
			p.sites = []site{x}
		}
		for _, a := range s.cat.Areas {
			if area != 0 && a.ID != area {
				continue
			}
			for _, q := range a.Requirements {
				scored, _ := s.cat.Requirement(q.ID)
				out = append(out, p.item(q, scored))
			}
		}
		return nil
	})
	return out, err
}

// item lists q with the levels of scored, which differs for an alias.
func (p *picture) item(q, scored *Requirement) RequirementItem {
	roll, target := p.requirement(scored)
	it := RequirementItem{ID: q.ID, Area: strconv.Itoa(q.Area), Title: q.Title, Key: scored.Key, Mode: q.Mode, Scope: scored.Scope, AliasOf: q.AliasOf, Sites: map[string]Cell{}}
	lift := ""
	for _, x := range p.sites {
		l := p.at(scored, x)
		it.Sites[x.ID] = l.cell()
		if lift == "" && l.State != StateAt {
			lift = firstOf(l.Text.V.Lift)
		}
	}
	it.Entity = rolledCell(roll, target, lift)
	return it
}

// RequirementDetail is everything about one requirement.
type RequirementDetail struct {
	ID           string              `json:"id"`
	Area         string              `json:"area"`
	Title        string              `json:"title"`
	Text         string              `json:"text"`
	Key          bool                `json:"key"`
	Mode         Mode                `json:"mode" enum:"measured,mixed,declared"`
	Scope        Scope               `json:"scope" enum:"entity,site,entity+site"`
	AliasOf      string              `json:"alias_of" doc:"Always empty: asking for an alias answers with the requirement that is scored"`
	User         string              `json:"user" doc:"What a person needs to work on it"`
	Weight       float64             `json:"weight"`
	Refs         map[string][]string `json:"refs"`
	Confidence   string              `json:"refs_confidence"`
	RefsNote     string              `json:"refs_note"`
	References   []Reference         `json:"references" nullable:"false"`
	Entity       Cell                `json:"entity"`
	Declared     []RecordItem        `json:"declared" nullable:"false"`
	Sites        []SiteLevel         `json:"sites" nullable:"false"`
	Checks       []CheckItem         `json:"checks" nullable:"false"`
	Declarations []DeclarationItem   `json:"declarations" nullable:"false"`
	Findings     []FindingItem       `json:"findings" nullable:"false"`
}

// RecordItem is a record that the requirement asks for.
type RecordItem struct {
	Record     string    `json:"record" doc:"As it is declared"`
	Title      string    `json:"title" doc:"The same, in the reader's language" say:"true"`
	AttestedBy string    `json:"attested_by" say:"true"`
	ValidFor   string    `json:"valid_for" say:"true"`
	Until      time.Time `json:"longest_until" doc:"The latest valid_until that a declaration of today may have"`
	Note       string    `json:"note,omitempty"`
}

// SiteLevel is the level at a site with its three numbers and its reasons.
type SiteLevel struct {
	Site     string     `json:"site"`
	Cell     Cell       `json:"cell"`
	Level    int        `json:"level" doc:"As the gates have it, also where the cell is unknown"`
	Name     string     `json:"level_name"`
	C        float64    `json:"c" doc:"Coverage: the least share that was judged, of all checks"`
	E        float64    `json:"e" doc:"Effect: how much of the targets is achieved, of what was judged"`
	F        float64    `json:"f" doc:"Freshness of the oldest data"`
	D        float64    `json:"d" doc:"Declared records in date"`
	Measured bool       `json:"measured"`
	Why      []string   `json:"why" nullable:"false" say:"true"`
	Lift     []string   `json:"lift" nullable:"false" say:"true"`
	Caps     []string   `json:"caps" nullable:"false" say:"true"`
	Since    store.Time `json:"since"`
	At       store.Time `json:"at"`
}

// CheckItem is a check with its answer at each site.
type CheckItem struct {
	ID          string                `json:"id"`
	Title       string                `json:"title"`
	Measure     string                `json:"measure" say:"true"`
	Target      string                `json:"target" say:"true"`
	Window      string                `json:"window" say:"true"`
	Unit        string                `json:"unit" doc:"Of several: hosts" say:"true"`
	One         string                `json:"unit_one" doc:"Of one: host" say:"true"`
	Wants       string                `json:"wants" say:"true"`
	Kind        string                `json:"kind" enum:"share,count,number"`
	Implemented bool                  `json:"implemented"`
	Contradicts bool                  `json:"contradicts"`
	Sites       map[string]AnswerItem `json:"sites"`
}

// AnswerItem is what a check says of a site.
type AnswerItem struct {
	Status     Verdict    `json:"status" enum:"pass,fail,unknown"`
	Value      *float64   `json:"value"`
	Population int        `json:"population"`
	Judged     int        `json:"judged"`
	Passed     int        `json:"passed"`
	Failed     int        `json:"failed"`
	Unknown    int        `json:"unknown"`
	Excepted   int        `json:"excepted"`
	Observed   *float64   `json:"observed_share"`
	Collected  store.Time `json:"collected_at" nullable:"true"`
	At         store.Time `json:"at"`
	Reason     string     `json:"reason" say:"true"`
}

// DeclarationItem is a declaration as people see it.
type DeclarationItem struct {
	Declaration
	SiteID *string    `json:"site_id" doc:"null: for the whole company"`
	At     store.Time `json:"at"`
	Valid  bool       `json:"valid"`
}

func declarationItem(d Declaration, siteID string, now time.Time) DeclarationItem {
	it := DeclarationItem{Declaration: d, At: d.DeclaredAt, Valid: d.Valid(now)}
	if siteID != "" {
		it.SiteID = &siteID
	}
	return it
}

// FindingItem is a finding as people see it.
type FindingItem struct {
	ID       string      `json:"id"`
	Title    string      `json:"title" say:"true"`
	Detail   string      `json:"detail" say:"true"`
	Severity ot.Severity `json:"severity"`
	SiteID   string      `json:"site_id"`
	Check    string      `json:"check"`
	At       store.Time  `json:"at"`
	ClosedAt store.Time  `json:"closed_at" nullable:"true"`
	Record   string      `json:"record_id" doc:"Of the record that people work on; empty: an earlier release found it"`
}

// Requirement gives one requirement, now or at a day; an alias leads to the one that is scored.
func (s *Service) Requirement(ctx context.Context, scope auth.Scope, id string, asOf time.Time) (RequirementDetail, error) {
	q, ok := s.cat.Requirement(id)
	if !ok {
		return RequirementDetail{}, ot.Errorf(ot.NotFound, "there is no requirement %q", ot.Printable(id))
	}
	now := s.clock()
	if !asOf.IsZero() {
		now = endOf(asOf)
	}
	out := RequirementDetail{
		ID: q.ID, Area: strconv.Itoa(q.Area), Title: q.Title, Text: q.Text, Key: q.Key, Mode: q.Mode, Scope: q.Scope, User: q.User, Weight: q.Weight,
		Refs: q.Refs.byID(), Confidence: q.Refs.Confidence, RefsNote: q.Refs.Note, References: s.cat.References,
	}
	for _, d := range q.Declared {
		out.Declared = append(out.Declared, RecordItem{d.Record, d.Record, d.AttestedBy, d.ValidFor.People(), now.UTC().Add(d.ValidFor.Length()).Truncate(time.Second), d.Note})
	}
	err := s.db.View(ctx, func(r store.Reader) error {
		p, err := s.load(ctx, r, scope, dayAsked(asOf))
		if err != nil {
			return err
		}
		out.Entity = p.item(q, q).Entity
		out.Sites, out.Declarations, out.Findings = []SiteLevel{}, []DeclarationItem{}, []FindingItem{}
		ids := map[int64]string{}
		for _, x := range p.sites {
			ids[x.No] = x.ID
			l := p.at(q, x)
			out.Sites = append(out.Sites, SiteLevel{
				x.ID, l.cell(), l.Level, LevelName(l.Level), l.C, l.E, l.F, l.D, l.Measured,
				orEmpty(l.Text.V.Why), orEmpty(l.Text.V.Lift), orEmpty(l.Text.V.Caps), l.Since, l.At,
			})
		}
		if out.Checks, err = checkItems(ctx, r, q, ids, asOf); err != nil {
			return err
		}
		moment := now
		if asOf.IsZero() {
			moment = time.Time{}
		}
		declared, err := declarationsAt(ctx, r, scope, q.ID, moment)
		if err != nil {
			return fmt.Errorf("read declarations: %w", err)
		}
		for _, d := range declared {
			out.Declarations = append(out.Declarations, declarationItem(d, ids[d.SiteNo], now))
		}
		found, err := store.All[Finding](ctx, r, "SELECT "+findingColumns+" FROM comply_finding WHERE requirement = ? AND opened_at <= ? AND ? ORDER BY opened_at DESC, finding_id LIMIT 200", q.ID, store.At(now), visible(scope))
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		for _, f := range found {
			if f.ClosedAt.After(now) {
				f.ClosedAt = store.Time{}
			}
			out.Findings = append(out.Findings, FindingItem{f.ID, "Declared one way, measured another", f.Sentence, ot.Critical, ids[f.SiteNo], f.CheckID, f.OpenedAt, f.ClosedAt, f.RecordID})
		}
		return nil
	})
	return out, err
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// checkItems gives the checks with their answers: the present ones, or of a day the last evidence of it or before.
func checkItems(ctx context.Context, r store.Reader, q *Requirement, sites map[int64]string, asOf time.Time) ([]CheckItem, error) {
	byID := map[string]relation{}
	for _, rel := range relations() {
		byID[rel.id] = rel
	}
	var out []CheckItem
	var ids []string
	for _, k := range q.Checks {
		rel, ok := byID[k.ID]
		unit := rel.unit
		if k.Test.Unit != "" {
			unit = k.Test.Unit
		}
		out = append(out, CheckItem{k.ID, k.Title, k.Measure, k.Target, k.Window.People(), unit, one(unit), k.Wants, k.Test.Kind, ok, k.Contradicts, map[string]AnswerItem{}})
		ids = append(ids, k.ID)
	}
	query := sqlf("SELECT "+answerColumns+" FROM comply_answer WHERE check_id IN (?)", ids)
	if !asOf.IsZero() {
		query = sqlf("SELECT "+strings.Replace(answerColumns, "evidence_at", "at AS evidence_at", 1)+` FROM comply_evidence WHERE (site_no, check_id, at) IN (
			SELECT site_no, check_id, MAX(at) FROM comply_evidence WHERE check_id IN (?) AND at <= ? GROUP BY site_no, check_id)`, ids, store.At(endOf(asOf)))
	}
	rows, err := store.All[answerRow](ctx, r, "?", query)
	if err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	for _, a := range rows {
		id, ok := sites[a.SiteNo]
		if !ok {
			continue
		}
		for i := range out {
			if out[i].ID == a.CheckID {
				out[i].Sites[id] = AnswerItem{a.Status, a.Value, a.Population, a.Judged, a.Passed, a.Failed, a.Unknown, a.Excepted, a.Observed, a.Collected, a.At, a.Reason}
			}
		}
	}
	return out, nil
}
