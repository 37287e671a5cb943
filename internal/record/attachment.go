package record

import (
	"context"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// How a file was scanned.
const (
	Clean     = "clean"
	Infected  = "infected"
	Unscanned = "unscanned"
)

const maxAttachments = 200 // of one record

type attachment struct {
	ID        string     `db:"attachment_id"`
	RecordID  string     `db:"record_id"`
	Name      string     `db:"name"`
	Bytes     int64      `db:"bytes"`
	SHA256    string     `db:"sha256"`
	MediaType string     `db:"media_type"`
	Scan      string     `db:"scan"`
	Finding   string     `db:"finding"`
	ScannedAt store.Time `db:"scanned_at"`
	AddedAt   store.Time `db:"added_at"`
	AddedBy   string     `db:"added_by"`
}

// Attach takes a file for a record. It streams: memory does not depend on the size. The
// file lies on the disk, whole and scanned, before anybody sees a row of it.
func (s *Service) Attach(ctx context.Context, who auth.Principal, id, name string, size int64, body io.Reader) (Attachment, error) {
	var out Attachment
	if s.files == nil {
		return out, ot.Errorf(ot.Forbidden, "this installation takes no attachments: it has no folder for them")
	}
	err := s.db.View(ctx, func(r store.Reader) error { // before the first byte is taken
		_, err := s.mayAttach(ctx, r, who, id)
		return err
	})
	if err != nil {
		return out, err
	}
	name = fileName(name)
	if size > maxFile {
		return out, tooLarge(name)
	}
	f, err := s.files.receive(ctx, name, size, body)
	if err != nil {
		return out, err
	}
	defer f.discard()
	row := attachment{ID: store.NewID(), RecordID: id, Name: name, Bytes: f.size, SHA256: f.sum, MediaType: f.mediaType, Scan: Unscanned, AddedBy: actorOf(who)}
	if s.clamd != nil {
		v, err := s.scanPath(ctx, f.path)
		switch {
		case err != nil:
			s.cfg.Log.WarnContext(ctx, "an attachment was not scanned; it is scanned when clamd answers again", "attachment", row.ID, "error", err)
		case v.Infected:
			row.Scan, row.Finding, row.ScannedAt = Infected, v.Name, store.At(s.now())
		default:
			row.Scan, row.ScannedAt = Clean, store.At(s.now())
		}
	}
	s.files.mu.RLock()
	defer s.files.mu.RUnlock()
	if s.files.isLocked(f.sum) { // known to be infected, also where no scanner answers now
		row.Scan = Infected
	}
	if err := f.keep(row.Scan == Infected); err != nil {
		return out, err
	}
	if row.Scan == Infected { // the same file may lie there from before it was known
		if err := s.files.lock(f.sum); err != nil {
			return out, err
		}
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		rec, err := s.mayAttach(ctx, tx, who, id)
		if err != nil {
			return err
		}
		row.AddedAt = store.At(s.now())
		if row.Scan == Infected {
			if err := s.known(ctx, tx, &row); err != nil {
				return err
			}
		}
		if err := store.Upsert(ctx, tx, "record_attachment", []attachment{row}, nil, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE record_record SET attachments = attachments + 1 WHERE record_id = ?", id); err != nil {
			return err
		}
		if row.Scan == Infected {
			if err := s.warn(ctx, tx, rec, row.ID, row.Finding); err != nil {
				return err
			}
		}
		names, err := peopleNames(ctx, tx, []string{row.AddedBy})
		if err != nil {
			return err
		}
		out = Attachment{row.ID, row.Name, row.Bytes, row.SHA256, row.MediaType, row.Scan, row.Finding, names(row.AddedBy), row.AddedAt}
		return s.tell(ctx, tx, who, rec, "record.attach", map[string]string{"name": name, "sha256": row.SHA256, "scan": row.Scan, "finding": row.Finding})
	})
	return out, err
}

// known marks every other row of an infected file, and takes its finding from them.
func (s *Service) known(ctx context.Context, tx *store.Tx, row *attachment) error {
	if row.Finding == "" {
		names, err := store.All[string](ctx, tx, "SELECT finding FROM record_attachment WHERE sha256 = ? AND scan = 'infected' ORDER BY added_at LIMIT 1", row.SHA256)
		if err != nil {
			return err
		}
		row.Finding = join(names)
	}
	_, err := tx.Exec(ctx, "UPDATE record_attachment SET scan = 'infected', finding = ?, scanned_at = ? WHERE sha256 = ? AND scan <> 'infected'", row.Finding, store.At(s.now()), row.SHA256)
	return err
}

func (s *Service) mayAttach(ctx context.Context, r store.Reader, who auth.Principal, id string) (*Record, error) {
	rec, t, err := s.load(ctx, r, who.Scope, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.typeFor(who, t.ID, "write"); err != nil {
		return nil, err
	}
	if err := mayWrite(ctx, r, who.Scope, rec); err != nil {
		return nil, err
	}
	if rec.Attachments >= maxAttachments {
		return nil, ot.Errorf(ot.TooMany, "%s has %d attachments, at most %d", rec.Ref, rec.Attachments, maxAttachments)
	}
	return rec, nil
}

// Open gives an attachment to read. The caller closes. What is infected stays shut.
func (s *Service) Open(ctx context.Context, who auth.Principal, id, attachmentID string) (*os.File, Attachment, error) {
	var row attachment
	err := s.db.View(ctx, func(r store.Reader) error {
		_, t, err := s.load(ctx, r, who.Scope, id)
		if err != nil {
			return err
		}
		if _, err := s.typeFor(who, t.ID, "read"); err != nil {
			return unknown()
		}
		row, err = store.One[attachment](ctx, r, `SELECT attachment_id, record_id, name, bytes, sha256, media_type, scan, finding, scanned_at, added_at, added_by
			FROM record_attachment WHERE attachment_id = ? AND record_id = ? AND removed_at IS NULL`, attachmentID, id)
		if ot.CodeOf(err) == ot.NotFound {
			return ot.Errorf(ot.NotFound, "there is no such attachment")
		}
		return err
	})
	if err != nil {
		return nil, Attachment{}, err
	}
	if row.Scan == Infected {
		return nil, Attachment{}, ot.Errorf(ot.Forbidden, "%s is infected (%s) and is not given out; it lies in quarantine under %s", row.Name, row.Finding, row.SHA256[:12])
	}
	if s.files == nil {
		return nil, Attachment{}, ot.Errorf(ot.Damaged, "this installation has no folder for attachments")
	}
	f, err := s.files.open(row.SHA256)
	return f, Attachment{ID: row.ID, Name: row.Name, Bytes: row.Bytes, SHA256: row.SHA256, MediaType: row.MediaType, Scan: row.Scan, At: row.AddedAt}, err
}

// Detach takes an attachment away; a look at an earlier day still names it. The file
// goes with the next sweep when nothing else holds it.
func (s *Service) Detach(ctx context.Context, tx *store.Tx, who auth.Principal, id, attachmentID string) error {
	rec, t, err := s.forWriting(ctx, tx, who, id, 0)
	if err != nil {
		return err
	}
	if st, _ := t.State(rec.State); st.Final() || rec.Approval == Approved {
		return ot.Errorf(ot.Conflict, "%s is closed or approved: what was attached to it stays", rec.Ref)
	}
	n, err := tx.Exec(ctx, "UPDATE record_attachment SET removed_at = ?, removed_by = ? WHERE attachment_id = ? AND record_id = ? AND removed_at IS NULL", store.At(s.now()), actorOf(who), attachmentID, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return ot.Errorf(ot.NotFound, "there is no such attachment")
	}
	if _, err := tx.Exec(ctx, "UPDATE record_record SET attachments = attachments - 1 WHERE record_id = ?", id); err != nil {
		return err
	}
	return s.tell(ctx, tx, who, rec, "record.detach", map[string]string{"attachment": attachmentID})
}

// fileName is a name without folders and control characters.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(ot.Printable(name), `\`, "/"))
	for len(name) > 200 {
		r := []rune(name)
		name = string(r[:len(r)-1])
	}
	if name == "" || name == "." || name == "/" || name == ".." {
		return "attachment"
	}
	return name
}

// disposition is a Content-Disposition that no browser opens by itself.
func disposition(name string) string {
	v := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if v == "" {
		return "attachment"
	}
	return v
}

func sniff(head []byte) string { return http.DetectContentType(head) }

// Attachment is a file on a record.
type Attachment struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Bytes     int64      `json:"bytes"`
	SHA256    string     `json:"sha256"`
	MediaType string     `json:"media_type"`
	Scan      string     `json:"scan" enum:"clean,infected,unscanned"`
	Finding   string     `json:"finding,omitempty" doc:"What the scanner called it"`
	By        Name       `json:"by"`
	At        store.Time `json:"at"`
}

func (s *Service) attachments(ctx context.Context, r store.Reader, id string, until time.Time) ([]Attachment, error) {
	type row struct {
		ID        string     `db:"attachment_id"`
		Name      string     `db:"name"`
		Bytes     int64      `db:"bytes"`
		SHA256    string     `db:"sha256"`
		MediaType string     `db:"media_type"`
		Scan      string     `db:"scan"`
		Finding   string     `db:"finding"`
		At        store.Time `db:"added_at"`
		By        string     `db:"added_by"`
	}
	rows, err := store.All[row](ctx, r, `SELECT attachment_id, name, bytes, sha256, media_type, scan, finding, added_at, added_by FROM record_attachment
		WHERE record_id = ? AND added_at <= ? AND (removed_at IS NULL OR removed_at > ?) ORDER BY added_at, attachment_id LIMIT 1000`, id, store.At(until), store.At(until))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range rows {
		ids = append(ids, x.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	out := []Attachment{}
	for _, x := range rows {
		out = append(out, Attachment{x.ID, x.Name, x.Bytes, x.SHA256, x.MediaType, x.Scan, x.Finding, names(x.By), x.At})
	}
	return out, nil
}
