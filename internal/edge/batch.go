package edge

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"github.com/skanse/skanse/internal/ot"
)

// Batch is one message on its way. Its place in the edge's chain is fixed when it
// is made: Link is a hash over the link before it and the message's own digest. So
// a batch that was changed, left out or made by a second machine with the same
// data does not fit, and one that comes twice is known.
//
//	"SKB" version     1
//	edge, epoch       16 bytes each
//	seq               uvarint, from 1
//	made              varint, µs by the edge's clock
//	state             0 whole, 1 cut (counters left out), 2 dropped (no body)
//	kind              uvarint length, bytes
//	prev, digest      32 bytes each; digest is of the message as it was made
//	raw, body         uvarint length; uvarint length, bytes (zstd)
type Batch struct {
	Edge, Epoch  uuid.UUID
	Seq          int64
	Made         int64
	State        State
	Kind         string
	Prev, Digest [32]byte
	Raw          int    // bytes of the message
	Body         []byte // compressed; nil: dropped
}

// State says how much of a message is left: an edge whose disk is full drops the
// oldest counters first.
type State uint8

// The states of a batch.
const (
	Whole State = iota
	Cut
	Dropped
)

const (
	batchMagic   = "SKB"
	batchVersion = 1
)

// Link is the batch's place in the chain, which the next one names as Prev.
func (b *Batch) Link() [32]byte {
	h := sha256.New()
	h.Write([]byte("skanse-batch-1"))
	h.Write(b.Edge[:])
	h.Write(b.Epoch[:])
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(b.Seq))
	binary.BigEndian.PutUint64(n[8:], uint64(b.Made))
	h.Write(n[:])
	h.Write(b.Prev[:])
	h.Write(b.Digest[:])
	h.Write([]byte(b.Kind))
	return [32]byte(h.Sum(nil))
}

// Append writes the batch behind out.
func (b *Batch) Append(out []byte) []byte {
	out = append(append(out, batchMagic...), batchVersion)
	out = append(append(out, b.Edge[:]...), b.Epoch[:]...)
	out = binary.AppendUvarint(out, uint64(b.Seq))
	out = binary.AppendVarint(out, b.Made)
	out = append(out, byte(b.State))
	out = append(binary.AppendUvarint(out, uint64(len(b.Kind))), b.Kind...)
	out = append(append(out, b.Prev[:]...), b.Digest[:]...)
	out = binary.AppendUvarint(out, uint64(b.Raw))
	return append(binary.AppendUvarint(out, uint64(len(b.Body))), b.Body...)
}

// ReadBatches reads batches that stand one behind the other, and nothing else. The
// bodies alias in.
func ReadBatches(in []byte) ([]Batch, error) {
	var out []Batch
	for len(in) > 0 {
		b, n, err := readBatch(in)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "batch %d of the delivery cannot be read: %w", len(out)+1, err)
		}
		out = append(out, b)
		in = in[n:]
	}
	return out, nil
}

func readBatch(in []byte) (b Batch, n int, err error) {
	r := &reader{in: in}
	if string(r.take(len(batchMagic))) != batchMagic {
		return b, 0, fmt.Errorf("it does not begin with %s", batchMagic)
	}
	if v := r.byte(); r.err == nil && v != batchVersion {
		return b, 0, fmt.Errorf("it is of version %d, this program reads %d", v, batchVersion)
	}
	copy(b.Edge[:], r.take(16))
	copy(b.Epoch[:], r.take(16))
	seq := r.uint()
	b.Seq, b.Made = int64(seq), r.int()
	b.State = State(r.byte())
	b.Kind = string(r.take(r.length(MaxKind)))
	copy(b.Prev[:], r.take(32))
	copy(b.Digest[:], r.take(32))
	b.Raw = r.length(MaxRaw)
	b.Body = r.take(r.length(MaxBody))
	switch {
	case r.err != nil:
		return b, 0, r.err
	case seq == 0 || seq > 1<<60:
		return b, 0, fmt.Errorf("its number is %d", seq)
	case b.State > Dropped:
		return b, 0, fmt.Errorf("its state is %d", b.State)
	case (b.State == Dropped) != (len(b.Body) == 0):
		return b, 0, fmt.Errorf("its state is %d and it has %d bytes", b.State, len(b.Body))
	case b.Kind == "":
		return b, 0, fmt.Errorf("it has no kind")
	}
	return b, len(in) - len(r.in), nil
}

// Codec compresses and opens messages. It is safe for many goroutines.
type Codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// NewCodec makes a Codec with bounded memory.
func NewCodec() (*Codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return nil, fmt.Errorf("compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxRaw), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("decompressor: %w", err)
	}
	return &Codec{enc, dec}, nil
}

// Pack compresses a message.
func (c *Codec) Pack(raw []byte) ([]byte, error) {
	if len(raw) > MaxRaw {
		return nil, ot.Errorf(ot.TooMany, "a message has %d bytes, at most %d cross: send it in parts", len(raw), MaxRaw)
	}
	body := c.enc.EncodeAll(raw, nil)
	if len(body) > MaxBody {
		return nil, ot.Errorf(ot.TooMany, "a message has %d bytes compressed, at most %d cross: send it in parts", len(body), MaxBody)
	}
	return body, nil
}

// Open returns the message of a batch, and refuses one that is not what its digest
// says. Of a cut batch the digest is of what it was before, so only its length is known.
func (c *Codec) Open(b *Batch) ([]byte, error) {
	raw, err := c.dec.DecodeAll(b.Body, make([]byte, 0, min(b.Raw, 1<<20)))
	switch {
	case err != nil:
		return nil, ot.Errorf(ot.Invalid, "batch %d: its body is damaged: %w", b.Seq, err)
	case len(raw) != b.Raw:
		return nil, ot.Errorf(ot.Invalid, "batch %d: its body has %d bytes, its head says %d", b.Seq, len(raw), b.Raw)
	case b.State == Whole && sha256.Sum256(raw) != b.Digest:
		return nil, ot.Errorf(ot.Invalid, "batch %d: its body is not the one that was made: it was changed on the way", b.Seq)
	}
	return raw, nil
}

// reader reads the fields of our formats and remembers the first thing that is wrong.
type reader struct {
	in  []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.in) {
		r.err = fmt.Errorf("it is cut off: %d bytes are missing", n-len(r.in))
	}
	if r.err != nil {
		return nil
	}
	b := r.in[:n:n]
	r.in = r.in[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint() uint64 {
	x, n := binary.Uvarint(r.in)
	if r.err == nil && n <= 0 {
		r.err = fmt.Errorf("it ends inside a number")
	}
	if r.err != nil {
		return 0
	}
	r.in = r.in[n:]
	return x
}

func (r *reader) int() int64 {
	x, n := binary.Varint(r.in)
	if r.err == nil && n <= 0 {
		r.err = fmt.Errorf("it ends inside a number")
	}
	if r.err != nil {
		return 0
	}
	r.in = r.in[n:]
	return x
}

func (r *reader) length(most int) int {
	x := r.uint()
	if r.err == nil && x > uint64(most) {
		r.err = fmt.Errorf("it claims %d bytes where at most %d may be", x, most)
	}
	if r.err != nil {
		return 0
	}
	return int(x)
}
