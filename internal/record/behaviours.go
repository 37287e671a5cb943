package record

import (
	"context"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Own are the behaviours of the types that need nothing but records. Others bring
// theirs: Config.Behaviours is the whole list.
func Own() []Behaviour {
	return []Behaviour{plantState{"plant-state"}, window{"maintenance-window"}, assetEvent{"asset-event"}, transient{"transient-device"}}
}

// plantState knows when the plant is in which state.
type plantState struct{ Plain }

// Check refuses a calendar that cannot be read.
func (plantState) Check(ctx context.Context, tx *store.Tx, rec *Record) error {
	return checkRule(ctx, tx, rec)
}

// Guards want the source to be whole before the state is set.
func (plantState) Guards() map[string]Guard {
	return map[string]Guard{"source-complete": func(_ context.Context, _ store.Reader, rec *Record) (string, error) {
		var p PlantState
		if err := p.Read(rec); err != nil {
			return "", err
		}
		switch {
		case p.Source == "calendar" && (p.Lasts == 0 || p.Rule == "weekly" && (len(p.Weekdays) == 0 || p.At == "") || p.Rule == "cron" && p.Cron == ""):
			return "say when it begins and how long it lasts", nil
		case p.Source == "tag" && (p.TagAsset == "" || p.TagProtocol == "" || p.TagAddress == "" || p.TagValue == nil):
			return "say which controller, address and value", nil
		case p.Source == "tag":
			if _, err := ParseTag(p.TagProtocol, p.TagAddress); err != nil {
				return err.Error(), nil
			}
		}
		return "", nil
	}}
}

// window is a maintenance window that may come again.
type window struct{ Plain }

// Check refuses a calendar that cannot be read.
func (window) Check(ctx context.Context, tx *store.Tx, rec *Record) error {
	return checkRule(ctx, tx, rec)
}

// assetEvent wants proof that what is thrown away holds nothing of us.
type assetEvent struct{ Plain }

// Guards want a file with the proof of wiping, unless there was nothing to wipe.
func (assetEvent) Guards() map[string]Guard {
	return map[string]Guard{"wipe-proof": func(_ context.Context, _ store.Reader, rec *Record) (string, error) {
		var e AssetEvent
		if err := e.Read(rec); err != nil {
			return "", err
		}
		if rec.Attachments > 0 || e.Certificate != "" || e.WipeMethod == "nothing" {
			return "", nil
		}
		return "attach the proof (certificate, photograph, log of the tool) or give the certificate's number", nil
	}}
}

// transient is a device that comes for a time.
type transient struct{ Plain }

// Guards want somebody to have looked at what runs programs before it is connected.
func (transient) Guards() map[string]Guard {
	return map[string]Guard{"looked-at": func(_ context.Context, _ store.Reader, rec *Record) (string, error) {
		var d TransientDevice
		if err := d.Read(rec); err != nil {
			return "", err
		}
		if (d.Kind == "laptop" || d.Kind == "usb") && !d.Scanned {
			return "scan it for malware first, and note when and with what", nil
		}
		return "", nil
	}}
}

// checkRule refuses a rule of a calendar that cannot be read, and wants a known zone.
func checkRule(ctx context.Context, r store.Reader, rec *Record) error {
	rule, err := ruleOf(rec, "UTC")
	if err != nil || rule == nil {
		return err
	}
	if name, _ := rec.Data.V["zone_name"].(string); name == "" && rec.SiteNo != 0 {
		tz, err := store.One[string](ctx, r, "SELECT tz FROM org_site WHERE site_no = ?", rec.SiteNo)
		if err != nil {
			return err
		}
		if _, err := zoneOf(tz); err != nil {
			return ot.Errorf(ot.Invalid, "the site's own time zone %q is not known: name one here", ot.Printable(tz))
		}
	}
	return nil
}
