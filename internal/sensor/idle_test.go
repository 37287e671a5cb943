package sensor

import (
	"context"
	"errors"
	"io"
	"testing"
)

// wire is a live source by script: a frame at each time, or silence until then.
type wire struct {
	at     []int64
	silent []bool
	n      int
	after  func()
}

func (w *wire) Next(p *Packet) error {
	if w.n == len(w.at) {
		return io.EOF
	}
	w.n++
	if w.n == len(w.at) && w.after != nil {
		w.after()
	}
	if p.At = w.at[w.n-1]; w.silent[w.n-1] {
		return ErrIdle
	}
	b := udpFrame("10.0.0.1", "10.0.0.2", 50000, 9000, pdu(toyRead, ""))
	*p = Packet{Data: b, At: w.at[w.n-1], Number: uint64(w.n), Wire: len(b), Link: LinkEthernet}
	return nil
}
func (w *wire) Close() error       { return nil }
func (w *wire) Stats() SourceStats { return SourceStats{} }

const second = int64(1e9)

// play runs a script of seconds; negative ones are silence.
func play(seconds ...int64) *wire {
	w := &wire{}
	for _, s := range seconds {
		w.at, w.silent = append(w.at, 1e18+max(s, -s)*second), append(w.silent, s < 0)
	}
	return w
}

func TestSilence(t *testing.T) {
	cfg := toyConfig(t)
	cfg.Live, cfg.Interval = true, 10*second
	for name, c := range map[string]struct {
		play []int64
		to   []int64 // ends of the summaries, seconds
		n    []uint64
	}{
		"from the start":        {[]int64{-1, -5, -11, -15, -22}, []int64{11, 22, 22}, []uint64{0, 0, 0}},
		"after packets":         {[]int64{1, 2, -8, -12, -23}, []int64{12, 23, 23}, []uint64{2, 0, 0}},
		"between packets":       {[]int64{1, -8, 12, -13, -24}, []int64{8, 24, 24}, []uint64{1, 1, 0}},
		"the clock is set back": {[]int64{1001, 1002, 1, 2, -12}, []int64{1, 12, 12}, []uint64{2, 2, 0}},
		"set back in silence":   {[]int64{1001, -1002, -1, -12}, []int64{1, 12, 12}, []uint64{1, 0, 0}},
	} {
		all := summaries(t, play(c.play...), cfg)
		if len(all) != len(c.to) {
			t.Errorf("%s: %d summaries, want %d", name, len(all), len(c.to))
			continue
		}
		for i, s := range all {
			if s.To != 1e18+c.to[i]*second || s.Health.Packets != c.n[i] || s.From > s.To || i > 0 && s.From > all[i-1].To {
				t.Errorf("%s: summary %d is of %d to %d with %d packets, want to %d with %d", name, i, (s.From-1e18)/second, (s.To-1e18)/second, s.Health.Packets, c.to[i], c.n[i])
			}
		}
	}
}

// Silence does not keep a run from ending.
func TestSilenceEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := play(-1, -2, -3)
	w.after = cancel
	if err := Run(ctx, w, Config{Live: true}, func(*Summary) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
}
