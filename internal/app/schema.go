package app

import (
	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/notify"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/performance"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln"
)

// schema lists the tables of every part of the program. The order is fixed: what
// others refer to stands first.
func schema() []store.Migrations {
	return []store.Migrations{
		org.Migrations(), audit.Migrations(), bus.Migrations(), job.Migrations(), auth.Migrations(),
		egress.Migrations(), inbox.Migrations(), record.Migrations(),
		notify.Migrations(),
		centre.Migrations(),
		care.Migrations(),
		network.Migrations(), asset.Migrations(), listen.Migrations(), vuln.Migrations(), detect.Migrations(), baseline.Migrations(), conduit.Migrations(), performance.Migrations(), logs.Migrations(), comply.Migrations(),
	}
}
