package baseline

import (
	"context"
	"sync"

	"github.com/skanse/skanse/internal/store"
)

// maxRemembered is how many rows (conversations and functions) stay in memory: some
// 400 bytes each, so about 25 MB. A plant of 10,000 conversations fits; of a larger one
// the rows that were not heard for longest are read again.
const maxRemembered = 60_000

// entry is a conversation with all its functions, as the database has them.
type entry struct {
	talk talk
	fns  map[int64]*function
}

// memory keeps the rows that summaries touched last, so that what is heard every few
// seconds is not read every few seconds. It is true as long as the site's stamp is the
// one that it was filled under: every change writes a new one in its own transaction, so
// what another process changed, and what was rolled back, empties it.
type memory struct {
	mu    sync.Mutex
	sites map[int64]*remembered
}

// remembered are the rows of one site in two generations: what was touched since the
// last turn, and before it. When the young ones are half of what may stay, the old ones go.
type remembered struct {
	mu         sync.Mutex
	stamp      string
	young, old map[talkAt]*entry
	rows       int             // in young
	met        map[string]bool // who asked for hardware addresses
}

func (m *memory) of(siteNo int64) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sites == nil {
		m.sites = map[int64]*remembered{}
	}
	r := m.sites[siteNo]
	if r == nil {
		r = &remembered{}
		m.sites[siteNo] = r
	}
	return r
}

// under empties it where it was filled under another stamp.
func (r *remembered) under(stamp string) {
	if r.young == nil || r.stamp != stamp {
		r.young, r.old, r.rows, r.met = map[talkAt]*entry{}, nil, 0, map[string]bool{}
	}
	r.stamp = stamp
}

// maxMet bounds who is remembered to have asked for hardware addresses.
const maxMet = 20_000

func (r *remembered) meet(address string) {
	if len(r.met) >= maxMet {
		clear(r.met)
	}
	r.met[address] = true
}

func (r *remembered) get(at talkAt) *entry {
	if e := r.young[at]; e != nil {
		return e
	}
	e := r.old[at]
	if e != nil {
		delete(r.old, at)
		r.put(at, e)
	}
	return e
}

func (r *remembered) put(at talkAt, e *entry) {
	r.young[at] = e
	r.grown(1 + len(e.fns))
}

// grown counts rows that came, and turns the generations.
func (r *remembered) grown(rows int) {
	if r.rows += rows; r.rows > maxRemembered/2 {
		r.young, r.old, r.rows = map[talkAt]*entry{}, r.young, 0
	}
}

func stampOf(ctx context.Context, r store.Reader, siteNo int64) (string, error) {
	rows, err := store.All[string](ctx, r, "SELECT stamp FROM baseline_stamp WHERE site_no = ?", siteNo)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0], nil
}

type stampRow struct {
	SiteNo int64  `db:"site_no"`
	Stamp  string `db:"stamp"`
}

// changed writes a new stamp in the transaction of a change.
func changed(ctx context.Context, tx *store.Tx, siteNo int64) (string, error) {
	s := store.NewID()
	return s, store.Upsert(ctx, tx, "baseline_stamp", []stampRow{{siteNo, s}}, []string{"site_no"}, []string{"stamp"})
}
