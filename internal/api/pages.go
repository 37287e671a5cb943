package api

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Skanse</title>
<p>The interface is not in this binary; the API under /api/v1 works.</p>
<p>Build it with <code>make build</code> and start again.</p></html>
`

// Pages serves the built interface from dist. Every path that is not a file is
// the application's own: a deep link gets index.html. Files under assets/ carry
// a hash in their name and may be kept for ever; index.html is asked for anew.
func Pages(dist fs.FS) http.Handler {
	index, err := fs.ReadFile(dist, "index.html")
	if err != nil {
		index = []byte(notBuilt)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "This address only answers GET.", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		content, err := fs.ReadFile(dist, name)
		switch {
		case err == nil && name != "index.html":
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
			return
		case errors.Is(err, fs.ErrNotExist) && path.Ext(name) != "" && strings.HasPrefix(name, "assets/"):
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(index))
	})
}
