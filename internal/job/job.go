// Package job runs scheduled work: each job by one process at a time, under a
// lease that another takes over when the first dies. It is not a queue.
package job

import (
	"embed"

	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "job", FS: migrations} }
