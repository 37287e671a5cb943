package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/skanse/skanse/internal/ot"
)

// Folder is the data folder. What lies in it, and what of it a snapshot holds, says dataParts.
type Folder string

// DataFlag names the data folder and the database on a command line.
type DataFlag struct {
	Data     string `default:"skanse-data" env:"SKANSE_DATA" type:"path" help:"Data folder; it is made when missing."`
	Database string `env:"SKANSE_DATABASE" placeholder:"URL" help:"postgres://user@host/database instead of the file in the data folder."`
}

func (f Folder) database() string     { return "sqlite:" + filepath.Join(string(f), "skanse.db") }
func (f Folder) auditKey() string     { return filepath.Join(string(f), keyFolder, "audit.key") }
func (f Folder) sealKey() string      { return filepath.Join(string(f), keyFolder, "second-step.key") }
func (f Folder) captures() string     { return filepath.Join(string(f), captureFolder) }
func (f Folder) detections() string   { return filepath.Join(string(f), detectionFolder) }
func (f Folder) join(n string) string { return filepath.Join(string(f), n) }

// prepare makes the folder. Nobody else on the machine may read what a plant says.
func (f Folder) prepare() error {
	for _, dir := range []string{string(f), f.captures()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return ot.Errorf(ot.Invalid, "the data folder cannot be used: %w; choose another one with --data", err)
		}
	}
	return nil
}

// url is the database that a command line means.
func (d DataFlag) url() string {
	if d.Database != "" {
		return d.Database
	}
	return Folder(d.Data).database()
}

// exists says whether there is a data folder to read, for the commands that only look.
func (d DataFlag) exists() error {
	if d.Database != "" {
		return nil
	}
	if _, err := os.Stat(Folder(d.Data).join("skanse.db")); errors.Is(err, fs.ErrNotExist) {
		return ot.Errorf(ot.Invalid, "there is no Skanse data in %s; start with: skanse serve --data %s", d.Data, d.Data)
	}
	return nil
}

func newLog(env *Env) *slog.Logger {
	return slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// temporary is a data folder that goes when the command ends.
type temporary struct{ Folder }

func tempFolder() (temporary, error) {
	dir, err := os.MkdirTemp("", "skanse-")
	if err != nil {
		return temporary{}, ot.Errorf(ot.Full, "make a temporary folder: %w; set TMPDIR to a place with room", err)
	}
	return temporary{Folder(dir)}, nil
}

func (t temporary) remove() { _ = os.RemoveAll(string(t.Folder)) }
