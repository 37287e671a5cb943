package box

import (
	"context"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/store"
)

// state is what an edge remembers besides its batches.
type state map[string]string

func readState(ctx context.Context, r store.Reader) (state, error) {
	type pair struct {
		Name  string `db:"name"`
		Value string `db:"value"`
	}
	rows, err := store.All[pair](ctx, r, "SELECT name, value FROM box_state")
	s := state{}
	for _, p := range rows {
		s[p.Name] = p.Value
	}
	return s, err
}

func (s state) int(name string) int64 {
	n, _ := strconv.ParseInt(s[name], 10, 64) // written by us; missing is 0
	return n
}

func (s state) uuid(name string) uuid.UUID {
	id, _ := uuid.Parse(s[name]) // the same
	return id
}

// bytes are a hash, zero if there is none yet.
func (s state) bytes(name string) []byte {
	b, err := hex.DecodeString(s[name])
	if err != nil || len(b) != 32 {
		return make([]byte, 32)
	}
	return b
}

func setState(ctx context.Context, tx *store.Tx, name, value string) error {
	_, err := tx.Exec(ctx, "INSERT INTO box_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// Get reads something that an edge remembers; empty if it does not.
func (o *Outbox) Get(ctx context.Context, name string) (value string, err error) {
	err = o.db.View(ctx, func(r store.Reader) error {
		s, err := readState(ctx, r)
		value = s[name]
		return err
	})
	return value, err
}

// Set remembers something.
func (o *Outbox) Set(ctx context.Context, pairs map[string]string) error {
	return o.db.Update(ctx, func(tx *store.Tx) error {
		for name, value := range pairs {
			if err := setState(ctx, tx, name, value); err != nil {
				return err
			}
		}
		return nil
	})
}
