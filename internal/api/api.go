// Package api puts the slices' routes and the interface behind one listener
// with one door. It holds no logic of its own.
package api

import (
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
	for _, s := range slices {
		s.Routes(r)
	}
	return r
}

// Handler is the router with its answers compressed where the client can take it.
func Handler(r *rest.Router) http.Handler { return gzhttp.GzipHandler(r.Handler()) }
