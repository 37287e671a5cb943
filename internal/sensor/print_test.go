package sensor

import (
	"strings"
	"testing"
)

// What nobody recognises is told by its sizes, its period and the bytes that never change; what changes stays here.
func TestPrint(t *testing.T) {
	talk := newTalk().open()
	for i := range 10 {
		talk.say(0, append([]byte{0x7e, 1, byte(i), 9, 'p', 'w', byte(i)}, strings.Repeat("x", i)...)).say(1, []byte{0x7e, 2, byte(i), 0, 0, 0, 0, 0, 0})
	}
	for _, shards := range []int{1, 2} {
		cfg := toyConfig(t)
		cfg.Shards = shards
		f := summaryOf(t, talk.frames, cfg).Flows[0]
		want := Print{
			Client: PrintSide{Messages: 10, Shortest: 7, Longest: 16, Head: "7e 01 ?? 09 70 77"},
			Server: PrintSide{Messages: 10, Shortest: 9, Longest: 9, Head: "7e 02 ?? 00 00 00 00 00"},
			Period: 2e6,
		}
		if f.Protocol != "" || f.Print == nil || *f.Print != want {
			t.Errorf("%+v", f.Print)
		}
	}
	cfg := toyConfig(t)
	if f := summaryOf(t, newTalk().open().say(0, []byte("USER me")).say(0, []byte("PASS secret")).frames, cfg).Flows[0]; f.Print == nil || f.Print.Client.Head != "" {
		t.Errorf("said once or twice, nothing is known to stay the same: %+v", f.Print)
	}
	if f := summaryOf(t, newTalk().open().say(0, pdu(toyRead, "")).frames, cfg).Flows[0]; f.Print != nil {
		t.Errorf("a recognised conversation: %+v", f.Print)
	}
}
