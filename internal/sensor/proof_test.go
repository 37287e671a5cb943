package sensor

import (
	"bytes"
	"testing"
)

const headers = 14 + 20 + 20

// A proof reaches from the headers to the end of the last PDU that may be kept.
func TestProofReach(t *testing.T) {
	sound, other, secret, half := pdu(toyProgram, "sound"), pdu(toyProgram, "other"), pdu(toySecret, "hidden"), pdu(toyProgram, "cut off")
	for _, c := range []struct {
		name    string
		payload [][]byte
		want    []int // bytes of payload proved by the event of each program PDU
	}{
		{"alone", [][]byte{sound}, []int{len(sound)}},
		{"two", [][]byte{sound, other}, []int{2 * len(sound), 2 * len(sound)}},
		{"before a secret", [][]byte{sound, secret}, []int{len(sound)}},
		{"behind a secret", [][]byte{secret, sound}, []int{0}},
		{"before one that is not whole", [][]byte{sound, half[:7]}, []int{len(sound)}},
		{"behind noise", [][]byte{[]byte("noise"), sound}, []int{0}},
	} {
		talk := newTalk().open().say(0, pdu(toyRead, "")).say(0, bytes.Join(c.payload, nil))
		var got []int
		for _, e := range summaryOf(t, talk.frames, toyConfig(t)).Events {
			if e.Code != toyProgram {
				continue
			}
			got = append(got, len(e.Proof)-headers)
			if want := talk.frames[len(talk.frames)-1]; !bytes.HasPrefix(want, e.Proof) {
				t.Errorf("%s: the proof is not the packet's head: % x", c.name, e.Proof)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d events; want %d", c.name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: event %d is proved by %d bytes of payload; want %d", c.name, i, got[i], c.want[i])
			}
		}
	}
}

// A conversation is proved by payload only while its dissector is believed.
func TestFlowProof(t *testing.T) {
	read := pdu(toyRead, "body")
	if s := summaryOf(t, newTalk().open().say(0, read).frames, toyConfig(t)); len(s.Flows[0].Proof) != headers+len(read) {
		t.Errorf("a sound conversation is proved by %d bytes; want %d", len(s.Flows[0].Proof), headers+len(read))
	}
	if s := summaryOf(t, newTalk().open().say(0, []byte("PASS geheim\r\n")).frames, toyConfig(t)); len(s.Flows[0].Proof) != headers {
		t.Errorf("a conversation that nobody decodes is proved by %d bytes; want the headers alone", len(s.Flows[0].Proof))
	}
	talk := newTalk().open().say(0, read)
	for range maxAlien {
		talk.say(0, pdu(toyAlien, ""))
	}
	if s := summaryOf(t, talk.frames, toyConfig(t)); len(s.Flows[0].Proof) != headers {
		t.Errorf("a conversation that its dissector gave up is proved by %d bytes; want the headers alone", len(s.Flows[0].Proof))
	}
}
