package edge

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/skanse/skanse/internal/ot"
)

// Order is what a centre asks of one edge: packets of a ring. The edge fetches it with
// its own connection, or finds it in a reply that was carried to it, and answers with
// a message among its batches: so the answer arrives, once, on every way that there is.
type Order struct {
	No    int64           `json:"no"` // counts the orders of an edge
	Kind  string          `json:"kind"`
	Until int64           `json:"until"` // µs; then nobody waits for the answer any more
	Key   []byte          `json:"key"`   // X25519: the answer is sealed to the centre, as it lies on the edge's disk until it is confirmed
	Body  json.RawMessage `json:"body"`
}

// Answer answers an order.
type Answer struct {
	No    int64           `json:"no"`
	Code  ot.Code         `json:"code,omitempty"` // why not
	Error string          `json:"error,omitempty"`
	Head  json.RawMessage `json:"head,omitempty"` // of the order's kind
}

// KindAnswer is the kind of messages that answer orders:
//
//	head     uvarint length, an Answer as JSON
//	sealed   the rest: HPKE (X25519, HKDF-SHA256, AES-256-GCM) of the body (zstd); empty: there is none
const KindAnswer = "answer"

// Bounds of an order's answer.
const (
	MaxAnswer  = 32 << 20 // its body
	maxSealed  = 15 << 20 // compressed and sealed; a message may have MaxBody
	maxHead    = 64 << 10
	OrderLife  = 10 * time.Minute   // of one that a connection carries
	OrderByDay = 7 * 24 * time.Hour // of one that is carried by hand
)

func answerInfo(edgeID string, no int64) []byte {
	return fmt.Appendf(nil, "skanse order\n%s\n%d", edgeID, no)
}

// SealAnswer makes an answer's message. Who has the edge's disk cannot read its body.
func SealAnswer(edgeID string, o *Order, a Answer, body []byte) (Message, error) {
	a.No = o.No
	head, err := json.Marshal(a)
	if err != nil {
		return Message{}, fmt.Errorf("write an answer: %w", err)
	}
	out := append(binary.AppendUvarint(nil, uint64(len(head))), head...)
	if len(body) == 0 {
		return Message{KindAnswer, out}, nil
	}
	if len(body) > MaxAnswer {
		return Message{}, ot.Errorf(ot.TooMany, "the answer has %d MiB, a sensor sends %d: choose a shorter time or one conversation", len(body)>>20, MaxAnswer>>20)
	}
	raw, err := ecdh.X25519().NewPublicKey(o.Key)
	if err != nil {
		return Message{}, ot.Errorf(ot.Invalid, "the order's key cannot be used: %w", err)
	}
	pub, err := hpke.NewDHKEMPublicKey(raw)
	if err != nil {
		return Message{}, ot.Errorf(ot.Invalid, "the order's key cannot be used: %w", err)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return Message{}, fmt.Errorf("compressor: %w", err)
	}
	sealed, err := hpke.Seal(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), answerInfo(edgeID, o.No), enc.EncodeAll(body, nil))
	if err != nil {
		return Message{}, fmt.Errorf("seal an answer: %w", err)
	}
	if len(sealed) > maxSealed {
		return Message{}, ot.Errorf(ot.TooMany, "the answer has %d MiB compressed, a sensor sends %d: choose a shorter time or one conversation", len(sealed)>>20, maxSealed>>20)
	}
	return Message{KindAnswer, append(out, sealed...)}, nil
}

// ReadAnswer reads an answer's head; the rest is for OpenAnswer.
func ReadAnswer(raw []byte) (a Answer, sealed []byte, err error) {
	n, used := binary.Uvarint(raw)
	if used <= 0 || n > maxHead || n > uint64(len(raw)-used) {
		return a, nil, ot.Errorf(ot.Invalid, "an answer has no head")
	}
	if err := json.Unmarshal(raw[used:used+int(n)], &a); err != nil {
		return a, nil, ot.Errorf(ot.Invalid, "an answer's head cannot be read: %w", err)
	}
	a.Error = ot.Printable(a.Error)
	return a, raw[used+int(n):], nil
}

// OpenAnswer opens the body of an answer that this edge gave to this order.
func OpenAnswer(key *ecdh.PrivateKey, edgeID string, no int64, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	k, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("the key of orders: %w", err)
	}
	packed, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), answerInfo(edgeID, no), sealed)
	if err != nil {
		return nil, ot.Errorf(ot.Forbidden, "the answer to order %d cannot be opened: it was changed, or is the answer to another one", no)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxAnswer), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("decompressor: %w", err)
	}
	defer dec.Close()
	body, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the answer to order %d is damaged: %w", no, err)
	}
	return body, nil
}
