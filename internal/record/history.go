package record

import (
	"context"
	"reflect"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Version is a record as it was, and what made it so.
type Version struct {
	Version int64         `json:"version"`
	At      store.Time    `json:"at"`
	By      Name          `json:"by"`
	Action  string        `json:"action" doc:"create, change, request, approve, reject, review … or a transition's id"`
	Title   string        `json:"title" doc:"The action in words"`
	State   string        `json:"state"`
	Reason  string        `json:"reason"`
	Changes []FieldChange `json:"changes" nullable:"false"`
	Hash    string        `json:"hash"`
}

// FieldChange is one field before and after.
type FieldChange struct {
	Field      string `json:"field"`
	Title      string `json:"title"`
	Before     any    `json:"before"`
	After      any    `json:"after"`
	BeforeText string `json:"before_text"`
	AfterText  string `json:"after_text"`
}

// History lists the versions of a record, the newest first.
func (s *Service) History(ctx context.Context, who auth.Principal, id, cursor string, limit int) (page rest.Page[Version], err error) {
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	before := int64(1 << 40)
	if err := rest.DecodeCursor(cursor, &before); err != nil {
		return page, err
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		_, t, err := s.load(ctx, r, who.Scope, id)
		if err != nil {
			return err
		}
		if _, err := s.typeFor(who, t.ID, "read"); err != nil {
			return unknown()
		}
		rows, err := store.All[revision](ctx, r, "SELECT "+revisionColumns+" FROM record_revision WHERE record_id = ? AND version < ? ORDER BY version DESC LIMIT ?", id, before, limit+1)
		if err != nil {
			return err
		}
		var people []string
		for i := range rows {
			people = append(people, rows[i].By, rows[i].OwnerID)
		}
		names, err := peopleNames(ctx, r, people)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(v revision) string { return rest.EncodeCursor(v.Version) })
		page = rest.Page[Version]{Items: []Version{}, Next: cut.Next}
		for i := range cut.Items {
			v := &rows[i]
			var prev *revision
			if i+1 < len(rows) {
				prev = &rows[i+1]
			}
			page.Items = append(page.Items, t.version(prev, v, names))
		}
		return nil
	})
	return page, err
}

func (t *Type) version(prev, v *revision, names func(string) Name) Version {
	out := Version{Version: v.Version, At: v.At, By: names(v.By), Action: v.Action, Title: t.actionTitle(v.Action), State: v.State, Reason: v.Reason, Changes: []FieldChange{}, Hash: v.Hash}
	if prev == nil {
		prev = &revision{}
	}
	out.Changes = t.diff(prev, v, names)
	return out
}

func (t *Type) actionTitle(action string) string {
	if x, ok := t.Transition(action); ok {
		return x.Title
	}
	return map[string]string{
		"create": "Written down", "change": "Changed", "request": "Approval asked for", "reject": "Refused", "second-look": "Looked at by a second person",
		"review": "Reviewed", "withdraw": "Request withdrawn", "import": "Imported", "bulk": "Changed with others",
	}[action]
}

// diff lists what differs between two revisions, heads first, then fields in the
// type's order. Both are brought to the present form of the type first.
func (t *Type) diff(a, b *revision, names func(string) Name) []FieldChange {
	out := []FieldChange{}
	add := func(id, title string, before, after any, text func(any) string) {
		if !reflect.DeepEqual(before, after) {
			out = append(out, FieldChange{id, title, before, after, text(before), text(after)})
		}
	}
	plain := func(v any) string { return Field{}.text(v) }
	str := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	when := func(x store.Time) any {
		if x.IsZero() {
			return nil
		}
		return x.Format(time.RFC3339)
	}
	add("title", "Title", str(a.Title), str(b.Title), plain)
	add("state", "State", str(a.State), str(b.State), func(v any) string {
		id, _ := v.(string)
		st, _ := t.State(id)
		return st.Title
	})
	add("owner", "Owner", str(a.OwnerID), str(b.OwnerID), func(v any) string {
		if id, _ := v.(string); id != "" {
			return names(id).Name
		}
		return ""
	})
	add("asset", "Asset", str(a.AssetID), str(b.AssetID), plain)
	add("valid_from", "Valid from", when(a.ValidFrom), when(b.ValidFrom), plain)
	add("valid_until", "Valid until", when(a.ValidUntil), when(b.ValidUntil), plain)
	add("due_at", "Due", when(a.DueAt), when(b.DueAt), plain)
	add("review_at", "Next review", when(a.ReviewAt), when(b.ReviewAt), plain)
	if a.Approval != "" || b.Approval != NoApproval {
		add("approval", "Approval", str(a.Approval), str(b.Approval), plain)
	}
	before, after := t.upgrade(a.Data.V, a.DataVersion), t.upgrade(b.Data.V, b.DataVersion)
	for _, f := range t.Fields {
		text := f.text
		if f.Kind == Person {
			text = func(v any) string {
				if id, _ := v.(string); id != "" {
					return names(id).Name
				}
				return ""
			}
		}
		add(f.ID, f.Title, before[f.ID], after[f.ID], text)
	}
	return out
}

// Verify checks the chains of every record: that no revision was changed, removed from
// the middle or the end, or put in. It returns how many revisions were sound.
func Verify(ctx context.Context, r store.Reader) (n int64, err error) {
	var last *revision
	for v, err := range store.Select[revision](ctx, r, "SELECT "+revisionColumns+" FROM record_revision ORDER BY record_id, version") {
		if err != nil {
			return n, err
		}
		prev := ""
		want := int64(1)
		if last != nil && last.ID == v.ID {
			prev, want = last.Hash, last.Version+1
		}
		if v.PrevHash != prev || v.Version != want || v.Hash != v.chainHash() || v.ContentHash != v.contentHash() {
			return n, ot.Errorf(ot.Damaged, "version %d of record %s is not what was written: restore a snapshot, and find out who can reach the database", v.Version, ot.Printable(v.Ref))
		}
		n++
		last = &v
	}
	bad, err := store.All[string](ctx, r, `SELECT r.ref FROM record_record r LEFT JOIN record_revision v ON v.record_id = r.record_id AND v.version = r.version
		WHERE v.hash IS NULL OR v.hash <> r.hash OR v.state <> r.state OR v.title <> r.title OR v.approval <> r.approval LIMIT 1`)
	if err == nil && len(bad) > 0 {
		err = ot.Errorf(ot.Damaged, "record %s is not what its newest version says: restore a snapshot, and find out who can reach the database", ot.Printable(bad[0]))
	}
	return n, err
}
