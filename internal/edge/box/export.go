package box

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// fileBytes is how much one file carries: a diode loses whole files.
const fileBytes = 4 << 20

// FileExt is the ending of files that cross a diode or on a stick.
const FileExt = ".skf"

// Export writes batches into files: those of the ranges, or what is behind after. Each file carries
// the edge's hello, so that its health crosses too. It returns the last batch written.
func (b *Box) Export(ctx context.Context, id *Identity, dir string, after int64, ranges []edge.Range, copies int) (last int64, files int, err error) {
	h, err := b.hello(ctx)
	if err != nil {
		return after, 0, err
	}
	head, err := json.Marshal(h)
	if err != nil {
		return after, 0, fmt.Errorf("write the hello: %w", err)
	}
	payload := func(list []edge.Batch) []byte {
		out := append(binary.AppendUvarint(nil, uint64(len(head))), head...)
		for i := range list {
			out = list[i].Append(out)
		}
		return out
	}
	last = after
	write := func(list []edge.Batch) error {
		now := b.cfg.Outbox.Clock().Now()
		f := &edge.File{Purpose: edge.FileBatches, Edge: b.cfg.Outbox.ID(), No: now.UnixMicro(), Made: now.UnixMicro(), Payload: payload(list)}
		raw := id.Sign(f)
		for n := range max(1, copies) {
			name := fmt.Sprintf("edge-%s-%016d-%d%s", f.Edge.String()[24:], f.No, n+1, FileExt)
			if err := edge.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
				return ot.Errorf(ot.Full, "write %s: %w", name, err)
			}
		}
		files++
		return nil
	}
	if len(ranges) == 0 {
		for {
			list, err := b.cfg.Outbox.Next(ctx, last, fileBytes)
			if err != nil {
				return last, files, err
			}
			if len(list) == 0 && files > 0 {
				return last, files, nil
			}
			if err := write(list); err != nil { // without batches too: the hello says that the edge is alive
				return last, files, err
			}
			if len(list) == 0 {
				return last, files, nil
			}
			last = list[len(list)-1].Seq
		}
	}
	for _, r := range ranges {
		for at := r.From - 1; at < r.To; {
			list, err := b.cfg.Outbox.Next(ctx, at, fileBytes)
			if err != nil {
				return last, files, err
			}
			list = slices.DeleteFunc(list, func(x edge.Batch) bool { return x.Seq > r.To })
			if len(list) == 0 {
				break
			}
			if err := write(list); err != nil {
				return last, files, err
			}
			at = list[len(list)-1].Seq
		}
	}
	return last, files, nil
}

// Diode writes what is told into a folder until ctx ends, each file so many times,
// and reads what comes back the other way, where there is one.
func (b *Box) Diode(ctx context.Context, id *Identity, dir string, copies int, again func(context.Context) ([]edge.Range, error)) error {
	for {
		err := b.diodeRound(ctx, id, dir, copies, again)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			b.log.Error("nothing could be written for the diode; it is tried again", "folder", dir, "why", err)
		}
		b.note(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(b.cfg.Every):
		}
	}
}

func (b *Box) diodeRound(ctx context.Context, id *Identity, dir string, copies int, again func(context.Context) ([]edge.Range, error)) error {
	if again != nil {
		ranges, err := again(ctx)
		if err != nil {
			b.log.Error("a reply of the centre is not used", "why", err)
		}
		if len(ranges) > 0 {
			if _, _, err := b.Export(ctx, id, dir, 0, ranges, copies); err != nil {
				return err
			}
		}
	}
	raw, err := b.cfg.Outbox.Get(ctx, "exported")
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(raw, 10, 64) // written below; missing is 0
	last, _, err := b.Export(ctx, id, dir, after, nil, copies)
	if last > after {
		if serr := b.cfg.Outbox.Set(ctx, map[string]string{"exported": strconv.FormatInt(last, 10)}); err == nil {
			err = serr
		}
		// Nobody will ever confirm it: it stays for a request, and goes by age and budget.
		if aerr := b.cfg.Outbox.Acked(ctx, last); err == nil {
			err = aerr
		}
	}
	if err != nil {
		return err
	}
	return b.cfg.Outbox.Clean(ctx, keepDiode)
}

// keepDiode is how long what was written for a diode can be asked for again.
const keepDiode = 14 * 24 * time.Hour

// Reply takes a file that the centre wrote for this edge, and returns what it wants again.
func (b *Box) Reply(ctx context.Context, id *Identity, raw []byte) ([]edge.Range, error) {
	f, cert, err := edge.ReadFile(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Purpose != edge.FileReplies:
		return nil, ot.Errorf(ot.Invalid, "this file is from a sensor, not for one: give it to the centre, on its page Sensors or with skanse edge import FILE")
	case id.ca == nil || !cert.Equal(id.ca):
		return nil, ot.Errorf(ot.Forbidden, "the file is not signed by this edge's centre: it is not used")
	case f.Edge != b.cfg.Outbox.ID():
		return nil, ot.Errorf(ot.Forbidden, "the file is for another edge (%s): it is not used", f.Edge)
	}
	var r edge.Replies
	if err := json.Unmarshal(f.Payload, &r); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the file's content cannot be read: %w", err)
	}
	seen, err := b.cfg.Outbox.Get(ctx, "reply")
	if err != nil {
		return nil, err
	}
	if no, _ := strconv.ParseInt(seen, 10, 64); r.Request <= no {
		return nil, nil // taken already, or older than one that was
	}
	if len(r.Cert) > 0 {
		if err := id.keep(r.Cert); err != nil {
			return nil, err
		}
	}
	if err := b.Welcome(ctx, edge.Welcome{Now: r.Now, Received: -1, Config: r.Config, Rules: r.Rules, Orders: r.Orders, Proof: r.Proof}); err != nil {
		return nil, err
	}
	_, _, _, epoch, err := b.cfg.Outbox.Position(ctx)
	if err != nil {
		return nil, err
	}
	if r.Epoch != "" && r.Epoch != epoch.String() {
		r.Again = nil
	}
	return r.Again, b.cfg.Outbox.Set(ctx, map[string]string{"reply": strconv.FormatInt(r.Request, 10)})
}

// Status is what an edge's folder says, also while another process runs the edge.
type Status struct {
	ID, Name, Address string
	Acked, Last       int64
	Waiting           int64
	Contact, HealthAt time.Time
	Trouble, Alarm    string
	Seen              Seen
	Health            edge.Health
	Config            edge.Config
	CertUntil         time.Time
}

// ReadStatus reads it without disturbing who runs.
func ReadStatus(ctx context.Context, dir string) (out Status, err error) {
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(dir, "outbox.db"), ReadOnly: true})
	if err != nil {
		return out, ot.Errorf(ot.NotFound, "there is no edge in %s: enrol one with skanse edge --data %s --enrol TOKEN", dir, dir)
	}
	defer db.Close()
	err = db.View(ctx, func(r store.Reader) error {
		s, err := readState(ctx, r)
		if err != nil {
			return err
		}
		out = Status{Name: s["name"], Address: s["address"], Acked: s.int("acked"), Trouble: s["trouble"], Alarm: s["alarm"]}
		if id := s.uuid("edge"); id != uuid.Nil {
			out.ID = id.String()
		}
		for name, to := range map[string]*time.Time{"contact": &out.Contact, "health_at": &out.HealthAt} {
			if us := s.int(name); us > 0 {
				*to = time.UnixMicro(us).UTC()
			}
		}
		for name, to := range map[string]any{"witness": &out.Seen, "health": &out.Health, "config": &out.Config} {
			if s[name] == "" {
				continue
			}
			if err := json.Unmarshal([]byte(s[name]), to); err != nil {
				return ot.Errorf(ot.Damaged, "what the edge remembers of its %s cannot be read: %w", name, err)
			}
		}
		if out.Last, err = tail(ctx, r, nil); err != nil {
			return err
		}
		out.Waiting, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM box_batch WHERE seq > ?", out.Acked)
		return err
	})
	if err != nil {
		return out, err
	}
	cert, err := readCert(filepath.Join(dir, certFile))
	if err == nil && cert != nil {
		out.CertUntil = cert.NotAfter
	}
	return out, err
}
