package comply

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is a length of time as the catalogue writes it: 15min, 24h, 30d, 12mo,
// or the words state (now), event (each time it happens) and all (since the beginning).
type Window struct {
	text   string
	length time.Duration
}

// Length is 0 for the words. A month counts 730.5 hours.
func (w Window) Length() time.Duration { return w.length }

func (w Window) String() string { return w.text }

// People writes the window for people: "30 days", "now".
func (w Window) People() string {
	switch w.text {
	case "", "state":
		return "now"
	case "event":
		return "each time"
	case "all":
		return "all time"
	}
	for _, u := range windowUnits {
		if s, ok := strings.CutSuffix(w.text, u.suffix); ok {
			if s == "1" {
				return s + " " + u.name
			}
			return s + " " + u.name + "s"
		}
	}
	return w.text
}

// The order matters: "min" and "mo" before the single letters.
var windowUnits = [...]struct {
	suffix, name string
	unit         time.Duration
}{
	{"min", "minute", time.Minute},
	{"mo", "month", 43830 * time.Minute},
	{"h", "hour", time.Hour},
	{"d", "day", 24 * time.Hour},
}

// ParseWindow reads the catalogue's form.
func ParseWindow(s string) (Window, error) {
	switch s {
	case "state", "event", "all":
		return Window{text: s}, nil
	}
	for _, u := range windowUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 1000 {
			break
		}
		return Window{text: s, length: time.Duration(n) * u.unit}, nil
	}
	return Window{}, fmt.Errorf("%q is not a length of time: write 15min, 24h, 30d, 12mo, state, event or all", s)
}

// UnmarshalText reads the catalogue's form.
func (w *Window) UnmarshalText(b []byte) (err error) {
	*w, err = ParseWindow(string(b))
	return err
}
