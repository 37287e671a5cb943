package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/api"
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
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/admin"
	sealing "github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/translate"
	"github.com/skanse/skanse/internal/view"
	"github.com/skanse/skanse/internal/vuln"
	"github.com/skanse/skanse/web"
	"golang.org/x/sync/errgroup"
)

// server is the whole centre: the database, the slices, and what runs beside
// the requests. Tests and production start the same one.
type server struct {
	db       *store.DB
	log      *slog.Logger
	bus      *bus.Bus
	audit    *audit.Log
	auth     *auth.Service
	org      *org.Service
	assets   *asset.Service
	network  *network.Service
	vuln     *vuln.Service
	baseline *baseline.Service
	conduits *conduit.Service

	performance *performance.Service
	logs        *logs.Service
	detect      *detect.Service
	ingest      *ingest
	edges       *centre.Service
	far         *far
	naming      sync.Mutex // of names that people give to traffic
	rules       ruling     // the detections that run here and on edges
	captures    *network.Captures
	comply      *comply.Service
	view        *view.Service
	records     *record.Service
	inbox       *inbox.Service
	digest      *view.Digest
	egress      *egress.Dialer // the one way out
	notify      *notify.Service
	say         *translate.Answers // the server's sentences in other languages
	sensor      sensor.Config      // protocols and rules for every source
	care        *care.Service
	opts        serverOptions

	listening *listen.Service
	ringKey   []byte
	guard     *portGuard // makes capture ports silent; nil: nobody does
}

type serverOptions struct {
	Data         Folder
	URL          string // of the database
	Hosts        []string
	TLSCert      string // of the interface: its end is watched
	CaptureQuota int64
	Listening    listenOptions
	Clamd        string // scans attachments; empty: nothing does
	LogsQuota    int64  // bytes of kept log lines; 0: the whole disk
	Demo         bool
	Clock        func() time.Time // of posture; nil: the machine's
}

// openServer opens the data folder and puts everything together. Nothing runs yet.
func openServer(ctx context.Context, opts serverOptions, log *slog.Logger) (s *server, err error) {
	if err := opts.Data.prepare(); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{URL: opts.URL})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	s = &server{db: db, log: log, opts: opts}
	if err := s.db.Migrate(ctx, schema()); err != nil {
		return nil, err
	}
	signer, err := audit.LoadKey(opts.Data.auditKey())
	if err != nil {
		return nil, err
	}
	detections, err := rulesWith(opts.Data.detections())
	if err != nil {
		return nil, err
	}
	sensing, err := sensorConfig(opts.Data, log, detections)
	if err != nil {
		return nil, err
	}
	attributes, err := assetCatalogue()
	if err != nil {
		return nil, err
	}
	sensing.Follow = sensor.NewFollowed(sensing.Protocols)
	s.sensor = sensing
	s.bus = bus.New(s.db, log)
	s.audit = audit.New(s.db, signer, log)
	sealKey, err := sealing.LoadKey(opts.Data.sealKey())
	if err != nil {
		return nil, err
	}
	if s.auth, err = auth.New(ctx, s.db, auth.Config{SealKey: sealKey, Hosts: opts.Hosts, Log: log, Dial: s.dialOut}); err != nil {
		return nil, err
	}
	s.org = org.New(s.db, org.Announce(bus.Announcer("org")))
	s.assets = asset.New(s.db, attributes)
	if opts.Clock != nil {
		s.assets.UseClock(opts.Clock)
	}
	s.network = network.New(s.db, s.assets)
	s.assets.AskSources(s.network)
	if err := s.openListening(sealKey); err != nil {
		return nil, err
	}
	s.ingest = &ingest{db: s.db, assets: s.assets, network: s.network, listening: s.listening, plant: &plantTags{followed: sensing.Follow}, log: log}
	if err := s.db.View(ctx, func(r store.Reader) error { return s.ingest.plant.point(ctx, r) }); err != nil {
		return nil, err
	}
	if err := s.openDetect(ctx); err != nil {
		return nil, err
	}
	s.openBaseline()
	s.openConduits()
	s.openLogs()
	s.tellDetect()
	detections, err = s.withOwnRules(ctx, detections)
	if err != nil {
		return nil, err
	}
	if err := s.openEdges(bundle(detections), sealKey); err != nil {
		return nil, err
	}
	s.captures, err = network.NewCaptures(s.db, network.CaptureConfig{Dir: opts.Data.captures(), Quota: opts.CaptureQuota, Sensor: s.sensor, Apply: s.ingest.take, Log: log, Ring: s.ringPacket})
	if err != nil {
		return nil, err
	}
	catalogue, err := comply.ReadCatalogue(catalog.Files)
	if err != nil {
		return nil, err
	}
	if err := s.openRecords(catalogue); err != nil {
		return nil, err
	}
	if s.comply, err = comply.New(s.db, comply.Config{Catalogue: catalogue, Reads: classesOf(s.sensor.Protocols), Records: s.records, Clock: opts.Clock, Log: log}); err != nil {
		return nil, err
	}
	if err := s.comply.Adopt(ctx); err != nil {
		return nil, err
	}
	s.view = view.New(s.db)
	if err := s.openLanguages(catalogue); err != nil {
		return nil, err
	}
	s.openInbox()
	if err := s.openNotices(sealKey); err != nil {
		return nil, err
	}
	s.openCare()
	return s, s.openVuln()
}

func (s *server) close() error { return s.db.Close() }

// router is the door. visitor is who comes without a session: nobody on the
// network, the system on the socket in the data folder.
func (s *server) router(visitor *auth.Principal) *rest.Router {
	return api.New(rest.Config{DB: s.db, Auth: s.auth, Log: s.log, Version: Version, Hosts: s.opts.Hosts, Visitor: visitor, Say: s.say}, pages(),
		admin.New(admin.Config{DB: s.db, Auth: s.auth, Org: s.org, Audit: s.audit, Version: Version, Demo: s.opts.Demo, Overview: s.overview}),
		s.assets, s.network, s.captures, s.comply, s.view, s.notify, s.inbox, s.care, s.records, s.edges, s.digest, s.listening, s.vuln, s.baseline, s.conduits, s.performance, s.logs, s.detect, naming{s.opts.Data.join(recognisedFolder), &s.naming})
}

func pages() fs.FS {
	dist, err := fs.Sub(web.Dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded at build time
	}
	return dist
}

func (s *server) overview(ctx context.Context, scope auth.Scope) (map[int64]admin.Overview, error) {
	rows, err := s.view.Sites(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]admin.Overview, len(rows))
	for _, r := range rows {
		out[r.SiteNo] = admin.Overview{Assets: &r.Assets, HeardAt: r.HeardAt, Live: r.Live}
	}
	return out, nil
}

// work runs everything that goes on beside the requests, until ctx ends.
func (s *server) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.audit.Run(ctx) })
	g.Go(func() error { return s.captures.Run(ctx) })
	g.Go(func() error { return s.tellSignIns(ctx) })
	g.Go(func() error { return s.edges.Run(ctx) })
	g.Go(func() error { return s.comply.Run(ctx, s.bus) })
	g.Go(func() error { return s.ingest.follow(ctx, s.bus) })
	g.Go(func() error { return s.notify.Run(ctx, s.bus) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.inboxJobs()...) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.recordJobs()...) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.edgeJobs()...) })
	g.Go(func() error {
		return job.New(s.db, s.log).Run(ctx, s.cutJobs()...)
	})
	g.Go(func() error {
		return job.New(s.db, s.log).Run(ctx, s.careJobs()...)
	})
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.vulnJobs()...) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.baselineJobs()...) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.detectJobs()...) })
	g.Go(func() error { return s.logs.Run(ctx) })
	g.Go(func() error { return job.New(s.db, s.log).Run(ctx, s.logJobs()...) })
	return g.Wait()
}

// shutdownGrace is how long open requests may still take when the server is
// told to stop; an upload that is longer is begun again by the person.
const shutdownGrace = 5 * time.Second

// serveHTTP serves h on l until ctx ends, then lets open requests finish.
func serveHTTP(ctx context.Context, l listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := l.serve(srv)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	})
	g.Go(func() error {
		<-gctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if err := srv.Shutdown(late); err != nil {
			return srv.Close()
		}
		return nil
	})
	return g.Wait()
}
