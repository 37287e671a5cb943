package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Finding is one thing that is wrong with a log.
type Finding struct {
	Index int64  `json:"index"` // of the entry, from 0; -1: not of one entry
	What  string `json:"what"`  // changed, removed, reordered, added, detail, checkpoint, signature, hash
	Text  string `json:"text"`
}

// Report says what Verify looked at and what it found.
type Report struct {
	Entries     int64     `json:"entries"`     // in the tree
	Waiting     int64     `json:"waiting"`     // written, not yet in the tree
	Erased      int64     `json:"erased"`      // entries whose detail was erased
	Checkpoints int64     `json:"checkpoints"` // with a good signature and the right root
	Witnesses   int       `json:"witnesses"`   // checkpoints kept elsewhere that the log agrees with
	Signed      bool      `json:"signed"`      // a public key was given
	From        time.Time `json:"from,omitzero"`
	To          time.Time `json:"to,omitzero"`
	Root        string    `json:"root"`
	Findings    []Finding `json:"findings"`
}

// OK says that nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// maxFindings bounds the list: a table overwritten as a whole is one story, not a million.
const maxFindings = 100

func (r *Report) found(index int64, what, format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{index, what, fmt.Sprintf(format, args...)})
	}
}

type checkpoint struct {
	Size int64      `db:"size"`
	Root string     `db:"root"`
	At   store.Time `db:"at"`
	Note string     `db:"note"`
}

// Verify reads the whole log and compares entries, details, tree and checkpoints.
// keys nil: signatures are not checked, and the report says so. witnesses are
// checkpoints kept elsewhere, as GET /audit/checkpoint gives them.
func Verify(ctx context.Context, r store.Reader, keys note.Verifiers, witnesses ...[]byte) (*Report, error) {
	rep := &Report{Signed: keys != nil, Findings: []Finding{}}
	v := &verifier{rep: rep, leaves: map[tlog.Hash]int64{}}
	points, err := store.All[checkpoint](ctx, r, "SELECT size, root, at, note FROM audit_checkpoint ORDER BY size")
	if err != nil {
		return nil, err
	}
	var size int64
	if len(points) > 0 {
		size = points[len(points)-1].Size
	}
	if err := v.stored(ctx, r); err != nil {
		return nil, err
	}
	if err := v.entries(ctx, r, size); err != nil {
		return nil, err
	}
	if err := v.details(ctx, r); err != nil {
		return nil, err
	}
	v.checkpoints(points, keys)
	for _, w := range witnesses {
		v.witness(w, keys)
	}
	rep.Waiting, err = store.One[int64](ctx, r, "SELECT count(*) FROM audit_entry WHERE idx IS NULL")
	if err != nil {
		return nil, err
	}
	if n := int64(len(v.tree)); n > 0 {
		rep.Root = v.root(v.count).String()
	}
	return rep, nil
}

type verifier struct {
	rep    *Report
	leaves map[tlog.Hash]int64 // stored leaf hash → its index: where a moved entry belongs
	kept   []tlog.Hash         // stored hashes by position
	have   []bool
	tree   []tlog.Hash // hashes computed from the entries, by position
	count  int64       // entries in tree
}

// ReadHashes implements tlog.HashReader over the computed tree.
func (v *verifier) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for n, i := range ix {
		if i >= int64(len(v.tree)) {
			return nil, fmt.Errorf("hash %d is beyond the tree", i)
		}
		out[n] = v.tree[i]
	}
	return out, nil
}

func (v *verifier) root(size int64) tlog.Hash {
	h, err := tlog.TreeHash(size, v)
	if err != nil {
		panic(err) // size ≤ count, so every hash is there
	}
	return h
}

func (v *verifier) add(leaf tlog.Hash) {
	hs, err := tlog.StoredHashesForRecordHash(v.count, leaf, v)
	if err != nil {
		panic(err) // as above
	}
	v.tree = append(v.tree, hs...)
	v.count++
}

// stored reads the hashes that the sequencer kept.
func (v *verifier) stored(ctx context.Context, r store.Reader) error {
	for row, err := range store.Select[hashRow](ctx, r, "SELECT pos, hash FROM audit_hash ORDER BY pos") {
		if err != nil {
			return err
		}
		for int64(len(v.kept)) < row.Pos {
			v.kept, v.have = append(v.kept, tlog.Hash{}), append(v.have, false)
		}
		if row.Pos != int64(len(v.kept)) {
			v.rep.found(-1, "hash", "the stored hash %d stands where none can be", row.Pos)
			continue
		}
		var h tlog.Hash
		whole := len(row.Hash) == len(h)
		copy(h[:], row.Hash)
		v.kept, v.have = append(v.kept, h), append(v.have, whole)
		if level, n := tlog.SplitStoredHashIndex(row.Pos); level == 0 {
			v.leaves[h] = n
		}
	}
	return nil
}

// entries walks the log in its order, and computes the tree from what it finds. Where
// an entry is missing or changed, the stored leaf hash stands in, so that one
// wrong entry is one finding and not also every one after it.
func (v *verifier) entries(ctx context.Context, r store.Reader, size int64) error {
	type indexed struct {
		record
		Idx int64 `db:"idx"`
	}
	next := int64(0)
	for e, err := range store.Select[indexed](ctx, r, "SELECT "+recordColumns+", idx FROM audit_entry WHERE idx IS NOT NULL ORDER BY idx") {
		if err != nil {
			return err
		}
		if e.Idx < next {
			v.rep.found(e.Idx, "reordered", "entry %d stands twice", e.Idx)
			continue
		}
		if e.Idx >= size {
			v.rep.found(e.Idx, "added", "entry %d (%s by %s) stands behind the last checkpoint, which ends at %d", e.Idx, ot.Printable(e.Action), ot.Printable(e.Actor), size)
			continue
		}
		for ; next < e.Idx; next++ {
			v.rep.found(next, "removed", "entry %d was removed", next)
			v.add(v.standIn(next, tlog.Hash{}))
		}
		leaf := tlog.RecordHash(e.leaf())
		v.compare(e.Idx, e.record, leaf)
		v.add(v.standIn(next, leaf))
		next++
		if v.rep.From.IsZero() {
			v.rep.From = e.At.Time
		}
		v.rep.To = e.At.Time
		v.rep.Entries++
	}
	for ; next < size; next++ {
		v.rep.found(next, "removed", "entry %d was removed", next)
		v.add(v.standIn(next, tlog.Hash{}))
	}
	for i, h := range v.tree {
		if level, n := tlog.SplitStoredHashIndex(int64(i)); level > 0 && (i >= len(v.kept) || !v.have[i] || v.kept[i] != h) {
			v.rep.found(-1, "hash", "the stored hash over the entries %d to %d was changed or removed", n<<level, (n+1)<<level-1)
		}
	}
	return nil
}

func (v *verifier) standIn(index int64, leaf tlog.Hash) tlog.Hash {
	if pos := tlog.StoredHashIndex(0, index); pos < int64(len(v.kept)) && v.have[pos] {
		return v.kept[pos]
	}
	return leaf
}

func (v *verifier) compare(index int64, e record, leaf tlog.Hash) {
	pos := tlog.StoredHashIndex(0, index)
	if pos >= int64(len(v.kept)) || !v.have[pos] {
		v.rep.found(index, "hash", "the stored hash of entry %d was removed", index)
		return
	}
	if v.kept[pos] == leaf {
		return
	}
	if home, ok := v.leaves[leaf]; ok {
		v.rep.found(index, "reordered", "entry %d (%s by %s) belongs at %d", index, ot.Printable(e.Action), ot.Printable(e.Actor), home)
		return
	}
	v.rep.found(index, "changed", "entry %d (%s by %s) was changed after it was written", index, ot.Printable(e.Action), ot.Printable(e.Actor))
}

func (v *verifier) details(ctx context.Context, r store.Reader) error {
	type row struct {
		Idx    *int64  `db:"idx"`
		Seq    int64   `db:"seq"`
		Hash   string  `db:"detail_hash"`
		Salt   *string `db:"salt"`
		Detail *string `db:"detail"`
	}
	for d, err := range store.Select[row](ctx, r, `SELECT e.idx, e.seq, e.detail_hash, d.salt, d.detail FROM audit_entry e
		LEFT JOIN audit_detail d ON d.seq = e.seq WHERE e.detail_hash <> '' OR d.seq IS NOT NULL ORDER BY e.seq`) {
		if err != nil {
			return err
		}
		index, name := int64(-1), "a waiting entry"
		if d.Idx != nil {
			index, name = *d.Idx, fmt.Sprintf("entry %d", *d.Idx)
		}
		switch {
		case d.Salt == nil:
			v.rep.found(index, "detail", "the detail of %s was removed, not erased", name)
		case *d.Salt == "" && *d.Detail == "":
			v.rep.Erased++
		case detailHash(*d.Salt, *d.Detail) != d.Hash:
			v.rep.found(index, "detail", "the detail of %s was changed after it was written", name)
		}
	}
	return nil
}

// checkpoints compares each signed root with the tree of that size.
func (v *verifier) checkpoints(points []checkpoint, keys note.Verifiers) {
	good := int64(0)
	for _, c := range points {
		size, root, ok := v.signed([]byte(c.Note), keys, fmt.Sprintf("the checkpoint of %d entries", c.Size))
		if !ok {
			continue
		}
		if size != c.Size || root.String() != c.Root {
			v.rep.found(-1, "checkpoint", "the checkpoint of %d entries does not agree with its own signed text", c.Size)
			continue
		}
		if size > v.count || v.root(size) != root {
			v.rep.found(-1, "checkpoint", "the entries %d to %d are not what was signed at %s: one of them, and its stored hash, was changed", good, size-1, c.At.UTC().Format(time.RFC3339))
			continue
		}
		good = size
		v.rep.Checkpoints++
	}
}

func (v *verifier) witness(w []byte, keys note.Verifiers) {
	size, root, ok := v.signed(w, keys, "the checkpoint kept elsewhere")
	switch {
	case !ok:
	case size > v.count:
		v.rep.found(-1, "removed", "a checkpoint kept elsewhere counts %d entries, the log holds %d: the end was cut off", size, v.count)
	case size > 0 && v.root(size) != root:
		v.rep.found(-1, "checkpoint", "the first %d entries are not those of the checkpoint kept elsewhere: the log was rewritten", size)
	default:
		v.rep.Witnesses++
	}
}

// signed reads a checkpoint, and checks its signature where a key is given.
func (v *verifier) signed(b []byte, keys note.Verifiers, name string) (int64, tlog.Hash, bool) {
	text := string(b)
	if keys != nil {
		n, err := note.Open(b, keys)
		if err != nil {
			v.rep.found(-1, "signature", "%s is not signed by this log's key", name)
			return 0, tlog.Hash{}, false
		}
		text = n.Text
	}
	size, root, err := parseCheckpoint(text)
	if err != nil {
		v.rep.found(-1, "checkpoint", "%s cannot be read: %v", name, err)
		return 0, tlog.Hash{}, false
	}
	return size, root, true
}
