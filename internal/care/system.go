package care

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// System is how the installation is.
type System struct {
	Version    string     `json:"version"`
	Go         string     `json:"go"`
	Platform   string     `json:"platform"`
	StartedAt  time.Time  `json:"started_at"`
	Now        time.Time  `json:"now"`
	Database   Database   `json:"database"`
	Disk       Disk       `json:"disk"`
	FullInDays *float64   `json:"full_in_days" doc:"When the disk is full if it goes on like the last 30 days; null: too few days, or it does not fill"`
	Days       []Day      `json:"days" nullable:"false" doc:"The disk, one a day, the last 90"`
	Memory     Memory     `json:"memory"`
	Goroutines int        `json:"goroutines"`
	Queues     []Queue    `json:"queues" nullable:"false"`
	Jobs       []JobState `json:"jobs" nullable:"false"`
	Figures    []Figure   `json:"figures" nullable:"false" doc:"What other parts tell of themselves"`
	Snapshot   *Snapshot  `json:"snapshot" doc:"The newest; null: none yet"`
	Whole      *Snapshot  `json:"whole" doc:"The newest that was restored for a try and read back; null: none yet"`
	Problems   []Problem  `json:"problems" nullable:"false"`
}

// Database is the database's part.
type Database struct {
	Engine    string  `json:"engine"`
	Bytes     int64   `json:"bytes"`
	FreeBytes int64   `json:"free_bytes" doc:"Inside the file, left by what was deleted; given back every night"`
	ReadMS    float64 `json:"read_ms" doc:"A small question, now"`
	WriteMS   float64 `json:"write_ms" doc:"A small change until it is safe on the disk, at the last self-check; 0: not yet"`
}

// Memory is the program's.
type Memory struct {
	Heap    int64  `json:"heap"`
	System  int64  `json:"system" doc:"Taken from the operating system by the Go runtime"`
	Limit   int64  `json:"limit" doc:"GOMEMLIMIT; 0: none"`
	Collect uint32 `json:"collections"`
}

// Queue is a consumer of events, and how far it is behind.
type Queue struct {
	Name     string     `json:"name"`
	Behind   int64      `json:"behind" doc:"Events that it has not had"`
	OldestAt store.Time `json:"oldest_at" doc:"Of these; null: none"`
}

// JobState is a scheduled job.
type JobState struct {
	Name    string     `db:"name" json:"name"`
	RanAt   store.Time `db:"ran_at" json:"ran_at"`
	NextAt  store.Time `db:"next_at" json:"next_at"`
	Running bool       `db:"running" json:"running"`
	Error   string     `db:"error" json:"error" doc:"Of its last turn; empty: it went well" say:"true"`
}

// Figure is a number that another part tells of itself.
type Figure struct {
	Name  string  `json:"name"`
	Title string  `json:"title"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// Look measures how the installation is now.
func (s *Service) Look(ctx context.Context) (out System, err error) {
	now := s.now()
	out = System{
		Version: s.cfg.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		StartedAt: s.cfg.Started.UTC(), Now: now, Disk: diskOf(s.cfg.Folder), Goroutines: runtime.NumGoroutine(),
		Days: []Day{}, Queues: []Queue{}, Jobs: []JobState{}, Figures: []Figure{}, Problems: []Problem{}, Memory: memory(),
	}
	space, err := s.db.Space(ctx)
	if err != nil {
		return out, err
	}
	out.Database = Database{Engine: string(s.db.Engine()), Bytes: space.Bytes, FreeBytes: space.Free}
	began := time.Now()
	err = s.db.View(ctx, func(r store.Reader) error {
		if out.Jobs, err = jobs(ctx, r, now); err != nil {
			return err
		}
		out.Database.ReadMS = float64(time.Since(began).Microseconds()) / 1000
		if out.Queues, err = queues(ctx, r); err != nil {
			return err
		}
		if out.Days, err = store.All[Day](ctx, r, "SELECT day, free, size, database FROM (SELECT day, free, size, database FROM care_day ORDER BY day DESC LIMIT 90) x ORDER BY day"); err != nil {
			return err
		}
		if out.Snapshot, err = newest(ctx, r, "1 = 1"); err != nil {
			return err
		}
		out.Whole, err = newest(ctx, r, "tried_at IS NOT NULL AND read_at IS NOT NULL AND error = '' AND gone_at IS NULL")
		return err
	})
	if err != nil {
		return out, err
	}
	if days, ok := forecast(out.Days, out.Disk.Free); ok && out.Disk.Known {
		days = math.Round(days*10) / 10
		out.FullInDays = &days
	}
	for _, g := range s.cfg.Gauges {
		v, err := g.Read(ctx)
		if err != nil {
			return out, fmt.Errorf("ask for %s: %w", g.Name, err)
		}
		out.Figures = append(out.Figures, Figure{g.Name, g.Title, g.Unit, v})
	}
	s.mu.Lock()
	out.Database.WriteMS = s.writeMS
	s.mu.Unlock()
	out.Problems, err = s.problems(ctx, out)
	return out, err
}

func memory() Memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	limit := memoryLimit()
	if limit == math.MaxInt64 {
		limit = 0
	}
	return Memory{Heap: int64(m.HeapAlloc), System: int64(m.Sys), Limit: limit, Collect: m.NumGC}
}

func jobs(ctx context.Context, r store.Reader, now time.Time) ([]JobState, error) {
	rows, err := store.All[JobState](ctx, r, "SELECT name, ran_at, next_at, error, (lease_by <> '' AND lease_until > ?) AS running FROM job_job ORDER BY name", store.At(now))
	if rows == nil {
		rows = []JobState{}
	}
	return rows, err
}

func queues(ctx context.Context, r store.Reader) ([]Queue, error) {
	type row struct {
		Consumer string `db:"consumer"`
		TxID     int64  `db:"txid"`
		Seq      int64  `db:"seq"`
	}
	cursors, err := store.All[row](ctx, r, "SELECT consumer, txid, seq FROM bus_cursor ORDER BY consumer")
	if err != nil {
		return nil, fmt.Errorf("read the consumers of events: %w", err)
	}
	out := []Queue{}
	for _, c := range cursors {
		type lag struct {
			N  int64      `db:"n"`
			At store.Time `db:"at"`
		}
		l, err := store.One[lag](ctx, r, "SELECT COUNT(*) AS n, CAST(MIN(at) AS BIGINT) AS at FROM bus_event WHERE txid > ? OR (txid = ? AND seq > ?)", c.TxID, c.TxID, c.Seq)
		if err != nil {
			return nil, fmt.Errorf("count waiting events: %w", err)
		}
		out = append(out, Queue{c.Consumer, l.N, l.At})
	}
	return out, nil
}

func newest(ctx context.Context, r store.Reader, where string) (*Snapshot, error) {
	rows, err := store.All[Snapshot](ctx, r, "SELECT "+snapshotColumns+" FROM care_snapshot WHERE "+where+" ORDER BY at DESC, snapshot_id DESC LIMIT 1")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
