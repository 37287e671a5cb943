package listen

import (
	"math"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

// Heard is what an interface said of itself, added up: totals since it was first
// heard of, and the mirror's counts with a memory of minutes, so that a sentence
// changes when the port was mended.
type Heard struct {
	Packets     uint64 `json:"packets"`
	Bytes       uint64 `json:"bytes"`
	Dropped     uint64 `json:"dropped"`
	Transmitted uint64 `json:"transmitted"`
	SentAt      int64  `json:"sent_at,omitempty"`    // ns: when a frame of ours was last seen on the wire
	DroppedAt   int64  `json:"dropped_at,omitempty"` // when packets were last lost

	Rate    float64   `json:"rate"`    // packets/s of the last interval
	Bits    float64   `json:"bits"`    // bit/s
	Rates   []float64 `json:"rates"`   // of the last intervals, oldest first
	Seconds float64   `json:"seconds"` // of listening that the window stands on

	Window Window            `json:"window"`
	VLANs  []uint16          `json:"vlans,omitempty"`
	Port   *sensor.Port      `json:"port,omitempty"`
	Ring   *sensor.RingState `json:"ring,omitempty"`
	Ended  bool              `json:"ended,omitempty"`
	Cut    string            `json:"cut,omitempty"` // why it hears nothing
}

// Window is the mirror's counts of about the last minutes.
type Window struct {
	Packets    float64 `json:"packets"`
	Dropped    float64 `json:"dropped"`
	TCP        float64 `json:"tcp"`
	OneSided   float64 `json:"one_sided"`
	Unicast    float64 `json:"unicast"`
	Group      float64 `json:"group"`
	Tagged     float64 `json:"tagged"`
	Retagged   float64 `json:"retagged"`
	Duplicates float64 `json:"duplicates"`
	Large      float64 `json:"large"`
	Short      float64 `json:"short"`
	TooLong    float64 `json:"too_long"`
	Damaged    float64 `json:"damaged"`
}

const (
	windowLength = 5 * time.Minute // after which a count weighs a third
	keptRates    = 60
	maxVLANs     = 64
	// A clock that jumps must not make years of an interval.
	maxInterval = time.Hour
)

// add takes a live summary's health.
func (h *Heard) add(sum *sensor.Summary) {
	x := &sum.Health
	h.Ended, h.Cut = sum.Last, x.Cut
	if x.Mirror == nil && x.Port == nil && x.Packets == 0 && !sum.Last {
		return // a part of a summary that was cut in pieces: its health is in another one
	}
	h.Packets += x.Packets
	h.Bytes += x.Bytes
	h.Dropped += x.Dropped
	h.Transmitted += x.Transmitted
	if x.Transmitted > 0 {
		h.SentAt = sum.To
	}
	if x.Dropped > 0 {
		h.DroppedAt = sum.To
	}
	length := min(max(time.Duration(sum.To-sum.From), 0), maxInterval)
	if s := length.Seconds(); s >= 0.2 {
		h.Rate, h.Bits = float64(x.Packets)/s, float64(x.Bytes)*8/s
		h.Rates = append(h.Rates, math.Round(h.Rate))
		h.Rates = h.Rates[max(0, len(h.Rates)-keptRates):]
	}
	fade := math.Exp(-length.Seconds() / windowLength.Seconds())
	h.Seconds = h.Seconds*fade + length.Seconds()
	w, m := &h.Window, x.Mirror
	if m == nil {
		m = &sensor.Mirror{}
	}
	var tooLong, damaged uint64
	if x.Port != nil {
		h.Port, tooLong, damaged = x.Port, x.Port.TooLong, x.Port.Damaged
	}
	for _, c := range []struct {
		to  *float64
		add uint64
	}{
		{&w.Packets, x.Packets},
		{&w.Dropped, x.Dropped},
		{&w.TCP, m.TCP},
		{&w.OneSided, m.OneSided},
		{&w.Unicast, m.Unicast},
		{&w.Group, m.Group},
		{&w.Tagged, m.Tagged},
		{&w.Retagged, m.Retagged},
		{&w.Duplicates, m.Duplicates},
		{&w.Large, m.Large},
		{&w.Short, m.Short},
		{&w.TooLong, tooLong},
		{&w.Damaged, damaged},
	} {
		*c.to = *c.to*fade + float64(c.add)
	}
	for _, v := range m.VLANs {
		if i, have := slices.BinarySearch(h.VLANs, v); !have && len(h.VLANs) < maxVLANs {
			h.VLANs = slices.Insert(h.VLANs, i, v)
		}
	}
	h.Ring = x.Ring
}
