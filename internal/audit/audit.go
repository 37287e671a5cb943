// Package audit keeps the log of who did what: append-only, each entry written in
// the transaction of the change, ordered into a Merkle tree by one sequencer, and
// signed in checkpoints, so that a changed, removed or reordered entry is found.
//
// A leaf of the tree holds ids and a salted hash; names and free text stand beside
// it and can be erased without breaking a proof. The signing key is on the machine
// that it protects: who owns that machine can rewrite the log and sign it anew.
// Keep checkpoints elsewhere (Verify takes them as witnesses).
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// Entry is one thing that somebody did.
type Entry struct {
	Actor  string // user id, or "system"
	Action string // "asset.update"
	Site   string // site id; empty: the whole installation
	Target ot.Ref
	Detail map[string]string // may hold names: kept apart, erasable
}

// record is an entry as its row and its leaf hold it.
type record struct {
	Seq        int64      `db:"seq" json:"-"`
	At         store.Time `db:"at" json:"-"`
	Actor      string     `db:"actor" json:"actor"`
	Action     string     `db:"action" json:"action"`
	Site       string     `db:"site" json:"site"`
	TargetKind string     `db:"target_kind" json:"target_kind"`
	TargetID   string     `db:"target_id" json:"target_id"`
	Root       string     `db:"root" json:"root"`
	DetailHash string     `db:"detail_hash" json:"detail_hash"`
}

const recordColumns = "seq, at, actor, action, site, target_kind, target_id, root, detail_hash"

// leaf is what the tree hashes: a fixed order of fields, JSON for its quoting.
func (r record) leaf() []byte {
	b, err := json.Marshal(struct {
		Seq int64 `json:"seq"`
		At  int64 `json:"at"`
		record
	}{r.Seq, r.At.UnixMicro(), r})
	if err != nil {
		panic(fmt.Errorf("audit leaf of strings and numbers: %w", err))
	}
	return b
}

// Append writes an entry in the transaction of the change that it tells of.
func Append(ctx context.Context, tx *store.Tx, e Entry) error {
	return insert(ctx, tx, e, "")
}

// AppendRoot writes one entry for a whole run of evidence: root is the Merkle root
// over its count answers (see Root), so that each can be proved later.
func AppendRoot(ctx context.Context, tx *store.Tx, e Entry, root [32]byte, count int) error {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["answers"] = fmt.Sprint(count)
	return insert(ctx, tx, e, hex.EncodeToString(root[:]))
}

// Root is the Merkle root over leaves in their order, as RFC 6962 has it.
func Root(leaves [][]byte) [32]byte {
	var stored []tlog.Hash
	r := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	for n, l := range leaves {
		hs, err := tlog.StoredHashes(int64(n), l, r)
		if err != nil {
			panic(fmt.Errorf("merkle tree in memory: %w", err))
		}
		stored = append(stored, hs...)
	}
	h, err := tlog.TreeHash(int64(len(leaves)), r)
	if err != nil {
		panic(fmt.Errorf("merkle tree in memory: %w", err))
	}
	return h
}

func insert(ctx context.Context, tx *store.Tx, e Entry, root string) error {
	r := record{
		At: store.At(time.Now()), Actor: e.Actor, Action: e.Action, Site: e.Site,
		TargetKind: e.Target.Kind, TargetID: e.Target.ID, Root: root,
	}
	var salt, detail string
	if len(e.Detail) > 0 {
		var raw [16]byte
		_, _ = rand.Read(raw[:]) // never fails, says crypto/rand
		b, err := json.Marshal(cleanDetail(e.Detail))
		if err != nil {
			return fmt.Errorf("audit detail: %w", err)
		}
		salt, detail = hex.EncodeToString(raw[:]), string(b)
		r.DetailHash = detailHash(salt, detail)
	}
	seq, err := store.One[int64](ctx, tx, `INSERT INTO audit_entry (at, actor, action, site, target_kind, target_id, root, detail_hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`, r.At, r.Actor, r.Action, r.Site, r.TargetKind, r.TargetID, r.Root, r.DetailHash)
	if err != nil {
		return fmt.Errorf("write audit entry: %w", err)
	}
	if detail != "" {
		if _, err := tx.Exec(ctx, "INSERT INTO audit_detail (seq, salt, detail) VALUES (?, ?, ?)", seq, salt, detail); err != nil {
			return fmt.Errorf("write audit detail: %w", err)
		}
	}
	return nil
}

// cleanDetail makes the text what it will be when it is read back: the hash is over it.
func cleanDetail(d map[string]string) map[string]string {
	out := make(map[string]string, len(d))
	for k, v := range d {
		if len(v) > maxDetail {
			v = v[:maxDetail] + "…"
		}
		out[ot.Printable(k)] = ot.Printable(v)
	}
	return out
}

// maxDetail bounds one value: an entry says what happened, it does not carry the thing.
const maxDetail = 2000

func detailHash(salt, detail string) string {
	h := sha256.Sum256([]byte(salt + "\n" + detail))
	return hex.EncodeToString(h[:])
}

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "audit", FS: migrations} }
