package snmp_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/snmp"
	"github.com/skanse/skanse/internal/ot"
)

// everything keeps all bytes that a dissector hands out.
type everything struct {
	said     []byte
	messages int
}

func (e *everything) Message(m *ot.Message) {
	e.messages++
	e.said = append(append(e.said, m.Text...), m.Name...)
}

func (e *everything) Code(_ *ot.Message, _ ot.Kind, _ uint32, text []byte) {
	e.said = append(e.said, text...)
}

func (e *everything) Fact(about ot.Host, _ ot.Attr, value []byte) {
	e.said = append(append(e.said, about.Module...), value...)
}

func (e *everything) Expect(ot.Endpoint, bool, ot.Protocol) {}
func (e *everything) Client(ot.Dir)                         {}

// A community string is a password: whatever else is told, it is not.
func TestCommunityIsNeverTold(t *testing.T) {
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet([]dissect.Protocol{snmp.Protocol{}}, names)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "Zx9-community"
	get := "\x30\x2f\x02\x01\x01\x04\x0d" + secret + "\xa0\x1b\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x10\x30\x0e\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x04\x02ok"
	for _, tag := range []byte{0xa0, 0xa1, 0xa2, 0xa3, 0xa5, 0xa6, 0xa7, 0xa8} {
		b := bytes.Replace([]byte(get), []byte{0xa0, 0x1b}, []byte{tag, 0x1b}, 1)
		got := &everything{}
		sink := dissect.NewSink(got)
		sink.Run(set.Entries[0])
		flow := set.Entries[0].Protocol.Open()
		if fault := flow.Decode(ot.Request, b, sink); fault != dissect.OK || got.messages != 1 {
			t.Fatalf("tag %#x: fault %d, %d messages; the test's own bytes are wrong", tag, fault, got.messages)
		}
		if bytes.Contains(got.said, []byte(secret)) {
			t.Errorf("tag %#x: the community string was reported: %q", tag, got.said)
		}
		for n := range b {
			flow.Decode(ot.Request, b[:n], sink)
		}
		if bytes.Contains(got.said, []byte(secret[:5])) {
			t.Errorf("tag %#x: a cut message told the community string: %q", tag, got.said)
		}
	}
}
