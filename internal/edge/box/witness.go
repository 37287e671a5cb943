package box

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Seen is what an edge keeps of the centre's audit log.
type Seen struct {
	Size int64     `json:"size"`
	Root string    `json:"root"`
	Note string    `json:"note"` // signed: skanse verify audit --witness takes it
	Key  string    `json:"key"`  // the verifier that signed it, pinned at the first sight
	At   time.Time `json:"at"`
}

// Seen returns the checkpoint that the edge keeps.
func (o *Outbox) Seen(ctx context.Context) (s Seen, err error) {
	raw, err := o.Get(ctx, "witness")
	if err != nil || raw == "" {
		return s, err
	}
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return s, ot.Errorf(ot.Damaged, "the kept checkpoint cannot be read: %w", err)
	}
	return s, nil
}

func (o *Outbox) witnessed(ctx context.Context) (int64, error) {
	s, err := o.Seen(ctx)
	return s.Size, err
}

// Alarm is what the edge found wrong with the centre's audit log. It stays until a
// person clears it here, at the edge: the centre cannot.
func (o *Outbox) Alarm(ctx context.Context) (string, error) { return o.Get(ctx, "alarm") }

// ClearAlarm forgets the alarm and the checkpoint, so that the next one is the first.
func (o *Outbox) ClearAlarm(ctx context.Context) error {
	return o.Set(ctx, map[string]string{"alarm": "", "witness": ""})
}

// Witness compares the centre's newest checkpoint with the one kept. One that
// continues it is kept instead; any other raises the alarm, and the old one stays as
// the proof.
func (o *Outbox) Witness(ctx context.Context, p *edge.Proof) error {
	old, err := o.Seen(ctx)
	if err != nil {
		return err
	}
	next, wrong := judge(old, p)
	if wrong != nil {
		if have, err := o.Alarm(ctx); err != nil || have != "" {
			return wrong // told once, with the time of the first
		}
		text := fmt.Sprintf("%s: %s", o.clock.Now().UTC().Format(time.RFC3339), ot.Printable(wrong.Error()))
		if err := o.Set(ctx, map[string]string{"alarm": text, "alarm_note": p.Note}); err != nil {
			return err
		}
		return wrong
	}
	if next.Size == old.Size && old.Size > 0 {
		return nil
	}
	next.At = o.clock.Now().UTC()
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return o.Set(ctx, map[string]string{"witness": string(raw)})
}

// judge is the pure part: does the proof continue what was seen?
func judge(old Seen, p *edge.Proof) (Seen, error) {
	key := p.Key
	if old.Key != "" {
		key = old.Key // the first one stays: a log that is signed anew is not the same log
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return old, fmt.Errorf("the audit log's public key cannot be read")
	}
	n, err := note.Open([]byte(p.Note), note.VerifierList(v))
	if err != nil {
		return old, fmt.Errorf("the audit log's checkpoint is not signed by the key that this edge saw first")
	}
	size, root, err := checkpoint(n.Text)
	if err != nil {
		return old, err
	}
	next := Seen{Size: size, Root: root.String(), Note: p.Note, Key: key}
	switch {
	case old.Size == 0:
		return next, nil
	case size < old.Size:
		return old, fmt.Errorf("the audit log had %d entries, and has %d now: its end was cut off, or an older copy runs", old.Size, size)
	case size == old.Size:
		if next.Root != old.Root {
			return old, fmt.Errorf("the first %d entries of the audit log are not those that this edge saw: the log was rewritten", size)
		}
		return next, nil
	}
	before, err := tlog.ParseHash(old.Root)
	if err != nil {
		return old, fmt.Errorf("the kept checkpoint's root is no hash")
	}
	if p.From < old.Size && p.From > 0 {
		return old, nil // a file that was on its way while a newer one came: no proof, and no contradiction
	}
	var proof tlog.TreeProof
	for _, s := range p.Steps {
		h, err := tlog.ParseHash(s)
		if err != nil {
			return old, fmt.Errorf("a step of the proof is no hash")
		}
		proof = append(proof, h)
	}
	if err := tlog.CheckTree(proof, size, root, old.Size, before); err != nil {
		return old, fmt.Errorf("the audit log of %d entries does not continue the %d that this edge saw: the log was rewritten", size, old.Size)
	}
	return next, nil
}

// checkpoint reads the text of a checkpoint: origin, size, root.
func checkpoint(text string) (size int64, root tlog.Hash, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return 0, root, fmt.Errorf("the audit log's checkpoint cannot be read")
	}
	if _, err := fmt.Sscanf(lines[1], "%d", &size); err != nil || size < 0 {
		return 0, root, fmt.Errorf("the audit log's checkpoint has no size")
	}
	root, err = tlog.ParseHash(lines[2])
	return size, root, err
}
