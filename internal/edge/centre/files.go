package centre

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Import is a file of an edge that came in.
type Import struct {
	ID      string     `db:"import_id" json:"id"`
	At      store.Time `db:"at" json:"at"`
	Via     string     `db:"via" json:"via" enum:"diode,stick"`
	File    string     `db:"file" json:"file"`
	Bytes   int64      `db:"bytes" json:"bytes"`
	EdgeID  string     `db:"edge_id" json:"edge_id" doc:"Empty: not known, as the file could not be read"`
	Batches int64      `db:"batches" json:"batches"`
	Fresh   int64      `db:"fresh" json:"fresh" doc:"Of them not known before"`
	From    int64      `db:"from_seq" json:"from"`
	To      int64      `db:"to_seq" json:"to"`
	Error   string     `db:"error" json:"error"`
}

// ImportFile takes in a file that an edge wrote. The same file twice changes
// nothing. allowed says whether whoever brings it may speak for that edge; nil: yes.
func (s *Service) ImportFile(ctx context.Context, via, name string, raw []byte, allowed func(edgeID string) error) (Import, error) {
	imp := Import{ID: store.NewID(), At: store.At(s.now()), Via: via, File: ot.Printable(filepath.Base(name)), Bytes: int64(len(raw))}
	known, err := s.importFile(ctx, &imp, via, raw, allowed)
	if ot.CodeOf(err) == ot.Busy {
		return imp, err // later
	}
	if err != nil {
		imp.Error = ot.Printable(err.Error())
	}
	if err == nil && imp.Batches == 0 {
		return imp, nil // only says that the edge is alive; a log of these would hide the others
	}
	if known || err == nil {
		if werr := s.db.Update(store.WithoutHooks(ctx), func(tx *store.Tx) error {
			return store.Upsert(ctx, tx, "edge_import", []Import{imp}, nil, nil)
		}); werr != nil && err == nil {
			err = werr
		}
	}
	return imp, err
}

func (s *Service) importFile(ctx context.Context, imp *Import, via string, raw []byte, allowed func(edgeID string) error) (known bool, err error) {
	f, cert, err := edge.ReadFile(raw)
	if err != nil {
		return via == ViaDiode, err
	}
	if f.Purpose != edge.FileBatches {
		return false, ot.Errorf(ot.Invalid, "this file is for a sensor, not from one: take it to the sensor, skanse edge import FILE --data DIR")
	}
	id, _, err := s.ca.Edge(cert)
	if err != nil {
		return via == ViaDiode, ot.Errorf(ot.Forbidden, "the file is signed by somebody who is no sensor of this centre: %w", err)
	}
	if id != f.Edge.String() {
		return via == ViaDiode, ot.Errorf(ot.Forbidden, "the file is signed by sensor %s and speaks as sensor %s: it is refused", id, f.Edge)
	}
	if allowed != nil {
		if err := allowed(id); err != nil {
			return false, err
		}
	}
	imp.EdgeID = id
	n, used := binary.Uvarint(f.Payload)
	if used <= 0 || n > uint64(len(f.Payload)-used) || n > 1<<20 {
		return true, ot.Errorf(ot.Invalid, "the file's content cannot be read")
	}
	var h edge.Hello
	if err := json.Unmarshal(f.Payload[used:used+int(n)], &h); err != nil {
		return true, ot.Errorf(ot.Invalid, "the file's hello cannot be read: %w", err)
	}
	batches := f.Payload[used+int(n):]
	list, err := edge.ReadBatches(batches)
	if err != nil {
		return true, err
	}
	imp.Batches = int64(len(list))
	if len(list) > 0 {
		imp.From, imp.To = list[0].Seq, list[len(list)-1].Seq
	}
	newest := false
	if err := s.db.Update(ctx, func(tx *store.Tx) error { // of files that overtake each other the newest says how the edge is
		n, err := tx.Exec(ctx, "UPDATE edge_edge SET file_no = ? WHERE edge_id = ? AND file_no < ?", f.No, id, f.No)
		newest = n > 0
		return err
	}); err != nil {
		return true, err
	}
	if newest {
		if _, err := s.Hello(ctx, id, via, h); err != nil {
			return true, err
		}
	}
	ack, err := s.Receive(ctx, Delivery{EdgeID: id, Via: via, Raw: batches})
	imp.Fresh = int64(ack.New)
	return true, err
}

// Reply writes the file that goes back to an edge by hand: its configuration, what
// is missing, a new certificate when it is time.
func (s *Service) Reply(ctx context.Context, scope Scope, id string) (name string, raw []byte, err error) {
	now := s.now()
	f := edge.File{Purpose: edge.FileReplies, No: now.UnixMicro(), Made: now.UnixMicro(), Cert: s.ca.cert.Raw}
	r := edge.Replies{Now: now.UnixMicro(), Request: now.UnixMicro()}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.mine(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if e.State != Active || e.InProcess {
			return ot.Errorf(ot.Conflict, "there is nothing to tell a sensor that is %s, or inside this server", e.State)
		}
		if f.Edge, err = uuid.Parse(e.ID); err != nil {
			return err
		}
		name = "skanse-reply-" + e.ID[len(e.ID)-6:] + "-" + now.UTC().Format("20060102T150405") + ".skf"
		r.Epoch = e.Epoch
		if e.ConfigVersion > e.ConfigApplied {
			if r.Config, err = s.signedConfig(ctx, tx, &e); err != nil {
				return err
			}
		}
		if r.Rules, err = s.signedRules(&e); err != nil {
			return err
		}
		if r.Orders, err = s.signedOrders(ctx, tx, e.ID); err != nil {
			return err
		}
		streams, err := store.All[streamRow](ctx, tx, "SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream WHERE edge_id = ? AND epoch = ?", id, e.Epoch)
		if err != nil {
			return err
		}
		for _, st := range streams {
			if r.Again, err = gaps(ctx, tx, st); err != nil {
				return err
			}
		}
		if len(e.PublicKey) > 0 && e.CertUntil.Sub(now) < edge.CertLife/3 {
			cert, err := s.renewed(ctx, tx, e, e.PublicKey)
			if err != nil {
				return err
			}
			r.Cert = cert.Raw
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	witness := int64(0)
	if err := s.db.View(ctx, func(rd store.Reader) error {
		e, err := s.row(ctx, rd, id)
		witness = e.Witness
		return err
	}); err != nil {
		return "", nil, err
	}
	if s.proofs != nil {
		if r.Proof, err = s.proof(ctx, witness); err != nil {
			return "", nil, err
		}
	}
	if f.Payload, err = json.Marshal(r); err != nil {
		return "", nil, fmt.Errorf("write the reply: %w", err)
	}
	return name, f.Write(s.ca.key), nil
}

// GiveUp goes on behind a gap that will never be filled.
func (s *Service) GiveUp(ctx context.Context, scope Scope, id string) (lost int64, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		lost = 0
		e, err := s.mine(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		rows, err := store.All[streamRow](ctx, tx, "SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream WHERE edge_id = ? AND epoch = ?", id, e.Epoch)
		if err != nil {
			return err
		}
		for _, st := range rows {
			g, err := gaps(ctx, tx, st)
			if err != nil {
				return err
			}
			for _, r := range g {
				lost += r.To - r.From + 1
				in := &intake{s: s, tx: tx, d: Delivery{EdgeID: id, Via: ViaDiode}, stream: st}
				in.stream.Received, in.stream.Head = r.To, []byte{}
				if err := in.close(ctx); err != nil {
					return err
				}
				st = in.stream
			}
			st.Lost += lost
			if err := store.Upsert(ctx, tx, "edge_stream", []streamRow{st}, []string{"edge_id", "epoch"}, []string{"received", "head", "lost"}); err != nil {
				return err
			}
		}
		if lost == 0 {
			return ot.Errorf(ot.Conflict, "nothing is missing between this sensor's deliveries")
		}
		return audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: "edge.lost", Target: ot.Ref{Kind: "edge", ID: id}, Detail: map[string]string{"name": e.Name, "deliveries": fmt.Sprint(lost)}})
	})
	return lost, err
}

// Imports lists files, the newest first.
func (s *Service) Imports(ctx context.Context, scope Scope, edgeID, cursor string, limit int) (page rest.Page[Import], err error) {
	// A file that names no edge is seen by who sees the whole plant: nobody else can tell whose it is.
	q, args := `SELECT import_id, at, via, file, bytes, edge_id, batches, fresh, from_seq, to_seq, error FROM edge_import i
		WHERE (EXISTS (SELECT 1 FROM edge_edge e WHERE e.edge_id = i.edge_id AND ?) OR i.edge_id = '' AND NOT EXISTS (SELECT 1 FROM org_site s WHERE NOT ?))`, []any{visible(scope), scope.Where("s.site_no", "")}
	if edgeID != "" {
		q += " AND i.edge_id = ?"
		args = append(args, edgeID)
	}
	if cursor != "" {
		var before string
		if err := rest.DecodeCursor(cursor, &before); err != nil {
			return page, err
		}
		q += " AND i.import_id < ?"
		args = append(args, before)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[Import](ctx, r, q+" ORDER BY i.import_id DESC LIMIT ?", append(args, limit+1)...)
		page = rest.Cut(rows, limit, func(x Import) string { return rest.EncodeCursor(x.ID) })
		return err
	})
	return page, err
}
