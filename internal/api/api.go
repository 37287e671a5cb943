// Package api puts the slices' routes and the interface behind one listener
// with one door. It holds no logic of its own.
package api

import (
	"context"
	"io/fs"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/skanse/skanse/internal/rest"
)

// Slice is a part of the program with routes.
type Slice interface {
	Routes(r *rest.Router)
}

// New mounts every slice on a router that serves the interface from dist beside them.
func New(cfg rest.Config, dist fs.FS, slices ...Slice) *rest.Router {
	cfg.Pages = Pages(dist)
	r := rest.New(cfg)
	health(r, cfg)
	for _, s := range slices {
		s.Routes(r)
	}
	return r
}

type healthOut struct {
	Body struct {
		Version string `json:"version"`
		Ready   bool   `json:"ready"`
	}
}

// health answers a watchdog: the server runs and reaches its database.
func health(r *rest.Router, cfg rest.Config) {
	rest.Register(r, rest.Op{ID: "health", Method: http.MethodGet, Path: "/healthz", Summary: "The server runs and reaches its database", Tag: "Session", Public: true},
		func(ctx context.Context, _ *struct{}) (*healthOut, error) {
			out := &healthOut{}
			out.Body.Version, out.Body.Ready = cfg.Version, true
			return out, cfg.DB.Ping(ctx)
		})
}

// Handler is the router with its answers compressed where the client can take it.
func Handler(r *rest.Router) http.Handler { return gzhttp.GzipHandler(r.Handler()) }
