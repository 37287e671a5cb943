package record

import (
	"context"
	"fmt"
	"slices"

	"github.com/skanse/skanse/internal/store"
)

// Upgrade brings the data of a record to the type's next version: first rename, then
// map, then default, then drop. Records are upgraded when they are read, and written
// in the new form with their next change; the history keeps what was written then.
type Upgrade struct {
	To      int                          `yaml:"to"`
	Rename  map[string]string            `yaml:"rename"`  // old field: new field
	Map     map[string]map[string]string `yaml:"map"`     // field: old value: new value
	Default map[string]any               `yaml:"default"` // field: value where there is none
	Drop    []string                     `yaml:"drop"`
}

// upgrade returns the data as the type has it now. It changes nothing that it was given.
func (t *Type) upgrade(data map[string]any, version int64) map[string]any {
	if version >= int64(t.DataVersion) {
		return data
	}
	out := make(map[string]any, len(data))
	for k, v := range data {
		out[k] = v
	}
	for _, u := range t.Upgrades {
		if int64(u.To) > version {
			u.apply(out)
		}
	}
	return out
}

func (u Upgrade) apply(data map[string]any) {
	moved := map[string]any{} // two fields may change their names with each other
	for old, now := range u.Rename {
		if v, ok := data[old]; ok {
			moved[now] = v
			delete(data, old)
		}
	}
	for k, v := range moved {
		data[k] = v
	}
	for field, values := range u.Map {
		data[field] = mapped(data[field], values)
		if data[field] == nil {
			delete(data, field)
		}
	}
	for field, v := range u.Default {
		if data[field] == nil {
			data[field] = v
		}
	}
	for _, field := range u.Drop {
		delete(data, field)
	}
}

func mapped(v any, values map[string]string) any {
	switch v := v.(type) {
	case string:
		if to, ok := values[v]; ok {
			return to
		}
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			if y := mapped(x, values); !slices.Contains(out, y) {
				out = append(out, y)
			}
		}
		return out
	}
	return v
}

// checkUpgrades wants one upgrade for each version after the first, and no word that
// leads nowhere.
func (d *document) checkUpgrades() error {
	t := d.t
	if t.DataVersion < 1 || len(t.Upgrades) != t.DataVersion-1 {
		return d.errorf("data_version", "data_version %d needs %d upgrades, there are %d: one for each version after the first", t.DataVersion, max(t.DataVersion-1, 0), len(t.Upgrades))
	}
	for i, u := range t.Upgrades {
		where := fmt.Sprintf("upgrades/%d", i)
		if u.To != i+2 {
			return d.errorf(where, "upgrade %d is to version %d, it must be to %d", i+1, u.To, i+2)
		}
		for old, now := range u.Rename {
			if old == now || !t.fieldAfter(now, i+1) {
				return d.errorf(where+"/rename", "rename %s: %s is no field of this version or a later one", old, now)
			}
		}
		for field := range u.Map {
			if !t.fieldAfter(field, i+1) {
				return d.errorf(where+"/map", "there is no field %q", field)
			}
		}
		for field, v := range u.Default {
			f, ok := t.Field(field)
			if !ok {
				if t.fieldAfter(field, i+1) {
					continue
				}
				return d.errorf(where+"/default", "there is no field %q", field)
			}
			n, err := f.check(v)
			if err != nil {
				return d.errorf(where+"/default", "field %s: %w", field, err)
			}
			u.Default[field] = n
		}
	}
	return nil
}

// fieldAfter says whether a name is a field now, or a later upgrade renames or drops it.
func (t *Type) fieldAfter(name string, from int) bool {
	if _, ok := t.Field(name); ok {
		return true
	}
	for _, u := range t.Upgrades[min(from, len(t.Upgrades)):] {
		if _, ok := u.Rename[name]; ok || slices.Contains(u.Drop, name) {
			return true
		}
	}
	return false
}

// Upgrade writes the data of records as their types have it now, so that filters and
// sorting find them. It makes no new versions: nobody changed what they say. For a job.
func (s *Service) Upgrade(ctx context.Context) error {
	type row struct {
		ID      string                     `db:"record_id"`
		Data    store.JSON[map[string]any] `db:"data"`
		Version int64                      `db:"data_version"`
	}
	for _, t := range s.types.all {
		for n := 1; n > 0; {
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				rows, err := store.All[row](ctx, tx, "SELECT record_id, data, data_version FROM record_record WHERE type = ? AND data_version < ? ORDER BY record_id LIMIT 200", t.ID, t.DataVersion)
				if err != nil {
					return err
				}
				n = len(rows)
				for _, x := range rows {
					if _, err := tx.Exec(ctx, "UPDATE record_record SET data = ?, data_version = ? WHERE record_id = ?", store.AsJSON(t.upgrade(x.Data.V, x.Version)), t.DataVersion, x.ID); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("bring records of type %s up to date: %w", t.ID, err)
			}
		}
	}
	return nil
}
