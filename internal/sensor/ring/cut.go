package ring

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Selection says which packets are cut out.
type Selection struct {
	From, To int64                     // packet time, ns; To is left out itself
	Match    func(*sensor.Packet) bool // nil: all of that time
	Most     int                       // packets; 0: no limit
}

// Result says what a cut brought.
type Result struct {
	Packets int64 `json:"packets"`
	Bytes   int64 `json:"bytes"`
	Headers int64 `json:"headers"` // of these, with headers only: outside the plant's own ranges
	Masked  int64 `json:"masked"`  // of these, without payload that holds, or may hold, a sign-in
	Torn    bool  `json:"torn"`    // a file of the ring ended within a chunk
	More    bool  `json:"more"`    // the limit was reached
	First   int64 `json:"first"`
	Last    int64 `json:"last"`
}

// Piece is one packet of a cut.
type Piece struct {
	sensor.Packet
	How sensor.KeptHow
}

var errEnough = errors.New("enough")

// Cut gives the packets of a selection in the order in which they came. Payload
// for which no dissector vouched, then or with a later packet, is left out.
func (r *Ring) Cut(sel Selection, use func(Piece) error) (res Result, err error) {
	vouched := map[uint64]struct{}{}
	inTime := func(p *sensor.Packet) bool { return p.At >= sel.From && p.At < sel.To }
	if err := r.each(sel.From, sel.To, true, func(rec *record) error {
		if rec.kind == kindVouch {
			vouched[rec.packet.Number] = struct{}{}
		}
		return nil
	}, &res); err != nil {
		return res, err
	}
	err = r.each(sel.From, sel.To, false, func(rec *record) error {
		if rec.kind != kindPacket || !inTime(&rec.packet) || sel.Match != nil && !sel.Match(&rec.packet) {
			return nil
		}
		if sel.Most > 0 && res.Packets >= int64(sel.Most) {
			res.More = true
			return errEnough
		}
		p := Piece{rec.packet, rec.how}
		if _, ok := vouched[p.Number]; p.How == sensor.KeptPending && ok {
			p.How = sensor.KeptWhole
		}
		if p.How == sensor.KeptPending {
			p.Data = p.Data[:min(len(p.Data), sensor.HeadOf(&rec.packet))]
		}
		res.count(&p)
		return use(p)
	}, &res)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return res, err
}

func (res *Result) count(p *Piece) {
	res.Packets++
	res.Bytes += int64(len(p.Data))
	if len(p.Data) < p.Wire {
		switch p.How {
		case sensor.KeptSecret, sensor.KeptPending:
			res.Masked++
		case sensor.KeptHeaders, sensor.KeptBare, sensor.KeptUnparsed:
			res.Headers++
		case sensor.KeptWhole:
		}
	}
	if res.First == 0 {
		res.First = p.At
	}
	res.Last = max(res.Last, p.At)
}

// Packet finds one packet by its number and its time, ns cut to µs as proofs have it.
func (r *Ring) Packet(number uint64, at int64) (p Piece, err error) {
	found := false
	us := at / 1000
	_, err = r.Cut(Selection{
		From: us * 1000, To: (us + 1) * 1000,
		Match: func(p *sensor.Packet) bool { return p.Number == number && p.At/1000 == us },
	}, func(x Piece) error {
		found, p = true, x
		p.Data = slices.Clone(x.Data)
		return nil
	})
	if err == nil && !found {
		err = ot.Errorf(ot.NotFound, "packet %d is no longer kept: the ring has gone on over it", number)
	}
	return p, err
}

// each goes over the records of all blocks that may hold packets of that time:
// first the files, then what waits in memory. With later it goes over all
// that comes after them too, where somebody may have vouched for them.
func (r *Ring) each(from, to int64, later bool, use func(*record) error, res *Result) error {
	want := func(first, last mark) bool {
		return last.at >= from && (later || first.at < to)
	}
	var rec record
	records := func(b []byte) error {
		for len(b) > 0 {
			var ok bool
			if b, ok = next(b, &rec); !ok {
				return nil
			}
			if err := use(&rec); err != nil {
				return err
			}
		}
		return nil
	}
	r.mu.Lock()
	var files []file
	if r.disk != nil {
		files = r.disk.snapshot()
	}
	var blocks []*block
	for _, b := range r.sealed {
		written := len(files) > 0 && b.last.number <= files[len(files)-1].last.number // and not yet let go
		if want(b.first, b.last) && !written {
			b.readers.Add(1)
			blocks = append(blocks, b)
		}
	}
	current := slices.Clone(r.cur.data)
	r.mu.Unlock()
	defer func() {
		for _, b := range blocks {
			b.readers.Add(-1)
		}
	}()
	for i := range files {
		f := files[i]
		if !want(f.first, f.last) {
			continue
		}
		if err := r.fromFile(&f, want, records); err != nil {
			return err
		}
		res.Torn = res.Torn || f.torn
	}
	for _, b := range blocks {
		if err := records(b.data); err != nil {
			return err
		}
	}
	return records(current)
}

func (r *Ring) fromFile(f *file, want func(first, last mark) bool, use func([]byte) error) error {
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) { // the ring went on over it meanwhile
		return nil
	}
	if err != nil {
		return ot.Errorf(ot.Internal, "read the packet ring: %w", err)
	}
	defer in.Close()
	// Only as far as it was written when we looked: what comes later is in memory too.
	limit, torn := f.size, f.torn
	*f = file{path: f.path}
	err = chunks(io.LimitReader(in, limit), r.disk.cfg.Key, f, want, use)
	f.torn = f.torn || torn
	return err
}
