package ntlmssp

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// heard keeps the facts.
type heard struct{ facts []string }

func (*heard) Message(*ot.Message)                       {}
func (*heard) Code(*ot.Message, ot.Kind, uint32, []byte) {}
func (*heard) Expect(ot.Endpoint, bool, ot.Protocol)     {}
func (*heard) Client(ot.Dir)                             {}
func (h *heard) Fact(_ ot.Host, attr ot.Attr, v []byte) {
	h.facts = append(h.facts, string(attr)+"="+string(v))
}

func facts(b []byte) []string {
	h := &heard{}
	new(Reader).Facts(b, dissect.NewSink(h))
	return h.facts
}

func wide(s string) []byte {
	var out []byte
	for _, r := range s {
		out = binary.LittleEndian.AppendUint16(out, uint16(r))
	}
	return out
}

// signIn is an authenticate message, MS-NLMP 2.2.1.3, of workstation "ENG-01"
// by "operator", whose response is 24 bytes of 0xaa.
func signIn(flags uint32) []byte {
	name := func(s string) []byte {
		if flags&unicode != 0 {
			return wide(s)
		}
		return []byte(s)
	}
	b := append([]byte("NTLMSSP\x00"), authenticate, 0, 0, 0)
	payload := []byte{}
	put := func(v []byte) {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
		b = binary.LittleEndian.AppendUint32(b, uint32(72+len(payload)))
		payload = append(payload, v...)
	}
	response := slices.Repeat([]byte{0xaa}, 24)
	for _, v := range [][]byte{response, response, name("PLANT"), name("operator"), name("ENG-01"), nil} {
		put(v)
	}
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, 6, 1, 0xb1, 0x1d, 0, 0, 0, 15)
	return append(b, payload...)
}

func TestSignInTellsTheMachineNotThePerson(t *testing.T) {
	for name, flags := range map[string]uint32{"UTF-16": unicode | hasVersion, "one byte a letter": hasVersion} {
		want := []string{"ntlmssp.hostname=ENG-01", "ntlmssp.domain=PLANT", "ntlmssp.os_version=6.1.7601"}
		if got := facts(append([]byte("in front"), signIn(flags)...)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := facts([]byte("NTLMSSP\x00\x07\x00\x00\x00")); got != nil {
		t.Errorf("message type 7: %q", got)
	}
}

func TestUTF16StaysInItsRoom(t *testing.T) {
	if got := string(UTF16(wide("Pumpe Süd \u4e2d"), make([]byte, 0, 64))); got != "Pumpe Süd \u4e2d" {
		t.Errorf("got %q", got)
	}
	if got := UTF16(slices.Repeat([]byte{'a', 0}, 500), make([]byte, 0, 16)); len(got) > 16 {
		t.Errorf("wrote %d bytes into room for 16", len(got))
	}
}

func FuzzFacts(f *testing.F) {
	f.Add(signIn(unicode | hasVersion))
	f.Add(signIn(0))
	f.Add(append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 60)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := 0; n <= len(b); n += 1 + len(b)/16 {
			for _, s := range facts(b[:n:n]) {
				if len(s) > 256 {
					t.Errorf("a fact of %d bytes", len(s))
				}
			}
		}
	})
}
