package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/skanse/skanse/internal/ot"
)

// rule is when something begins again and how long it lasts, on the clock of a place:
// "Saturdays at 22:00" stays 22:00 when summer time comes. It is resolved when used.
type rule struct {
	days  []time.Weekday // weekly; empty: cron
	at    time.Duration  // of the day, on the wall
	cron  cron.Schedule
	lasts time.Duration
	zone  *time.Location
}

// span is one time of a rule.
type span struct{ From, To time.Time }

const maxSpans = 1000

// ruleOf reads the rule of a record's data; nil if it has none. zone is the site's.
func ruleOf(rec *Record, zone string) (*rule, error) {
	data := rec.Data.V
	text := func(id string) string { s, _ := data[id].(string); return s }
	recurring, _ := data["recurring"].(bool)
	if text("source") != "calendar" && !recurring {
		return nil, nil
	}
	if name := text("zone_name"); name != "" {
		zone = name
	}
	loc, err := zoneOf(zone)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "there is no time zone %q: write it as Europe/Copenhagen", ot.Printable(zone))
	}
	hours, _ := data["lasts"].(float64)
	out := &rule{lasts: time.Duration(hours * float64(time.Hour)), zone: loc}
	if text("rule") == "cron" {
		if text("cron") == "" {
			return out, nil
		}
		if out.cron, err = parseCron(text("cron")); err != nil {
			return nil, ot.Errorf(ot.Invalid, "the cron line %q cannot be read: write minute, hour, day of month, month, day of week, as 0 6 1 * *", ot.Printable(text("cron")))
		}
		return out, nil
	}
	if at := text("at"); at != "" {
		t, err := time.Parse("15:04", at)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "%q is no time of day: write 22:00", ot.Printable(at))
		}
		out.at = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	list, _ := data["weekdays"].([]any)
	for i, id := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
		if slices.Contains(list, any(id)) {
			out.days = append(out.days, time.Weekday(i))
		}
	}
	return out, nil
}

// parseCron reads five fields. A zone of its own or @reboot is refused: the zone is a field.
func parseCron(s string) (cron.Schedule, error) {
	if len(s) > 200 || strings.ContainsAny(s, "@=") {
		return nil, fmt.Errorf("not five fields")
	}
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(s)
}

func zoneOf(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, fmt.Errorf("no zone")
	}
	return time.LoadLocation(name)
}

// between lists the times of the rule that touch [from, to), in order.
func (r *rule) between(from, to time.Time) []span {
	var out []span
	if r.lasts <= 0 || !from.Before(to) {
		return nil
	}
	if r.cron != nil {
		at := from.Add(-r.lasts).In(r.zone)
		for range maxSpans {
			at = r.cron.Next(at)
			if at.IsZero() || !at.Before(to) {
				break
			}
			if end := at.Add(r.lasts); end.After(from) {
				out = append(out, span{at.UTC(), end.UTC()})
			}
		}
		return out
	}
	day := from.Add(-r.lasts).In(r.zone)
	for range 4 * maxSpans {
		at := r.on(day)
		if !at.Before(to) || len(out) == maxSpans {
			break
		}
		if end := at.Add(r.lasts); slices.Contains(r.days, at.In(r.zone).Weekday()) && end.After(from) {
			out = append(out, span{at.UTC(), end.UTC()})
		}
		day = time.Date(day.Year(), day.Month(), day.Day()+1, 12, 0, 0, 0, r.zone) // noon is on every day
	}
	return out
}

// on is the rule's time on that day. Where the clock jumps over it, it is the same
// distance after the jump, as time.Date has it.
func (r *rule) on(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), int(r.at/time.Hour), int(r.at%time.Hour/time.Minute), 0, 0, r.zone)
}
