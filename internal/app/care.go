package app

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// openCare puts together what looks after the installation. It stands last in
// openServer: it asks the others how they are.
func (s *server) openCare() {
	s.care = care.New(s.db, care.Config{
		Folder: string(s.opts.Data), Version: Version, Started: time.Now(), Log: s.log,
		Archive: archive{s}, Kit: kitHolder{s.opts.Data}, Dial: s.egress.DialContext, LastTime: s.auth.Now,
		Expire: map[string]care.Expire{
			"audit":    s.audit.EraseBefore,
			"evidence": s.comply.Expire,
			"captures": s.captures.Expire,
			"logs":     s.logs.Expire,
		},
		Gauges: s.gauges(),
		Checks: []func(context.Context) ([]care.Problem, error){s.certificateProblem, s.logsProblem},
	})
}

// careJobs are the scheduled jobs of the installation itself.
func (s *server) careJobs() []job.Job {
	clean := func(class string, do func(context.Context, time.Duration) error) func(context.Context) error {
		return func(ctx context.Context) error {
			keep, ok, err := s.care.Keep(ctx, class)
			if err != nil || !ok {
				return err
			}
			return do(ctx, keep)
		}
	}
	return append(s.care.Jobs(),
		job.Job{Name: "sessions", Every: time.Hour, Do: clean("sessions", s.auth.Clean)},
		job.Job{Name: "events", Every: time.Hour, Do: clean("queue", s.bus.Clean)},
		job.Job{Name: "statistics", Every: 24 * time.Hour, Do: s.db.Optimize},
	)
}

// gauges are what the parts of the program tell of themselves.
func (s *server) gauges() []care.Gauge {
	count := func(name, title, query string, args ...any) care.Gauge {
		return care.Gauge{Name: name, Title: title, Unit: "rows", Read: func(ctx context.Context) (n float64, err error) {
			err = s.db.View(ctx, func(r store.Reader) error {
				x, err := store.One[int64](ctx, r, query, args...)
				n = float64(x)
				return err
			})
			return n, err
		}}
	}
	return []care.Gauge{
		{Name: "posture_run_seconds", Title: "Last judging of the posture", Unit: "seconds", Read: func(context.Context) (float64, error) {
			return s.comply.Took().Seconds(), nil
		}},
		count("captures_waiting", "Captures that wait to be read", "SELECT COUNT(*) FROM network_capture WHERE state IN ('queued', 'reading')"),
		count("inbox_open", "Questions that wait for a person", "SELECT COUNT(*) FROM inbox_item WHERE done_at IS NULL"),
		count("audit_waiting", "Audit entries that wait for their place", "SELECT COUNT(*) FROM audit_entry WHERE idx IS NULL"),
	}
}

// certificateSoon is when a certificate of the interface must be renewed at the latest.
const certificateSoon = 21 * 24 * time.Hour

func (s *server) certificateProblem(context.Context) ([]care.Problem, error) {
	if s.opts.TLSCert == "" {
		return nil, nil
	}
	end, err := certificateEnd(s.opts.TLSCert)
	if err != nil {
		return []care.Problem{{ID: "certificate", Urgent: true, Title: "The certificate of the interface cannot be read", Detail: ot.Printable(err.Error())}}, nil
	}
	left := time.Until(end)
	if left > certificateSoon {
		return nil, nil
	}
	return []care.Problem{{
		ID: "certificate", Urgent: left < certificateSoon/3, Title: "The certificate of the interface ends " + end.UTC().Format("2006-01-02"),
		Detail: fmt.Sprintf("Put a new one into %s and its key, and start Skanse again.", s.opts.TLSCert),
	}}, nil
}

func certificateEnd(path string) (time.Time, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return time.Time{}, fmt.Errorf("%s holds no certificate", path)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return c.NotAfter, nil
}

// kitHolder is the recovery kit of a data folder.
type kitHolder struct{ folder Folder }

func (k kitHolder) Recipient() (string, error) {
	to, err := recipientOf(k.folder)
	if err != nil || to == nil {
		return "", err
	}
	return to.String(), nil
}

func (k kitHolder) Make(replace bool) (care.KitSheet, error) {
	made, err := makeKit(k.folder, replace, time.Now())
	if err != nil {
		return care.KitSheet{}, err
	}
	return made.sheet()
}

// archive writes snapshots of the running server.
type archive struct{ s *server }

func (a archive) Create(ctx context.Context, path string, captures bool) (care.Made, error) {
	to, err := recipientOf(a.s.opts.Data)
	if err != nil {
		return care.Made{}, err
	}
	if to == nil {
		return care.Made{}, ot.Errorf(ot.Conflict, "there is no recovery kit: make it with skanse snapshot kit")
	}
	m, err := createSnapshot(ctx, path, snapshotSource{db: a.s.db, folder: a.s.opts.Data, sealTo: to, captures: captures})
	if err != nil {
		return care.Made{}, err
	}
	made := care.Made{Audit: m.Audit}
	for _, n := range m.Rows {
		made.Rows += n
	}
	return made, nil
}

// Try restores the database into a file, whatever engine it came from, and looks at it.
func (a archive) Try(ctx context.Context, path, folder string, made care.Made) error {
	f := Folder(folder)
	m, err := restoreSnapshot(ctx, path, snapshotTarget{folder: f, withoutKeys: true, noFiles: true})
	if err != nil {
		return err
	}
	if m.Audit != made.Audit {
		return ot.Errorf(ot.Damaged, "its manifest names another end of the audit log")
	}
	return compareRestored(ctx, f, m)
}

// compareRestored counts the rows of a restored SQLite file and verifies its audit log
// against what the manifest says.
func compareRestored(ctx context.Context, f Folder, m *manifest) error {
	db, err := store.Open(ctx, store.Config{URL: f.database(), ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	rows, err := countRows(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Rows)) {
		// The bus begins anew in another engine: see bus.Restored.
		if rows[name] != m.Rows[name] && name != "bus_cursor" {
			return ot.Errorf(ot.Damaged, "%s has %d rows, the snapshot was taken with %d", name, rows[name], m.Rows[name])
		}
	}
	keys, err := audit.LoadVerifiers(f.keys())
	if err != nil {
		return err
	}
	var witness [][]byte
	if m.Audit != "" {
		witness = append(witness, []byte(m.Audit))
	}
	return db.View(ctx, func(r store.Reader) error {
		rep, err := audit.Verify(ctx, r, keys, witness...)
		if err != nil {
			return err
		}
		if !rep.OK() {
			return ot.Errorf(ot.Damaged, "its audit log does not verify: %s", rep.Findings[0].Text)
		}
		if m.Audit != "" && rep.Witnesses != 1 {
			return ot.Errorf(ot.Damaged, "its audit log does not reach the checkpoint of its manifest")
		}
		return nil
	})
}

func (a archive) Seal(ctx context.Context, from, to string) error {
	recipient, err := recipientOf(a.s.opts.Data)
	if err != nil {
		return err
	}
	if recipient == nil {
		return ot.Errorf(ot.Conflict, "there is no recovery kit: make it with skanse snapshot kit")
	}
	return sealFile(ctx, from, filepath.Clean(to), recipient)
}
