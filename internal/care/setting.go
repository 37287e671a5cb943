package care

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// The names of settings.
const (
	settingPlan   = "snapshots"
	settingFrozen = "frozen"
	settingWanted = "snapshot-wanted"
)

// Plan says when snapshots are made and where they go.
type Plan struct {
	On       bool   `json:"on"`
	Hour     int    `json:"hour" minimum:"0" maximum:"23" doc:"Local time of the plan's zone"`
	Minute   int    `json:"minute" minimum:"0" maximum:"59"`
	Zone     string `json:"zone" maxLength:"60" doc:"IANA time zone; empty: UTC"`
	Folder   string `json:"folder" maxLength:"1000" doc:"A folder of this machine, such as a mounted share; empty: sftp"`
	SFTP     SFTP   `json:"sftp"`
	Keep     Rule   `json:"keep"`
	Captures bool   `json:"captures" doc:"Kept captures go along"`
}

// SFTP is a folder on another machine.
type SFTP struct {
	Host    string `json:"host" maxLength:"255"`
	Port    int    `json:"port" minimum:"0" maximum:"65535" doc:"0: 22"`
	User    string `json:"user" maxLength:"100"`
	Folder  string `json:"folder" maxLength:"1000"`
	HostKey string `json:"host_key" maxLength:"2000" doc:"Its public key, as in known_hosts: ssh-ed25519 AAAA…"`
}

// firstPlan is what a person is offered before they chose.
func firstPlan() Plan {
	return Plan{Hour: 2, Minute: 30, Keep: Rule{Daily: 7, Weekly: 5, Monthly: 12}, Captures: true}
}

// Frozen says that nothing is deleted for its age, and why: in a crisis, or when a
// court or an authority asked for everything to be kept.
type Frozen struct {
	On     bool       `json:"on"`
	Reason string     `json:"reason"`
	By     string     `json:"by"`
	At     store.Time `json:"at"`
}

// setting reads one; found is false where nobody set it.
func setting[T any](ctx context.Context, r store.Reader, name string) (value T, found bool, err error) {
	raw, err := store.One[store.JSON[T]](ctx, r, "SELECT value FROM care_setting WHERE name = ?", name)
	if ot.CodeOf(err) == ot.NotFound {
		return value, false, nil
	}
	if err != nil {
		return value, false, fmt.Errorf("read the setting %s: %w", name, err)
	}
	return raw.V, true, nil
}

func set(ctx context.Context, tx *store.Tx, now time.Time, name, by string, value any) error {
	_, err := tx.Exec(ctx, `INSERT INTO care_setting (name, value, set_at, set_by) VALUES (?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at, set_by = excluded.set_by`, name, store.AsJSON(value), store.At(now), by)
	if err != nil {
		return fmt.Errorf("keep the setting %s: %w", name, err)
	}
	return nil
}

// Plan returns what was set, or the offer.
func (s *Service) Plan(ctx context.Context) (p Plan, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		var found bool
		p, found, err = setting[Plan](ctx, r, settingPlan)
		if err == nil && !found {
			p = firstPlan()
		}
		return err
	})
	return p, err
}

// Frozen says whether deleting rests.
func (s *Service) Frozen(ctx context.Context) (f Frozen, err error) {
	err = s.db.View(ctx, func(r store.Reader) error { f, _, err = setting[Frozen](ctx, r, settingFrozen); return err })
	return f, err
}

// Freeze lets deleting rest, or go on. Who freezes says why.
func (s *Service) Freeze(ctx context.Context, by string, on bool, reason string) error {
	if on && strings.TrimSpace(reason) == "" {
		return ot.Errorf(ot.Invalid, "say why nothing may be deleted: whoever takes it back must know")
	}
	f := Frozen{On: on, Reason: ot.Printable(reason), By: by, At: store.At(s.now())}
	return s.db.Update(ctx, func(tx *store.Tx) error { return set(ctx, tx, s.now(), settingFrozen, by, f) })
}
