package sensor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func hashOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// A block in pieces comes out whole: who, when, what, its hash, its bytes once.
func TestProgram(t *testing.T) {
	part := strings.Repeat("block ", 30)
	talk := newTalk().open()
	for range 2 {
		talk.say(0, pdu(toyBegin, "DB 1"))
		for range 3 {
			talk.say(0, pdu(toyPart, part))
		}
		talk.say(0, pdu(toyEnd, ""))
	}
	for _, shards := range []int{1, 2} {
		cfg := toyConfig(t)
		cfg.Shards = shards
		s := summaryOf(t, talk.frames, cfg)
		if len(s.Programs) != 2 {
			t.Fatalf("%d programs", len(s.Programs))
		}
		p := s.Programs[0]
		want := strings.Repeat(part, 3)
		if p.Name != "DB 1" || p.Kind != "block" || p.Up || p.Size != uint64(len(want)) || p.SHA256 != hashOf(want) || string(p.Content) != want || p.Missing != "" ||
			p.Ref.Number != 4 || p.Ended != 1e18+8e6 || p.Flow.Client.IP.String() != "10.0.0.1" || p.Flow.Server.IP.String() != "10.0.0.2" || p.Protocol != "toy" {
			t.Errorf("%+v", p)
		}
		if again := s.Programs[1]; again.SHA256 != p.SHA256 || again.Content != nil || again.Without != "" {
			t.Errorf("the same again: %+v", again)
		}
		cfg.Brief = true
		if s := summaryOf(t, talk.frames, cfg); len(s.Programs) != 2 || s.Programs[0].SHA256 != p.SHA256 || s.Programs[0].Content != nil {
			t.Errorf("brief: %+v", s.Programs)
		}
		cfg.Contents = true
		if s := summaryOf(t, talk.frames, cfg); string(s.Programs[0].Content) != want {
			t.Error("brief, and the content asked for")
		}
	}
}

// What is not whole has no hash and says why; what nobody keeps leaves nothing.
func TestProgramNotWhole(t *testing.T) {
	begun := func() *talk { return newTalk().open().say(1, pdu(toyBegin, "OB 1")).say(1, pdu(toyPart, "first ")) }
	for name, c := range map[string]struct {
		talk *talk
		why  string
	}{
		"lost":      {begun().lose(1, pdu(toyPart, "second")).say(0, pdu(toyRead, "")).say(0, pdu(toyRead, "")).say(1, pdu(toyPart, "third")).say(1, pdu(toyEnd, "")), "not captured"},
		"no end":    {begun(), "connection ended"},
		"the next":  {begun().say(1, pdu(toyBegin, "OB 2")).say(1, pdu(toyPart, "x")).say(1, pdu(toyEnd, "")), "another began"},
		"a hole":    {begun().say(1, pdu(toyAt, "\x20late")).say(1, pdu(toyEnd, "")), "not seen"},
		"unordered": {newTalk().open().say(1, pdu(toyBegin, "OB 1")).say(1, pdu(toyAt, "\x06second")).say(1, pdu(toyAt, "\x00first ")).say(1, pdu(toyEnd, "")), ""},
	} {
		s := summaryOf(t, c.talk.frames, toyConfig(t))
		if len(s.Programs) == 0 {
			t.Errorf("%s: no program", name)
			continue
		}
		p := s.Programs[0]
		if c.why == "" && p.SHA256 != hashOf("first second") || c.why != "" && (p.SHA256 != "" || p.Content != nil || !strings.Contains(p.Missing, c.why)) || !p.Up {
			t.Errorf("%s: %+v", name, p)
		}
	}
	file := newTalk().open().say(0, pdu(toyBegin, "/home/someone/letter.doc")).say(0, pdu(toyPart, "Dear")).say(0, pdu(toyEnd, ""))
	file.say(0, pdu(toyBegin, "/plc/line4.ap17")).say(0, pdu(toyPart, "project")).say(0, pdu(toyEnd, ""))
	cfg := toyConfig(t)
	cfg.Projects = func(path string) bool { return strings.HasSuffix(path, ".ap17") }
	s := summaryOf(t, file.frames, cfg)
	if len(s.Programs) != 1 || s.Programs[0].Name != "/plc/line4.ap17" || s.Health.Pieces != 0 {
		t.Errorf("files: %+v, %d pieces", s.Programs, s.Health.Pieces)
	}
	late := newTalk().open().say(0, pdu(toyPart, "x"))
	if s := summaryOf(t, late.frames, toyConfig(t)); len(s.Programs) != 0 || s.Health.Pieces != 1 {
		t.Errorf("a beginning that nobody saw: %+v, %d pieces", s.Programs, s.Health.Pieces)
	}
}

// Beyond the budget a program in order is still hashed; many at once are bounded.
func TestProgramBudget(t *testing.T) {
	part := strings.Repeat("x", 900)
	talk := newTalk().open().say(0, pdu(toyBegin, "big"))
	for range 100 {
		talk.say(0, pdu(toyPart, part))
	}
	talk.say(0, pdu(toyEnd, ""))
	cfg := toyConfig(t)
	cfg.Budget.Program = lanes * 32 << 10
	p := summaryOf(t, talk.frames, cfg).Programs[0]
	if p.SHA256 != hashOf(strings.Repeat(part, 100)) || p.Content != nil || p.Without == "" || p.Size != 90_000 {
		t.Errorf("%+v", p)
	}
	var frames [][]byte
	for i := range 3000 {
		frames = append(frames, udpFrame("10.0.0.1", "10.0.0.2", uint16(10000+i), 9000, pdu(toyBegin, fmt.Sprint("DB ", i))),
			udpFrame("10.0.0.1", "10.0.0.2", uint16(10000+i), 9000, pdu(toyPart, part)))
	}
	e := newEngine(&cfg)
	src := &memory{frames: frames}
	var pk Packet
	for src.Next(&pk) == nil {
		e.take(&pk)
	}
	for _, l := range e.lanes {
		if len(l.moving.open) > openTransfers || l.moving.held > l.budget.Program {
			t.Errorf("%d open, %d bytes", len(l.moving.open), l.moving.held)
		}
	}
}

// A transfer goes on over the ends of intervals, and its flow may lose bytes in an earlier one.
func TestProgramOverIntervals(t *testing.T) {
	talk := newTalk().open().lose(0, pdu(toyRead, "")).say(0, pdu(toyRead, ""))
	for range 4 {
		talk.say(1, pdu(toyRead, ""))
	}
	talk.say(0, pdu(toyBegin, "DB 1"))
	for range 20 {
		talk.say(0, pdu(toyPart, "0123456789")).say(1, pdu(toyRead, ""))
	}
	talk.say(0, pdu(toyEnd, ""))
	cfg := toyConfig(t)
	cfg.Interval = 10e6
	var got []Program
	for _, s := range summaries(t, &memory{frames: talk.frames}, cfg) {
		got = append(got, s.Programs...)
	}
	if len(got) != 1 || got[0].SHA256 != hashOf(strings.Repeat("0123456789", 20)) || got[0].Flow.Server.IP.String() != "10.0.0.2" {
		t.Errorf("%+v", got)
	}
	if !slices.IsSortedFunc(got, func(x, y Program) int { return int(int64(x.Ref.Number) - int64(y.Ref.Number)) }) {
		t.Error("not in order")
	}
}
