package notify

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/notify/modem"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// The ways of telling somebody.
const (
	byMail    = "mail"
	bySMS     = "sms"
	byWebhook = "webhook"
	bySyslog  = "syslog"
	byDigest  = "digest" // by mail, once a day
)

// Wishes say how a person is told.
type Wishes struct {
	Mail     string   `json:"mail" maxLength:"254" doc:"Empty: the address of the account"`
	Phone    string   `json:"phone" maxLength:"40" doc:"For SMS, with the country code; empty: none"`
	Now      []string `json:"now" nullable:"false" doc:"Ways for what cannot wait: mail, sms"`
	Today    []string `json:"today" nullable:"false" doc:"mail, sms, digest"`
	Week     []string `json:"week" nullable:"false" doc:"mail, sms, digest"`
	Info     []string `json:"info" nullable:"false" doc:"mail, sms, digest"`
	Quiet    Quiet    `json:"quiet"`
	Zone     string   `json:"zone" maxLength:"64" doc:"IANA name, as Europe/Copenhagen"`
	DigestAt string   `json:"digest_at" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"Local time of the daily digest"`
	OnCall   bool     `json:"on_call" doc:"Is asked in test call-outs also without a turn in the rota"`
}

func defaults(zone string) Wishes {
	return Wishes{
		Now: []string{byMail}, Today: []string{byMail}, Week: []string{byDigest}, Info: []string{},
		Quiet: Quiet{From: "22:00", To: "06:00", Days: []int64{}, Breaks: int64(inbox.Now)}, Zone: zone, DigestAt: "07:30",
	}
}

// ways are those for a severity.
func (w Wishes) ways(severity inbox.Severity) []string {
	switch severity {
	case inbox.Now:
		return w.Now
	case inbox.Today:
		return w.Today
	case inbox.ThisWeek:
		return w.Week
	}
	return w.Info
}

func (w Wishes) location() *time.Location {
	if zone, err := time.LoadLocation(w.Zone); err == nil {
		return zone
	}
	return time.UTC
}

func checkWishes(w Wishes) (Wishes, error) {
	w.Mail = strings.TrimSpace(w.Mail)
	if w.Mail != "" {
		if err := checkMail(w.Mail); err != nil {
			return w, err
		}
	}
	if strings.TrimSpace(w.Phone) == "" {
		w.Phone = ""
	} else {
		n, err := modem.CheckNumber(w.Phone)
		if err != nil {
			return w, err
		}
		w.Phone = n
	}
	for _, c := range []struct {
		name string
		ways *[]string
		may  []string
	}{{"now", &w.Now, []string{byMail, bySMS}}, {"today", &w.Today, []string{byMail, bySMS, byDigest}}, {"week", &w.Week, []string{byMail, bySMS, byDigest}}, {"info", &w.Info, []string{byMail, bySMS, byDigest}}} {
		out := []string{}
		for _, way := range *c.ways {
			if !slices.Contains(c.may, way) {
				return w, ot.Errorf(ot.Invalid, "%s: %q is none of its ways: %s", c.name, ot.Printable(way), strings.Join(c.may, ", "))
			}
			if way == bySMS && w.Phone == "" {
				return w, ot.Errorf(ot.Invalid, "%s: for SMS a telephone number is needed", c.name)
			}
			if !slices.Contains(out, way) {
				out = append(out, way)
			}
		}
		*c.ways = out
	}
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return w, ot.Errorf(ot.Invalid, "%q is no time zone: write it as Europe/Copenhagen", ot.Printable(w.Zone))
	}
	for _, at := range []string{w.DigestAt, w.Quiet.From, w.Quiet.To} {
		if _, err := clockTime(at); err != nil {
			return w, err
		}
	}
	if w.Quiet.On && w.Quiet.From == w.Quiet.To {
		return w, ot.Errorf(ot.Invalid, "quiet hours begin and end at %s: give them a length", w.Quiet.From)
	}
	if w.Quiet.Days == nil {
		w.Quiet.Days = []int64{}
	}
	if slices.ContainsFunc(w.Quiet.Days, func(d int64) bool { return d < 0 || d > 6 }) || w.Quiet.Breaks < 0 || w.Quiet.Breaks > 4 {
		return w, ot.Errorf(ot.Invalid, "days are 0 (Sunday) to 6, what breaks through is 0 to 4")
	}
	return w, nil
}

func checkPhone(s string) (string, error) {
	if s == "" {
		return "", ot.Errorf(ot.Invalid, "to: name a telephone number, or enter your own under Settings, My notices")
	}
	return modem.CheckNumber(s)
}

func checkMail(s string) error {
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s || a.Name != "" || len(s) > 254 {
		return ot.Errorf(ot.Invalid, "%q is not a mail address", ot.Printable(s))
	}
	return nil
}

type personRow struct {
	UserID    string             `db:"user_id"`
	Wishes    store.JSON[Wishes] `db:"wishes"`
	Version   int64              `db:"version"`
	ChangedAt store.Time         `db:"changed_at"`
}

// wishesOf reads how a person wants to be told; version 0: never said.
func wishesOf(ctx context.Context, r store.Reader, userID string) (Wishes, int64, error) {
	rows, err := store.All[personRow](ctx, r, "SELECT user_id, wishes, version, changed_at FROM notify_person WHERE user_id = ?", userID)
	if err != nil {
		return Wishes{}, 0, err
	}
	if len(rows) > 0 {
		return rows[0].Wishes.V, rows[0].Version, nil
	}
	zones, err := store.All[string](ctx, r, "SELECT tz FROM org_site ORDER BY site_no LIMIT 1")
	if err != nil || len(zones) == 0 {
		return defaults("UTC"), 0, err
	}
	return defaults(zones[0]), 0, nil
}

func writeWishes(ctx context.Context, tx *store.Tx, userID string, w Wishes, version int64, now time.Time) error {
	return store.Upsert(ctx, tx, "notify_person", []personRow{{userID, store.AsJSON(w), version + 1, store.At(now)}}, []string{"user_id"}, []string{"wishes", "version", "changed_at"})
}
