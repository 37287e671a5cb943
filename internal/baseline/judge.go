package baseline

import (
	"math/bits"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// The rules, as catalog/detections names them.
const (
	RuleDevice       = "baseline.new-device"
	RuleConversation = "baseline.new-conversation"
	RuleFunction     = "baseline.new-function"
	RuleRange        = "baseline.out-of-range"
	RuleRate         = "baseline.rate"
	RuleTime         = "baseline.time"
	RuleSilence      = "baseline.silence"
	RuleZoneSilence  = "baseline.zone-silence"
	RuleDenied       = "baseline.denied"
)

const (
	// A busy minute is no finding: only many times the most that was ever heard, and enough to matter.
	rateTimes = 4
	rateLeast = 600
	// Hours of the week mean something once two weeks were learned, of what was heard in many
	// hours and in few of the day: what comes at any hour has no unusual one.
	hoursAfter = 14 * 24 * time.Hour
	hoursHeard = 40
	hoursMost  = 12
	// What is denied or new is told again after this long; the alert counts in between.
	tellAgain = time.Hour
	// lastSeen is written this coarsely, so that a quiet plant writes nothing.
	coarse = int64(5 * time.Minute / time.Microsecond)
)

// heard is a conversation of a summary, with where and when it belongs.
type heard struct {
	flow  *sensor.FlowDelta
	at    time.Time // of its newest packet, on the site's clock
	since time.Time // what its summary covers, at most two days
	phase string
	fresh bool // the conversation itself is
	live  bool
	from  string // source
}

// news is what judging found.
type news struct {
	rule, what, was, now string
	fn                   *function
}

// judge compares a conversation with its row, changes the row to what is known now and
// says what departs. fresh: the row was made for it; device: neither of its ends was
// ever heard before and this one makes itself known.
func judge(t *talk, h *heard, fresh bool, device string) (out []news, changed bool) {
	now := micros(h.flow.Last)
	protecting := h.phase == Protecting
	switch {
	case t.Verdict == Denied:
		if again(t.Told, h.at) {
			out = append(out, news{rule: RuleDenied, what: "denied"})
		}
	case fresh && protecting, t.Verdict == Expired && protecting, t.Verdict == Approved && protecting && !t.Until.IsZero() && h.at.After(t.Until.Time):
		if !fresh {
			t.Verdict = Fresh
		}
		if device != "" {
			out = append(out, news{rule: RuleDevice, what: "new-device", now: device})
		} else {
			out = append(out, news{rule: RuleConversation, what: "new-conversation", now: service(t)})
		}
	case protecting:
		out = append(out, unusual(t, h)...)
	}
	if gap := now - t.Last; gap > t.Gap && gap >= coarse && !fresh && !t.silent() {
		t.Gap, changed = gap, true
	}
	if t.silent() {
		t.Silent = store.Time{}
		changed = true
		out = append(out, news{what: "returned"})
	}
	if len(out) > 0 {
		changed = true
		for _, n := range out {
			if n.rule != "" {
				t.Told = store.At(h.at)
			}
		}
	}
	if first := micros(h.flow.First); first < t.First {
		t.First, changed = first, true
	}
	if now > t.Last && (now-t.Last >= coarse || changed) {
		t.Last, changed = now, true
	}
	// An hour is told once, and then known.
	for at := h.at; ; at = at.Add(-time.Hour) {
		if bit := hourBit(at); t.Hours&bit == 0 {
			t.Hours |= bit
			changed = true
		}
		if hour := at.Unix() / 3600; hour > t.Hour {
			t.Heard++
			changed = true
		}
		if at.Add(-time.Hour).Before(h.since) {
			break
		}
	}
	t.Hour = max(t.Hour, now/(3600*1e6))
	if r := rate(h.flow); r > t.Rate && (!protecting || fresh) {
		t.Rate, changed = r, true
	}
	return out, changed || fresh
}

func (t *talk) silent() bool { return !t.Silent.IsZero() }

func again(told store.Time, at time.Time) bool {
	return told.IsZero() || at.Sub(told.Time) >= tellAgain
}

// unusual are a rate and an hour that were never heard.
func unusual(t *talk, h *heard) (out []news) {
	if r := rate(h.flow); t.Rate > 0 && r >= rateLeast && r > rateTimes*t.Rate && again(t.Told, h.at) {
		out = append(out, news{rule: RuleRate, what: "rate", was: number(t.Rate), now: number(r)})
	}
	learned := time.Duration(t.Last-t.First) * time.Microsecond
	if learned >= hoursAfter && t.Heard >= hoursHeard && h.flow.ServerPackets > 0 && oddHour(t.Hours, h.at) && again(t.Told, h.at) {
		out = append(out, news{rule: RuleTime, what: "time", now: h.at.Format("Mon 15:04")})
	}
	return out
}

// oddHour says that a conversation keeps hours, and this is none of them nor beside one.
func oddHour(hours int64, at time.Time) bool {
	day := func(set int64, off int) uint32 { return uint32(set>>off) & (1<<24 - 1) }
	work, own := day(hours, 0), day(hours, 0)
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		own = day(hours, 24)
	}
	if most := max(bits.OnesCount32(work), bits.OnesCount32(own)); most == 0 || most > hoursMost {
		return false
	}
	for _, near := range []int{23, 0, 1} {
		if own&(1<<((at.Hour()+near)%24)) != 0 {
			return false
		}
	}
	return true
}

// judgeFunction does the same for one function of a conversation.
func judgeFunction(t *talk, f *function, d *sensor.TupleDelta, h *heard, fresh bool) (out []news, changed bool) {
	protecting := h.phase == Protecting && t.Verdict != Fresh && t.Verdict != Expired // else the conversation itself was told of
	lo, hi := int64(d.FirstItem), int64(0)
	if d.LastItem != 0 || d.FirstItem != 0 {
		hi = int64(d.LastItem) + 1
	}
	switch {
	case f.Verdict == Denied:
		if again(t.Told, h.at) {
			out = append(out, news{rule: RuleDenied, what: "denied", now: f.called(), fn: f})
		}
	case fresh && protecting, f.Verdict == Expired && protecting:
		f.Verdict = Fresh
		out = append(out, news{rule: RuleFunction, what: "new-function", now: f.called(), fn: f})
	case fresh && !h.fresh: // a step of drift, and nobody's alert
		out = append(out, news{what: "new-function", now: f.called(), fn: f})
	case hi > 0 && (lo < f.Lo || hi > f.Hi || f.Hi == 0) && protecting && ot.ParseClass(f.Class)&(ot.Write|ot.Control|ot.Configure) != 0:
		out = append(out, news{rule: RuleRange, what: "out-of-range", was: f.span(), now: span(lo, hi), fn: f})
	case !fresh && hi > 0 && f.Hi > 0 && (lo < f.Lo || hi > f.Hi) && h.phase != Learning:
		out = append(out, news{what: "out-of-range", was: f.span(), now: span(lo, hi), fn: f})
	}
	if len(out) > 0 {
		changed = true
	}
	if hi > 0 {
		switch {
		case f.Hi == 0:
			f.Lo, f.Hi, changed = lo, hi, true
		case lo < f.Lo || hi > f.Hi:
			f.Lo, f.Hi, changed = min(f.Lo, lo), max(f.Hi, hi), true
		}
	}
	if last := micros(d.Last); last-f.Last >= coarse || changed && last > f.Last {
		f.Last, changed = last, true
	}
	return out, changed || fresh
}

// rate is packets a minute, of what an interval of at least a few seconds told.
func rate(f *sensor.FlowDelta) int64 {
	span := time.Duration(f.Last - f.First)
	n := int64(f.ClientPackets + f.ServerPackets)
	if span < time.Minute {
		return n
	}
	return int64(float64(n) / span.Minutes())
}

func service(t *talk) string {
	if t.Protocol != "" {
		return t.Protocol
	}
	return t.Transport + "/" + number(t.Port)
}

func (f *function) called() string {
	if f.Name != "" {
		return f.Protocol + " " + f.Name
	}
	if f.Text != "" {
		return f.Protocol + " " + f.Kind + " " + f.Text
	}
	return f.Protocol + " " + f.Kind + " " + number(f.Code)
}

func (f *function) span() string { return span(f.Lo, f.Hi) }

func span(lo, hi int64) string {
	switch {
	case hi == 0:
		return "no element"
	case hi == lo+1:
		return number(lo)
	}
	return number(lo) + "–" + number(hi-1)
}

func micros(ns int64) int64 { return ns / 1000 }
