package inbox

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Who is a person as a page names one; both empty: nobody.
type Who struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Entry is an item as a person sees it.
type Entry struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	SiteID       string     `json:"site_id" doc:"Empty: the whole company or installation"`
	Site         string     `json:"site"`
	Role         string     `json:"role" doc:"The role that is asked; empty: a person is"`
	User         Who        `json:"user" doc:"The person who is asked"`
	Severity     string     `json:"severity" enum:"now,today,this-week,information"`
	Title        string     `json:"title" say:"true"`
	Detail       string     `json:"detail" say:"true"`
	Ref          ot.Ref     `json:"ref" doc:"What it is about"`
	Action       string     `json:"action" doc:"The one primary action: decide, approve, renew, explain, answer, look"`
	OpenedAt     store.Time `json:"opened_at"`
	DueAt        store.Time `json:"due_at" nullable:"true"`
	Overdue      bool       `json:"overdue"`
	SnoozedUntil store.Time `json:"snoozed_until" nullable:"true"`
	Level        int64      `json:"level" doc:"Of escalation: 0 asked, 1 deputy, 2 on call, 3 security officer"`
	Mine         bool       `json:"mine" doc:"You are asked, stand in for who is, or were reached by escalation"`
	MyRole       bool       `json:"my_role" doc:"Your role is asked"`
	Seen         bool       `json:"seen" doc:"By you"`
	DoneAt       store.Time `json:"done_at" nullable:"true"`
	DoneBy       Who        `json:"done_by"`
	Outcome      string     `json:"outcome"`
	Comment      string     `json:"comment"`
}

type entryRow struct {
	row
	SiteID       string     `db:"site_id"`
	Site         string     `db:"site"`
	UserName     string     `db:"user_name"`
	SnoozedUntil store.Time `db:"snoozed_until"`
	Level        int64      `db:"level"`
	Mine         bool       `db:"mine"`
	MyRole       bool       `db:"my_role"`
	Seen         bool       `db:"seen"`
	DoneAt       store.Time `db:"done_at"`
	DoneBy       string     `db:"done_by"`
	DoneName     string     `db:"done_name"`
	Outcome      string     `db:"outcome"`
	Comment      string     `db:"comment"`
}

const entryFrom = ` FROM inbox_item i LEFT JOIN org_site s ON s.site_no = i.site_no`

// entrySelect reads entries as one person sees them.
func entrySelect(p auth.Principal, now time.Time) ot.SQL {
	return ot.SQL{
		Text: `SELECT i.item_id, i.item_key, i.kind, i.site_no, i.zone_no, i.entity_id, i.role, i.user_id, i.severity, i.title, i.detail, i.ref_kind, i.ref_id, i.action, i.opened_at, i.due_at,
 COALESCE(s.site_id, '') AS site_id, COALESCE(s.name, '') AS site, COALESCE((SELECT n.name FROM auth_user n WHERE n.user_id = i.user_id), '') AS user_name,
 i.snoozed_until, i.level, CASE WHEN ? THEN 1 ELSE 0 END = 1 AS mine, CASE WHEN ? THEN 1 ELSE 0 END = 1 AS my_role,
 CASE WHEN EXISTS (SELECT 1 FROM inbox_seen k WHERE k.item_id = i.item_id AND k.user_id = ?) THEN 1 ELSE 0 END = 1 AS seen,
 i.done_at, i.done_by, COALESCE((SELECT n.name FROM auth_user n WHERE n.user_id = i.done_by), (SELECT MAX(t.by_name) FROM inbox_step t WHERE t.item_id = i.item_id AND t.kind = 'answered' AND t.by_id = i.done_by), '') AS done_name,
 i.outcome, i.comment` + entryFrom,
		Args: []any{asksMe(p.UserID, now), asksRole(p, now), p.UserID},
	}
}

func (x *entryRow) show(now time.Time) Entry {
	return Entry{
		ID: x.ID, Kind: x.Kind, SiteID: x.SiteID, Site: x.Site, Role: x.Role, User: Who{x.UserID, x.UserName}, Severity: SeverityName(Severity(x.Severity)), Title: x.Title, Detail: x.Detail,
		Ref: ot.Ref{Kind: x.RefKind, ID: x.RefID}, Action: x.Action, OpenedAt: x.OpenedAt, DueAt: x.DueAt, Overdue: x.DoneAt.IsZero() && !x.DueAt.IsZero() && x.DueAt.Before(now),
		SnoozedUntil: x.SnoozedUntil, Level: x.Level, Mine: x.Mine, MyRole: x.MyRole, Seen: x.Seen,
		DoneAt: x.DoneAt, DoneBy: Who{x.DoneBy, x.DoneName}, Outcome: x.Outcome, Comment: x.Comment,
	}
}

var severityNames = [...]string{Now: "now", Today: "today", ThisWeek: "this-week", Information: "information"}

// SeverityName is the word of the API.
func SeverityName(s Severity) string {
	if s < Now || s > Information {
		return severityNames[Information]
	}
	return severityNames[s]
}

func severityNo(name string) int64 {
	for i, n := range severityNames {
		if n == name {
			return int64(i)
		}
	}
	return 0
}

// Filter narrows a list.
type Filter struct {
	Whose    string // mine (and my role's), me, role, all; empty: mine
	Site     string
	Kind     string
	Severity string
	Due      string // overdue, today (the next 24 h), week
	State    string // open, snoozed, done, any; empty: open
	Ref      ot.Ref
	Cursor   string
	Limit    int
}

type position struct {
	Severity int64  `json:"s"`
	At       int64  `json:"a"`
	ID       string `json:"i"`
}

// never sorts what is not due after everything that is.
const never = int64(9e15)

func (f Filter) where(p auth.Principal, now time.Time) (ot.SQL, error) {
	q := mayRead(p, now)
	q = ot.SQL{Text: "?", Args: []any{q}}
	and := func(text string, args ...any) {
		q.Text += " AND " + text
		q.Args = append(q.Args, args...)
	}
	switch f.Whose {
	case "", "mine":
		and("(? OR ?)", asksMe(p.UserID, now), asksRole(p, now))
	case "me":
		and("?", asksMe(p.UserID, now))
	case "role":
		and("?", asksRole(p, now))
	case "all":
	default:
		return q, ot.Errorf(ot.Invalid, "whose: %q is none of mine, me, role, all", ot.Printable(f.Whose))
	}
	t := store.At(now)
	switch f.State {
	case "", "open":
		and("i.done_at IS NULL AND (i.snoozed_until IS NULL OR i.snoozed_until <= ?)", t)
	case "snoozed":
		and("i.done_at IS NULL AND i.snoozed_until > ?", t)
	case "done":
		and("i.done_at IS NOT NULL")
	case "any":
	default:
		return q, ot.Errorf(ot.Invalid, "state: %q is none of open, snoozed, done, any", ot.Printable(f.State))
	}
	switch f.Due {
	case "":
	case "overdue":
		and("i.due_at < ?", t)
	case "today":
		and("i.due_at < ?", store.At(now.Add(24*time.Hour)))
	case "week":
		and("i.due_at < ?", store.At(now.AddDate(0, 0, 7)))
	default:
		return q, ot.Errorf(ot.Invalid, "due: %q is none of overdue, today, week", ot.Printable(f.Due))
	}
	if f.Site != "" {
		and("s.site_id = ?", f.Site)
	}
	if f.Kind != "" {
		and("i.kind = ?", f.Kind)
	}
	if f.Severity != "" {
		no := severityNo(f.Severity)
		if no == 0 {
			return q, ot.Errorf(ot.Invalid, "severity: %q is none of now, today, this-week, information", ot.Printable(f.Severity))
		}
		and("i.severity = ?", no)
	}
	if f.Ref.Kind != "" {
		and("i.ref_kind = ? AND i.ref_id = ?", f.Ref.Kind, f.Ref.ID)
	}
	return q, nil
}

// List gives the items that a person may see: the most severe first, then by the
// time they are due; done ones by when they were done, newest first.
func (s *Service) List(ctx context.Context, p auth.Principal, f Filter) (page rest.Page[Entry], err error) {
	now := s.now()
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	where, err := f.where(p, now)
	if err != nil {
		return page, err
	}
	var pos position
	if err := rest.DecodeCursor(f.Cursor, &pos); err != nil {
		return page, err
	}
	done := f.State == "done" || f.State == "any"
	order := " ORDER BY i.severity, COALESCE(i.due_at, 9000000000000000), i.item_id LIMIT ?"
	if done {
		order = " ORDER BY COALESCE(i.done_at, 9000000000000000) DESC, i.item_id DESC LIMIT ?"
	}
	if f.Cursor != "" {
		if done {
			where.Text += " AND (COALESCE(i.done_at, 9000000000000000) < ? OR COALESCE(i.done_at, 9000000000000000) = ? AND i.item_id < ?)"
			where.Args = append(where.Args, pos.At, pos.At, pos.ID)
		} else {
			where.Text += " AND (i.severity > ? OR i.severity = ? AND (COALESCE(i.due_at, 9000000000000000) > ? OR COALESCE(i.due_at, 9000000000000000) = ? AND i.item_id > ?))"
			where.Args = append(where.Args, pos.Severity, pos.Severity, pos.At, pos.At, pos.ID)
		}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[entryRow](ctx, r, "? WHERE ?"+order, entrySelect(p, now), where, f.Limit+1)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, f.Limit, func(x entryRow) string {
			at := x.DueAt
			if done {
				at = x.DoneAt
			}
			us := never
			if !at.IsZero() {
				us = at.UnixMicro()
			}
			return rest.EncodeCursor(position{x.Severity, us, x.ID})
		})
		page = rest.Page[Entry]{Items: make([]Entry, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].show(now))
		}
		return nil
	})
	return page, err
}

// Counts say how much waits.
type Counts struct {
	Mine     int64            `json:"mine" doc:"Open and asked of you or your role, not put aside"`
	Me       int64            `json:"me"`
	Role     int64            `json:"role"`
	All      int64            `json:"all" doc:"All that you may see"`
	Urgent   int64            `json:"urgent" doc:"Of mine: to be looked at now, or overdue"`
	Overdue  int64            `json:"overdue" doc:"Of mine"`
	Snoozed  int64            `json:"snoozed" doc:"Of mine, put aside"`
	Unseen   int64            `json:"unseen" doc:"Of mine, not opened by you yet"`
	Kinds    map[string]int64 `json:"kinds" doc:"Of all, by kind"`
	Sites    map[string]int64 `json:"sites" doc:"Of all, by id of the site; empty id: the company's"`
	Severity map[string]int64 `json:"severity" doc:"Of all"`
}

// Count counts the open items that a person may see.
func (s *Service) Count(ctx context.Context, p auth.Principal) (c Counts, err error) {
	now := s.now()
	type group struct {
		Kind     string `db:"kind"`
		SiteID   string `db:"site_id"`
		Severity int64  `db:"severity"`
		Me       bool   `db:"me"`
		Role     bool   `db:"my_role"`
		Snoozed  bool   `db:"snoozed"`
		Overdue  bool   `db:"overdue"`
		Seen     bool   `db:"seen"`
		N        int64  `db:"n"`
	}
	c = Counts{Kinds: map[string]int64{}, Sites: map[string]int64{}, Severity: map[string]int64{}}
	t := store.At(now)
	err = s.db.View(ctx, func(r store.Reader) error {
		for g, err := range store.Select[group](ctx, r, `SELECT kind, site_id, severity, me = 1 AS me, my_role = 1 AS my_role, snoozed = 1 AS snoozed, overdue = 1 AS overdue, seen = 1 AS seen, COUNT(*) AS n FROM (
SELECT i.kind, COALESCE(s.site_id, '') AS site_id, i.severity, CASE WHEN ? THEN 1 ELSE 0 END AS me, CASE WHEN ? THEN 1 ELSE 0 END AS my_role,
 CASE WHEN i.snoozed_until > ? THEN 1 ELSE 0 END AS snoozed, CASE WHEN i.due_at < ? THEN 1 ELSE 0 END AS overdue,
 CASE WHEN EXISTS (SELECT 1 FROM inbox_seen k WHERE k.item_id = i.item_id AND k.user_id = ?) THEN 1 ELSE 0 END AS seen`+entryFrom+`
WHERE i.done_at IS NULL AND ?) x GROUP BY kind, site_id, severity, me, my_role, snoozed, overdue, seen`, asksMe(p.UserID, now), asksRole(p, now), t, t, p.UserID, mayRead(p, now)) {
			if err != nil {
				return err
			}
			mine := g.Me || g.Role
			if g.Snoozed {
				if mine {
					c.Snoozed += g.N
				}
				continue
			}
			c.All += g.N
			c.Kinds[g.Kind] += g.N
			c.Sites[g.SiteID] += g.N
			c.Severity[SeverityName(Severity(g.Severity))] += g.N
			for _, of := range []struct {
				when bool
				n    *int64
			}{
				{mine, &c.Mine},
				{g.Me, &c.Me},
				{g.Role, &c.Role},
				{mine && (g.Overdue || Severity(g.Severity) == Now), &c.Urgent},
				{mine && g.Overdue, &c.Overdue},
				{mine && !g.Seen, &c.Unseen},
			} {
				if of.when {
					*of.n += g.N
				}
			}
		}
		return nil
	})
	return c, err
}

// Step is one step of an item, for people.
type Step struct {
	At     store.Time `json:"at"`
	Kind   string     `json:"kind" enum:"handed,snoozed,deputy,on-call,gap,officer,returned,answered,reopened"`
	By     Who        `json:"by" doc:"Nobody: by itself"`
	To     Who        `json:"to"`
	ToRole string     `json:"to_role"`
	Note   string     `json:"note"`
}

// Receipt says that a person saw an item.
type Receipt struct {
	Who
	At store.Time `json:"at"`
}

// Detail is one item with all that happened to it.
type Detail struct {
	Entry
	Steps    []Step    `json:"steps" nullable:"false"`
	Receipts []Receipt `json:"receipts" nullable:"false"`
	Asked    []Who     `json:"asked" nullable:"false" doc:"Whom it reaches now"`
	DoneFor  Who       `json:"done_for" doc:"Who was asked, where somebody who stood in did it"`
}

// find reads an item that the person may see.
func find(ctx context.Context, r store.Reader, p auth.Principal, now time.Time, id string) (entryRow, error) {
	x, err := store.One[entryRow](ctx, r, "? WHERE i.item_id = ? AND ?", entrySelect(p, now), id, mayRead(p, now))
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.NotFound, "there is no inbox item %s", ot.Printable(id))
	}
	return x, err
}

// Detail returns one item.
func (s *Service) Detail(ctx context.Context, p auth.Principal, id string) (d Detail, err error) {
	now := s.now()
	err = s.db.View(ctx, func(r store.Reader) error {
		x, err := find(ctx, r, p, now, id)
		if err != nil {
			return err
		}
		d = Detail{Entry: x.show(now), Steps: []Step{}, Receipts: []Receipt{}, Asked: []Who{}}
		type stepRow struct {
			step
			ToName string `db:"to_name"`
		}
		steps, err := store.All[stepRow](ctx, r, "SELECT t."+strings.ReplaceAll(stepColumns, ", ", ", t.")+", COALESCE(u.name, '') AS to_name FROM inbox_step t LEFT JOIN auth_user u ON u.user_id = t.to_user WHERE t.item_id = ? ORDER BY t.step_id", x.ID)
		if err != nil {
			return err
		}
		for _, t := range steps {
			d.Steps = append(d.Steps, Step{t.At, t.Kind, Who{t.ByID, t.ByName}, Who{t.ToUser, t.ToName}, t.ToRole, t.Note})
		}
		type seenRow struct {
			ID   string     `db:"user_id"`
			Name string     `db:"name"`
			At   store.Time `db:"at"`
		}
		seen, err := store.All[seenRow](ctx, r, "SELECT user_id, name, at FROM inbox_seen WHERE item_id = ? ORDER BY at, user_id", x.ID)
		if err != nil {
			return err
		}
		for _, k := range seen {
			d.Receipts = append(d.Receipts, Receipt{Who{k.ID, k.Name}, k.At})
		}
		asked, err := Addressees(ctx, r, now, x.Key)
		if err != nil {
			return err
		}
		for _, a := range asked {
			d.Asked = append(d.Asked, Who{a.UserID, a.Name})
		}
		stood, err := stoodIn(ctx, r, x, d.Steps)
		if stood {
			d.DoneFor = d.User
		}
		return err
	})
	return d, err
}

// stoodIn says whether who did it stood in then for the person who was asked: named for an
// absence, or reached as deputy when it was overdue.
func stoodIn(ctx context.Context, r store.Reader, x entryRow, steps []Step) (bool, error) {
	if x.DoneAt.IsZero() || x.UserID == "" || x.DoneBy == x.UserID {
		return false, nil
	}
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == stepDeputy && s.To.ID == x.DoneBy }) {
		return true, nil
	}
	n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM inbox_absence WHERE user_id = ? AND deputy_id = ? AND from_at <= ? AND to_at > ? AND (ended_at IS NULL OR ended_at > ?)", x.UserID, x.DoneBy, x.DoneAt, x.DoneAt, x.DoneAt)
	return n > 0, err
}
