package record

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Record is a row of record_record.
type Record struct {
	ID          string                     `db:"record_id"`
	Type        string                     `db:"type"`
	Ref         string                     `db:"ref"`
	Title       string                     `db:"title"`
	EntityID    string                     `db:"entity_id"`
	SiteNo      int64                      `db:"site_no"`
	ZoneNo      int64                      `db:"zone_no"`
	AssetID     string                     `db:"asset_id"`
	OwnerID     string                     `db:"owner_id"`
	State       string                     `db:"state"`
	Data        store.JSON[map[string]any] `db:"data"`
	DataVersion int64                      `db:"data_version"`
	Version     int64                      `db:"version"`
	ValidFrom   store.Time                 `db:"valid_from"`
	ValidUntil  store.Time                 `db:"valid_until"`
	ReviewAt    store.Time                 `db:"review_at"`
	DueAt       store.Time                 `db:"due_at"`
	CreatedAt   store.Time                 `db:"created_at"`
	CreatedBy   string                     `db:"created_by"`
	UpdatedAt   store.Time                 `db:"updated_at"`
	UpdatedBy   string                     `db:"updated_by"`
	ClosedAt    store.Time                 `db:"closed_at"`
	Approval    string                     `db:"approval"`
	SecondDue   store.Time                 `db:"second_due"`
	Links       int64                      `db:"links"`
	Attachments int64                      `db:"attachments"`
	Comments    int64                      `db:"comments"`
	Hash        string                     `db:"hash"`
}

const rowColumns = "record_id, type, ref, title, entity_id, site_no, zone_no, asset_id, owner_id, state, data, data_version, version, valid_from, valid_until, review_at, due_at, " +
	"created_at, created_by, updated_at, updated_by, closed_at, approval, second_due, links, attachments, comments, hash"

// The states of an approval.
const (
	NoApproval = "none"
	Waiting    = "waiting"
	Approved   = "approved"
	Rejected   = "rejected"
)

// Visible limits rows with entity_id, site_no and zone_no to what a person sees. A
// record of the whole entity is seen by who sees a site of it, or all of it.
func Visible(scope auth.Scope, alias string) ot.SQL {
	if scope.All {
		return ot.SQL{Text: "(1 = 1)"}
	}
	if alias != "" {
		alias += "."
	}
	q := ot.SQL{
		Text: "(? OR " + alias + "site_no = 0 AND (" + alias + "entity_id IN (SELECT vs.entity_id FROM org_site vs WHERE ?)",
		Args: []any{scope.Where(alias+"site_no", alias+"zone_no"), scope.Where("vs.site_no", "")},
	}
	if len(scope.Entities) > 0 { // which may have no site yet
		q.Text += " OR " + alias + "entity_id IN (?)"
		q.Args = append(q.Args, scope.Entities)
	}
	q.Text += "))"
	return q
}

// entities is what the person sees whole; nothing is in IN (NULL).
func entities(scope auth.Scope) any {
	if scope.All {
		return ot.SQL{Text: "SELECT ve.entity_id FROM org_entity ve"}
	}
	return scope.Entities
}

// mayWrite says whether the person may change what stands there: a record of the whole
// entity is changed by who answers for all of it.
func mayWrite(ctx context.Context, r store.Reader, scope auth.Scope, rec *Record) error {
	if rec.SiteNo == 0 {
		if !scope.Entity(rec.EntityID) {
			return ot.Errorf(ot.Forbidden, "this is for the whole company: somebody who answers for all of it changes it")
		}
		return nil
	}
	n, err := store.One[int64](ctx, r, "SELECT count(*) FROM record_record WHERE record_id = ? AND ?", rec.ID, scope.Where("site_no", "zone_no"))
	if err == nil && n == 0 {
		return unknown()
	}
	return err
}

func unknown() error { return ot.Errorf(ot.NotFound, "there is no such record") }

// load reads a record in scope, its data as the type has it now.
func (s *Service) load(ctx context.Context, r store.Reader, scope auth.Scope, id string) (*Record, *Type, error) {
	rec, err := store.One[Record](ctx, r, "SELECT "+rowColumns+" FROM record_record WHERE record_id = ? AND ?", id, Visible(scope, ""))
	if ot.CodeOf(err) == ot.NotFound {
		return nil, nil, unknown()
	}
	if err != nil {
		return nil, nil, err
	}
	t := s.types.Type(rec.Type)
	if t == nil {
		return nil, nil, ot.Errorf(ot.Damaged, "the record %s is of type %s, which this program does not have: restore catalog/records", rec.Ref, rec.Type)
	}
	rec.Data.V = t.upgrade(rec.Data.V, rec.DataVersion)
	rec.DataVersion = max(rec.DataVersion, int64(t.DataVersion))
	if rec.Data.V == nil {
		rec.Data.V = map[string]any{}
	}
	return &rec, t, nil
}

// revision is a row of record_revision.
type revision struct {
	ID          string                     `db:"record_id"`
	Version     int64                      `db:"version"`
	At          store.Time                 `db:"at"`
	By          string                     `db:"by_id"`
	Action      string                     `db:"action"`
	Reason      string                     `db:"reason"`
	Type        string                     `db:"type"`
	Ref         string                     `db:"ref"`
	Title       string                     `db:"title"`
	EntityID    string                     `db:"entity_id"`
	SiteNo      int64                      `db:"site_no"`
	ZoneNo      int64                      `db:"zone_no"`
	AssetID     string                     `db:"asset_id"`
	OwnerID     string                     `db:"owner_id"`
	State       string                     `db:"state"`
	Data        store.JSON[map[string]any] `db:"data"`
	DataVersion int64                      `db:"data_version"`
	ValidFrom   store.Time                 `db:"valid_from"`
	ValidUntil  store.Time                 `db:"valid_until"`
	ReviewAt    store.Time                 `db:"review_at"`
	DueAt       store.Time                 `db:"due_at"`
	ClosedAt    store.Time                 `db:"closed_at"`
	Approval    string                     `db:"approval"`
	SecondDue   store.Time                 `db:"second_due"`
	Salt        string                     `db:"salt"`
	ContentHash string                     `db:"content_hash"`
	PrevHash    string                     `db:"prev_hash"`
	Hash        string                     `db:"hash"`
}

const revisionColumns = "record_id, version, at, by_id, action, reason, type, ref, title, entity_id, site_no, zone_no, asset_id, owner_id, state, data, data_version, " +
	"valid_from, valid_until, review_at, due_at, closed_at, approval, second_due, salt, content_hash, prev_hash, hash"

// contentHash covers what may hold names and free text.
func (v *revision) contentHash() string {
	return digest(v.Salt, struct {
		Title  string         `json:"title"`
		Reason string         `json:"reason"`
		Data   map[string]any `json:"data"`
	}{v.Title, v.Reason, v.Data.V})
}

// chainHash covers ids, times and the hash of the content, and the revision before.
func (v *revision) chainHash() string {
	return digest(v.PrevHash, []any{
		v.ID, v.Version, v.At.UnixMicro(), v.By, v.Action, v.Type, v.Ref, v.EntityID, v.SiteNo, v.ZoneNo, v.AssetID, v.OwnerID, v.State, v.DataVersion,
		micros(v.ValidFrom), micros(v.ValidUntil), micros(v.ReviewAt), micros(v.DueAt), micros(v.ClosedAt), v.Approval, micros(v.SecondDue), v.ContentHash,
	})
}

func micros(t store.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// digest hashes JSON with sorted keys: PostgreSQL keeps no order of its own.
func digest(salt string, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("hash a revision of text and numbers: %w", err))
	}
	h := sha256.New()
	h.Write([]byte(salt + "\n"))
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// write stores a record as it now is with a new revision, and keeps the tally. old is
// nil for a new record.
func (s *Service) write(ctx context.Context, tx *store.Tx, old, rec *Record, action, reason string) error {
	var salt [12]byte
	_, _ = rand.Read(salt[:]) // never fails, says crypto/rand
	v := revision{
		ID: rec.ID, Version: rec.Version, At: rec.UpdatedAt, By: rec.UpdatedBy, Action: action, Reason: reason, Type: rec.Type, Ref: rec.Ref, Title: rec.Title,
		EntityID: rec.EntityID, SiteNo: rec.SiteNo, ZoneNo: rec.ZoneNo, AssetID: rec.AssetID, OwnerID: rec.OwnerID, State: rec.State, Data: rec.Data, DataVersion: rec.DataVersion,
		ValidFrom: rec.ValidFrom, ValidUntil: rec.ValidUntil, ReviewAt: rec.ReviewAt, DueAt: rec.DueAt, ClosedAt: rec.ClosedAt, Approval: rec.Approval, SecondDue: rec.SecondDue,
		Salt: hex.EncodeToString(salt[:]),
	}
	if old != nil {
		v.PrevHash = old.Hash
	}
	v.ContentHash = v.contentHash()
	v.Hash = v.chainHash()
	rec.Hash = v.Hash
	set := []string{"title", "zone_no", "asset_id", "owner_id", "state", "data", "data_version", "version", "valid_from", "valid_until", "review_at", "due_at", "updated_at", "updated_by", "closed_at", "approval", "second_due", "hash"}
	if err := store.Upsert(ctx, tx, "record_record", []Record{*rec}, []string{"record_id"}, set); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "record_revision", []revision{v}, nil, nil); err != nil {
		return err
	}
	if err := s.moved(ctx, tx, old, rec); err != nil {
		return err
	}
	if old != nil {
		if old.State == rec.State && old.ZoneNo == rec.ZoneNo {
			return nil
		}
		if err := tally(ctx, tx, old, -1); err != nil {
			return err
		}
	}
	return tally(ctx, tx, rec, 1)
}

func tally(ctx context.Context, tx *store.Tx, rec *Record, n int) error {
	_, err := tx.Exec(ctx, `INSERT INTO record_tally AS t (type, state, entity_id, site_no, zone_no, n) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (type, state, entity_id, site_no, zone_no) DO UPDATE SET n = t.n + excluded.n`, rec.Type, rec.State, rec.EntityID, rec.SiteNo, rec.ZoneNo, n)
	return err
}

// prefixed writes a list of columns for a table's other name.
func prefixed(alias, columns string) string {
	return alias + "." + strings.ReplaceAll(columns, ", ", ", "+alias+".")
}
