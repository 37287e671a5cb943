package sensor

import "testing"

// What tells a mirror port that shows everything from one that does not.
func TestMirrorCounts(t *testing.T) {
	plain := udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyRead, ""))
	all := append([]byte{255, 255, 255, 255, 255, 255}, plain[6:]...)
	large := udpFrame("10.0.0.1", "10.0.0.2", 50000, 9001, make([]byte, 3000))
	short := append([]byte{}, plain[:len(plain)-4]...)
	other := udpFrame("10.0.0.1", "10.0.0.3", 50000, 9000, pdu(toyRead, ""))
	frames := [][]byte{
		plain, plain, // a copy
		tagged(plain, 0x8100, 10), // the same again, with a tag: a copy, of another VLAN than its conversation
		other, all, large, short,
		tagged(other, 0x8100, 20),
	}
	cfg := toyConfig(t)
	cfg.Live = true
	s := summaryOf(t, frames, cfg)
	m := s.Health.Mirror
	if m == nil || m.Unicast != 7 || m.Group != 1 || m.Tagged != 2 || len(m.VLANs) != 2 || m.VLANs[0] != 10 || m.Retagged != 2 || m.Large != 1 || m.Short != 1 || m.Duplicates != 3 {
		t.Errorf("%+v", m)
	}
	talk := newTalk().open().say(0, pdu(toyRead, "")).say(1, pdu(toyRead, ""))
	s = summaryOf(t, talk.frames, cfg)
	if m := s.Health.Mirror; m.TCP != 1 || m.OneSided != 0 {
		t.Errorf("%+v", m)
	}
	var half [][]byte
	for _, f := range talk.frames {
		if f[11] == talk.frames[0][11] {
			half = append(half, f)
		}
	}
	s = summaryOf(t, half, cfg)
	if m := s.Health.Mirror; m.TCP != 1 || m.OneSided != 1 {
		t.Errorf("one direction: %+v", m)
	}
	cfg.Live = false
	if s := summaryOf(t, frames, cfg); s.Health.Mirror != nil {
		t.Errorf("a file has no mirror port: %+v", s.Health.Mirror)
	}
}
