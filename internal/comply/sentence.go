package comply

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// The common SQL has no way to write a date, so a reason carries {t:µs} for a time
// and {d:µs} for a day, and they are written out here.
var mark = regexp.MustCompile(`\{([td]):(\d{1,18})\}`)

// sentence writes a row's reason for people; names from the wire become printable.
func sentence(s string) string {
	return ot.Printable(mark.ReplaceAllStringFunc(s, func(m string) string {
		us, err := strconv.ParseInt(m[3:len(m)-1], 10, 64)
		switch {
		case err != nil:
			return m
		case us == 0:
			return "an unknown date"
		case m[1] == 'd':
			return day(time.UnixMicro(us))
		}
		return time.UnixMicro(us).UTC().Format("2 Jan 2006 15:04") + " UTC"
	}))
}

// one is the singular of a unit: of "safety systems", "safety system".
func one(unit string) string {
	switch {
	case unit == "technologies":
		return "technology"
	case unit == "queries":
		return "query"
	case unit == "addresses":
		return "address"
	case strings.HasPrefix(unit, "times ") || strings.Contains(unit, " for each "): // of a ratio
		return unit
	}
	return strings.TrimSuffix(unit, "s")
}

// counted writes a number of things: 1 host, 2 hosts.
func counted(n int, unit string) string {
	if n == 1 {
		unit = one(unit)
	}
	return strconv.Itoa(n) + " " + unit
}
