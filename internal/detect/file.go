package detect

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/detect/sigma"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// OwnFile is a file of the plant's own rules.
type OwnFile struct {
	Name     string         `json:"name"`
	Text     string         `json:"text" doc:"YAML, one rule a document"`
	On       bool           `json:"on" doc:"Its rules run"`
	Reason   string         `json:"reason" doc:"Why it was last changed"`
	By       string         `json:"by"`
	At       store.Time     `json:"at"`
	Rules    []string       `json:"rules" nullable:"false" doc:"Ids of its rules"`
	Mistakes []rule.Mistake `json:"mistakes" nullable:"false" doc:"What is wrong with it now: a newer program may know a name otherwise"`
	ETag     string         `json:"etag"`
}

// NewFile is a file as a person gives it.
type NewFile struct {
	Text   string `json:"text" maxLength:"262144" doc:"YAML, one rule a document; at most 256 KiB"`
	On     bool   `json:"on" doc:"Its rules run from now on"`
	Reason string `json:"reason" minLength:"1" maxLength:"500"`
}

// fileRow is detect_file.
type fileRow struct {
	Name    string `db:"name"`
	Text    string `db:"text"`
	ByID    string `db:"by_id"`
	ByName  string `db:"by_name"`
	At      int64  `db:"at"`
	Enabled bool   `db:"enabled"`
	Reason  string `db:"reason"`
	Version int64  `db:"version"`
}

const fileColumns = "name, text, by_id, by_name, at, enabled, reason, version"

func (f *fileRow) etag() string {
	return rest.ETag("detect-file", f.Name, strconv.FormatInt(f.Version, 10))
}

var fileName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,58}\.yaml$`)

// Bounds of own rules: they travel to every edge.
const (
	maxOwnFiles = 200
	maxOwnBytes = 1 << 20
)

// Own are the files that run, as they were uploaded. One that this program cannot read
// any more is left out and named: it must not keep the others, or the start, from working.
func (s *Service) Own(ctx context.Context) (files []rule.File, left []string, err error) {
	var rows []fileRow
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[fileRow](ctx, r, "SELECT "+fileColumns+" FROM detect_file WHERE enabled ORDER BY name")
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range rows {
		if _, _, found := Prove(s.cfg.Catalogue, []byte(f.Text)); len(found) > 0 {
			left = append(left, f.Name)
			continue
		}
		if sigma.Is([]byte(f.Text)) {
			rules, _ := sigma.Read([]byte(f.Text)) // without mistakes, as it was just proved
			if f.Text, err = sigma.AsFile(rules); err != nil {
				return nil, nil, err
			}
		}
		files = append(files, rule.File{Name: "uploaded/" + f.Name, Text: f.Text})
	}
	return files, left, nil
}

// Files lists what was uploaded.
func (s *Service) Files(ctx context.Context) ([]OwnFile, error) {
	out := []OwnFile{}
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[fileRow](ctx, r, "SELECT "+fileColumns+" FROM detect_file ORDER BY name")
		if err != nil {
			return err
		}
		for i := range rows {
			out = append(out, s.showFile(&rows[i]))
		}
		return nil
	})
	return out, err
}

func (s *Service) showFile(f *fileRow) OwnFile {
	x := OwnFile{Name: f.Name, Text: f.Text, On: f.Enabled, Reason: f.Reason, By: f.ByName, At: store.Micros(f.At), Rules: []string{}, Mistakes: []rule.Mistake{}, ETag: f.etag()}
	if s.cfg.Catalogue == nil {
		return x
	}
	_, proved, found := Prove(s.cfg.Catalogue, []byte(f.Text))
	for _, p := range proved {
		x.Rules = append(x.Rules, p.ID)
	}
	x.Mistakes = append(x.Mistakes, found...)
	return x
}

// prove checks a file, also against what runs beside it.
func (s *Service) prove(ctx context.Context, r store.Reader, name, text string) (rules []rule.Rule, proved []Proved, found []rule.Mistake, err error) {
	rules, proved, found = Prove(s.cfg.Catalogue, []byte(text))
	rows, err := store.All[fileRow](ctx, r, "SELECT "+fileColumns+" FROM detect_file ORDER BY name")
	if err != nil {
		return nil, nil, nil, err
	}
	owner := map[string]string{}
	for _, f := range rows {
		for _, id := range ownIDs(f.Text) {
			owner[id] = f.Name
		}
	}
	for i := range rules {
		id := rules[i].ID
		where, own := owner[id]
		switch {
		case own && where != name:
			found = append(found, rule.Mistake{Line: rule.LineOf([]byte(text), id, "id"), Rule: id, Field: "id", Text: "the file " + where + " has a rule of this id already; give it another"})
		case !own && s.Rules().Lookup(id) != nil:
			found = append(found, rule.Mistake{Line: rule.LineOf([]byte(text), id, "id"), Rule: id, Field: "id", Text: "a rule of this id is shipped, or stands in the data folder; to make that one mean something else set it at a site, or give yours another id"})
		}
	}
	return rules, proved, found, nil
}

// PutFile keeps a file and makes its rules run, or stop. match is the If-Match header:
// empty for a new one.
func (s *Service) PutFile(ctx context.Context, by Person, name string, in NewFile, match string) (out OwnFile, err error) {
	if !fileName.MatchString(name) {
		return out, ot.Errorf(ot.Invalid, "the name of a file is small letters, digits, - and _, and ends in .yaml")
	}
	in.Reason = ot.Printable(strings.TrimSpace(in.Reason))
	if in.Reason == "" {
		return out, ot.Errorf(ot.Invalid, "say in a few words why these rules are needed, or changed")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[fileRow](ctx, tx, "SELECT "+fileColumns+" FROM detect_file ORDER BY name")
		if err != nil {
			return err
		}
		row := fileRow{Name: name}
		size := len(in.Text)
		for _, f := range rows {
			if f.Name == name {
				row = f
			} else {
				size += len(f.Text)
			}
		}
		switch {
		case row.Version == 0 && match != "":
			return ot.Errorf(ot.NotFound, "there is no such file of rules any more")
		case row.Version > 0:
			if err := rest.IfMatch(match, row.etag()); err != nil {
				return err
			}
		case len(rows) >= maxOwnFiles:
			return ot.Errorf(ot.TooMany, "there are %d files of own rules; put this one's rules into another, or remove one", len(rows))
		}
		if size > maxOwnBytes {
			return ot.Errorf(ot.TooMany, "own rules may have %d bytes together; these would have %d", maxOwnBytes, size)
		}
		_, _, found, err := s.prove(ctx, tx, name, in.Text)
		if err != nil {
			return err
		}
		if len(found) > 0 && (in.On || row.Text != in.Text) { // what became wrong by itself can be turned off
			return ot.Errorf(ot.Invalid, "line %d: %s", found[0].Line, found[0].Error())
		}
		row.Text, row.Enabled, row.Reason, row.ByID, row.ByName, row.At = in.Text, in.On, in.Reason, by.ID, by.Name, s.now().UnixMicro()
		row.Version++
		out = s.showFile(&row)
		return store.Upsert(ctx, tx, "detect_file", []fileRow{row}, []string{"name"}, []string{"text", "by_id", "by_name", "at", "enabled", "reason", "version"})
	})
	if err != nil {
		return out, err
	}
	return out, s.reload(ctx)
}

// DropFile removes a file; its alerts stay.
func (s *Service) DropFile(ctx context.Context, name, match string) error {
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[fileRow](ctx, tx, "SELECT "+fileColumns+" FROM detect_file WHERE name = ?", name)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ot.Errorf(ot.NotFound, "there is no such file of rules any more")
		}
		if err := rest.IfMatch(match, rows[0].etag()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM detect_file WHERE name = ?", name)
		return err
	})
	if err != nil {
		return err
	}
	return s.reload(ctx)
}

func (s *Service) reload(ctx context.Context) error {
	if s.cfg.Reload == nil {
		return nil
	}
	return s.cfg.Reload(ctx)
}

// Checked says how a file would do.
type Checked struct {
	Mistakes []rule.Mistake `json:"mistakes" nullable:"false" doc:"Empty: it is in order"`
	Rules    []Proved       `json:"rules" nullable:"false" doc:"Those in order, and what each would have found in the last 30 days on the sites that you see"`
}

// Check reads a file, plays its fixtures, and plays its rules over what was heard before.
func (s *Service) Check(ctx context.Context, scope Scope, name, text string) (out Checked, err error) {
	out = Checked{Mistakes: []rule.Mistake{}, Rules: []Proved{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		rules, proved, found, err := s.prove(ctx, r, name, text)
		if err != nil {
			return err
		}
		out.Mistakes = append(out.Mistakes, found...)
		slices.SortStableFunc(out.Mistakes, func(a, b rule.Mistake) int { return a.Line - b.Line })
		set, err := rule.Compile(rules, s.cfg.Catalogue, s.cfg.Catalogue.Len())
		if err != nil {
			return err
		}
		var onLines []sigma.Rule
		if sigma.Is([]byte(text)) {
			onLines, _ = sigma.Read([]byte(text)) // its mistakes are among found
		}
		would, err := s.replay(ctx, r, scope, set, onLines, nil)
		if err != nil {
			return err
		}
		for _, p := range proved {
			p.Would = would[p.ID]
			out.Rules = append(out.Rules, p)
		}
		return nil
	})
	return out, err
}
