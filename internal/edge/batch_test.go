package edge

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"
)

func example() Batch {
	b := Batch{Edge: uuid.MustParse("0190b6d2-0000-7000-8000-000000000001"), Epoch: uuid.MustParse("0190b6d2-0000-7000-8000-000000000002"), Seq: 7, Made: 1_790_000_000_000_000, Kind: "summary", Raw: 5, Digest: sha256.Sum256([]byte("hello"))}
	c, err := NewCodec()
	if err != nil {
		panic(err)
	}
	if b.Body, err = c.Pack([]byte("hello")); err != nil {
		panic(err)
	}
	return b
}

// The link of a batch depends on everything that makes it this batch.
func TestLink(t *testing.T) {
	b := example()
	was := b.Link()
	for name, change := range map[string]func(*Batch){
		"edge": func(b *Batch) { b.Edge[0]++ }, "epoch": func(b *Batch) { b.Epoch[0]++ }, "seq": func(b *Batch) { b.Seq++ }, "made": func(b *Batch) { b.Made++ },
		"kind": func(b *Batch) { b.Kind = "other" }, "prev": func(b *Batch) { b.Prev[0]++ }, "digest": func(b *Batch) { b.Digest[0]++ },
	} {
		x := b
		change(&x)
		if x.Link() == was {
			t.Errorf("another %s gives the same link", name)
		}
	}
	b.Body, b.State = nil, Dropped // what a full disk does
	if b.Link() != was {
		t.Error("a batch that was dropped has another place in the chain")
	}
}

func FuzzReadBatches(f *testing.F) {
	b := example()
	f.Add(b.Append(nil))
	f.Add(b.Append(b.Append(nil)))
	b.State, b.Body = Dropped, nil
	f.Add(b.Append(nil))
	c, err := NewCodec()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		list, err := ReadBatches(in)
		if err != nil {
			return
		}
		var out []byte
		for i := range list {
			out = list[i].Append(out)
			if list[i].State != Dropped {
				if raw, err := c.Open(&list[i]); err == nil && len(raw) != list[i].Raw {
					t.Fatal("a body of another length was opened")
				}
			}
		}
		again, err := ReadBatches(out)
		if err != nil || len(again) != len(list) {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

func TestToken(t *testing.T) {
	now := time.Now()
	tok := NewToken("skanse.plant.example:8443", [32]byte{1, 2, 3}, now, now.Add(time.Hour))
	got, err := ParseToken(tok.String())
	if err != nil || got.Address != tok.Address || got.CA != tok.CA || got.Secret != tok.Secret || !got.Expires.Equal(tok.Expires) || !got.Issued.Equal(tok.Issued) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !bytes.Equal(got.Key(), tok.Key()) {
		t.Error("another key")
	}
	if other := NewToken("a:1", tok.CA, now, now); bytes.Equal(other.Key(), tok.Key()) {
		t.Error("two tokens have the same key")
	}
}

func FuzzParseToken(f *testing.F) {
	now := time.Unix(1_790_000_000, 0)
	f.Add(NewToken("skanse.plant.example:8443", [32]byte{1}, now, now).String())
	f.Add(TokenPrefix)
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParseToken(s) })
}

// The clock never goes back, and knows which times cannot be.
func TestClock(t *testing.T) {
	at := time.Unix(50, 0)
	wall := func() time.Time { return at }
	known := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	c := NewClock(wall, known)
	at = at.Add(10 * time.Second)
	if got := c.Now(); !got.Equal(known.Add(10 * time.Second)) {
		t.Errorf("it is %s", got)
	}
	if by := c.Mend(at.UnixNano()); !at.Add(by).Equal(known.Add(10 * time.Second)) {
		t.Errorf("1970 is moved by %s", by)
	}
	at = known.Add(time.Hour) // NTP came
	if by := c.Mend(at.UnixNano()); by != 0 {
		t.Errorf("a right time is moved by %s", by)
	}
	ahead := known.Add(10 * 365 * 24 * time.Hour)
	c = NewClock(func() time.Time { return ahead }, known)
	if by := c.Mend(ahead.UnixNano()); by != 0 {
		t.Errorf("the future is moved by %s before the centre said what time it is", by)
	}
	c.Heard(known.Add(2 * time.Hour))
	if by := c.Mend(ahead.UnixNano()); !ahead.Add(by).Equal(known.Add(2 * time.Hour)) {
		t.Errorf("the future is moved by %s", by)
	}
}
